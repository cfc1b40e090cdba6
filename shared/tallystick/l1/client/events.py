"""Reading the contracts' events in order, without missing one that a reorganisation moved.

A store keeps what was read, so that a restart goes on there. A reader that starts far behind may take the past as one
endpoint claims it, if whoever reads checks it by the contracts' commitments before acting on it.

After each poll the reader knows the hash of the last block it has read, and of some before. When
that block is no longer the chain's, it goes back to the newest one that still is, says so, and
reads on from there.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tallystick.errors import BadEncoding, L1Error
from tallystick.l1.client.access import L1, Claim, Contract
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.client.values import BlockRef, RawLog
from tallystick.l1.deployment import Deployment
from tallystick.state.ordinals import BlockNumber, UnixSeconds

CONTRACTS = ("Inbox", "Vault", "Rollup", "Challenge")
DEFAULT_MAX_BLOCKS = 20_000
REMEMBERED_BLOCKS = 512
DEEPEST_REORGANISATION_BLOCKS = 64
"""What everybody is prepared for: two epochs, beyond which Ethereum's blocks are final."""
READS_OF_A_MOVING_CHAIN = 5
CLAIMED_FROM_BLOCKS = 5_000
"""How far behind the final blocks a reader is that does not prove the past block by block."""
CLAIM_LAG_BLOCKS = 16
"""A claim ends this near to the newest final block: nodes hold the state of that for some 128 blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class L1Event:
    """One event of one of the contracts, decoded. Units: `block` as a height."""

    contract: str
    name: str
    args: dict[str, Any]
    block: BlockNumber
    block_hash: bytes
    log_index: int
    tx_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch:
    """What one poll found. Iterating gives the events.

    When `rolled_back_to` is set, whatever came from blocks above it never happened: undo it first;
    `events` then tells anew what is in the blocks above it now.
    """

    rolled_back_to: BlockNumber | None
    events: tuple[L1Event, ...]
    read_to: BlockRef
    complete: bool
    """Whether this reaches the newest block allowed; if not, poll again at once."""
    claimed: bool = False
    """Whether these events are one endpoint's word: `refute` them when they do not even fit together."""
    claim_ends: bool = False
    """Whether that was all it says: check everything at `read_to`, then `accept` or `refute` it."""

    def __iter__(self) -> Iterator[L1Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a reader has come: the blocks it remembers, oldest first. Store it to go on later."""

    blocks: tuple[tuple[BlockNumber, bytes], ...]


class ContractReader:
    """Reads the events of contracts from a block, or from a stored cursor, on.

    `tag` is the newest block to read: "latest", or "safe" or "finalized" to see few reorganisations
    or none; `confirmations` holds back that many blocks more.
    """

    def __init__(
        self,
        client: L1,
        contracts: Sequence[Contract],
        first_block: BlockNumber,
        *,
        cursor: Cursor | None = None,
        tag: str = "latest",
        confirmations: int = 0,
        max_blocks: int = DEFAULT_MAX_BLOCKS,
        store: LogStore | None = None,
        claims: bool = False,
    ) -> None:
        self._client = client
        self._tag = tag
        self._confirmations = confirmations
        self._max_blocks = max_blocks
        self._start = first_block
        self._contracts = {contract.address: contract for contract in contracts}
        self._store = store
        self._seen: list[tuple[BlockNumber, bytes]] = (
            list(cursor.blocks) if cursor else list(store.cursor()) if store else []
        )
        self._stored = store.pieces() if store and self._seen and not cursor else None
        self._claims = claims and not self._seen
        self._claim: Claim | None = None
        self._claimed_to: BlockRef | None = None
        self._claim_failed = False
        self.goal = 0
        """The block the last poll was to reach."""

    @property
    def cursor(self) -> Cursor:
        """Return how far it has read, to go on from there later."""
        return Cursor(blocks=tuple(self._seen))

    @property
    def next_block(self) -> BlockNumber:
        """The first block not read yet."""
        return BlockNumber(self._seen[-1][0] + 1) if self._seen else self._start

    def rewind(self, block: BlockNumber) -> None:
        """Goes back so that the next poll gives the events above `block` once more."""
        del self._seen[bisect_right(self._seen, block, key=_number) :]
        if self._store:
            self._store.forget(block)

    def poll(self) -> EventBatch:
        """The events of the blocks that are new since the last poll.

        Raises: L1Error; the reader has not moved then.
        """
        if self._stored is not None:
            piece = next(self._stored, None)
            if piece:
                return self._from_store(piece)
            self._stored = None
        if self._claims:
            batch = self._poll_claim()
            if batch is not None:
                return batch
        for _ in range(READS_OF_A_MOVING_CHAIN):
            before = list(self._seen)
            try:
                batch = self._poll()
                undone, self._claim_failed = self._claim_failed, False
                return replace(batch, rolled_back_to=BlockNumber(self._start - 1)) if undone else batch
            except _ChainMovedError:
                self._seen = before
            except BaseException:
                self._seen = before
                raise
        raise L1Error("the chain changes faster than it can be read", endpoint=self._client.endpoint)

    def to_head(self) -> Iterator[EventBatch]:
        """Poll until L1's head is reached, and yield what each poll gave; the next comes when that one is dealt with.

        Raises: L1Error.
        """
        complete = False
        while not complete:
            batch = self.poll()
            complete = batch.complete
            yield batch

    def _poll(self) -> EventBatch:
        head = self._client.head(self._tag)
        rolled_back_to = self._find_ancestor(head)
        allowed = self.goal = head.number - self._confirmations
        first = self.next_block
        last = min(allowed, first + self._max_blocks - 1)
        if last < first:
            self._keep(rolled_back_to, [])
            read_to = head if self._at_end(head) else self._read_to(head)
            return EventBatch(rolled_back_to=rolled_back_to, events=(), read_to=read_to, complete=True)
        end = self._block(last, head)
        self._check_link(first, end)
        logs = self._client.logs(list(self._contracts), first, BlockNumber(last))
        # the range was read in several requests: only if its end is still the same was it one chain
        if self._block(last, None).hash != end.hash:
            raise _ChainMovedError
        self._remember(logs, end)
        self._keep(rolled_back_to, logs)
        events = self._events(logs)
        return EventBatch(rolled_back_to=rolled_back_to, events=events, read_to=end, complete=last == allowed)

    def _keep(self, rolled_back_to: BlockNumber | None, logs: list[RawLog]) -> None:
        if self._store and (logs or rolled_back_to is not None or self._seen):
            if rolled_back_to is not None:
                self._store.forget(rolled_back_to)
            self._store.extend(logs, self._seen)

    def _events(self, logs: list[RawLog]) -> tuple[L1Event, ...]:
        return tuple(event for event in map(self._decode, logs) if event is not None)

    # The past: from the store, or as an endpoint claims it

    def _from_store(self, piece: list[RawLog]) -> EventBatch:
        last = piece[-1]
        at = BlockRef(
            number=last.block_number, hash=last.block_hash, parent_hash=b"", timestamp=UnixSeconds(0), base_fee_wei=0
        )
        return EventBatch(rolled_back_to=None, events=self._events(piece), read_to=at, complete=False)

    def _poll_claim(self) -> EventBatch | None:
        """The next events of a claim, the last with `claim_ends`; None where the past is short, or nobody claims any.

        A claim that breaks off is taken back by the first batch behind it.
        """
        if self._claim is None:
            self._claim = self._client.claim() if self._is_far_behind() else None
        if self._claim is None:
            self._claims = False
            return None
        final = self._client.head("finalized")
        first = self._start if self._claimed_to is None else self._claimed_to.number + 1
        last = min(final.number - self._confirmations, first + self._max_blocks - 1)
        end = final if last == final.number else self._client.block(last)
        if end is None:
            raise L1Error("the endpoints lack a block below their head", endpoint=self._client.endpoint)
        try:
            logs = self._claim.logs(list(self._contracts), BlockNumber(first), BlockNumber(last))
        except L1Error:
            self._drop_claim()
            raise
        try:
            events = self._events(logs)
        except (BadEncoding, KeyError) as error:
            self.refute(str(error))
            raise L1Error("an endpoint tells of the past what no contract logs", reason=str(error)) from error
        undone, self._claim_failed = self._claim_failed, False
        self._claimed_to = end
        if self._store:
            self._store.extend(logs, None)
        return EventBatch(
            rolled_back_to=BlockNumber(self._start - 1) if undone else None,
            events=events,
            read_to=end,
            complete=False,
            claimed=True,
            claim_ends=final.number - self._confirmations - last < CLAIM_LAG_BLOCKS,
        )

    def _is_far_behind(self) -> bool:
        return self._client.head("finalized").number - self._start >= CLAIMED_FROM_BLOCKS

    def accept(self) -> None:
        """The claim is right: what was claimed counts as read."""
        assert self._claimed_to is not None
        self._seen = [(self._claimed_to.number, self._claimed_to.hash)]
        self._claims = False
        self._claim = None
        if self._store:
            self._store.extend([], self._seen)

    def refute(self, what: str) -> None:
        """The claim is false: the next batch takes it back, and another endpoint is believed until it is checked."""
        assert self._claim is not None
        self._claim.refute(what)
        self._drop_claim()

    def _drop_claim(self) -> None:
        self._claim_failed = self._claim_failed or self._claimed_to is not None
        self._claim = self._claimed_to = None
        if self._store:
            self._store.forget(BlockNumber(-1))

    def _find_ancestor(self, head: BlockRef) -> BlockNumber | None:
        """Forgets blocks that are no longer the chain's; the newest that is, if any was forgotten."""
        forgotten = False
        while self._seen:
            number, known = self._seen[-1]
            if number == head.number and head.hash == known:
                break
            if number <= head.number:
                block = self._client.block(number)
                if block is not None and block.hash == known:
                    break
            self._seen.pop()
            forgotten = True
        return BlockNumber(self.next_block - 1) if forgotten else None

    def _check_link(self, first: int, end: BlockRef) -> None:
        """The first new block must be the child of the last one read."""
        if self._seen and self._block(first, end).parent_hash != self._seen[-1][1]:
            raise _ChainMovedError

    def _at_end(self, head: BlockRef) -> bool:
        return bool(self._seen) and self._seen[-1] == (head.number, head.hash)

    def _read_to(self, head: BlockRef) -> BlockRef:
        number = self._seen[-1][0] if self._seen else self._start - 1
        return self._block(min(max(number, 0), head.number), None)

    def _block(self, number: int, head: BlockRef | None) -> BlockRef:
        if head is not None and head.number == number:
            return head
        block = self._client.block(number)
        if block is None:
            raise _ChainMovedError
        return block

    def _decode(self, log: RawLog) -> L1Event | None:
        contract = self._contracts[log.address]
        event = contract.decode(log)
        if event is None:
            return None
        return L1Event(
            contract=contract.abi.name,
            name=event.name,
            args=event.args,
            block=log.block_number,
            block_hash=log.block_hash,
            log_index=log.log_index,
            tx_hash=log.transaction_hash,
        )

    def _remember(self, logs: list[RawLog], end: BlockRef) -> None:
        """Keeps the hashes of blocks with events and of the last: the places to go back to."""
        blocks = {log.block_number: log.block_hash for log in logs} | {end.number: end.hash}
        self._seen.extend(sorted(blocks.items()))
        del self._seen[:-REMEMBERED_BLOCKS]


class EventReader(ContractReader):
    """Reads all of a deployment's events, from its first block or from a stored cursor on."""

    def __init__(
        self,
        client: L1,
        deployment: Deployment,
        *,
        cursor: Cursor | None = None,
        tag: str = "latest",
        confirmations: int = 0,
        contracts: Sequence[str] = CONTRACTS,
        store: LogStore | None = None,
        claims: bool = False,
    ) -> None:
        places = deployment.addresses.all()
        super().__init__(
            client,
            [client.contract(name, places[name]) for name in contracts],
            deployment.first_block,
            cursor=cursor,
            tag=tag,
            confirmations=confirmations,
            store=store,
            claims=claims,
        )


class _ChainMovedError(Exception):
    """Two answers of the endpoint belong to different branches."""


def _number(block: tuple[BlockNumber, bytes]) -> BlockNumber:
    return block[0]
