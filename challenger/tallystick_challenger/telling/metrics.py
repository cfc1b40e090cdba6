"""The challenger's metrics, as Prometheus reads them: docs/challenger.md lists them, docs/alerts.yml builds on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, start_http_server

from tallystick.errors import ConfigError
from tallystick_challenger.watching.reading import Reading

PREFIX: Final = "tallystick_challenger"
LOOPBACK: Final = "127.0.0.1"
"""What a challenger knows and lacks is nobody else's business; a scraper elsewhere comes through a tunnel."""
LARGEST_PORT: Final = 65_535


class Metrics:
    """Everything that is counted and measured, in a registry of its own. Safe for threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.info = Info(PREFIX, "What runs: version, machine, mode, rollup, chain.", registry=self.registry)
        self.wrong_roots_seen = self._counter("wrong_roots_seen", "Assertions that the own replay refuted.")
        self.wrong_roots = self._gauge("wrong_roots", "Refuted assertions that L1 has not rejected.")
        self.wrong_roots_confirmed = self._gauge("wrong_roots_confirmed", "Refuted assertions that L1 has confirmed.")
        self.adversarial_time = Gauge(
            f"{PREFIX}_adversarial_time_ratio",
            "Share of the challenge period that the best wrong assertion after a parent has on its clock.",
            ["parent"],
            registry=self.registry,
        )
        self.honest_slack = Gauge(
            f"{PREFIX}_honest_slack_blocks",
            "Blocks the honest side may still lose after a parent, less one for each move it may need.",
            ["parent"],
            registry=self.registry,
        )
        self.balance = self._gauge("balance_wei", "Ether of the own key.")
        self.balance_needed = self._gauge(
            "balance_needed_wei", "What the bonds and the gas of as many disputes as it is to be ready for may take."
        )
        self.overdue = self._gauge("confirm_overdue_blocks", "Blocks since L1 could have confirmed the true assertion.")
        self.disagreements = self._counter("rpc_disagreements", "Answers of endpoints that were false or stood alone.")
        self.lag_blocks = self._gauge("lag_blocks", "Blocks of L1 that are not read yet.")
        self.lag_batches = self._gauge("lag_batches", "Batches on L1 that are not replayed yet.")
        self.last_poll = self._gauge("last_poll_timestamp_seconds", "When L1 was last read to its head.")
        self.head_block = self._gauge("head_block", "The newest block that was read.")
        self.head_time = self._gauge("head_timestamp_seconds", "That block's time.")
        self.poll_failures = self._counter("poll_failures", "Looks at L1 that failed.")
        self.moves = Counter(
            f"{PREFIX}_moves_sent", "Moves in disputes that were sent, by kind.", ["move"], registry=self.registry
        )
        self.transactions = Counter(
            f"{PREFIX}_transactions", "Own transactions that were mined, by effect.", ["event"], registry=self.registry
        )
        self.gas = self._counter("gas_used", "Gas of own transactions that were mined.")
        self.fees = self._counter("fees_wei", "What that gas cost.")
        self.queue_length = self._gauge("queue_length", "Calls that are asked for and not mined yet.")
        self.alarms = Counter(f"{PREFIX}_alarms", "Alarms in the log, by event.", ["event"], registry=self.registry)
        self.webhook_waiting = self._gauge("webhook_waiting", "Alerts that the webhook has not taken yet.")
        self.webhook_failures = self._counter("webhook_failures", "Deliveries to the webhook that failed.")
        self._parents: set[str] = set()

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, registry=self.registry)

    def look(self, reading: Reading, now: float) -> None:
        """Take in a complete look at L1."""
        confirmed = [each for each in reading.wrong if each.status.value == "confirmed"]
        self.wrong_roots.set(len(reading.wrong))
        self.wrong_roots_confirmed.set(len(confirmed))
        parents = {"0x" + each.parent.hex(): each for each in reading.contests}
        for parent, contest in parents.items():
            self.adversarial_time.labels(parent).set(contest.share)
            self.honest_slack.labels(parent).set(contest.slack_blocks)
        for parent in sorted(self._parents - parents.keys()):
            self.adversarial_time.remove(parent)
            self.honest_slack.remove(parent)
        self._parents = set(parents)
        self.overdue.set(reading.overdue_blocks)
        self.last_poll.set(now)
        self.progress(reading)

    def progress(self, reading: Reading) -> None:
        """Take in a look that is not complete yet."""
        self.lag_blocks.set(reading.lag_blocks)
        self.lag_batches.set(reading.lag_batches)
        self.head_block.set(reading.head)
        self.head_time.set(reading.head_time)
        self.queue_length.set(reading.under_way)

    def event(self, name: str, facts: Mapping[str, Any], alarm: bool) -> None:
        """Count an event of the log."""
        if alarm:
            self.alarms.labels(name).inc()
        if name == "assertion_wrong":
            self.wrong_roots_seen.inc()
        if name == "queued" and facts["wanted"] == "moved":
            self.moves.labels(facts["move"]).inc()
        if "gas" in facts:
            self.transactions.labels(name).inc()
            self.gas.inc(facts["gas"])
            self.fees.inc(facts.get("fee_wei", 0))


class MetricsServer:
    """Serves metrics on the loopback interface, from a thread of its own.

    Raises: ConfigError when the port cannot be had. Port 0 takes any free one.
    """

    def __init__(self, metrics: Metrics, port: int) -> None:
        if not 0 <= port <= LARGEST_PORT:
            raise ConfigError("there is no such port for metrics", port=port)
        try:
            self._server, self._thread = start_http_server(port, addr=LOOPBACK, registry=metrics.registry)
        except OSError as error:
            raise ConfigError(
                "the port for metrics cannot be had", hint="give another one with --metrics", port=port
            ) from error
        self.port = self._server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
