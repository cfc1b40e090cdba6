"""A play of an operator's receipts: reorganisations, strangers' batches, epochs, restarts and whoever means it harm."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tallystick.errors import BadInput
from tallystick.records.chunks import accumulate
from tallystick.records.group_receipts import GroupReceipt
from tallystick.rollup.promised_chain import Standing, conflicts, frames_of, judge_receipt, receipt_argument
from tallystick.state.hashing import keccak
from tallystick.testing.group_signing import sign_group
from tests.receipts.court import (
    BOND,
    DAY,
    HOUR,
    OPERATOR,
    RECEIPT_KEY,
    RIVAL,
    STRANGER,
    TAKEOVER,
    TRADER,
    Court,
    bonded,
    clock,
    hashed,
    record,
)

STEPS: Final = 50
"""What is done in a play before the operator leaves."""
DEPTH_SECONDS: Final = 45 * 12
"""How far back L1 goes at most."""
BEHIND_SECONDS: Final = 150
"""Age of the oldest record that is not on L1 at which the operator promises nothing more."""


@dataclass(slots=True, kw_only=True)
class Told:
    """A record of the operator's chain. `at` is when it was promised first, None when it never was."""

    data: bytes
    at: int | None


class Play:
    """One play. `chain` is the promised chain as the operator means it to be; L1 has its beginning."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.court = bonded()
        self.chain: list[Told] = []
        self.receipts: list[GroupReceipt] = []
        self.states: list[Any] = []
        self.epoch = 0
        self._numbers = 0

    # The operator

    def fresh(self) -> bytes:
        """Return a record that was not there before."""
        self._numbers += 1
        return record(self._numbers)

    def on_l1(self) -> int:
        """Return how much of the operator's chain L1 has; what a stranger posted behind all of it becomes part of it."""
        hashes = self.court.promised.hashes
        same = 0
        for told, there in zip(self.chain, hashes, strict=False):
            if hashed(told.data) != there:
                break
            same += 1
        if same < len(hashes):
            assert all(told.at is None for told in self.chain[same:]), "nothing that was promised is shifted"
            known = {hashed(told.data): told.data for told in self.chain} | self._strange
            self.chain[same:] = [Told(data=known[each], at=None) for each in hashes[same:]]
            same = len(hashes)
        return same

    @property
    def _strange(self) -> dict[bytes, bytes]:
        return {hashed(data): data for data in map(record, range(1, self._numbers + 1))}

    def may_promise(self) -> bool:
        """Whether no stranger's batch can come before what is promised now, whatever L1 takes back."""
        now = self.court.second
        own = [second for second, _, who, function, *_ in self.court.log if who == OPERATOR and function == "postBatch"]
        deep = [second for second in own if second <= now - DEPTH_SECONDS]
        settled = bool(deep) and now - deep[-1] < TAKEOVER // 2
        waiting = [told.at for told in self.chain[self.on_l1() :] if told.at is not None]
        return settled and (not waiting or now - waiting[0] < BEHIND_SECONDS)

    def promise(self) -> None:
        """Promise some records."""
        self.on_l1()
        if self.may_promise():
            first = len(self.chain)
            for _ in range(self.chance.randrange(1, 6)):
                self.chain.append(Told(data=self.fresh(), at=self.court.second))
            self.sign(first, len(self.chain))

    def sign(self, first: int, end: int) -> None:
        """Sign a group of the operator's chain."""
        before = bytes(32)
        for told in self.chain[:first]:
            before = accumulate(before, hashed(told.data))
        self.receipts += sign_group(
            RECEIPT_KEY,
            self.court.domain,
            epoch=self.epoch,
            post_by=self.court.second + HOUR,
            first=first,
            before=before,
            record_hashes=[hashed(told.data) for told in self.chain[first:end]],
        )

    def restart(self) -> None:
        """Sign what is not on L1 once more, in other groups."""
        begin, end = self.on_l1(), len(self.chain)
        while begin < end:
            until = min(end, begin + self.chance.randrange(1, 4))
            if all(told.at is not None for told in self.chain[begin:until]):
                self.sign(begin, until)
            begin = until

    def post(self) -> None:
        """Post some or all of what is not on L1, in its order, among other records."""
        begin = self.on_l1()
        end = self.chance.choice([len(self.chain), self.chance.randint(begin, len(self.chain))])
        records: list[bytes] = [clock(self.court.second)]
        for told in self.chain[begin:end]:
            records.append(told.data)
            if self.chance.random() < 0.3:
                records.append(clock(self.court.second))
        self.court.post(records)

    def answer(self) -> None:
        """Answer every claim of a record that is on L1, and post first what is not; correct what others answered."""
        if self.on_l1() < len(self.chain):
            self.post_all()
        chain = self.court.promised
        for receipt in self.due():
            number = receipt.number
            claim = self.court.ask("claim", receipt.place)
            right = number < chain.count and claim["batch"] == chain.chunk_of(number).batch
            if claim["status"] == 1 or (claim["status"] == 2 and not right):
                chunk = chain.chunk_of(number)
                self.court.show(OPERATOR, [receipt], chunk.batch, chunk.index)

    def post_all(self) -> None:
        """Post what is not on L1."""
        self.court.post([clock(self.court.second), *(told.data for told in self.chain[self.on_l1() :])])

    def due(self) -> list[GroupReceipt]:
        """Return one receipt of each place that was claimed."""
        places = {receipt.place: receipt for receipt in self.receipts}
        return [places[place] for place in self.court.claimed if place in places]

    def raise_epoch(self) -> None:
        """Begin a new epoch."""
        self.court.call(OPERATOR, "raiseEpoch")
        self.epoch = int(self.court.ask("epoch"))

    # L1 and strangers

    def reorganise(self) -> None:
        """Have L1 take back what was done lately."""
        log = self.court.log
        least = next((at for at, entry in enumerate(log) if entry[0] > self.court.second - DEPTH_SECONDS), len(log))
        kept = self.chance.randint(max(least, 2), len(log))
        lost = [arguments[-1] for _, _, who, function, arguments, *_ in log[kept:] if is_own(who, function)]
        self.court = self.court.rewound(kept)
        self.states = []
        if lost and self.chance.random() < 0.5:
            self.mine_again(self.chance.choice(lost))

    def mine_again(self, chunks: list[bytes]) -> None:
        """Have a batch that was taken back mined again, as it was signed then, behind one that has begun anew."""
        self.court.post([])
        self.court.post_chunks(chunks)
        self.confirm()

    def skipped(self) -> list[tuple[int, int]]:
        """Return the operator's chunks that the machine skipped: batches, and places in them."""
        published, read = self.court.published, {(each.batch, each.index) for each in self.court.promised.chunks}
        own = [batch for batch, header in enumerate(published.headers) if header.poster == OPERATOR]
        return [(batch, at) for batch in own for at in range(len(published.chunks[batch])) if (batch, at) not in read]

    def frame(self) -> None:
        """Claim what stands in a chunk that was skipped, answer with that, and judge it, in one block."""
        places = self.skipped()
        if not places:
            return
        batch, at = self.chance.choice(places)
        held = {keccak(data) for data in frames_of(self.court.published.chunks[batch][at])}
        victims = [receipt for receipt in self.receipts if receipt.record_hash in held and receipt.number > 0]
        if not victims:
            return
        receipt = self.chance.choice(victims)
        with suppress(BadInput):
            self.court.claim(RIVAL, receipt)
        prefix = self.court.promised.accumulators[min(receipt.number, self.court.promised.count)]
        chunk = self.court.chunk(batch, at)
        with suppress(BadInput):
            self.court.call(RIVAL, "showPosted", [receipt.place], prefix, [receipt.record_hash], chunk)
        self.press()

    def strange(self) -> None:
        """Have a stranger post, if it may: records of its own, and some that it has heard of."""
        known = [told.data for told in self.chain[-3:]]
        records = [self.chance.choice([self.fresh(), *known]) for _ in range(self.chance.randrange(1, 4))]
        with suppress(BadInput):
            self.court.post(records, STRANGER)

    def silence(self) -> None:
        """The operator posts everything and goes away for days."""
        if self.on_l1() < len(self.chain):
            self.post_all()
            self.court.wait(DEPTH_SECONDS)
        self.answer()
        self.court.wait(TAKEOVER + self.chance.randrange(HOUR))
        for _ in range(self.chance.randrange(3)):
            self.strange()
            self.court.wait(12)

    def confirm(self) -> None:
        """Have what L1 has confirmed."""
        if self.court.promised.batches:
            self.states.append(self.court.confirm())

    # Whoever means harm

    def claim(self) -> None:
        """Claim that something is missing."""
        if self.receipts:
            with suppress(BadInput):
                self.court.claim(self.chance.choice([TRADER, RIVAL]), self.chance.choice(self.receipts))

    def accuse(self) -> None:
        """Try any evidence that comes to mind."""
        if len(self.receipts) < 2:
            return
        a, b = (self.chance.choice(self.receipts) for _ in range(2))
        prefix = self.chance.choice(self.court.promised.accumulators)
        tries: list[tuple[Any, ...]] = [
            ("conflict", receipt_argument(a), receipt_argument(b), self.chance.choice([prefix, a.before]))
        ]
        published = self.court.published
        if published.headers:
            batch = self.chance.randrange(len(published.headers))
            chunk = self.court.chunk(batch, self.chance.randrange(len(published.chunks[batch])))
            back = self.chance.randrange(4)
            own = [
                each.record_hash for each in sorted(self.receipts, key=_number) if 0 < a.number - each.number <= back
            ]
            tries.append(("contradicted", receipt_argument(a), [*own, a.record_hash], chunk))
            tries.append(("showPosted", [a.place], prefix, [a.record_hash], chunk))
        for function, *arguments in tries:
            with suppress(BadInput):
                self.court.reveal(RIVAL, function, *arguments)

    def press(self) -> None:
        """Make every call about a claim that may end badly."""
        for place in list(self.court.claimed):
            tries: list[tuple[Any, ...]] = [
                ("foreclose", place),
                ("refute", place),
                ("close", place),
                ("refund", place),
            ]
            tries += [("judge", place, state) for state in self.states]
            self.chance.shuffle(tries)
            for function, *arguments in tries[:6]:
                with suppress(BadInput):
                    self.court.call(RIVAL, function, *arguments)

    def trace(self) -> None:
        """Trace the chain back from where it is known."""
        chain = self.court.promised
        counts = [
            count for count in range(1, chain.count + 1) if int.from_bytes(self.court.ask("traced", count), "big")
        ]
        if counts:
            count = self.chance.choice(counts)
            back = self.chance.randrange(count + 1)
            with suppress(BadInput):
                self.court.call(
                    STRANGER, "trace", count, chain.accumulators[count - back], chain.hashes[count - back : count]
                )

    def step(self) -> None:
        """Do something; what must be done in time is done."""
        moves: list[tuple[Callable[[], None], int]] = [
            (self.promise, 12),
            (self.post, 8),
            (self.restart, 2),
            (self.raise_epoch, 1),
            (self.reorganise, 3),
            (self.frame, 4),
            (self.strange, 2),
            (self.silence, 1),
            (self.confirm, 3),
            (self.claim, 8),
            (self.accuse, 6),
            (self.press, 4),
            (self.trace, 2),
        ]
        chosen, weights = zip(*moves, strict=True)
        self.chance.choices(chosen, weights)[0]()
        self.court.wait(self.chance.choice([12, 48, 120, 600, HOUR]))
        self.answer()
        if self.chance.random() < 0.3:
            self.post_all()

    def end(self) -> None:
        """The operator leaves and takes its bond, as soon as it may."""
        self.post_all()
        self.court.wait(DEPTH_SECONDS)
        self.court.call(OPERATOR, "beginLeaving")
        self.court.wait(int(self.court.ask("freeAt")) - self.court.second)
        self.answer()
        state = self.court.confirm()
        for place in self.court.claimed:
            with suppress(BadInput):
                self.court.call(STRANGER, "judge", place, state)
        self.court.wait(2 * DAY)
        for place in self.court.claimed:
            with suppress(BadInput):
                self.court.call(STRANGER, "close", place)
        self.court.call(OPERATOR, "takeBond")


