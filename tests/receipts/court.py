"""An Inbox and a Receipts on an EVM in this process, with an operator, strangers, and states that count as confirmed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import coincurve
import pytest
from eth_abi.abi import encode

from tallystick import artifacts
from tallystick.errors import BadInput
from tallystick.l1.abi import ContractAbi, contract_abi
from tallystick.records.chunks import BatchHeader, Chunker, accumulate, chunks_hash, padded
from tallystick.records.codec import encode as encoded
from tallystick.records.group_receipts import GroupReceipt, group_digest, root_of
from tallystick.records.signing import domain_separator, make
from tallystick.rollup.promised_chain import PromisedChain, chunk_argument, receipt_argument
from tallystick.state.hashing import keccak
from tallystick.state.layout import Registers
from tallystick.state.ordinals import BatchNumber, UnixSeconds
from tallystick.state.state import state_hash
from tallystick.testing.generations.evm_chain import fastest_chain
from tallystick.testing.group_signing import sign_group
from tallystick.testing.published import Published
from tallystick.testing.world import key

STUBS: Final = json.loads((Path(__file__).parents[1] / "l1" / "Stubs.json").read_text(encoding="utf-8"))
OPERATOR: Final = b"\xaa" * 20
STRANGER: Final = b"\xbb" * 20
TRADER: Final = b"\xcc" * 20
RIVAL: Final = b"\xdd" * 20
WHO: Final = (OPERATOR, STRANGER, TRADER, RIVAL)
SINK: Final = bytes(18) + b"\xde\xad"
START: Final = 1_800_000_000
HOUR: Final = 3_600
DAY: Final = 24 * HOUR
TAKEOVER: Final = DAY
BOND: Final = 32 * 10**18
DEPOSIT: Final = 5 * 10**16
TERMS: Final = (900, TAKEOVER, 300, 12, 8_000_000, 16_000_000, 0)
INBOX_WORDS: Final = ["address", "address", "(uint64,uint64,uint64,uint64,uint64,uint64,uint64)"]
DOMAIN_CHAIN: Final = 1
BROKEN_CODE = b""
"""What is deployed in the place of Receipts, if anything is."""
RECEIPT_KEY: Final = coincurve.PrivateKey(key("receipts"))


def signer_of_key(secret: coincurve.PrivateKey) -> bytes:
    """Return a key's address."""
    return keccak(secret.public_key.format(compressed=False)[1:])[12:]


def record(number: int) -> bytes:
    """Return the bytes of a record that an account signs, one a number."""
    return encoded(replace(make("cancel", account=1, nonce=number, client_id=number), signature=b"\x01" * 64))


def clock(time: int) -> bytes:
    """Return the bytes of a record that is outside the promised chain."""
    return encoded(make("clock", clock_ms=time * 1000))


def hashed(data: bytes) -> bytes:
    """Return a record's hash."""
    return keccak(padded(data))


