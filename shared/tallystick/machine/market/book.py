"""The order book: three levels of occupancy words above a FIFO of pages at each price."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from tallystick.machine.bits import (
    NO_BIT,
    clear_bit,
    highest_bit,
    highest_bit_below,
    lowest_bit,
    lowest_bit_from,
    set_bit,
)
from tallystick.state.layout import (
    BITMAP_BITS,
    BUY,
    FLAG_TRIGGER_ABOVE,
    LEVEL_HEAD_PAGE,
    LEVEL_ORDERS,
    LEVEL_TAIL_PAGE,
    ORDER_FLAGS,
    ORDER_MARKET,
    ORDER_PRICE_TICKS,
    ORDER_SIDE,
    ORDER_TRIGGER_TICKS,
    ORDER_WORDS,
    PAGE_BITS,
    PAGE_NEXT_PAGE,
    SELL,
)
from tallystick.state.state import State

BITMAP_LIMBS: Final = 8
PAGE_LIMBS: Final = 2
NO_PAGE: Final[i64] = -1
"""What stands for a page that was not opened."""
NO_PRICE: Final[i64] = 0
"""What stands for the best price of an empty book side."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Path:
    """The way down to one price of one book side: cell indices and word offsets.

    Orders that wait for a trigger are parked in books of their own, by trigger: `park` makes it the way to one.
    """

    def __init__(self, market: i64, side: i64) -> None:
        self.market = market
        self.side = side
        self.parked: i64 = 0
        self.price: i64 = 0
        self.top: i64 = 0
        self.middle: i64 = 0
        self.low: i64 = 0
        self.level: i64 = 0


def bitmap_index(path: Path, height: i64) -> i64:
    """Return the index of the occupancy word over the price: 0 top, 1 middle, 2 low."""
    word = path.price >> (24 - 8 * height)
    return path.parked << 25 | path.market << 19 | path.side << 18 | height << 16 | word


def level_index(path: Path) -> i64:
    """Return the index of the price's level cell."""
    return path.parked << 31 | path.market << 25 | path.side << 24 | path.price


def park(path: Path, flags: i64) -> None:
    """Go to the parked orders instead: those that fire above their trigger lie lowest first, the others highest."""
    path.parked = 1
    path.side = SELL if flags & FLAG_TRIGGER_ABOVE else BUY


def open_best(state: State, path: Path) -> bool:
    """Open the occupancy words down to the side's best price; False when the side is empty.

    Best is the highest price of the buyers, the lowest of the sellers.
    """
    words = state.bitmaps.words
    path.price = 0
    path.top = state.bitmaps.open(bitmap_index(path, 0))
    bit = _best_bit(words, path.top, path.side)
    if bit == NO_BIT:
        return False
    path.price = bit << 16
    path.middle = state.bitmaps.open(bitmap_index(path, 1))
    path.price |= _best_bit(words, path.middle, path.side) << 8
    path.low = state.bitmaps.open(bitmap_index(path, 2))
    path.price |= _best_bit(words, path.low, path.side)
    return True


def open_next(state: State, path: Path) -> bool:
    """Open the occupancy words from the path's price to the side's next worse one; False when there is none.

    Those over the price first, the top last to be asked; then those on the way down to the next, where they differ.
    """
    words = state.bitmaps.words
    path.top = state.bitmaps.open(bitmap_index(path, 0))
    path.middle = state.bitmaps.open(bitmap_index(path, 1))
    path.low = state.bitmaps.open(bitmap_index(path, 2))
    bit = _worse_bit(words, path.low, path.side, path.price & 255)
    if bit != NO_BIT:
        path.price = path.price >> 8 << 8 | bit
        return True
    bit = _worse_bit(words, path.middle, path.side, path.price >> 8 & 255)
    if bit != NO_BIT:
        path.price = path.price >> 16 << 16 | bit << 8
    else:
        bit = _worse_bit(words, path.top, path.side, path.price >> 16)
        if bit == NO_BIT:
            return False
        path.price = bit << 16
        path.middle = state.bitmaps.open(bitmap_index(path, 1))
        path.price |= _best_bit(words, path.middle, path.side) << 8
    path.low = state.bitmaps.open(bitmap_index(path, 2))
    path.price |= _best_bit(words, path.low, path.side)
    return True


def best_price(state: State, market: i64, side: i64) -> i64:
    """Open a book side's occupancy words and return its best price, NO_PRICE when it is empty."""
    path = Path(market, side)
    return path.price if open_best(state, path) else NO_PRICE


def open_price(state: State, path: Path, price: i64) -> None:
    """Open the occupancy words and the level of a price, from the top down."""
    path.price = price
    path.top = state.bitmaps.open(bitmap_index(path, 0))
    path.middle = state.bitmaps.open(bitmap_index(path, 1))
    path.low = state.bitmaps.open(bitmap_index(path, 2))
    path.level = state.levels.open(level_index(path))


def open_order_path(state: State, order: i64) -> Path:
    """Open the way down to a resting order's price, or to a parked one's trigger. Shape: `order` is its word offset."""
    words = state.orders.words
    path = Path(words[order + ORDER_MARKET], words[order + ORDER_SIDE])
    trigger = words[order + ORDER_TRIGGER_TICKS]
    if trigger:
        park(path, words[order + ORDER_FLAGS])
    open_price(state, path, trigger or words[order + ORDER_PRICE_TICKS])
    return path


