"""Order flow for the demo: made from recorded venue data, or from a seeded generator."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from tallystick.errors import BadInput
from tallystick.state.layout import BUY, MAX_PRICE_TICKS, SELL

TICK: Final = Decimal("0.1")
LOT: Final = Decimal("0.001")
MAX_FLOW_LOTS: Final = 2_000
"""Largest order of the flow: the recorded venue is deeper than the demo's accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A maker wants this to be its only order on this side. Units: ticks, lots."""

    market: int
    side: int
    price_ticks: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A taker sends an immediate-or-cancel order. Units: ticks, lots."""

    market: int
    side: int
    price_ticks: int
    lots: int


Intent = Quote | Take


def recorded_flow(path: Path, market: int) -> Iterator[Intent]:
    """Yield quotes and takes from Binance USD-M futures lines (`receive-time-ns {json}`), plain or gzipped.

    A change of the best bid or ask becomes a quote, a trade becomes a take of its size that may reach 10 ticks
    further. Lines of other streams are passed over.

    Raises: BadInput naming the line that is no such data.
    """
    best: dict[int, tuple[int, int]] = {}
    found = False
    for number, line in enumerate(_lines(path), start=1):
        try:
            event = _payload(line)
            kind = event.get("e")
            if kind == "bookTicker":
                for side, price, size in ((BUY, event["b"], event["B"]), (SELL, event["a"], event["A"])):
                    level = _ticks(price), _lots(size)
                    if best.get(side) != level:
                        best[side] = level
                        found = True
                        yield Quote(market=market, side=side, price_ticks=level[0], lots=level[1])
            elif kind == "trade":
                side = SELL if event["m"] else BUY
                reach = _ticks(event["p"]) + (10 if side == BUY else -10)
                found = True
                yield Take(market=market, side=side, price_ticks=max(reach, 1), lots=_lots(event["q"]))
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            raise BadInput(
                f"{path}, line {number}: not a Binance USD-M market data line ({error})",
                hint="each line is a receive time in nanoseconds, a space, and the venue's JSON",
            ) from error
    if not found:
        raise BadInput(f"{path} holds no bookTicker or trade lines")


def generated_flow(seed: int, market: int, start_ticks: int) -> Iterator[Intent]:
    """Yield endless quotes and takes around a random walk; the same seed gives the same flow."""
    chance = random.Random(f"{seed}/{market}")
    middle = start_ticks
    while True:
        middle = max(100, middle + chance.randint(-6, 6))
        spread = chance.randint(1, 4)
        if chance.random() < 0.7:
            side = chance.choice((BUY, SELL))
            price = middle - spread if side == BUY else middle + spread
            yield Quote(market=market, side=side, price_ticks=price, lots=chance.randint(5, 400))
        else:
            side = chance.choice((BUY, SELL))
            price = middle + 12 if side == BUY else middle - 12
            yield Take(market=market, side=side, price_ticks=price, lots=chance.randint(1, 250))


def interleave(first: Iterator[Intent], second: Iterator[Intent], every: int) -> Iterator[Intent]:
    """Yield `first`, with one of `second` after each `every` of it, until `first` ends."""
    for number, intent in enumerate(first, start=1):
        yield intent
        if number % every == 0:
            yield next(second)


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise BadInput(f"there is no file {path}", hint="give --flow a recording, or leave it out for generated flow")
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            yield from lines
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _payload(line: str) -> dict[str, str | bool]:
    _, _, text = line.partition(" ")
    event = json.loads(text)
    payload: dict[str, str | bool] = event.get("data", event)
    return payload


def _ticks(price: str | bool) -> int:
    ticks = int(Decimal(str(price)) / TICK)
    if not 0 < ticks <= MAX_PRICE_TICKS:
        raise ValueError(f"price {price} is not between 0 and {MAX_PRICE_TICKS * TICK}")
    return ticks


def _lots(size: str | bool) -> int:
    return max(1, min(MAX_FLOW_LOTS, int(Decimal(str(size)) / LOT)))


def prices_in(intents: Sequence[Intent], market: int) -> list[int]:
    """Return the prices of those who want to trade in a market. Units: ticks."""
    return [intent.price_ticks for intent in intents if intent.market == market]
