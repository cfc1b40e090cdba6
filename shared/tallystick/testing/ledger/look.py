"""Reading a state from outside: what tests and auditors look at.

Nothing here is shared with `tallystick.machine`: the book is walked cell by cell from the layout alone, so that what
the machine wrote is read by somebody who did not write it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tallystick.state import layout
from tallystick.state.ordinals import Number
from tallystick.state.state import State
from tallystick.state.table import NEVER, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """A resting or parked order as its cell says."""

    slot: int
    account: int
    market: int
    side: int
    price_ticks: int
    remaining_lots: int
    client_id: int
    sequence: int
    expiry_ms: int
    flags: int
    trigger_ticks: int
    pair_slot: int


def word(table: Table, index: Number, field: int) -> int:
    """Return one word of a cell, 0 when the cell was never opened."""
    base = table.at(index)
    return 0 if base == NEVER else table.words[base + field]


def limbs(table: Table, index: Number, field: int, count: int) -> int:
    """Return a field of several 32-bit limbs as one number."""
    value = 0
    for limb in range(count):
        value = value << 32 | word(table, index, field + limb)
    return value


def named(state: State, market: int, later: int = 0) -> int:
    """Return a market as a signed record names it, with its series that is listed, or one that is so many later."""
    return market + 64 * (word(state.markets, market, layout.MARKET_SERIES) + later)


def next_named(state: State, market: int) -> int:
    """Return a market as a listing names it that begins its next series, or the first of one that never was."""
    return named(state, market, 1 if word(state.markets, market, layout.MARKET_STATUS) else 0)


def cash(state: State, account: Number) -> int:
    """Return an account's cash. Units: units."""
    return word(state.accounts, account, layout.ACCOUNT_CASH_UNITS)


def owner(state: State, account: Number) -> bytes:
    """Return an account's owner, 20 bytes."""
    return limbs(state.accounts, account, layout.ACCOUNT_OWNER, 5).to_bytes(20, "big")


def positions(state: State, account: Number) -> dict[int, int]:
    """Return an account's signed size in lots by market."""
    found: dict[int, int] = {}
    for slot in range(layout.MAX_POSITIONS):
        at = layout.ACCOUNT_POSITIONS + slot * layout.ACCOUNT_POSITION_WORDS
        size = word(state.accounts, account, at + layout.ACCOUNT_POSITION_SIZE_LOTS)
        if size:
            market = word(state.accounts, account, at + layout.ACCOUNT_POSITION_MARKET)
            if market in found:
                raise AssertionError(f"account {account} has two positions in market {market}")
            found[market] = size
    return found


def position(state: State, account: Number, market: int) -> int:
    """Return an account's signed size in one market, in lots."""
    return positions(state, account).get(market, 0)


def books(state: State, account: Number) -> dict[int, tuple[int, int]]:
    """Return what an account's positions have cost, and the margin asked for them beyond the market's, by market.

    Units: units. Raises: AssertionError when an empty slot keeps either.
    """
    found: dict[int, tuple[int, int]] = {}
    for slot in range(layout.MAX_POSITIONS):
        at = layout.ACCOUNT_POSITIONS + slot * layout.ACCOUNT_POSITION_WORDS
        cost = word(state.accounts, account, at + layout.ACCOUNT_POSITION_COST_UNITS)
        extra = word(state.accounts, account, at + layout.ACCOUNT_POSITION_EXTRA_UNITS)
        if word(state.accounts, account, at + layout.ACCOUNT_POSITION_SIZE_LOTS):
            market = word(state.accounts, account, at + layout.ACCOUNT_POSITION_MARKET)
            found[market] = cost, extra
        elif cost or extra:
            raise AssertionError(f"account {account} has no position in slot {slot}, and a cost of one")
    return found


def mark(state: State, market: int) -> int:
    """Return a market's mark in ticks."""
    at = market * layout.RISK_RISKMARKET_WORDS + layout.RISK_RISKMARKET_MARK_TICKS
    return word(state.risk, 0, at)


def index(state: State, market: int) -> int:
    """Return a market's index in ticks."""
    return word(state.prices, market, layout.PRICE_INDEX_TICKS)


