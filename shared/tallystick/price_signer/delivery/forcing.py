"""Reports through L1: dear and slow, and nobody can keep them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tallystick.l1.client.access import L1
from tallystick.l1.sending.fees import Window
from tallystick.l1.sending.queuestore import TxState
from tallystick.l1.sending.sender import TxQueue
from tallystick.price_signer.delivery.making import Report
from tallystick.records.codec import encode
from tallystick.state.layout import FORCED_AGE_MS
from tallystick.state.ordinals import BlockNumber, UnixMs

WORTH_SECONDS: Final = FORCED_AGE_MS // 1000
"""A report that is older when L1 takes it in is of no use to the exchange any more."""
BLOCKS: Final = 5
"""What fits into that."""
PREFIX: Final = "report/"
SENT: Final = (TxState.MINED, TxState.DONE)
FAILED: Final = (TxState.REVERTED, TxState.REFUSED)


@dataclass(slots=True, kw_only=True)
class UnderWay:
    """A report on its way into L1."""

    key: str
    time_ms: UnixMs


class Forcing:
    """Puts reports into the Inbox. One that is too old to count is given up, so that it costs as little as can be."""

    def __init__(self, client: L1, inbox: bytes, queue: TxQueue, report: Callable[[str, dict[str, Any]], None]) -> None:
        self._inbox = client.contract("Inbox", inbox)
        self._client = client
        self._queue = queue
        self._report = report
        self._under_way: list[UnderWay] = []
        for key in queue.under_way(PREFIX):
            self._under_way.append(UnderWay(key=key, time_ms=_time_of(key)))

    @property
    def busy(self) -> bool:
        """Whether a report is on its way."""
        return bool(self._under_way)

    def force(self, report: Report) -> None:
        """Have a report queued on L1. Raises: L1Error."""
        block = self._client.head().number
        window = Window(first_block=block, deadline_block=BlockNumber(block + BLOCKS))
        key = f"{PREFIX}{report.time_ms}"
        data = self._inbox.encode("enqueueRecord", encode(report.record))
        self._queue.enqueue(key, self._inbox.address, data, window=window)
        self._under_way.append(UnderWay(key=key, time_ms=report.time_ms))

    def tick(self, now_ms: UnixMs) -> None:
        """Send what is to be sent, tell what was mined, give up what is too old. Raises: L1Error."""
        if not self._queue.under_way(""):
            return
        pumped = self._queue.pump()
        for problem in pumped.problems:
            self._report("l1_problem", {"reason": problem})
        self._under_way = [each for each in self._under_way if not self._ended(each, now_ms)]

    def _ended(self, sent: UnderWay, now_ms: UnixMs) -> bool:
        entry = self._queue.get(sent.key)
        if entry is None:
            return True
        if entry.state in SENT:
            self._report("forced", {"time_ms": sent.time_ms, "tx": entry.mined_hash or b""})
            return True
        if entry.state in FAILED:
            self._report("not_forced", {"time_ms": sent.time_ms, "reason": entry.reason})
            self._queue.give_up(sent.key)
            return True
        if now_ms - sent.time_ms > WORTH_SECONDS * 1000:
            self._report("not_forced", {"time_ms": sent.time_ms, "reason": "too old before L1 took it in"})
            self._queue.give_up(sent.key)
            return True
        return False


def _time_of(key: str) -> UnixMs:
    return UnixMs(int(key.removeprefix(PREFIX)))
