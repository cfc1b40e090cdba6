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
    Account,
    Bitmap,
    Level,
    Order,
    Page,
    account_orders,
    bitmap_bits,
    level_head_page,
    level_lots,
    level_orders,
    level_tail_page,
    order_account,
    order_flags,
    order_market,
    order_price_ticks,
    order_remaining_lots,
    order_side,
    order_trigger_ticks,
    page_bits,
    page_next_page,
    set_account_orders,
    set_level_head_page,
    set_level_lots,
    set_level_orders,
    set_level_tail_page,
    set_page_next_page,
)
from tallystick.state.layout import BOOK_ABOVE, BOOK_PARKED, BOOKS, FLAG_TRIGGER_ABOVE, ORDER_WORDS, SELL
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import Lots
from tallystick.state.state import State

BITMAP_LIMBS: Final = 8
PAGE_LIMBS: Final = 2
NO_PAGE: Final = Page(-1)
"""What stands for a page that was not opened."""
NO_PRICE: Final[i64] = 0
"""What stands for the best price of an empty book side."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Path:
    """The way down to one price of one book: cell indices and handles.

    A side's own book has its number. Orders that wait for a trigger are parked in books beside it, by trigger: `park`
    makes it the way to one.
    """

    def __init__(self, market: MarketId, book: i64) -> None:
        self.market = market
        self.book = book
        self.price_ticks: i64 = 0
        self.top = Bitmap(0)
        self.middle = Bitmap(0)
        self.low = Bitmap(0)
        self.level = Level(0)


def bitmap_index(path: Path, height: i64) -> i64:
    """Return the index of the occupancy word over the price: 0 top, 1 middle, 2 low."""
    word = path.price_ticks >> (24 - 8 * height)
    return path.book << 24 | path.market << 18 | height << 16 | word


def level_index(path: Path) -> i64:
    """Return the index of the price's level cell."""
    return path.book << 30 | path.market << 24 | path.price_ticks


def park(path: Path, flags: i64) -> None:
    """Go to the side's parked orders instead, to those that fire above their trigger or to those that fire below."""
    path.book |= BOOK_PARKED | BOOK_ABOVE if flags & FLAG_TRIGGER_ABOVE else BOOK_PARKED


def nothing_rests(state: State, market: MarketId) -> bool:
    """Whether no book of a market holds an order, dead or alive; opens the top occupancy word of each."""
    empty = True
    book: i64
    for book in range(BOOKS):
        if book > SELL and book < BOOK_PARKED:
            continue
        top = state.bitmaps.open(bitmap_index(Path(market, book), 0))
        empty = empty and lowest_bit(state.bitmaps.words, bitmap_bits(top), BITMAP_LIMBS) == NO_BIT
    return empty


def open_best(state: State, path: Path) -> bool:
    """Open the occupancy words down to the book's best price; False when it is empty.

    Best is the highest price of the buyers, the lowest of the sellers, and of parked orders the trigger nearest to the
    mark.
    """
    words = state.bitmaps.words
    path.price_ticks = 0
    path.top = state.bitmaps.open(bitmap_index(path, 0))
    bit = _best_bit(words, path.top, path.book)
    if bit == NO_BIT:
        return False
    path.price_ticks = bit << 16
    path.middle = state.bitmaps.open(bitmap_index(path, 1))
    path.price_ticks |= _best_bit(words, path.middle, path.book) << 8
    path.low = state.bitmaps.open(bitmap_index(path, 2))
    path.price_ticks |= _best_bit(words, path.low, path.book)
    return True


def open_next(state: State, path: Path) -> bool:
    """Open the occupancy words from the path's price to the book's next worse one; False when there is none.

    Those over the price first, the top last to be asked; then those on the way down to the next, where they differ.
    """
    words = state.bitmaps.words
    path.top = state.bitmaps.open(bitmap_index(path, 0))
    path.middle = state.bitmaps.open(bitmap_index(path, 1))
    path.low = state.bitmaps.open(bitmap_index(path, 2))
    bit = _worse_bit(words, path.low, path.book, path.price_ticks & 255)
    if bit != NO_BIT:
        path.price_ticks = path.price_ticks >> 8 << 8 | bit
        return True
    bit = _worse_bit(words, path.middle, path.book, path.price_ticks >> 8 & 255)
    if bit != NO_BIT:
        path.price_ticks = path.price_ticks >> 16 << 16 | bit << 8
    else:
        bit = _worse_bit(words, path.top, path.book, path.price_ticks >> 16)
        if bit == NO_BIT:
            return False
        path.price_ticks = bit << 16
        path.middle = state.bitmaps.open(bitmap_index(path, 1))
        path.price_ticks |= _best_bit(words, path.middle, path.book) << 8
    path.low = state.bitmaps.open(bitmap_index(path, 2))
    path.price_ticks |= _best_bit(words, path.low, path.book)
    return True


