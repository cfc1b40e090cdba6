"""Blocks are proven with receipts and transactions of every type, encoded by libraries that know nothing of ours."""

from typing import Any

import pytest
import rlp
from eth.rlp.logs import Log
from eth.rlp.receipts import Receipt
from eth.vm.forks.prague.receipts import PragueReceiptBuilder, PragueTypedReceipt
from eth_account import Account
from eth_hash.auto import keccak

from tallystick.errors import DataMismatch, L1Error
from tallystick.l1.client.values import BlockRef
from tallystick.l1.proofs.headers import ProvenHeader
from tallystick.l1.proofs.proven import (
    encode_receipt,
    encode_transaction,
    prove_receipts,
    prove_transactions,
    trie_root,
)
from tallystick.state.ordinals import BlockNumber, UnixSeconds

ACCOUNT = Account.from_key(b"\7" * 32)
TO = "0x00000000000000000000000000000000000A11cE"
ACCESS = [{"address": TO, "storageKeys": ["0x" + "01" * 32, "0x" + "00" * 32]}]
FIELDS: dict[str, Any] = {"nonce": 0, "gas": 100_000, "to": TO, "value": 3, "data": "0x1234"}
DEARER: dict[str, Any] = {"chainId": 1, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0, "accessList": ACCESS}
TRANSACTIONS: dict[str, dict[str, Any]] = {
    "before EIP-155": FIELDS | {"gasPrice": 10**9},
    "legacy": FIELDS | {"gasPrice": 10**9, "chainId": 1},
    "deployment": FIELDS | {"gasPrice": 10**9, "chainId": 1, "to": ""},
    "access list": FIELDS | {"type": 1, "chainId": 1, "gasPrice": 10**9, "accessList": ACCESS},
    "dynamic fee": FIELDS | DEARER | {"type": 2},
    "blob": FIELDS | DEARER | {"type": 3, "maxFeePerBlobGas": 7, "blobVersionedHashes": ["0x01" + "22" * 31]},
    "set code": FIELDS | DEARER | {"type": 4},
}


def as_a_node_shows(fields: dict[str, Any], signed: Any, authorizations: list[dict[str, Any]]) -> dict[str, Any]:
    numbers = (
        "nonce",
        "gas",
        "value",
        "gasPrice",
        "chainId",
        "maxFeePerGas",
        "maxPriorityFeePerGas",
        "maxFeePerBlobGas",
    )
    shown: dict[str, Any] = {name: hex(fields[name]) for name in numbers if name in fields}
    shown |= {"type": hex(fields.get("type", 0)), "input": fields["data"], "to": fields["to"] or None}
    shown |= {"r": hex(signed.r), "s": hex(signed.s), "v": hex(signed.v)}
    if fields.get("type"):
        shown |= {"yParity": hex(signed.v), "accessList": fields["accessList"]}
    if "blobVersionedHashes" in fields:
        shown["blobVersionedHashes"] = fields["blobVersionedHashes"]
    if authorizations:
        shown["authorizationList"] = authorizations
    return shown


def sign(name: str) -> tuple[bytes, dict[str, Any]]:
    """A signed transaction's bytes, and how a node shows it."""
    fields = TRANSACTIONS[name]
    authorizations: list[dict[str, Any]] = []
    if name == "set code":
        given = ACCOUNT.sign_authorization({"chainId": 1, "address": TO, "nonce": 5})
        fields = fields | {"authorizationList": [given]}
        signature = {"yParity": hex(given.y_parity), "r": hex(given.r), "s": hex(given.s)}
        authorizations = [{"chainId": "0x1", "address": TO, "nonce": "0x5"} | signature]
    signed = ACCOUNT.sign_transaction(fields)
    return bytes(signed.raw_transaction), as_a_node_shows(fields, signed, authorizations)


