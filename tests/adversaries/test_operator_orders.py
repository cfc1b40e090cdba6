"""O35: an operator breaks what the flags of an order say."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import (
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    ORDER_PAIR_SLOT,
)
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Lots, Ticks
from tallystick.testing.ledger.look import position
from tests.adversaries.operator_state import LieAt, exchange, newest, pretending, pretending_register, refuted

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


def test_O35_a_trigger_fired_before_the_mark_is_there_is_refuted() -> None:
    """The operator places a stop that is not due. The mark is in the risk cell, the trigger in the occupancy words."""
    world = exchange()
    assert world.conditional(1, 0, BUY, 1010, 1, 1010, flags=FLAG_TRIGGER_ABOVE) is Outcome.ACCEPTED
    world.report(0, 1009)

    def fire(machine: Machine) -> None:
        registers = machine.state.registers
        registers.clear_args()
        registers.arg_account, registers.arg_price_ticks, registers.arg_lots = AccountId(1), Ticks(1010), Lots(1)
        registers.phase = Phase.PLACE_ORDER

    lie = LieAt(phase=Phase.FIRE_TRIGGER, record=newest(world), tamper=fire)
    assert refuted(world, lie) is Phase.FIRE_TRIGGER


def test_O35_a_trigger_that_is_due_and_does_not_fire_is_refuted() -> None:
    """The operator says that no trigger is due. The occupancy words of the parked orders say which one is."""
    world = exchange()
    assert world.conditional(1, 0, BUY, 1010, 1, 1010, flags=FLAG_TRIGGER_ABOVE) is Outcome.ACCEPTED
    world.report(0, 1010)

    def end(machine: Machine) -> None:
        registers = machine.state.registers
        registers.resume = 0
        registers.firing_market = MarketId(0)
        machine.finish(Outcome.ACCEPTED)

    lie = LieAt(phase=Phase.FIRE_TRIGGER, record=newest(world), tamper=end)
    assert refuted(world, lie) is Phase.FIRE_TRIGGER


def test_O35_two_of_a_pair_that_both_fire_are_refuted() -> None:
    """The operator lets the stop fire though the take-profit has filled. The stop's cell says that it died by its pair."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    flags = FLAG_MARKET | FLAG_REDUCE_ONLY
    world.conditional(2, 0, SELL, 0, 5, 1010, flags=flags | FLAG_TRIGGER_ABOVE, client_id=1)
    first = next(values[2] for name, values in reversed(world.events) if name == "parked")
    assert world.conditional(2, 0, SELL, 0, 5, 990, flags=flags, pair=1, pair_slot=first) is Outcome.ACCEPTED
    second = next(values[2] for name, values in reversed(world.events) if name == "parked")
    world.order(3, 0, BUY, 1010, 5)
    world.report(0, 1010)
    world.report(0, 990, (0, 1))
    forget = pretending(lambda machine: machine.state.orders, second, ORDER_PAIR_SLOT, 0)
    sales_below = 2

    def there(machine: Machine) -> bool:
        return machine.state.registers.firing_book == sales_below

    lie = LieAt(phase=Phase.FIRE_TRIGGER, record=newest(world), tamper=forget, when=there)
    assert refuted(world, lie) is Phase.FIRE_TRIGGER
