"""What L1 tells: blocks, logs and receipts as plain values."""

from dataclasses import dataclass

from tallystick.state.ordinals import BlockNumber, UnixSeconds

BlockTag = int | bytes | str
"""A number, a hash, or a name such as "latest" and "finalized"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRef:
    """A block's place in the chain. Units: `timestamp` in seconds, `base_fee_wei` in wei a gas."""

    number: BlockNumber
    hash: bytes
    parent_hash: bytes
    timestamp: UnixSeconds
    base_fee_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLog:
    """A log as a node returns it, not decoded."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: BlockNumber
    block_hash: bytes
    transaction_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a transaction. Units: gas, wei a gas."""

    transaction_hash: bytes
    block_number: BlockNumber
    block_hash: bytes
    succeeded: bool
    gas_used: int
    price_wei: int
    contract_address: bytes | None
    logs: tuple[RawLog, ...]
