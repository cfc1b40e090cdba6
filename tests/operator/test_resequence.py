"""Going L1's way: what is kept, what is free to change, what is told, and kill -9 in the middle of it."""

from __future__ import annotations

import random
from collections import Counter

from tallystick.machine.machine import Machine
from tallystick.records.chunks import BatchHeader
from tallystick.records.codec import Record, decode, encode
from tallystick.records.signing import make
from tallystick.shapes.submitting import Answer
from tallystick.state.layout import MESSAGE_DEPOSIT, MESSAGE_FORCE_CANCEL_ALL
from tallystick.state.ordinals import AccountId, MarketId, UnixSeconds
from tallystick.testing.world import START, address, message, ordinary_rules
from tallystick_operator.api import views
from tallystick_operator.intake.door import Refused
from tallystick_operator.intake.promises import GIVE_UP_SECONDS, MOST_BEHIND_MS, PRICES_WAIT_SECONDS
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.executor import frames
from tallystick_operator.sequencer.record_log import EntryKind
from tallystick_operator.sequencer.rewind import Fork, is_kept
from tallystick_operator.storage.logfiles import MARK_ENDING
from tests.operator.rig import MakeRig, Rig

BUY, SELL = 0, 1


def refusal(rig: Rig, record: Record) -> str:
    answer = rig.send(record)[0]
    return answer.code if isinstance(answer, Refused) else ""


def kept_records(core: Core) -> list[bytes]:
    """Return the records on L1, once all that is sealed is there, that must not be lost."""
    records = [
        data
        for batch in core.executor.sealed
        for chunk in batch.chunks
        for data in frames(chunk)
        if is_kept(decode(data))
    ]
    assert max(Counter(records).values(), default=1) == 1, "nothing is there twice"
    return records


def settle(rig: Rig) -> None:
    """Let the owed records run, with prices that their signers renew, and seal."""
    for turn in range(200):
        if turn % 20 == 0:
            for signer in range(3):
                rig.send(rig.report(signer, 618_000))
        rig.seconds += 1
        rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
        rig.post()
        rig.core.process([])
        if not rig.core.branch.owed:
            break
    assert not rig.core.branch.owed
    rig.core.seal_now()


def own_history(rig: Rig) -> Machine:
    """Check that a replay of what is published gives the operator's own state."""
    machine = rig.replayed()
    assert machine.state.hash() == rig.core.executor.state.hash()
    return machine


def strangers_batch(rig: Rig) -> tuple[BatchHeader, tuple[bytes, ...]]:
    """Return a batch without a record that a stranger makes behind the sealed ones."""
    foreign = Rig(path=rig.path / "stranger")
    foreign.path.mkdir()
    foreign.open()
    for batch in rig.core.executor.sealed:
        foreign.core.adopt(batch.header, batch.chunks, rig.messages)
    foreign.core.executor.sealed.clear()
    foreign.core.clock.observe(UnixSeconds(START + 40))
    foreign.messages = list(rig.messages)
    liquidation = foreign.core.process([foreign.checked(make("settle_account", account=1))])
    assert isinstance(liquidation[0], Refused)
    foreign.core._open(foreign.core.clock.now_ms())
    foreign.core._commit()
    foreign.core.seal_now()
    (theirs,) = foreign.core.executor.sealed
    foreign.log.close()
    return theirs.header, theirs.chunks


def test_P10_a_strangers_batch_is_adopted_and_what_was_acknowledged_comes_behind_it(rig: Rig) -> None:
    kept = rig.core.executor.batch_count
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    before = [rig.accept(rig.order(1, BUY, 617_000 - at, 5, client_id=at + 1)) for at in range(5)]
    fill = rig.accept(rig.order(2, SELL, 617_000, 3, client_id=9))
    assert fill.fills
    turned = rig.core.turn(
        Fork(kept=kept, batches=(strangers_batch(rig),), messages=tuple(rig.messages), reason="a stranger's")
    )
    assert (turned.undone, turned.owed, turned.lost) == (1, 6, ())
    settle(rig)
    own_history(rig)
    assert len(kept_records(rig.core)) == 6, "five orders and the one that met them"
    read_model = rig.core.executor.read_model
    assert [each.client_id for each in read_model.history.orders(AccountId(1))] == [1, 2, 3, 4, 5]
    assert len(before) == 5 and read_model.fills == 1


def test_P10_what_is_owed_behind_a_strangers_batch_stays_owed_when_L1_turns_again(rig: Rig) -> None:
    """The second turn keeps the stranger's batch, and with it the place where the first one noted what it owes."""
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    for at in range(5):
        rig.accept(rig.order(1, BUY, 617_000 - at, 5, client_id=at + 1))
    fork = Fork(kept=kept, batches=(strangers_batch(rig),), messages=tuple(rig.messages), reason="a stranger's")
    assert rig.core.turn(fork).owed == 5
    again = Fork(kept=kept + 1, messages=tuple(rig.messages), reason="another")
    assert rig.core.turn(again).owed == 5
    assert rig.core.turn(again).owed == 5
    rig.log.close()
    rig.open()
    assert len(rig.core.branch.owed) == 5
    settle(rig)
    own_history(rig)
    assert [each.client_id for each in rig.core.executor.read_model.history.orders(AccountId(1))] == [1, 2, 3, 4, 5]


