"""The nonce window: two words of bits, so that records may arrive out of order but none twice."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.bits import bit_is_set, set_bit
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    ACCOUNT_NONCE_CURRENT,
    ACCOUNT_NONCE_PREVIOUS,
    ACCOUNT_NONCE_WORD,
    NONCE_JUMP_WORDS,
    NONCE_WORD_BITS,
    NONCE_WORD_SHIFT,
)

LIMBS: Final = NONCE_WORD_BITS >> 5


def check_nonce(words: vec[i64], account: i64, nonce: i64) -> i64:
    """Say whether a nonce may be used.

    Rejects: NONCE_RANGE when it is behind the window or further ahead than NONCE_JUMP_WORDS, NONCE_USED.
    """
    word = nonce >> NONCE_WORD_SHIFT
    bit = nonce & (NONCE_WORD_BITS - 1)
    current = words[account + ACCOUNT_NONCE_WORD]
    if word + 1 < current or word > current + NONCE_JUMP_WORDS:
        return Outcome.NONCE_RANGE
    if word > current:
        return Outcome.ACCEPTED
    field = ACCOUNT_NONCE_CURRENT if word == current else ACCOUNT_NONCE_PREVIOUS
    return Outcome.NONCE_USED if bit_is_set(words, account + field, LIMBS, bit) else Outcome.ACCEPTED


def use_nonce(words: vec[i64], account: i64, nonce: i64) -> None:
    """Mark a nonce that `check_nonce` accepted as used, sliding the window forward when it is ahead."""
    word = nonce >> NONCE_WORD_SHIFT
    bit = nonce & (NONCE_WORD_BITS - 1)
    current = words[account + ACCOUNT_NONCE_WORD]
    newest = account + ACCOUNT_NONCE_CURRENT
    older = account + ACCOUNT_NONCE_PREVIOUS
    if word > current:
        adjacent = word == current + 1
        limb: i64
        for limb in range(LIMBS):
            words[older + limb] = words[newest + limb] if adjacent else 0
            words[newest + limb] = 0
        words[account + ACCOUNT_NONCE_WORD] = word
    set_bit(words, newest if word >= current else older, LIMBS, bit)
