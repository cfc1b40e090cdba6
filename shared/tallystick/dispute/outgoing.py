"""Getting calls mined through the transaction queue: each effect once, and told when it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tallystick.dispute.moves import Call
from tallystick.l1.client import L1Client
from tallystick.l1.deployment import Deployment
from tallystick.l1.fees import Window
from tallystick.l1.queuestore import TxEntry, TxState
from tallystick.l1.sender import TxQueue
from tallystick.state.hashing import keccak

Report = Callable[[str, dict[str, Any]], None]
RETRY_BLOCKS: Final = 5
"""Blocks until a call that had no effect, and that is still asked for, is tried again."""
DONE_BY_OTHERS: Final = ("AlreadyPosted", "AlreadyDecided", "NotPending", "NoCredit", "ParentClosed")
"""Refusals that say somebody else was faster: that is success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A call under way, and the event that tells of it."""

    event: str
    facts: dict[str, Any]


class Outgoing:
    """Takes calls for as long as L1 does not show their effect; asking again and again sends one transaction.

    A transaction is named by the call's key, its data and an attempt. The next attempt begins when the one before was
    final and L1, read past it, still lacks its effect: it was on a branch that is gone.
    """

    def __init__(self, client: L1Client, deployment: Deployment, queue: TxQueue, report: Report) -> None:
        self._client = client
        self._queue = queue
        self._report = report
        self._places = deployment.addresses.all()
        self._under_way: dict[str, Errand] = {}
        self._failed: dict[str, int] = {}
        self._problems: frozenset[str] = frozenset()

    @property
    def under_way(self) -> int:
        """Calls that are asked for and not mined yet."""
        return len(self._under_way)

    def submit(self, contract: str, call: Call, errand: Errand, head: int, window: Window | None = None) -> None:
        """Have a call mined whose effect L1, read up to `head`, lacks; within the window, if it has a deadline."""
        target = self._places[contract]
        data = self._client.contract(contract, target).encode(call.function, *call.arguments)
        name = f"{call.key}/{keccak(data)[:4].hex()}"
        attempt = 0
        entry = self._queue.get(f"{name}/{attempt}")
        while entry is not None and _undone(entry, head):
            attempt += 1
            entry = self._queue.get(f"{name}/{attempt}")
        key = f"{name}/{attempt}"
        if entry is None:
            self._queue.enqueue(key, target, data, value_wei=call.value_wei, window=window)
            self._report("queued", {"wanted": errand.event, "key": key} | errand.facts)
        elif entry.state in (TxState.MINED, TxState.DONE):
            return
        elif entry.state in (TxState.REVERTED, TxState.REFUSED):
            if head < self._failed.setdefault(key, head - RETRY_BLOCKS) + RETRY_BLOCKS:
                return
            self._failed[key] = head
            self._queue.retry(key)
        self._under_way[key] = errand

    def pump(self, head: int) -> None:
        """Move the queue on as far as it goes, and tell what has landed.

        Raises: L1Error.
        """
        problems = frozenset(self._queue.pump().problems)
        for problem in sorted(problems - self._problems):
            self._report("l1_problem", {"problem": problem})
        self._problems = problems
        for key, errand in list(self._under_way.items()):
            entry = self._queue.get(key)
            if entry is None or entry.state in (TxState.QUEUED, TxState.PENDING):
                continue
            if entry.state in (TxState.REVERTED, TxState.REFUSED):
                landed = self._landed(entry)
                del self._under_way[key]
                self._failed[key] = head
                event = "done_by_others" if entry.reason.startswith(DONE_BY_OTHERS) else "not_taken"
                self._report(event, {"wanted": errand.event, "reason": entry.reason} | errand.facts | landed)
            elif entry.succeeded:
                landed = self._landed(entry)
                del self._under_way[key]
                self._report(errand.event, errand.facts | landed)

    def _landed(self, entry: TxEntry) -> dict[str, Any]:
        if entry.mined_hash is None:
            return {}
        receipt = self._client.receipt(entry.mined_hash)
        facts: dict[str, Any] = {"tx": entry.mined_hash}
        if receipt is None:
            return facts
        fee = receipt.gas_used * receipt.price_wei
        return facts | {"gas": receipt.gas_used, "fee_wei": fee, "block": receipt.block_number}


def _undone(entry: TxEntry, head: int) -> bool:
    return entry.state is TxState.DONE and entry.block_number is not None and entry.block_number + RETRY_BLOCKS <= head
