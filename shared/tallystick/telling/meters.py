"""What every daemon counts and measures of itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Info


class Meters:
    """Metrics in a registry of their own, each name behind `prefix`. `runs` says what the daemon's info says. Safe for
    threads.
    """

    def __init__(self, prefix: str, runs: str) -> None:
        self._prefix = prefix
        self.registry = CollectorRegistry()
        self.info = Info(prefix, runs, registry=self.registry)
        self.alarms = self.counter("alarms", "Alarms in the log, by event.", "event")
        self.webhook_waiting = self.gauge("webhook_waiting", "Alerts that the webhook has not taken yet.")
        self.webhook_failures = self.counter("webhook_failures", "Deliveries to the webhook that failed.")

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """Make a gauge."""
        return Gauge(f"{self._prefix}_{name}", text, labels, registry=self.registry)

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """Make a counter."""
        return Counter(f"{self._prefix}_{name}", text, labels, registry=self.registry)
