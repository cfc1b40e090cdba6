"""Bits of bitmap fields, which lie in limbs of 32 bits, the highest first, and addresses, which do so as well.

Twin: contracts/src/libraries/Bits.sol, where a bitmap is one word.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

NO_BIT: Final[i64] = -1
"""What stands for the place of a bit that there is not."""


def shift_left(word: i64, by: i64) -> i64:
    """Return word << by.

    Compiled, a literal that is shifted, or a name bound to one, is a C int and loses its high bits; an argument is not.
    """
    return word << by


def bit_is_set(words: vec[i64], base: i64, limbs: i64, bit: i64) -> bool:
    """Whether a bit of a bitmap field is set."""
    return words[base + limbs - 1 - (bit >> 5)] >> (bit & 31) & 1 == 1


def set_bit(words: vec[i64], base: i64, limbs: i64, bit: i64) -> None:
    """Set a bit of a bitmap field."""
    words[base + limbs - 1 - (bit >> 5)] |= shift_left(1, bit & 31)


def clear_bit(words: vec[i64], base: i64, limbs: i64, bit: i64) -> None:
    """Clear a bit of a bitmap field."""
    words[base + limbs - 1 - (bit >> 5)] &= ~shift_left(1, bit & 31)


def lowest_bit(words: vec[i64], base: i64, limbs: i64) -> i64:
    """Return the lowest set bit of a bitmap field, NO_BIT when there is none."""
    limb: i64
    for limb in range(limbs):
        word = words[base + limbs - 1 - limb]
        if word:
            return limb * 32 + top_bit(word & -word)
    return NO_BIT


def lowest_bit_from(words: vec[i64], base: i64, limbs: i64, first: i64) -> i64:
    """Return the lowest set bit of a bitmap field that is no lower than `first`, NO_BIT when there is none."""
    limb = first >> 5
    below = shift_left(1, first & 31) - 1
    while limb < limbs:
        word = words[base + limbs - 1 - limb] & ~below
        if word:
            return limb * 32 + top_bit(word & -word)
        below = 0
        limb += 1
    return NO_BIT


def highest_bit(words: vec[i64], base: i64, limbs: i64) -> i64:
    """Return the highest set bit of a bitmap field, NO_BIT when there is none."""
    limb: i64
    for limb in range(limbs):
        word = words[base + limb]
        if word:
            return (limbs - 1 - limb) * 32 + top_bit(word)
    return NO_BIT


def highest_bit_below(words: vec[i64], base: i64, limbs: i64, end: i64) -> i64:
    """Return the highest set bit of a bitmap field that is lower than `end`, NO_BIT when there is none."""
    limb = end >> 5
    if limb >= limbs:
        return highest_bit(words, base, limbs)
    kept = shift_left(1, end & 31) - 1
    while limb >= 0:
        word = words[base + limbs - 1 - limb] & kept
        if word:
            return limb * 32 + top_bit(word)
        kept = -1
        limb -= 1
    return NO_BIT


def ones(bits: int) -> i64:
    """Return how many bits are set."""
    return bits.bit_count()


def top_bit(word: i64) -> i64:
    """Return the highest set bit of a limb that is not zero; by halves, since a machine word has no bit_length."""
    bit: i64 = 16 if word >> 16 else 0
    if word >> (bit + 8):
        bit += 8
    if word >> (bit + 4):
        bit += 4
    if word >> (bit + 2):
        bit += 2
    return bit + (word >> (bit + 1))
