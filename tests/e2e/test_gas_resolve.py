"""What it costs to end twenty generations at once, each fought out to its last step, held against the snapshot."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from tallystick import artifacts
from tallystick.artifacts import Artifact
from tallystick.deploy.deploy import deploy
from tallystick.dispute.edge_view import ChallengeView, Edge, children
from tallystick.dispute.trace_tree import leaf, node
from tallystick.l1.client.events import EventReader
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.deployment import DeployConfig, Deployment
from tallystick.l1.dev.dev_server import DevServer
from tallystick.party.strategy.moves import Call, call_for
from tallystick.party.strategy.player import Bisect, Decide, Opening, Settle, settle
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import RollupView, Status, assertion_id
from tallystick.rollup.views.credit_view import CreditView
from tallystick.state.hashing import keccak
from tallystick.state.layout import Registers
from tallystick.state.state import state_hash

SNAPSHOT = Path(__file__).parents[2] / "contracts" / "snapshots" / "gas_resolve.json"
GENERATIONS = 20
HEIGHT = 22
MOST_GAS = 1 << 24
"""EIP-7825: of one transaction."""
TOLERANCE = 0.01
GAS_LIMIT = 1_000_000
TRUE_ROOT, FALSE_ROOT = keccak(b"true"), keccak(b"false")
IDENTITY = bytes.fromhex("600980600b5f395ff3" + "0000" + "6004355f5260205ff3")
"""A Referee of a machine that stands still: `step` returns the state it is given."""


def load(name: str) -> Artifact:
    """Return a compiled contract, but for the Referee."""
    artifact = artifacts.load(name)
    return replace(artifact, bytecode=IDENTITY, deployed_bytecode=IDENTITY[11:]) if name == "Referee" else artifact


@dataclass(slots=True, kw_only=True)
class Spine:
    """The leftmost path of a tree whose leaves are all one state."""

    dispute: bytes
    base: bytes
    nodes: list[bytes] = field(default_factory=list[bytes])

    @classmethod
    def of(cls, dispute: bytes, start: bytes, state: bytes) -> Spine:
        nodes = [leaf(state)]
        for _ in range(HEIGHT):
            nodes.append(node(nodes[-1], nodes[-1]))
        return cls(dispute=dispute, base=leaf(start), nodes=nodes)

    def edge(self, height: int) -> Edge:
        return Edge(dispute=self.dispute, height=height, index=0, base=self.base, span=self.nodes[height])

    def opening(self, height: int) -> Opening:
        below = self.nodes[height - 1]
        assert children(self.edge(height), below, below)[0] == self.edge(height - 1)
        return Opening(edge=self.edge(height), left=below, right=below)


class Fight:
    """One account that plays both sides on a chain of its own."""

    def __init__(self, client: L1Client, account: LocalAccount) -> None:
        self.client, self.account = client, account
        self.registers: bytes = Registers().pack()
        self.true, self.false = (state_hash(root, self.registers) for root in (TRUE_ROOT, FALSE_ROOT))
        config = DeployConfig(
            sequencer=bytes.fromhex(account.address[2:]),
            root_height=HEIGHT,
            challenge_period_blocks=5_000,
            min_interval_blocks=0,
            answer_blocks=1,
            censored_blocks=0,
        )
        self.deployment: Deployment = deploy(
            client,
            account,
            genesis_state_hash=self.true,
            genesis=b"",
            config=config,
            steps=("OpenBatch", "OpenChunk"),
            load=load,
        )
        client.request("evm_setAutomine", False)
        self.nonce = client.nonce(bytes.fromhex(account.address[2:]), "pending")

    def send(self, contract: str, call: Call, gas: int = GAS_LIMIT) -> int:
        """Send a call, see it succeed, and return its gas."""
        hash_ = self.submit(contract, call, gas)
        self.client.request("anvil_mine", "0x1", "0x1")
        receipt = self.client.receipt(hash_)
        assert receipt is not None and receipt.succeeded, call.key
        return receipt.gas_used

    def submit(self, contract: str, call: Call, gas: int = GAS_LIMIT) -> bytes:
        """Send a call for the next block."""
        target = self.deployment.addresses.all()[contract]
        signed = self.account.sign_transaction(
            {
                "type": 2,
                "chainId": self.deployment.chain_id,
                "nonce": self.nonce,
                "to": target,
                "data": self.client.contract(contract, target).encode(call.function, *call.arguments),
                "value": call.value_wei,
                "gas": gas,
                "maxFeePerGas": 10**11,
                "maxPriorityFeePerGas": 1,
            }
        )
        self.nonce += 1
        hash_: bytes = self.client.send_raw(bytes(signed.raw_transaction))
        return hash_

    def ask(self, contract: str, function: str, *arguments: Any) -> Any:
        """Ask a contract."""
        return self.client.contract(contract, self.deployment.addresses.all()[contract]).call(function, *arguments)

    def post(self, parent: bytes, limit: int, root: bytes, source: bytes) -> bytes:
        """Assert a state whose machine has not halted, so that one batch is enough for all."""
        value = 0 if any(source) else self.deployment.config.assertion_bond_wei
        arguments = (parent, limit, root, self.registers, source)
        self.send("Rollup", Call(key="post", function="post", arguments=arguments, value_wei=value))
        return assertion_id(parent, state_hash(root, self.registers))

    def open(self, parent: bytes, assertion: bytes, limit: int, spine: Spine) -> None:
        """Open a root."""
        arguments = (parent, assertion, limit, spine.nodes[HEIGHT], spine.nodes[:HEIGHT])
        bond = self.deployment.config.challenge_bond_wei
        self.send("Challenge", Call(key="open", function="openRoot", arguments=arguments, value_wei=bond))

    def generation(self, parent: bytes, source: bytes) -> tuple[bytes, Decide]:
        """Fight one generation out; return its true assertion and what decides for it."""
        limit = self.ask("Rollup", "assertion", parent)["nextLimit"]
        true = self.post(parent, limit, TRUE_ROOT, source)
        false = self.post(parent, limit, FALSE_ROOT, bytes(32))
        dispute = self.ask("Challenge", "disputeId", parent, limit)
        right, wrong = (Spine.of(dispute, self.true, state) for state in (self.true, self.false))
        self.open(parent, true, limit, right)
        self.open(parent, false, limit, wrong)
        for height in range(HEIGHT, 0, -1):
            for spine in (right, wrong):
                o = spine.opening(height)
                self.submit("Challenge", call_for(Bisect(edge=o.edge, left=o.left, right=o.right), 0))
        step: tuple[Any, ...] = (vars_of(right.edge(0)), self.true, bytes(32), [], b"")
        self.send("Challenge", Call(key="prove", function="prove", arguments=step))
        path = tuple(right.opening(height) for height in range(1, HEIGHT + 1))
        return true, Decide(root=right.edge(HEIGHT), openings=path)


def vars_of(edge: Edge) -> dict[str, Any]:
    """Return an edge as the contracts take it."""
    return {name: getattr(edge, name) for name in ("dispute", "height", "index", "base", "span")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Twenty generations that are over. Units: `gas` of the transaction that ended them."""

    fight: Fight
    ids: list[bytes]
    gas: int


