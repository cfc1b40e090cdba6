"""What people see of an operator on its terminal: events that matter, and now and then how all of it stands."""

from __future__ import annotations

from typing import Final

from tallystick.l1.client.access import L1
from tallystick.numbers import ether
from tallystick.ports import Clock
from tallystick_operator.standing import Standing

TOLD: Final = frozenset(
    (
        "adopted",
        "asserted",
        "assertion_wrong",
        "balance_low",
        "batch_refused",
        "batches_late",
        "bond_lost",
        "claim_answered",
        "claim_unanswered",
        "confirmed",
        "drained",
        "draining",
        "endpoint",
        "failed",
        "gateway_ended",
        "l1_problem",
        "library_message",
        "lied",
        "moved",
        "promises_resumed",
        "promises_stopped",
        "record_lost",
        "rejected",
        "reordered",
        "settled",
        "snapshot_failed",
        "snapshot_ignored",
        "standing",
        "stopped",
        "turned",
    )
)
"""The rest comes with every batch."""
NEEDED_WEI: Final = 2 * 10**17
"""Ether of the key that posts below which somebody must send it more: a hundred batches or so at what gas usually costs,
and what bonds leave to them."""
LOOK_SECONDS: Final = 15.0
"""How often the balance is asked for."""


class Summary:
    """Tells every `every_seconds` how all of it stands, and when ether runs low. `keys` are addresses, the poster's first."""

    def __init__(
        self, client: L1, keys: tuple[bytes, ...], standing: Standing, clock: Clock, every_seconds: float
    ) -> None:
        self._client = client
        self._keys = keys
        self._standing = standing
        self._clock = clock
        self._every_seconds = every_seconds
        self._told_at = self._looked_at = float("-inf")
        self._balances: list[int] = []
        self._low = False

    def tick(self) -> None:
        """Look at the balances and tell, where either is due. Raises: L1Error."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        if now - self._told_at >= self._every_seconds:
            self._told_at = now
            self._standing.tell(ether=" and ".join(ether(each) for each in self._balances))

    def _look(self) -> None:
        self._balances = [self._client.balance_wei(key) for key in self._keys]
        for key, balance in zip(self._keys, self._balances, strict=True):
            self._standing.metrics.balance.labels("0x" + key.hex()).set(balance)
        low = self._balances[0] < NEEDED_WEI
        if low and not self._low:
            self._standing.warn("balance_low", ether=ether(self._balances[0]), needed=ether(NEEDED_WEI))
        self._low = low
