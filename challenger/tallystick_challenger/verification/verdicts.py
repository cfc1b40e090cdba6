"""Replaying what L1 holds and comparing it with what was asserted, without a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tallystick.deploy.deploy import check_deployment
from tallystick.l1.client.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.rollup.segments import Judgement, Segment, extract
from tallystick.rollup.snapshots.snapshotstore import SPACING, Snapshot
from tallystick.rollup.views.assertion_view import Assertion
from tallystick.state.ordinals import BatchNumber
from tallystick_challenger.verification.spread import Work

Judgements = dict[bytes, Judgement]
"""By parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a replay says of an assertion: `right` is None when it stands on a wrong one."""

    assertion: Assertion
    right: bool | None
    steps: int
    expected: bytes
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to judge: the assertions about a range of batches, from the snapshots that may be used.

    `save` is a folder for new snapshots, `spacing` batches apart.
    """

    first_batch: BatchNumber
    last_batch: BatchNumber | None = None
    snapshots: tuple[Snapshot, ...] = ()
    save: Path | None = None
    spacing: int = SPACING


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The verdicts, in the order in which the assertions were posted.

    `began_at` says below which batch nothing was replayed: what is confirmed there was believed.
    """

    verdicts: tuple[Verdict, ...]
    began_at: BatchNumber
    parts: int
    batches: int
    steps: int


def read_all(client: L1, deployment: Deployment) -> Party:
    """Read L1 to its head and return the views.

    Raises: StateError when the contracts are not the ones this version knows.
    """
    check_deployment(client, deployment)
    party = Party(client, deployment, Identity(duties=DUTIES[Mode.WATCH]), lambda name, facts: None)
    while not party.read():
        pass
    return party


def judge(
    party: Party,
    question: Question,
    work: Work,
    ignored: Callable[[Snapshot, str], None] = lambda snapshot, reason: None,
) -> Answer:
    """Replay what the question needs and judge each assertion in its range.

    What begins at a snapshot is only believed when the part before it, replayed as well, ends there. A snapshot that
    turns out to be unusable is told to `ignored`, and the part before it goes on in its place.
    """
    plan = Plan(party, question)
    judged: dict[tuple[bytes, int], tuple[Judgement, ...]] = {}
    while True:
        missing = [each for each in plan.parts() if each.key not in judged]
        if not missing:
            break
        for number, replayed in work([partial(plan.segment, part) for part in missing]):
            if replayed.unusable:
                snapshot = plan.drop(missing[number])
                ignored(snapshot, replayed.unusable)
            else:
                judged[missing[number].key] = replayed.judgements
    parts = plan.parts()
    found = {each.parent: each for part in parts for each in judged[part.key]}
    return Answer(
        verdicts=tuple(_verdicts(party, plan, parts[0].start, found)),
        began_at=parts[0].start.limit,
        parts=len(parts),
        batches=sum(part.batches for part in parts),
        steps=sum(each.steps for each in found.values()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The batches from an assertion's limit to another's."""

    start: Assertion
    snapshot: Snapshot | None
    end: BatchNumber

    @property
    def key(self) -> tuple[bytes, int]:
        """What tells parts apart."""
        return self.start.id, self.end

    @property
    def batches(self) -> int:
        """How many there are."""
        return self.end - self.start.limit


class Plan:
    """How a range of batches is cut at the snapshots that are left."""

    def __init__(self, party: Party, question: Question) -> None:
        self._party = party
        self._question = question
        self._assertions = party.rollup.assertions
        last = question.last_batch
        self._end = party.inbox.batch_count if last is None else min(last + 1, party.inbox.batch_count)
        self._snapshots = sorted(question.snapshots, key=lambda each: each.limit)

    def drop(self, part: Part) -> Snapshot:
        """Do without the snapshot at which a part begins, and return it."""
        assert part.snapshot is not None
        self._snapshots.remove(part.snapshot)
        return part.snapshot

    def parts(self) -> list[Part]:
        """Return the parts, the earliest first: the first begins at or before the first batch of the range."""
        starts: list[tuple[Assertion, Snapshot | None]] = [(self._assertions[self._party.rollup.genesis_id], None)]
        for each in self._snapshots:
            at = self._assertions[each.assertion]
            if at.limit <= self._question.first_batch:
                starts = [(at, each)]
            elif starts[-1][0].limit < at.limit < self._end:
                starts.append((at, each))
        ends = [start.limit for start, _ in starts[1:]]
        asked = [each.limit for each in self._assertions.values() if self.asked(each)]
        ends.append(BatchNumber(min(max([starts[-1][0].limit, *asked]), self._party.inbox.batch_count)))
        return [
            Part(start=start, snapshot=snapshot, end=end) for (start, snapshot), end in zip(starts, ends, strict=True)
        ]

    def asked(self, assertion: Assertion) -> bool:
        """Whether an assertion is about one of the batches in the range."""
        if not assertion.parent:
            return False
        read_from = self._assertions[assertion.parent].limit
        return self._question.first_batch < assertion.limit and read_from < self._end

    def segment(self, part: Part) -> Segment:
        """Return a part with everything that replaying it takes."""
        start = part.start
        return Segment(
            start=start,
            genesis=self._party.rollup.genesis_data,
            snapshot=part.snapshot.path if part.snapshot is not None else None,
            assertions=tuple(each for each in self._assertions.values() if start.limit < each.limit <= part.end),
            inputs=extract(self._party.inbox.limited(part.end), start, part.end),
            save=self._question.save,
            spacing=self._question.spacing,
            height=self._party.deployment.config.root_height,
        )


def _verdicts(party: Party, plan: Plan, start: Assertion, judged: Judgements) -> Iterator[Verdict]:
    """Follow the true path from its start: what is not on it is wrong, or stands on something wrong."""
    true = {start.id}
    for assertion in party.rollup.assertions.values():
        judgement = judged.get(assertion.parent)
        known = assertion.parent in true
        if known and judgement is not None and judgement.id == assertion.id:
            true.add(assertion.id)
        if not plan.asked(assertion):
            continue
        if not known:
            yield Verdict(assertion=assertion, right=None, steps=0, expected=b"")
        elif judgement is not None:
            yield Verdict(
                assertion=assertion,
                right=judgement.id == assertion.id,
                steps=judgement.steps,
                expected=judgement.state_hash,
                broken=judgement.broken,
            )
