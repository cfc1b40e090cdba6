"""O: the operator lies in the state transition. The step refutes it, its bond is lost, nothing is paid out.

Here each lie is brought before the Referee as compiled. That such a step ends a whole dispute is shown on L1 by
`tests/e2e/test_dispute.py`, by `tests/dispute/test_positions.py` and by C02 beside this file.
"""

from __future__ import annotations

import pytest

from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.records.signing import make
from tallystick.schema.names import Outcome, Phase
from tallystick.state.cells import set_level_lots
from tallystick.state.layout import (
    ACCOUNT_CASH_UNITS,
    ACCOUNT_DEAD_BEFORE,
    BITMAP_BITS,
    KIND_DATED,
    MARKET_MAKER_FEE_PPM,
    MARKET_MAX_LOTS,
    MARKET_TAKER_FEE_PPM,
    MESSAGE_FORCE_CANCEL_ALL,
    ORDER_REMAINING_LOTS,
    ORDER_SEQUENCE,
    PENDING_EFFECTIVE_MS,
    RISK_RISKMARKET_MARK_TICKS,
    RISK_RISKMARKET_WORDS,
    SETTLE_WAIT_MS,
)
from tallystick.state.quantities import Lots, Units
from tallystick.testing.ledger import look
from tallystick.testing.ledger.look import book, cash, position
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.world import World, address, message
from tests.adversaries.operator_state import (
    MARK,
    LieAt,
    add,
    afterwards,
    exchange,
    newest,
    nothing,
    pretending,
    pretending_register,
    refuted,
)

BUY, SELL, IOC = 0, 1, 1
THIEF = address("thief")


def test_O01_a_random_root_is_refuted_at_the_step_where_it_begins() -> None:
    """The operator asserts noise. The step beside which the noise first appears does not write it; both bonds go."""
    assert refuted(exchange(), make_lie("random-root", THIEF)) is Phase.OPEN_BATCH


def test_O03_a_fill_worse_than_the_makers_price_is_refuted() -> None:
    """The operator moves the value of one tick from taker to maker. The step takes the maker's price; the bond goes."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1001, 5)
    assert refuted(world, make_lie("worse-fill", THIEF)) is Phase.MATCH_MAKER


def test_O04_a_fill_above_the_takers_limit_is_refuted() -> None:
    """The operator fills a buyer above its limit. The step compares with the signed limit in the registers."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 999, 5, flags=IOC)
    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=pretending_register("arg_price_ticks", 1000))
    assert refuted(world, lie) is Phase.MATCH_MAKER


def test_O05_skipping_a_better_price_is_refuted() -> None:
    """The operator hides the best price's occupancy bit while it matches. The witness proves the true word."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(3, 0, SELL, 1001, 5)
    world.order(2, 0, BUY, 1001, 1)
    sell = SELL << 24
    lowest = sell | 2 << 16 | MARK >> 8
    word = 7 - (MARK & 255) // 32
    seen = look.word(world.state.bitmaps, lowest, BITMAP_BITS + word)
    hidden = seen & ~(1 << MARK % 32)
    tamper = pretending(lambda m: m.state.bitmaps, lowest, BITMAP_BITS + word, hidden)
    assert refuted(world, LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=tamper)) is Phase.MATCH_MAKER


def test_O06_skipping_an_earlier_order_is_refuted() -> None:
    """The operator fills the second order of a price. The page names the oldest one; the bond goes."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(3, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    assert refuted(world, make_lie("skip-time-priority", THIEF)) is Phase.MATCH_MAKER


def resting(world: World, side: int) -> int:
    """Return the slot of the one order of a side."""
    (order,) = book(world.state, 0, side)
    return order.slot


def test_O07_a_fill_larger_than_what_rests_is_refuted() -> None:
    """The operator fills ten lots against an order of five. The order's cell says five, as does its level's."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    slot = resting(world, SELL)
    world.order(2, 0, BUY, 1000, 10)
    fill = pretending(lambda m: m.state.orders, slot, ORDER_REMAINING_LOTS, 20)

    def tamper(machine: Machine) -> None:
        levels = machine.state.levels
        set_level_lots(levels.words, levels.open(SELL << 30 | 1000), Lots(20))
        fill(machine)

    assert refuted(world, LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=tamper)) is Phase.MATCH_MAKER


def test_O07_a_fill_larger_than_the_order_is_refuted() -> None:
    """The operator fills ten lots for a taker that signed five. The signed size is in the registers."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 10)
    world.order(2, 0, BUY, 1000, 5)
    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=pretending_register("arg_lots", 10))
    assert refuted(world, lie) is Phase.MATCH_MAKER


