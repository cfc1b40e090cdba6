"""The sparse Merkle tree over cell keys, updated for dirty cells only."""

from __future__ import annotations

from typing import Final

from tallystick.state.hashing import keccak, keccak_256
from tallystick.state.layout import TREE_DEPTH


def _empty_hashes() -> tuple[bytes, ...]:
    hashes = [keccak(b"")]
    for _ in range(TREE_DEPTH):
        hashes.append(keccak(hashes[-1] + hashes[-1]))
    return tuple(hashes)


EMPTY: Final = _empty_hashes()
"""EMPTY[h] is the root of an empty subtree of height h."""

BITMAP_BYTES: Final = TREE_DEPTH // 8


class SparseTree:
    """Keccak sparse Merkle tree of depth 40.

    Shape: `nodes[h][key >> h]` is the hash of the subtree of height h over that key; an absent node is empty. Leaf =
    keccak(value), node = keccak(left, right); an absent value counts as empty bytes.
    """

    def __init__(self) -> None:
        self.nodes: list[dict[int, bytes]] = [{} for _ in range(TREE_DEPTH + 1)]

    @property
    def root(self) -> bytes:
        """The root hash."""
        return self.nodes[TREE_DEPTH].get(0, EMPTY[TREE_DEPTH])

    def update(self, values: dict[int, bytes]) -> None:
        """Set the value of each key; empty bytes clear it. What is set already is passed over."""
        leaves = self.nodes[0]
        keys: list[int] = []
        hashes: list[bytes] = []
        for key in sorted(values):
            hashed: bytes = keccak_256(values[key]).digest()
            if hashed != leaves.get(key, EMPTY[0]):
                keys.append(key)
                hashes.append(hashed)
        count = len(keys)
        if count == 0:
            return
        for height in range(TREE_DEPTH):
            count = _rise(self.nodes[height], EMPTY[height], keys, hashes, count)
        self.nodes[TREE_DEPTH][0] = hashes[0]

    def proof(self, key: int) -> bytes:
        """Return a key's proof: a 40-bit map of the siblings that are not empty, then those, leaf upward."""
        bitmap = 0
        siblings: list[bytes] = []
        for height in range(TREE_DEPTH):
            sibling = self.nodes[height].get((key >> height) ^ 1, EMPTY[height])
            if sibling != EMPTY[height]:
                bitmap |= 1 << height
                siblings.append(sibling)
        return bitmap.to_bytes(BITMAP_BYTES, "big") + b"".join(siblings)

    def copy(self) -> SparseTree:
        """Return an independent copy."""
        other = SparseTree()
        other.nodes = [level.copy() for level in self.nodes]
        return other


def _rise(level: dict[int, bytes], empty: bytes, keys: list[int], hashes: list[bytes], count: int) -> int:
    """Put changed nodes, the first `count` in the order of their keys, into their level, and their parents into their
    places; return how many those are.
    """
    found = 0
    at = 0
    while at < count:
        key, mine = keys[at], hashes[at]
        level[key] = mine
        at += 1
        if at < count and keys[at] == key ^ 1:
            other = hashes[at]
            level[key ^ 1] = other
            at += 1
        else:
            other = level.get(key ^ 1, empty)
        keys[found] = key >> 1
        hashes[found] = keccak_256(other + mine if key & 1 else mine + other).digest()
        found += 1
    return found


def root_from_proof(key: int, value: bytes, proof: bytes) -> bytes:
    """Return the root that a proof and a value lead to.

    Raises: ValueError when the proof's length does not fit its bitmap.
    """
    bitmap = int.from_bytes(proof[:BITMAP_BYTES], "big")
    if len(proof) != BITMAP_BYTES + 32 * bitmap.bit_count():
        raise ValueError(f"proof of {len(proof)} bytes does not hold the {bitmap.bit_count()} siblings it announces")
    node = keccak(value)
    at = BITMAP_BYTES
    for height in range(TREE_DEPTH):
        sibling = EMPTY[height]
        if bitmap >> height & 1:
            sibling = proof[at : at + 32]
            at += 32
        node = keccak(sibling + node) if key >> height & 1 else keccak(node + sibling)
    return node
