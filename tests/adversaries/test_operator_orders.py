"""O35: an operator breaks what the flags of an order say."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import FLAG_FOK, FLAG_POST_ONLY, FLAG_REDUCE_ONLY
from tallystick.testing.look import position
from tests.adversaries.operator_state import LieAt, exchange, newest, pretending_register, refuted

BUY, SELL = 0, 1


def test_O35_a_post_only_order_that_takes_is_refuted() -> None:
    """The operator fills a post-only order. The flag is signed and in the registers."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    assert world.order(2, 0, BUY, 1000, 5, flags=FLAG_POST_ONLY) is Outcome.WOULD_CROSS
    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=pretending_register("arg_flags", 0))
    assert refuted(world, lie) is Phase.MATCH_MAKER


def test_O35_a_reduce_only_order_that_turns_a_position_round_is_refuted() -> None:
    """The operator fills more than the position. The account's cell says how much it is."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    world.order(1, 0, BUY, 1000, 9)
    assert world.order(2, 0, SELL, 1000, 9, flags=FLAG_REDUCE_ONLY) is Outcome.ACCEPTED
    assert position(world.state, 2, 0) == 0
    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=pretending_register("arg_flags", 0))
    assert refuted(world, lie) is Phase.MATCH_MAKER


def test_O35_a_fill_or_kill_order_filled_in_part_is_refuted() -> None:
    """The operator lets a fill-or-kill order trade though the book lacks a lot. The scan counts them in the cells."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    assert world.order(2, 0, BUY, 1000, 6, flags=FLAG_FOK) is Outcome.NOT_FILLABLE

    def match(machine: Machine) -> None:
        machine.state.registers.phase = Phase.MATCH_MAKER

    lie = LieAt(phase=Phase.SCAN_MAKER, record=newest(world), tamper=match)
    assert refuted(world, lie) is Phase.SCAN_MAKER


def test_O35_a_fill_or_kill_order_killed_though_it_could_fill_is_refuted() -> None:
    """The operator says that nothing crosses. The occupancy words say what does."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    assert world.order(2, 0, BUY, 1000, 5, flags=FLAG_FOK) is Outcome.ACCEPTED

    def kill(machine: Machine) -> None:
        machine.finish(Outcome.NOT_FILLABLE)

    lie = LieAt(phase=Phase.SCAN_MAKER, record=newest(world), tamper=kill)
    assert refuted(world, lie) is Phase.SCAN_MAKER