def scene(rig: Rig) -> list[Record]:
    """Have both traders do something of every kind; return what was acknowledged."""
    sent: list[Record] = []

    def take(record: Record) -> None:
        rig.accept(record)
        sent.append(record)

    for at in range(6):
        take(rig.order(1, BUY, 617_000 - at, 5, client_id=100 + at))
    take(rig.order(2, SELL, 616_999, 7, client_id=200))
    take(rig.signed("cancel_all", "bob", account=2, nonce=rig.next_nonce(2)))
    rig.seconds += 1
    withdrawal = {"amount_units": 10**6, "recipient": int.from_bytes(address("bob"), "big")}
    take(rig.signed("withdraw", "bob", account=2, nonce=rig.next_nonce(2), **withdrawal))
    take(rig.order(2, BUY, 600_000, 1, client_id=201))
    return sent


def test_P11_a_deposit_that_a_reorganisation_moves_ends_nothing_and_loses_no_record(rig: Rig) -> None:
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    rig.deposit("carol", 3, 10**9)
    sent = scene(rig)
    rig.messages[-1] = message(MESSAGE_DEPOSIT, address("carol"), 3, 10**9, START + 12)
    rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason="moved"))
    settle(rig)
    machine = own_history(rig)
    assert machine.state.registers.message_cursor == 3
    on_l1 = kept_records(rig.core)
    assert [data for data in on_l1 if decode(data) in sent] == [encode(each) for each in sent], "same bytes, same order"
    assert rig.core.branch.changed == 0


def test_an_outcome_that_is_another_now_is_told_in_the_feed_and_the_orders_status(rig: Rig) -> None:
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    rig.deposit("carol", 3, 10**12)
    order = rig.signed(
        "order", "carol", account=3, nonce=0, market=0, side=BUY, price_ticks=617_000, lots=5, client_id=1
    )
    told = rig.accept(order)
    rig.accept(rig.order(2, SELL, 617_000, 5, client_id=2))
    newest = rig.core.executor.read_model.history.sequence
    del rig.messages[-1]
    rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason="gone"))
    settle(rig)
    history = rig.core.executor.read_model.history
    events = history.after(newest)
    assert events[0].name == "rewound" and events[0].sequence == newest + 1
    changed = [each.fields for each in events if each.name == "changed"]
    assert [each["was_record"] for each in changed] == [told.record_number]
    assert rig.core.branch.changed == 1, "without the deposit the order had no account; the other one rests instead"
    assert [each.status for each in history.orders(AccountId(2))] == ["open"]
    assert not history.orders(AccountId(3))
    again = rig.send(order)[0]
    assert isinstance(again, Answer) and again.repeated
    assert again.outcome == "NO_ACCOUNT", "who asks again is told what became of it"


def test_records_that_a_strangers_batch_holds_already_are_not_there_twice(rig: Rig) -> None:
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    scene(rig)
    rig.core.seal_now()
    (own,) = list(rig.core.executor.sealed)[kept:]
    more = rig.accept(rig.order(2, BUY, 600_001, 1, client_id=300))
    turned = rig.core.turn(
        Fork(kept=kept, batches=((own.header, own.chunks),), messages=tuple(rig.messages), reason="back again")
    )
    assert turned.owed == 1
    settle(rig)
    own_history(rig)
    assert kept_records(rig.core)
    assert more.outcome == "ACCEPTED"


def test_a_listing_is_executed_again_before_the_orders_that_came_behind_it(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.set_up()
    rig.accept(rig.signed("list_market", "governance", market=9, **ordinary_rules()))
    sent = scene(rig)
    rig.core.turn(Fork(kept=0, messages=tuple(rig.messages), reason="everything"))
    settle(rig)
    own_history(rig)
    assert [each.client_id for each in rig.core.executor.read_model.history.orders(AccountId(1))] == [
        100 + at for at in range(6)
    ]
    assert len(kept_records(rig.core)) == len(sent) + 1
    assert rig.core.branch.changed == 0
    assert views.market(rig.core.executor.state, MarketId(9)) is not None


def test_what_was_acknowledged_longer_ago_than_is_declared_is_given_up_and_named(rig: Rig) -> None:
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    sent = scene(rig)
    rig.core.seal_now()
    rig.seconds += GIVE_UP_SECONDS + 1
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
    turned = rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason="shut"))
    assert [each.data for each in turned.lost] == [encode(each) for each in sent]
    assert turned.owed == 0
    lost = [each for each in rig.core.executor.read_model.history.after(0) if each.name == "lost"]
    assert len(lost) == len(sent)
    rig.log.close()
    rig.open()
    assert not rig.core.branch.owed


