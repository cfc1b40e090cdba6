"""What somebody must be woken for: conditions, each with its limit, that hold or do not hold after a look at L1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.errors import ConfigError
from tallystick.rollup.views.assertion_view import Status
from tallystick.telling.alerting import Alert, AlertKind
from tallystick_challenger.watching.defence import RIVALS
from tallystick_challenger.watching.reading import Reading

HOLD_SECONDS: Final = 600.0
"""How long a disagreement of endpoints is still an alert after the last answer that differed."""


class Kind(AlertKind):
    """The kinds of alerts."""

    WRONG_ROOT = "wrong_root"
    ADVERSARIAL_TIME = "adversarial_time"
    HONEST_SLACK = "honest_slack"
    LOW_BALANCE = "low_balance"
    CONFIRM_OVERDUE = "confirm_overdue"
    RPC_DISAGREEMENT = "rpc_disagreement"
    LAG = "lag"
    INVARIANT_BROKEN = "invariant_broken"
    STOPPED = "stopped"

    @property
    def severity(self) -> str:
        """Critical is what loses money, or leaves nobody to watch."""
        critical = (
            Kind.WRONG_ROOT,
            Kind.ADVERSARIAL_TIME,
            Kind.HONEST_SLACK,
            Kind.INVARIANT_BROKEN,
            Kind.STOPPED,
        )
        return "critical" if self in critical else "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on something is an alert.

    Units: `time` and `slack` are shares of the challenge period, `overdue` and `lag` blocks of L1, `batches` batches,
    `silence` seconds without a complete look, `balance` wei; zero stands for what `rivals` contested generations take.
    """

    time: float = 0.25
    slack: float = 0.5
    overdue: int = 100
    lag: int = 50
    batches: int = 1_000
    silence: float = 300.0
    balance: int = 0
    rivals: int = RIVALS

    def __post_init__(self) -> None:
        """Raises: ConfigError when a limit makes no sense."""
        if not (0 < self.time <= 1 and 0 < self.slack < 1):
            raise ConfigError("time and slack are shares of the challenge period", time=self.time, slack=self.slack)
        if min(self.overdue, self.lag, self.batches, self.rivals) < 1 or not self.silence > 0 or self.balance < 0:
            raise ConfigError("a limit of an alert is above zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """The own key's ether. Units: wei; `needed` is what as many rivals in as many generations may take."""

    address: str
    balance: int
    needed: int
    rivals: int


def conditions(reading: Reading, limits: Limits) -> list[Alert]:
    """Return the alerts that a complete look gives reason for."""
    found: list[Alert] = []
    for each in reading.wrong:
        name = "0x" + each.id.hex()
        confirmed = each.status is Status.CONFIRMED
        text = f"L1 has CONFIRMED the wrong assertion {name}" if confirmed else f"assertion {name} is wrong"
        facts = {
            "assertion": name,
            "parent": "0x" + each.parent.hex(),
            "proposer": "0x" + each.proposer.hex(),
            "limit": each.limit,
            "block": each.block,
            "status": each.status.value,
        }
        found.append(Alert(kind=Kind.WRONG_ROOT, subject=name, text=text, facts=facts))
    found += _contests(reading, limits)
    if reading.overdue_blocks >= limits.overdue:
        name, blocks = "0x" + reading.overdue.hex(), reading.overdue_blocks
        text = f"assertion {name} could have been confirmed {blocks} blocks ago"
        facts = {"assertion": name, "blocks": blocks}
        found.append(Alert(kind=Kind.CONFIRM_OVERDUE, subject=name, text=text, facts=facts))
    if reading.lag_batches >= limits.batches:
        text = f"{reading.lag_batches} batches on L1 are not replayed: nobody asserts them, or this node is behind"
        facts = {"batches": reading.lag_batches}
        found.append(Alert(kind=Kind.LAG, subject="batches", text=text, facts=facts))
    return found


def behind(reading: Reading, limits: Limits) -> list[Alert]:
    """Return the alert for blocks that are not read yet; meant for looks that are not complete, too."""
    if reading.lag_blocks < limits.lag:
        return []
    text = f"{reading.lag_blocks} blocks of L1 are not read yet"
    facts = {"blocks": reading.lag_blocks, "read_to": reading.head}
    return [Alert(kind=Kind.LAG, subject="blocks", text=text, facts=facts)]


def silent(seconds: float, limits: Limits) -> list[Alert]:
    """Return the alert for an L1 that has not been read to its head for some time."""
    if seconds < limits.silence:
        return []
    text = f"L1 has not been read to its head for {int(seconds)} seconds"
    return [Alert(kind=Kind.LAG, subject="silence", text=text, facts={"seconds": int(seconds)})]


def poor(funds: Funds, limits: Limits) -> list[Alert]:
    """Return the alert for a key that could not pay for as many disputes as it is to be ready for."""
    needed = limits.balance or funds.needed
    if funds.balance >= needed:
        return []
    text = (
        f"{funds.address} holds {funds.balance / 10**18:.4f} ether, "
        f"{funds.rivals} contested generations may take {needed / 10**18:.4f}"
    )
    facts = {
        "address": funds.address,
        "balance_wei": str(funds.balance),
        "needed_wei": str(needed),
        "rivals": funds.rivals,
    }
    return [Alert(kind=Kind.LOW_BALANCE, subject=funds.address, text=text, facts=facts)]


def disagreeing(count: int) -> Alert:
    """Return the alert for endpoints that contradict each other; `count` answers so far."""
    text = f"endpoints of L1 gave {count} answers that were false or stood alone"
    return Alert(kind=Kind.RPC_DISAGREEMENT, subject="", text=text, facts={"answers": count})


def _contests(reading: Reading, limits: Limits) -> list[Alert]:
    found: list[Alert] = []
    for each in reading.contests:
        parent = "0x" + each.parent.hex()
        facts = {
            "parent": parent,
            "adversarial_blocks": each.adversarial_blocks,
            "period_blocks": each.period_blocks,
            "slack_blocks": each.slack_blocks,
        }
        if each.share >= limits.time:
            text = f"a wrong assertion after {parent} has {each.adversarial_blocks} of {each.period_blocks} blocks"
            found.append(Alert(kind=Kind.ADVERSARIAL_TIME, subject=parent, text=text, facts=facts))
        if each.slack_blocks <= limits.slack * each.period_blocks:
            text = f"the honest side may lose {max(0, each.slack_blocks)} more blocks after {parent}"
            found.append(Alert(kind=Kind.HONEST_SLACK, subject=parent, text=text, facts=facts))
    return found
