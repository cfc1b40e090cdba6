"""Getting what is due mined through the transaction queue: each effect once, and told when it is there.

Nothing that cannot be paid, and nothing that L1 would refuse, holds up anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tallystick.l1.client.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.queuestore import TxEntry, TxState
from tallystick.l1.sending.sender import TxQueue
from tallystick.party.strategy.strategy import Due
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BlockNumber

Report = Callable[[str, dict[str, Any]], None]
KEYS: Final = "due/"
"""What the keys of a hand's transactions begin with: the queue may hold those of others."""
RETRY_BLOCKS: Final = 5
"""Blocks until a call that had no effect, and that is still asked for, is tried again, at most: one that was mined and
reverted is repeated at once, and each time a block later."""
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
OVERTAKEN: Final = "another transaction has its nonce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """What is left alone. Units: wei; `gas` by whatever carries ether, for moves that carry none; `reserve` by what has
    no deadline, for what has one.
    """

    gas: int = 0
    reserve: int = 0


class Hand:
    """Takes what is due for as long as L1 does not show its effect; asking again and again sends one transaction.

    A transaction is named by the call's key, its data and ether, and an attempt. The next attempt begins when the one before
    can have no effect any more and L1, read past it, still lacks that: it reverted, its nonce went to what this party sent before
    it lost its disk, or it was final on a branch that is gone. The contracts take each effect once, so an attempt that
    a reorganisation revives does no harm. `otherwise` is asked what to send for a bond that cannot be paid out of what is free.
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
        self._latest = {_effect(key): key for key in queue.under_way(KEYS)}
        self._failed: dict[str, int] = {}
        self._problems: frozenset[str] = frozenset()
        self._unpaid: frozenset[str] = frozenset()

    @property
    def under_way(self) -> int:
        """Calls that are asked for and not mined yet."""
        return len(self._under_way)

    def take(self, dues: Sequence[Due], head: BlockNumber) -> None:
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

    def pump(self, head: BlockNumber) -> bool:
        """Move the queue on as far as it goes, and tell what has landed; return whether something came to nothing that may
        be worth another attempt.

        Raises: L1Error.
        """
        again = False
        problems = frozenset(self._queue.pump().problems)
        self._tell_problems(problems - self._problems)
        self._problems = problems
        for key, entry in self._queue.get_all(self._under_way).items():
            if entry is None or entry.state in WAITING:
                continue
            landed = self._landed(entry)
            due = self._under_way.pop(key)
            if entry.succeeded:
                self._report(due.event, due.facts | landed)
                continue
            if entry.state is TxState.REFUSED:
                self._failed[key] = head
            else:
                again = True
            reason = OVERTAKEN if entry.state is TxState.OVERTAKEN else entry.reason
            event = "done_by_others" if reason.startswith(DONE_BY_OTHERS) else "not_taken"
            self._report(event, {"wanted": due.event, "reason": reason} | due.facts | landed)
        return again

    def _submit(self, due: Due, head: BlockNumber) -> None:
        """Have a call mined whose effect L1, read up to `head`, lacks; within the window, if it has a deadline."""
        call = due.call
        target = self._places[due.contract]
        data = self._client.contract(due.contract, target).encode(call.function, *call.arguments)
        # a pool's call may come again with more ether than before
        name = f"{KEYS}{call.key}/{keccak(data + call.value_wei.to_bytes(32, 'big'))[:4].hex()}"
        attempt, entry = 0, self._queue.get(f"{name}/0")
        while (later := self._queue.get(f"{name}/{attempt + 1}")) is not None:
            attempt, entry = attempt + 1, later
        if entry is not None and _is_spent(entry, attempt, head):
            attempt, entry = attempt + 1, None
        key = f"{name}/{attempt}"
        if entry is None:
            if self._is_on_its_way(due, head, except_for=key):
                return
            self._queue.enqueue(key, target, data, value_wei=call.value_wei, gas=call.gas, window=due.window)
            self._report("queued", {"wanted": due.event, "key": key} | due.facts)
        elif entry.state is TxState.REFUSED:
            if head < self._failed.setdefault(key, head - RETRY_BLOCKS) + RETRY_BLOCKS:
                return
            self._failed[key] = head
            self._queue.retry(key)
        elif entry.state not in WAITING:
            return
        self._latest[call.key] = key
        self._under_way[key] = due

    def _is_on_its_way(self, due: Due, head: BlockNumber, except_for: str = "", *, signed: bool = False) -> bool:
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
        return bool(entry.succeeded) and not _is_spent(entry, 0, head)

    def _let_go(self, wanted: set[str]) -> None:
        """Take back what nobody wants any more and is not signed yet, whatever life of this party it comes from, and what
        was overtaken: where that is still wanted, another attempt is made.
        """
        for entry in self._queue.idle(KEYS):
            effect = _effect(entry.key)
            if entry.state is TxState.QUEUED and effect in wanted and self._latest.get(effect) == entry.key:
                continue
            if self._queue.withdraw(entry.key):
                self._under_way.pop(entry.key, None)

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


def _effect(key: str) -> str:
    """Return the key of the call that a transaction makes."""
    return key.removeprefix(KEYS).rsplit("/", 2)[0]


def _is_spent(entry: TxEntry, attempt: int, head: BlockNumber) -> bool:
    """Whether an effect that L1, read up to `head`, lacks is no longer to be had of a transaction."""
    if entry.block_number is None:
        return False
    if entry.succeeded:
        return entry.state is TxState.DONE and entry.block_number + RETRY_BLOCKS <= head
    return entry.block_number + min(attempt, RETRY_BLOCKS) <= head
