"""Headers that prove themselves: a block's hash is recomputed from its fields, so that what they commit to is bound."""

from dataclasses import dataclass
from typing import Any, Final

import rlp
from eth_hash.auto import keccak

from tallystick.errors import DataMismatch
from tallystick.l1.client.values import BlockRef
from tallystick.state.ordinals import BlockNumber, UnixSeconds

COMMON: Final = (
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
)
ADDED_BY_FORKS: Final = (
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
    "blockAccessListHash",
)
"""In the order of the forks that added them: a header has some of these from the left, never one without those before."""
QUANTITIES: Final = frozenset(
    (
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "baseFeePerGas",
        "blobGasUsed",
        "excessBlobGas",
    )
)
BLOOM_BITS: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenHeader:
    """A header whose hash is that of its fields."""

    ref: BlockRef
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: int

    def may_hold(self, addresses: list[bytes]) -> bool:
        """Whether a log of one of the addresses can be in the block: False is certain."""
        return any(self.bloom & bits == bits for bits in map(_bloom_bits, addresses))


def prove_header(found: Any) -> ProvenHeader:
    """The header in a node's answer.

    Raises: DataMismatch, when its fields do not hash to the hash it claims; KeyError, TypeError, ValueError, when it
    is no header.
    """
    claimed = _data(found["hash"])
    actual = keccak(encode_header(found))
    if actual != claimed:
        raise DataMismatch("a header's fields do not hash to its hash", claimed=claimed, actual=actual)
    return ProvenHeader(
        ref=BlockRef(
            number=BlockNumber(int(found["number"], 16)),
            hash=claimed,
            parent_hash=_data(found["parentHash"]),
            timestamp=UnixSeconds(int(found["timestamp"], 16)),
            base_fee_wei=int(found.get("baseFeePerGas") or "0x0", 16),
        ),
        state_root=_data(found["stateRoot"]),
        transactions_root=_data(found["transactionsRoot"]),
        receipts_root=_data(found["receiptsRoot"]),
        bloom=int(found["logsBloom"], 16),
    )


def encode_header(found: Any) -> bytes:
    """The header in a node's answer, encoded as its hash is taken of.

    Raises: KeyError, TypeError, ValueError, when it is no header.
    """
    names = [*COMMON]
    for name in ADDED_BY_FORKS:
        if found.get(name) is None:
            break
        names.append(name)
    return bytes(rlp.encode([_field(found, name) for name in names]))


def _field(found: Any, name: str) -> bytes:
    if name in QUANTITIES:
        value = int(found[name], 16)
        return value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _data(found[name])


def _data(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _bloom_bits(value: bytes) -> int:
    digest = keccak(value)
    bits = 0
    one = 1
    for at in (0, 2, 4):
        bits |= one << (int.from_bytes(digest[at : at + 2], "big") % BLOOM_BITS)
    return bits
