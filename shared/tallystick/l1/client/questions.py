"""What one endpoint is asked, each with the check that its answer proves itself.

Raises, all of these: DataMismatch, when the answer contradicts the hash it stands under; L1Error, when the endpoint
lacks what is asked for, or follows another branch.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tallystick.errors import DataMismatch, L1Error, L1Reverted, L1Unreachable
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.client.values import BlockTag, RawLog
from tallystick.l1.proofs.headers import ProvenHeader, prove_header
from tallystick.l1.proofs.proven import ProvenReceipt, prove_receipts, prove_transactions

T = TypeVar("T")
Question = Callable[[L1Client], T]


def header(tag: BlockTag) -> Question[ProvenHeader | None]:
    """The header of a number, a hash or a tag."""

    def ask(client: L1Client) -> ProvenHeader | None:
        if isinstance(tag, bytes):
            found = client.request("eth_getBlockByHash", "0x" + tag.hex(), False)
        else:
            found = client.request("eth_getBlockByNumber", hex(tag) if isinstance(tag, int) else tag, False)
        if found is None:
            return None
        proven = prove_header(found)
        if isinstance(tag, bytes) and proven.ref.hash != tag:
            raise DataMismatch("another block than the one asked for", asked=tag, given=proven.ref.hash)
        if isinstance(tag, int) and proven.ref.number != tag:
            raise DataMismatch("another block than the one asked for", asked=tag, given=proven.ref.number)
        return proven

    return ask


def ancestors(top: ProvenHeader, lowest: int) -> Question[list[ProvenHeader]]:
    """The headers below `top` down to a number, each the parent of the one before."""

    def ask(client: L1Client) -> list[ProvenHeader]:
        numbers = range(top.ref.number - 1, lowest - 1, -1)
        chain = [top]
        for found in client.request_many("eth_getBlockByNumber", [(hex(number), False) for number in numbers]):
            if found is None:
                raise L1Error("the endpoint lacks a block below its head", endpoint=client.endpoint)
            proven = prove_header(found)
            if proven.ref.hash != chain[-1].ref.parent_hash:
                raise L1Error("the endpoint follows another branch", endpoint=client.endpoint, block=proven.ref.number)
            chain.append(proven)
        return chain[1:]

    return ask


def receipts(of: ProvenHeader) -> Question[list[ProvenReceipt]]:
    """All receipts of a block."""

    def ask(client: L1Client) -> list[ProvenReceipt]:
        number = hex(of.ref.number)
        try:
            found = client.request("eth_getBlockReceipts", number)
        except (L1Unreachable, L1Reverted):
            raise
        except L1Error:
            found = _receipts_one_by_one(client, of)
        if found is None:
            raise L1Error("the endpoint lacks a block's receipts", endpoint=client.endpoint, block=of.ref.number)
        if any(bytes.fromhex(each["blockHash"][2:]) != of.ref.hash for each in found):
            raise L1Error("the endpoint follows another branch", endpoint=client.endpoint, block=of.ref.number)
        return prove_receipts(of, found)

    return ask


def transactions(of: ProvenHeader) -> Question[list[bytes]]:
    """The hashes of a block's transactions."""

    def ask(client: L1Client) -> list[bytes]:
        found = client.request("eth_getBlockByHash", "0x" + of.ref.hash.hex(), True)
        if found is None:
            raise L1Error("the endpoint lacks a block it spoke of", endpoint=client.endpoint, block=of.ref.number)
        return prove_transactions(of, found["transactions"])

    return ask


def matches(log: RawLog, topics: Sequence[bytes | Sequence[bytes] | None]) -> bool:
    """Whether a log has the topics, as eth_getLogs means it."""
    if len(log.topics) < len(topics):
        return False
    return all(
        wanted is None or topic in ([wanted] if isinstance(wanted, bytes) else wanted)
        for topic, wanted in zip(log.topics, topics, strict=False)
    )


def _receipts_one_by_one(client: L1Client, of: ProvenHeader) -> list[Any] | None:
    """For endpoints that do not know eth_getBlockReceipts."""
    block = client.request("eth_getBlockByHash", "0x" + of.ref.hash.hex(), False)
    if block is None:
        return None
    found = client.request_many("eth_getTransactionReceipt", [(each,) for each in block["transactions"]])
    return None if None in found else found
