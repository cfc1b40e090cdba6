"""Packed cells from their words: by the struct library interpreted, word by word compiled."""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, write_i16_be, write_i32_be, write_i64_be
from librt.vecs import vec
from mypy_extensions import i16, i32, i64

from tallystick.state.layout import CELL_FORMATS, CELL_WORDS

_BYTES_OF: Final = {"B": 1, "H": 2, "I": 4, "Q": 8, "q": 8}
WORD_BYTES: Final = tuple(bytes([_BYTES_OF[code] for code in form.format[1:]]) for form in CELL_FORMATS)
"""By tag: how many bytes each word takes when it is packed."""

COMPILED: Final = not __file__.endswith(".py")


def pack_cell(tag: i64, words: vec[i64], base: i64) -> bytes:
    """Return the packed value of the cell whose words begin at `base`; empty bytes when they are all zero."""
    return _by_word(tag, words, base) if COMPILED else _by_struct(tag, words, base)


def _by_struct(tag: i64, words: vec[i64], base: i64) -> bytes:
    """Sixty words cost three microseconds like this, and twenty one by one, interpreted."""
    packed: bytes = CELL_FORMATS[tag].pack(*words[base : base + CELL_WORDS[tag]])
    return packed if any(packed) else b""


def _by_word(tag: i64, words: vec[i64], base: i64) -> bytes:
    """Each word is within its field, so that the bytes cut off are its sign or zeros."""
    sizes = WORD_BYTES[tag]
    writer = BytesWriter()
    seen: i64 = 0
    at: i64
    for at in range(len(sizes)):
        word = words[base + at]
        size: i64 = sizes[at]
        seen |= word
        if size == 8:
            write_i64_be(writer, word)
        elif size == 4:
            write_i32_be(writer, i32(word))
        elif size == 1:
            writer.append(word)
        else:
            write_i16_be(writer, i16(word))
    return writer.getvalue() if seen else b""
