"""The same exchange and the same seeded orders for every contender."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.drive import NO_QUOTE
from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, MESSAGE_DEPOSIT, SELL
from tallystick.testing.world import World, address, message

MULTIPLIER: Final = 10
INITIAL_PPM: Final = 50_000
MAINTENANCE_PPM: Final = 25_000
TAKER_FEE_PPM: Final = 500
MAKER_FEE_PPM: Final = 100
MAX_LOTS: Final = 10_000_000
PRICE: Final = 10_000
"""Ticks: the mark of every market, around which the seeded orders lie."""
CASH: Final = 10**10
"""Units of each account."""
SPREAD: Final = 20


FIRST_ACCOUNT: Final = 1
"""Accounts are numbered from here: 0 is the treasury's, for which nobody signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A limit order of the workload. `quote` numbers the standing quote it replaces, -1 for none."""

    account: int
    market: int
    side: int
    price_ticks: int
    lots: int
    flags: int = 0
    quote: int = NO_QUOTE


def open_exchange(markets: int, accounts: int, price: int = PRICE, cash: int = CASH, **rules: int) -> World:
    """Return an exchange with live markets 0, 1, ... and so many funded accounts, all of one owner.

    Shape: `rules` are those that are other than the workload's.
    """
    world = World()
    ordinary = {
        "multiplier": MULTIPLIER,
        "initial_ppm": INITIAL_PPM,
        "maintenance_ppm": MAINTENANCE_PPM,
        "taker_fee_ppm": TAKER_FEE_PPM,
        "maker_fee_ppm": MAKER_FEE_PPM,
        "max_lots": MAX_LOTS,
    }
    for market in range(markets):
        world.list_market(market, **{**ordinary, **rules})
    world.clock()
    owner = address("trader")
    for account in range(FIRST_ACCOUNT, FIRST_ACCOUNT + accounts):
        world.owners[account] = "trader"
        world.published.messages.append(message(MESSAGE_DEPOSIT, owner, account, cash))
    world.consume()
    for market in range(markets):
        outcome = world.report(market, price)
        if outcome is not Outcome.ACCEPTED:
            raise AssertionError(f"market {market} did not open: {outcome.name}")
    world.events.clear()
    world.machine.events = None
    return world


def seeded_orders(*, seed: int, count: int, markets: int, accounts: int) -> list[Order]:
    """Return limit orders on both sides of one price: about half of them meet another."""
    chance = random.Random(seed)
    return [
        Order(
            account=FIRST_ACCOUNT + chance.randrange(accounts),
            market=chance.randrange(markets),
            side=chance.choice((BUY, SELL)),
            price_ticks=round(chance.gauss(PRICE, SPREAD)),
            lots=chance.randint(1, 10),
        )
        for _ in range(count)
    ]


def packed(orders: list[Order]) -> vec[i64]:
    """Return orders as `drive` takes them; an order's number is its client id."""
    words: list[int] = []
    for number, order in enumerate(orders):
        words += (order.account, order.market, order.side, order.flags)
        words += (order.price_ticks, order.lots, number, order.quote)
    return vec[i64](words)
