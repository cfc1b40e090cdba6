"""Whether the operator is alive, and whether it is ready: for whoever starts it again, or sends traffic to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tallystick import __version__
from tallystick.shapes.progress import Health, Ready
from tallystick_operator.gateway.fleet import Fleet
from tallystick_operator.intake.door import Refused
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer

SILENT_SECONDS: Final = 60.0
"""How long L1 may not have been read to its head: five of its blocks."""


class Probes:
    """Knows what an operator needs to take records. Safe for threads.

    Without a `fleet` there are no gateways.
    """

    def __init__(self, sequencer: Sequencer, now: Callable[[], float], fleet: Fleet | None = None) -> None:
        self._sequencer = sequencer
        self._now = now
        self._fleet = fleet
        self._read_at = now()

    def l1_is_read(self) -> None:
        """Take in that L1 has been read to its head."""
        self._read_at = self._now()

    @property
    def l1_read_seconds(self) -> float:
        """How long ago that was, or how long it is waited for."""
        return self._now() - self._read_at

    @property
    def gateways(self) -> tuple[int, int]:
        """How many gateways there are, and how many there should be."""
        return (len(self._fleet.processes), self._fleet.count) if self._fleet else (0, 0)

    def reasons(self) -> list[Refused]:
        """Return why it is not ready, nothing when it is."""
        try:
            found = [self._sequencer.read(Core.refusal)]
        except Refused as failed:
            return [failed]
        if self.l1_read_seconds > SILENT_SECONDS:
            found.append(Refused(503, "l1_silent", f"L1 was not read to its head for {self.l1_read_seconds:.0f} s"))
        there, wanted = self.gateways
        if there < wanted:
            found.append(Refused(503, "gateways_down", f"{there} of {wanted} gateways are up"))
        return [each for each in found if each is not None]

    async def health(self, _: Request) -> Health:
        """Return that it is alive. Raises: Refused when it cannot go on."""
        if not self._sequencer.is_alive:
            raise Refused(503, "failed", "the operator cannot go on; it must be started anew")
        return Health(version=__version__)

    async def ready(self, _: Request) -> Ready:
        """Return that it takes records. Raises: Refused with all reasons, in the code the first."""
        reasons = await run_in_threadpool(self.reasons)
        if reasons:
            told = "; ".join(f"{each.code}: {each.message}" for each in reasons)
            raise Refused(503, reasons[0].code, told)
        behind = await run_in_threadpool(self._sequencer.read, Core.behind_ms)
        return Ready(l1_read_ms=int(self.l1_read_seconds * 1_000), behind_ms=behind, gateways=self.gateways[0])
