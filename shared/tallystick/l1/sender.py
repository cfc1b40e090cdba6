"""The transaction queue: what is enqueued is mined once, whatever crashes in between.

    QUEUED ── signed and stored, then sent ──▶ PENDING ── receipt ──▶ MINED ── confirmations ──▶ DONE
      ▲  └─ would revert ─▶ REFUSED              ▲  │ └ too old: a dearer version      │      └▶ REVERTED
      └──── its nonce was used by somebody else ─┼──┘                                  │
                                                 └──────────── its block is gone ◀─────┘

A signed transaction is on disk before any node sees it, so a restart finds each one that may be
mined. A nonce is given out once and only here. Entries are signed in the order of their arrival.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from typing import Any

from tallystick.errors import BadInput, L1Error, L1Reverted, L1Unreachable
from tallystick.l1.client import BlockRef, L1Client, Receipt
from tallystick.l1.queuestore import ENDED, Attempt, QueueStore, TxEntry, TxState
from tallystick.l1.signer import Signer

GWEI = 10**9
GAS_MARGIN_PERCENT = 20
FIRST_PAUSE_SECONDS = 0.01
BUMP_PERMILLE = 1_125
"""Nodes take a replacement from 10% more on; the rest is for those that want 12.5%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderConfig:
    """How the queue pays and waits. A transaction is final when its block has `confirmations`
    blocks, itself counted."""

    confirmations: int = 1
    replace_after_seconds: float = 60.0
    fee_cap_wei: int = 500 * GWEI
    poll_seconds: float = 0.25
    max_pending: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpReport:
    """What is left to do, and what stands in the way."""

    queued: int
    pending: int
    mined: int
    problems: tuple[str, ...]