def test_O08_a_fill_of_an_order_cancelled_by_its_owner_is_refuted() -> None:
    """The operator fills an order that left the book. Its cell is empty; an invented one has no proof."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5, client_id=7)
    slot = resting(world, SELL)
    world.cancel(1, 7, slot)
    assert refuted(world, LieAt(phase=Phase.CANCEL_ORDER, tamper=keeping_the_order)) is Phase.CANCEL_ORDER


def keeping_the_order(machine: Machine) -> None:
    """Accept a cancel and leave the order where it is."""
    machine.finish(Outcome.ACCEPTED)


def test_O08_a_fill_of_an_order_cancelled_through_l1_is_refuted() -> None:
    """The operator fills an order older than its owner's forced cancel. The account's cell says from when on."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.published.messages.append(message(MESSAGE_FORCE_CANCEL_ALL, address("alice"), 1, 0))
    world.consume()
    world.order(2, 0, BUY, 1000, 5)
    tamper = pretending(lambda m: m.state.accounts, 1, ACCOUNT_DEAD_BEFORE, 0)
    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=tamper)
    assert refuted(world, lie) is Phase.MATCH_MAKER


def test_O09_a_fill_of_an_expired_order_is_refuted() -> None:
    """The operator turns the clock back for one match. The clock is a register that the state hash commits to."""
    world = exchange()
    now = world.state.registers.clock_ms
    world.order(1, 0, SELL, 1000, 5, expiry_ms=now + 1)
    world.clock(ahead_ms=1)
    world.order(2, 0, BUY, 1000, 5)
    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=pretending_register("clock_ms", int(now)))
    assert refuted(world, lie) is Phase.MATCH_MAKER


@pytest.mark.parametrize("rate", [MARKET_TAKER_FEE_PPM, MARKET_MAKER_FEE_PPM])
@pytest.mark.parametrize("ppm", [0, 600_000])
def test_O13_a_fee_other_than_the_markets_is_refuted(rate: int, ppm: int) -> None:
    """The operator takes more, or lets a friend off. The market's cell has the rates; the step computes the fee."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    tamper = pretending(lambda m: m.state.markets, 0, rate, ppm)
    assert refuted(world, LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=tamper)) is Phase.MATCH_MAKER


def test_O14_rounding_one_unit_more_into_the_fees_is_refuted() -> None:
    """The operator keeps one unit more of a fill; money is conserved. The rounding is part of the step: up, once."""

    def skim(machine: Machine) -> None:
        add(machine.state.accounts, 2, ACCOUNT_CASH_UNITS, -1)
        machine.state.registers.fees_units = Units(machine.state.registers.fees_units + 1)
        machine.state.registers.cash_units = Units(machine.state.registers.cash_units - 1)

    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=afterwards(skim))
    assert refuted(world, lie) is Phase.MATCH_MAKER


def test_O30_a_position_beyond_its_limit_is_refuted() -> None:
    """The operator lifts the largest size, so that products could overflow. The limits bound every intermediate value,
    and both languages compute in checked ranges (I4 in docs/units.md).
    """
    world = exchange()
    world.list_market(1, max_lots=10)
    world.report(1, 1)
    for _ in range(2):
        world.order(1, 1, SELL, 1, 6)
        world.order(2, 1, BUY, 1, 6)
    assert position(world.state, 2, 1) == 6
    tamper = pretending(lambda m: m.state.markets, 1, MARKET_MAX_LOTS, 2**62)
    assert refuted(world, LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=tamper)) is Phase.MATCH_MAKER


def test_O35_letting_an_account_trade_with_itself_is_refuted() -> None:
    """The operator fills an account against its own order. The step takes the maker out of the book instead."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(1, 0, BUY, 1000, 5)

    def wash(machine: Machine) -> None:
        engine.step(machine)
        machine.state.registers.arg_lots = Lots(0)
        machine.finish(Outcome.ACCEPTED)

    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=wash)
    assert refuted(world, lie) is Phase.MATCH_MAKER
    assert cash(world.state, 1) == 10**9


def test_O35_an_immediate_order_that_is_left_to_rest_is_refuted() -> None:
    """The operator lets an immediate-or-cancel order rest. The flag is signed and in the registers."""
    world = exchange()
    assert world.order(1, 0, BUY, 990, 5, flags=IOC) is Outcome.UNFILLED
    lie = LieAt(phase=Phase.MATCH_MAKER, record=newest(world), tamper=pretending_register("arg_flags", 0))
    assert refuted(world, lie) is Phase.MATCH_MAKER


