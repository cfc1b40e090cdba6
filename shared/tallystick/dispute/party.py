"""One party at the rollup: replays what is published, and asserts, disputes, confirms as its duties say.

The challenger is such a party, and so is the operator where it asserts and defends what it asserted. A party needs
nothing but L1: with an empty disk it comes to the same views, the same states and the same moves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from tallystick.dispute.history import History
from tallystick.dispute.moves import Call, call_for
from tallystick.dispute.player import Claim, Player, Prove, Settle
from tallystick.dispute.view import ChallengeView
from tallystick.errors import L1Reverted
from tallystick.l1.client import L1Client
from tallystick.l1.deployment import Deployment
from tallystick.l1.events import EventReader
from tallystick.l1.queuestore import QueueStore
from tallystick.l1.sender import SenderConfig, TxQueue
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.rollup.assertion_view import Assertion, RollupView, Status
from tallystick.rollup.duties import Duties
from tallystick.rollup.inbox_view import InboxView
from tallystick.rollup.replay import Expectation, Replayer
from tallystick.schema.names import Outcome, Phase

Report = Callable[[str, dict[str, Any]], None]
GAS_LIMIT: Final = 16_000_000
"""Below the 2^24 that a transaction may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How a party differs from others. A liar has its own `step`, and cannot prove."""

    duties: Duties
    step: Callable[[Machine], None] = engine.step
    proves: bool = True


class Party:
    """Follows L1 and acts on it; `tick` does all that can be done now.

    `report` is told every event worth telling, by name, with its data. Without an account or a queue, which may
    be shared, nothing is ever sent.
    """

    def __init__(
        self,
        client: L1Client,
        deployment: Deployment,
        identity: Identity,
        report: Report,
        *,
        account: LocalAccount | None = None,
        queue_path: Path | None = None,
        queue: TxQueue | None = None,
        tag: str = "latest",
    ) -> None:
        self.client = client
        self.deployment = deployment
        self.identity = identity
        self.report = report
        self.reader = EventReader(client, deployment, tag=tag)
        self.inbox = InboxView()
        self.rollup = RollupView()
        self.challenge = ChallengeView()
        self.replayer: Replayer | None = None
        self.head = 0
        self.queue = queue
        self._store: QueueStore | None = None
        if queue is None and account is not None and queue_path is not None:
            self._store = QueueStore(queue_path)
            self.queue = TxQueue(client=client, account=account, store=self._store, config=SenderConfig())
        self._judged: set[bytes] = set()
        self._players: dict[bytes, Player] = {}
        self._sent: dict[str, tuple[str, dict[str, Any]]] = {}
        self._attempts: dict[str, int] = {}

    def close(self) -> None:
        """Let go of the transaction queue's store."""
        if self._store is not None:
            self._store.close()

    def tick(self) -> bool:
        """Read what is new and act on it; return whether the view of L1 is complete."""
        complete = self.read()
        if complete and self.replayer is not None:
            self._judge()
            if self.queue is not None:
                self._act()
                self._pump()
        return complete

    def read(self) -> bool:
        """Read the next events; return whether they reach L1's head."""
        batch = self.reader.poll()
        if batch.rolled_back_to is not None:
            self._rollback(batch.rolled_back_to)
        for event in batch:
            for view in (self.inbox, self.rollup, self.challenge):
                view.apply(event)
        self.head = batch.read_to.number
        if self.replayer is None and self.rollup.genesis_id:
            self.replayer = Replayer(
                self.rollup.genesis_data, self.rollup.genesis_id, self.inbox, self.identity.step
            )
        return batch.complete

    def _rollback(self, block: int) -> None:
        """L1 was reorganised: what came from above a block never happened."""
        self.report("reorganised", {"block": block})
        for view in (self.inbox, self.rollup, self.challenge):
            view.rollback(block)
        self.replayer = None
        self._judged.clear()
        self._players.clear()
        if self.rollup.genesis_id:
            self.replayer = Replayer(
                self.rollup.genesis_data, self.rollup.genesis_id, self.inbox, self.identity.step
            )

    # What is true

    def _expected(self, parent: bytes) -> Expectation | None:
        assert self.replayer is not None
        if not self.replayer.knows(parent):
            return None
        return self.replayer.expected(self.rollup.assertions[parent])

    def _judge(self) -> None:
        """Compare every new assertion whose parent is true with the own replay."""
        assert self.replayer is not None
        for assertion in list(self.rollup.assertions.values()):
            if assertion.id in self._judged or assertion.id == self.rollup.genesis_id:
                continue
            expected = self._expected(assertion.parent)
            if expected is None:
                if assertion.parent in self._judged:
                    self._judged.add(assertion.id)
                continue
            self._judged.add(assertion.id)
            facts = {
                "assertion": assertion.id,
                "proposer": assertion.proposer,
                "limit": assertion.limit,
                "steps": expected.steps,
                "state_hash": expected.state_hash,
            }
            if expected.id == assertion.id:
                self.report("assertion_ok", facts)
            else:
                self.report("assertion_wrong", facts | {"claimed": assertion.state_hash})

    # What to do

    def _act(self) -> None:
        assert self.replayer is not None
        duties = self.identity.duties
        parent = self.rollup.latest_confirmed
        while True:
            expected = self._expected(parent)
            if expected is None:
                break
            children = self.rollup.children.get(parent, [])
            if expected.id not in children:
                if (duties.propose and not children) or (duties.dispute and children):
                    self._assert(expected)
                break
            mine = self.rollup.assertions[expected.id]
            if len(children) > 1 and duties.dispute:
                self._dispute(mine)
            if duties.settle and parent == self.rollup.latest_confirmed:
                self._confirm(mine)
            parent = expected.id
        if duties.settle:
            self._clean_up()
        self.replayer.forget(self.rollup.assertions, self.rollup.latest_confirmed)

    def _assert(self, expected: Expectation) -> None:
        parent = self.rollup.assertions[expected.parent]
        if self.head + 1 < parent.block + self.deployment.config.min_interval_blocks:
            return
        call = Call(
            key=f"assert/{expected.id.hex()}",
            function="post",
            arguments=(expected.parent, expected.limit, expected.state_root, expected.registers),
            value_wei=self.deployment.config.assertion_bond_wei,
        )
        facts = {"assertion": expected.id, "limit": expected.limit, "steps": expected.steps}
        self._send("Rollup", call, "asserted", facts)

    def _dispute(self, mine: Assertion) -> None:
        player = self._players.get(mine.id)
        if player is None:
            player = self._players[mine.id] = self._make_player(mine)
        for move in player.moves(self.challenge, self.head):
            if isinstance(move, Settle) and mine.status is not Status.CONFIRMED:
                continue
            facts: dict[str, Any] = {"move": type(move).__name__.lower(), "assertion": mine.id}
            edge = getattr(move, "edge", None)
            if edge is not None:
                facts |= {"height": edge.height, "index": edge.index}
            if isinstance(move, Prove):
                facts |= {
                    "step": Phase(move.proof.step.phase).name,
                    "outcome": Outcome(move.proof.step.outcome).name,
                    "pre": move.proof.step.pre_hash,
                    "post": move.proof.step.post_hash,
                }
            call = call_for(move, self.deployment.config.challenge_bond_wei)
            self._send("Challenge", call, "moved", facts)

    def _make_player(self, mine: Assertion) -> Player:
        assert self.replayer is not None
        parent = self.rollup.assertions[mine.parent]
        self.report("tracing", {"assertion": mine.id})
        history = History(
            self.replayer.states[mine.parent],
            self.inbox.limited(mine.limit),
            step=self.identity.step,
            progress=lambda steps: self.report("tracing", {"assertion": mine.id, "steps": steps}),
        )
        head_start = self.rollup.unrivalled_blocks(mine, self.head)
        claim = Claim(parent=parent.id, assertion=mine.id, limit=mine.limit, head_start=head_start)
        period = self.deployment.config.challenge_period_blocks
        return Player(history, claim, period, proves=self.identity.proves)

    def _confirm(self, mine: Assertion) -> None:
        """Confirm the true child of the latest confirmed assertion once L1 will take it."""
        if mine.status is not Status.PENDING:
            return
        decided = [d for d in self.challenge.disputes.values() if d.parent == mine.parent and d.winner]
        if decided:
            due = decided[0].winner == mine.id and self.head + 1 >= decided[0].final_block
        else:
            unrivalled = self.rollup.unrivalled_blocks(mine, self.head + 1)
            due = unrivalled >= self.deployment.config.challenge_period_blocks
        if due:
            call = Call(key=f"confirm/{mine.id.hex()}", function="confirm", arguments=(mine.id,))
            self._send("Rollup", call, "confirmed", {"assertion": mine.id})

    def _clean_up(self) -> None:
        """Reject what has lost, settle what is decided, take back what is owed."""
        for assertion in list(self.rollup.assertions.values()):
            if assertion.status is Status.PENDING and self._has_lost(assertion):
                call = Call(key=f"reject/{assertion.id.hex()}", function="reject", arguments=(assertion.id,))
                self._send("Rollup", call, "rejected", {"assertion": assertion.id})
        for mine, player in list(self._players.items()):
            settled = [d for d in self.challenge.disputes.values() if d.winner == mine and d.settled]
            confirmed = self.rollup.assertions[mine].status is Status.CONFIRMED
            rejected = all(r.status is Status.REJECTED for r in self.rollup.rivals(self.rollup.assertions[mine]))
            if settled and confirmed and rejected:
                del self._players[mine]
                self._withdraw_credit(settled[0].id)
            elif confirmed and self.identity.proves:
                root = player.root(self.challenge)
                if root is not None and not settled and self.challenge.disputes[root.dispute].winner == mine:
                    move = Settle(dispute=root.dispute, openings=player.openings(self.challenge, root))
                    self._send("Challenge", call_for(move, 0), "settled", {"assertion": mine})

    def _has_lost(self, assertion: Assertion) -> bool:
        parent = self.rollup.assertions[assertion.parent]
        beaten = any(rival.status is Status.CONFIRMED for rival in self.rollup.rivals(assertion))
        return beaten or parent.status is Status.REJECTED

    def _withdraw_credit(self, dispute: bytes) -> None:
        for contract in ("Rollup", "Challenge"):
            call = Call(key=f"credit/{contract}/{dispute.hex()}", function="withdrawCredit", arguments=())
            self._send(contract, call, "credit_withdrawn", {"contract": contract})

    # Sending

    def _send(self, contract: str, call: Call, event: str, facts: dict[str, Any]) -> None:
        """Queue a call unless it is under way; one that reverted is tried again only when L1 still asks for it."""
        assert self.queue is not None
        if call.key in self._sent:
            return
        attempt = self._attempts.get(call.key, 0)
        key = f"{call.key}#{attempt}" if attempt else call.key
        address = self.deployment.addresses.all()[contract]
        data = self.client.contract(contract, address).encode(call.function, *call.arguments)
        self.queue.enqueue(key, address, data, value_wei=call.value_wei)
        self._sent[call.key] = event, facts | {"queue_key": key}

    def _pump(self) -> None:
        """Move the queue, and tell what has landed."""
        assert self.queue is not None
        report = self.queue.pump()
        for problem in report.problems:
            self.report("l1_problem", {"problem": problem})
        for key, (event, facts) in list(self._sent.items()):
            entry = self.queue.get(facts["queue_key"])
            if entry is None:
                continue
            state = str(entry.state).lower()
            if "revert" in state or "refus" in state:
                del self._sent[key]
                self._attempts[key] = self._attempts.get(key, 0) + 1
                self.report("not_taken", {"wanted": event, "reason": entry.reason} | facts)
            elif entry.mined_hash is not None and not facts.get("told"):
                facts["told"] = True
                try:
                    receipt = self.client.receipt(entry.mined_hash)
                except L1Reverted:
                    continue
                landed = {"tx": entry.mined_hash, "gas": receipt.gas_used, "block": receipt.block_number} if receipt else {}
                told = {name: value for name, value in facts.items() if name not in ("queue_key", "told")}
                self.report(event, told | landed)
