"""Holding an operator to its receipts on L1: what became of each promise, and the calls that a broken one allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from tallystick.errors import DataMissing
from tallystick.l1.client.access import L1
from tallystick.l1.client.events import EventReader
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.once import queue_for_once
from tallystick.ports import Clock
from tallystick.records.group_receipts import ANSWER_SECONDS, CORRECT_SECONDS, GroupReceipt, signer_of
from tallystick.records.signing import domain_separator
from tallystick.rollup.promised_chain import (
    PromisedChain,
    Standing,
    Verdict,
    chunk_argument,
    conflicts,
    judge_receipt,
    receipt_argument,
)
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.hashing import keccak
from tallystick.state.layout import Registers
from tallystick.state.ordinals import BatchNumber

CONTRACTS: Final = ("Inbox", "Rollup")
REVEAL_BLOCKS: Final = 2
REVEAL_SECONDS: Final = 86_400
BROKEN: Final = frozenset({Standing.CONFLICTING, Standing.CONTRADICTED, Standing.MISSING})


class ClaimStatus(IntEnum):
    """As in IReceipts."""

    NONE = 0
    OPEN = 1
    ANSWERED = 2
    CLOSED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call that was made, or the reason why none was."""

    receipt: GroupReceipt
    did: str
    tx: bytes | None = None


class Witness:
    """What L1 has of an operator's promises, read once."""

    def __init__(self, client: L1, deployment: Deployment) -> None:
        self.client = client
        self.deployment = deployment
        self.inbox = InboxView()
        self.chain = PromisedChain()
        self.contract = client.contract("Receipts", deployment.addresses.receipts)
        self._states: dict[bytes, tuple[bytes, bytes]] = {}
        self._confirmed: list[bytes] = []
        reader = EventReader(client, deployment, contracts=CONTRACTS)
        while True:
            batch = reader.poll()
            if batch.rolled_back_to is not None:
                raise DataMissing("L1 has just gone another way", hint="run it again in a moment")
            for event in batch:
                self.inbox.apply(event)
                if event.name == "AssertionPosted":
                    self._states[event.args["id"]] = (event.args["stateRoot"], event.args["registers"])
                elif event.name == "AssertionConfirmed":
                    self._confirmed.append(event.args["id"])
            if batch.complete:
                break
        for index in range(self.inbox.batch_count):
            self.chain.read(self.inbox, BatchNumber(index))
        self.now = client.head().timestamp

    def judge(self, receipts: Sequence[GroupReceipt]) -> list[Verdict]:
        """Return how each receipt stands."""
        clashing = {each.receipt: each for each in conflicts(self.chain, receipts)}
        operator = self.deployment.config.sequencer
        return [
            clashing.get(each) or judge_receipt(self.chain, each, operator=operator, now=self.now) for each in receipts
        ]

    def is_bonded(self, receipt: GroupReceipt) -> bool:
        """Whether a bond answers for a receipt: one is there, and L1 knows the key that signed."""
        domain = domain_separator(self.deployment.chain_id, self.deployment.addresses.rollup.hex())
        signer = signer_of(receipt, domain)
        if signer is None or int(self.contract.call("bondWei")) == 0:
            return False
        facts = self.contract.call("keyTime", signer)
        return int(facts["from"]) > 0

    def claim_of(self, receipt: GroupReceipt) -> dict[str, Any]:
        """Return what L1 knows of a claim about a receipt."""
        found: dict[str, Any] = self.contract.call("claim", receipt.place)
        return found

    def newest_state(self) -> dict[str, Any] | None:
        """Return the newest confirmed state as `judge` takes it, None while nothing is confirmed."""
        for identity in reversed(self._confirmed):
            if identity in self._states:
                root, registers = self._states[identity]
                return {"assertion": identity, "stateRoot": root, "registers": registers}
        return None

    def evidence(self, verdict: Verdict) -> tuple[str, tuple[Any, ...]]:
        """Return the call that a verdict proves, to be committed to first."""
        receipt = receipt_argument(verdict.receipt)
        if verdict.other is not None:
            return "conflict", (receipt, receipt_argument(verdict.other), verdict.prefix)
        if verdict.chunk is None:
            raise DataMissing("nothing proves this", record=verdict.receipt.number)
        chunk = chunk_argument(self.inbox, verdict.chunk.batch, verdict.chunk.index)
        return "contradicted", (receipt, list(verdict.own), chunk)


