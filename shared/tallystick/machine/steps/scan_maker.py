"""SCAN_MAKER: look whether the book has all the lots of a fill-or-kill order, before it meets anybody."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tallystick.machine.bits import NO_BIT, lowest_bit_from
from tallystick.machine.liveness import is_dead
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import PAGE_LIMBS, Path, level_index, open_best, open_next
from tallystick.machine.market.trade import reducible
from tallystick.state.cells import (
    Account,
    Order,
    level_head_page,
    order_account,
    order_flags,
    order_remaining_lots,
    page_bits,
    page_next_page,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import BUY, FLAG_REDUCE_ONLY, FLAG_STP_BOTH, FLAG_STP_TAKER, PAGE_SLOTS

_ENDS: Final = -1
"""What `_offers` returns for an own order that would end the taker; no maker offers less than nothing."""


def step(machine: Machine) -> None:
    """Go on to the next worse price, the next page or the next maker, and count what the maker offers.

    `arg_trigger_ticks` is the price the scan has come to, 0 before the first; `arg_slot` where it goes on, 0 at the next
    price; `arg_amount` the lots found. When they suffice, matching begins; nothing in the book has moved until then.
    Rejects: NOTHING_TO_REDUCE, NOT_FILLABLE. Twin: contracts/src/referee/steps/ScanMaker.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    taker = state.accounts.open(registers.arg_account)
    wanted = registers.arg_lots
    if registers.arg_flags & FLAG_REDUCE_ONLY:
        most = reducible(state.accounts.words, taker, registers.arg_market, registers.arg_side)
        wanted = wanted if wanted <= most else most
        if wanted == 0:
            machine.finish(Outcome.NOTHING_TO_REDUCE)
            return
    if registers.arg_slot == 0:
        _next_price(machine)
        return
    number = registers.arg_slot >> 6
    page = state.pages.open(number)
    position = lowest_bit_from(state.pages.words, page_bits(page), PAGE_LIMBS, registers.arg_slot & 63)
    if position == NO_BIT:
        registers.arg_slot = page_next_page(state.pages.words, page) << 6
        return
    order = state.orders.open(number << 6 | position)
    maker = state.accounts.open(order_account(state.orders.words, order))

    # CHECK
    offered = _offers(machine, number << 6 | position, order, maker)
    if offered == _ENDS:
        machine.finish(Outcome.NOT_FILLABLE)
        return

    # APPLY
    registers.arg_amount += offered if offered <= wanted else wanted
    if registers.arg_amount >= wanted:
        registers.arg_amount = 0
        registers.arg_slot = 0
        registers.arg_trigger_ticks = 0
        registers.phase = Phase.MATCH_MAKER
    elif position + 1 < PAGE_SLOTS:
        registers.arg_slot = number << 6 | (position + 1)
    else:
        registers.arg_slot = page_next_page(state.pages.words, page) << 6

    # WRITE: registers only.


def _next_price(machine: Machine) -> None:
    """Go to the head of the next worse price, or end the order when there is none that crosses."""
    state = machine.state
    registers = state.registers
    path = Path(registers.arg_market, 1 - registers.arg_side)
    path.price = registers.arg_trigger_ticks
    found = open_next(state, path) if path.price else open_best(state, path)
    if not found or not _crosses(machine, path.price):
        machine.finish(Outcome.NOT_FILLABLE)
        return
    level = state.levels.open(level_index(path))
    registers.arg_trigger_ticks = path.price
    registers.arg_slot = level_head_page(state.levels.words, level) << 6


def _crosses(machine: Machine, price: i64) -> bool:
    registers = machine.state.registers
    return price <= registers.arg_price_ticks if registers.arg_side == BUY else price >= registers.arg_price_ticks


def _offers(machine: Machine, slot: i64, order: Order, maker: Account) -> i64:
    """Return the lots a maker would give: none when it is dead or the taker's own, a reduce-only one its position's."""
    state = machine.state
    registers = state.registers
    words = state.orders.words
    if is_dead(state, slot, order, maker):
        return 0
    if order_account(words, order) == registers.arg_account:
        return _ENDS if registers.arg_flags & (FLAG_STP_TAKER | FLAG_STP_BOTH) else 0
    lots = order_remaining_lots(words, order)
    if order_flags(words, order) & FLAG_REDUCE_ONLY:
        most = reducible(state.accounts.words, maker, registers.arg_market, 1 - registers.arg_side)
        lots = lots if lots <= most else most
    return lots