def open_tail_to_free(state: State, path: Path, page: i64) -> i64:
    """Open the level's tail page when removing its last order from `page` frees a chain; else NO_PAGE. Shape: `page` is its number."""
    words = state.levels.words
    tail = words[path.level + LEVEL_TAIL_PAGE]
    if words[path.level + LEVEL_ORDERS] != 1 or tail == page:
        return NO_PAGE
    return state.pages.open(tail)


def occupy(state: State, path: Path) -> None:
    """Set the occupancy bits down to the price."""
    words = state.bitmaps.words
    set_bit(words, path.top + BITMAP_BITS, BITMAP_LIMBS, path.price >> 16)
    set_bit(words, path.middle + BITMAP_BITS, BITMAP_LIMBS, path.price >> 8 & 255)
    set_bit(words, path.low + BITMAP_BITS, BITMAP_LIMBS, path.price & 255)
    height: i64
    for height in range(3):
        state.bitmaps.mark(bitmap_index(path, height))


def vacate(state: State, path: Path) -> None:
    """Clear the price's occupancy bit, and those above words that became empty."""
    words = state.bitmaps.words
    clear_bit(words, path.low + BITMAP_BITS, BITMAP_LIMBS, path.price & 255)
    state.bitmaps.mark(bitmap_index(path, 2))
    if lowest_bit(words, path.low + BITMAP_BITS, BITMAP_LIMBS) != NO_BIT:
        return
    clear_bit(words, path.middle + BITMAP_BITS, BITMAP_LIMBS, path.price >> 8 & 255)
    state.bitmaps.mark(bitmap_index(path, 1))
    if lowest_bit(words, path.middle + BITMAP_BITS, BITMAP_LIMBS) != NO_BIT:
        return
    clear_bit(words, path.top + BITMAP_BITS, BITMAP_LIMBS, path.price >> 16)
    state.bitmaps.mark(bitmap_index(path, 0))


def drop_head(state: State, path: Path, page_base: i64) -> None:
    """Give the level's empty head page, which is not its tail, to the free list."""
    registers = state.registers
    levels = state.levels.words
    pages = state.pages.words
    head = levels[path.level + LEVEL_HEAD_PAGE]
    levels[path.level + LEVEL_HEAD_PAGE] = pages[page_base + PAGE_NEXT_PAGE]
    pages[page_base + PAGE_NEXT_PAGE] = registers.free_page
    registers.free_page = head
    state.levels.mark(level_index(path))
    state.pages.mark(head)


def remove_order(state: State, path: Path, slot: i64, order: i64, page_base: i64, tail_base: i64) -> None:
    """Take an order out of the book.

    Shape: `slot` is the order's cell index, `order`, `page_base` and `tail_base` word offsets; `tail_base` is what
    `open_tail_to_free` returned.
    """
    page = slot >> 6
    levels = state.levels.words
    pages = state.pages.words
    clear_bit(pages, page_base + PAGE_BITS, PAGE_LIMBS, slot & 63)
    levels[path.level + LEVEL_ORDERS] -= 1
    clear_order(state, order)
    state.orders.mark(slot)
    state.pages.mark(page)
    state.levels.mark(level_index(path))
    if levels[path.level + LEVEL_ORDERS] == 0:
        last = page_base if tail_base == NO_PAGE else tail_base
        pages[last + PAGE_NEXT_PAGE] = state.registers.free_page
        state.pages.mark(levels[path.level + LEVEL_TAIL_PAGE])
        state.registers.free_page = levels[path.level + LEVEL_HEAD_PAGE]
        levels[path.level + LEVEL_HEAD_PAGE] = 0
        levels[path.level + LEVEL_TAIL_PAGE] = 0
        vacate(state, path)
    elif (
        levels[path.level + LEVEL_HEAD_PAGE] == page
        and levels[path.level + LEVEL_TAIL_PAGE] != page
        and lowest_bit(pages, page_base + PAGE_BITS, PAGE_LIMBS) == NO_BIT
    ):
        drop_head(state, path, page_base)


def clear_order(state: State, order: i64) -> None:
    """Zero an order's cell."""
    words = state.orders.words
    word: i64
    for word in range(ORDER_WORDS):
        words[order + word] = 0


def _best_bit(words: vec[i64], base: i64, side: i64) -> i64:
    """Return the best price's bit of a word, NO_BIT when there is none."""
    if side == BUY:
        return highest_bit(words, base + BITMAP_BITS, BITMAP_LIMBS)
    return lowest_bit(words, base + BITMAP_BITS, BITMAP_LIMBS)


def _worse_bit(words: vec[i64], base: i64, side: i64, bit: i64) -> i64:
    """Return the next worse price's bit of a word, NO_BIT when there is none."""
    if side == BUY:
        return highest_bit_below(words, base + BITMAP_BITS, BITMAP_LIMBS, bit)
    return lowest_bit_from(words, base + BITMAP_BITS, BITMAP_LIMBS, bit + 1)
