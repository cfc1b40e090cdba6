"""Blobs, their commitments and the proof of one chunk, against the library's own verifier."""

from __future__ import annotations

import ckzg
import pytest

from tallystick.blobs.kzg import (
    MODULUS,
    ROOT_OF_UNITY,
    check_blob,
    commitment_of,
    hash_of,
    open_chunk,
    trusted_setup,
    versioned_hash,
)
from tallystick.errors import BadInput, DataMismatch
from tallystick.records.blob_chunks import (
    BLOB_BYTES,
    BLOB_CHUNK_BYTES,
    chunk_in_blob,
    elements_of,
    pack_blob,
    pack_blobs,
)
from tallystick.state.hashing import keccak

CHUNKS = [keccak(bytes([i])) * 62 for i in range(64)]


def test_what_goes_into_a_blob_comes_out_of_it_with_zeros_behind() -> None:
    chunks = [b"first", b"", bytes(BLOB_CHUNK_BYTES), b"\xff" * BLOB_CHUNK_BYTES]
    blob = pack_blob(chunks)
    assert len(blob) == BLOB_BYTES == 131_072
    assert [chunk_in_blob(blob, i) for i in range(4)] == [each.ljust(1984, b"\0") for each in chunks]
    assert chunk_in_blob(blob, 63) == bytes(1984)


def test_a_blob_has_64_chunks_of_1984_bytes_and_the_65th_begins_another() -> None:
    assert BLOB_CHUNK_BYTES == 1984
    first, second = pack_blobs([*CHUNKS, b"more"])
    assert [chunk_in_blob(first, i) for i in range(64)] == CHUNKS
    assert chunk_in_blob(second, 0) == b"more".ljust(1984, b"\0")
    with pytest.raises(BadInput, match="has 64 chunks"):
        pack_blob([*CHUNKS, b"more"])
    with pytest.raises(BadInput, match="has 1984 bytes"):
        pack_blob([bytes(1985)])


@pytest.mark.parametrize("at", [0, 31, 63])
def test_a_chunk_with_an_element_whose_first_byte_is_not_0_is_void(at: int) -> None:
    blob = bytearray(pack_blob(CHUNKS))
    blob[2048 * 5 + 32 * at] = 1
    assert chunk_in_blob(bytes(blob), 5) == b""
    assert chunk_in_blob(bytes(blob), 4) == CHUNKS[4]
    assert chunk_in_blob(bytes(blob), 6) == CHUNKS[6]


def test_the_root_of_unity_has_order_4096() -> None:
    assert pow(ROOT_OF_UNITY, 4096, MODULUS) == 1
    assert pow(ROOT_OF_UNITY, 2048, MODULUS) != 1


def test_a_blob_is_known_by_the_hash_of_its_commitment() -> None:
    blob = pack_blob(CHUNKS)
    hashed = versioned_hash(commitment_of(blob))
    assert hash_of(blob) == hashed and hashed[0] == 1
    check_blob(blob, hashed)
    other = blob[:-1] + bytes([blob[-1] ^ 1])
    with pytest.raises(DataMismatch, match="another blob"):
        check_blob(other, hashed)
    for none in (blob[:-1], b"\xff" * BLOB_BYTES):
        with pytest.raises(DataMismatch, match="no blob"):
            check_blob(none, hashed)


def test_every_element_of_an_opened_chunk_is_proven_at_its_own_point() -> None:
    blob, index = pack_blob(CHUNKS), 37
    opening = open_chunk(blob, index)
    assert len(opening) == 48 + 64 * 80
    commitment = opening[:48]
    assert versioned_hash(commitment) == hash_of(blob)
    assert [opening[48 + 80 * i :][:32] for i in range(64)] == elements_of(blob, index)
    root = pow(7, (MODULUS - 1) // 4096, MODULUS)
    for i in range(64):
        place = sum(((64 * index + i) >> bit & 1) << 11 - bit for bit in range(12))
        point = pow(root, place, MODULUS).to_bytes(32, "big")
        value, proof = opening[48 + 80 * i :][:32], opening[80 + 80 * i :][:48]
        assert ckzg.verify_kzg_proof(commitment, point, value, proof, trusted_setup())
