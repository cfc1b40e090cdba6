"""Copies of what channels tell, kept up message by message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from tallystick.errors import DataMismatch
from tallystick.shapes.accounts import AccountFill, Order
from tallystick.shapes.market_data import Level, Trade
from tallystick.shapes.streaming import checksum_of
from tallystick.state.layout import BUY, SELL

NEWEST: Final = 1_000
"""Trades, fills and events that a copy keeps."""


class Copy(Protocol):
    """What is known of one channel."""

    def take(self, data: Any, *, snapshot: bool) -> None:
        """Take in a message. Raises: DataMismatch when the copy cannot be right behind it."""
        ...


class BookCopy:
    """A book: by price its lots and how many orders they are in."""

    def __init__(self) -> None:
        self.series = 0
        self.bids: dict[int, tuple[int, int]] = {}
        self.asks: dict[int, tuple[int, int]] = {}
        self._checksum = 0

    def take(self, data: Any, *, snapshot: bool) -> None:
        """Take in prices, and compare the checksum of all. Raises: DataMismatch."""
        if snapshot:
            self.bids.clear()
            self.asks.clear()
            self._checksum = 0
        self.series = data.series
        for side, prices in ((BUY, data.bids), (SELL, data.asks)):
            for each in prices:
                self._set(side, each)
        if self._checksum % (1 << 32) != data.checksum:
            raise DataMismatch("the copy of a book is not the book", expected=data.checksum, actual=self._checksum)

    def best(self, side: int, depth: int = 20) -> list[Level]:
        """Return the best prices of a side, as the view of a book tells them."""
        known = self.bids if side == BUY else self.asks
        prices = sorted(known, reverse=side == BUY)[:depth]
        return [Level(price_ticks=price, lots=known[price][0], orders=known[price][1]) for price in prices]

    def _set(self, side: int, level: Level) -> None:
        known = self.bids if side == BUY else self.asks
        before = known.pop(level.price_ticks, None)
        if before is not None:
            self._checksum -= checksum_of(side, level.price_ticks, *before)
        if level.lots:
            known[level.price_ticks] = (level.lots, level.orders)
            self._checksum += checksum_of(side, level.price_ticks, level.lots, level.orders)


class OrdersCopy:
    """An account's resting orders, by slot."""

    def __init__(self) -> None:
        self.by_slot: dict[int, Order] = {}

    def take(self, data: Any, *, snapshot: bool) -> None:
        """Take in orders as they are, and which are gone."""
        if snapshot:
            self.by_slot.clear()
        for slot in data.gone:
            self.by_slot.pop(slot, None)
        for order in data.orders:
            self.by_slot[order.slot] = order


class ValueCopy:
    """What is told whole each time: a market, an account, the clock."""

    def __init__(self) -> None:
        self.value: Any = None

    def take(self, data: Any, *, snapshot: bool) -> None:
        """Take it in."""
        self.value = data


class TradesCopy:
    """A market's newest fills, newest first."""

    def __init__(self) -> None:
        self.newest: list[Trade] = []

    def take(self, data: Any, *, snapshot: bool) -> None:
        """Take in fills."""
        self.newest = (data.trades + ([] if snapshot else self.newest))[:NEWEST]


class FillsCopy:
    """An account's newest fills, newest first."""

    def __init__(self) -> None:
        self.newest: list[AccountFill] = []

    def take(self, data: Any, *, snapshot: bool) -> None:
        """Take in fills."""
        self.newest = (data.fills + ([] if snapshot else self.newest))[:NEWEST]


class EventsCopy:
    """Events, the newest last, and the number up to which there are no others."""

    def __init__(self) -> None:
        self.newest: list[Any] = []
        self.next = 0

    def take(self, data: Any, *, snapshot: bool) -> None:
        """Take in events; a snapshot begins anew, behind its number."""
        self.newest = data.events if snapshot else (self.newest + data.events)[-NEWEST:]
        self.next = data.next


COPIES: Final[Mapping[str, Callable[[], Copy]]] = MappingProxyType(
    {
        "book": BookCopy,
        "trades": TradesCopy,
        "market": ValueCopy,
        "clock": ValueCopy,
        "feed": EventsCopy,
        "orders": OrdersCopy,
        "fills": FillsCopy,
        "account": ValueCopy,
        "events": EventsCopy,
    }
)
