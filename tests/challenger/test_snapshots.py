"""Snapshots: what is written, what is believed, and where a challenger goes on after it was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.ports.system import SystemClock
from tallystick.rollup.snapshots.snapshot import MAGIC, Head, decode, encode, read_head
from tallystick.rollup.snapshots.snapshotstore import SnapshotStore
from tallystick.rollup.views.assertion_view import Assertion, RollupView, Status
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.state.state import State
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, account, finished
from tallystick.testing.rogues.lies import LIES
from tallystick.testing.world import World
from tests.challenger.history import confirm_batches, order


@pytest.fixture
def world() -> World:
    """Two traders, a market, an order that rests, one that was filled, a withdrawal; one batch is sealed."""
    made = World()
    made.clock()
    made.list_market(0)
    made.report(0, 618_000)
    made.deposit("alice", 1, 10**12)
    made.deposit("bob", 2, 10**12)
    made.order(1, 0, 0, 617_990, 50, client_id=7)
    made.order(2, 0, 1, 617_980, 20, client_id=9)
    made.withdraw(1, 10**9)
    made.seal()
    return made


def assertion(state: State, limit: int = 1, status: Status = Status.CONFIRMED) -> Assertion:
    return Assertion(
        id=bytes([limit]) * 32,
        parent=bytes(32),
        state_hash=state.hash(),
        state_root=b"",
        registers=b"",
        limit=BatchNumber(limit),
        next_limit=BatchNumber(limit + 1),
        proposer=b"",
        bonded=b"",
        block=BlockNumber(1),
        status=status,
    )


def rollup_of(*assertions: Assertion) -> RollupView:
    view = RollupView()
    view.assertions = {each.id: each for each in assertions}
    return view


def reheaded(data: bytes, **more: Any) -> bytes:
    """The same cells under another head."""
    head, at = read_head(data)
    fields = {name: getattr(head, name) for name in Head.__struct_fields__}
    packed = msgspec.msgpack.encode({**fields, **more})
    return MAGIC + len(packed).to_bytes(4, "big") + packed + data[at:]


def test_a_state_comes_back_cell_by_cell_and_goes_on_as_it_would_have(world: World) -> None:
    data = encode(assertion(world.state), world.state)
    back = decode(data, world.state.hash())
    assert list(back.cells()) == list(world.state.cells())
    assert back.registers.pack() == world.state.registers.pack()
    assert all(table.dirty_count == 0 for table in back.tables)

    world.clock()
    world.order(2, 0, 1, 617_990, 30, client_id=10)
    world.cancel(1, 7, 64)
    world.seal()
    machine = Machine(back, world.published)
    engine.run(machine, 1 << 20)
    assert back.hash() == world.state.hash()


def test_no_byte_of_a_snapshot_can_be_changed_without_being_found_out(world: World) -> None:
    true = world.state.hash()
    data = encode(assertion(world.state), world.state)
    _, cells_at = read_head(data)
    for at in [*range(0, cells_at, 7), *range(cells_at, len(data), 11), len(data) - 1]:
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            state = decode(changed, true)
        except StateError:
            continue
        assert state.hash() == true, "the head's assertion and limit are no part of the state"
    at = data.index(b"machine") + 12
    with pytest.raises(StateError, match="head is damaged"):
        read_head(data[:at] + b"\xb5" + data[at + 1 :])
    for size in (0, 5, len(MAGIC) + 2, cells_at - 1, cells_at, len(data) - 1):
        with pytest.raises(StateError):
            decode(data[:size], true)


def test_another_state_another_machine_and_cells_out_of_place_are_refused(world: World) -> None:
    data = encode(assertion(world.state), world.state)
    head, _ = read_head(data)
    with pytest.raises(StateError, match="another state"):
        decode(data, bytes(32))
    with pytest.raises(StateError, match="another version"):
        decode(reheaded(data, machine="00" * 32), world.state.hash())
    for cells in (head.cells[:-1], [-1, *head.cells[1:]], [head.cells[0] + 1, *head.cells[1:]]):
        with pytest.raises(StateError, match="damaged"):
            decode(reheaded(data, cells=cells), world.state.hash())
    with pytest.raises(StateError, match="damaged"):
        decode(reheaded(data, registers=b""), world.state.hash())


def test_only_confirmed_states_are_kept_and_only_so_often(world: World, tmp_path: Path) -> None:
    told = Told()
    store = SnapshotStore(tmp_path / "snapshots", told, spacing=4)
    for limit in range(1, 13):
        store.offer(assertion(world.state, limit, Status.PENDING), world.state)
        store.offer(assertion(world.state, limit), world.state)
    assert [each["limit"] for each in told.named("snapshot_written")] == [4, 8, 12]
    again = SnapshotStore(tmp_path / "snapshots", told, spacing=4)
    again.offer(assertion(world.state, 14), world.state)
    again.offer(assertion(world.state, 16), world.state)
    assert [each["limit"] for each in told.named("snapshot_written")] == [4, 8, 12, 16]


def test_few_are_kept_and_they_stay_spread_over_the_whole_history(world: World, tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path, Told(), spacing=1, most=4)
    all_of_them = [assertion(world.state, limit) for limit in range(1, 101)]
    for each in all_of_them:
        store.offer(each, world.state)
    limits = [each.limit for each in store.usable(rollup_of(*all_of_them))]
    assert len(limits) == 4 and limits[-1] == 100
    assert max(after - before for before, after in zip([0, *limits], limits, strict=False)) <= 50


def test_what_is_damaged_outdated_or_not_confirmed_is_told_once_and_passed_over(world: World, tmp_path: Path) -> None:
    told = Told()
    store = SnapshotStore(tmp_path, told, spacing=1)
    ones = [assertion(world.state, limit) for limit in range(1, 6)]
    for each in ones:
        store.offer(each, world.state)
    good, pending, torn, outdated, flipped = sorted(tmp_path.glob("*.snapshot"))
    torn.write_bytes(torn.read_bytes()[:9])
    outdated.write_bytes(reheaded(outdated.read_bytes(), machine="an older one"))
    flipped.write_bytes(flipped.read_bytes()[:-9] + bytes(9))
    rollup = rollup_of(ones[0], replace(ones[1], status=Status.PENDING), *ones[2:])

    for _ in range(2):
        found = store.newest(rollup)
        assert found is not None
        assert found[0] == ones[0] and found[1].hash() == world.state.hash()

    ignored = {Path(each["path"]).name: each["reason"] for each in told.named("snapshot_ignored")}
    assert len(ignored) == len(told.named("snapshot_ignored")) == 4
    assert ignored[pending.name] == "its assertion is not confirmed"
    assert "another version" in ignored[outdated.name] and "damaged" in ignored[flipped.name]
    fresh = SnapshotStore(tmp_path, told, spacing=1)
    assert fresh.newest(rollup) is not None
    fresh.offer(assertion(world.state, 9), world.state)
    left = {path.name for path in tmp_path.glob("*.snapshot")}
    assert {good.name, pending.name} < left and not left & {torn.name, outdated.name, flipped.name}


def test_a_disk_that_takes_no_more_is_told_and_stops_nobody(world: World, tmp_path: Path) -> None:
    told = Told()
    (tmp_path / "snapshots").write_text("a file is in the way")
    SnapshotStore(tmp_path / "snapshots", told, spacing=1).offer(assertion(world.state), world.state)
    (failed,) = told.named("snapshot_failed")
    assert failed["reason"]


# A challenger that comes back


@dataclass
class Watch:
    """One life of a challenger: what it told, and itself."""

    told: Told
    party: Party

    @property
    def replayed(self) -> list[int]:
        """The first batches of what it replayed."""
        return [each["first_batch"] for each in self.told.named("replayed")]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def challenger(stage: Stage, told: Told, spacing: int = 2) -> Party:
    return Party(
        stage.client,
        stage.deployment,
        Identity(duties=DUTIES[Mode.RESOLVE]),
        told,
        account=account("challenger"),
        queue_path=stage.folder / "challenger.sqlite",
        snapshots=SnapshotStore(stage.folder / "snapshots", told, spacing=spacing),
        clock=SystemClock(),
    )


def start(stage: Stage) -> Watch:
    """Live for one look at L1."""
    told = Told()
    party = challenger(stage, told)
    party.tick()
    party.close()
    return Watch(told=told, party=party)


def test_a_challenger_goes_on_where_the_newest_snapshot_is(stage: Stage) -> None:
    confirm_batches(stage, 5)
    first = start(stage)
    assert first.replayed == [0, 1, 2, 3, 4]
    assert [each["limit"] for each in first.told.named("snapshot_written")] == [2, 4]

    second = start(stage)
    assert second.told.named("snapshot_loaded")[0]["limit"] == 4
    assert second.replayed == [4]
    assert len(second.told.named("assertion_ok")) == 1
    assert second.party.replayer is not None and first.party.replayer is not None
    latest = second.party.rollup.latest_confirmed
    assert second.party.replayer.state(latest).hash() == first.party.replayer.state(latest).hash()


def test_it_writes_one_when_an_assertion_it_has_watched_is_confirmed(stage: Stage) -> None:
    operator = confirm_batches(stage, 1)
    told = Told()
    with closing(challenger(stage, told)) as watcher:
        watcher.tick()
        order(stage, 1)
        stage.publish()
        stage.party("another", Mode.PROPOSE, Told()).tick()
        watcher.tick()
        assert len(told.named("assertion_ok")) == 2 and not told.named("snapshot_written")
        stage.mine(PERIOD_BLOCKS + 1)
        operator.tick()
        watcher.tick()
        assert [each["limit"] for each in told.named("snapshot_written")] == [2]


def test_a_snapshot_of_what_a_reorganisation_took_back_is_not_used(stage: Stage) -> None:
    operator = confirm_batches(stage, 3)
    told = Told()
    with closing(challenger(stage, told, spacing=1)) as watcher:
        order(stage, 3)
        stage.publish()
        stage.party("another", Mode.PROPOSE, Told()).tick()
        stage.mine(PERIOD_BLOCKS + 1)
        before = stage.chain.request("evm_snapshot")
        operator.tick()
        watcher.tick()
        assert [each["limit"] for each in told.named("snapshot_written")] == [1, 2, 3, 4]
        stage.chain.request("evm_revert", before)
        stage.mine(2)
        watcher.tick()
        assert told.named("reorganised")
        assert [each["reason"] for each in told.named("snapshot_ignored")] == ["its assertion is not confirmed"]
        assert [each["limit"] for each in told.named("snapshot_loaded")] == [3]
        assert watcher.replayer is not None
        for each in watcher.rollup.assertions.values():
            assert watcher.replayer.knows(each.id)


def test_a_damaged_snapshot_costs_a_replay_and_nothing_else(stage: Stage) -> None:
    confirm_batches(stage, 5)
    start(stage)
    older, newer = sorted((stage.folder / "snapshots").glob("*.snapshot"))
    newer.write_bytes(newer.read_bytes()[:-4] + bytes(4))
    watch = start(stage)
    assert [each["path"] for each in watch.told.named("snapshot_ignored")] == [str(newer)]
    assert watch.replayed == [2, 3, 4]
    older.write_bytes(b"rubbish")
    newer.write_bytes(b"")
    watch = start(stage)
    assert len(watch.told.named("snapshot_ignored")) == 2
    assert watch.replayed == [0, 1, 2, 3, 4]


def test_a_fraud_after_a_snapshot_is_disputed_to_the_end_from_it(stage: Stage) -> None:
    confirm_batches(stage, 4)
    start(stage)
    order(stage, 4)
    stage.world.withdraw(min(stage.world.owners), 10**6)
    stage.publish()
    lie = LIES["steal-withdrawal"](bytes(20))

    def lie_late(machine: Machine) -> None:
        (lie.step if machine.state.registers.batch_cursor >= 4 else engine.step)(machine)

    liar = stage.party("mallory", Mode.PROPOSE, Told(), lie_late)
    told = Told()
    honest = challenger(stage, told)
    eyes = stage.party("eyes", Mode.WATCH, Told())
    for _ in range(200):
        head = stage.client.head().number
        liar.tick()
        honest.tick()
        eyes.read()
        if finished(eyes):
            break
        if stage.client.head().number == head:
            stage.mine(10)
    honest.close()
    assert told.named("snapshot_loaded")[0]["limit"] == 4
    assert [each["first_batch"] for each in told.named("replayed")] == [4]
    (wrong,) = told.named("assertion_wrong")
    assert eyes.rollup.assertions[wrong["assertion"]].status is Status.REJECTED
    assert [each for each in told.named("moved") if each["move"] == "prove"]
