"""What a party knows: L1 as its events tell it, and what the own replay says of that. It sends nothing and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from tallystick.dispute.edge_view import ChallengeView
from tallystick.dispute.trace_tree import Trace
from tallystick.dispute.traces.traces import MemoryTraces, Source, Traces, source_of
from tallystick.l1.deployment import DeployConfig
from tallystick.party.strategy.strategy import Identity, time_of
from tallystick.rollup.begin import begin
from tallystick.rollup.invariants import broken
from tallystick.rollup.replay import Expectation, Replayer
from tallystick.rollup.snapshots.snapshotstore import SnapshotStore
from tallystick.rollup.views.assertion_view import Assertion, RollupView, Status
from tallystick.rollup.views.credit_view import CreditView
from tallystick.rollup.views.fold import ChainEvent
from tallystick.rollup.views.inbox_view import BlobReader, InboxView
from tallystick.state.ordinals import BatchNumber, BlockNumber, UnixSeconds

Report = Callable[[str, dict[str, Any]], None]
PAYING: Final = ("Rollup", "Challenge")
"""The contracts that owe what they pay."""


class Mind:
    """Folds L1's events, replays what they publish and judges what they assert.

    What stands on a known lie can never be confirmed: it is neither judged nor kept, whatever somebody spends on it.
    `report` is told what is found, by name.
    """

    def __init__(
        self,
        terms: DeployConfig,
        genesis_state_hash: bytes,
        identity: Identity,
        report: Report,
        *,
        me: bytes = b"",
        snapshots: SnapshotStore | None = None,
        traces: Callable[[Mind], Traces] | None = None,
        blobs: BlobReader | None = None,
    ) -> None:
        self.terms = terms
        self.identity = identity
        self.me = me
        self.report = report
        self.inbox = InboxView(blobs)
        self.rollup = RollupView()
        self.challenge = ChallengeView(opens_repaid=terms.open_reward_wei > 0)
        self.credits = {contract: CreditView() for contract in PAYING}
        self.replayer: Replayer | None = None
        self.snapshots = snapshots
        self.head = BlockNumber(0)
        self.head_time = UnixSeconds(0)
        self._genesis_state_hash = genesis_state_hash
        self._traces: Traces = traces(self) if traces is not None else MemoryTraces(self.source, report, identity.step)
        self._awaited: set[bytes] = set()
        self._judged: set[bytes] = set()
        self._lies: set[bytes] = set()
        self._replayed: set[bytes] = set()
        self._passed_over: dict[bytes, int] = {}  # by name, with the block
        self._warned: set[tuple[str, bytes]] = set()

    @property
    def source(self) -> Source:
        """What traces are made from."""
        return source_of(self, self.terms.root_height)

    def close(self) -> None:
        """End what is being made."""
        self._traces.close()

    # Reading

    def take(self, events: Iterable[ChainEvent], head: BlockNumber, head_time: UnixSeconds, *, complete: bool) -> None:
        """Take in the events up to a block; `complete` is whether that is all there is.

        Raises: DataError or StateError when L1 contradicts itself or the deployment record.
        """
        for event in events:
            if self._is_about_a_lie(event):
                continue
            for view in (self.inbox, self.rollup, self.challenge):
                view.apply(event)
            if event.contract in self.credits:
                self.credits[event.contract].apply(event)
        self.head, self.head_time = head, head_time
        if self.replayer is None and self.rollup.genesis_id and complete:
            self.replayer = begin(
                self.rollup,
                self.inbox,
                self._genesis_state_hash,
                height=self.terms.root_height,
                step=self.identity.step,
                snapshots=self.snapshots,
            )
            self._judged |= self.replayer.inherited
            self._replayed |= self.replayer.inherited

    def roll_back(self, block: BlockNumber) -> None:
        """L1 was reorganised: what came from above a block never happened."""
        self.report("reorganised", {"block": block})
        for view in (self.inbox, self.rollup, self.challenge, *self.credits.values()):
            view.rollback(block)
        kept = self.rollup.assertions
        self._judged &= kept.keys()
        self._lies &= kept.keys()
        # in other blocks the lie below it may be true: its inputs are not in its name
        self._passed_over = {id_: at for id_, at in self._passed_over.items() if at <= block}
        self._replayed &= kept.keys()
        self._traces.keep(kept)
        self._awaited &= kept.keys()
        if self.replayer is not None:
            self.replayer.retain(kept)
            if self.rollup.latest_confirmed not in self.replayer.states:
                self.replayer = None
                self._judged.clear()

    def _is_about_a_lie(self, event: ChainEvent) -> bool:
        """Whether an event is about what stands on a lie that is known; its own children's names are kept, no more."""
        args = event.args
        if event.name == "AssertionPosted" and (args["parent"] in self._lies or args["parent"] in self._passed_over):
            self._passed_over[args["id"]] = event.block
        if event.name == "DisputeOpened" and (args["parent"] in self._lies or args["parent"] in self._passed_over):
            self._passed_over[args["dispute"]] = event.block
        if event.name == "BondMoved":
            return False
        subject = args.get("dispute") if event.contract == "Challenge" else args.get("id")
        return isinstance(subject, bytes) and subject in self._passed_over

    # Judging

    @property
    def lies(self) -> tuple[bytes, ...]:
        """The assertions below true ones that the own replay refutes, oldest first."""
        return tuple(id_ for id_ in self.rollup.assertions if id_ in self._lies)

    @property
    def wrong(self) -> list[Assertion]:
        """The refuted assertions, whatever became of them."""
        return [self.rollup.assertions[id_] for id_ in self.lies]

    def is_true(self, assertion: bytes) -> bool:
        """Whether the own replay bears an assertion out."""
        return self.replayer is not None and self.replayer.knows(assertion)

    def is_right(self, assertion: bytes) -> bool | None:
        """Whether the replay bears an assertion out; None when it stands on a wrong one, or is not judged."""
        if assertion in self._lies:
            return False
        return True if self.is_true(assertion) else None

    def expected(self, parent: Assertion) -> Expectation | None:
        """Return the true child of a true assertion, None while its inputs are not on L1."""
        if self.replayer is None or not self.replayer.knows(parent.id):
            return None
        expected = self.replayer.expected(parent)
        if expected is not None and expected.id not in self._replayed:
            self._replayed.add(expected.id)
            facts = {"first_batch": parent.limit, "batches": expected.limit - parent.limit, "steps": expected.steps}
            self.report("replayed", facts | {"state_hash": expected.state_hash})
            for sentence in broken(self.replayer.states[expected.id]):
                self.report("invariant_broken", {"limit": expected.limit, "what": sentence})
        return expected

    def judge(self, checked: Callable[[Assertion], None] = lambda assertion: None) -> None:
        """Compare every new assertion whose parent is true with the own replay; `checked` is told of the true ones."""
        assert self.replayer is not None
        found = False
        for assertion in list(self.rollup.assertions.values()):
            if assertion.id in self._judged or assertion.id == self.rollup.genesis_id:
                continue
            expected = self.expected(self.rollup.assertions[assertion.parent])
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
                checked(assertion)
            else:
                self._lies.add(assertion.id)
                found = True
                self.report("assertion_wrong", facts | {"claimed": assertion.state_hash})
            self.replayer.forget(self.rollup)
        if found:
            self._drop_what_stands_on_lies()
        self._warn_of_time()

    def _drop_what_stands_on_lies(self) -> None:
        """Forget what was read before the lie below it was known."""
        below = {each.id for each in self.rollup.assertions.values() if each.parent in self._lies}
        if not below and not any(each.parent in self._lies for each in self.challenge.disputes.values()):
            return
        self.rollup.drop(self._is_about_a_lie)
        self.challenge.drop(self._is_about_a_lie)
        self._judged &= self.rollup.assertions.keys()

    def _warn_of_time(self) -> None:
        """Say once of each lie that half of the time it needs is over, that all of it is, or that it is confirmed."""
        period = self.terms.challenge_period_blocks
        for lie in self.wrong:
            if lie.status is Status.REJECTED:
                continue
            time = time_of(self, lie)
            event = ""
            if lie.status is Status.CONFIRMED:
                event = "lie_confirmed"
            elif 2 * time >= period:
                event = "lie_over_time" if time >= period else "lie_half_time"
            if event and (event, lie.id) not in self._warned:
                self._warned.add((event, lie.id))
                self.report(event, {"assertion": lie.id, "blocks": time, "of": period})

    # Remembering

    def trace(self, mine: Assertion) -> Trace | None:
        """Return the trace of a true assertion, None while it is being made."""
        trace = self._traces.trace(mine)
        (self._awaited.add if trace is None else self._awaited.discard)(mine.id)
        return trace

    @property
    def awaits_traces(self) -> bool:
        """Whether a trace that was asked for is being made: something may be due before L1 goes on."""
        return bool(self._awaited)

    def posted_block(self, batch: BatchNumber) -> BlockNumber:
        """Return the block a batch was posted in."""
        return BlockNumber(self.inbox.posted_blocks[batch])

    def offer(self, id_: bytes) -> None:
        """Have a true state kept on disk, to begin there another time."""
        if self.snapshots is not None and self.replayer is not None and id_ != self.rollup.genesis_id:
            state = self.replayer.states.get(id_)
            if state is not None:
                self.snapshots.offer(self.rollup.assertions[id_], state)

    def forget(self) -> None:
        """Drop the traces of disputes that are settled, and the states that nobody will need."""
        if self.replayer is None:
            return
        open_ = {each.winner for each in self.challenge.disputes.values() if each.winner and not each.settled}
        pending = {each.id for each in self.rollup.assertions.values() if each.status is Status.PENDING}
        self._traces.keep(open_ | pending)
        self._awaited &= open_ | pending
        self.replayer.forget(self.rollup)
