"""The order book as it is shown: prices, and what rests at them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from tallystick.shapes.market_data import Level
from tallystick.state.cells import (
    bitmap_bits,
    level_head_page,
    market_status,
    order_remaining_lots,
    page_bits,
    page_next_page,
)
from tallystick.state.layout import BITMAP_WORDS, BOOKS, BUY, MARKET_SETTLED, PAGE_SLOTS
from tallystick.state.ordinals import MarketId
from tallystick.state.state import State
from tallystick_operator.sequencer.sweeping import order_is_dead


def prices(state: State, number: MarketId, side: int) -> Iterator[int]:
    """Yield the prices of a book side at which an order rests, best first."""
    for high in _bits(state, number, side, 0, 0):
        for middle in _bits(state, number, side, 1, high):
            for low in _bits(state, number, side, 2, high << 8 | middle):
                yield high << 16 | middle << 8 | low


def _bits(state: State, number: MarketId, side: int, height: int, word: int) -> Iterator[int]:
    base = state.bitmaps.find(side << 24 | number << 18 | height << 16 | word)
    if base is None:
        return
    bits = 0
    for limb in range(BITMAP_WORDS):
        bits = bits << 32 | state.bitmaps.words[bitmap_bits(base) + limb]
    while bits:
        bit = bits.bit_length() - 1 if side == BUY else (bits & -bits).bit_length() - 1
        yield bit
        bits ^= 1 << bit


def levels(state: State, number: MarketId, side: int, depth: int) -> list[Level]:
    """Return the best `depth` prices of a book side that hold a living order."""
    found: list[Level] = []
    for price in prices(state, number, side):
        if len(found) == depth:
            break
        lots = [remaining for remaining in _living(state, side << 30 | number << 24 | price) if remaining]
        if lots:
            found.append(Level(price_ticks=price, lots=sum(lots), orders=len(lots)))
    return found


def dead_near_best(state: State, number: MarketId, side: int, most: int) -> list[int]:
    """Return the slots of dead orders among the first `most` of a book side, from the best price on."""
    looked = 0
    found: list[int] = []
    for price in prices(state, number, side):
        for slot in _slots(state, side << 30 | number << 24 | price):
            if looked == most:
                return found
            looked += 1
            if order_is_dead(state, slot):
                found.append(slot)
    return found


def left_behind(state: State, number: MarketId, most: int) -> list[int]:
    """Return the slots of the first `most` orders in a settled market's books, parked ones too; of a market that is not settled none."""
    market = state.markets.find(number)
    if market is None or market_status(state.markets.words, market) != MARKET_SETTLED:
        return []
    slots = (
        slot
        for book in range(BOOKS)
        for price in prices(state, number, book)
        for slot in _slots(state, book << 30 | number << 24 | price)
    )
    return list(islice(slots, most))


def _living(state: State, level: int) -> Iterator[int]:
    """Yield the sizes of the living orders at a price, oldest first."""
    for slot in _slots(state, level):
        if order_is_dead(state, slot):
            yield 0
        else:
            yield int(order_remaining_lots(state.orders.words, state.orders.known(slot)))


def _slots(state: State, level: int) -> Iterator[int]:
    """Yield the slots of the orders at a price, oldest first, dead ones too."""
    base = state.levels.known(level)
    page = level_head_page(state.levels.words, base)
    pages = state.pages.words
    while page:
        row = state.pages.known(page)
        bits = pages[page_bits(row)] << 32 | pages[page_bits(row) + 1]
        for position in range(PAGE_SLOTS):
            if bits >> position & 1:
                yield page << 6 | position
        page = page_next_page(pages, row)
