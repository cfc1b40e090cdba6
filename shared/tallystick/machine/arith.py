"""Exact integer arithmetic with its rounding in the name, and bit scans over limbs."""

from __future__ import annotations

from tallystick.state.layout import PPM


def ppm_up(amount: int, ppm: int) -> int:
    """Return amount x ppm / 1,000,000.

    Units: of `amount`, which is not negative. Rounding: up.
    """
    whole = amount // PPM
    return whole * ppm + ((amount - whole * PPM) * ppm + PPM - 1) // PPM


def products_at_most(a: int, b: int, c: int, d: int) -> bool:
    """Whether a x b <= c x d, exactly (the products may need 128 bits)."""
    return a * b <= c * d


def bit_is_set(words: list[int], base: int, limbs: int, bit: int) -> bool:
    """Whether a bit of a bitmap field is set."""
    return words[base + limbs - 1 - (bit >> 5)] >> (bit & 31) & 1 == 1


def set_bit(words: list[int], base: int, limbs: int, bit: int) -> None:
    """Set a bit of a bitmap field."""
    one = 1
    words[base + limbs - 1 - (bit >> 5)] |= one << (bit & 31)


def clear_bit(words: list[int], base: int, limbs: int, bit: int) -> None:
    """Clear a bit of a bitmap field."""
    one = 1
    words[base + limbs - 1 - (bit >> 5)] &= ~(one << (bit & 31))


def lowest_bit(words: list[int], base: int, limbs: int) -> int:
    """Return the lowest set bit of a bitmap field, -1 when there is none."""
    for limb in range(limbs):
        word = words[base + limbs - 1 - limb]
        if word:
            return limb * 32 + (word & -word).bit_length() - 1
    return -1


def highest_bit(words: list[int], base: int, limbs: int) -> int:
    """Return the highest set bit of a bitmap field, -1 when there is none."""
    for limb in range(limbs):
        word = words[base + limb]
        if word:
            return (limbs - 1 - limb) * 32 + word.bit_length() - 1
    return -1


def address_words(address: bytes) -> list[int]:
    """Return the five words an address takes in a cell."""
    return [int.from_bytes(address[at : at + 4], "big") for at in range(0, 20, 4)]


def read_address(words: list[int], base: int) -> bytes:
    """Return the address that starts at a word."""
    return b"".join(words[base + at].to_bytes(4, "big") for at in range(5))
