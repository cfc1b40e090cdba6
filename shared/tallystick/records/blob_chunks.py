"""Chunks in a blob: 64 of them, each in 64 field elements of 31 free bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tallystick.errors import BadInput
from tallystick.state.layout import BLOB_CHUNKS, CHUNK_ELEMENTS, ELEMENT_BYTES

BLOB_CHUNK_BYTES: Final = CHUNK_ELEMENTS * ELEMENT_BYTES
"""What a chunk in a blob carries, whatever of it is used: behind its last record a frame of length 0 ends it."""
WORD_BYTES: Final = 32
SPAN_BYTES: Final = CHUNK_ELEMENTS * WORD_BYTES
"""What a chunk takes of a blob."""
BLOB_BYTES: Final = BLOB_CHUNKS * SPAN_BYTES
VERSIONED_HASH_BYTES: Final = 32
FREE: Final = b"\0"
"""The first byte of every element that carries bytes: so it is below the field's modulus whatever follows."""


def pack_blob(chunks: Sequence[bytes]) -> bytes:
    """Return the blob of up to 64 chunks, each with zeros behind; where there is no chunk, there are zeros alone.

    Raises: BadInput when a chunk is longer than 1,984 bytes, or there are more.
    """
    if len(chunks) > BLOB_CHUNKS:
        raise BadInput(f"a blob has {BLOB_CHUNKS} chunks", chunks=len(chunks))
    parts: list[bytes] = []
    for chunk in chunks:
        if len(chunk) > BLOB_CHUNK_BYTES:
            raise BadInput(f"a chunk in a blob has {BLOB_CHUNK_BYTES} bytes", chunk_bytes=len(chunk))
        data = chunk.ljust(BLOB_CHUNK_BYTES, b"\0")
        parts += [FREE + data[at : at + ELEMENT_BYTES] for at in range(0, BLOB_CHUNK_BYTES, ELEMENT_BYTES)]
    return b"".join(parts).ljust(BLOB_BYTES, b"\0")


def pack_blobs(chunks: Sequence[bytes]) -> list[bytes]:
    """Return the blobs of as many chunks as there are, in order.

    Raises: BadInput when a chunk is longer than 1,984 bytes.
    """
    return [pack_blob(chunks[at : at + BLOB_CHUNKS]) for at in range(0, len(chunks), BLOB_CHUNKS)]


def elements_of(blob: bytes, index: int) -> list[bytes]:
    """Return a chunk's 64 elements, 32 bytes each."""
    span = blob[index * SPAN_BYTES : (index + 1) * SPAN_BYTES]
    return [span[at : at + WORD_BYTES] for at in range(0, SPAN_BYTES, WORD_BYTES)]


def chunk_of_elements(elements: Sequence[bytes]) -> bytes:
    """Return the bytes that a chunk's elements carry, none when the first byte of one is not 0: such a chunk is void."""
    if any(element[:1] != FREE for element in elements):
        return b""
    return b"".join([element[1:] for element in elements])


def chunk_in_blob(blob: bytes, index: int) -> bytes:
    """Return the bytes of a blob's chunk, none when it is void."""
    return chunk_of_elements(elements_of(blob, index))