def open_price(state: State, path: Path, price_ticks: i64) -> None:
    """Open the occupancy words and the level of a price, from the top down."""
    path.price_ticks = price_ticks
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
    set_bit(words, bitmap_bits(path.top), BITMAP_LIMBS, path.price_ticks >> 16)
    set_bit(words, bitmap_bits(path.middle), BITMAP_LIMBS, path.price_ticks >> 8 & 255)
    set_bit(words, bitmap_bits(path.low), BITMAP_LIMBS, path.price_ticks & 255)
    height: i64
    for height in range(3):
        state.bitmaps.mark(bitmap_index(path, height))


def vacate(state: State, path: Path) -> None:
    """Clear the price's occupancy bit, and those above words that became empty."""
    words = state.bitmaps.words
    clear_bit(words, bitmap_bits(path.low), BITMAP_LIMBS, path.price_ticks & 255)
    state.bitmaps.mark(bitmap_index(path, 2))
    if lowest_bit(words, bitmap_bits(path.low), BITMAP_LIMBS) != NO_BIT:
        return
    clear_bit(words, bitmap_bits(path.middle), BITMAP_LIMBS, path.price_ticks >> 8 & 255)
    state.bitmaps.mark(bitmap_index(path, 1))
    if lowest_bit(words, bitmap_bits(path.middle), BITMAP_LIMBS) != NO_BIT:
        return
    clear_bit(words, bitmap_bits(path.top), BITMAP_LIMBS, path.price_ticks >> 16)
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


def add_lots(state: State, path: Path, lots: Lots) -> None:
    """Count lots that come to rest at a price. Of what is parked none are counted. Units: lots."""
    if path.book < BOOK_PARKED:
        set_level_lots(state.levels.words, path.level, Lots(level_lots(state.levels.words, path.level) + lots))
        state.levels.mark(level_index(path))


def take_lots(state: State, path: Path, lots: Lots) -> None:
    """Count lots off that rest at a price no more, whatever became of them. Units: lots."""
    if path.book < BOOK_PARKED:
        set_level_lots(state.levels.words, path.level, Lots(level_lots(state.levels.words, path.level) - lots))
        state.levels.mark(level_index(path))


def remove_order(
    state: State, path: Path, slot: i64, order: Order, owner: Account, page_base: Page, tail_base: Page
) -> None:
    """Take an order out of the book, and off the count of its account's and of all.

    Shape: `slot` is the order's cell index, `tail_base` what `open_tail_to_free` returned.
    """
    state.registers.orders_total -= 1
    set_account_orders(state.accounts.words, owner, account_orders(state.accounts.words, owner) - 1)
    state.accounts.mark(order_account(state.orders.words, order))
    page = slot >> 6
    levels = state.levels.words
    pages = state.pages.words
    clear_bit(pages, page_bits(page_base), PAGE_LIMBS, slot & 63)
    set_level_orders(levels, path.level, level_orders(levels, path.level) - 1)
    take_lots(state, path, order_remaining_lots(state.orders.words, order))
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


def _rises(book: i64) -> bool:
    """Whether a book's best price is its lowest: that of those who sell, and those that fire above their trigger."""
    return book == SELL or book & BOOK_ABOVE != 0


def _best_bit(words: vec[i64], base: Bitmap, book: i64) -> i64:
    """Return the best price's bit of a word, NO_BIT when there is none."""
    if _rises(book):
        return lowest_bit(words, bitmap_bits(base), BITMAP_LIMBS)
    return highest_bit(words, bitmap_bits(base), BITMAP_LIMBS)


def _worse_bit(words: vec[i64], base: Bitmap, book: i64, bit: i64) -> i64:
    """Return the next worse price's bit of a word, NO_BIT when there is none."""
    if _rises(book):
        return lowest_bit_from(words, bitmap_bits(base), BITMAP_LIMBS, bit + 1)
    return highest_bit_below(words, bitmap_bits(base), BITMAP_LIMBS, bit)
