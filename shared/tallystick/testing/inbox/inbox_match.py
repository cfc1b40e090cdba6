"""A match about one Inbox: a sequencer of some kind, strangers of both kinds, users who queue, and who asserts it all."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Protocol

from tallystick.errors import BadInput
from tallystick.records.blob_chunks import BLOB_BYTES
from tallystick.state.layout import MAX_CHUNK_BYTES, MAX_CHUNKS
from tallystick.testing.inbox.inbox_rules import (
    BLOCK_SECONDS,
    LEAST_CHUNK,
    SEQUENCER,
    SMALL_BYTES,
    Batch,
    InboxRule,
    InboxRules,
    InboxTerms,
)

USER: Final = "user"
SERVANT: Final = "servant"
"""A stranger who posts what serves everybody, as soon as anybody may."""
HOSTILE: Final = "hostile"
WHO: Final = (SEQUENCER, USER, SERVANT, HOSTILE)
STYLES: Final = ("honest", "flood", "drizzle", "stall", "silent", "late", "random")
BLOCKS: Final = 60
WORSE: Final = 24
"""What messages and samples ask for, times this, where nothing bounds them."""


class InboxFault(Enum):
    """What must never happen."""

    BACKLOG = "a batch is asserted later than the bound"
    UNSERVED = "a message waits longer than a takeover and the force delay"
    TWICE = "a message is consumed twice"
    GHOST = "a message is consumed that is not there"
    CUT = "the messages of one second come in two batches"
    EARLY = "a batch consumes what is newer than itself"
    BACKWARDS = "time falls"
    HELD_BACK = "a batch is of a time long past, or of one that L1 has not come to"
    SHUT_OUT = "in a takeover somebody is refused who would serve everybody"
    STRANGER = "a stranger orders records while the sequencer lives"


class Inbox(Protocol):
    """What a match is played on: the Python rules, or those beside the compiled contract."""

    @property
    def rules(self) -> InboxRules:
        """The Inbox."""
        ...

    def queue(self, who: str) -> None:
        """Queue a message."""
        ...

    def post(self, who: str, index: int, time: int, until: int, limit: int, sizes: list[int]) -> Batch:
        """Post a batch.

        Raises: BadInput when it is refused.
        """
        ...

    def post_blobs(self, who: str, index: int, time: int, until: int, limit: int, count: int) -> Batch:
        """Post a batch in so many blobs. Raises: as `post`."""
        ...


Make = Callable[[InboxRules], Inbox]


def python_inbox(rules: InboxRules) -> Inbox:
    """Return the Python rules alone."""
    return _Python(rules)


@dataclass(slots=True)
class _Python:
    rules: InboxRules

    def queue(self, who: str) -> None:
        self.rules.queue(who)

    def post(self, who: str, index: int, time: int, until: int, limit: int, sizes: list[int]) -> Batch:
        return self.rules.post(who, index, time, until, limit, sizes)

    def post_blobs(self, who: str, index: int, time: int, until: int, limit: int, count: int) -> Batch:
        """Post a batch in so many blobs."""
        return self.rules.post_blobs(who, index, time, until, limit, count)


@dataclass(slots=True)
class Proposer:
    """Whoever asserts: after what halted it waits, then lands its generations in every block."""

    terms: InboxTerms
    waiting: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])
    """Batches that are in no limit yet: block and steps."""
    taken: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])
    """Those of the round under way: block, and steps up to their end."""
    done: int = 0
    ready: int = 0
    worst: int = 0

    def land(self, block: int) -> None:
        """Land what may be landed in a block."""
        if not self.taken and self.waiting:
            # When the last one halted there was nothing more: the limit is its own and one.
            self.taken.append(self.waiting.popleft())
        if not self.taken or block < self.ready:
            return
        for _ in range(self.terms.landed):
            self.done = min(self.done + self.terms.generation, self.taken[-1][1])
            while self.taken and self.taken[0][1] <= self.done:
                self.worst = max(self.worst, block - self.taken.popleft()[0])
            if not self.taken:
                self.done, self.ready = 0, block + self.terms.wait
                self._take()
                return

    def oldest(self, block: int) -> int:
        """Return how long the oldest batch has waited that is not asserted."""
        first = [each[0] for each in (*self.taken, *self.waiting)]
        return block - min(first, default=block)

    def _take(self) -> None:
        total = 0
        while self.waiting:
            posted, steps = self.waiting.popleft()
            total += steps
            self.taken.append((posted, total))


@dataclass(slots=True, kw_only=True)
class InboxResult:
    """What came of a match."""

    faults: list[InboxFault]
    batches: int
    refused: int
    worst: int
    bound: int


class InboxMatch:
    """A match, played by `play`. `many` is how many batches one who floods posts in a block."""

    def __init__(
        self, seed: int, *, dropped: frozenset[InboxRule] = frozenset(), make: Make = python_inbox, many: int = 0
    ) -> None:
        self.rng = random.Random(seed)
        self.blob_rng = random.Random(~seed)
        self.style = STYLES[seed % len(STYLES)]
        self.dropped = dropped
        terms = InboxTerms(wait=self.rng.choice([2, 5]), landed=self.rng.choice([2, 3]))
        if self.style in ("drizzle", "flood"):
            # The nearest to what can be followed at all.
            terms = InboxTerms()
        self.bound = terms.bound
        if InboxRule.RATE_FITS in dropped:
            terms = replace(terms, rate=8 * terms.rate)
        self.inbox = make(InboxRules(terms, dropped, second=1_000, seen=1_000))
        self.terms, self.rules = terms, self.inbox.rules
        self.many = many or terms.small
        self.proposer = Proposer(terms)
        self.quiet_from = self.rng.randint(3, 30)
        self.seen = self.rules.seen
        self.refused = 0
        self.faults: list[InboxFault] = []
        self.consumed_in: dict[int, int] = {}

    def play(self) -> InboxResult:
        """Play to the end, or to the first fault."""
        for block in range(1, BLOCKS):
            self.rules.block, self.rules.second = block, self.rules.second + BLOCK_SECONDS
            self.proposer.land(block)
            self._block()
            self._watch()
            if self.faults:
                break
        return InboxResult(
            faults=self.faults,
            batches=len(self.rules.batches),
            refused=self.refused,
            worst=self.proposer.worst,
            bound=self.bound,
        )

    def _block(self) -> None:
        """Have everybody act, in any order."""
        acts: list[Callable[[], object]] = [self._sequencer, self._hostile, self._vandal]
        acts += [self._queue] * (
            self.terms.messages if self.style in ("flood", "late", "drizzle") else self.rng.randrange(3)
        )
        self.rng.shuffle(acts)
        for act in acts:
            act()
        # Nobody can be kept from being the last one in a block for long.
        if self.rules.second >= self.seen + self.terms.takeover:
            self._servant()

    def _queue(self) -> None:
        self.inbox.queue(USER)

    def _sequencer(self) -> None:
        quiet = self.rules.block >= self.quiet_from
        match self.style:
            case "honest":
                if self.rng.random() < 0.3:
                    self._serve(SEQUENCER, [self.rng.randint(LEAST_CHUNK, 2_000)])
            case "flood":
                self._flood(SEQUENCER)
            case "drizzle":
                self._flood(SEQUENCER)
                for _ in range(self.many):
                    self._serve(SEQUENCER, [SMALL_BYTES])
            case "stall":
                # As little as it may, as late as it may.
                if self.rules.second >= self.rules.takeover_at - BLOCK_SECONDS:
                    self._serve(SEQUENCER, [LEAST_CHUNK], least=True)
            case "late":
                # Time stands still for as long as it may; then all that was not sampled comes at once.
                if self.rules.second - self.rules.until > self.terms.past + 30 * BLOCK_SECONDS * quiet:
                    self._catch_up()
                else:
                    self._flood(SEQUENCER, span=0)
            case "random":
                if not quiet and self.rng.random() < 0.5:
                    self._serve(SEQUENCER, self._sizes())
            case _:
                if not quiet:
                    self._serve(SEQUENCER, self._sizes())

    def _hostile(self) -> None:
        """Fill the bucket in a takeover, and serve nobody that need not be served."""
        self._flood(HOSTILE)

    def _servant(self) -> None:
        waits = (
            self.rules.limit < len(self.rules.messages) and self.rules.messages[self.rules.limit] < self.rules.second
        )
        before = self.refused
        self._serve(SERVANT, [LEAST_CHUNK])
        self._fault(InboxFault.SHUT_OUT, waits and self.refused > before)

    def _flood(self, who: str, span: int = BLOCK_SECONDS) -> None:
        for _ in range(min(6, self.many)):
            room = self.terms.burst - self.rules.bucket
            whole, rest = divmod(min(room, MAX_CHUNKS * MAX_CHUNK_BYTES), MAX_CHUNK_BYTES)
            sizes = [MAX_CHUNK_BYTES] * whole + ([rest] if rest >= LEAST_CHUNK else [])
            if InboxRule.BUCKET in self.dropped:
                sizes = [MAX_CHUNK_BYTES] * MAX_CHUNKS
            if sizes:
                self._serve(who, sizes, least=True, span=span)

    def _catch_up(self) -> None:
        """Post, with spans as long as may be, all the time that was left out."""
        for _ in range(8):
            time = max(self.rules.until, self.rules.second - self.terms.past)
            if InboxRule.NOT_HELD_BACK in self.dropped:
                time = self.rules.until
            until = min(time + 60, self.rules.second + self.terms.future)
            self._post(SEQUENCER, len(self.rules.batches), time, until, self.rules.limit, [LEAST_CHUNK])

    def _serve(self, who: str, sizes: list[int], *, least: bool = False, span: int = 0) -> None:
        """Post with every message that may be consumed, or with those alone that must be."""
        rules = self.rules
        time = max(rules.until, rules.second - self.terms.past if span == 0 and least else rules.second - BLOCK_SECONDS)
        until = min(max(time, time + span), rules.second + self.terms.future)
        messages = rules.messages
        forced = least and InboxRule.NOT_NEWER not in self.dropped
        most = rules.second - self.terms.force - 1 if forced else rules.second - 1
        if least and InboxRule.IN_TIME in self.dropped:
            most = -1
        limit = rules.limit
        while limit < len(messages) and messages[limit] <= most:
            limit += 1
        if limit > rules.limit and InboxRule.NOT_NEWER not in self.dropped:
            time = max(time, messages[limit - 1])
        self._post(who, len(rules.batches), time, max(until, time), limit, sizes)

    def _vandal(self) -> None:
        """Post anything."""
        rng, rules = self.rng, self.rules
        if rng.random() < 0.3:
            return
        who = rng.choice([SEQUENCER, HOSTILE]) if self.style == "random" else HOSTILE
        if self.style in ("honest", "flood", "drizzle"):
            who = SEQUENCER
        second = rules.second
        time = rng.choice([rules.until, rules.until - 1, second, second - 1, second - 30, second - self.terms.past - 1])
        until = time + rng.choice([0, 0, 12, 60, 61, 90])
        limit = rules.limit + rng.choice([-1, 0, 0, 0, 1, 1, 2])
        if rng.random() < 0.2:
            limit = len(rules.messages) + rng.choice([-1, 0, 1])
        self._post(
            who, len(rules.batches) + rng.choice([0] * 9 + [1]), max(0, time), until, max(0, limit), self._sizes()
        )

    def _sizes(self) -> list[int]:
        count = self.rng.choice([1, 1, 1, 2])
        return [self.rng.choice([LEAST_CHUNK, SMALL_BYTES, SMALL_BYTES + 1, 1_000]) for _ in range(count)]

    def _post(self, who: str, index: int, time: int, until: int, limit: int, sizes: list[int]) -> None:
        before, last = self.rules.limit, self.rules.until
        alive = self.rules.second < self.seen + self.terms.takeover
        try:
            blobs = self._blobs_for(who, sizes)
            if blobs < 0:
                batch = self.inbox.post(who, index, time, until, limit, sizes)
            else:
                batch = self.inbox.post_blobs(who, index, time, until, limit, blobs)
        except BadInput:
            self.refused += 1
            return
        self._judge(batch, before, last, stranger=alive and who != SEQUENCER)
        if who == SEQUENCER:
            self.seen = self.rules.second
        self.proposer.waiting.append((self.rules.block, self._steps(batch, before, last)))

    def _blobs_for(self, who: str, sizes: list[int]) -> int:
        """Return in how many blobs a batch is posted: half of those that just fill one are, and now and then too many or
        none are tried; -1 for calldata.
        """
        if sum(sizes) == BLOB_BYTES and self.blob_rng.random() < 0.5:
            return 1
        if who == HOSTILE and self.blob_rng.random() < 0.05:
            return self.blob_rng.choice([0, self.terms.blobs + 1])
        return -1

    def _steps(self, batch: Batch, before: int, last: int) -> int:
        """Return what a batch asks for: its bytes, the messages it consumes, the samples of its time."""
        worse = {rule: WORSE if rule in self.dropped else 1 for rule in InboxRule}
        samples = (batch.until - max(batch.time, last)) * self.terms.sample // BLOCK_SECONDS
        messages = max(0, batch.limit - before) * self.terms.message
        steps = self.terms.steps(batch.size) * worse[InboxRule.FRAMES]
        return steps + messages * worse[InboxRule.QUEUE] + max(0, samples) * worse[InboxRule.SAMPLES]

    # What must never happen

    def _fault(self, fault: InboxFault, happened: bool) -> None:
        if happened and fault not in self.faults:
            self.faults.append(fault)

    def _judge(self, batch: Batch, before: int, last: int, *, stranger: bool) -> None:
        messages = self.rules.messages
        self._fault(InboxFault.STRANGER, stranger)
        self._fault(InboxFault.BACKWARDS, batch.time < last)
        lag = self.rules.second - batch.time
        self._fault(InboxFault.HELD_BACK, lag > self.terms.past or batch.until > self.rules.second + self.terms.future)
        self._fault(InboxFault.TWICE, batch.limit < before)
        self._fault(InboxFault.GHOST, batch.limit > len(messages))
        for number in range(before, min(batch.limit, len(messages))):
            second = messages[number]
            cut = self.consumed_in.setdefault(second, batch.index) != batch.index
            self._fault(InboxFault.CUT, cut or second == self.rules.second)
            self._fault(InboxFault.EARLY, second > batch.time)

    def _watch(self) -> None:
        rules = self.rules
        most = self.terms.takeover + self.terms.force + 2 * BLOCK_SECONDS
        waits = rules.limit < len(rules.messages) and rules.second - rules.messages[rules.limit] > most
        self._fault(InboxFault.UNSERVED, waits)
        late = max(self.proposer.worst, self.proposer.oldest(rules.block))
        self._fault(InboxFault.BACKLOG, late > self.bound)
