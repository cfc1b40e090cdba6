"""One party at the rollup: what it knows, what is due, and how that gets done.

The challenger is such a party, and so is the operator where it asserts and defends what it asserted. A party needs
nothing but L1: with an empty disk it comes to the same views, the same states and the same moves. `Mind` knows, the
identity's strategy lists what is due, and `Hand` sends it; this ties the three to a chain.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tallystick.dispute.edge_view import ChallengeView
from tallystick.dispute.traces.traces import Traces
from tallystick.errors import DataError
from tallystick.l1.client.access import L1
from tallystick.l1.client.events import CONTRACTS, DEEPEST_REORGANISATION_BLOCKS, EventReader
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.l1.sending.signer import Signer
from tallystick.party.bonds.membership import Pooling
from tallystick.party.commitments import check_commitments
from tallystick.party.hand import Hand, Purse
from tallystick.party.mind import Mind, Report
from tallystick.party.strategy.strategy import Due, Identity, time_of
from tallystick.ports import Clock
from tallystick.rollup.replay import Replayer
from tallystick.rollup.snapshots.snapshotstore import SnapshotStore
from tallystick.rollup.views.assertion_view import Assertion, RollupView
from tallystick.rollup.views.credit_view import CreditView
from tallystick.rollup.views.inbox_view import BlobReader, InboxView
from tallystick.state.ordinals import BlockNumber, UnixSeconds

__all__ = ["CONFIRMATIONS", "Identity", "Party"]

CONFIRMATIONS: Final = DEEPEST_REORGANISATION_BLOCKS + 1
"""Blocks until a transaction is given up watching: one that a reorganisation throws out before is sent again."""


class Party:
    """Follows L1 and acts on it; `tick` does all that can be done now.

    `report` is told every event worth telling, by name, with its data. Without an account or a queue, which may be
    shared, nothing is ever sent; an account's own queue is at `queue_path`, and waits by `clock`. `store` keeps L1's events, to go on from there. `look_twice` is asked before the first move against each lie, and may raise.
    `blobs` gives those that batches are in. With `pooling` a bond beside a lie that the own money does not pay is paid with others.
    """

    def __init__(
        self,
        client: L1,
        deployment: Deployment,
        identity: Identity,
        report: Report,
        *,
        account: Signer | None = None,
        queue_path: Path | None = None,
        clock: Clock | None = None,
        queue: TxQueue | None = None,
        tag: str = "latest",
        confirmations: int = 0,
        purse: Purse | None = None,
        pooling: Callable[[Mind], Pooling] | None = None,
        snapshots: SnapshotStore | None = None,
        traces: Callable[[Mind], Traces] | None = None,
        blobs: BlobReader | None = None,
        look_twice: Callable[[Party], None] = lambda party: None,
        store: LogStore | None = None,
    ) -> None:
        self.client = client
        self.deployment = deployment
        self.report = report
        self.reader = EventReader(
            client,
            deployment,
            tag=tag,
            confirmations=confirmations,
            contracts=(*CONTRACTS, "BondPool"),
            store=store,
            claims=True,
        )
        self._events = store
        self.queue = queue
        self._store: QueueStore | None = None
        if queue is None and account is not None and queue_path is not None:
            self._store = QueueStore(queue_path)
            assert clock is not None, "a queue of its own needs a clock"
            config = SenderConfig(confirmations=CONFIRMATIONS)
            self.queue = TxQueue(client=client, account=account, store=self._store, config=config, clock=clock)
        self.mind = Mind(
            deployment.config,
            deployment.genesis_state_hash,
            identity,
            report,
            me=self.queue.address if self.queue is not None else b"",
            snapshots=snapshots,
            traces=traces,
            blobs=blobs,
        )
        self.pooling = pooling(self.mind) if pooling is not None and self.queue is not None else None
        self.hand: Hand | None = None
        if self.queue is not None:
            otherwise = self.pooling.pay if self.pooling is not None else lambda due, free_wei: None
            self.hand = Hand(client, deployment, self.queue, report, purse, otherwise)
        self._look_twice = look_twice
        self._looked_at: frozenset[bytes] = frozenset()
        self._acted_at = -1

    def close(self) -> None:
        """Let go of the transaction queue's store, and end what is being made."""
        self.mind.close()
        for store in (self._store, self._events):
            if store is not None:
                store.close()

    def tick(self) -> bool:
        """Read what is new and act on it; return whether the view of L1 is complete.

        Raises: L1Error; DataError or StateError when L1 contradicts itself or the deployment record.
        """
        complete = self.read()
        mind = self.mind
        if complete and mind.replayer is not None:
            if mind.head != self._acted_at or mind.awaits_traces:
                mind.judge(self._offer)
                if self.hand is not None:
                    due = self.due()
                    fetched = self.pooling.home(due) if self.pooling is not None else []
                    self.hand.take([*due, *fetched], mind.head)
                mind.forget()
                self._acted_at = mind.head
            if self.hand is not None and self.hand.pump(mind.head):
                self._acted_at = -1
            if not self.busy:
                mind.offer(mind.rollup.latest_confirmed)
        return complete

    def read(self) -> bool:
        """Read the next events; return whether they reach L1's head."""
        batch = self.reader.poll()
        if batch.rolled_back_to is not None:
            self.mind.roll_back(batch.rolled_back_to)
            self._acted_at = -1
            if self.pooling is not None:
                self.pooling.roll_back(batch.rolled_back_to)
        try:
            self.mind.take(batch, batch.read_to.number, batch.read_to.timestamp, complete=batch.complete)
            if self.pooling is not None:
                self.pooling.take(batch)
            if batch.claim_ends:
                self._check_claim(batch.read_to.number)
        except (DataError, KeyError, OverflowError) as error:
            if not batch.claimed:
                raise
            self.report("past_refuted", {"reason": str(error)})
            self.reader.refute(str(error))
        return batch.complete

    def _check_claim(self, block: BlockNumber) -> None:
        """Hold what one endpoint said of the past against what the contracts commit to.

        Raises: DataMismatch; L1Error.
        """
        mind = self.mind
        places = self.deployment.addresses.all()
        facts = check_commitments(
            self.client,
            places,
            block,
            inbox=mind.inbox,
            rollup=mind.rollup,
            challenge=mind.challenge,
            credits_=mind.credits,
            payee=mind.me,
        )
        self.reader.accept()
        self.report("past_checked", {"block": block, "facts": facts})

    def due(self) -> list[Due]:
        """Return what this party would do now.

        Raises: whatever looking twice raises, before the first move against a lie.
        """
        lies = frozenset(self.mind.lies)
        if lies - self._looked_at:
            self._look_twice(self)
            self._looked_at = lies
        return self.mind.identity.strategy(self.mind)

    def _offer(self, assertion: Assertion) -> None:
        """Have a state kept on the way; a move goes first."""
        if not self.busy:
            self.mind.offer(assertion.id)

    # What it knows and does, for those who look

    @property
    def busy(self) -> bool:
        """Whether a transaction is under way."""
        return self.under_way > 0

    @property
    def under_way(self) -> int:
        """Calls that are asked for and not mined yet."""
        return self.hand.under_way if self.hand is not None else 0

    @property
    def identity(self) -> Identity:
        """How it differs from others."""
        return self.mind.identity

    @identity.setter
    def identity(self, identity: Identity) -> None:
        self.mind.identity = identity
        self._acted_at = -1

    @property
    def inbox(self) -> InboxView:
        """The machine's inputs."""
        return self.mind.inbox

    @property
    def rollup(self) -> RollupView:
        """All assertions, but those that stand on a known lie."""
        return self.mind.rollup

    @property
    def challenge(self) -> ChallengeView:
        """All disputes, but those below a known lie."""
        return self.mind.challenge

    @property
    def credits(self) -> dict[str, CreditView]:
        """What the contracts owe."""
        return self.mind.credits

    @property
    def replayer(self) -> Replayer | None:
        """The own replay, once it has begun."""
        return self.mind.replayer

    @property
    def head(self) -> BlockNumber:
        """The block up to which L1 is read."""
        return self.mind.head

    @property
    def head_time(self) -> UnixSeconds:
        """That block's time."""
        return self.mind.head_time

    @property
    def wrong(self) -> list[Assertion]:
        """The assertions that the own replay refutes, whatever became of them."""
        return self.mind.wrong

    def time_of(self, assertion: Assertion) -> int:
        """Return the blocks that count for an assertion already."""
        return time_of(self.mind, assertion)
