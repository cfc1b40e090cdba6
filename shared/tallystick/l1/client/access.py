"""What everybody asks of L1, whoever answers: one endpoint that is believed, or a quorum of several that is not.

`L1Client` is the first and `QuorumClient` the second. Raises, all of these: L1Unreachable when no answer came (or too
few), L1Reverted when a contract refused, L1Error for any other refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tallystick.l1.abi import ContractAbi, Named
from tallystick.l1.client.values import BlockRef, BlockTag, RawLog, Receipt
from tallystick.state.ordinals import BlockNumber

TRANSACTION_GAS_CAP: Final = 1 << 24
"""EIP-7825: no node takes a transaction with more, whatever an endpoint estimates."""
GAS_MARGIN_PERCENT: Final = 20
"""On top of an estimate: what is there may change before the transaction's turn comes."""


def gas_with_margin(estimate: int) -> int:
    """Return the gas to sign a transaction with: some more than was estimated, and no more than a node takes."""
    return min(estimate * (100 + GAS_MARGIN_PERCENT) // 100, TRANSACTION_GAS_CAP)


class Claim(Protocol):
    """One endpoint's word for the logs of the past."""

    name: str

    def logs(self, addresses: Sequence[bytes], first_block: BlockNumber, last_block: BlockNumber) -> list[RawLog]:
        """What it says the contracts logged in a range of blocks, in chain order.

        Raises: L1Error, when it does not say.
        """
        ...

    def refute(self, what: str) -> None:
        """Note that what it said is false; the next claim is another endpoint's."""
        ...


class L1(Protocol):
    """An L1 to read and to send to."""

    endpoint: str
    """Where it is, for people; without access keys."""

    # Blocks

    def chain_id(self) -> int:
        """Which chain it is."""
        ...

    def head(self, tag: str = "latest") -> BlockRef:
        """The newest block, or the newest "safe" or "finalized" one."""
        ...

    def block(self, tag: BlockTag) -> BlockRef | None:
        """A block; None where there is none."""
        ...

    def raw_block(self, number: int) -> tuple[Any, list[Any]] | None:
        """A block's header and its receipts as nodes give them; None where they are not to be had."""
        ...

    def logs(
        self,
        addresses: bytes | Sequence[bytes],
        first_block: BlockNumber,
        last_block: BlockNumber,
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> list[RawLog]:
        """The logs of the contracts in a range of blocks, both ends included, in chain order."""
        ...

    def claim(self) -> Claim | None:
        """Whoever tells the past unproven, to be checked by what the contracts commit to; None where nobody is doubted,
        or nobody tells it.
        """
        ...

    # Accounts and calls

    def balance_wei(self, address: bytes, block: BlockTag = "latest") -> int:
        """What an account holds."""
        ...

    def nonce(self, address: bytes, block: BlockTag = "latest") -> int:
        """How many transactions an account has sent."""
        ...

    def code(self, address: bytes, block: BlockTag = "latest") -> bytes:
        """The runtime code at an address."""
        ...

    def code_hash(self, address: bytes) -> bytes:
        """Keccak of the runtime code, of nothing where there is none."""
        ...

    def call(
        self,
        to: bytes,
        data: bytes,
        *,
        block: BlockTag = "latest",
        sender: bytes | None = None,
        value_wei: int = 0,
        gas: int | None = None,
    ) -> bytes:
        """What the contract returns to a call without a transaction."""
        ...

    def call_many(self, calls: Sequence[tuple[bytes, bytes]], *, block: BlockTag = "latest") -> list[bytes]:
        """What contracts return to many calls, each an address and its data, at one block."""
        ...

    def estimate_gas(self, to: bytes | None, data: bytes, *, sender: bytes, value_wei: int = 0) -> int:
        """Gas with which the transaction would succeed now."""
        ...

    def contract(self, name: str, address: bytes) -> "Contract":
        """A compiled contract at an address."""
        ...

    # Transactions

    def tip_wei(self) -> int:
        """A priority fee that is taken now."""
        ...

    def send_raw(self, raw: bytes) -> bytes:
        """Hands a signed transaction over; its hash."""
        ...

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt of a mined transaction."""
        ...

    def transaction_input(self, transaction_hash: bytes) -> bytes | None:
        """The calldata of a transaction, mined or waiting; None where it is not known."""
        ...

    def pause(self) -> None:
        """Waits a moment before the same is asked again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A decoded log."""

    name: str
    args: dict[str, Any]
    log: RawLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A contract's ABI at an address, seen through a client."""

    client: L1
    abi: ContractAbi
    address: bytes

    def call(self, function: str, *args: Any, block: BlockTag = "latest", sender: bytes | None = None) -> Any:
        """What the function returns, decoded."""
        data = self.abi.encode_call(function, *args)
        result = self.client.call(self.address, data, block=block, sender=sender)
        return self.abi.decode_result(function, len(args), result)

    def encode(self, function: str, *args: Any) -> bytes:
        """Calldata for a transaction."""
        return self.abi.encode_call(function, *args)

    def decode(self, log: RawLog) -> Event | None:
        """The event a log is, or None when it is not this contract's."""
        if log.address != self.address:
            return None
        named: Named | None = self.abi.decode_event(log.topics, log.data)
        return None if named is None else Event(name=named.name, args=dict(named.args), log=log)

    def events(self, first_block: BlockNumber, last_block: BlockNumber, *names: str) -> list[Event]:
        """The contract's events in a range of blocks, of the given names or all."""
        topics = [[self.abi.topic(name) for name in names]] if names else []
        logs = self.client.logs(self.address, first_block, last_block, topics)
        return [event for event in map(self.decode, logs) if event is not None]
