// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {bitIsSet, setBit} from "./Bits.sol";
import {Account} from "./generated/Cells.sol";
import {Constants, Outcome} from "./generated/Names.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

// The nonce window: two words of bits, so that records may arrive out of order but none twice.

/// @notice Says whether a nonce may be used.
/// @dev Rejects: NONCE_RANGE when it is behind the window or further ahead than NONCE_JUMP_WORDS,
/// NONCE_USED.
function checkNonce(Account account, uint256 nonce) pure returns (uint8) {
    uint256 word = nonce >> Constants.NONCE_WORD_SHIFT;
    uint256 bit = nonce & (Constants.NONCE_WORD_BITS - 1);
    uint256 current = account.nonceWord();
    if (word + 1 < current || word > current + Constants.NONCE_JUMP_WORDS) {
        return Outcome.NONCE_RANGE;
    }
    if (word > current) return Outcome.ACCEPTED;
    uint128 field = word == current ? account.nonceCurrent() : account.noncePrevious();
    return bitIsSet(field, bit) ? Outcome.NONCE_USED : Outcome.ACCEPTED;
}

/// @notice Marks a nonce that `checkNonce` accepted as used, sliding the window forward when it is
/// ahead.
function useNonce(Account account, uint256 nonce) pure {
    uint256 word = nonce >> Constants.NONCE_WORD_SHIFT;
    uint256 bit = nonce & (Constants.NONCE_WORD_BITS - 1);
    uint256 current = account.nonceWord();
    if (word > current) {
        bool adjacent = word == current + 1;
        account.setNoncePrevious(adjacent ? account.nonceCurrent() : 0);
        account.setNonceCurrent(0);
        account.setNonceWord(SafeCast.toUint64(word));
    }
    // SAFETY of both casts: the bit is below 128.
    if (word >= current) account.setNonceCurrent(uint128(setBit(account.nonceCurrent(), bit)));
    else account.setNoncePrevious(uint128(setBit(account.noncePrevious(), bit)));
}
