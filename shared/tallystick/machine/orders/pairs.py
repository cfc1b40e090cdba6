"""What a fill does to the pairs of both sides: one loses what the other has filled."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.liveness import shrink, unpair, was_its_pair
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import Path, level_index, take_lots
from tallystick.state.cells import (
    Order,
    order_account,
    order_client_id,
    order_market,
    order_pair_slot,
    order_price_ticks,
    order_remaining_lots,
    order_side,
    order_trigger_ticks,
)
from tallystick.state.quantities import Lots
from tallystick.state.state import State


def shrink_pairs(machine: Machine, maker: Order, lots: Lots) -> None:
    """Take a fill off the maker's pair, and off the one that a fired taker had; a maker whose pair dies goes on alone.

    Units: lots. Twin: contracts/src/libraries/orders/Pairs.sol.
    """
    state = machine.state
    registers = state.registers
    slot = order_pair_slot(state.orders.words, maker)
    if slot:
        other = state.orders.open(slot)
        if shrink(state, slot, other, lots):
            _rests_less(state, other, lots)
            _tell_shrunk(machine, slot, other)
        else:
            unpair(state, maker)
    if registers.fired_trigger_ticks and registers.arg_pair:
        slot = registers.arg_pair_slot
        other = state.orders.open(slot)
        if was_its_pair(state, other) and shrink(state, slot, other, lots):
            _rests_less(state, other, lots)
            _tell_shrunk(machine, slot, other)


def _rests_less(state: State, order: Order, lots: Lots) -> None:
    """Count lots off an order's price, which is opened for it; off none where the order is parked."""
    words = state.orders.words
    if order_trigger_ticks(words, order) == 0:
        path = Path(order_market(words, order), order_side(words, order))
        path.price_ticks = order_price_ticks(words, order)
        path.level = state.levels.open(level_index(path))
        take_lots(state, path, lots)


def _tell_shrunk(machine: Machine, slot: i64, order: Order) -> None:
    words = machine.state.orders.words
    machine.emit(
        "shrunk",
        order_account(words, order),
        order_client_id(words, order),
        slot,
        order_remaining_lots(words, order),
    )
