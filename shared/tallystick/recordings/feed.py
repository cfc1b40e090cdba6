"""Turns recorded depth and trades into the orders of many accounts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from tallystick.bench.workload import FIRST_ACCOUNT, Order
from tallystick.demo.flow import Intent, Quote, recorded_flow
from tallystick.state.layout import FLAG_IOC

MAKERS: Final = 16
"""Accounts of a market and side that take turns in quoting, each with one standing quote."""


def tape(path: Path, most: int) -> list[Intent]:
    """Return the first intents of a recording.

    Raises: BadInput naming the line that is no such data.
    """
    return list(islice(recorded_flow(path, 0), most))


def orders(intents: list[Intent], markets: int, accounts: int) -> Iterator[Order]:
    """Yield each intent once for every market, by accounts that take turns.

    A quote is a limit order that replaces its account's last quote on that side; a take is immediate-or-cancel. Makers
    are the first accounts, takers all others in turn.
    """
    makers = min(MAKERS, max(1, accounts // (4 * markets)))
    first_taker = 2 * markets * makers
    takers = accounts - first_taker
    turns = [0] * (2 * markets)
    takes = 0
    for intent in intents:
        for market in range(markets):
            if isinstance(intent, Quote):
                book = 2 * market + intent.side
                quote = book * makers + turns[book] % makers
                turns[book] += 1
                yield _order(intent, market, account=FIRST_ACCOUNT + quote, flags=0, quote=quote)
            else:
                account = FIRST_ACCOUNT + first_taker + takes % takers
                takes += 1
                yield _order(intent, market, account=account, flags=FLAG_IOC, quote=-1)


def _order(intent: Intent, market: int, *, account: int, flags: int, quote: int) -> Order:
    return Order(
        account=account,
        market=market,
        side=intent.side,
        price_ticks=intent.price_ticks,
        lots=intent.lots,
        flags=flags,
        quote=quote,
    )