@pytest.mark.parametrize("where", ["first", "last"])
def test_O36_a_lie_only_at_the_first_or_only_at_the_last_step_is_refuted(where: str) -> None:
    """The operator lies where a bisection has its edges. Padding and the last leaf are played out on L1 by
    tests/dispute/test_positions.py.
    """
    world = exchange()

    def pay(machine: Machine) -> None:
        machine.state.registers.fees_units = Units(machine.state.registers.fees_units + 1)

    last = newest(world)
    at = {
        "first": LieAt(phase=Phase.OPEN_BATCH, tamper=afterwards(pay)),
        "last": LieAt(
            phase=Phase.OPEN_CHUNK,
            record=last,
            when=lambda m: m.state.registers.chunk_cursor == m.state.registers.chunk_count,
            tamper=afterwards(pay),
        ),
    }[where]
    assert refuted(world, at) is at.phase


@pytest.mark.parametrize("phase", [Phase.FETCH_RECORD, Phase.MATCH_MAKER, Phase.WITHDRAW, Phase.COMMIT_MEDIAN])
def test_O37_a_step_said_to_be_stuck_is_refuted(phase: Phase) -> None:
    """The operator says that the machine cannot go on. No input makes a step fail: every one of them has a next state."""
    world = exchange()
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    world.withdraw(1, 10**6)
    assert refuted(world, LieAt(phase=phase, tamper=nothing)) is phase


def test_O38_a_freed_page_handed_out_twice_is_refuted() -> None:
    """Beyond the list: the operator corrupts the free list, so that two prices share a page. It is a register."""
    world = exchange()
    world.order(1, 0, BUY, 990, 1)
    world.order(2, 0, BUY, 980, 1)
    lie = LieAt(phase=Phase.REST_ORDER, record=newest(world), tamper=pretending_register("free_page", 1))
    assert refuted(world, lie) is Phase.REST_ORDER


def test_O39_marking_an_order_older_than_it_is_is_refuted() -> None:
    """Beyond the list: the operator moves its own order ahead in time. Its sequence is the record's number."""
    world = exchange()
    world.order(1, 0, BUY, 990, 1)
    slot = resting(world, BUY)

    def backdate(machine: Machine) -> None:
        add(machine.state.orders, slot, ORDER_SEQUENCE, -1)

    lie = LieAt(phase=Phase.REST_ORDER, tamper=afterwards(backdate))
    assert refuted(world, lie) is Phase.REST_ORDER


def test_O29_settling_an_expired_future_at_another_price_or_twice_is_refuted() -> None:
    """The operator settles at a price of its own, or pays a position that it has paid. The first median behind the expiry
    is final (the market's status), and a paid position is gone.
    """
    world = exchange()
    world.list_market(1, kind=KIND_DATED, expiry_ms=world.state.registers.clock_ms + 500)
    world.report(1, MARK)
    world.order(1, 1, BUY, MARK, 10)
    world.order(2, 1, 1 - BUY, MARK, 10)
    world.clock(ahead_ms=500)
    world.report(1, MARK + 50)
    settled = newest(world)
    again = make("settle_position", account=1, market=1)
    world.later(SETTLE_WAIT_MS)
    assert world.send(again) is Outcome.ACCEPTED
    assert world.send(again) is Outcome.NO_POSITION

    def dearer(machine: Machine) -> None:
        add(machine.state.risk, 0, RISK_RISKMARKET_WORDS + RISK_RISKMARKET_MARK_TICKS, 1)

    def pay(machine: Machine) -> None:
        add(machine.state.accounts, 1, ACCOUNT_CASH_UNITS, 10 * MARK * 100)

    lie = LieAt(phase=Phase.COMMIT_MEDIAN, record=settled, tamper=afterwards(dearer))
    twice = LieAt(phase=Phase.SETTLE_POSITION, record=newest(world), tamper=afterwards(pay))
    assert refuted(world, lie) is Phase.COMMIT_MEDIAN
    assert refuted(world, twice) is Phase.SETTLE_POSITION


def test_O32_putting_new_rules_in_force_before_their_time_is_refuted() -> None:
    """Governance proposes a fee of a half, the operator puts it in force at once. It is three weeks away: TOO_EARLY."""
    world = exchange()
    assert world.change_market(0, 1, taker_fee_ppm=500_000) is Outcome.ACCEPTED
    assert world.send(make("apply_change", pending=0)) is Outcome.TOO_EARLY
    tamper = pretending(lambda m: m.state.pendings, 0, PENDING_EFFECTIVE_MS, 1)
    assert refuted(world, LieAt(phase=Phase.APPLY_CHANGE, record=newest(world), tamper=tamper)) is Phase.APPLY_CHANGE
