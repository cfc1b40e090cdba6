"""The transaction queue: what is enqueued is mined once, whatever crashes in between.

    QUEUED ── signed and stored, then sent ──▶ PENDING ── receipt ──▶ MINED ── confirmations ──▶ DONE
      ▲  └─ would revert ─▶ REFUSED             │ ▲ └ too old: a dearer version        │      └▶ REVERTED
      │        its nonce was used by another ◀──┘ ├────────── its block is gone ◀──────┘
      └── confirmations ── OVERTAKEN ── not so ───┘

A signed transaction is on disk before any node sees it, so a restart finds each one that may be mined. A nonce is given out
once and only here. Entries are signed by their deadlines, then in the order of their arrival; one that cannot be paid, is too
dear or would revert now holds up no other, and no version is signed that the key could not pay for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tallystick.errors import BadInput, L1Error, L1Reverted, L1Unreachable
from tallystick.l1.client.access import L1, gas_with_margin
from tallystick.l1.client.values import BlockRef, Receipt
from tallystick.l1.sending.fees import PPM, FeePolicy, Fees, Window, most_urgent, urgency_ppm
from tallystick.l1.sending.queuestore import ENDED, Attempt, QueueStore, TxEntry, TxState
from tallystick.l1.sending.signer import Signer
from tallystick.l1.sending.tracking import Follower
from tallystick.ports import Clock

FIRST_PAUSE_SECONDS = 0.01
EMPTY_GAS = 21_000
WITHDRAWABLE = (TxState.QUEUED, TxState.OVERTAKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderConfig:
    """How the queue pays and waits: for `confirmations` blocks, its own counted; `reserve_wei` is for what has a deadline."""

    confirmations: int = 1
    fees: FeePolicy = field(default_factory=FeePolicy)
    reserve_wei: int = 0
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
        client: L1,
        account: Signer,
        store: QueueStore,
        config: SenderConfig | None = None,
        clock: Clock,
    ) -> None:
        self.signer = account.address
        self.address = bytes.fromhex(self.signer[2:])
        self.config = config or SenderConfig()
        self._client = client
        self._account = account
        self._store = store
        self._clock = clock
        self._follower = Follower(client, store, self.address, self.config.confirmations)
        self._doubted: dict[int, int] = {}
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
        window: Window | None = None,
    ) -> TxEntry:
        """Stores a transaction to be sent; the same key gives the same entry, however it has fared.

        Without `gas` it is estimated when its turn comes, and refused if it would revert then. What it pays grows
        with the part of its window that is gone.

        Raises: BadInput, when the key stands for another transaction.
        """
        with self._store.alone:
            return self._store.add(key, to, data, value_wei, gas, window)

    def get(self, key: str) -> TxEntry | None:
        """Return the entry of a key, None where there is none."""
        with self._store.alone:
            return self._store.get(key)

    def get_all(self, keys: Iterable[str]) -> dict[str, TxEntry | None]:
        """Return the entries of keys, all as of one moment: no other thread's pump moves some of them in between."""
        with self._store.alone:
            return {key: self._store.get(key) for key in keys}

    def retry(self, key: str) -> TxEntry:
        """Queues an entry that ended without effect once more; one that is under way or mined again stays as it is.

        Whoever asks has looked before, and another thread's pump may have found since that a reorganisation undid the end.

        Raises: BadInput, when there is no such entry.
        """
        with self._store.alone:
            entry = self._known(key)
            if entry.state in (TxState.REVERTED, TxState.REFUSED):
                self._store.requeue(entry)
            return self._known(key)

    def idle(self, prefix: str) -> list[TxEntry]:
        """The entries whose keys have a beginning and that can be withdrawn."""
        with self._store.alone:
            return [each for each in self._store.in_state(*WITHDRAWABLE) if each.key.startswith(prefix)]

    def withdraw(self, key: str) -> bool:
        """Takes back an entry that is not signed yet, or was overtaken; whether it was one. It can be retried."""
        with self._store.alone:
            entry = self._store.get(key)
            if entry is None or entry.state not in WITHDRAWABLE:
                return False
            signed = entry.state is TxState.OVERTAKEN
            self._store.set_ended(entry, TxState.REVERTED if signed else TxState.REFUSED, "withdrawn")
            return True

    def free_wei(self) -> int:
        """The balance less the most that everything signed may still cost.

        Raises: L1Error.
        """
        with self._store.alone:
            return self._free_wei()

    def under_way(self, prefix: str) -> list[str]:
        """The keys with a beginning whose transactions are not mined."""
        with self._store.alone:
            return self._store.under_way(prefix)

    def give_up(self, key: str) -> None:
        """Sees to it that a transaction is not mined if that can still be helped; its key may be used for another.

        What was signed gives its nonce to an empty transaction, which costs less than one that reverts.
        """
        with self._store.alone:
            entry = self._known(key)
            if entry.nonce is None:
                self._store.drop(entry)
            else:
                self._store.empty(entry, self.address, EMPTY_GAS)

    def cannot_pay(self, gas: int) -> str:
        """Why a transaction without value could not be sent even by its deadline, "" when it could."""
        head = self._client.head()
        fees = self.config.fees.price(head.base_fee_wei, self._client.tip_wei(), PPM, None)
        if fees is None:
            return "the base fee is above every fee cap"
        return "" if self._free_wei() >= gas * fees.max_fee_wei else "the key cannot pay for it"

    def pump(self) -> PumpReport:
        """Moves every entry as far as it goes now.

        Raises: L1Unreachable; all that was done until then is stored.
        """
        with self._store.alone:
            head = self._client.head()
            nonce = self._client.nonce(self.address)
            problems: list[str] = []
            for entry in self._store.ended_from(nonce):
                self._store.set_unmined(entry)  # a reorganisation deeper than its confirmations gave the nonce back
            for entry in self._store.in_state(TxState.PENDING, TxState.OVERTAKEN):
                self._follower.look_for_receipt(entry, nonce, head)
            known: dict[int, bytes | None] = {}
            for entry in self._store.in_state(TxState.MINED):
                if not self._follower.stands(entry, head, known):
                    self._follower.settle(entry, head)
            self._send_pending(nonce, head, problems)
            self._sign_queued(nonce, head, problems)
            return PumpReport(
                queued=len(self._store.in_state(TxState.QUEUED)),
                pending=len(self._store.in_state(TxState.PENDING, TxState.OVERTAKEN)),
                mined=len(self._store.in_state(TxState.MINED)),
                problems=tuple(problems),
            )

    def wait(self, key: str, timeout_seconds: float = 120.0) -> TxEntry:
        """Pumps until the entry is final.

        Raises: L1Reverted, when it ended without effect; L1Error, when time is up.
        """
        deadline = self._clock.monotonic() + timeout_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            self.pump()
            entry = self._known(key)
            if entry.state in (TxState.REVERTED, TxState.REFUSED):
                raise L1Reverted(f"{entry.state}: {entry.reason}", key=key)
            if entry.state in ENDED:
                return entry
            if self._clock.monotonic() > deadline:
                facts = {"key": key, "state": str(entry.state), "reason": entry.reason}
                raise L1Error("the transaction is not final yet", **facts)
            self._clock.sleep(pause)
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

    def _send_pending(self, used: int, head: BlockRef, problems: list[str]) -> None:
        """Sees to it that every signed entry is on its way, and those before an urgent one as urgently."""
        pending = self._store.in_state(TxState.PENDING)
        for at, entry in enumerate(pending):
            window = most_urgent([later.window for later in pending[at:]], head.number)
            self._send_again(entry, window, head, problems)
        if pending and self._is_old(self._store.attempts(pending[0])[-1], None, head):
            self._fill_gap(used, pending[0], head, problems)

    def _is_old(self, attempt: Attempt, window: Window | None, head: BlockRef) -> bool:
        age = self._clock.now() - attempt.signed_at
        # a clock that was set back would make it young for ever
        return age < 0 or age >= self.config.fees.patience_seconds(window, head.number)

    def _send_again(self, entry: TxEntry, window: Window | None, head: BlockRef, problems: list[str]) -> None:
        newest = self._store.attempts(entry)[0]
        gas = newest.gas if entry.gas is None else entry.gas
        if self._is_old(newest, window, head) or gas != newest.gas:
            dearer = self._price(head, window, newest.fees)
            if dearer is None:
                problems.append(f"{entry.key}: the fee cap forbids a dearer version")
            else:
                # no node takes what the key cannot pay for: such a version would be all that is left of the nonce
                paid = dearer.within((newest.gas * newest.fees.max_fee_wei + self._free_wei()) // gas, newest.fees)
                if paid is not None:
                    self._broadcast(entry, self._sign(entry, entry.nonce or 0, gas, paid), problems)
                    return
                problems.append(f"{entry.key}: the key cannot pay for a dearer version")
        if self._client.transaction_input(newest.hash) is None:
            self._broadcast(entry, newest, problems)

    def _fill_gap(self, used: int, first: TxEntry, head: BlockRef, problems: list[str]) -> None:
        """Uses up nonces that nothing of ours has: a stranger's transaction had them, on a branch that is gone."""
        for nonce in range(used, first.nonce or 0):
            if self._store.of_nonce(nonce) is not None:
                continue
            fees = self._price(head, first.window, None)
            if fees is not None:
                entry = self._store.add(f"nothing/{nonce}/{head.number}", self.address, b"", 0, EMPTY_GAS)
                self._broadcast(entry, self._sign(entry, nonce, EMPTY_GAS, fees), problems)

    def _sign_queued(self, used: int, head: BlockRef, problems: list[str]) -> None:
        """Signs what waits, that which has a deadline first; what cannot be sent now holds up nothing behind it."""
        queued = sorted(self._store.in_state(TxState.QUEUED), key=_by_deadline)
        if not queued:
            return
        in_flight = len(self._store.in_state(TxState.PENDING))
        free_wei = self._free_wei()
        nonce = max(self._store.next_nonce(), used)
        for entry in queued:
            if in_flight >= self.config.max_pending:
                return
            fees = self._price(head, entry.window, None)
            if fees is None:
                problems.append(f"{entry.key}: the base fee is above the fee cap")
                continue
            if entry.value_wei > free_wei:
                problems.append(f"{entry.key}: waits, the key cannot pay for it")
                continue
            gas = self._estimate(entry, used, nonce, in_flight, problems)
            if gas is None:
                continue
            cost_wei = entry.value_wei + gas * fees.max_fee_wei
            if entry.window is None and entry.value_wei and free_wei - self.config.reserve_wei < cost_wei:
                problems.append(f"{entry.key}: waits, what is left is reserved for what has a deadline")
                continue
            if cost_wei > free_wei:
                problems.append(f"{entry.key}: waits, the key cannot pay for it")
                continue
            free_wei -= cost_wei
            self._broadcast(entry, self._sign(entry, nonce, gas, fees), problems)
            nonce += 1
            in_flight += 1

    def _estimate(self, entry: TxEntry, used: int, nonce: int, in_flight: int, problems: list[str]) -> int | None:
        """The gas an entry takes; None while it is not to be signed.

        It may need one that is on its way: it is refused when it still reverts once all of those are mined.
        """
        try:
            return self._gas(entry)
        except L1Reverted as error:
            needed = self._doubted.setdefault(entry.id, nonce)
            if not in_flight or used >= needed:
                self._doubted.pop(entry.id, None)
                self._store.set_ended(entry, TxState.REFUSED, error.message.removeprefix("reverted: "))
        except L1Unreachable:
            raise
        except L1Error as error:
            self._store.set_reason(entry, error.message)
            problems.append(f"{entry.key}: {error.message}")
        return None

    def _free_wei(self) -> int:
        """The balance less the most that what is under way may cost."""
        newest = [(entry, self._store.attempts(entry)[0]) for entry in self._store.in_state(TxState.PENDING)]
        under_way = sum(entry.value_wei + attempt.gas * attempt.fees.max_fee_wei for entry, attempt in newest)
        return self._client.balance_wei(self.address) - under_way

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

    def _gas(self, entry: TxEntry) -> int:
        if entry.gas is not None:
            return entry.gas
        estimate = self._client.estimate_gas(entry.to, entry.data, sender=self.address, value_wei=entry.value_wei)
        return gas_with_margin(estimate)

    def _price(self, head: BlockRef, window: Window | None, older: Fees | None) -> Fees | None:
        urgency = urgency_ppm(window, head.number)
        return self.config.fees.price(head.base_fee_wei, self._client.tip_wei(), urgency, older)

    def _sign(self, entry: TxEntry, nonce: int, gas: int, fees: Fees) -> Attempt:
        """Signs and stores; the caller may send what this returns."""
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": nonce,
            "data": entry.data,
            "value": entry.value_wei,
            "gas": gas,
            "maxFeePerGas": fees.max_fee_wei,
            "maxPriorityFeePerGas": fees.tip_wei,
        }
        if entry.to is not None:
            fields["to"] = entry.to
        signed = self._account.sign_transaction(fields)
        attempt = Attempt(
            hash=bytes(signed.hash),
            raw=bytes(signed.raw_transaction),
            fees=fees,
            signed_at=self._clock.now(),
            gas=gas,
        )
        self._store.add_attempt(entry, nonce, attempt)
        return attempt


def _by_deadline(entry: TxEntry) -> tuple[bool, int, int]:
    """Where an entry stands among those that are not signed: what has a deadline first, the nearest of all."""
    return entry.window is None, entry.window.deadline_block if entry.window else 0, entry.id
