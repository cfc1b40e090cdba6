"""What a block holds, checked against its header: the tries of receipts and transactions are built anew.

Built with the `rlp` and `trie` libraries, apart from the development chain's own encoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from tallystick.errors import DataMismatch, L1Error
from tallystick.l1.client.values import RawLog
from tallystick.l1.proofs.headers import ProvenHeader

TYPES: Final = frozenset((0, 1, 2, 3, 4))
"""Legacy, access list, dynamic fee, blob, set code (EIP-2718 and those after it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenReceipt:
    """A receipt the header commits to. Its transaction's hash is not among what receipts say."""

    succeeded: bool
    gas_used: int
    logs: tuple[RawLog, ...]


def prove_receipts(header: ProvenHeader, found: Sequence[Any]) -> list[ProvenReceipt]:
    """The block's receipts, in the order of its transactions.

    Raises: DataMismatch, when they are not all and exactly those the header commits to; KeyError, TypeError,
    ValueError, when they are no receipts.
    """
    root = trie_root([encode_receipt(receipt) for receipt in found])
    if root != header.receipts_root:
        raise DataMismatch(
            "receipts do not hash to the header's root",
            block=header.ref.number,
            root=header.receipts_root,
            actual=root,
        )
    proven: list[ProvenReceipt] = []
    gas_before = logs_before = 0
    for receipt in found:
        cumulative = int(receipt["cumulativeGasUsed"], 16)
        logs = tuple(_log(header, log, receipt, logs_before + at) for at, log in enumerate(receipt["logs"]))
        proven.append(
            ProvenReceipt(
                succeeded=receipt.get("status") is not None and int(receipt["status"], 16) == 1,
                gas_used=cumulative - gas_before,
                logs=logs,
            )
        )
        gas_before, logs_before = cumulative, logs_before + len(logs)
    return proven


def prove_transactions(header: ProvenHeader, found: Sequence[Any]) -> list[bytes]:
    """The hashes of the block's transactions, in order.

    Raises: as `prove_receipts`; L1Error, when one is of a type that came after this version.
    """
    encoded = [encode_transaction(transaction) for transaction in found]
    root = trie_root(encoded)
    if root != header.transactions_root:
        raise DataMismatch(
            "transactions do not hash to the header's root",
            block=header.ref.number,
            root=header.transactions_root,
            actual=root,
        )
    return [keccak(each) for each in encoded]


def trie_root(items: Sequence[bytes]) -> bytes:
    """The root of the trie from the encoded indices to the items."""
    trie = HexaryTrie({})
    for index, item in enumerate(items):
        trie[rlp.encode(index)] = item
    return bytes(trie.root_hash)


def encode_receipt(found: Any) -> bytes:
    """A receipt in a node's answer, encoded as the header's trie holds it."""
    # before Byzantium a receipt held a state root where it now holds the status
    outcome = _number(found["status"]) if found.get("status") is not None else _data(found["root"])
    logs = [
        [_data(log["address"]), [_data(topic) for topic in log["topics"]], _data(log["data"])] for log in found["logs"]
    ]
    body = rlp.encode([outcome, _number(found["cumulativeGasUsed"]), _data(found["logsBloom"]), logs])
    return _typed(found, body)


def encode_transaction(found: Any) -> bytes:
    """A transaction in a node's answer, encoded as it was signed and sent."""
    kind = _type(found)
    if kind not in TYPES:
        raise L1Error("a transaction of a type that this version does not know", hint="update", type=kind)
    to = _data(found["to"]) if found.get("to") else b""
    call = [_number(found["gas"]), to, _number(found["value"]), _data(found["input"])]
    signature = [_number(found["r"]), _number(found["s"])]
    if kind == 0:
        price = [_number(found["nonce"]), _number(found["gasPrice"])]
        return bytes(rlp.encode([*price, *call, _number(found["v"]), *signature]))
    access = [
        [_data(entry["address"]), [_data(slot) for slot in entry["storageKeys"]]] for entry in found["accessList"]
    ]
    fields: list[Any] = [_number(found["chainId"]), _number(found["nonce"])]
    if kind == 1:
        fields.append(_number(found["gasPrice"]))
    else:
        fields += [_number(found["maxPriorityFeePerGas"]), _number(found["maxFeePerGas"])]
    fields += [*call, access]
    if kind == 3:
        fields += [_number(found["maxFeePerBlobGas"]), [_data(each) for each in found["blobVersionedHashes"]]]
    if kind == 4:
        fields.append([_authorization(each) for each in found["authorizationList"]])
    return _typed(found, rlp.encode([*fields, _parity(found), *signature]))


def _authorization(found: Any) -> list[bytes]:
    place = [_number(found["chainId"]), _data(found["address"]), _number(found["nonce"])]
    return [*place, _parity(found), _number(found["r"]), _number(found["s"])]


def _parity(found: Any) -> bytes:
    return _number(found["yParity"] if found.get("yParity") is not None else found["v"])


def _type(found: Any) -> int:
    return int(found.get("type") or "0x0", 16)


def _typed(found: Any, body: bytes) -> bytes:
    kind = _type(found)
    return bytes((kind,)) + body if kind else body


def _log(header: ProvenHeader, log: Any, receipt: Any, index: int) -> RawLog:
    return RawLog(
        address=_data(log["address"]),
        topics=tuple(map(_data, log["topics"])),
        data=_data(log["data"]),
        block_number=header.ref.number,
        block_hash=header.ref.hash,
        transaction_hash=_data(receipt["transactionHash"]),
        log_index=index,
    )


def _number(value: str) -> bytes:
    number = int(value, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _data(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))