@pytest.fixture(scope="module")
def ended() -> Iterator[Ended]:
    """Twenty generations, fought out and ended."""
    with DevServer() as server:
        fight = Fight(L1Client(server.url, clock=SystemClock()), server.accounts[0])
        latest: bytes = fight.ask("Rollup", "genesis")
        now = fight.client.head().timestamp
        batch = (0, now, now, 0, [bytes(100)])
        fight.send("Inbox", Call(key="batch", function="postBatch", arguments=batch))
        source, decisions, ids = bytes(32), list[dict[str, Any]](), list[bytes]()
        for _ in range(GENERATIONS):
            latest, decide = fight.generation(latest, source)
            source = latest
            ids.append(latest)
            root, openings = call_for(decide, 0).arguments
            decisions.append({"root": root, "openings": openings})
        fight.client.request("anvil_mine", hex(fight.deployment.config.challenge_period_blocks), hex(1))
        gas = fight.send("Rollup", Call(key="", function="resolve", arguments=(decisions, ids)), MOST_GAS)
        yield Ended(fight=fight, ids=ids, gas=gas)


def test_twenty_generations_are_ended_in_one_transaction_for_what_the_snapshot_says(ended: Ended) -> None:
    """Set TALLYSTICK_WRITE_GAS=1 to write the snapshot anew when a change of it is meant."""
    measured = {"generations": GENERATIONS, "height": HEIGHT, "resolve": ended.gas}
    if os.environ.get("TALLYSTICK_WRITE_GAS"):
        SNAPSHOT.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
    expected = json.loads(SNAPSHOT.read_text())

    assert ended.fight.ask("Rollup", "latestConfirmed") == ended.ids[-1]
    assert measured["resolve"] <= MOST_GAS
    assert abs(measured["resolve"] / expected["resolve"] - 1) <= TOLERANCE