class Slasher:
    """One key's calls to `Receipts`."""

    def __init__(self, witness: Witness, account: LocalAccount, clock: Clock) -> None:
        self._witness = witness
        self._account = account
        self._clock = clock
        self._contract = witness.contract

    def act(self, verdict: Verdict, wait_seconds: float) -> Made:
        """Do what may be done about a broken promise now. Raises: L1Error."""
        if int(self._contract.call("bondWei")) == 0:
            return Made(receipt=verdict.receipt, did="there is no bond any more")
        if verdict.standing in (Standing.CONFLICTING, Standing.CONTRADICTED):
            return self._reveal(verdict, wait_seconds)
        return self._claim(verdict.receipt)

    def _reveal(self, verdict: Verdict, wait_seconds: float) -> Made:
        function, arguments = self._witness.evidence(verdict)
        data = self._contract.encode(function, *arguments)
        owner = bytes.fromhex(self._account.address[2:])
        identity = keccak(owner.rjust(32, b"\0") + keccak(data))
        client = self._witness.client
        if not self._is_committed(identity):
            self._send("commit", identity)
        deadline = self._clock.monotonic() + wait_seconds
        while (
            client.head().number + 1 < int(self._contract.call("commitment", identity)["blockNumber"]) + REVEAL_BLOCKS
        ):
            if self._clock.monotonic() >= deadline:
                return Made(receipt=verdict.receipt, did="committed; run this again in two blocks to reveal it")
            self._clock.sleep(1.0)
        return Made(receipt=verdict.receipt, did=f"slashed: {function}", tx=self._send(function, *arguments))

    def _is_committed(self, identity: bytes) -> bool:
        facts = self._contract.call("commitment", identity)
        return int(facts["order"]) > 0 and self._witness.client.head().timestamp <= int(facts["time"]) + REVEAL_SECONDS

    def _claim(self, receipt: GroupReceipt) -> Made:
        facts = self._witness.claim_of(receipt)
        status = ClaimStatus(facts["status"])
        if status is ClaimStatus.NONE:
            value = int(self._contract.call("claimDepositWei"))
            tx = self._send("claimMissing", receipt_argument(receipt), value_wei=value)
            return Made(receipt=receipt, did="claimed as missing; run this again in six hours", tx=tx)
        if status is ClaimStatus.OPEN:
            if self._witness.now < facts["openedAt"] + ANSWER_SECONDS:
                return Made(receipt=receipt, did="claimed; the operator may still answer")
            return Made(receipt=receipt, did="slashed: nobody has shown it", tx=self._send("foreclose", receipt.place))
        if status is ClaimStatus.ANSWERED:
            return self._refute(receipt, facts)
        return Made(receipt=receipt, did="the claim is over")

    def _refute(self, receipt: GroupReceipt, facts: dict[str, Any]) -> Made:
        """Hold an answer against what is confirmed: the chain ends before it, or is another there."""
        state, chain, count = self._witness.newest_state(), self._witness.chain, facts["count"]
        if state is None:
            return Made(receipt=receipt, did="answered falsely; nothing is confirmed yet that says so")
        cursor, confirmed = _batches_and_promised(state["registers"])
        if confirmed < count and cursor <= facts["batch"]:
            return Made(receipt=receipt, did="answered falsely; nothing is confirmed yet that says so")
        if self._witness.now < facts["answeredAt"] + CORRECT_SECONDS:
            return Made(receipt=receipt, did="answered falsely; the operator may still correct that")
        tx = self._send("judge", receipt.place, state)
        if confirmed >= count:
            if confirmed > count:
                self._send("trace", confirmed, chain.accumulators[count], chain.hashes[count:confirmed])
            tx = self._send("refute", receipt.place)
        return Made(receipt=receipt, did="slashed: the answer is false", tx=tx)

    def _send(self, function: str, *arguments: Any, value_wei: int = 0) -> bytes:
        data = self._contract.encode(function, *arguments)
        with queue_for_once(self._witness.client, self._account, self._clock) as queue:
            return queue.send(function, self._contract.address, data, value_wei=value_wei).transaction_hash


def _batches_and_promised(registers: bytes) -> tuple[int, int]:
    """Return the batches that a state has read, and its promised records."""
    found = Registers()
    found.load(registers)
    return int(found.batch_cursor), int(found.promised_count)
