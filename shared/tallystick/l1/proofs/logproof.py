"""One log and why it is on L1: the header, and the path through the header's trie of receipts. Checked without L1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie
from trie.exceptions import BadTrieProof, InvalidNode, MissingTrieNode, ValidationError

from tallystick.errors import DataMismatch
from tallystick.l1.abi import Named, contract_abi
from tallystick.l1.client.access import Contract
from tallystick.l1.proofs.headers import encode_header
from tallystick.l1.proofs.proven import encode_receipt
from tallystick.state.ordinals import BlockNumber

RECEIPTS_ROOT_FIELD: Final = 5
NUMBER_FIELD: Final = 8
LOGS_FIELD: Final = 3
FIRST_LIST_BYTE: Final = 0xC0
"""A receipt that does not begin with a list begins with its type."""


class LogProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Log number `log` of the receipt of transaction number `transaction` of the block with this encoded header.

    Shape: `nodes` are the encoded nodes of the receipts' trie on the way to it.
    """

    contract: str
    address: bytes
    header: bytes
    transaction: int
    log: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenLog:
    """What a proof proves, if the block with this hash is L1's."""

    block: BlockNumber
    block_hash: bytes
    event: Named


def prove_log(contract: Contract, block: BlockNumber, event: str, facts: Mapping[str, Any]) -> LogProof | None:
    """Return the proof of the first event with these arguments in a block; None where the endpoint does not give what it takes.

    Raises: DataMismatch when what it gives does not hash to the header.
    """
    given = contract.client.raw_block(block)
    if given is None:
        return None
    found, receipts = given
    place = _place(contract, receipts, event, facts)
    if place is None:
        return None
    trie = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        trie[rlp.encode(index)] = encode_receipt(receipt)
    proof = LogProof(
        contract=contract.abi.name,
        address=contract.address,
        header=encode_header(found),
        transaction=place[0],
        log=place[1],
        nodes=tuple(bytes(rlp.encode(each)) for each in trie.get_proof(rlp.encode(place[0]))),
    )
    check_log(proof)
    return proof


def check_log(proof: LogProof) -> ProvenLog:
    """Return the event that a proof proves, and the block it is in.

    Raises: DataMismatch when it proves nothing.
    """
    try:
        header: Any = rlp.decode(proof.header)
        key = rlp.encode(proof.transaction)
        nodes = [rlp.decode(each) for each in proof.nodes]
        receipt = bytes(HexaryTrie.get_from_proof(header[RECEIPTS_ROOT_FIELD], key, nodes))
        body: Any = rlp.decode(receipt if receipt[0] >= FIRST_LIST_BYTE else receipt[1:])
        address, topics, data = body[LOGS_FIELD][proof.log : proof.log + 1][0]
        event = contract_abi(proof.contract).decode_event(topics, data)
        number = int.from_bytes(header[NUMBER_FIELD], "big")
    except (
        BadTrieProof,
        InvalidNode,
        MissingTrieNode,
        ValidationError,
        rlp.RLPException,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
    ) as error:
        raise DataMismatch("a log's proof does not lead to its header's receipts", reason=str(error)) from error
    if address != proof.address or event is None:
        raise DataMismatch("a log's proof is of another contract's log", contract=proof.contract)
    return ProvenLog(block=BlockNumber(number), block_hash=keccak(proof.header), event=event)


def _place(contract: Contract, receipts: list[Any], event: str, facts: Mapping[str, Any]) -> tuple[int, int] | None:
    for index, receipt in enumerate(receipts):
        for at, log in enumerate(receipt["logs"]):
            if bytes.fromhex(log["address"][2:]) != contract.address:
                continue
            topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
            named = contract.abi.decode_event(topics, bytes.fromhex(log["data"][2:]))
            if named is not None and named.name == event and facts.items() <= dict(named.args).items():
                return index, at
    return None
