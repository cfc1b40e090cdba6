"""A client id names one order of an account for ever: an order signed anew is answered as the first time, or refused."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tallystick.records.codec import Record
from tallystick.records.items import ITEM_CANCEL, ITEM_PLACE, ITEM_REPLACE, Item, pack_items
from tallystick.records.signing import make, sign
from tallystick.shapes.submitting import Answer
from tallystick.state.layout import FLAG_IOC, FLAG_POST_ONLY, FLAG_TRIGGER_ABOVE
from tallystick.state.ordinals import AccountId, SignedMarket
from tallystick.testing.world import key
from tallystick_operator.api.views import orders
from tallystick_operator.intake import clientids
from tallystick_operator.intake.door import Refused
from tallystick_operator.sequencer.sequencer import Sequencer
from tests.operator.rig import Rig

BUY, SELL = 0, 1


def bulk(rig: Rig, *items: Item) -> Record:
    values = {"account": 1, "agent": 0, "nonce": rig.next_nonce(1), "expiry_ms": 0}
    return sign(make("bulk", pack_items(list(items)), **values), rig.core.domain, key("alice"))


def item(what: int, client_id: int, price: int = 617_000) -> Item:
    return Item(what=what, client_id=client_id, market=SignedMarket(0), side=BUY, price_ticks=price, lots=5)


def conditional(rig: Rig, **more: int) -> Record:
    values: dict[str, Any] = {"account": 1, "nonce": rig.next_nonce(1), "price_ticks": 617_000, "lots": 5} | more
    return rig.signed("conditional", "alice", side=BUY, client_id=9, flags=FLAG_TRIGGER_ABOVE, **values)


def refusal(rig: Rig, record: Record) -> str:
    (answer,) = rig.send(record)
    assert isinstance(answer, Refused), answer
    assert answer.field == "client_id"
    return answer.code


def records(rig: Rig) -> int:
    return rig.core.executor.state.registers.record_count


def resting(rig: Rig) -> int:
    return len(rig.core.executor.read_model.slots_of(AccountId(1)))


def test_an_order_signed_anew_is_answered_as_the_first_time(rig: Rig) -> None:
    """T07."""
    first = rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9))
    count = records(rig)
    again = rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9))
    assert again.repeated and not first.repeated
    assert (again.record_number, again.signature, again.slot) == (first.record_number, first.signature, first.slot)
    assert (records(rig), resting(rig)) == (count, 1)


def test_a_replace_that_only_makes_an_order_smaller_is_answered_with_what_rests_where_it_was(rig: Rig) -> None:
    first = rig.accept(rig.order(1, BUY, 617_000, 5, client_id=3))
    smaller = Item(what=ITEM_REPLACE, client_id=3, market=SignedMarket(0), side=BUY, price_ticks=617_000, lots=2)
    (done,) = rig.accept(bulk(rig, smaller)).items
    assert (done.outcome, done.slot, done.resting_lots) == ("ACCEPTED", first.slot, 2)
    executor = rig.core.executor
    assert [(each.slot, each.remaining_lots) for each in orders(executor.state, executor.read_model, AccountId(1))] == [
        (first.slot, 2)
    ]
    assert [each.remaining_lots for each in executor.read_model.history.orders(AccountId(1))] == [2]


def test_what_a_quote_fills_is_taken_off_its_stop_in_every_view(rig: Rig) -> None:
    values = {"account": 1, "side": SELL, "lots": 5}
    quote = {"price_ticks": 618_010, "client_id": 11, "flags": FLAG_POST_ONLY, "nonce": rig.next_nonce(1)}
    rig.accept(rig.signed("conditional", "alice", **values, **quote))
    stop = {"price_ticks": 610_000, "client_id": 12, "trigger_ticks": 610_000, "pair": 11, "nonce": rig.next_nonce(1)}
    rig.accept(rig.signed("conditional", "alice", **values, **stop))
    executor = rig.core.executor
    for taken, left, dead in ((2, 3, False), (3, 3, True)):
        rig.accept(rig.order(2, BUY, 618_010, taken))
        shown = next(each for each in orders(executor.state, executor.read_model, AccountId(1)) if each.client_id == 12)
        assert (shown.remaining_lots, shown.dead, shown.pair) == (left, dead, 0 if dead else 11)
        kept = next(each for each in executor.read_model.history.orders(AccountId(1)) if each.client_id == 12)
        assert kept.remaining_lots == left


def test_it_is_when_the_order_is_filled_cancelled_or_replaced_too(rig: Rig) -> None:
    """T07."""
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=1))
    rig.accept(rig.order(2, SELL, 617_000, 5, client_id=1))
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=2))
    rig.accept(rig.signed("cancel", "alice", account=1, nonce=rig.next_nonce(1), client_id=2))
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=3))
    rig.accept(bulk(rig, item(ITEM_REPLACE, 3, 616_000)))
    for client_id in (1, 2, 3):
        assert rig.accept(rig.order(1, BUY, 617_000, 5, client_id=client_id)).repeated
    assert resting(rig) == 1


def test_another_order_under_the_same_id_is_refused(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9))
    count = records(rig)
    for side, price, lots, flags in ((SELL, 617_000, 5, 0), (BUY, 617_001, 5, 0), (BUY, 617_000, 6, 0)):
        assert refusal(rig, rig.order(1, side, price, lots, client_id=9, flags=flags)) == "client_id_used"
    assert refusal(rig, rig.order(1, BUY, 617_000, 5, client_id=9, flags=FLAG_POST_ONLY)) == "client_id_used"
    assert refusal(rig, rig.order(1, BUY, 617_000, 5, client_id=9, expiry_ms=2**50)) == "client_id_used"
    assert refusal(rig, conditional(rig)) == "client_id_used"
    assert refusal(rig, bulk(rig, item(ITEM_PLACE, 8), item(ITEM_PLACE, 9))) == "client_id_used"
    assert (records(rig), resting(rig)) == (count, 1)


def test_a_conditional_order_is_known_by_its_trigger_as_well(rig: Rig) -> None:
    rig.accept(conditional(rig, trigger_ticks=650_000))
    assert rig.accept(conditional(rig, trigger_ticks=650_000)).repeated
    assert refusal(rig, conditional(rig, trigger_ticks=650_001)) == "client_id_used"


def test_what_did_nothing_may_come_again_and_what_has_no_id_always(rig: Rig) -> None:
    for _ in range(2):
        answer = rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9, flags=FLAG_IOC))
        assert (answer.outcome, answer.repeated) == ("UNFILLED", False)
    rig.accept(rig.order(2, SELL, 617_000, 3, client_id=9))
    assert rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9, flags=FLAG_IOC)).fills
    assert rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9, flags=FLAG_IOC)).repeated
    for _ in range(2):
        assert not rig.accept(rig.order(1, BUY, 610_000, 1)).repeated
    assert resting(rig) == 2


def test_a_bulk_signed_anew_runs_once_and_no_id_twice_in_one(rig: Rig) -> None:
    items = (item(ITEM_PLACE, 1), item(ITEM_PLACE, 2, 616_000), item(ITEM_CANCEL, 77))
    first = rig.accept(bulk(rig, *items))
    again = rig.accept(bulk(rig, *items))
    assert again.repeated
    assert (again.record_number, again.items) == (first.record_number, first.items)
    assert refusal(rig, bulk(rig, item(ITEM_PLACE, 3), item(ITEM_PLACE, 3))) == "client_id_used"
    moved = rig.accept(bulk(rig, item(ITEM_REPLACE, 1, 615_000), item(ITEM_PLACE, 4)))
    assert [each.outcome for each in moved.items] == ["ACCEPTED", "ACCEPTED"]
    assert resting(rig) == 3


def test_ids_outlive_the_operator(rig: Rig) -> None:
    """T07."""
    first = rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9))
    rig.accept(bulk(rig, item(ITEM_PLACE, 10)))
    rig.log.close()
    rig.open()
    again = rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9))
    assert (again.repeated, again.record_number) == (True, first.record_number)
    assert rig.accept(bulk(rig, item(ITEM_PLACE, 10))).repeated
    assert refusal(rig, rig.order(1, BUY, 1, 5, client_id=10)) == "client_id_used"


def test_an_order_that_rests_is_known_however_long_ago_it_came(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clientids, "IDS_KEPT", 2)
    for client_id in range(1, 5):
        rig.accept(rig.order(1, BUY, 617_000 - client_id, 1, client_id=client_id))
    assert refusal(rig, rig.order(1, BUY, 616_999, 1, client_id=1)) == "client_id_used"
    assert rig.accept(rig.order(1, BUY, 616_996, 1, client_id=4)).repeated


def test_of_many_at_once_one_is_taken(rig: Rig) -> None:
    """T07."""
    checked = [rig.checked(rig.order(1, BUY, 617_000, 5, client_id=9)) for _ in range(16)]
    sequencer = Sequencer(rig.core, lambda batch: None, lambda error: None)
    sequencer.start()
    answers: list[Answer | Refused] = []
    threads = [
        threading.Thread(target=lambda each=each: answers.extend(sequencer.submit([each]).result())) for each in checked
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sequencer.close()
    assert len({each.record_number for each in answers if isinstance(each, Answer)}) == 1
    assert sum(isinstance(each, Answer) and not each.repeated for each in answers) == 1
    assert resting(rig) == 1