class Court:
    """The contracts, and everything that was posted. Units: `second` is L1's clock; each call is in a block of its own."""

    def __init__(self, terms: tuple[int, ...] = TERMS) -> None:
        self.second = START
        self.block = 100
        self.chain = fastest_chain()(WHO)
        self.chain.set_second(self.second)
        self._abis = {name: contract_abi(name) for name in ("Inbox", "Receipts")}
        self._abis["States"] = ContractAbi("States", STUBS["ConfirmedStates"]["abi"])
        self.at: dict[str, bytes] = {}
        self.at["Inbox"] = self.chain.deploy(
            artifacts.load("Inbox").bytecode + encode(INBOX_WORDS, [OPERATOR, RIVAL, terms])
        )
        self.at["States"] = self.chain.deploy(
            bytes.fromhex(STUBS["ConfirmedStates"]["bytecode"]) + encode(["address"], [self.at["Inbox"]])
        )
        self.at["Receipts"] = self.chain.deploy(
            (BROKEN_CODE or artifacts.load("Receipts").bytecode)
            + encode(["address"] * 2, [self.at["Inbox"], self.at["States"]])
        )
        self.domain = domain_separator(DOMAIN_CHAIN, self.at["States"].hex())
        self.terms = terms
        self.log: list[tuple[int, int, bytes, str, tuple[Any, ...], int, str]] = []
        self.published = Published()
        self.promised = PromisedChain()
        self.state = Registers()
        self.confirmed = 0
        self.claimed: set[bytes] = set()

    # Calls

    def call(self, who: bytes, function: str, *arguments: Any, value: int = 0, contract: str = "Receipts") -> None:
        """Call a contract in the next block. Raises: BadInput when it reverts."""
        self.block += 1
        self.chain.set_second(self.second)
        data = self._abis[contract].encode_call(function, *arguments)
        self.chain.transact(who, self.at[contract], data, value, self.block)
        self.log.append((self.second, self.block, who, function, arguments, value, contract))
        if function == "postBatch":
            self._note(who, *arguments)

    def refuses(self, why: str, who: bytes, function: str, *arguments: Any, value: int = 0) -> None:
        """Check that a call reverts with an error of a name."""
        entry = next(each for each in self._abis["Receipts"].errors.values() if each.name == why)
        with pytest.raises(BadInput) as caught:
            self.call(who, function, *arguments, value=value)
        assert entry.digest[:4].hex() in str(caught.value).replace("\\x", ""), f"{caught.value} is not {why}"

    def ask(self, function: str, *arguments: Any, contract: str = "Receipts") -> Any:
        """Ask a contract."""
        abi = self._abis[contract]
        data = self.chain.read(self.at[contract], abi.encode_call(function, *arguments))
        return abi.decode_result(function, len(arguments), data)

    def reveal(self, who: bytes, function: str, *arguments: Any, wait: int = 2) -> None:
        """Commit to a call, and make it."""
        self.commit(who, function, *arguments)
        self.block += wait - 1
        self.call(who, function, *arguments)

    def commit(self, who: bytes, function: str, *arguments: Any) -> None:
        """Commit to a call."""
        data = self._abis["Receipts"].encode_call(function, *arguments)
        self.call(who, "commit", keccak(who.rjust(32, b"\0") + keccak(data)))

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.second += seconds
        self.block += max(1, seconds // 12)
        self.chain.set_second(self.second)

    # Batches

    def chunker(self) -> Chunker:
        """Return what cuts the next batch, behind all that count so far."""
        return Chunker(self.state)

    def post(self, records: Sequence[bytes], poster: bytes = OPERATOR) -> int:
        """Post a batch of records behind all that count, and return its number."""
        chunker = self.chunker()
        for data in records or [clock(self.second)]:
            chunker.add(data)
        return self.post_chunks(chunker.finish(), poster)

    def post_chunks(self, chunks: list[bytes], poster: bytes = OPERATOR) -> int:
        """Post a batch of chunks, whatever they say, and return its number."""
        index, now = len(self.published.headers), self.second
        self.call(poster, "postBatch", index, now, now, 0, chunks, contract="Inbox")
        return index

    def _note(self, poster: bytes, index: int, time: int, until: int, limit: int, chunks: list[bytes]) -> None:
        header = BatchHeader(
            time=UnixSeconds(time),
            until=UnixSeconds(until),
            message_limit=limit,
            poster=poster,
            chunk_count=len(chunks),
            chunks_hash=chunks_hash(chunks),
        )
        self.published.headers.append(header)
        self.published.chunks.append(chunks)
        self.promised.read(self.published, BatchNumber(index))
        promised = self.promised
        self.state.record_count, self.state.record_accumulator = promised.records
        self.state.promised_count, self.state.promised_accumulator = promised.count, promised.accumulators[-1]
        self.state.batch_cursor = BatchNumber(index + 1)

    def rewound(self, kept: int) -> Court:
        """Return an L1 on which so many calls were made, and none of those behind them: it is as late as this one."""
        made = Court(self.terms)
        for second, block, who, function, arguments, value, contract in self.log[:kept]:
            made.second, made.block = second, block - 1
            made.call(who, function, *arguments, value=value, contract=contract)
        made.second, made.block, made.confirmed = self.second, self.block, self.confirmed
        made.claimed = set(self.claimed)
        return made

    def confirm(self) -> dict[str, Any]:
        """Have the state behind all batches confirmed, and return it as the contract takes it."""
        self.confirmed += 1
        root, registers = bytes(32), self.state.pack()
        identity = self.confirmed.to_bytes(32, "big")
        self.call(STRANGER, "confirm", identity, state_hash(root, registers), contract="States")
        return {"assertion": identity, "stateRoot": root, "registers": registers}

    def chunk(self, batch: int, index: int = 0) -> Any:
        """Return a posted chunk as the contract takes it."""
        return chunk_argument(self.published, BatchNumber(batch), index)

    # Receipts

    def promise(
        self,
        records: Sequence[bytes],
        *,
        first: int | None = None,
        before: bytes | None = None,
        epoch: int = 0,
        ahead: int = HOUR,
        secret: coincurve.PrivateKey = RECEIPT_KEY,
    ) -> list[GroupReceipt]:
        """Sign receipts for records, behind all that count if nothing else is said."""
        return sign_group(
            secret,
            self.domain,
            epoch=epoch,
            post_by=self.second + ahead,
            first=self.promised.count if first is None else first,
            before=self.promised.accumulators[-1] if before is None else before,
            record_hashes=[hashed(data) for data in records],
        )

    def alone(self, receipt: GroupReceipt) -> GroupReceipt:
        """Sign a receipt as it stands, in a group of its own, whatever it says."""
        digest = group_digest(self.domain, receipt, root_of(receipt))
        signed = RECEIPT_KEY.sign_recoverable(digest, hasher=None)
        packed = int.from_bytes(signed[32:64], "big") | signed[64] << 255
        return replace(receipt, signature=signed[:32] + packed.to_bytes(32, "big"))

    # Money

    def balance(self, who: bytes) -> int:
        """Return what an address has. Units: wei."""
        return int(self.ask("balanceOf", who, contract="States"))

    def check_money(self) -> None:
        """Check that the contract has what it owes, to the wei."""
        owed = int(self.ask("bondWei")) + int(self.ask("rewardWei"))
        owed += sum(int(self.ask("credit", who)) for who in (*WHO, SINK))
        owed += sum(each["depositWei"] for each in self.claims() if each["status"] == 1)
        assert self.balance(self.at["Receipts"]) == owed

    def claims(self) -> list[Any]:
        """Return every claim that was made here."""
        return [self.ask("claim", each) for each in self.claimed]

    def claim(self, who: bytes, receipt: GroupReceipt, value: int | None = None) -> bytes:
        """Claim that a record is missing."""
        due = int(self.ask("claimDepositWei")) if value is None else value
        self.call(who, "claimMissing", receipt_argument(receipt), value=due)
        self.claimed.add(receipt.place)
        return receipt.place

    def show(
        self, who: bytes, receipts: Sequence[GroupReceipt], batch: int, index: int = 0, upto: int | None = None
    ) -> None:
        """Answer claims by a chunk that has the last of them, or that begins at `upto`."""
        first, last = receipts[0].number, receipts[-1].number + 1 if upto is None else upto
        arguments = (
            [each.place for each in receipts],
            self.promised.accumulators[first],
            self.promised.hashes[first:last],
            self.chunk(batch, index),
        )
        self.call(who, "showPosted", *arguments)


def bonded(terms: tuple[int, ...] = TERMS) -> Court:
    """Return contracts with a bond and a key."""
    court = Court(terms)
    court.call(OPERATOR, "deposit", value=BOND)
    court.call(OPERATOR, "setKey", signer_of_key(RECEIPT_KEY))
    return court


def chain_of(before: bytes, records: Sequence[bytes]) -> bytes:
    """Return the promised chain behind records."""
    for data in records:
        before = accumulate(before, hashed(data))
    return before
