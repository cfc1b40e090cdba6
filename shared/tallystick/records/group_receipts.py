"""Receipts of a group of records under one signature: the operator's word for a place in the promised chain.

That chain is over the records that accounts sign, in their order, and nothing else. A receipt names a record's place in
it, the chain behind the record, and the second by which it is on L1; a bond answers for it. What the record leads to
follows from the order, and is the dispute's business. Twin: contracts/src/libraries/proof/GroupReceipt.sol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import coincurve

from tallystick.errors import BadEncoding, BadInput, DataMismatch
from tallystick.records.chunks import accumulate, padded
from tallystick.records.codec import Record, encode
from tallystick.records.signing import recover, signed_by
from tallystick.state.hashing import keccak, keccak_256

TAG: Final = keccak(b"tallystick group receipt")
MOST_RECORDS: Final = 0xFFFF
"""Records of a group: their number has 16 bits."""
HORIZON_SECONDS: Final = 3_600
"""How far ahead a promise may reach: `Receipts` keeps the bond of an operator that leaves for so long, and for what may
follow. Who is given a receipt that reaches further has no bond behind it."""
ANSWER_SECONDS: Final = 6 * 3_600
"""What the operator has to answer a claim that a record is missing."""
CORRECT_SECONDS: Final = 24 * 3_600
"""How long the operator may correct an answer, whoever gave it, before it costs the bond."""
SIGNATURE_BYTES: Final = 64
_HASH_BYTES: Final = 32
_WIDTHS: Final = (8, 8, 2, 8, 8)
FIXED_BYTES: Final = sum(_WIDTHS) + 3 * _HASH_BYTES + SIGNATURE_BYTES
"""A receipt as bytes, but for its path: 194 in all in a group of one, 386 in one of 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReceipt:
    """One record's receipt.

    Shape: the group is `count` promised records from number `first` on, behind the chain `before`; `number` is the
    record's own, `accumulator` the chain behind it; `path` leads from its leaf to the group's root; `signature` is
    EIP-2098. Units: `post_by` is L1 seconds.
    """

    epoch: int
    first: int
    count: int
    post_by: int
    number: int
    before: bytes
    accumulator: bytes
    record_hash: bytes
    path: tuple[bytes, ...]
    signature: bytes

    @property
    def place(self) -> bytes:
        """The leaf, and what a claim about the record is called."""
        return leaf(self.number, self.accumulator, self.record_hash)

    def pack(self) -> bytes:
        """Return the receipt as bytes: epoch 8, first 8, count 2, post_by 8, number 8, before, accumulator and record hash 32
        each, signature 64, then the path, 32 each.
        """
        numbers = (self.epoch, self.first, self.count, self.post_by, self.number)
        head = b"".join(value.to_bytes(width, "big") for value, width in zip(numbers, _WIDTHS, strict=True))
        return head + self.before + self.accumulator + self.record_hash + self.signature + b"".join(self.path)


def unpack_receipt(data: bytes) -> GroupReceipt:
    """Return the receipt that packs to these bytes, and to no others.

    Raises: BadEncoding when there is none.
    """
    if len(data) < FIXED_BYTES:
        raise BadEncoding(f"a receipt has {FIXED_BYTES} bytes at least", bytes=len(data))
    values: list[int] = []
    at = 0
    for width in _WIDTHS:
        values.append(int.from_bytes(data[at : at + width], "big"))
        at += width
    epoch, first, count, post_by, number = values
    hashes = [data[at + i * _HASH_BYTES : at + (i + 1) * _HASH_BYTES] for i in range(3)]
    rest = data[FIXED_BYTES:]
    if not 0 <= number - first < count:
        raise BadEncoding("a receipt is of a record of its group", number=number, first=first, count=count)
    if len(rest) != _HASH_BYTES * path_length(number - first, count):
        raise BadEncoding("a receipt's path is as long as its group is deep", bytes=len(data), count=count)
    return GroupReceipt(
        epoch=epoch,
        first=first,
        count=count,
        post_by=post_by,
        number=number,
        before=hashes[0],
        accumulator=hashes[1],
        record_hash=hashes[2],
        path=tuple(rest[i : i + _HASH_BYTES] for i in range(0, len(rest), _HASH_BYTES)),
        signature=data[FIXED_BYTES - SIGNATURE_BYTES : FIXED_BYTES],
    )


def leaf(number: int, accumulator: bytes, record_hash: bytes) -> bytes:
    """Return a record's leaf: 72 bytes hashed, where a node hashes 64."""
    return keccak(number.to_bytes(8, "big") + accumulator + record_hash)


def path_length(index: int, count: int) -> int:
    """Return how many siblings lead from a leaf to the root of so many."""
    length = 0
    while count > 1:
        length += index ^ 1 < count
        index, count = index >> 1, count + 1 >> 1
    return length


