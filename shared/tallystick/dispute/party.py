"""One party at the rollup: replays what is published, and asserts, disputes, confirms as its duties say.

The challenger is such a party, and so is the operator where it asserts and defends what it asserted. A party needs
nothing but L1: with an empty disk it comes to the same views, the same states and the same moves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.dispute.history import History
from tallystick.dispute.moves import Call, call_for
from tallystick.dispute.outgoing import Errand, Outgoing, Report
from tallystick.dispute.player import Claim, Player, Prove, settlement
from tallystick.dispute.view import ChallengeView
from tallystick.l1.client import L1Client
from tallystick.l1.deployment import Deployment
from tallystick.l1.events import DEEPEST_REORGANISATION_BLOCKS, EventReader
from tallystick.l1.fees import Window
from tallystick.l1.queuestore import QueueStore
from tallystick.l1.sender import SenderConfig, TxQueue
from tallystick.l1.signer import Signer
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.rollup.assertion_view import Assertion, RollupView, Status
from tallystick.rollup.begin import begin
from tallystick.rollup.credit_view import CreditView
from tallystick.rollup.duties import Duties
from tallystick.rollup.inbox_view import InboxView
from tallystick.rollup.invariants import broken
from tallystick.rollup.replay import Expectation, Replayer
from tallystick.rollup.snapshotstore import SnapshotStore
from tallystick.schema.names import Outcome, Phase

CONFIRMATIONS: Final = DEEPEST_REORGANISATION_BLOCKS + 1
"""Blocks until a transaction is given up watching: one that a reorganisation throws out before is sent again."""
MOVES_LEFT: Final = 48
"""A game has at most 20 halvings by each side, an opening, a proof and some to spare: a move may take that part of the
time that is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How a party differs from others. A liar has its own `step`, and cannot prove.

    Units: `patience_blocks` is how long it leaves an assertion that contradicts nobody to others.
    """

    duties: Duties
    patience_blocks: int = 0
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
        account: Signer | None = None,
        queue_path: Path | None = None,
        queue: TxQueue | None = None,
        tag: str = "latest",
        confirmations: int = 0,
        reserve_wei: int = 0,
        snapshots: SnapshotStore | None = None,
    ) -> None:
        self.client = client
        self.deployment = deployment
        self.identity = identity
        self.report = report
        self.reader = EventReader(client, deployment, tag=tag, confirmations=confirmations)
        self.inbox = InboxView()
        self.rollup = RollupView()
        self.challenge = ChallengeView()
        self.credits = {"Rollup": CreditView(), "Challenge": CreditView()}
        self.replayer: Replayer | None = None
        self.snapshots = snapshots
        self.head = 0
        self.head_time = 0
        self.queue = queue
        self._store: QueueStore | None = None
        if queue is None and account is not None and queue_path is not None:
            self._store = QueueStore(queue_path)
            config = SenderConfig(confirmations=CONFIRMATIONS, reserve_wei=reserve_wei)
            self.queue = TxQueue(client=client, account=account, store=self._store, config=config)
        self._outgoing = Outgoing(client, deployment, self.queue, report) if self.queue is not None else None
        self._acted_at = -1
        self._judged: set[bytes] = set()
        self._wrong: set[bytes] = set()
        self._replayed: set[bytes] = set()
        self._histories: dict[bytes, History] = {}
        self._warned: set[tuple[str, bytes]] = set()

    def close(self) -> None:
        """Let go of the transaction queue's store."""
        if self._store is not None:
            self._store.close()

    @property
    def busy(self) -> bool:
        """Whether a transaction is under way."""
        return self.under_way > 0

    @property
    def under_way(self) -> int:
        """Calls that are asked for and not mined yet."""
        return self._outgoing.under_way if self._outgoing is not None else 0

    @property
    def wrong(self) -> list[Assertion]:
        """The assertions that the own replay refutes, whatever became of them."""
        return [each for each in self.rollup.assertions.values() if each.id in self._wrong]

    def tick(self) -> bool:
        """Read what is new and act on it; return whether the view of L1 is complete.

        Raises: L1Error; DataError or StateError when L1 contradicts itself or the deployment record.
        """
        complete = self.read()
        if complete and self.replayer is not None:
            if self.head != self._acted_at:
                self._judge()
                self._warn_of_time()
                if self._outgoing is not None:
                    self._act()
                self._acted_at = self.head
            if self._outgoing is not None:
                self._outgoing.pump(self.head)
            self._keep(self.rollup.latest_confirmed)
        return complete

    def read(self) -> bool:
        """Read the next events; return whether they reach L1's head."""
        batch = self.reader.poll()
        if batch.rolled_back_to is not None:
            self._rollback(batch.rolled_back_to)
        for event in batch:
            for view in (self.inbox, self.rollup, self.challenge):
                view.apply(event)
            if event.contract in self.credits:
                self.credits[event.contract].apply(event)
        self.head, self.head_time = batch.read_to.number, batch.read_to.timestamp
        if self.replayer is None and self.rollup.genesis_id and batch.complete:
            recorded = self.deployment.genesis_state_hash
            self.replayer = begin(
                self.rollup,
                self.inbox,
                recorded,
                height=self.deployment.config.root_height,
                step=self.identity.step,
                snapshots=self.snapshots,
            )
            self._judged |= self.replayer.inherited
            self._replayed |= self.replayer.inherited
        return batch.complete

    def _rollback(self, block: int) -> None:
        """L1 was reorganised: what came from above a block never happened."""
        self.report("reorganised", {"block": block})
        for view in (self.inbox, self.rollup, self.challenge, *self.credits.values()):
            view.rollback(block)
        kept = self.rollup.assertions
        self._acted_at = -1
        self._judged &= kept.keys()
        self._wrong &= kept.keys()
        self._replayed &= kept.keys()
        self._histories = {id_: history for id_, history in self._histories.items() if id_ in kept}
        if self.replayer is not None:
            self.replayer.retain(kept)
            if self.rollup.latest_confirmed not in self.replayer.states:
                self.replayer = None
                self._judged.clear()

    # What is true

    def _expected(self, parent: bytes) -> Expectation | None:
        assert self.replayer is not None
        if not self.replayer.knows(parent):
            return None
        origin = self.rollup.assertions[parent]
        expected = self.replayer.expected(origin)
        if expected is not None and expected.id not in self._replayed:
            self._replayed.add(expected.id)
            facts = {"first_batch": origin.limit, "batches": expected.limit - origin.limit, "steps": expected.steps}
            self.report("replayed", facts | {"state_hash": expected.state_hash})
            for sentence in broken(self.replayer.states[expected.id]):
                self.report("invariant_broken", {"limit": expected.limit, "what": sentence})
        return expected

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
                self._keep(assertion.id)
            else:
                self._wrong.add(assertion.id)
                self.report("assertion_wrong", facts | {"claimed": assertion.state_hash})
            self.replayer.forget(self.rollup)

    def _keep(self, id_: bytes) -> None:
        """Have a confirmed state kept on disk, to begin there another time; a move goes first."""
        if self.snapshots is not None and self.replayer is not None and not self.busy:
            state = self.replayer.states.get(id_)
            if state is not None and id_ != self.rollup.genesis_id:
                self.snapshots.offer(self.rollup.assertions[id_], state)

    def _warn_of_time(self) -> None:
        """Say once of each lie that half of the time it needs is over, that all of it is, or that it is confirmed."""
        period = self.deployment.config.challenge_period_blocks
        for id_ in self._wrong:
            lie = self.rollup.assertions[id_]
            if lie.status is Status.REJECTED:
                continue
            time = self.time_of(lie)
            event = ""
            if lie.status is Status.CONFIRMED:
                event = "lie_confirmed"
            elif 2 * time >= period:
                event = "lie_over_time" if time >= period else "lie_half_time"
            if event and (event, id_) not in self._warned:
                self._warned.add((event, id_))
                self.report(event, {"assertion": id_, "blocks": time, "of": period})

    def time_of(self, assertion: Assertion) -> int:
        """Return the blocks that count for an assertion already."""
        roots = [self.challenge.total(root, self.head) for root in self.challenge.roots.get(assertion.id, [])]
        return self.rollup.unrivalled_blocks(assertion, self.head) + max(roots, default=0)

    def _window(self, rivals: list[Assertion], moves_left: int) -> Window:
        """Return the time a transaction has against these, when so many more must land in what is left."""
        time = max((self.time_of(rival) for rival in rivals), default=0)
        left = max(0, self.deployment.config.challenge_period_blocks - time)
        return Window(first_block=self.head, deadline_block=self.head + max(1, left // moves_left))

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
                missed = duties.propose and not children and self._is_overdue(expected)
                if missed or (duties.dispute and children):
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
        self._histories = {
            id_: history
            for id_, history in self._histories.items()
            if self.rollup.assertions[id_].status is Status.PENDING
        }
        self.replayer.forget(self.rollup)

    def _is_overdue(self, expected: Expectation) -> bool:
        """Whether the own patience is over: L1 would have taken the assertion for that long."""
        earliest = self.rollup.assertions[expected.parent].block + self.deployment.config.min_interval_blocks
        since = max(earliest - 1, self.inbox.posted_blocks[expected.limit - 1])
        return self.head >= since + self.identity.patience_blocks

    def _assert(self, expected: Expectation) -> None:
        parent = self.rollup.assertions[expected.parent]
        if self.head + 1 < parent.block + self.deployment.config.min_interval_blocks:
            return
        call = Call(
            key=f"assert/{expected.id.hex()}",
            function="post",
            arguments=(expected.parent, expected.limit, expected.state_root, expected.registers, bytes(32)),
            value_wei=self.deployment.config.assertion_bond_wei,
        )
        facts = {"assertion": expected.id, "limit": expected.limit, "steps": expected.steps}
        rivals = [self.rollup.assertions[child] for child in self.rollup.children.get(expected.parent, [])]
        self._send("Rollup", call, "asserted", facts, self._window(rivals, 2) if rivals else None)

    def _dispute(self, mine: Assertion) -> None:
        claim = Claim(
            parent=mine.parent,
            assertion=mine.id,
            limit=mine.limit,
            head_start=self.rollup.unrivalled_blocks(mine, self.head),
        )
        period = self.deployment.config.challenge_period_blocks
        player = Player(self._history(mine), claim, period, proves=self.identity.proves)
        window = self._window(list(self.rollup.rivals(mine)), MOVES_LEFT)
        for move in player.moves(self.challenge, self.head):
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
            self._send("Challenge", call_for(move, self.deployment.config.challenge_bond_wei), "moved", facts, window)

    def _history(self, mine: Assertion) -> History:
        """Return the trace behind an own assertion, made on first use."""
        assert self.replayer is not None
        if mine.id not in self._histories:
            self.report("tracing", {"assertion": mine.id})
            self._histories[mine.id] = History(
                self.replayer.state(mine.parent),
                self.inbox.limited(mine.limit),
                height=self.deployment.config.root_height,
                step=self.identity.step,
                progress=lambda steps: self.report("tracing", {"assertion": mine.id, "steps": steps}),
            )
        return self._histories[mine.id]

    def _confirm(self, mine: Assertion) -> None:
        """Confirm the true child of the latest confirmed assertion once L1 will take it."""
        if mine.status is not Status.PENDING:
            return
        dispute = self.challenge.dispute_below(mine.parent)
        if dispute is not None and dispute.winner:
            due = dispute.winner == mine.id
        else:
            unrivalled = self.rollup.unrivalled_blocks(mine, self.head)
            due = unrivalled >= self.deployment.config.challenge_period_blocks
        if due:
            call = Call(key=f"confirm/{mine.id.hex()}", function="confirm", arguments=([mine.id],))
            self._send("Rollup", call, "confirmed", {"assertion": mine.id})

    def _clean_up(self) -> None:
        """Reject what has lost, settle what is decided, take back what is owed."""
        for assertion in list(self.rollup.assertions.values()):
            if assertion.status is Status.PENDING and self._has_lost(assertion):
                call = Call(key=f"reject/{assertion.id.hex()}", function="reject", arguments=(assertion.id,))
                self._send("Rollup", call, "rejected", {"assertion": assertion.id})
        if self.identity.proves:
            self._settle()
        self._withdraw_credits()

    def _settle(self) -> None:
        for dispute in self.challenge.disputes.values():
            repays = min(self.deployment.config.bisect_reward_wei, self.deployment.config.prove_reward_wei) > 0
            if not dispute.winner or (dispute.settled and not repays):
                continue
            period = self.deployment.config.challenge_period_blocks
            for move in settlement(self.challenge, dispute, self.head, period)[:1]:
                self._send("Challenge", call_for(move, 0), "settled", {"assertion": dispute.winner})

    def _has_lost(self, assertion: Assertion) -> bool:
        parent = self.rollup.assertions[assertion.parent]
        beaten = any(rival.status is Status.CONFIRMED for rival in self.rollup.rivals(assertion))
        return beaten or parent.status is Status.REJECTED

    def _withdraw_credits(self) -> None:
        assert self.queue is not None
        me = self.queue.address
        for contract, view in self.credits.items():
            owed = view.owed.get(me, 0)
            if owed:
                call = Call(key=f"credit/{contract}/{view.newest[me]}", function="withdrawCredit", arguments=())
                self._send(contract, call, "credit_withdrawn", {"contract": contract, "amount_wei": owed})

    def _send(self, contract: str, call: Call, event: str, facts: dict[str, Any], window: Window | None = None) -> None:
        assert self._outgoing is not None
        self._outgoing.submit(contract, call, Errand(event=event, facts=facts), self.head, window)
