"""KZG commitments of blobs (EIP-4844), and the proof of one chunk against a versioned hash."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import as_file, files
from typing import Any, Final

import ckzg

from tallystick.errors import BadInput, DataMismatch
from tallystick.records.blob_chunks import BLOB_BYTES, elements_of
from tallystick.state.layout import BLOB_CHUNK_BITS, BLOB_CHUNKS, CHUNK_ELEMENTS

MODULUS: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""Of the field that a blob's elements are of."""
ELEMENTS: Final = BLOB_CHUNKS * CHUNK_ELEMENTS
INDEX_BITS: Final = ELEMENTS.bit_length() - 1
ROOT_OF_UNITY: Final = pow(7, (MODULUS - 1) // ELEMENTS, MODULUS)
"""ω, of order 4,096: element i is the value at ω^bitreverse(i)."""
VERSION: Final = b"\1"
WORD_BYTES: Final = 32
PRECOMPUTED: Final = 0
KEPT_OPENINGS: Final = 16
SETUP: Final = "typed_transactions/blob_transactions/kzg_trusted_setup.txt"


@cache
def trusted_setup() -> Any:
    """Return the setup of Ethereum's ceremony, loaded once: it takes seconds."""
    with as_file(files("eth_account").joinpath(SETUP)) as path:
        return ckzg.load_trusted_setup(str(path), PRECOMPUTED)


def commitment_of(blob: bytes) -> bytes:
    """Return a blob's commitment, 48 bytes.

    Raises: BadInput when it is no blob: another length, or an element that is not below the modulus.
    """
    if len(blob) != BLOB_BYTES:
        raise BadInput(f"a blob has {BLOB_BYTES} bytes", blob_bytes=len(blob))
    try:
        return bytes(ckzg.blob_to_kzg_commitment(blob, trusted_setup()))
    except RuntimeError as error:
        raise BadInput("an element of the blob is not below the field's modulus") from error


def versioned_hash(commitment: bytes) -> bytes:
    """Return the hash by which L1 knows a commitment."""
    return VERSION + sha256(commitment).digest()[1:]


def hash_of(blob: bytes) -> bytes:
    """Return a blob's versioned hash.

    Raises: BadInput when it is no blob.
    """
    return versioned_hash(commitment_of(blob))


def check_blob(blob: bytes, expected: bytes) -> None:
    """Hold a blob against its versioned hash.

    Raises: DataMismatch when it is another blob, or none.
    """
    try:
        actual = hash_of(blob)
    except BadInput as error:
        raise DataMismatch("what came is no blob", versioned_hash=expected) from error
    if actual != expected:
        raise DataMismatch("what came is another blob", versioned_hash=expected, actual=actual)


def point_of(index: int) -> bytes:
    """Return where a blob's polynomial has element `index`."""
    reversed_ = int(f"{index:0{INDEX_BITS}b}"[::-1], 2)
    return pow(ROOT_OF_UNITY, reversed_, MODULUS).to_bytes(WORD_BYTES, "big")


@lru_cache(maxsize=KEPT_OPENINGS)
def open_chunk(blob: bytes, index: int) -> bytes:
    """Return what proves a blob's chunk: the commitment, then each of its 64 elements with its proof.

    Shape: 48 bytes, then 64 times 32 + 48. Takes seconds, for one proof is a multiplication over the whole blob; the
    newest few are kept.
    Raises: BadInput when it is no blob.
    """
    parts = [commitment_of(blob)]
    for at, element in enumerate(elements_of(blob, index)):
        proof, value = ckzg.compute_kzg_proof(blob, point_of(index * CHUNK_ELEMENTS + at), trusted_setup())
        assert value == element, "the value at an element's point is the element"
        parts += [element, bytes(proof)]
    return b"".join(parts)


def prove_chunk(blobs: Sequence[bytes], index: int) -> bytes:
    """Return what OPEN_CHUNK takes for a chunk of a batch in blobs: their versioned hashes, then the opened chunk.

    Raises: BadInput when one of them is no blob.
    """
    hashes = b"".join([hash_of(blob) for blob in blobs])
    return hashes + open_chunk(blobs[index >> BLOB_CHUNK_BITS], index & (BLOB_CHUNKS - 1))


def share_setup(library: Any) -> None:
    """Have a library's module that loads the setup at each use load it once."""
    library.load_trusted_setup = _loaded


@cache
def _loaded(path: str, precomputed: int) -> Any:
    return ckzg.load_trusted_setup(path, precomputed)