def margin_index(state: State, market: int) -> int:
    """Return the index that a market's margins are measured with, in ticks."""
    at = market * layout.RISK_RISKMARKET_WORDS + layout.RISK_RISKMARKET_INDEX_TICKS
    return word(state.risk, 0, at)


def funding_index(state: State, market: int) -> int:
    """Return a market's funding index, in millionths of a tick."""
    at = market * layout.RISK_RISKMARKET_WORDS + layout.RISK_RISKMARKET_FUNDING_INDEX_PPM
    return word(state.risk, 0, at)


def fund_budget(state: State, market: int) -> int:
    """Return what the unwinding of a market's fund may lose against the index. Units: units."""
    return word(state.markets, market, layout.MARKET_FUND_BUDGET_UNITS)


def brakes(state: State, market: int) -> tuple[tuple[int, int], tuple[int, int, int], tuple[int, int, int], int]:
    """Return what jumps are measured from and since when, of either brake (ticks, until, jump), and what the newest index found."""
    cell, at = state.markets, market * layout.RISK_RISKMARKET_WORDS + layout.RISK_RISKMARKET_BRAKED
    anchor = layout.MARKET_ANCHOR_TICKS, layout.MARKET_ANCHOR_MS
    fall = layout.MARKET_DOWN_TICKS, layout.MARKET_DOWN_MS, layout.MARKET_DOWN_JUMP_MS
    rise = layout.MARKET_UP_TICKS, layout.MARKET_UP_MS, layout.MARKET_UP_JUMP_MS
    ticks, since = (word(cell, market, each) for each in anchor)
    down, down_ms, down_jump_ms = (word(cell, market, each) for each in fall)
    up, up_ms, up_jump_ms = (word(cell, market, each) for each in rise)
    return (ticks, since), (down, down_ms, down_jump_ms), (up, up_ms, up_jump_ms), word(state.risk, 0, at)


def order_at(state: State, slot: int) -> Resting | None:
    """Return the order in a slot, or None when it is empty."""
    orders = state.orders
    remaining = word(orders, slot, layout.ORDER_REMAINING_LOTS)
    if remaining == 0:
        return None
    return Resting(
        slot=slot,
        account=word(orders, slot, layout.ORDER_ACCOUNT),
        market=word(orders, slot, layout.ORDER_MARKET),
        side=word(orders, slot, layout.ORDER_SIDE),
        price_ticks=word(orders, slot, layout.ORDER_PRICE_TICKS),
        remaining_lots=remaining,
        client_id=word(orders, slot, layout.ORDER_CLIENT_ID),
        sequence=word(orders, slot, layout.ORDER_SEQUENCE),
        expiry_ms=word(orders, slot, layout.ORDER_EXPIRY_MS),
        flags=word(orders, slot, layout.ORDER_FLAGS),
        trigger_ticks=word(orders, slot, layout.ORDER_TRIGGER_TICKS),
        pair_slot=word(orders, slot, layout.ORDER_PAIR_SLOT),
    )


def pages_of(state: State, first: int) -> Iterator[int]:
    """Yield a chain of pages from its first.

    Raises: AssertionError when the chain runs in a circle.
    """
    seen: set[int] = set()
    while first:
        if first in seen:
            raise AssertionError(f"page {first} is twice in one chain")
        seen.add(first)
        yield first
        first = word(state.pages, first, layout.PAGE_NEXT_PAGE)


def prices(state: State, market: int, number: int) -> list[int]:
    """Return the prices the occupancy words of a book lead to, or triggers of a parked one, ascending.

    Shape: `number` is a side, or for parked orders 4, and 2 of those that fire above, and their side.
    """
    found: list[int] = []

    def descend(height: int, prefix: int) -> None:
        index = number << 24 | market << 18 | height << 16 | prefix
        bits = limbs(state.bitmaps, index, layout.BITMAP_BITS, 8)
        if bits == 0 and height:
            raise AssertionError(f"occupancy bit above empty word {prefix} of height {height}")
        for bit in range(256):
            if bits >> bit & 1:
                child = prefix << 8 | bit
                if height == 2:
                    found.append(child)
                else:
                    descend(height + 1, child)

    descend(0, 0)
    return found