def test_killed_at_any_write_while_it_turns_and_pays_nothing_is_lost_or_doubled(make_rig: MakeRig) -> None:
    """The log is cut behind each group, and within it, as a crash leaves it; what is on disk then goes on."""
    rig = make_rig()
    rig.set_up()
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    sent = scene(rig)
    path = rig.path / "records.log"
    first = path.stat().st_size
    rig.messages.append(message(MESSAGE_FORCE_CANCEL_ALL, address("bob"), 2, 0))
    fork = Fork(kept=kept, messages=tuple(rig.messages), reason="any")
    rig.core.turn(fork)
    settle(rig)
    whole = path.read_bytes()
    rig.log.close()
    chance = random.Random(1)
    for size in sorted({first, first + 1, len(whole), *(chance.randrange(first, len(whole)) for _ in range(25))}):
        path.write_bytes(whole[:size])
        path.with_name(path.name + MARK_ENDING).unlink()  # the crash was before what follows was acknowledged
        rig.open()
        if not any(entry.kind is EntryKind.REWIND for entry in rig.log.entries()):
            rig.core.turn(fork)
        settle(rig)
        own_history(rig)
        assert [data for data in kept_records(rig.core) if decode(data) in sent] == [encode(each) for each in sent]
        rig.log.close()


def test_L1_may_go_another_way_again_and_again(make_rig: MakeRig) -> None:
    """Random turns at random batches, with restarts between them: acknowledged once, on L1 once, in the same order."""
    chance = random.Random(7)
    rig = make_rig()
    rig.set_up()
    rig.core.seal_now()
    sent: list[Record] = []
    for turn in range(12):
        for _ in range(chance.randrange(6)):
            record = rig.order(1 + chance.randrange(2), chance.randrange(2), 617_990 + chance.randrange(20), 3)
            rig.accept(record)
            sent.append(record)
            if chance.random() < 0.3:
                rig.core.seal_now()
        if chance.random() < 0.3:
            rig.messages.append(message(MESSAGE_DEPOSIT, address("bob"), 2, 7, START + turn))
        kept = chance.randrange(1, rig.core.executor.batch_count + 1)
        rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason=str(turn)))
        if chance.random() < 0.5:
            rig.log.close()
            rig.open()
        settle(rig)
        own_history(rig)
        assert [data for data in kept_records(rig.core) if decode(data) in sent] == [encode(each) for each in sent]


def test_F03_nothing_is_promised_once_the_oldest_record_waits_for_l1_too_long(rig: Rig) -> None:
    rig.core.seal_now()
    rig.post()
    rig.seconds += 1
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=1))
    rig.seconds += MOST_BEHIND_MS / 1000 - 1
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=2))
    rig.seconds += 1
    assert refusal(rig, rig.order(1, BUY, 617_000, 5, client_id=3)) == "l1_behind"
    for signer in range(3):
        assert isinstance(rig.send(rig.report(signer, 618_000))[0], Answer), "prices go on"
    rig.core.seal_now()
    rig.post()
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=4))


def test_F03_a_restart_does_not_forget_how_long_records_wait_for_l1(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=1))
    rig.log.close()
    rig.seconds += MOST_BEHIND_MS / 1000 + 1
    rig.open()
    assert refusal(rig, rig.order(1, BUY, 617_000, 5, client_id=2)) == "l1_behind"


def test_owed_orders_wait_for_prices_but_not_for_ever(rig: Rig) -> None:
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=1))
    rig.seconds += 1_000
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
    rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason="shut"))
    rig.core.process([])
    assert rig.core.branch.owed, "no prices yet"
    rig.seconds += PRICES_WAIT_SECONDS
    rig.core.process([])
    assert not rig.core.branch.owed
    assert rig.core.branch.changed == 1
    assert [each.outcome for each in rig.core.executor.read_model.history.orders(AccountId(1))] == ["STALE_INDEX"]


def test_P11_batches_of_nothing_but_prices_are_few_and_an_idle_exchange_has_a_heartbeat(rig: Rig) -> None:
    rig.core.seal_now()
    before = rig.core.executor.batch_count
    for second in range(100):
        rig.seconds += 1
        rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
        if second % 3 == 0:
            rig.send(*[rig.report(signer, 618_000) for signer in range(3)])
        rig.core.process([])
    assert rig.core.executor.batch_count - before == 2, "one every 45 seconds or so"
    rig.core.seal_now()
    before, clock = rig.core.executor.batch_count, rig.core.executor.state.registers.clock_ms
    for _ in range(7):
        rig.seconds += 100
        rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
        rig.core.process([])
    assert rig.core.executor.batch_count - before == 1
    assert rig.core.executor.state.registers.clock_ms - clock >= rig.policy.heartbeat_seconds * 1000
    own_history(rig)


def test_a_client_that_is_refused_is_told_why_in_a_sentence(rig: Rig) -> None:
    rig.core.seal_now()
    kept = rig.core.executor.batch_count
    rig.accept(rig.order(1, BUY, 617_000, 5, client_id=1))
    rig.seconds += 1_000
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
    rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason="moved"))
    refused = rig.send(rig.order(1, BUY, 617_000, 5, client_id=2))[0]
    assert isinstance(refused, Refused)
    assert refused.status == 503
    assert "executed again" in refused.message
