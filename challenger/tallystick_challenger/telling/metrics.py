"""The challenger's metrics, as Prometheus reads them: docs/challenger.md lists them, docs/alerts.yml builds on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.telling.meters import Meters
from tallystick_challenger.watching.reading import Reading

PREFIX: Final = "tallystick_challenger"


class Metrics(Meters):
    """Everything that is counted and measured, in a registry of its own. Safe for threads."""

    def __init__(self) -> None:
        super().__init__(PREFIX, "What runs: version, machine, mode, rollup, chain.")
        self.wrong_roots_seen = self.counter("wrong_roots_seen", "Assertions that the own replay refuted.")
        self.wrong_roots = self.gauge("wrong_roots", "Refuted assertions that L1 has not rejected.")
        self.wrong_roots_confirmed = self.gauge("wrong_roots_confirmed", "Refuted assertions that L1 has confirmed.")
        self.adversarial_time = self.gauge(
            "adversarial_time_ratio",
            "Share of the challenge period that the best wrong assertion after a parent has on its clock.",
            "parent",
        )
        self.honest_slack = self.gauge(
            "honest_slack_blocks",
            "Blocks the honest side may still lose after a parent, less one for each move it may need.",
            "parent",
        )
        self.balance = self.gauge("balance_wei", "Ether of the own key.")
        self.balance_needed = self.gauge(
            "balance_needed_wei", "What the bonds and the gas of as many disputes as it is to be ready for may take."
        )
        self.overdue = self.gauge("confirm_overdue_blocks", "Blocks since L1 could have confirmed the true assertion.")
        self.disagreements = self.counter("rpc_disagreements", "Answers of endpoints that were false or stood alone.")
        self.lag_blocks = self.gauge("lag_blocks", "Blocks of L1 that are not read yet.")
        self.lag_batches = self.gauge("lag_batches", "Batches on L1 that are not replayed yet.")
        self.last_poll = self.gauge("last_poll_timestamp_seconds", "When L1 was last read to its head.")
        self.head_block = self.gauge("head_block", "The newest block that was read.")
        self.head_time = self.gauge("head_timestamp_seconds", "That block's time.")
        self.poll_failures = self.counter("poll_failures", "Looks at L1 that failed.")
        self.moves = self.counter("moves_sent", "Moves in disputes that were sent, by kind.", "move")
        self.transactions = self.counter("transactions", "Own transactions that were mined, by effect.", "event")
        self.gas = self.counter("gas_used", "Gas of own transactions that were mined.")
        self.fees = self.counter("fees_wei", "What that gas cost.")
        self.queue_length = self.gauge("queue_length", "Calls that are asked for and not mined yet.")
        self._parents: set[str] = set()

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
