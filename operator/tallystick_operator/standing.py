"""Tells whether records are taken, and what became of those that had to be executed again: journal, status, metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from tallystick.journal import Journal
from tallystick_operator.api.readiness import Probes
from tallystick_operator.intake.door import Refused
from tallystick_operator.noticeboard import Board
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer

PREFIX: Final = "tallystick_operator"


class Metrics:
    """What is counted and measured, in a registry of its own. Safe for threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.promising = self._gauge("promising", "1 while records are taken, 0 while none are promised a place.")
        self.behind = self._gauge("behind_seconds", "Age of the oldest acknowledged record that is not on L1.")
        self.owed = self._gauge("owed_records", "Acknowledged records that lost their place and wait to be executed.")
        self.records = self._gauge("records", "Records of the history as it stands.")
        self.sealed = self._gauge("batches_sealed", "Batches closed.")
        self.posted = self._gauge("batches_posted", "Batches on L1.")
        self.reordered = self._counter("reordered_records", "Acknowledged records that have been executed again.")
        self.changed = self._counter("changed_records", "Those of them that came out otherwise than they were told.")
        self.lost = self._counter("lost_records", "Acknowledged records that were given up.")
        self.assertions = self._gauge("assertions", "Assertions on L1.")
        self.confirmed = self._gauge("assertions_confirmed", "Those of them that L1 has confirmed.")
        self.disputes = self._gauge("disputes", "Assertions beneath which several wait that cannot all be true.")
        self.balance = self._gauge("balance_wei", "Ether of the keys that send transactions, in wei.", "key")
        self.ready = self._gauge("ready", "1 while records are taken and L1 is read, 0 while /v1/ready says why not.")
        self.l1_read = self._gauge("l1_read_seconds", "Time since L1 was read to its head.")
        self.gateways = self._gauge("gateways", "Gateways that are up.")
        self.gateways_missing = self._gauge("gateways_missing", "Those that should be and are not.")
        self.limited = self._counter("rate_limited", "Requests and records over HTTP refused by a limit.", "limit")
        self.connections = self._gauge("stream_connections", "Connections of the stream.")
        self.channels = self._gauge("stream_channels", "Channels of the stream that are kept up.")
        self.dropped = self._counter("stream_dropped", "Connections that were ended because nobody read.")
        self.cancels = self._counter("stream_cancels", "Records sequenced because a connection ended.")
        self.cancels_given_up = self._counter("stream_cancels_given_up", "Those that nobody could take.")

    def text(self) -> bytes:
        """Return everything as Prometheus reads it."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, doc: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", doc, labels, registry=self.registry)

    def _counter(self, name: str, doc: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", doc, labels, registry=self.registry)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What a core says of itself. The last three count since the history was turned last."""

    refusal: Refused | None
    behind_ms: int
    records: int
    sealed: int
    owed: int
    settled: int
    changed: int
    lost: int


class Standing:
    """Looks at a core, and tells what has changed."""

    def __init__(
        self, sequencer: Sequencer, board: Board, journal: Journal, metrics: Metrics, probes: Probes | None = None
    ) -> None:
        self._sequencer = sequencer
        self._board = board
        self._journal = journal
        self.metrics = metrics
        self._probes = probes
        self._refusal: Refused | None = None
        self._owed = 0
        self._counted = (0, 0, 0)

    def tick(self) -> None:
        """Look once."""
        look = self._sequencer.read(_look)
        self._board.set_l1(behind_seconds=look.behind_ms // 1000)
        self._tell_promises(look.refusal)
        if self._owed and not look.owed:
            self._journal.write("reordered", records=look.settled, changed=look.changed, lost=look.lost)
        self._owed = look.owed
        self._measure(look)
        if self._probes is not None:
            self._probe(self._probes)

    def tell(self, **more: object) -> None:
        """Tell how all of it stands."""
        look, l1 = self._sequencer.read(_look), self._board.l1
        self._journal.write(
            "standing",
            records=look.records,
            batches=look.sealed,
            on_l1=l1.batches_posted,
            behind_seconds=look.behind_ms // 1000,
            assertions=l1.assertions_posted,
            confirmed=l1.assertions_confirmed,
            disputes=l1.disputes,
            **more,
        )

    def warn(self, event: str, **facts: object) -> None:
        """Tell that somebody must do something."""
        self._journal.write(event, alarm=True, **facts)

    def _probe(self, probes: Probes) -> None:
        there, wanted = probes.gateways
        self.metrics.ready.set(not probes.reasons())
        self.metrics.l1_read.set(probes.l1_read_seconds)
        self.metrics.gateways.set(there)
        self.metrics.gateways_missing.set(max(0, wanted - there))

    def _tell_promises(self, refusal: Refused | None) -> None:
        if refusal is self._refusal:
            return
        if refusal is None:
            self._journal.write("promises_resumed")
        else:
            self._journal.write("promises_stopped", reason=refusal.code, message=refusal.message)
        self._refusal = refusal

    def _measure(self, look: _Look) -> None:
        metrics = self.metrics
        metrics.promising.set(look.refusal is None)
        metrics.behind.set(look.behind_ms / 1000)
        metrics.owed.set(look.owed)
        metrics.records.set(look.records)
        metrics.sealed.set(look.sealed)
        l1 = self._board.l1
        metrics.posted.set(l1.batches_posted)
        metrics.assertions.set(l1.assertions_posted)
        metrics.confirmed.set(l1.assertions_confirmed)
        metrics.disputes.set(l1.disputes)
        now = (look.settled, look.changed, look.lost)
        before = self._counted if all(a <= b for a, b in zip(self._counted, now, strict=True)) else (0, 0, 0)
        for counter, new, old in zip((metrics.reordered, metrics.changed, metrics.lost), now, before, strict=True):
            counter.inc(new - old)
        self._counted = now


def _look(core: Core) -> _Look:
    registers, branch = core.executor.state.registers, core.branch
    return _Look(
        refusal=core.refusal(),
        behind_ms=core.behind_ms(),
        records=registers.record_count,
        sealed=registers.batch_cursor,
        owed=len(branch.owed),
        settled=branch.settled,
        changed=branch.changed,
        lost=branch.lost,
    )
