"""Views and replay, from events alone."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from typing import Any

import pytest
from eth_hash.auto import keccak

from tallystick.dispute.traces.traces import source_of
from tallystick.errors import DataMismatch, DataMissing, StateError
from tallystick.records.chunks import chunks_hash
from tallystick.rollup import replay
from tallystick.rollup.invariants import broken
from tallystick.rollup.replay import Replayer
from tallystick.rollup.views.assertion_view import RollupView, Status, assertion_id
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.cells import account_cash_units, set_account_cash_units
from tallystick.state.layout import MAX_CHUNK_BYTES
from tallystick.state.ordinals import AccountId, BatchNumber, BlockNumber
from tallystick.state.quantities import Units
from tallystick.testing.world import World, listed, world_genesis

BATCHES = 12
GENESIS = world_genesis(markets=(listed(0),))


@dataclass(frozen=True)
class Happened:
    name: str
    args: dict[str, Any]
    block: BlockNumber
    contract: str = ""


@pytest.fixture(scope="module")
def history() -> tuple[list[Happened], list[bytes]]:
    """The Inbox's events of a dozen batches, a block each, and the true state hash after each batch."""
    world = World(GENESIS)
    world.clock()
    world.report(0, 618_000)
    world.seal()
    hashes = [world.state.hash()]
    for number in range(1, BATCHES):
        world.deposit("alice", 1, 10**9)
        world.order(1, 0, 0, 617_000 - number, 1, client_id=number + 1)
        world.seal()
        hashes.append(world.state.hash())
    return events_of(world), hashes


def events_of(world: World) -> list[Happened]:
    found = []
    accumulator = bytes(32)
    for index, message in enumerate(world.published.messages):
        accumulator = bytes(keccak(accumulator + keccak(message)))
        args = {"index": index, "message": message, "accumulator": accumulator}
        found.append(Happened("MessageQueued", args, BlockNumber(10 + index)))
    for index, header in enumerate(world.published.headers):
        found += [
            Happened("ChunkPosted", {"batch": index, "chunk": at, "data": chunk}, BlockNumber(10 + index))
            for at, chunk in enumerate(world.published.chunks[index])
        ]
        args = {
            "index": index,
            "time": header.time,
            "until": header.until,
            "source": header.source,
            "poster": header.poster,
            "messageLimit": header.message_limit,
            "chunkCount": header.chunk_count,
            "chunksHash": header.chunks_hash,
        }
        found.append(Happened("BatchPosted", args, BlockNumber(10 + index)))
    return sorted(found, key=lambda event: event.block)


def inbox_of(events: list[Happened]) -> InboxView:
    view = InboxView()
    for event in events:
        view.apply(event)
    return view


def rollup_of(hashes: list[bytes], confirmed: int = 0) -> RollupView:
    """A chain of assertions, one for each batch, the first `confirmed` of them confirmed."""
    view = RollupView()
    genesis = bytes(32)
    first = {"id": genesis, "stateHash": bytes(32), "nextLimit": 1, "data": GENESIS.encode()}
    view.apply(Happened("Genesis", first, BlockNumber(1)))
    parent = genesis
    for number, state in enumerate(hashes):
        id_ = assertion_id(parent, state)
        args = {
            "id": id_,
            "parent": parent,
            "stateHash": state,
            "stateRoot": b"",
            "registers": b"",
            "limit": number + 1,
            "nextLimit": number + 2,
            "proposer": b"",
        }
        view.apply(Happened("AssertionPosted", args, BlockNumber(20 + number)))
        if number < confirmed:
            view.apply(Happened("AssertionConfirmed", {"id": id_}, BlockNumber(40 + number)))
        parent = id_
    return view


def replayed(history: tuple[list[Happened], list[bytes]], rollup: RollupView) -> Replayer:
    replayer = Replayer(rollup.genesis_data, rollup.genesis_id, inbox_of(history[0]), height=20)
    for parent in list(rollup.assertions.values())[:-1]:
        expected = replayer.expected(parent)
        assert expected is not None
        assert expected.id in rollup.assertions
        assert broken(replayer.states[expected.id]) == ()
        replayer.forget(rollup)
    return replayer