def paths(leaves: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """Return the root over leaves, and each one's path to it in one piece; the last node of an odd row moves up as it is."""
    rows = [list(leaves)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        up = [keccak_256(row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        rows.append(up + row[len(row) & ~1 :])
    found = [b""]
    for row in reversed(rows[:-1]):
        last = len(row) - 1
        found = [row[i ^ 1] + found[i >> 1] if i ^ 1 <= last else found[i >> 1] for i in range(last + 1)]
    return rows[-1][0], found


def root_of(receipt: GroupReceipt) -> bytes:
    """Return the root that a receipt's path leads to.

    Raises: BadInput when no group has such a record, or the path has another length.
    """
    index, count = receipt.number - receipt.first, receipt.count
    if not 0 <= index < count or len(receipt.path) != path_length(index, count):
        raise BadInput("no group has a receipt like this", number=receipt.number, first=receipt.first, count=count)
    node, used = receipt.place, 0
    while count > 1:
        if index ^ 1 < count:
            sibling = receipt.path[used]
            node = keccak(sibling + node if index & 1 else node + sibling)
            used += 1
        index, count = index >> 1, count + 1 >> 1
    return node


def group_digest(domain: bytes, receipt: GroupReceipt, root: bytes) -> bytes:
    """Return what the group's signature signs, given any of its receipts."""
    head = _head(receipt.epoch, receipt.first, receipt.count, receipt.post_by)
    return keccak(TAG + domain + head + receipt.before + root)


def _head(epoch: int, first: int, count: int, post_by: int) -> bytes:
    """Return what all receipts of a group begin with."""
    return b"".join(
        value.to_bytes(width, "big") for value, width in zip((epoch, first, count, post_by), _WIDTHS[:4], strict=True)
    )


def sign_packed(
    key: coincurve.PrivateKey,
    domain: bytes,
    *,
    epoch: int,
    post_by: int,
    first: int,
    before: bytes,
    record_hashes: Sequence[bytes],
) -> list[bytes]:
    """Return the receipts of records that follow each other in the promised chain, under one signature, each packed:
    nothing is made of one that is only to be sent.

    Raises: BadInput when there are none, or more than a group has.
    """
    count = len(record_hashes)
    if not 0 < count <= MOST_RECORDS:
        raise BadInput(f"a group has 1 to {MOST_RECORDS} records", records=count)
    places: list[bytes] = []
    accumulator = before
    for number, record_hash in enumerate(record_hashes, first):
        accumulator = keccak_256(accumulator + record_hash).digest()
        places.append(number.to_bytes(8, "big") + accumulator + record_hash)
    root, found = paths([keccak_256(place).digest() for place in places])
    head = _head(epoch, first, count, post_by)
    signature = signed_by(key, keccak(TAG + domain + head + before + root))
    return [
        b"".join((head, place[:8], before, place[8:], signature, path))
        for place, path in zip(places, found, strict=True)
    ]


def signer_of(receipt: GroupReceipt, domain: bytes) -> bytes | None:
    """Return who signed a receipt, None when nobody can have.

    Raises: BadInput when no group has such a record, or the path has another length.
    """
    return recover(group_digest(domain, receipt, root_of(receipt)), receipt.signature)


def check_group_receipt(receipt: GroupReceipt, domain: bytes, signer: bytes) -> None:
    """Check what can be seen of a receipt alone: who signed it, and that its first record follows what is before it.

    Raises: DataMismatch when it binds nobody.
    """
    try:
        actual = signer_of(receipt, domain)
    except BadInput as error:
        raise DataMismatch("no group has a receipt like this", number=receipt.number) from error
    if actual != signer:
        raise DataMismatch("the receipt is not signed by the operator's receipt key", signer=actual, expected=signer)
    if receipt.number == receipt.first and accumulate(receipt.before, receipt.record_hash) != receipt.accumulator:
        raise DataMismatch("the receipt's chain does not follow its group's", number=receipt.number)


def check_promise_of(receipt: GroupReceipt, record: Record) -> None:
    """Check which record a receipt is of.

    Raises: DataMismatch when it is another one.
    """
    if receipt.record_hash != keccak(padded(encode(record))):
        raise DataMismatch("the receipt is of another record", receipt=receipt.record_hash)


def clash(a: GroupReceipt, b: GroupReceipt, prefix: bytes | None = None) -> bool:
    """Whether two receipts of one signer cannot both be kept, as `Receipts.conflict` sees it.

    `prefix` is the chain in front of both records, where it is known: two records behind it conflict in any epochs.
    """
    if a.number == b.number and a.record_hash != b.record_hash and prefix is not None:
        follows = all(accumulate(prefix, each.record_hash) == each.accumulator for each in (a, b))
        if follows:
            return True
    if a.epoch != b.epoch:
        return False
    if a.number == b.number and (a.record_hash, a.accumulator) != (b.record_hash, b.accumulator):
        return True
    if a.first == b.first and a.before != b.before:
        return True
    if b.number == b.first and accumulate(b.before, b.record_hash) != b.accumulator:
        return True
    if b.first == a.number + 1 and b.before != a.accumulator:
        return True
    return b.number == a.number + 1 and accumulate(a.accumulator, b.record_hash) != b.accumulator
