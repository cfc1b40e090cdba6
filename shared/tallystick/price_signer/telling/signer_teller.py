"""Everything a price signer tells: its log, its metrics, its webhook, and the file that its page is drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick import __version__
from tallystick.journal import Journal
from tallystick.ports import Clock
from tallystick.price_signer.config import SignerConfig
from tallystick.price_signer.situation import Situation
from tallystick.price_signer.telling.signer_alerts import LOOKED_AT, Kind, conditions
from tallystick.price_signer.telling.signer_metrics import SignerMetrics
from tallystick.price_signer.telling.signer_page import facts_of
from tallystick.state.ordinals import SignerNumber
from tallystick.telling.alerting import Alert
from tallystick.telling.outlets import Outlets
from tallystick.telling.overheard import last_event

ALARMS: Final = frozenset(
    {
        "endpoint_problem",
        "failed",
        "l1_problem",
        "l1_unavailable",
        "not_forced",
        "not_signed",
        "not_taken",
        "page_failed",
        "receipt_key_changed",
        "refused",
        "webhook_failed",
        "webhook_undelivered",
    }
)


class SignerTeller:
    """Writes the log, and keeps metrics, webhook and page up to date with every report.

    Raises: ConfigError when the metrics' port cannot be had or the webhook's URL is none.
    """

    def __init__(self, config: SignerConfig, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._limits = config.limits
        self._page = page_path(config.data_dir)
        self._states: dict[str, str] = {}
        self.metrics = SignerMetrics()
        self._outlets = Outlets(
            self.metrics, self.report, role="price_signer", clock=clock, metrics=config.metrics, webhook=config.webhook
        )

    def report(self, name: str, facts: dict[str, Any]) -> None:
        """Write an event, and count it."""
        alarm = name in ALARMS
        self._journal.write(name, alarm=alarm, **facts)
        self.metrics.event(name, alarm)

    def changed(self, what: str, name: str, facts: dict[str, Any], state: str) -> None:
        """Write an event if something is in another state than when this was said of it last."""
        if self._states.get(what) != state:
            self._states[what] = state
            self.report(name, facts)

    def started(self, signer: SignerNumber, address: str, chain_id: int, rollup: bytes) -> None:
        """Say who this is."""
        who = {"signer": signer, "address": address, "rollup": "0x" + rollup.hex(), "chain_id": chain_id}
        self.metrics.info.info({"version": __version__} | {name: str(value) for name, value in who.items()})
        self._outlets.describe(**who)
        self.report("started", who | {"version": __version__})

    def look(self, now: Situation) -> None:
        """Take in how everything stands."""
        self.metrics.take(now)
        self._outlets.hold(conditions(now, self._limits), LOOKED_AT)
        for market in now.markets:
            priced = market.priced
            name = "priced" if priced.ticks is not None else "not_priced"
            facts = {"market": priced.market, "name": priced.name} | ({"why": priced.why} if priced.why else {})
            self.changed(f"market {priced.market}", name, facts, name)
            for look in priced.looks:
                self._source(priced.name, look.name, str(look.standing), look.trouble)
        self._draw(now)

    def ended_by(self, error: Exception) -> None:
        """Say why the process ends."""
        name, facts = last_event(error)
        text = f"the price signer has ended and signs no more: {error}"
        self._outlets.hold([Alert(kind=Kind.STOPPED, subject="", text=text, facts=facts)])
        self.report(name, facts)

    def close(self) -> None:
        """Try for a moment to deliver what is left, and stop serving."""
        self._outlets.close()

    def _source(self, market: str, source: str, standing: str, trouble: str) -> None:
        facts = {"market": market, "source": source, "standing": standing} | ({"trouble": trouble} if trouble else {})
        self.changed(f"source {market}/{source}", "source", facts, standing)

    def _draw(self, now: Situation) -> None:
        """Leave the page's facts on disk, whole or not at all."""
        new = self._page.with_suffix(".new")
        try:
            new.write_bytes(msgspec.json.encode(facts_of(now)))
            new.replace(self._page)
        except OSError as error:
            self.changed("page", "page_failed", {"reason": error.strerror or ""}, "failed")
        else:
            self._states.pop("page", None)


def page_path(data_dir: Path) -> Path:
    """Return where a signer's page is drawn from."""
    return data_dir / "now.json"
