"""What somebody must be woken for: conditions that hold or do not hold when a report has been due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tallystick.errors import ConfigError
from tallystick.price_signer.situation import Situation
from tallystick.telling.alerting import Alert, AlertKind


class Kind(AlertKind):
    """The kinds of alerts."""

    MARKET_SILENT = "market_silent"
    SOURCE_BAD = "source_bad"
    NOT_SIGNED = "not_signed"
    NOBODY_TAKES = "nobody_takes"
    OPERATOR_SILENT = "operator_silent"
    L1_SILENT = "l1_silent"
    CLOCK_APART = "clock_apart"
    LOW_BALANCE = "low_balance"
    STOPPED = "stopped"

    @property
    def severity(self) -> str:
        """Critical is what keeps the exchange from having this signer's prices."""
        critical = {Kind.MARKET_SILENT, Kind.NOT_SIGNED, Kind.NOBODY_TAKES, Kind.STOPPED}
        return "critical" if self in critical else "warning"


LOOKED_AT = tuple(each for each in Kind if each is not Kind.STOPPED)
"""What every report decides anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on something is an alert. Units: seconds for which it has been so, seconds that clocks are apart, wei."""

    market: float = 15.0
    source: float = 60.0
    signer: float = 15.0
    taken: float = 15.0
    operator: float = 60.0
    l1: float = 120.0
    clock: float = 10.0
    balance: int = 10**16

    def __post_init__(self) -> None:
        """Raises: ConfigError when a limit makes no sense."""
        times = (self.market, self.source, self.signer, self.taken, self.operator, self.l1, self.clock)
        if not min(times) > 0 or self.balance < 0:
            raise ConfigError("a limit of an alert is above zero")


def conditions(now: Situation, limits: Limits) -> list[Alert]:
    """Return the alerts that a situation gives reason for."""
    return [*_prices(now, limits), *_delivery(now, limits), *_surroundings(now, limits)]


def _prices(now: Situation, limits: Limits) -> Iterator[Alert]:
    for market in now.markets:
        name, silent = market.priced.name, now.at - market.good_at
        if silent >= limits.market:
            text = f"{name} has had no price for {int(silent)} s: {market.priced.why}"
            yield Alert(kind=Kind.MARKET_SILENT, subject=name, text=text, facts={"seconds": int(silent)})
        for look in market.priced.looks:
            bad = now.at - market.sources_good_at[look.name]
            if bad >= limits.source:
                text = f"{name}: the source {look.name} has been {look.standing} for {int(bad)} s"
                facts = {"standing": str(look.standing), "trouble": look.trouble, "deviation_ppm": look.deviation_ppm}
                subject = f"{name}/{look.name}"
                yield Alert(kind=Kind.SOURCE_BAD, subject=subject, text=text, facts=facts)


def _delivery(now: Situation, limits: Limits) -> Iterator[Alert]:
    unsigned = now.at - now.signed_at
    if now.sign_trouble and unsigned >= limits.signer:
        text = f"nothing has been signed for {int(unsigned)} s: {now.sign_trouble}"
        yield Alert(kind=Kind.NOT_SIGNED, subject="", text=text, facts={"seconds": int(unsigned)})
    untaken = now.at - now.taken_at
    if untaken >= limits.taken:
        text = f"no operator has taken a report for {int(untaken)} s"
        yield Alert(kind=Kind.NOBODY_TAKES, subject="", text=text, facts={"seconds": int(untaken)})
    for line in now.lines:
        silent = now.at - line.taken_at
        if silent >= limits.operator:
            text = f"the operator at {line.place} has taken no report for {int(silent)} s: {line.trouble}"
            yield Alert(kind=Kind.OPERATOR_SILENT, subject=line.place, text=text, facts={"seconds": int(silent)})


def _surroundings(now: Situation, limits: Limits) -> Iterator[Alert]:
    unread = now.at - now.l1.read_at
    if unread >= limits.l1:
        text = f"L1 has not been read for {int(unread)} s: {now.l1.trouble}"
        yield Alert(kind=Kind.L1_SILENT, subject="", text=text, facts={"seconds": int(unread)})
    if abs(now.l1.ahead_seconds) >= limits.clock:
        text = f"this machine's clock and L1's are {now.l1.ahead_seconds:.1f} s apart"
        yield Alert(kind=Kind.CLOCK_APART, subject="", text=text, facts={"ahead_seconds": now.l1.ahead_seconds})
    balance = now.l1.balance_wei
    if balance is not None and balance < limits.balance:
        text = f"the key that pays for reports through L1 holds {balance / 10**18:.4f} ether"
        yield Alert(kind=Kind.LOW_BALANCE, subject="", text=text, facts={"balance_wei": str(balance)})
