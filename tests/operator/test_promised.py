"""Promises of an operator: one signature a group, the same places whatever happens, and none that could be shifted."""

from __future__ import annotations

import pytest

from tallystick.records.group_receipts import GroupReceipt, check_group_receipt, clash
from tallystick.shapes.submitting import Answer
from tallystick.testing.world import address
from tallystick_operator.intake.door import Refused
from tallystick_operator.intake.promises import INBOX_OPEN, PROMISED_WITHIN_SECONDS
from tallystick_operator.sequencer.rewind import Fork
from tests.operator.rig import MakeRig, Rig
from tests.operator.test_resequence import settle
from tests.operator.test_resequence_model import Match

BUY, SELL = 0, 1


def promises(results: list[Answer | Refused]) -> list[GroupReceipt]:
    """Return the promises among results."""
    found = [each.group_receipt for each in results if isinstance(each, Answer)]
    return [each for each in found if each is not None]


def assert_all_can_be_kept(receipts: list[GroupReceipt]) -> None:
    """No two of them clash, nor with the chain in front of either."""
    for a in receipts:
        for b in receipts:
            assert not clash(a, b, a.before), (a, b)


def test_a_group_has_one_signature_and_names_its_places(rig: Rig) -> None:
    registers = rig.core.executor.state.registers
    first, before = registers.promised_count, registers.promised_accumulator
    results = rig.send(
        rig.order(1, BUY, 617_000, 5),
        rig.report(0, 618_000),
        rig.order(2, BUY, 617_000, 5),
        rig.order(1, SELL, 1, 9_999_999),
    )
    receipts = promises(results)
    assert [each.number for each in receipts] == [first, first + 1, first + 2]
    assert len({each.signature for each in receipts}) == 1
    assert {(each.first, each.count, each.before, each.epoch) for each in receipts} == {(first, 3, before, 0)}
    for receipt in receipts:
        check_group_receipt(receipt, rig.core.domain, address("receipts"))
        assert receipt.post_by == rig.core.clock.now_ms() // 1000 + PROMISED_WITHIN_SECONDS


def test_who_asks_again_gets_the_same_place_behind_a_restart_as_well(rig: Rig) -> None:
    orders = [rig.order(1, BUY, 617_000 + lots, lots) for lots in range(1, 6)]
    given = promises(rig.send(*orders))
    rig.seconds += 3
    given += promises(rig.send(orders[1], orders[3], orders[4]))
    rig.log.close()
    rig.open()
    given += promises(rig.send(orders[4], orders[0]))
    given += promises(rig.send(rig.order(2, SELL, 619_000, 1)))
    assert len(given) == 11
    assert len({each.place for each in given}) == 6
    assert_all_can_be_kept(given)


def test_records_put_in_order_anew_have_the_places_that_were_promised(rig: Rig) -> None:
    rig.core.seal_now()
    rig.post()
    kept = rig.core.executor.batch_count
    orders = [rig.order(1 + lots % 2, BUY, 617_000 + lots, lots) for lots in range(1, 6)]
    given = promises(rig.send(*orders[:3]))
    rig.core.seal_now()
    given += promises(rig.send(*orders[3:]))
    rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason="late"))
    settle(rig)
    given += promises(rig.send(*orders))
    assert len(given) == 10
    assert len({each.place for each in given}) == 5
    assert_all_can_be_kept(given)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_l1_does_to_own_batches_nothing_promised_clashes(seed: int, make_rig: MakeRig) -> None:
    """Batches and messages are taken back and come again, others are forced in, the operator is killed in between."""
    match = Match(make_rig(), 100 + seed)
    match.strangers_share = 0.0
    for _ in range(8):
        match.round()
    assert len(match.given) > 10
    assert_all_can_be_kept(match.given)


def test_nothing_is_promised_while_strangers_may_post_but_prices_go_on(rig: Rig) -> None:
    rig.core.promiser.refusal = INBOX_OPEN
    assert rig.send(rig.order(1, BUY, 617_000, 5)) == [INBOX_OPEN]
    assert isinstance(rig.send(rig.report(1, 618_000))[0], Answer)
    rig.core.promiser.refusal = None
    assert promises(rig.send(rig.order(2, BUY, 617_000, 5)))


def test_R06_what_was_safe_when_l1_was_asked_last_is_not_so_for_ever(rig: Rig) -> None:
    """L1 cannot be asked for half a day, and nobody sends anything: who posts when that is over shifts what comes."""
    rig.core.promiser.until = rig.core.clock.monotonic() + 100
    assert promises(rig.send(rig.order(1, BUY, 617_000, 5)))
    rig.core.seal_now()
    rig.post()
    rig.seconds += 100
    assert rig.send(rig.order(1, BUY, 617_000, 5)) == [INBOX_OPEN]
    assert isinstance(rig.send(rig.report(1, 618_000))[0], Answer)


def test_promises_name_the_epoch_that_l1_says(rig: Rig) -> None:
    rig.core.promiser.epoch = 4
    (receipt,) = promises(rig.send(rig.order(1, BUY, 617_000, 5)))
    assert receipt.epoch == 4
