"""A price signer's metrics, as Prometheus reads them: docs/price-signer.md lists them."""

from __future__ import annotations

from typing import Final

from tallystick.price_signer.gathering.pricing import Standing
from tallystick.price_signer.situation import LineNow, MarketNow, Situation
from tallystick.telling.meters import Meters

PREFIX: Final = "tallystick_price_signer"
WEI: Final = 10**18


class SignerMetrics(Meters):
    """Everything that is counted and measured, in a registry of its own. Safe for threads."""

    def __init__(self) -> None:
        super().__init__(PREFIX, "What runs: version, rollup, chain, signer.")
        self._price = self.gauge("price", "A market's price, in its currency.", "market")
        self._ticks = self.gauge("price_ticks", "The same in ticks, as it is signed.", "market")
        self._used = self.gauge("sources_used", "Sources that make the price.", "market")
        self._priced = self.gauge("priced_timestamp_seconds", "When a market had a price last.", "market")
        self._source_price = self.gauge("source_price", "What a source said last.", "market", "source")
        self._source_age = self.gauge("source_age_seconds", "How old that is.", "market", "source")
        self._source_up = self.gauge("source_used", "Whether a source makes the price: 1 or 0.", "market", "source")
        self._deviation = self.gauge(
            "source_deviation_ppm", "How far a source is from the median of those that are fresh.", "market", "source"
        )
        self._reports = self.gauge("reports_signed", "Reports signed since the start.")
        self._signed = self.gauge("signed_timestamp_seconds", "When a report was signed last.")
        self._taken = self.gauge("taken_timestamp_seconds", "When an operator took one last.")
        self._line_taken = self.gauge("operator_taken_timestamp_seconds", "The same of one operator.", "operator")
        self._line_reports = self.gauge("operator_reports_taken", "Reports it took since the start.", "operator")
        self._line_refused = self.gauge("operator_reports_failed", "Reports it did not take.", "operator")
        self._l1_read = self.gauge("l1_read_timestamp_seconds", "When L1 was read last.")
        self._ahead = self.gauge("clock_ahead_seconds", "This machine's clock before L1's.")
        self._balance = self.gauge("balance_ether", "What pays for reports through L1.")
        self.forced = self.counter("forced", "Records that L1 took in.")

    def take(self, now: Situation) -> None:
        """Take in how everything stands."""

        def wall(at: float) -> float:
            return now.time - (now.at - at)

        for market in now.markets:
            self._market(market, wall(market.good_at))
        for line in now.lines:
            self._line(line, wall(line.taken_at))
        self._reports.set(now.reports)
        self._signed.set(wall(now.signed_at))
        self._taken.set(wall(now.taken_at))
        self._l1_read.set(wall(now.l1.read_at))
        self._ahead.set(now.l1.ahead_seconds)
        if now.l1.balance_wei is not None:
            self._balance.set(now.l1.balance_wei / WEI)

    def event(self, name: str, alarm: bool) -> None:
        """Count an event of the log."""
        if alarm:
            self.alarms.labels(name).inc()
        if name == "forced":
            self.forced.inc()

    def _market(self, market: MarketNow, good_at: float) -> None:
        priced = market.priced
        self._priced.labels(priced.name).set(good_at)
        self._used.labels(priced.name).set(priced.used)
        if priced.ticks is not None and priced.price is not None:
            self._ticks.labels(priced.name).set(priced.ticks)
            self._price.labels(priced.name).set(float(priced.price))
        for look in priced.looks:
            labels = priced.name, look.name
            self._source_up.labels(*labels).set(look.standing is Standing.USED)
            if look.price is not None and look.age is not None:
                self._source_price.labels(*labels).set(float(look.price))
                self._source_age.labels(*labels).set(look.age)
            if look.deviation_ppm is not None:
                self._deviation.labels(*labels).set(look.deviation_ppm)

    def _line(self, line: LineNow, taken_at: float) -> None:
        self._line_taken.labels(line.place).set(taken_at)
        self._line_reports.labels(line.place).set(line.taken)
        self._line_refused.labels(line.place).set(line.refused)
