"""A party that begins far behind believes one endpoint of the past, and checks it by what the contracts commit to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.dispute.edge_view import ChallengeView
from tallystick.errors import DataMismatch, L1Error, StateError
from tallystick.l1.abi import contract_abi
from tallystick.l1.client import events
from tallystick.l1.client.events import EventBatch, EventReader
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.client.quorum import QuorumClient
from tallystick.party.commitments import check_commitments
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import RollupView
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.testing.handclock import HandClock
from tallystick.testing.l1_stage import Stage, Told, account, trade_a_little
from tallystick.testing.world import address
from tests.l1.relay import Relay

Lie = Callable[[str, list[Any], Any], Any]
EVENTS = {
    "MessageQueued": "Inbox",
    "ChunkPosted": "Inbox",
    "BatchPosted": "Inbox",
    "AssertionPosted": "Rollup",
    "BondMoved": "Rollup",
    "DisputeOpened": "Challenge",
    "RootOpened": "Challenge",
    "EdgeAdded": "Challenge",
    "EdgeBisected": "Challenge",
    "ContextRivalled": "Challenge",
}
"""What is on the chain, and what an endpoint may leave out."""
QUIET_BLOCKS = 40
"""Blocks after which a reader counts as far behind, in these tests."""


class Views:
    """What a party reads of L1, as its own loop reads it."""

    def __init__(self, client: QuorumClient, stage: Stage, store: LogStore | None = None) -> None:
        self.client = client
        self.places = stage.deployment.addresses.all()
        self.inbox, self.rollup, self.challenge = InboxView(), RollupView(), ChallengeView()
        self.reader = EventReader(client, stage.deployment, store=store, claims=True)
        self.refuted: list[str] = []
        self.claimed = self.polls = 0

    def read(self) -> None:
        complete = False
        while not complete:
            batch = self.reader.poll()
            self.polls += 1
            complete = batch.complete
            try:
                self._take(batch)
            except (DataMismatch, KeyError) as error:
                assert batch.claimed
                self.refuted.append(str(error))
                self.reader.refute(str(error))

    def _take(self, batch: EventBatch) -> None:
        for view in (self.inbox, self.rollup, self.challenge):
            if batch.rolled_back_to is not None:
                view.rollback(batch.rolled_back_to)
            for event in batch:
                view.apply(event)
        if batch.claim_ends:
            block = batch.read_to.number
            check_commitments(
                self.client, self.places, block, inbox=self.inbox, rollup=self.rollup, challenge=self.challenge
            )
            self.claimed += 1
            self.reader.accept()

    def content(self) -> tuple[Any, ...]:
        edges = {id_: (each.children, each.proven, each.created) for id_, each in self.challenge.edges.items()}
        return self.inbox.headers, self.inbox.messages, self.rollup.assertions, edges, self.challenge.disputes


@pytest.fixture(autouse=True)
def a_short_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "CLAIMED_FROM_BLOCKS", QUIET_BLOCKS)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A chain with batches, a true assertion, a rival of it, and a dispute that has begun."""
    made = Stage(tmp_path_factory.mktemp("past"))
    trade_a_little(made)
    made.publish()
    liar = made.party("operator", Mode.PROPOSE, Told(), step=_skip_one)
    honest = made.party("challenger", Mode.RESOLVE, Told())
    for _ in range(3):
        liar.tick()
        honest.tick()
    made.mine(QUIET_BLOCKS)
    yield made
    made.close()


def _skip_one(machine: Any) -> None:
    """A step that counts one record too many in each batch."""
    from tallystick.machine import engine
    from tallystick.state.codes import Phase

    opens = machine.state.registers.phase == Phase.OPEN_BATCH
    engine.step(machine)
    if opens:
        machine.state.registers.record_count += 1


@pytest.fixture
def relays(stage: Stage) -> Iterator[list[Relay]]:
    made = [Relay(stage.server.rpc) for _ in range(3)]  # type: ignore[attr-defined]
    yield made
    for relay in made:
        relay.close()


def client_of(relays: list[Relay]) -> QuorumClient:
    return QuorumClient([relay.url for relay in relays], clock=HandClock())


def truth(stage: Stage, relays: list[Relay]) -> tuple[Any, ...]:
    """What a reader sees that proves every block."""
    views = Views(client_of(relays[1:]), stage)
    views.reader = EventReader(views.client, stage.deployment)
    views.read()
    assert views.claimed == 0
    return views.content()


