"""What is packed without gaps in a record: orders, cancels and replaces of a bulk, slots, prices of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tallystick.errors import BadInput
from tallystick.records.parsing import heads_of
from tallystick.state.layout import (
    ITEM_BYTES,
    ITEM_CANCEL,
    ITEM_CANCEL_BYTES,
    ITEM_PLACE,
    ITEM_REPLACE,
    ITEM_SIDE_SHIFT,
    ITEM_SLOT_BYTES,
    MAX_AMOUNT,
    MAX_MARKETS,
    MAX_PRICE_TICKS,
    REPORT_PAIR_BYTES,
)
from tallystick.state.ordinals import MarketId, SignedMarket

NO_MARKET: Final = SignedMarket(0)
"""What a cancel, which names none, has for one."""
BULKS_REMEMBERED: Final = 256
"""Bulks whose items are not looked for again: a door asks for their number, for slots and for client ids."""
MAX_ITEM_LOTS = (1 << 32) - 1
"""No market lets an order be larger: largest size x multiplier is at most 2^30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item: `what` is ITEM_PLACE, ITEM_CANCEL or ITEM_REPLACE; a cancel has a client id only.

    Shape: `market` as a signed record names it, market | series << SERIES_SHIFT.
    """

    what: int
    client_id: int
    market: SignedMarket = NO_MARKET
    side: int = 0
    flags: int = 0
    price_ticks: int = 0
    lots: int = 0

    @property
    def is_bare(self) -> bool:
        """Whether it places an order in a market that it names without a series."""
        return self.what != ITEM_CANCEL and self.market < MAX_MARKETS


def pack_items(items: list[Item]) -> bytes:
    """Return the bytes of items.

    Raises: BadInput when a number does not fit.
    """
    return b"".join(_pack(item) for item in items)


def unpack_items(data: bytes) -> list[Item]:
    """Return the items in `data` up to the first that is no item, which is where the machine stops too."""
    found: list[Item] = []
    at = 0
    for what, _ in item_heads(data):
        size = ITEM_CANCEL_BYTES if what == ITEM_CANCEL else ITEM_BYTES
        found.append(_unpack(what, data[at : at + size]))
        at += size
    return found


@lru_cache(maxsize=BULKS_REMEMBERED)
def item_heads(data: bytes) -> tuple[tuple[int, int], ...]:
    """Return (what, client id) of the items in `data` up to the first that is no item."""
    return heads_of(data)


def pack_slots(*slots: int) -> bytes:
    """Return where orders rest, as a bulk and a clean record have it."""
    return b"".join(slot.to_bytes(ITEM_SLOT_BYTES, "big") for slot in slots)


def pack_pairs(prices: Mapping[MarketId, int]) -> bytes:
    """Return prices in ticks by market as a report has them. Raises: BadInput when a number does not fit."""
    for market, ticks in prices.items():
        if not 0 <= market < MAX_MARKETS or not 0 <= ticks <= MAX_PRICE_TICKS:
            raise BadInput("a market or a price of a report is out of its range", market=market, price_ticks=ticks)
    return b"".join(bytes([market]) + ticks.to_bytes(3, "big") for market, ticks in prices.items())


def unpack_pairs(data: bytes) -> list[tuple[MarketId, int]]:
    """Return market and price of each pair of a report; none of bytes that are no pairs, which the machine refuses."""
    if len(data) % REPORT_PAIR_BYTES:
        return []
    pairs = (data[at : at + REPORT_PAIR_BYTES] for at in range(0, len(data), REPORT_PAIR_BYTES))
    return [(MarketId(pair[0]), int.from_bytes(pair[1:], "big")) for pair in pairs]


def _pack(item: Item) -> bytes:
    limits = (
        (item.what, ITEM_REPLACE),
        (item.client_id, MAX_AMOUNT),
        (item.market, (1 << 16) - 1),
        (item.side, 1),
        (item.flags, (1 << 16) - 1),
        (item.price_ticks, MAX_PRICE_TICKS),
        (item.lots, MAX_ITEM_LOTS),
    )
    if any(not 0 <= value <= limit for value, limit in limits):
        raise BadInput("a number of a bulk item is out of its range", item=str(item))
    client_id = item.client_id.to_bytes(8, "big")
    if item.what == ITEM_CANCEL:
        return bytes([ITEM_CANCEL]) + client_id
    head = bytes([item.what | item.side << ITEM_SIDE_SHIFT]) + int(item.market).to_bytes(2, "big")
    numbers = item.flags.to_bytes(2, "big") + item.price_ticks.to_bytes(3, "big") + item.lots.to_bytes(4, "big")
    return head + numbers + client_id


def _unpack(what: int, data: bytes) -> Item:
    client_id = int.from_bytes(data[-8:], "big")
    if what == ITEM_CANCEL:
        return Item(what=what, client_id=client_id)
    return Item(
        what=what,
        client_id=client_id,
        market=SignedMarket(int.from_bytes(data[1:3], "big")),
        side=data[0] >> ITEM_SIDE_SHIFT & 1,
        flags=int.from_bytes(data[3:5], "big"),
        price_ticks=int.from_bytes(data[5:8], "big"),
        lots=int.from_bytes(data[8:12], "big"),
    )


__all__ = [
    "ITEM_CANCEL",
    "ITEM_PLACE",
    "ITEM_REPLACE",
    "MAX_ITEM_LOTS",
    "Item",
    "item_heads",
    "pack_items",
    "unpack_items",
]
