"""The nonce window: two words of bits, so that records may arrive out of order but none twice."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.bits import bit_is_set, set_bit
from tallystick.state.cells import (
    Account,
    account_nonce_current,
    account_nonce_previous,
    account_nonce_word,
    set_account_nonce_word,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import NONCE_JUMP_WORDS, NONCE_WORD_BITS, NONCE_WORD_SHIFT

LIMBS: Final = NONCE_WORD_BITS >> 5


def check_nonce(words: vec[i64], account: Account, nonce: i64) -> i64:
    """Say whether a nonce may be used.

    Rejects: NONCE_RANGE when it is behind the window or further ahead than NONCE_JUMP_WORDS, NONCE_USED.
    """
    word = nonce >> NONCE_WORD_SHIFT
    bit = nonce & (NONCE_WORD_BITS - 1)
    current = account_nonce_word(words, account)
    if word + 1 < current or word > current + NONCE_JUMP_WORDS:
        return Outcome.NONCE_RANGE
    if word > current:
        return Outcome.ACCEPTED
    bits = account_nonce_current(account) if word == current else account_nonce_previous(account)
    return Outcome.NONCE_USED if bit_is_set(words, bits, LIMBS, bit) else Outcome.ACCEPTED


def use_nonce(words: vec[i64], account: Account, nonce: i64) -> None:
    """Mark a nonce that `check_nonce` accepted as used, sliding the window forward when it is ahead."""
    word = nonce >> NONCE_WORD_SHIFT
    bit = nonce & (NONCE_WORD_BITS - 1)
    current = account_nonce_word(words, account)
    newest = account_nonce_current(account)
    older = account_nonce_previous(account)
    if word > current:
        adjacent = word == current + 1
        limb: i64
        for limb in range(LIMBS):
            words[older + limb] = words[newest + limb] if adjacent else 0
            words[newest + limb] = 0
        set_account_nonce_word(words, account, word)
    set_bit(words, newest if word >= current else older, LIMBS, bit)
