"""Batches, messages and the bucket as plain Python. Twin: contracts/src/bridge/Inbox.sol.

Every call raises BadInput where the contract would revert. Each rule can be dropped, so that a test can show that it is
needed; the last ones are not the contract's, but what it is deployed with and what the machine makes of bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tallystick.records.blob_chunks import BLOB_BYTES
from tallystick.state.layout import MAX_BATCH_SECONDS, MAX_CHUNK_BYTES, MAX_CHUNKS
from tallystick.testing.protocol.protocol_rules import require

SEQUENCER: Final = "sequencer"
BLOCK_SECONDS: Final = 12
SMALL_BYTES: Final = 128
LEAST_CHUNK: Final = 81
NEVER: Final = 1 << 63


class InboxRule(Enum):
    """A rule that can be dropped. Each comment says what goes wrong without it."""

    BUCKET = "a batch is refused that does not fit into the bucket"
    """More is asked of the machine than assertions can follow."""
    SMALL_COUNTED = "small batches are counted"
    """They bring more than the bucket drains."""
    SMALL_TAKEN = "a full bucket takes a small batch"
    """Whoever fills the bucket holds back messages."""
    TIME_FORWARD = "time never falls"
    """What has expired is alive again."""
    NOT_HELD_BACK = "a batch's time is not long past"
    """Prices of hours ago are traded at, and all samples of these hours come at once."""
    NOT_AHEAD = "a batch does not end before L1 has nearly come to it"
    """Every price is stale for good."""
    IN_TIME = "a batch leaves out no message that is due"
    """A sequencer that lives never serves it."""
    LIMIT_FORWARD = "a message is consumed once"
    """A deposit counts twice."""
    LIMIT_KNOWN = "a message is there when it is consumed"
    """The machine finds no message, and stands still."""
    NOT_CUT = "one second's messages come in one batch"
    """Another's record runs between two messages of one transaction."""
    NOT_OF_NOW = "no message of this second is consumed"
    """The same, for those that are queued behind the batch."""
    NOT_NEWER = "no message is newer than its batch"
    """A record runs before the message it follows was known."""
    SEQUENCER_ALONE = "nobody else posts while the sequencer lives"
    """Anybody orders the records."""
    OWN_SILENCE = "only the sequencer's own batches prove that it lives"
    """Whoever posts first in a takeover shuts out everybody else."""
    RATE_FITS = "what drains in a block is asserted in one generation"
    """Assertions follow later and later."""
    QUEUE = "L1's gas bounds the work of messages"
    """The same."""
    SAMPLES = "time bounds the work of samples"
    """The same."""
    FRAMES = "a frame has twelve bytes at least"
    """The same: garbage of three bytes asks for a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxTerms:
    """What an Inbox is deployed with, and what there may be in a block. Units: seconds, bytes and micro-steps.

    `generation` is what an assertion covers, of which `landed` come a block; `wait` are the blocks between one that halted
    and its child.
    """

    force: int = 192
    takeover: int = 384
    past: int = 120
    future: int = 12
    rate: int = 20_000
    burst: int = MAX_CHUNKS * MAX_CHUNK_BYTES
    blobs: int = 1
    generation: int = 12_288
    landed: int = 2
    wait: int = 5
    message: int = 1_000
    messages: int = 4
    sample: int = 2_000
    small: int = 320
    per_kilobyte: int = 400

    @property
    def bound(self) -> int:
        """Within so many blocks of its posting every batch is asserted: docs/bridge.md has the proof.

        Twin: tallystick.l1.backlog.assertion_blocks.
        """
        silent = -(-(self.takeover + self.force) // BLOCK_SECONDS) + 2
        slack = -(-(self.past + self.future) // BLOCK_SECONDS) + 1
        bytes_ = self.burst + self.small * SMALL_BYTES
        at_once = self.steps(bytes_) + silent * self.messages * self.message + slack * self.sample
        follow = -(-self.wait // (self.landed - 1))
        return 2 * self.wait + follow + -(-at_once // (self.generation * self.landed))

    def steps(self, bytes_: int) -> int:
        """Return what bytes ask for at most."""
        return -(-bytes_ * self.per_kilobyte // 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is on L1 of a batch; `size` in bytes, `block` and `second` are those of its posting."""

    index: int
    time: int
    until: int
    limit: int
    size: int
    poster: str
    block: int
    second: int