def is_own(who: bytes, function: str) -> bool:
    """Whether a call is the posting of a batch by the operator."""
    return who == OPERATOR and function == "postBatch"


def _number(receipt: GroupReceipt) -> int:
    return receipt.number


def play_honest(seed: int) -> Play:
    """Play an honest operator: it keeps its bond, and takes it home."""
    play = Play(seed)
    play.court.post([])
    play.court.wait(600)
    for _ in range(STEPS):
        play.step()
        assert play.court.ask("slashedAt") == 0
        play.court.check_money()
    play.end()
    play.court.check_money()
    assert play.court.ask("bondWei") == 0
    assert play.court.ask("credit", OPERATOR) >= BOND
    return play


def catch(court: Court, receipts: Sequence[GroupReceipt]) -> Standing | None:
    """Slash by whatever the receipts that honest traders have prove now; return by what, None when nothing does yet."""
    chain = court.promised
    for verdict in conflicts(chain, receipts):
        if verdict.other is not None:
            arguments = (receipt_argument(verdict.receipt), receipt_argument(verdict.other), verdict.prefix)
            court.reveal(TRADER, "conflict", *arguments)
            return Standing.CONFLICTING
    for receipt in receipts:
        verdict = judge_receipt(chain, receipt, operator=OPERATOR, now=court.second)
        if verdict.standing is Standing.CONTRADICTED and verdict.chunk is not None:
            chunk = court.chunk(verdict.chunk.batch, verdict.chunk.index)
            court.reveal(TRADER, "contradicted", receipt_argument(receipt), list(verdict.own), chunk)
            return Standing.CONTRADICTED
    return None