class TxQueue:
    """Safe for threads. Raises StateError when the store belongs to another chain or account."""

    def __init__(
        self,
        *,
        client: L1Client,
        account: Signer,
        store: QueueStore,
        config: SenderConfig | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.signer = account.address
        self.address = bytes.fromhex(self.signer[2:])
        self.config = config or SenderConfig()
        self._client = client
        self._account = account
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._lock = RLock()
        self._chain_id = client.chain_id()
        genesis = client.block(0)
        store.bind(
            (
                ("chain id", str(self._chain_id)),
                ("genesis", genesis.hash.hex() if genesis else ""),
                ("account", account.address),
            )
        )

    def enqueue(
        self,
        key: str,
        to: bytes | None,
        data: bytes,
        *,
        value_wei: int = 0,
        gas: int | None = None,
    ) -> TxEntry:
        """Stores a transaction to be sent; the same key gives the same entry, however it has fared.

        Without `gas` it is estimated when its turn comes, and refused if it would revert then.

        Raises: BadInput, when the key stands for another transaction.
        """
        with self._lock:
            return self._store.add(key, to, data, value_wei, gas)

    def get(self, key: str) -> TxEntry | None:
        with self._lock:
            return self._store.get(key)

    def retry(self, key: str) -> TxEntry:
        """Queues an entry that ended without effect once more.

        Raises: BadInput, when it has not ended so.
        """
        with self._lock:
            entry = self._store.get(key)
            if entry is None or entry.state not in (TxState.REVERTED, TxState.REFUSED):
                raise BadInput("only a reverted or refused transaction can be retried", key=key)
            self._store.requeue(entry)
            return self._known(key)

    def pump(self) -> PumpReport:
        """Moves every entry as far as it goes now.

        Raises: L1Unreachable; all that was done until then is stored.
        """
        with self._lock:
            head = self._client.head()
            problems: list[str] = []
            for entry in self._store.in_state(TxState.PENDING):
                self._look_for_receipt(entry, head)
            for entry in self._store.in_state(TxState.MINED):
                self._settle(entry, head)
            for entry in self._store.in_state(TxState.PENDING):
                self._send_again(entry, head, problems)
            self._sign_queued(head, problems)
            return PumpReport(
                queued=len(self._store.in_state(TxState.QUEUED)),
                pending=len(self._store.in_state(TxState.PENDING)),
                mined=len(self._store.in_state(TxState.MINED)),
                problems=tuple(problems),
            )

    def wait(self, key: str, timeout_seconds: float = 120.0) -> TxEntry:
        """Pumps until the entry is final.

        Raises: L1Reverted, when it ended without effect; L1Error, when time is up.
        """
        deadline = time.monotonic() + timeout_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            self.pump()
            entry = self._known(key)
            if entry.state in (TxState.REVERTED, TxState.REFUSED):
                raise L1Reverted(f"{entry.state}: {entry.reason}", key=key)
            if entry.state in ENDED:
                return entry
            if time.monotonic() > deadline:
                raise L1Error(
                    "the transaction is not final yet",
                    key=key,
                    state=str(entry.state),
                    reason=entry.reason,
                )
            self._sleep(pause)
            pause = min(2 * pause, self.config.poll_seconds)

    def send(
        self,
        key: str,
        to: bytes | None,
        data: bytes,
        *,
        value_wei: int = 0,
        gas: int | None = None,
        timeout_seconds: float = 120.0,
    ) -> Receipt:
        """Enqueues and waits; the receipt of a transaction that had its effect.

        Raises: as `enqueue` and `wait`.
        """
        self.enqueue(key, to, data, value_wei=value_wei, gas=gas)
        entry = self.wait(key, timeout_seconds)
        receipt = self._client.receipt(entry.mined_hash or b"")
        if receipt is None:
            raise L1Error("the receipt of a final transaction is gone", key=key)
        return receipt

    # Moves

    def _look_for_receipt(self, entry: TxEntry, head: BlockRef) -> None:
        receipt = self._find_receipt(entry)
        if receipt is None and entry.nonce is not None and self._nonce_lost(entry.nonce, head):
            receipt = self._find_receipt(entry)  # it may have been mined between the questions
            if receipt is None:
                self._store.requeue(entry)
        if receipt is not None:
            self._set_mined(entry, receipt)

    def _find_receipt(self, entry: TxEntry) -> Receipt | None:
        receipts = (self._client.receipt(attempt.hash) for attempt in self._store.attempts(entry))
        return next((receipt for receipt in receipts if receipt is not None), None)

    def _nonce_lost(self, nonce: int, head: BlockRef) -> bool:
        """Whether another transaction took the nonce, so deep that ours can never be mined."""
        depth = head.number - self.config.confirmations + 1
        if depth < 0 or self._client.nonce(self.address) <= nonce:
            return False
        return self._client.nonce(self.address, depth) > nonce

    def _settle(self, entry: TxEntry, head: BlockRef) -> None:
        """A mined entry ends with its confirmations, follows its transaction, or waits again."""
        receipt = self._client.receipt(entry.mined_hash or b"")
        if receipt is None:
            self._store.set_unmined(entry)
            return
        if receipt.block_hash != entry.block_hash:
            self._set_mined(entry, receipt)
        if head.number - receipt.block_number + 1 < self.config.confirmations:
            return
        canonical = self._client.block(receipt.block_number)
        if canonical is None or canonical.hash != receipt.block_hash:
            return  # the endpoint is between two branches: ask again
        if receipt.succeeded:
            self._store.set_ended(entry, TxState.DONE, "")
        else:
            self._store.set_ended(entry, TxState.REVERTED, self._why_reverted(entry, receipt))

    def _send_again(self, entry: TxEntry, head: BlockRef, problems: list[str]) -> None:
        attempts = self._store.attempts(entry)
        newest = attempts[0]
        if self._clock() - newest.signed_at >= self.config.replace_after_seconds:
            dearer = self._price(head, newest)
            if dearer is None:
                problems.append(f"{entry.key}: the fee cap forbids a dearer version")
            else:
                newest = self._sign(entry, entry.nonce or 0, newest.gas, dearer)
                self._broadcast(entry, newest, problems)
                return
        if self._client.transaction_input(newest.hash) is None:
            self._broadcast(entry, newest, problems)

    def _sign_queued(self, head: BlockRef, problems: list[str]) -> None:
        queued = self._store.in_state(TxState.QUEUED)
        if not queued:
            return
        in_flight = len(self._store.in_state(TxState.PENDING))
        nonce = max(self._store.next_nonce(), self._client.nonce(self.address))
        for entry in queued:
            if in_flight >= self.config.max_pending:
                return
            try:
                gas = self._gas(entry)
            except L1Reverted as error:
                if in_flight:
                    return  # it may need one that is on its way
                self._store.set_ended(entry, TxState.REFUSED, error.message.removeprefix("reverted: "))
                continue
            except L1Unreachable:
                raise
            except L1Error as error:
                self._store.set_reason(entry, error.message)
                problems.append(f"{entry.key}: {error.message}")
                return
            fees = self._price(head, None)
            if fees is None:
                problems.append(f"{entry.key}: the base fee is above the fee cap")
                return
            self._broadcast(entry, self._sign(entry, nonce, gas, fees), problems)
            nonce += 1
            in_flight += 1

    def _broadcast(self, entry: TxEntry, attempt: Attempt, problems: list[str]) -> None:
        try:
            self._client.send_raw(attempt.raw)
        except L1Unreachable:
            raise
        except L1Error as error:
            text = error.message.lower()
            if "already known" in text or "nonce too low" in text or "already exists" in text:
                return  # it, or one of its versions, is on its way or mined: the next pump sees
            self._store.set_reason(entry, error.message)
            problems.append(f"{entry.key}: {error.message}")

    # Parts

    def _known(self, key: str) -> TxEntry:
        entry = self._store.get(key)
        if entry is None:
            raise BadInput("no such transaction in the queue", key=key)
        return entry

    def _set_mined(self, entry: TxEntry, receipt: Receipt) -> None:
        self._store.set_mined(
            entry,
            receipt.transaction_hash,
            receipt.block_number,
            receipt.block_hash,
            receipt.succeeded,
        )

    def _gas(self, entry: TxEntry) -> int:
        if entry.gas is not None:
            return entry.gas
        estimate = self._client.estimate_gas(entry.to, entry.data, sender=self.address, value_wei=entry.value_wei)
        return estimate * (100 + GAS_MARGIN_PERCENT) // 100

    def _price(self, head: BlockRef, older: Attempt | None) -> tuple[int, int] | None:
        """Maximum fee and tip: today's, and clearly more than the older version's; None above the cap.

        Rounding: up.
        """
        tip = self._client.tip_wei()
        max_fee = 2 * head.base_fee_wei + tip
        if older is not None:
            tip = max(tip, older.tip_wei * BUMP_PERMILLE // 1_000 + 1)
            max_fee = max(max_fee, older.max_fee_wei * BUMP_PERMILLE // 1_000 + 1, tip)
            return None if max_fee > self.config.fee_cap_wei else (max_fee, tip)
        max_fee = min(max_fee, self.config.fee_cap_wei)
        return None if max_fee < head.base_fee_wei else (max_fee, min(tip, max_fee))

    def _sign(self, entry: TxEntry, nonce: int, gas: int, fees: tuple[int, int]) -> Attempt:
        """Signs and stores; the caller may send what this returns."""
        max_fee, tip = fees
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": nonce,
            "data": entry.data,
            "value": entry.value_wei,
            "gas": gas,
            "maxFeePerGas": max_fee,
            "maxPriorityFeePerGas": tip,
        }
        if entry.to is not None:
            fields["to"] = entry.to
        signed = self._account.sign_transaction(fields)
        attempt = Attempt(
            hash=bytes(signed.hash),
            raw=bytes(signed.raw_transaction),
            max_fee_wei=max_fee,
            tip_wei=tip,
            signed_at=self._clock(),
            gas=gas,
        )
        self._store.add_attempt(entry, nonce, attempt)
        return attempt

    def _why_reverted(self, entry: TxEntry, receipt: Receipt) -> str:
        """The reason, found by repeating the call on the state before its block."""
        if entry.to is None:
            return "the deployment reverted"
        try:
            self._client.call(
                entry.to,
                entry.data,
                block=receipt.block_number - 1,
                sender=self.address,
                value_wei=entry.value_wei,
            )
        except L1Unreachable:
            raise
        except L1Error as error:
            return error.message.removeprefix("reverted: ")
        return "out of gas, or undone by a transaction of the same block"
