"""Sequencing: receipts, the door, the clock, batches, and coming back from any crash."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tallystick.errors import DataMismatch
from tallystick.records.chunks import accumulate
from tallystick.records.codec import Record
from tallystick.records.group_receipts import check_group_receipt, check_promise_of
from tallystick.records.items import Item, pack_items, pack_pairs, pack_slots
from tallystick.records.receipts import check_receipt
from tallystick.records.signing import make, sign
from tallystick.shapes.submitting import Answer
from tallystick.state.hashing import keccak
from tallystick.state.layout import MAX_ORDERS, MESSAGE_FORCE_CANCEL_ALL, MESSAGE_FORCE_WITHDRAW
from tallystick.state.ordinals import AccountId, MarketId, UnixSeconds
from tallystick.testing.scenarios.orders.many_orders import cancel, place, replace
from tallystick.testing.world import START, address, key, message
from tallystick_operator.api import views
from tallystick_operator.intake.door import Refused
from tallystick_operator.sequencer.sealing import CorePolicy
from tallystick_operator.storage.logfiles import HEADER_BYTES, MARK_ENDING
from tests.operator.rig import MakeRig, Rig

BUY, SELL = 0, 1


def refusal(answer: Answer | Refused) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code


def test_an_order_is_acknowledged_with_a_receipt_that_its_bytes_bear_out(rig: Rig) -> None:
    before = rig.core.executor.state.registers.record_accumulator
    checked = rig.checked(rig.order(1, BUY, 617_000, 5, client_id=9))
    answer = rig.core.process([checked])[0]
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.resting_lots, answer.fills) == ("ACCEPTED", 5, [])
    registers = rig.core.executor.state.registers
    assert bytes.fromhex(answer.accumulator[2:]) == accumulate(before, keccak(checked.data))
    promise = answer.group_receipt
    assert promise is not None
    assert (promise.number, promise.accumulator) == (registers.promised_count - 1, registers.promised_accumulator)
    check_promise_of(promise, checked.record)
    check_group_receipt(promise, rig.core.domain, address("receipts"))
    with pytest.raises(DataMismatch):
        check_group_receipt(promise, rig.core.domain, address("somebody"))


def test_what_no_account_signs_is_acknowledged_without_a_promise(rig: Rig) -> None:
    answer = rig.accept(rig.report(0, 618_000))
    assert answer.group_receipt is None
    check_receipt(answer.receipt, rig.core.domain, address("receipts"))


def test_a_match_reports_its_fills_to_the_taker(rig: Rig) -> None:
    rig.accept(rig.order(1, SELL, 618_010, 5, client_id=1))
    rig.accept(rig.order(1, SELL, 618_020, 5, client_id=2))
    answer = rig.accept(rig.order(2, BUY, 618_020, 7, client_id=3))
    assert [(fill.price_ticks, fill.lots, fill.maker) for fill in answer.fills] == [(618_010, 5, 1), (618_020, 2, 1)]
    book = views.book(rig.core.executor.state, MarketId(0), 10)
    assert [(level.price_ticks, level.lots) for level in book.asks] == [(618_020, 3)]


def test_a_record_the_machine_rejects_is_sequenced_all_the_same(rig: Rig) -> None:
    answer = rig.accept(rig.order(1, BUY, 617_000, 2_000_000))
    assert answer.outcome == "TOO_LARGE"


def test_the_door_refuses_what_costs_nothing_to_check(rig: Rig) -> None:
    before = rig.core.executor.state.registers.record_count
    order = rig.order(1, BUY, 617_000, 5)
    rig.accept(order)
    used = rig.signed("order", "alice", account=1, nonce=0, market=0, price_ticks=1, lots=1)
    assert refusal(rig.send(used)[0]) == "nonce_used"
    far = rig.signed("order", "alice", account=1, nonce=10**9, market=0, price_ticks=1, lots=1)
    assert refusal(rig.send(far)[0]) == "nonce_range"
    foreign = rig.signed("order", "bob", account=1, nonce=5, market=0, price_ticks=1, lots=1)
    assert refusal(rig.send(foreign)[0]) == "not_authorised"
    nobody = rig.signed("order", "bob", account=77, nonce=5, market=0, price_ticks=1, lots=1)
    assert refusal(rig.send(nobody)[0]) == "no_account"
    unknown = rig.signed("cancel", "alice", account=1, nonce=5, client_id=123)
    assert refusal(rig.send(unknown)[0]) == "no_such_order"
    price = sign(make("report_prices", pack_pairs({MarketId(0): 1}), time_ms=1), rig.core.domain, key("alice"))
    assert refusal(rig.send(price)[0]) == "not_authorised"
    listing = rig.signed("list_market", "alice", market=1, multiplier=1, initial_ppm=2, maintenance_ppm=1, max_lots=1)
    assert refusal(rig.send(listing)[0]) == "not_authorised"
    assert rig.core.executor.state.registers.record_count == before + 1


def test_an_agent_trades_within_its_scope_and_time(rig: Rig) -> None:
    key_number = int.from_bytes(address("agent"), "big")
    now = rig.core.clock.now_ms()
    approval = rig.signed(
        "approve_agent",
        "alice",
        account=1,
        nonce=rig.next_nonce(1),
        slot=3,
        key=key_number,
        scope=1,
        expiry_ms=now + 5_000,
    )
    rig.accept(approval)

    def by_agent(kind: str, **values: int) -> Record:
        return rig.signed(kind, "agent", account=1, agent=3, nonce=rig.next_nonce(1), **values)

    assert rig.accept(by_agent("order", market=0, price_ticks=617_000, lots=1, client_id=4)).outcome == "ACCEPTED"
    assert refusal(rig.send(by_agent("cancel", client_id=4))[0]) == "agent_scope"
    rig.seconds += 6
    rig.accept(rig.order(2, BUY, 600_000, 1))
    assert refusal(rig.send(by_agent("order", market=0, price_ticks=617_000, lots=1))[0]) == "agent_expired"


def test_a_cancel_finds_its_order_by_client_id(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9))
    answer = rig.accept(rig.signed("cancel", "alice", account=1, nonce=rig.next_nonce(1), client_id=9))
    assert answer.outcome == "ACCEPTED"
    assert not views.orders(rig.core.executor.state, rig.core.executor.read_model, AccountId(1))


def test_a_record_sent_again_gets_its_first_answer(rig: Rig) -> None:
    order = rig.order(1, BUY, 617_000, 5, client_id=9)
    first = rig.accept(order)
    cancel = rig.signed("cancel", "alice", account=1, nonce=rig.next_nonce(1), client_id=9)
    cancelled = rig.accept(cancel)
    count = rig.core.executor.state.registers.record_count
    rig.log.close()
    rig.open()
    for record, answer in ((order, first), (cancel, cancelled)):
        again = rig.accept(record)
        assert again.repeated
        assert (again.record_number, again.signature) == (answer.record_number, answer.signature)
    assert rig.core.executor.state.registers.record_count == count


def test_the_same_record_twice_in_a_group_is_one_record(rig: Rig) -> None:
    order = rig.order(1, BUY, 617_000, 5)
    one, two = rig.send(order, order)
    assert isinstance(one, Answer)
    assert isinstance(two, Answer)
    assert one.record_number == two.record_number
    assert (one.repeated, two.repeated) == (False, True)


def test_what_is_published_replays_to_the_live_state(rig: Rig) -> None:
    for i in range(40):
        rig.seconds += 0.3
        rig.accept(rig.order(1 + i % 2, i % 2, 618_000 + i % 5, 1 + i % 3, client_id=i))
    withdrawal = rig.signed(
        "withdraw",
        "bob",
        account=2,
        nonce=rig.next_nonce(2),
        amount_units=5,
        recipient=int.from_bytes(address("bob"), "big"),
    )
    assert rig.accept(withdrawal).withdrawal == 0
    rig.core.seal_now()
    assert len(rig.core.executor.sealed) > 3
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


def test_a_batch_is_sealed_by_age_and_never_empty(rig: Rig) -> None:
    before = len(rig.core.executor.sealed)
    rig.core.process([])
    rig.seconds += rig.policy.batch_seconds
    rig.core.process([])
    assert len(rig.core.executor.sealed) == before + 1
    rig.seconds += 100
    rig.core.process([])
    assert not rig.core.executor.is_open


def test_a_batch_is_sealed_by_size(make_rig: MakeRig) -> None:
    rig = make_rig(CorePolicy(batch_seconds=1_000, max_batch_bytes=4_096 * 3))
    rig.set_up()
    for _ in range(100):
        rig.accept(rig.order(1, BUY, 1, 1))
    assert len(rig.core.executor.sealed) >= 1
    assert all(len(batch.chunks) <= 3 for batch in rig.core.executor.sealed)
    rig.core.seal_now()
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


def test_the_clock_follows_a_jump_of_l1_and_never_goes_back(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, 617_000, 1))
    rig.core.seal_now()
    rig.post()
    before = rig.core.executor.batch_count
    rig.core.clock.observe(UnixSeconds(START + 90_000))
    answer = rig.accept(rig.order(1, BUY, 617_000, 1))
    assert answer.clock_ms == (START + 90_000) * 1000
    rig.core.clock.observe(UnixSeconds(START))
    assert rig.accept(rig.order(1, BUY, 617_000, 1)).clock_ms == answer.clock_ms
    rig.core.seal_now()
    assert rig.core.executor.batch_count == before + 1
    assert rig.core.executor.sealed[-1].time == START + 90_000, "the jump began a batch of its own time"
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


def test_without_blocks_the_clock_stops_a_little_ahead(rig: Rig) -> None:
    rig.seconds += 10_000
    assert rig.core.clock.now_ms() == (START + 30) * 1000


def test_forced_messages_are_consumed_in_order(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=9))
    rig.messages.append(message(MESSAGE_FORCE_CANCEL_ALL, address("alice"), 1, 0))
    rig.messages.append(message(MESSAGE_FORCE_WITHDRAW, address("bob"), 2, 77))
    rig.core.learn_messages(2, rig.messages[2:])
    rig.core.learn_messages(1, rig.messages[1:])
    rig.core.process([])
    assert rig.core.executor.state.registers.message_cursor == 2, "they come first in a batch, so in the next one"
    rig.core.seal_now()
    rig.core.process([])
    state, read_model = rig.core.executor.state, rig.core.executor.read_model
    assert state.registers.message_cursor == 4
    assert [order.dead for order in views.orders(state, read_model, AccountId(1))] == [True]
    assert not views.book(state, MarketId(0), 10).bids
    assert [each.amount_units for each in read_model.withdrawals[AccountId(2)]] == [77]


def test_a_crash_at_any_byte_loses_only_what_was_not_acknowledged(make_rig: MakeRig) -> None:
    rig = make_rig(CorePolicy(batch_seconds=1.0))
    rig.set_up()
    path = rig.path / "records.log"
    states = {path.stat().st_size: rig.core.executor.state.hash()}
    for i in range(6):
        rig.seconds += 0.4
        rig.send(*[rig.order(1 + i % 2, i % 2, 618_000, 2, client_id=i * 10 + j) for j in range(2)])
        states[path.stat().st_size] = rig.core.executor.state.hash()
    whole = path.read_bytes()
    rig.log.close()
    boundaries = sorted(states)
    for size in range(boundaries[0], len(whole) + 1):
        if size not in states and size - 1 not in states and size + 1 not in states and size % 11:
            continue  # replaying costs more than reading: every byte is cut in test_log.py
        path.write_bytes(whole[:size])
        path.with_name(path.name + MARK_ENDING).unlink()  # the crash was before what follows was acknowledged
        core = rig.open()
        last_whole = max(each for each in boundaries if each <= size)
        assert core.executor.state.hash() == states[last_whole]
        rig.log.close()


def test_after_a_crash_the_same_batches_are_published(rig: Rig) -> None:
    for i in range(10):
        rig.seconds += 0.7
        rig.accept(rig.order(1 + i % 2, i % 2, 618_000, 2, client_id=i))
    before = [batch.header.pack() for batch in rig.core.executor.sealed]
    rig.log.close()
    rig.open()
    assert [batch.header.pack() for batch in rig.core.executor.sealed] == before
    rig.accept(rig.order(1, BUY, 618_000, 2))
    rig.core.seal_now()
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


def test_a_torn_header_is_a_fresh_log(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.log.close()
    (rig.path / "records.log").write_bytes(b"tally")
    assert rig.open().executor.state.registers.record_count == 0
    assert (rig.path / "records.log").stat().st_size == HEADER_BYTES


def bulk(rig: Rig, items: list[Item]) -> Record:
    record = make("bulk", pack_items(items), account=1, nonce=rig.next_nonce(1))
    return sign(record, rig.core.domain, key("alice"))


def test_the_slots_of_a_bulk_are_filled_in_and_each_item_is_answered(rig: Rig) -> None:
    first = rig.accept(bulk(rig, [place(1, BUY, 617_000, 5), place(2, BUY, 617_000, 5), place(3, BUY, 616_000, 5)]))
    assert [item.resting_lots for item in first.items] == [5, 5, 5]
    moved = rig.accept(bulk(rig, [cancel(2), replace(1, BUY, 616_500, 7), cancel(3), cancel(2)]))
    assert [item.outcome for item in moved.items] == ["ACCEPTED", "ACCEPTED", "ACCEPTED", "NO_SUCH_ORDER"]
    assert (moved.outcome, moved.items[1].resting_lots) == ("ACCEPTED", 7)
    assert len(rig.core.executor.read_model.slots_of(AccountId(1))) == 1
    rig.core.seal_now()
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


@pytest.mark.parametrize(
    ("item", "most", "why"),
    [(cancel, 200, "at most 200"), (lambda number: replace(number, BUY, 600_000, 1), 157, "4014 bytes")],
)
def test_a_bulk_is_refused_that_is_too_long_with_the_slots_that_are_filled_in(
    rig: Rig, item: Callable[[int], Item], most: int, why: str
) -> None:
    """It would end the operator: no chunk can hold it, and by then the sequencer has it."""
    with pytest.raises(Refused) as refusal:
        rig.checked(bulk(rig, [item(number) for number in range(most + 1)]))
    assert (refusal.value.code, refusal.value.field) == ("too_long", "items")
    assert why in refusal.value.message
    longest = bulk(rig, [item(number) for number in range(most)])
    assert rig.accept(longest).outcome == "ACCEPTED"
    rig.core.seal_now()
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


def test_a_batch_of_records_that_share_no_chunk_is_sealed_before_it_has_too_many(make_rig: MakeRig) -> None:
    """Each is longer than half a chunk: 32 of them, and the clocks between them, are 32 chunks and far from 120 KB."""
    rig = make_rig(CorePolicy(batch_seconds=1_000))
    rig.set_up()
    for number in range(40):
        rig.seconds += 0.06
        answer = rig.accept(bulk(rig, [place(150 * number + at, BUY, 600_000, 1) for at in range(150)]))
        assert answer.outcome == "ACCEPTED"
    rig.core.seal_now()
    first, second = (len(batch.chunks) for batch in list(rig.core.executor.sealed)[-2:])
    assert first > 30 and second > 0
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


def test_a_bulk_sent_again_gets_its_first_answer(rig: Rig) -> None:
    """T07: the slots filled in the first time are no part of what the record is known by."""
    rig.accept(bulk(rig, [place(1, BUY, 617_000, 5)]))
    record = bulk(rig, [replace(1, BUY, 616_500, 7)])
    first, again = rig.accept(record), rig.accept(record)
    assert again.repeated
    assert (again.record_number, again.items) == (first.record_number, first.items)


@pytest.mark.parametrize(
    ("kind", "values", "code"),
    [
        ("apply_change", {"pending": 0}, "no_change"),
        ("apply_change", {"pending": 63}, "no_market"),
        ("settle_position", {"account": 1, "market": 0}, "not_settled"),
        ("settle_position", {"account": 99, "market": 63}, "not_settled"),
        ("liquidate", {"account": 99, "market": 0}, "no_position"),
        ("liquidate", {"account": 1, "market": 0}, "no_position"),
        ("take_over", {"account": 1, "market": 63, "lots": 1}, "no_market"),
        ("nominate_adl", {"account": 1, "market": 0, "candidate": 2}, "no_position"),
        ("deleverage", {"account": 99}, "no_nomination"),
        ("deleverage", {"account": 1}, "no_nomination"),
    ],
)
def test_a_record_that_nobody_signs_and_that_would_do_nothing_is_refused(
    rig: Rig, kind: str, values: dict[str, int], code: str
) -> None:
    before = rig.core.executor.state.registers.record_count
    refusal = rig.send(make(kind, **values))[0]
    assert isinstance(refusal, Refused)
    assert (refusal.code, bool(refusal.message)) == (code, True)
    assert rig.core.executor.state.registers.record_count == before


def test_a_dead_order_is_cleaned_and_a_living_one_is_not(rig: Rig) -> None:
    slot = rig.accept(rig.order(1, BUY, 617_000, 1, expiry_ms=rig.core.clock.now_ms() + 1_000)).slot
    assert slot is not None
    refusal = rig.send(make("clean", pack_slots(slot)))[0]
    assert isinstance(refusal, Refused)
    assert refusal.code == "not_dead"
    rig.seconds += 2
    # The record that moves the clock comes before the next, and cleaning is looked at after it.
    rig.accept(rig.order(2, BUY, 616_000, 1))
    assert rig.accept(make("clean", pack_slots(slot))).outcome == "ACCEPTED"
    assert rig.core.executor.read_model.slots_of(AccountId(1)) == []


def test_an_account_full_of_dead_orders_has_room_again_before_it_is_told_that_it_has_too_many(rig: Rig) -> None:
    for first in range(0, MAX_ORDERS, 128):
        rig.accept(bulk(rig, [place(first + at, BUY, 600_000, 1) for at in range(128)]))
    assert rig.accept(rig.order(1, BUY, 600_000, 1)).outcome == "TOO_MANY_ORDERS"
    rig.accept(rig.signed("cancel_all", "alice", account=1, nonce=rig.next_nonce(1)))
    assert rig.accept(rig.order(1, BUY, 600_000, 1)).outcome == "ACCEPTED"
    assert len(rig.core.executor.read_model.slots_of(AccountId(1))) == 1
    rig.core.seal_now()
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()


def test_orders_are_shown_dead_once_the_dead_man_switch_has_fired(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, 617_000, 1))
    time_ms = rig.core.clock.now_ms() + 1_000
    rig.accept(rig.signed("dead_man", "alice", account=1, nonce=rig.next_nonce(1), time_ms=time_ms))
    executor = rig.core.executor
    assert not views.orders(executor.state, executor.read_model, AccountId(1))[0].dead
    rig.seconds += 2
    rig.accept(rig.order(2, BUY, 616_000, 1))
    assert views.orders(executor.state, executor.read_model, AccountId(1))[0].dead
    assert [level.price_ticks for level in views.book(executor.state, MarketId(0), 5).bids] == [616_000]
