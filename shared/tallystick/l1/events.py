"""Reading the contracts' events in order, without missing one that a reorganisation moved.

After each poll the reader knows the hash of the last block it has read, and of some before. When
that block is no longer the chain's, it goes back to the newest one that still is, says so, and
reads on from there.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.errors import L1Error
from tallystick.l1.client import BlockRef, Contract, L1Client, RawLog
from tallystick.l1.deployment import Deployment

CONTRACTS = ("Inbox", "Vault", "Rollup", "Challenge")
DEFAULT_MAX_BLOCKS = 20_000
REMEMBERED_BLOCKS = 512
DEEPEST_REORGANISATION_BLOCKS = 64
"""What everybody is prepared for: two epochs, beyond which Ethereum's blocks are final."""
READS_OF_A_MOVING_CHAIN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class L1Event:
    contract: str
    name: str
    args: dict[str, Any]
    block: int
    block_hash: bytes
    log_index: int
    tx_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch:
    """What one poll found. Iterating gives the events.

    When `rolled_back_to` is set, whatever came from blocks above it never happened: undo it first;
    `events` then tells anew what is in the blocks above it now.
    """

    rolled_back_to: int | None
    events: tuple[L1Event, ...]
    read_to: BlockRef
    complete: bool
    """Whether this reaches the newest block allowed; if not, poll again at once."""

    def __iter__(self) -> Iterator[L1Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a reader has come: the blocks it remembers, oldest first. Store it to go on later."""

    blocks: tuple[tuple[int, bytes], ...]


class ContractReader:
    """Reads the events of contracts from a block, or from a stored cursor, on.

    `tag` is the newest block to read: "latest", or "safe" or "finalized" to see few reorganisations
    or none; `confirmations` holds back that many blocks more.
    """

    def __init__(
        self,
        client: L1Client,
        contracts: Sequence[Contract],
        first_block: int,
        *,
        cursor: Cursor | None = None,
        tag: str = "latest",
        confirmations: int = 0,
        max_blocks: int = DEFAULT_MAX_BLOCKS,
    ) -> None:
        self._client = client
        self._tag = tag
        self._confirmations = confirmations
        self._max_blocks = max_blocks
        self._start = first_block
        self._contracts = {contract.address: contract for contract in contracts}
        self._seen: list[tuple[int, bytes]] = list(cursor.blocks) if cursor else []
        self.goal = 0
        """The block the last poll was to reach."""

    @property
    def cursor(self) -> Cursor:
        return Cursor(blocks=tuple(self._seen))

    @property
    def next_block(self) -> int:
        """The first block not read yet."""
        return self._seen[-1][0] + 1 if self._seen else self._start

    def rewind(self, block: int) -> None:
        """Goes back so that the next poll gives the events above `block` once more."""
        del self._seen[bisect_right(self._seen, block, key=_number) :]

    def poll(self) -> EventBatch:
        """The events of the blocks that are new since the last poll.

        Raises: L1Error; the reader has not moved then.
        """
        for _ in range(READS_OF_A_MOVING_CHAIN):
            before = list(self._seen)
            try:
                return self._poll()
            except _ChainMovedError:
                self._seen = before
            except BaseException:
                self._seen = before
                raise
        raise L1Error("the chain changes faster than it can be read", endpoint=self._client.endpoint)

    def _poll(self) -> EventBatch:
        head = self._client.head(self._tag)
        rolled_back_to = self._find_ancestor(head)
        allowed = self.goal = head.number - self._confirmations
        first = self.next_block
        last = min(allowed, first + self._max_blocks - 1)
        if last < first:
            read_to = head if self._at_end(head) else self._read_to(head)
            return EventBatch(rolled_back_to=rolled_back_to, events=(), read_to=read_to, complete=True)
        end = self._block(last, head)
        self._check_link(first, end)
        logs = self._client.logs(list(self._contracts), first, last)
        # the range was read in several requests: only if its end is still the same was it one chain
        if self._block(last, None).hash != end.hash:
            raise _ChainMovedError
        events = tuple(event for event in map(self._decode, logs) if event is not None)
        self._remember(logs, end)
        return EventBatch(rolled_back_to=rolled_back_to, events=events, read_to=end, complete=last == allowed)

    def _find_ancestor(self, head: BlockRef) -> int | None:
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
        return self.next_block - 1 if forgotten else None

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
        client: L1Client,
        deployment: Deployment,
        *,
        cursor: Cursor | None = None,
        tag: str = "latest",
        confirmations: int = 0,
        contracts: Sequence[str] = CONTRACTS,
    ) -> None:
        places = deployment.addresses.all()
        super().__init__(
            client,
            [client.contract(name, places[name]) for name in contracts],
            deployment.first_block,
            cursor=cursor,
            tag=tag,
            confirmations=confirmations,
        )


class _ChainMovedError(Exception):
    """Two answers of the endpoint belong to different branches."""


def _number(block: tuple[int, bytes]) -> int:
    return block[0]