@dataclass(slots=True)
class InboxRules:
    """One Inbox, in a block and a second of L1."""

    terms: InboxTerms
    dropped: frozenset[InboxRule] = frozenset()
    block: int = 0
    second: int = 0
    seen: int = 0
    level: int = 0
    level_block: int = 0
    messages: list[int] = field(default_factory=list[int])
    batches: list[Batch] = field(default_factory=list[Batch])

    @property
    def until(self) -> int:
        """The newest batch's end."""
        return self.batches[-1].until if self.batches else 0

    @property
    def limit(self) -> int:
        """The messages that are consumed."""
        return self.batches[-1].limit if self.batches else 0

    @property
    def takeover_at(self) -> int:
        """The second from which on anybody may post."""
        return self.seen + self.terms.takeover

    @property
    def bucket(self) -> int:
        """What is in the bucket now."""
        return max(0, self.level - self.terms.rate * (self.block - self.level_block))

    def drops(self, rule: InboxRule) -> bool:
        """Whether a rule is dropped here."""
        return bool(self.dropped) and rule in self.dropped

    def queue(self, _who: str) -> None:
        """Queue a message."""
        self.messages.append(self.second)

    def post(self, who: str, index: int, time: int, until: int, limit: int, sizes: Sequence[int]) -> Batch:
        """Post a batch of chunks of some sizes."""
        self._check_place(who, index)
        require(0 < len(sizes) <= MAX_CHUNKS, "the number of chunks")
        require(all(LEAST_CHUNK <= each <= MAX_CHUNK_BYTES for each in sizes), "the length of a chunk")
        self._check_times(time, until)
        self._check_limit(limit, time)
        size = sum(sizes)
        self._fill(size, small=len(sizes) == 1 and size <= SMALL_BYTES)
        return self._commit(who, time, until, limit, size)

    def post_blobs(self, who: str, index: int, time: int, until: int, limit: int, count: int) -> Batch:
        """Post a batch in the blobs of a transaction that has so many."""
        self._check_place(who, index)
        require(0 < count <= self.terms.blobs, "the number of blobs")
        self._check_times(time, until)
        self._check_limit(limit, time)
        self._fill(count * BLOB_BYTES, small=False)
        return self._commit(who, time, until, limit, count * BLOB_BYTES)

    def _check_place(self, who: str, index: int) -> None:
        alone = who == SEQUENCER or self.drops(InboxRule.SEQUENCER_ALONE)
        require(alone or self.second >= self.takeover_at, "not the sequencer")
        require(index == len(self.batches), "another index")

    def _fill(self, size: int, *, small: bool) -> None:
        level = self.bucket + size
        taken = (small and not self.drops(InboxRule.SMALL_TAKEN)) or level <= self.terms.burst
        require(taken or self.drops(InboxRule.BUCKET), "the bucket is full")
        if not (small and self.drops(InboxRule.SMALL_COUNTED)):
            self.level, self.level_block = level, self.block

    def _commit(self, who: str, time: int, until: int, limit: int, size: int) -> Batch:
        if who == SEQUENCER or self.drops(InboxRule.OWN_SILENCE):
            self.seen = self.second
        batch = Batch(
            index=len(self.batches),
            time=time,
            until=until,
            limit=limit,
            size=size,
            poster=who,
            block=self.block,
            second=self.second,
        )
        self.batches.append(batch)
        return batch

    def _check_times(self, time: int, until: int) -> None:
        least, most = max(0, self.second - self.terms.past), self.second + self.terms.future
        require(time >= self.until or self.drops(InboxRule.TIME_FORWARD), "time falls")
        require(time >= least or self.drops(InboxRule.NOT_HELD_BACK), "held back")
        require(until >= time, "it ends before it begins")
        require(until <= time + MAX_BATCH_SECONDS, "too long")
        require(until <= most or self.drops(InboxRule.NOT_AHEAD), "ahead of L1")

    def _check_limit(self, limit: int, time: int) -> None:
        count = len(self.messages)
        require(limit >= self.limit or self.drops(InboxRule.LIMIT_FORWARD), "consumed before")
        require(limit <= count or self.drops(InboxRule.LIMIT_KNOWN), "not queued")
        following = NEVER
        if limit < count:
            following = self.messages[limit]
            due = self.second > following + self.terms.force
            require(not due or self.drops(InboxRule.IN_TIME), "overdue")
        if limit == 0 or limit > count:
            return
        last = self.messages[limit - 1]
        require(last < following or self.drops(InboxRule.NOT_CUT), "cut")
        require(last < self.second or self.drops(InboxRule.NOT_OF_NOW), "of this second")
        require(last <= time or self.drops(InboxRule.NOT_NEWER), "newer than the batch")
