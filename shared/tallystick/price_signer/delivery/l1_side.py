"""What a signer has to do with L1: its time, the ether of whoever pays, and reports that no operator took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tallystick.l1.client.access import L1
from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.ports import Clock
from tallystick.price_signer.delivery.forcing import Forcing
from tallystick.price_signer.delivery.making import Report

BALANCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Whose ether pays for reports through L1. `open` gives its queue, and asks L1 for that. Shape: 20 bytes."""

    address: bytes
    open: Callable[[], Forcing]


@dataclass(slots=True, kw_only=True)
class L1Seen:
    """How L1 was when it was looked at last. Units: `read_at` by the monotonic clock, `ahead_seconds` this machine's
    clock before L1's, wei.
    """

    read_at: float = 0.0
    trouble: str = ""
    ahead_seconds: float = 0.0
    balance_wei: int | None = None


class L1Side:
    """Looks at L1 again and again; `force` leaves it a report to put there. One thread at a time."""

    def __init__(self, client: L1, l1_clock: ExchangeClock, clock: Clock, payer: Payer | None) -> None:
        self._client, self._l1_clock, self._clock, self._payer = client, l1_clock, clock, payer
        self._forcing: Forcing | None = None
        self._wanted: Report | None = None
        self._balance_at = -BALANCE_SECONDS
        self.seen = L1Seen(read_at=clock.monotonic())

    @property
    def can_force(self) -> bool:
        """Whether somebody pays for reports through L1."""
        return self._payer is not None

    def force(self, report: Report) -> None:
        """Have a report put into L1 at the next look, unless another one is still on its way."""
        self._wanted = report

    def tick(self) -> None:
        """Look once. Raises: L1Error."""
        head = self._client.head()
        self._l1_clock.observe(head.timestamp)
        now = self._clock.monotonic()
        self.seen.read_at, self.seen.trouble = now, ""
        self.seen.ahead_seconds = self._clock.now() - int(self._l1_clock.now_ms()) / 1000
        if self._payer is None:
            return
        if now - self._balance_at >= BALANCE_SECONDS:
            self.seen.balance_wei = self._client.balance_wei(self._payer.address)
            self._balance_at = now
        if self._forcing is None:
            self._forcing = self._payer.open()
        if self._wanted is not None and not self._forcing.busy:
            wanted, self._wanted = self._wanted, None
            self._forcing.force(wanted)
        self._forcing.tick(self._l1_clock.now_ms())