def test_every_assertion_is_replayed_from_events_alone(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of(history[1])
    replayer = replayed(history, rollup)
    assert all(replayer.knows(id_) for id_ in rollup.assertions)


def test_few_states_are_kept_and_any_pending_one_can_be_had(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of(history[1], confirmed=2)
    replayer = replayed(history, rollup)
    assert len(replayer.states) <= replay.KEPT_STATES + 1
    assert rollup.latest_confirmed in replayer.states
    for assertion in rollup.assertions.values():
        if assertion.status is Status.PENDING:
            assert replayer.state(assertion.id).hash() == assertion.state_hash
    with pytest.raises(StateError):
        replayer.state(rollup.genesis_id)


def test_a_child_of_a_lie_is_not_replayed(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of([bytes(32), *history[1][1:]])
    replayer = Replayer(rollup.genesis_data, rollup.genesis_id, inbox_of(history[0]), height=20)
    genesis, lie = list(rollup.assertions.values())[:2]
    expected = replayer.expected(genesis)
    assert expected is not None and expected.id != lie.id
    assert not replayer.knows(lie.id)
    with pytest.raises(StateError):
        replayer.expected(lie)


def test_nothing_is_expected_before_its_inputs_are_there(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of([])
    replayer = Replayer(rollup.genesis_data, rollup.genesis_id, inbox_of([]), height=20)
    assert replayer.expected(rollup.assertions[rollup.genesis_id]) is None


def test_a_reorganisation_leaves_what_was_posted_before_it(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of(history[1])
    replayer = replayed(history, rollup)
    rollup.rollback(BlockNumber(24))
    replayer.retain(rollup.assertions)
    assert len(rollup.assertions) == 6
    assert {id_ for id_ in rollup.assertions if replayer.knows(id_)} == set(rollup.assertions)
    tip = list(rollup.assertions.values())[-1]
    expected = replayer.expected(tip)
    assert expected is not None
    assert expected.state_hash == history[1][5]


def test_a_view_rolled_back_is_the_view_of_the_shorter_chain(history: tuple[list[Happened], list[bytes]]) -> None:
    long = inbox_of(history[0])
    long.rollback(BlockNumber(14))
    short = inbox_of([event for event in history[0] if event.block <= 14])
    assert (long.batch_count, long.messages, long.headers) == (short.batch_count, short.messages, short.headers)
    for event in history[0]:
        if event.block > 14:
            long.apply(event)
    assert long.batch_count == BATCHES


def test_a_chunk_that_is_not_what_its_batch_commits_to_is_refused(history: tuple[list[Happened], list[bytes]]) -> None:
    forged = [
        Happened(event.name, event.args | {"data": event.args["data"] + b"\0"}, event.block)
        if event.name == "ChunkPosted" and event.args["batch"] == 3
        else event
        for event in history[0]
    ]
    view = inbox_of(forged)
    assert view.chunk(BatchNumber(2), 0)
    with pytest.raises(DataMismatch):
        view.chunk(BatchNumber(3), 0)


def test_missing_data_is_missing_and_not_wrong(history: tuple[list[Happened], list[bytes]]) -> None:
    view = inbox_of([event for event in history[0] if event.name != "ChunkPosted"])
    for call in (
        lambda: view.chunk(BatchNumber(0), 0),
        lambda: view.batch(BatchNumber(BATCHES)),
        lambda: view.message(10**6),
    ):
        with pytest.raises(DataMissing):
            call()


def test_a_message_out_of_order_or_altered_is_refused(history: tuple[list[Happened], list[bytes]]) -> None:
    messages = [event for event in history[0] if event.name == "MessageQueued"]
    altered = Happened("MessageQueued", messages[0].args | {"message": bytes(45)}, BlockNumber(10))
    for events in ([messages[1]], [altered], [messages[0], messages[0]]):
        with pytest.raises(DataMismatch):
            inbox_of(events)


def test_time_without_a_rival_is_the_first_childs_until_the_second(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of(history[1][:1])
    (first,) = rollup.children[rollup.genesis_id]
    assert rollup.unrivalled_blocks(rollup.assertions[first], BlockNumber(120)) == 100
    rival = assertion_id(rollup.genesis_id, bytes(32))
    args = {
        "id": rival,
        "parent": rollup.genesis_id,
        "stateHash": bytes(32),
        "stateRoot": b"",
        "registers": b"",
        "limit": 1,
        "nextLimit": 2,
        "proposer": b"",
    }
    rollup.apply(Happened("AssertionPosted", args, BlockNumber(70)))
    assert rollup.unrivalled_blocks(rollup.assertions[first], BlockNumber(120)) == 50
    assert rollup.unrivalled_blocks(rollup.assertions[rival], BlockNumber(120)) == 0


def test_a_state_that_owes_too_much_is_told(history: tuple[list[Happened], list[bytes]]) -> None:
    """I1."""
    replayer = replayed(history, rollup_of(history[1]))
    state = next(reversed(replayer.states.values())).copy()
    set_account_cash_units(
        state.accounts.words,
        state.accounts.open(AccountId(1)),
        Units(account_cash_units(state.accounts.words, state.accounts.open(AccountId(1))) + 1),
    )
    (sentence,) = broken(state)
    assert "accounts hold" in sentence


def test_a_confirmed_state_stays_at_hand_however_many_are_pending(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of(history[1])
    replayer = replayed(history, rollup)
    for number, id_ in enumerate(list(rollup.assertions)[1:4]):
        rollup.apply(Happened("AssertionConfirmed", {"id": id_}, BlockNumber(60 + number)))
        replayer.forget(rollup)
        assert rollup.latest_confirmed == id_ and id_ in replayer.states
        assert len(replayer.states) <= replay.KEPT_STATES + 1
        for each in rollup.assertions.values():
            if each.status is Status.PENDING:
                assert replayer.state(each.id).hash() == each.state_hash


def test_p08_what_l1_holds_leaves_memory_once_it_was_read() -> None:
    """P08: all batches stayed in memory for ever."""
    view, chunk = InboxView(), bytes(MAX_CHUNK_BYTES)
    held = [0, 0]
    tracemalloc.start()
    try:
        for index in range(300):
            view.apply(
                Happened("ChunkPosted", {"batch": index, "chunk": 0, "data": chunk[:-4] + bytes(4)}, BlockNumber(index))
            )
            args = {"index": index, "time": 1, "until": 1, "messageLimit": 0, "source": 0, "poster": bytes(20)}
            args |= {"chunkCount": 1, "chunksHash": chunks_hash([chunk])}
            view.apply(Happened("BatchPosted", args, BlockNumber(index)))
            assert view.limited(BatchNumber(index + 1)).chunk(BatchNumber(index), 0) == chunk
            held[index > 100] = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < MAX_CHUNK_BYTES, "two hundred batches take less than one chunk"
    assert view.batch_count == 300 and view.chunk(BatchNumber(7), 0) == chunk and view.posted_blocks[7] == 7
    view.rollback(BlockNumber(6))
    assert view.batch_count == 7
    with pytest.raises(DataMissing):
        view.chunk(BatchNumber(7), 0)


@dataclass
class Eyes:
    """What a party knows, as far as its traces begin there."""

    inbox: InboxView
    rollup: RollupView
    replayer: Replayer | None


def test_a_trace_begins_in_a_state_that_was_dropped_long_ago(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of(history[1], confirmed=9)
    replayer = replayed(history, rollup)
    source = source_of(Eyes(inbox_of(history[0]), rollup, replayer), 20)
    for id_ in rollup.assertions:
        if id_ != rollup.genesis_id:
            assert source.state(id_).hash() == source.assertion(id_).state_hash
    with pytest.raises(StateError, match="not known to be true"):
        source.state(b"a lie")


def test_a_pending_state_that_the_disk_no_longer_has_is_replayed(history: tuple[list[Happened], list[bytes]]) -> None:
    rollup = rollup_of(history[1])
    replayer = replayed(history, rollup)
    put_by = [id_ for id_ in rollup.assertions if id_ not in replayer.states]
    assert len(put_by) >= BATCHES - replay.KEPT_STATES - 1
    for number in list(replayer._shelved.values())[::2]:
        replayer._shelf.put(replay.STATES, number, BlockNumber(0), b"damaged")
    for id_ in put_by:
        assert replayer.state(id_).hash() == rollup.assertions[id_].state_hash
        replayer.forget(rollup)
