"""Getting what is due mined through the transaction queue: each effect once, and told when it is there.

Nothing that cannot be paid, and nothing that L1 would refuse, holds up anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tallystick.dispute.strategy import Due
from tallystick.l1.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.l1.queuestore import TxEntry, TxState
from tallystick.l1.sender import TxQueue
from tallystick.state.hashing import keccak

Report = Callable[[str, dict[str, Any]], None]
RETRY_BLOCKS: Final = 5
"""Blocks until a call that had no effect, and that is still asked for, is tried again."""
DONE_BY_OTHERS: Final = (
    "AlreadyPosted",
    "AlreadyDecided",
    "AlreadySettled",
    "NotPending",
    "NoCredit",
    "NotBonded",
    "ParentClosed",
    "AlreadyMade",
    "AlreadyHome",
    "PoolVoid",
)
"""Refusals that say somebody else was faster: that is success."""
WAITING: Final = (TxState.QUEUED, TxState.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """What is left alone. Units: wei; `gas` by whatever carries ether, for moves that carry none; `reserve` by what has
    no deadline, for what has one."""

    gas: int = 0
    reserve: int = 0


class Hand:
    """Takes what is due for as long as L1 does not show its effect; asking again and again sends one transaction.

    A transaction is named by the call's key, its data and ether, and an attempt. The next attempt begins when the one before was
    final and L1, read past it, still lacks its effect: it was on a branch that is gone. `otherwise` is asked what to send for
    a bond that cannot be paid out of what is free.
    """

    def __init__(
        self,
        client: L1,
        deployment: Deployment,
        queue: TxQueue,
        report: Report,
        purse: Purse | None = None,
        otherwise: Callable[[Due, int], Due | None] = lambda due, free_wei: None,
    ) -> None:
        self._client = client
        self._queue = queue
        self._report = report
        self._purse = purse or Purse()
        self._otherwise = otherwise
        self._places = deployment.addresses.all()
        self._under_way: dict[str, Due] = {}
        self._latest: dict[str, str] = {}
        self._failed: dict[str, int] = {}
        self._problems: frozenset[str] = frozenset()
        self._unpaid: frozenset[str] = frozenset()

    @property
    def under_way(self) -> int:
        """Calls that are asked for and not mined yet."""
        return len(self._under_way)

    def take(self, dues: Sequence[Due], head: int) -> None:
        """Ask for everything that is due, L1 being read up to `head`, and can be paid; the first bonds come first.

        Raises: L1Error.
        """
        self._let_go({due.call.key for due in dues})
        free: int | None = None
        unpaid: set[str] = set()
        for due in dues:
            value_wei = due.call.value_wei
            if value_wei and not self._is_on_its_way(due, head, signed=True):
                if free is None:
                    free = self._queue.free_wei() - self._purse.gas
                if free >= value_wei + (0 if due.window else self._purse.reserve):
                    free -= value_wei
                elif (other := self._otherwise(due, free)) is None:
                    unpaid.add(f"{due.call.key}: waits, its bond of {value_wei} wei cannot be paid")
                    continue
                else:
                    self._submit(other, head)
                    free -= other.call.value_wei
                    continue
            self._submit(due, head)
        self._tell_problems(frozenset(unpaid) - self._unpaid)
        self._unpaid = frozenset(unpaid)

    def pump(self, head: int) -> None:
        """Move the queue on as far as it goes, and tell what has landed.

        Raises: L1Error.
        """
        problems = frozenset(self._queue.pump().problems)
        self._tell_problems(problems - self._problems)
        self._problems = problems
        for key, due in list(self._under_way.items()):
            entry = self._queue.get(key)
            if entry is None or entry.state in WAITING:
                continue
            if entry.state in (TxState.REVERTED, TxState.REFUSED):
                landed = self._landed(entry)
                del self._under_way[key]
                self._failed[key] = head
                event = "done_by_others" if entry.reason.startswith(DONE_BY_OTHERS) else "not_taken"
                self._report(event, {"wanted": due.event, "reason": entry.reason} | due.facts | landed)
            elif entry.succeeded:
                landed = self._landed(entry)
                del self._under_way[key]
                self._report(due.event, due.facts | landed)

    def _submit(self, due: Due, head: int) -> None:
        """Have a call mined whose effect L1, read up to `head`, lacks; within the window, if it has a deadline."""
        call = due.call
        target = self._places[due.contract]
        data = self._client.contract(due.contract, target).encode(call.function, *call.arguments)
        # a pool's call may come again with more ether than before
        name = f"{call.key}/{keccak(data + call.value_wei.to_bytes(32, 'big'))[:4].hex()}"
        attempt = 0
        entry = self._queue.get(f"{name}/{attempt}")
        while entry is not None and _is_undone(entry, head):
            attempt += 1
            entry = self._queue.get(f"{name}/{attempt}")
        key = f"{name}/{attempt}"
        if entry is None:
            if self._is_on_its_way(due, head, except_for=key):
                return
            self._queue.enqueue(key, target, data, value_wei=call.value_wei, gas=call.gas, window=due.window)
            self._report("queued", {"wanted": due.event, "key": key} | due.facts)
        elif entry.state in (TxState.MINED, TxState.DONE):
            return
        elif entry.state in (TxState.REVERTED, TxState.REFUSED):
            if head < self._failed.setdefault(key, head - RETRY_BLOCKS) + RETRY_BLOCKS:
                return
            self._failed[key] = head
            self._queue.retry(key)
        self._latest[call.key] = key
        self._under_way[key] = due

    def _is_on_its_way(self, due: Due, head: int, except_for: str = "", *, signed: bool = False) -> bool:
        """Whether a transaction with this effect, be it with other data, is signed, or mined where L1 is not read yet.

        One that is not signed is taken back: what is known now is better. With `signed` it does not count.
        """
        key = self._latest.get(due.call.key)
        entry = self._queue.get(key) if key is not None and key != except_for else None
        if key is None or entry is None:
            return False
        if entry.state is TxState.QUEUED and except_for:
            self._queue.withdraw(key)
            self._under_way.pop(key, None)
            return False
        if entry.state in WAITING:
            return entry.state is TxState.PENDING or not signed
        return bool(entry.succeeded) and not _is_undone(entry, head)

    def _let_go(self, wanted: set[str]) -> None:
        """Take back what nobody wants any more and is not signed yet."""
        for key, due in list(self._under_way.items()):
            if due.call.key not in wanted and self._queue.withdraw(key):
                del self._under_way[key]

    def _tell_problems(self, problems: frozenset[str]) -> None:
        for problem in sorted(problems):
            self._report("l1_problem", {"problem": problem})

    def _landed(self, entry: TxEntry) -> dict[str, Any]:
        if entry.mined_hash is None:
            return {}
        receipt = self._client.receipt(entry.mined_hash)
        facts: dict[str, Any] = {"tx": entry.mined_hash}
        if receipt is None:
            return facts
        fee = receipt.gas_used * receipt.price_wei
        return facts | {"gas": receipt.gas_used, "fee_wei": fee, "block": receipt.block_number}


def _is_undone(entry: TxEntry, head: int) -> bool:
    return entry.state is TxState.DONE and entry.block_number is not None and entry.block_number + RETRY_BLOCKS <= head
