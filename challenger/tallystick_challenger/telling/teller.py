"""Everything a challenger tells: its log, its metrics, its webhook. It only looks, and nothing here stops a dispute."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tallystick import __version__, artifacts
from tallystick.journal import Journal
from tallystick.party.party import Party
from tallystick.ports import Clock
from tallystick.telling.alerting import Alert
from tallystick.telling.outlets import Outlets
from tallystick.telling.overheard import last_event
from tallystick_challenger.telling.alerts import (
    HOLD_SECONDS,
    Funds,
    Kind,
    Limits,
    behind,
    conditions,
    disagreeing,
    poor,
    silent,
)
from tallystick_challenger.telling.metrics import Metrics
from tallystick_challenger.watching.reading import Reading, take

ALARMS: Final = frozenset(
    {
        "assertion_wrong",
        "confirmed_on_lie",
        "endpoint_problem",
        "failed",
        "funds_low",
        "invariant_broken",
        "l1_problem",
        "l1_unavailable",
        "lie_confirmed",
        "lie_half_time",
        "lie_over_time",
        "not_taken",
        "refused",
        "reorganised",
        "snapshot_failed",
        "past_refuted",
        "snapshot_ignored",
        "tracing_failed",
        "webhook_failed",
        "webhook_undelivered",
    }
)
LOOKED_AT: Final = (Kind.WRONG_ROOT, Kind.ADVERSARIAL_TIME, Kind.HONEST_SLACK, Kind.CONFIRM_OVERDUE)
"""What a complete look decides, beside the lag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What is told beside the log. `metrics` is a port on the loopback interface, `webhook` a URL; None for neither."""

    metrics: int | None = None
    webhook: str | None = None
    limits: Limits = field(default_factory=Limits)


class Teller:
    """Writes the log, and keeps metrics and webhook up to date with it and with every look at L1.

    Raises: ConfigError when the metrics' port cannot be had or the webhook's URL is none.
    """

    def __init__(self, telling: Telling, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._limits = telling.limits
        self._clock = clock
        self.metrics = Metrics()
        self._disagreements = 0
        self._differed_at = 0.0
        self._last_look = clock.now()
        self._outlets = Outlets(
            self.metrics, self.report, role="challenger", clock=clock, metrics=telling.metrics, webhook=telling.webhook
        )

    def report(self, name: str, facts: dict[str, Any]) -> None:
        """Write an event, and count it."""
        alarm = name in ALARMS
        self._journal.write(name, alarm=alarm, **facts)
        self.metrics.event(name, facts, alarm)
        if name == "invariant_broken":
            subject = f"{facts['limit']}: {facts['what']}"
            self._hold([Alert(kind=Kind.INVARIANT_BROKEN, subject=subject, text=f"a true state is broken: {subject}")])

    def started(self, party: Party, mode: str) -> None:
        """Say who this is."""
        rollup = "0x" + party.deployment.addresses.rollup.hex()
        who = {"mode": mode, "rollup": rollup, "chain_id": party.deployment.chain_id}
        self.metrics.info.info(
            {"version": __version__, "machine": artifacts.machine_version()} | {k: str(v) for k, v in who.items()}
        )
        self._outlets.describe(**who)
        self.report(
            "started",
            who | {"version": __version__, "machine": artifacts.machine_version()},
        )

    def looked(self, party: Party, complete: bool, disagreements: int) -> None:
        """Take in a look at L1 that went well; `disagreements` are the endpoints' so far."""
        now, reading = self._clock.now(), take(party)
        if complete:
            self._last_look = now
            self.metrics.look(reading, now)
        else:
            self.metrics.progress(reading)
        self._lag(reading, complete)
        self._disagree(now, disagreements)

    def unavailable(self, reason: str, retry_seconds: float, disagreements: int) -> None:
        """Take in a look at L1 that failed."""
        now = self._clock.now()
        self.metrics.poll_failures.inc()
        self.report("l1_unavailable", {"reason": reason, "retry_seconds": retry_seconds})
        self._hold(silent(now - self._last_look, self._limits), "lag/silence")
        self._disagree(now, disagreements)

    def funds(self, funds: Funds) -> None:
        """Take in the own balance."""
        self.metrics.balance.set(funds.balance)
        self.metrics.balance_needed.set(self._limits.balance or funds.needed)
        self._hold(poor(funds, self._limits), Kind.LOW_BALANCE)

    def ended_by(self, error: Exception) -> None:
        """Say why the process ends."""
        name, facts = last_event(error)
        text = f"the challenger has ended and watches no more: {error}"
        # first: if it ends because nothing can be written, this may still get out
        self._hold([Alert(kind=Kind.STOPPED, subject="", text=text, facts=facts)])
        self.report(name, facts)

    def close(self) -> None:
        """Try for a moment to deliver what is left, and stop serving."""
        self._outlets.close()

    def _lag(self, reading: Reading, complete: bool) -> None:
        self._hold(behind(reading, self._limits), "lag/blocks")
        if complete:
            self._hold(conditions(reading, self._limits), *LOOKED_AT, "lag/batches", "lag/silence")

    def _disagree(self, now: float, count: int) -> None:
        if count > self._disagreements:
            self.metrics.disagreements.inc(count - self._disagreements)
            self._disagreements, self._differed_at = count, now
        if self._differed_at and now - self._differed_at <= HOLD_SECONDS:
            self._hold([disagreeing(count)])
        else:
            self._hold([], Kind.RPC_DISAGREEMENT)

    def _hold(self, alerts: list[Alert], *about: str) -> None:
        self._outlets.hold(alerts, about)