def test_p09_the_past_is_read_from_one_endpoint_and_without_a_receipt(stage: Stage, relays: list[Relay]) -> None:
    views = Views(client_of(relays), stage)
    views.read()
    assert (views.claimed, views.refuted) == (1, [])
    assert "eth_getBlockReceipts" not in [method for relay in relays for method in relay.asked]
    assert len(views.challenge.edges) >= 2 and len(views.rollup.assertions) == 3
    assert views.content() == truth(stage, relays)


def without(name: str) -> Lie:
    """Leave out the last event of a name."""
    topic = "0x" + contract_abi(EVENTS[name]).topic(name).hex()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method != "eth_getLogs":
            return result
        at = [index for index, log in enumerate(result) if log["topics"][0] == topic]
        return result[: at[-1]] + result[at[-1] + 1 :] if at else result

    return lie


@pytest.mark.parametrize("name", EVENTS)
def test_an_endpoint_that_leaves_out_an_event_is_refuted_and_the_next_one_believed(
    name: str, stage: Stage, relays: list[Relay]
) -> None:
    relays[0].lie = without(name)
    views = Views(client_of(relays), stage)
    views.read()
    assert len(views.refuted) == 1 and views.claimed == 1
    assert views.content() == truth(stage, relays)


def test_an_endpoint_that_moves_an_assertion_to_another_block_is_refuted(stage: Stage, relays: list[Relay]) -> None:
    topic = "0x" + contract_abi("Rollup").topic("AssertionPosted").hex()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            for log in result:
                if log["topics"][0] == topic:
                    log["blockNumber"] = hex(int(log["blockNumber"], 16) + 1)
        return result

    relays[0].lie = lie
    views = Views(client_of(relays), stage)
    views.read()
    assert len(views.refuted) == 1 and views.content() == truth(stage, relays)


def test_endpoints_that_will_not_tell_the_past_leave_it_to_the_others(stage: Stage, relays: list[Relay]) -> None:
    relays[0].refused.add("eth_getLogs")
    views = Views(client_of(relays), stage)
    with pytest.raises(L1Error):
        views.read()
    relays[0].down = True
    views.read()
    assert views.claimed == 1 and views.content() == truth(stage, relays)


def test_an_endpoint_that_answers_everything_but_the_past_holds_nobody_up(stage: Stage, relays: list[Relay]) -> None:
    relays[0].refused.add("eth_getLogs")
    views = Views(client_of(relays), stage)
    for _ in range(3):
        with contextlib.suppress(L1Error):
            views.read()
    assert views.claimed == 1 and views.content() == truth(stage, relays)


def test_where_no_endpoint_tells_the_past_every_block_is_proven_and_a_broken_off_claim_forgotten(
    stage: Stage, relays: list[Relay], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "CLAIM_LAG_BLOCKS", 1)
    views = Views(client_of(relays), stage)
    views.reader._max_blocks = 65
    views._take(views.reader.poll())
    assert len(views.rollup.assertions) > 0
    for relay in relays:
        relay.refused.add("eth_getLogs")
    for _ in range(5):
        with contextlib.suppress(L1Error):
            views.read()
    assert views.claimed == 0 and views.content() == truth(stage, relays)


def test_p09_a_restart_reads_from_disk_and_goes_on_from_the_cursor(
    stage: Stage, relays: list[Relay], tmp_path: Path
) -> None:
    store = LogStore(tmp_path / "events.sqlite", b"this one")
    first = Views(client_of(relays), stage, store)
    first.read()
    store.close()
    stage.mine(3)
    for relay in relays:
        relay.asked.clear()
    store = LogStore(tmp_path / "events.sqlite", b"this one")
    again = Views(client_of(relays), stage, store)
    again.read()
    assert again.claimed == 0 and again.content() == truth(stage, relays)
    assert "eth_getLogs" not in [method for relay in relays[:1] for method in relay.asked]


def test_what_was_claimed_and_not_checked_before_a_crash_is_read_again(
    stage: Stage, relays: list[Relay], tmp_path: Path
) -> None:
    store = LogStore(tmp_path / "events.sqlite", b"this one")
    cut = Views(client_of(relays), stage, store)
    assert cut.reader.poll().claim_ends
    store.close()
    store = LogStore(tmp_path / "events.sqlite", b"this one")
    views = Views(client_of(relays), stage, store)
    views.read()
    assert views.claimed == 1 and views.content() == truth(stage, relays)
    store.close()
    store = LogStore(tmp_path / "events.sqlite", b"this one")
    assert len([log for piece in store.pieces() for log in piece]) == len(list(_logs(stage)))


