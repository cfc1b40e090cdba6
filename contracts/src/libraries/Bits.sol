// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

// Bits of bitmap fields, each of which is one word. Twin: shared/tallystick/machine/bits.py.

/// @dev What stands for the place of a bit that there is not.
uint256 constant NO_BIT = type(uint256).max;

/// @notice Whether a bit of a bitmap is set.
function bitIsSet(uint256 bits, uint256 bit) pure returns (bool) {
    return bits >> bit & 1 == 1;
}

/// @notice A bitmap with a bit set.
function setBit(uint256 bits, uint256 bit) pure returns (uint256) {
    return bits | 1 << bit;
}

/// @notice A bitmap with a bit cleared.
function clearBit(uint256 bits, uint256 bit) pure returns (uint256) {
    return bits & ~(1 << bit);
}

/// @notice The lowest set bit of a bitmap, NO_BIT when there is none.
function lowestBit(uint256 bits) pure returns (uint256) {
    unchecked {
        return bits == 0 ? NO_BIT : Math.log2(bits & (0 - bits));
    }
}

/// @notice The lowest set bit of a bitmap that is no lower than `first`, NO_BIT when there is none.
function lowestBitFrom(uint256 bits, uint256 first) pure returns (uint256) {
    return lowestBit(bits >> first << first);
}

/// @notice The highest set bit of a bitmap, NO_BIT when there is none.
function highestBit(uint256 bits) pure returns (uint256) {
    return bits == 0 ? NO_BIT : Math.log2(bits);
}

/// @notice The highest set bit of a bitmap that is lower than `end`, which is below 256; NO_BIT when there is none.
function highestBitBelow(uint256 bits, uint256 end) pure returns (uint256) {
    return highestBit(bits & ((1 << end) - 1));
}

/// @notice How many bits are set.
function ones(uint256 bits) pure returns (uint256 count) {
    for (; bits != 0; bits &= bits - 1) {
        ++count;
    }
}
