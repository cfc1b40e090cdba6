"""Where a daemon tells things beside its log: a port for its metrics, and somebody's webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tallystick import __version__
from tallystick.errors import TallystickError
from tallystick.ports import Clock
from tallystick.telling.alerting import Alert
from tallystick.telling.meters import Meters
from tallystick.telling.serving import MetricsServer
from tallystick.telling.webhook import Webhook

Report = Callable[[str, dict[str, Any]], None]
"""Takes an event of the log, and its facts."""


class Outlets:
    """`metrics` is a port on the loopback interface, `webhook` a URL; None for neither.

    Raises: ConfigError when the port cannot be had or the URL is none.
    """

    def __init__(
        self, meters: Meters, report: Report, *, role: str, clock: Clock, metrics: int | None, webhook: str | None
    ) -> None:
        self._meters = meters
        self._report = report
        self._webhook: Webhook | None = None
        self._server: MetricsServer | None = None
        if webhook:
            made = Webhook(webhook, {"version": __version__}, role=role, failed=self._failed, clock=clock)
            meters.webhook_waiting.set_function(lambda: made.waiting)
            self._webhook = made
        if metrics is not None:
            try:
                self._server = MetricsServer(meters.registry, metrics)
            except TallystickError:
                self.close()
                raise
            report("metrics_served", {"port": self._server.port})

    def describe(self, **more: object) -> None:
        """Add to what every message of the webhook says of its sender."""
        if self._webhook is not None:
            self._webhook.describe(**more)

    def hold(self, alerts: Iterable[Alert], about: Iterable[str] = ()) -> None:
        """Have the webhook told what holds; see `Webhook.hold`."""
        if self._webhook is not None:
            self._webhook.hold(alerts, about)

    def close(self) -> None:
        """Try for a moment to deliver what is left, and stop serving."""
        if self._webhook is not None:
            left = self._webhook.close()
            if left:
                self._report("webhook_undelivered", {"alerts": left})
        if self._server is not None:
            self._server.close()

    def _failed(self, key: str, reason: str, pause: float) -> None:
        self._meters.webhook_failures.inc()
        self._report("webhook_failed", {"alert": key, "reason": reason, "retry_seconds": pause})