def _logs(stage: Stage) -> Iterator[Any]:
    places = stage.deployment.addresses.all()
    wanted = [places[name] for name in events.CONTRACTS]
    yield from stage.client.logs(wanted, stage.deployment.first_block, stage.client.head().number)


def test_a_store_of_another_deployment_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    LogStore(tmp_path / "events.sqlite", b"this one").close()
    with pytest.raises(StateError, match="another deployment"):
        LogStore(tmp_path / "events.sqlite", b"another one")
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StateError, match="damaged"):
        LogStore(tmp_path / "broken.sqlite", b"this one")


def changed(contract: str, name: str, change: Callable[[str], str]) -> Lie:
    """Change the data of every event of a name."""
    topic = "0x" + contract_abi(contract).topic(name).hex()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            for log in result:
                if log["topics"][0] == topic:
                    log["data"] = change(log["data"])
        return result

    return lie


def another_side(method: str, params: list[Any], result: Any) -> Any:
    """Say of every root that it was opened for another child of the same parent."""
    if method == "eth_getLogs":
        topics = {
            name: "0x" + contract_abi(EVENTS[name]).topic(name).hex() for name in ("AssertionPosted", "RootOpened")
        }
        sides = [log["topics"][1] for log in result if log["topics"][0] == topics["AssertionPosted"]]
        for log in result:
            if log["topics"][0] == topics["RootOpened"]:
                log["topics"][3] = next(side for side in sides if side != log["topics"][3])
    return result


def a_dispute_too_many(method: str, params: list[Any], result: Any) -> Any:
    """Say that there is a dispute below an assertion without children, too."""
    if method == "eth_getLogs":
        topics = {
            name: "0x" + contract_abi(EVENTS[name]).topic(name).hex() for name in ("AssertionPosted", "DisputeOpened")
        }
        posted = [log["topics"][1] for log in result if log["topics"][0] == topics["AssertionPosted"]]
        for at, log in enumerate(result):
            if log["topics"][0] == topics["DisputeOpened"]:
                invented = [log["topics"][0], "0x" + "77" * 32, posted[-1]]
                return [*result[: at + 1], log | {"topics": invented}, *result[at + 1 :]]
    return result


def a_debt_too_many(method: str, params: list[Any], result: Any) -> Any:
    """Say that the Rollup owes something to the party that asks."""
    if method == "eth_getLogs":
        abi = contract_abi("Rollup")
        topics = ["0x" + abi.topic("Credited").hex(), "0x" + address("challenger").rjust(32, b"\0").hex()]
        for at, log in enumerate(result):
            if log["topics"][0] == "0x" + abi.topic("AssertionPosted").hex():
                owed = log | {"topics": topics, "data": "0x" + "01".rjust(64, "0")}
                return [*result[: at + 1], owed, *result[at + 1 :]]
    return result


@pytest.mark.parametrize(
    "lie",
    [
        a_debt_too_many,
        a_dispute_too_many,
        another_side,
        changed("Challenge", "EdgeAdded", lambda data: data[:-2] + "00"),
        changed("Challenge", "EdgeAdded", lambda data: "0x" + "00" * 32 + data[66:]),
        changed("Rollup", "Genesis", lambda data: data[:-240] + "ff" + data[-238:]),
        changed("Rollup", "AssertionPosted", lambda data: data[:-240] + "ff" + data[-238:]),
        changed("Rollup", "AssertionPosted", lambda data: data[:-64] + "ff" * 32),
    ],
    ids=[
        "a debt of nobody",
        "a dispute of nobody",
        "roots of other sides",
        "other spans",
        "an edge without a height",
        "another first state",
        "other registers",
        "what does not decode",
    ],
)
def test_a_party_that_is_told_of_the_past_what_cannot_be_asks_the_next_endpoint(
    lie: Lie, stage: Stage, relays: list[Relay], tmp_path: Path
) -> None:
    relays[0].lie = lie
    told = Told()
    client, identity = client_of(relays), Identity(duties=DUTIES[Mode.WATCH])
    queue = tmp_path / "transactions.sqlite"
    party = Party(
        client, stage.deployment, identity, told, account=account("challenger"), queue_path=queue, clock=SystemClock()
    )
    refused = 0
    while True:
        try:
            if party.tick():
                break
        except L1Error:
            refused += 1
    party.close()
    assert len(told.named("past_refuted")) + refused == 1 and len(told.named("past_checked")) == 1
    assert party.rollup.assertions == truth(stage, relays)[2]
