"""What an operator does again and again, and how long it waits in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tallystick.errors import L1Error, L1Unreachable

UNREACHABLE_SECONDS: Final = 2.0


class Repeated:
    """One duty of the operator's. It never waits: each step returns how long to wait until the next."""

    def __init__(self, tick: Callable[[], bool], problem: Callable[[L1Error], None], *, poll_seconds: float) -> None:
        self._tick = tick
        self._problem = problem
        self._poll_seconds = poll_seconds

    def step(self) -> float:
        """Do all that can be done now, and outlive an L1 that does not answer. Units: seconds until the next step.

        Raises: whatever but an L1Error the duty raises: it ends the operator.
        """
        try:
            return self._poll_seconds if self._tick() else 0.0
        except L1Error as error:
            self._problem(error)
            return UNREACHABLE_SECONDS if isinstance(error, L1Unreachable) else self._poll_seconds
