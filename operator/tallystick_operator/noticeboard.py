"""What the threads that watch L1 know, where the API can read it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import msgspec

from tallystick.shapes.accounts import WithdrawalProof, WithdrawalStatus
from tallystick.shapes.progress import L1Status
from tallystick.state.ordinals import BatchNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A withdrawal's proof against an assertion."""

    assertion: bytes
    recipient: bytes
    proof: WithdrawalProof


class Board:
    """Small values under one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._l1 = L1Status()
        self._proven: dict[int, Proven] = {}
        self._confirmed: set[bytes] = set()
        self._claimed: set[int] = set()

    @property
    def l1(self) -> L1Status:
        """The newest status."""
        with self._lock:
            return self._l1

    def set_l1(self, **changes: object) -> None:
        """Change some values of the status."""
        with self._lock:
            self._l1 = msgspec.structs.replace(self._l1, **changes)

    def add_proofs(self, proofs: dict[int, Proven]) -> None:
        """Offer proofs by withdrawal, against an assertion that is posted."""
        with self._lock:
            for index, proven in proofs.items():
                self._proven.setdefault(index, proven)

    def proven_count(self) -> int:
        """Return how many withdrawals, from the first on, have a proof."""
        with self._lock:
            count = 0
            while count in self._proven:
                count += 1
            return count

    def forget_assertion(self, assertion: bytes) -> None:
        """Drop the proofs against an assertion that is out."""
        with self._lock:
            gone = [index for index, proven in self._proven.items() if proven.assertion == assertion]
            for index in gone:
                del self._proven[index]

    def confirm(self, assertion: bytes) -> None:
        """Note that withdrawals proven against an assertion may be claimed."""
        with self._lock:
            self._confirmed.add(assertion)

    def claim(self, index: int) -> None:
        """Note that the Vault has paid a withdrawal."""
        with self._lock:
            self._claimed.add(index)

    def withdrawal(self, index: int, batch: BatchNumber, sealed: int) -> tuple[WithdrawalStatus, Proven | None]:
        """Return how far a withdrawal of a batch is, and its proof once it can be claimed.

        Shape: `sealed` batches are closed.
        """
        with self._lock:
            proven = self._proven.get(index)
            if index in self._claimed:
                return "claimed", None
            if proven is not None:
                if proven.assertion in self._confirmed:
                    return "claimable", proven
                return "asserted", None
            if batch < self._l1.batches_posted:
                return "posted", None
            return ("sealed" if batch < sealed else "open"), None
