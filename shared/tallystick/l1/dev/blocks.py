"""Blocks of the development chain: plain values, and the header hash an Ethereum client would compute."""

from dataclasses import dataclass
from hashlib import sha256

from eth_hash.auto import keccak

from tallystick.state.ordinals import BlockNumber, UnixSeconds

ZERO_HASH = bytes(32)
ZERO_ADDRESS = bytes(20)
EMPTY_UNCLES = keccak(b"\xc0")
EMPTY_TRIE = keccak(b"\x80")
EMPTY_REQUESTS = sha256(b"").digest()

INITIAL_BASE_FEE_WEI = 10**9
ELASTICITY = 2
BASE_FEE_CHANGE_DENOMINATOR = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log of the development chain, with its place."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: BlockNumber
    block_hash: bytes
    block_timestamp: UnixSeconds
    transaction_hash: bytes
    transaction_index: int
    log_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a transaction did on the development chain. Units: gas; wei a gas."""

    transaction_hash: bytes
    transaction_index: int
    sender: bytes
    to: bytes | None
    contract_address: bytes | None
    status: int
    gas_used: int
    cumulative_gas_used: int
    effective_gas_price_wei: int
    transaction_type: int
    bloom: int
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The fields of a Prague header that vary on this chain; the rest are constants of the encoding."""

    number: int
    parent_hash: bytes
    timestamp: UnixSeconds
    coinbase: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: int
    gas_limit: int
    gas_used: int
    base_fee_wei: int
    extra_data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A signed transaction as it was sent, with its sender recovered."""

    hash: bytes
    raw: bytes
    type: int
    sender: bytes
    nonce: int
    to: bytes | None
    gas: int
    value_wei: int
    data: bytes
    max_fee_wei: int
    priority_fee_wei: int
    y_parity: int
    r: int
    s: int
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...]

    def price_wei(self, base_fee_wei: int) -> int:
        """What one gas costs its sender in a block of this base fee."""
        return min(self.max_fee_wei, self.priority_fee_wei + base_fee_wei)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block with its transactions and what they did."""

    header: Header
    hash: bytes
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]

    @property
    def number(self) -> int:
        """Return its height."""
        return self.header.number


def rlp_string(value: bytes) -> bytes:
    """Return the RLP encoding of bytes."""
    length = len(value)
    if length == 1 and value[0] < 0x80:
        return value
    if length < 56:
        return bytes((0x80 + length,)) + value
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0xB7 + len(size),)) + size + value


def rlp_int(value: int) -> bytes:
    """Return the RLP encoding of a number, without leading zeros."""
    return rlp_string(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rlp_list(payload: bytes) -> bytes:
    """The list whose items' encodings, joined, are `payload`."""
    length = len(payload)
    if length < 56:
        return bytes((0xC0 + length,)) + payload
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0xF7 + len(size),)) + size + payload


def encode_receipt(receipt: Receipt) -> bytes:
    """The EIP-2718 encoding of the receipt, the one the header's root commits to."""
    logs = b"".join(
        rlp_list(
            b"\x94" + log.address + rlp_list(b"".join(b"\xa0" + topic for topic in log.topics)) + rlp_string(log.data)
        )
        for log in receipt.logs
    )
    body = rlp_list(
        rlp_int(receipt.status)
        + rlp_int(receipt.cumulative_gas_used)
        + b"\xb9\x01\x00"
        + receipt.bloom.to_bytes(256, "big")
        + rlp_list(logs)
    )
    return (bytes((receipt.transaction_type,)) if receipt.transaction_type else b"") + body


def bloom_of(logs: tuple[tuple[bytes, tuple[bytes, ...]], ...]) -> int:
    """The 2048-bit log filter over (address, topics) pairs."""
    bloom = 0
    for address, topics in logs:
        for value in (address, *topics):
            digest = keccak(value)
            for at in (0, 2, 4):
                bloom |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bloom


def encode_header(header: Header) -> bytes:
    """The canonical RLP of the header. Written out because py-evm's takes 100 times longer,
    and moving thousands of blocks ahead costs one header each.
    """
    payload = b"".join(
        (
            b"\xa0" + header.parent_hash,
            b"\xa0" + EMPTY_UNCLES,
            b"\x94" + header.coinbase,
            b"\xa0" + header.state_root,
            b"\xa0" + header.transactions_root,
            b"\xa0" + header.receipts_root,
            b"\xb9\x01\x00" + header.bloom.to_bytes(256, "big"),
            b"\x80",  # difficulty
            rlp_int(header.number),
            rlp_int(header.gas_limit),
            rlp_int(header.gas_used),
            rlp_int(header.timestamp),
            rlp_string(header.extra_data),
            b"\xa0" + header.parent_hash,  # mix hash: any value that differs from block to block
            b"\x88" + bytes(8),  # nonce
            rlp_int(header.base_fee_wei),
            b"\xa0" + EMPTY_TRIE,  # withdrawals
            b"\x80",  # blob gas used
            b"\x80",  # excess blob gas
            b"\xa0" + ZERO_HASH,  # parent beacon block root
            b"\xa0" + EMPTY_REQUESTS,
        )
    )
    return rlp_list(payload)


def header_hash(header: Header) -> bytes:
    """Return a header's hash, which is its block's."""
    return keccak(encode_header(header))


def next_base_fee_wei(parent: Header) -> int:
    """The base fee of the block after `parent` (EIP-1559).

    Rounding: down, and a rise is at least one wei.
    """
    target = parent.gas_limit // ELASTICITY
    if parent.gas_used == target:
        return parent.base_fee_wei
    if parent.gas_used > target:
        rise = parent.base_fee_wei * (parent.gas_used - target) // target // BASE_FEE_CHANGE_DENOMINATOR
        return parent.base_fee_wei + max(rise, 1)
    fall = parent.base_fee_wei * (target - parent.gas_used) // target // BASE_FEE_CHANGE_DENOMINATOR
    return parent.base_fee_wei - fall
