"""The sparse tree against py-trie's, which nobody here wrote."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.smt import SparseMerkleTree, calc_root

from tallystick.state.layout import TREE_DEPTH
from tallystick.state.tree import BITMAP_BYTES, EMPTY, SparseTree, root_from_proof

settings.register_profile("trees", max_examples=60, deadline=None, derandomize=False)
TREES = settings.get_profile("trees")
KEYS = st.one_of(
    st.integers(0, 2**TREE_DEPTH - 1),
    # Neighbours share long paths, which random keys never do.
    st.integers(0, 15),
    st.integers(0, 15).map(lambda low: 2**TREE_DEPTH - 1 - low),
)
VALUES = st.one_of(st.binary(min_size=1, max_size=64), st.just(b""))
WRITES = st.lists(st.dictionaries(KEYS, VALUES, max_size=12), min_size=1, max_size=5)


def reference(writes: list[dict[int, bytes]]) -> SparseMerkleTree:
    tree = SparseMerkleTree(key_size=5)
    for batch in writes:
        for key, value in batch.items():
            tree.set(key.to_bytes(5, "big"), value)
    return tree


def build(writes: list[dict[int, bytes]]) -> SparseTree:
    tree = SparseTree()
    for batch in writes:
        tree.update(batch)
    return tree


def expand(proof: bytes) -> list[bytes]:
    """Return all 40 siblings of a proof, from the leaf upward."""
    bitmap = int.from_bytes(proof[:BITMAP_BYTES], "big")
    given_siblings = iter(proof[at : at + 32] for at in range(BITMAP_BYTES, len(proof), 32))
    return [next(given_siblings) if bitmap >> h & 1 else EMPTY[h] for h in range(TREE_DEPTH)]


def test_an_empty_tree_has_the_root_that_py_trie_gives_it() -> None:
    assert SparseTree().root == SparseMerkleTree(key_size=5).root_hash == EMPTY[TREE_DEPTH]


@TREES
@given(WRITES)
def test_any_writes_and_clears_lead_to_py_tries_root(writes: list[dict[int, bytes]]) -> None:
    """I8."""
    assert build(writes).root == reference(writes).root_hash


@TREES
@given(WRITES)
def test_every_proof_holds_py_tries_branch(writes: list[dict[int, bytes]]) -> None:
    tree, theirs = build(writes), reference(writes)
    for key in {key for batch in writes for key in batch}:
        packed = key.to_bytes(5, "big")
        if not theirs.exists(packed):
            continue
        siblings = expand(tree.proof(key))
        # py-trie gives a branch from the root downward.
        assert tuple(reversed(siblings)) == theirs.branch(packed)
        assert calc_root(packed, theirs.get(packed), theirs.branch(packed)) == tree.root


@TREES
@given(WRITES, KEYS)
def test_a_proof_and_its_value_lead_back_to_the_root(writes: list[dict[int, bytes]], other: int) -> None:
    tree = build(writes)
    values: dict[int, bytes] = {other: b""}
    for batch in writes:
        values.update(batch)
    for key, value in values.items():
        assert root_from_proof(key, value, tree.proof(key)) == tree.root


@TREES
@given(WRITES, KEYS, st.binary(min_size=1, max_size=64))
def test_the_proof_of_the_old_value_gives_the_root_after_the_new_one(
    writes: list[dict[int, bytes]], key: int, value: bytes
) -> None:
    tree = build(writes)
    proof = tree.proof(key)
    tree.update({key: value})
    assert root_from_proof(key, value, proof) == tree.root


@TREES
@given(WRITES, KEYS, st.binary(min_size=1, max_size=40), st.data())
def test_one_flipped_bit_of_value_key_or_sibling_leads_to_another_root(
    writes: list[dict[int, bytes]], key: int, value: bytes, data: st.DataObject
) -> None:
    """I8."""
    tree = build([*writes, {key: value}, {key ^ 1: b"neighbour"}])
    proof = tree.proof(key)
    assert root_from_proof(key, flip(value, data), proof) != tree.root
    assert root_from_proof(key ^ 1 << data.draw(st.integers(0, 39)), value, proof) != tree.root
    broken = proof[:BITMAP_BYTES] + flip(proof[BITMAP_BYTES:], data)
    assert root_from_proof(key, value, broken) != tree.root


def flip(blob: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, len(blob) * 8 - 1))
    return blob[: bit // 8] + bytes([blob[bit // 8] ^ 1 << bit % 8]) + blob[bit // 8 + 1 :]


@TREES
@given(WRITES, KEYS, st.integers(0, 39))
def test_a_flipped_bit_of_the_bitmap_makes_the_length_wrong(writes: list[dict[int, bytes]], key: int, bit: int) -> None:
    proof = build(writes).proof(key)
    bitmap = int.from_bytes(proof[:BITMAP_BYTES], "big") ^ 1 << bit
    with pytest.raises(ValueError, match="does not hold"):
        root_from_proof(key, b"value", bitmap.to_bytes(BITMAP_BYTES, "big") + proof[BITMAP_BYTES:])


def test_a_sibling_that_equals_the_empty_one_may_be_given_in_full() -> None:
    tree = build([{5: b"five"}])
    assert tree.proof(5) == bytes(BITMAP_BYTES)
    spelled = (1).to_bytes(BITMAP_BYTES, "big") + EMPTY[0]
    assert root_from_proof(5, b"five", spelled) == tree.root


def test_a_copy_keeps_its_root_when_the_original_changes() -> None:
    tree = build([{1: b"one"}])
    other = tree.copy()
    tree.update({1: b"two"})
    assert other.root == build([{1: b"one"}]).root != tree.root