def header(**roots: bytes) -> ProvenHeader:
    ref = BlockRef(
        number=BlockNumber(1), hash=b"\1" * 32, parent_hash=b"\2" * 32, timestamp=UnixSeconds(0), base_fee_wei=0
    )
    empty = {name: bytes(32) for name in ("state_root", "transactions_root", "receipts_root")}
    return ProvenHeader(ref=ref, bloom=0, **(empty | roots))


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_a_transaction_of_any_type_is_encoded_as_it_was_signed(name: str) -> None:
    raw, shown = sign(name)
    assert encode_transaction(shown) == raw


def test_the_transactions_of_a_block_are_all_or_nothing() -> None:
    signed = [sign(name) for name in TRANSACTIONS]
    of = header(transactions_root=trie_root([raw for raw, _ in signed]))
    shown = [each for _, each in signed]
    assert prove_transactions(of, shown) == [keccak(raw) for raw, _ in signed]
    for changed in (shown[:-1], shown[::-1], [*shown, shown[0]], [shown[0] | {"value": "0x4"}, *shown[1:]]):
        with pytest.raises(DataMismatch):
            prove_transactions(of, changed)
    with pytest.raises(L1Error, match="type that this version does not know"):
        prove_transactions(of, [shown[0] | {"type": "0x5"}])


def receipt(kind: int, gas: int) -> tuple[bytes, dict[str, Any]]:
    """A receipt as py-evm encodes it, and how a node shows it."""
    logs = [(b"\xaa" * 20, (1, 2**255), b"data" * 9), (b"\xbb" * 20, (), b"")]
    inner = Receipt(state_root=b"\1", gas_used=gas, logs=[Log(*log) for log in logs], bloom=2**2047 + 5)
    made = PragueTypedReceipt(kind, inner) if kind else inner
    raw = bytes(made.encode())
    assert PragueReceiptBuilder.decode(raw) == made
    shown_logs = [
        {
            "address": "0x" + address.hex(),
            "topics": ["0x" + topic.to_bytes(32, "big").hex() for topic in topics],
            "data": "0x" + data.hex(),
        }
        for address, topics, data in logs
    ]
    bloom = "0x" + (2**2047 + 5).to_bytes(256, "big").hex()
    shown = {"type": hex(kind), "status": "0x1", "cumulativeGasUsed": hex(gas), "logsBloom": bloom, "logs": shown_logs}
    return raw, shown | {"transactionHash": "0x" + bytes((kind,)).hex() * 32}


@pytest.mark.parametrize("kind", range(5))
def test_a_receipt_of_any_type_is_encoded_as_py_evm_does(kind: int) -> None:
    raw, shown = receipt(kind, 21_000)
    assert encode_receipt(shown) == raw


def test_a_receipt_from_before_byzantium_holds_a_root() -> None:
    raw, shown = receipt(0, 21_000)
    root = {"status": None, "root": "0x" + "33" * 32}
    assert rlp.decode(encode_receipt(shown | root)) == [b"\x33" * 32, *rlp.decode(raw)[1:]]


def test_the_receipts_of_a_block_are_all_or_nothing() -> None:
    made = [receipt(kind, 21_000 * (kind + 1)) for kind in range(5)]
    of = header(receipts_root=trie_root([raw for raw, _ in made]))
    shown = [each for _, each in made]
    proven = prove_receipts(of, shown)
    assert [each.gas_used for each in proven] == [21_000] * 5
    assert [log.log_index for each in proven for log in each.logs] == list(range(10))
    assert proven[0].logs[0].topics == ((1).to_bytes(32, "big"), (2**255).to_bytes(32, "big"))
    for changed in (
        shown[:-1],
        shown[1:],
        shown[::-1],
        [shown[0] | {"logs": shown[0]["logs"][:1]}, *shown[1:]],
        [*shown[:-1], shown[-1] | {"status": "0x0"}],
        [*shown[:-1], shown[-1] | {"type": "0x2"}],
        [],
    ):
        with pytest.raises(DataMismatch):
            prove_receipts(of, changed)