def level_orders(state: State, market: int, number: int, price: int) -> list[Resting]:
    """Return the orders at one price of a book, oldest first. Shape: `number` as for `prices`."""
    level = number << 30 | market << 24 | price
    found: list[Resting] = []
    for page in pages_of(state, word(state.levels, level, layout.LEVEL_HEAD_PAGE)):
        bits = limbs(state.pages, page, layout.PAGE_BITS, 2)
        for at in range(layout.PAGE_SLOTS):
            if bits >> at & 1:
                order = order_at(state, page << 6 | at)
                if order is None:
                    raise AssertionError(f"slot {page << 6 | at} is occupied and empty")
                found.append(order)
    return found


def book(state: State, market: int, side: int) -> list[Resting]:
    """Return a book side's orders in the order they would trade."""
    levels = prices(state, market, side)
    if side == layout.BUY:
        levels.reverse()
    return [order for price in levels for order in level_orders(state, market, side, price)]


def parked(state: State, market: int) -> list[Resting]:
    """Return a market's parked orders as they would fire: those above first, then those that sell, then the nearest."""
    above = [(book, trigger) for book in (7, 6) for trigger in prices(state, market, book)]
    below = [(book, trigger) for book in (5, 4) for trigger in reversed(prices(state, market, book))]
    return [order for book, trigger in above + below for order in level_orders(state, market, book, trigger)]


def check_book(state: State, markets: range | list[int]) -> None:
    """Check the structure of the book and of the parked orders: I6 and I7.

    Raises: AssertionError saying what is wrong.
    """
    in_books: set[int] = set()
    used: list[int] = []
    for market in markets:
        for number in range(8):
            for price in prices(state, market, number):
                level = number << 30 | market << 24 | price
                orders = level_orders(state, market, number, price)
                chain = list(pages_of(state, word(state.levels, level, layout.LEVEL_HEAD_PAGE)))
                _check_level(state, level, orders, chain)
                in_books |= {order.slot for order in orders}
                used += chain
    live = {slot for slot in state.orders.indices() if order_at(state, slot) is not None}
    _same("orders of all", state.registers.orders_total, len(live))
    for account in state.accounts.indices():
        mine = sum(word(state.orders, slot, layout.ORDER_ACCOUNT) == account for slot in live)
        _same(f"orders of account {account}", word(state.accounts, account, layout.ACCOUNT_ORDERS), mine)
    _same("live orders", live, in_books)
    free = list(pages_of(state, state.registers.free_page))
    pages = sorted(used + free)
    _same("pages in use and free", pages, list(range(1, state.registers.page_count + 1)))


def _check_level(state: State, level: int, orders: list[Resting], chain: list[int]) -> None:
    book, market, price = level >> 30, level >> 24 & 63, level & 0xFFFFFF
    if not orders:
        raise AssertionError(f"price {price} is marked as occupied and holds nothing")
    for order in orders:
        if order.trigger_ticks:
            parked_in = 4 | (2 if order.flags & layout.FLAG_TRIGGER_ABOVE else 0) | order.side
            _same("where an order is parked", (order.market, parked_in, order.trigger_ticks), (market, book, price))
        else:
            _same("where an order rests", (order.market, order.side, order.price_ticks), (market, book, price))
    # What a fired order has left is parked again as old as it was, behind what came since.
    if level >> 32 == 0:
        _same("order of arrival", [o.sequence for o in orders], sorted(o.sequence for o in orders))
    _same("orders counted", word(state.levels, level, layout.LEVEL_ORDERS), len(orders))
    _same("lots counted", word(state.levels, level, layout.LEVEL_LOTS), _resting_lots(orders))
    _same("tail page", word(state.levels, level, layout.LEVEL_TAIL_PAGE), chain[-1])
    for page in chain[:-1]:
        _same("slots handed out of a full page", word(state.pages, page, layout.PAGE_USED), layout.PAGE_SLOTS)


def _resting_lots(orders: list[Resting]) -> int:
    """Return what rests at a price, dead or alive; what is parked does not rest."""
    return sum(order.remaining_lots for order in orders if not order.trigger_ticks)


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{what}: found {found}, expected {expected}")
