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
from tallystick.state.cells import (
    Bitmap,
    Level,
    Order,
    Page,
    bitmap_bits,
    level_head_page,
    level_orders,
    level_tail_page,
    order_flags,
    order_market,
    order_price_ticks,
    order_side,
    order_trigger_ticks,
    page_bits,
    page_next_page,
    set_level_head_page,
    set_level_orders,
    set_level_tail_page,
    set_page_next_page,
)
from tallystick.state.layout import BUY, FLAG_TRIGGER_ABOVE, ORDER_WORDS, SELL
from tallystick.state.state import State

BITMAP_LIMBS: Final = 8
PAGE_LIMBS: Final = 2
NO_PAGE: Final = Page(-1)
"""What stands for a page that was not opened."""
NO_PRICE: Final[i64] = 0
"""What stands for the best price of an empty book side."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Path:
    """The way down to one price of one book side: cell indices and handles.

    Orders that wait for a trigger are parked in books of their own, by trigger: `park` makes it the way to one.
    """

    def __init__(self, market: i64, side: i64) -> None:
        self.market = market
        self.side = side
        self.parked: i64 = 0
        self.price: i64 = 0
        self.top = Bitmap(0)
        self.middle = Bitmap(0)
        self.low = Bitmap(0)
        self.level = Level(0)


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


def open_order_path(state: State, order: Order) -> Path:
    """Open the way down to a resting order's price, or to a parked one's trigger."""
    words = state.orders.words
    path = Path(order_market(words, order), order_side(words, order))
    trigger = order_trigger_ticks(words, order)
    if trigger:
        park(path, order_flags(words, order))
    open_price(state, path, trigger or order_price_ticks(words, order))
    return path


def open_tail_to_free(state: State, path: Path, page: i64) -> Page:
    """Open the level's tail page when removing its last order from `page` frees a chain; else NO_PAGE. Shape: `page` is its number."""
    words = state.levels.words
    tail = level_tail_page(words, path.level)
    if level_orders(words, path.level) != 1 or tail == page:
        return NO_PAGE
    return state.pages.open(tail)


def occupy(state: State, path: Path) -> None:
    """Set the occupancy bits down to the price."""
    words = state.bitmaps.words
    set_bit(words, bitmap_bits(path.top), BITMAP_LIMBS, path.price >> 16)
    set_bit(words, bitmap_bits(path.middle), BITMAP_LIMBS, path.price >> 8 & 255)
    set_bit(words, bitmap_bits(path.low), BITMAP_LIMBS, path.price & 255)
    height: i64
    for height in range(3):
        state.bitmaps.mark(bitmap_index(path, height))


def vacate(state: State, path: Path) -> None:
    """Clear the price's occupancy bit, and those above words that became empty."""
    words = state.bitmaps.words
    clear_bit(words, bitmap_bits(path.low), BITMAP_LIMBS, path.price & 255)
    state.bitmaps.mark(bitmap_index(path, 2))
    if lowest_bit(words, bitmap_bits(path.low), BITMAP_LIMBS) != NO_BIT:
        return
    clear_bit(words, bitmap_bits(path.middle), BITMAP_LIMBS, path.price >> 8 & 255)
    state.bitmaps.mark(bitmap_index(path, 1))
    if lowest_bit(words, bitmap_bits(path.middle), BITMAP_LIMBS) != NO_BIT:
        return
    clear_bit(words, bitmap_bits(path.top), BITMAP_LIMBS, path.price >> 16)
    state.bitmaps.mark(bitmap_index(path, 0))


def drop_head(state: State, path: Path, page_base: Page) -> None:
    """Give the level's empty head page, which is not its tail, to the free list."""
    registers = state.registers
    levels = state.levels.words
    pages = state.pages.words
    head = level_head_page(levels, path.level)
    set_level_head_page(levels, path.level, page_next_page(pages, page_base))
    set_page_next_page(pages, page_base, registers.free_page)
    registers.free_page = head
    state.levels.mark(level_index(path))
    state.pages.mark(head)


def remove_order(state: State, path: Path, slot: i64, order: Order, page_base: Page, tail_base: Page) -> None:
    """Take an order out of the book.

    Shape: `slot` is the order's cell index, `tail_base` what `open_tail_to_free` returned.
    """
    page = slot >> 6
    levels = state.levels.words
    pages = state.pages.words
    clear_bit(pages, page_bits(page_base), PAGE_LIMBS, slot & 63)
    set_level_orders(levels, path.level, level_orders(levels, path.level) - 1)
    clear_order(state, order)
    state.orders.mark(slot)
    state.pages.mark(page)
    state.levels.mark(level_index(path))
    if level_orders(levels, path.level) == 0:
        last = page_base if tail_base == NO_PAGE else tail_base
        set_page_next_page(pages, last, state.registers.free_page)
        state.pages.mark(level_tail_page(levels, path.level))
        state.registers.free_page = level_head_page(levels, path.level)
        set_level_head_page(levels, path.level, 0)
        set_level_tail_page(levels, path.level, 0)
        vacate(state, path)
    elif (
        level_head_page(levels, path.level) == page
        and level_tail_page(levels, path.level) != page
        and lowest_bit(pages, page_bits(page_base), PAGE_LIMBS) == NO_BIT
    ):
        drop_head(state, path, page_base)


def clear_order(state: State, order: i64) -> None:
    """Zero an order's cell."""
    words = state.orders.words
    word: i64
    for word in range(ORDER_WORDS):
        words[order + word] = 0


def _best_bit(words: vec[i64], base: Bitmap, side: i64) -> i64:
    """Return the best price's bit of a word, NO_BIT when there is none."""
    if side == BUY:
        return highest_bit(words, bitmap_bits(base), BITMAP_LIMBS)
    return lowest_bit(words, bitmap_bits(base), BITMAP_LIMBS)


def _worse_bit(words: vec[i64], base: Bitmap, side: i64, bit: i64) -> i64:
    """Return the next worse price's bit of a word, NO_BIT when there is none."""
    if side == BUY:
        return highest_bit_below(words, bitmap_bits(base), BITMAP_LIMBS, bit)
    return lowest_bit_from(words, bitmap_bits(base), BITMAP_LIMBS, bit + 1)