def test_the_record_knows_by_what_hash_the_challenge_names_its_disputes(ended: Ended) -> None:
    assert ended.fight.ask("Challenge", "configHash") == ended.fight.deployment.config_hash


def test_the_views_hold_what_the_contracts_hold_through_every_move_of_a_bond(ended: Ended) -> None:
    fight, me = ended.fight, bytes.fromhex(ended.fight.account.address[2:])
    last, before, first = ended.ids[-1], ended.ids[-2], ended.ids[0]
    rollup, challenge, owed = RollupView(), ChallengeView(), CreditView()
    reader = EventReader(fight.client, fight.deployment)

    def follow() -> None:
        batch = reader.poll()
        while batch.events or not batch.complete:
            for event in batch:
                rollup.apply(event)
                challenge.apply(event)
                if event.contract == "Rollup":
                    owed.apply(event)
            batch = reader.poll()
        for id_, seen in rollup.assertions.items():
            held = fight.ask("Rollup", "assertion", id_)
            assert held["bonded"] == (seen.bonded or bytes(20))
            assert list(Status)[held["status"] - 1] is seen.status
            assert (held["limit"], held["nextLimit"]) == (seen.limit, seen.next_limit)
            assert held["childCount"] == len(rollup.children.get(id_, []))
            if seen.parent:
                blocks = rollup.unrivalled_blocks(seen, fight.client.head().number)
                assert fight.ask("Rollup", "unrivalledBlocks", id_) == blocks
        assert owed.owed.get(me, 0) == fight.ask("Rollup", "credit", me)

    follow()
    assert rollup.assertions[last].bonded == me and rollup.assertions[before].bonded == b""
    assert rollup.is_movable(rollup.assertions[last])
    assert all(each.winner and not each.settled for each in challenge.disputes.values())

    fight.send("Rollup", Call(key="take", function="takeBond", arguments=(last,)))
    lie = next(each for each in rollup.children[rollup.assertions[first].parent] if each != first)
    fight.send("Rollup", Call(key="reject", function="reject", arguments=(lie,)))
    follow()
    assert owed.owed[me] == fight.deployment.config.assertion_bond_wei
    assert rollup.assertions[lie].status is Status.REJECTED

    dispute = challenge.dispute_below(rollup.assertions[first].parent)
    assert dispute is not None
    period, head = fight.deployment.config.challenge_period_blocks, fight.client.head().number
    root = challenge.edges[challenge.roots[first][0]].edge
    move = settle(challenge, root, period, head)
    assert isinstance(move, Settle)
    fight.send("Challenge", call_for(move, 0), 3 * GAS_LIMIT)
    follow()
    settled = challenge.disputes[dispute.id]
    assert settled.settled and settled.settled_edge == move.root.id
    assert settled.pot_wei == fight.ask("Challenge", "disputeState", dispute.id)["potWei"]
