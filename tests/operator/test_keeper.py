"""The keeper walks the ladder by itself; whoever else asks is answered at the door."""

from __future__ import annotations

import pytest

from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick.shapes.submitting import Answer, Submission
from tallystick.state.layout import ADL_DELAY_MS
from tallystick.testing.byhand import hold
from tallystick.testing.handclock import HandClock
from tallystick.testing.ledger.look import position
from tallystick_operator.intake.door import Refused, check_signature, to_record
from tallystick_operator.intake.keeper import RETRY_SECONDS, Keeper, candidates, due, ripe_nominations
from tallystick_operator.sequencer.sequencer import Sequencer
from tests.operator.rig import Rig

BUY, SELL = 0, 1
SHORT, POOR = 1, 2
"""Alice holds 100 lots short, bob 100 long that he cannot carry."""
MARK = 618_000
WORTH = 100 * MARK * 100


@pytest.fixture
def now() -> HandClock:
    return HandClock()


def troubled(rig: Rig, value: int) -> None:
    """Let bob be worth a value against a maintenance margin of 2.5 %."""
    state = rig.core.executor.state
    rig.accept(rig.order(1, SELL, MARK, 100))
    rig.accept(rig.order(2, BUY, MARK, 100))
    hold(state, POOR, 0, 100, value)


def keeper(rig: Rig, now: HandClock) -> tuple[Keeper, Sequencer]:
    def failed(error: BaseException) -> None:
        raise error

    sequencer = Sequencer(rig.core, lambda _: None, failed)
    sequencer.start()
    return Keeper(sequencer, now), sequencer


def outcomes(rig: Rig) -> int:
    return rig.core.executor.state.registers.record_count


def test_only_what_cannot_be_carried_is_due(rig: Rig) -> None:
    state = rig.core.executor.state
    troubled(rig, WORTH // 40)
    assert due(state) == []
    hold(state, POOR, 0, 100, WORTH // 40 - 1)
    assert due(state) == [(POOR, 0)]
    assert candidates(state, POOR, 0) == [SHORT]


def test_a_failing_position_is_sold_on_the_book(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH // 80)
    rig.accept(rig.order(1, BUY, MARK, 100))
    watch, sequencer = keeper(rig, now)
    watch.tick()
    sequencer.close()
    state = rig.core.executor.state
    assert 0 < position(state, POOR, 0) < 100
    assert due(state) == []


def test_what_nobody_buys_goes_to_the_other_side_and_is_not_asked_for_again_at_once(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH // 80)
    watch, sequencer = keeper(rig, now)
    watch.tick()
    nominated = outcomes(rig)
    assert list(rig.core.executor.state.deleverages.rows)
    assert ripe_nominations(rig.core) == []
    watch.tick()
    assert outcomes(rig) == nominated
    now.passed = RETRY_SECONDS
    sequencer.close()


def test_a_nominee_whose_turn_has_come_takes_the_position_up(rig: Rig, now: HandClock) -> None:
    troubled(rig, -1)
    watch, sequencer = keeper(rig, now)
    watch.tick()
    rig.seconds += ADL_DELAY_MS / 1000
    assert ripe_nominations(rig.core) == [POOR]
    watch.tick()
    sequencer.close()
    assert position(rig.core.executor.state, POOR, 0) == position(rig.core.executor.state, SHORT, 0) == 0


def test_anybody_may_ask_and_what_does_nothing_is_refused(rig: Rig) -> None:
    troubled(rig, WORTH // 40)

    def ask(kind: str, **fields: int) -> Answer | Refused:
        record = to_record(Submission(kind=kind, fields=dict(fields)))
        return rig.core.process([check_signature(record, rig.core.domain)])[0]

    def refusal(answer: Answer | Refused) -> str:
        assert isinstance(answer, Refused), answer
        return answer.code

    before = outcomes(rig)
    assert refusal(ask("liquidate", account=POOR, market=0)) == "healthy"
    assert refusal(ask("liquidate", account=POOR, market=1)) == "no_market"
    assert refusal(ask("take_over", account=77, market=0)) == "no_position"
    assert 77 not in rig.core.executor.state.accounts.rows
    assert refusal(ask("deleverage", account=POOR)) == "no_nomination"
    assert outcomes(rig) == before
    hold(rig.core.executor.state, POOR, 0, 100, 1)
    first = ask("liquidate", account=POOR, market=0)
    assert isinstance(first, Answer)
    assert (first.outcome, first.repeated) == ("UNFILLED", False)
    again = ask("liquidate", account=POOR, market=0)
    assert isinstance(again, Answer)
    assert again.repeated
    rig.seconds += 1
    later = ask("liquidate", account=POOR, market=0)
    assert isinstance(later, Answer)
    assert not later.repeated


def test_the_operators_own_kind_stays_its_own() -> None:
    record = make("clock", clock_ms=1)
    with pytest.raises(Refused, match="operator"):
        to_record(Submission(raw="0x" + encode(record).hex()))


def test_a_liquidation_needs_no_signature_in_either_form(rig: Rig) -> None:
    record = make("liquidate", account=1, market=0)
    assert to_record(Submission(raw="0x" + encode(record).hex())) == record
