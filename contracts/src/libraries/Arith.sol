// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Constants} from "./generated/Names.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

// Exact integer arithmetic with its rounding in the name, and bit scans. Intermediate results are
// 256 bits wide; every field they come from has 64 bits at most.

/// @notice amount x ppm / 1,000,000, rounded up. Units: of `amount`.
function ppmUp(uint256 amount, uint256 ppm) pure returns (uint256) {
    return (amount * ppm + Constants.PPM - 1) / Constants.PPM;
}

/// @notice amount x ppm / 1,000,000, rounded down. Units: of `amount`.
function ppmDown(uint256 amount, uint256 ppm) pure returns (uint256) {
    return amount * ppm / Constants.PPM;
}

/// @notice a / b, rounded down, also below zero; `b` is above it.
function floorDiv(int256 a, int256 b) pure returns (int256) {
    int256 quotient = a / b;
    return quotient * b > a ? quotient - 1 : quotient;
}

/// @notice amount x part / whole, rounded up.
function shareUp(uint256 amount, uint256 part, uint256 whole) pure returns (uint256) {
    return (amount * part + whole - 1) / whole;
}

/// @notice The middle one of three numbers.
function medianOf(int256 a, int256 b, int256 c) pure returns (int256) {
    (int256 low, int256 high) = a <= b ? (a, b) : (b, a);
    return c < low ? low : (c > high ? high : c);
}

/// @notice The number nearest to a value that is within `most` of 0 in either direction.
function clamp(int256 value, int256 most) pure returns (int256) {
    return value < -most ? -most : (value > most ? most : value);
}

/// @notice a x b / divisor, rounded down, also below zero; the divisor is above it.
function mulDivFloor(int256 a, int256 b, int256 divisor) pure returns (int256) {
    return floorDiv(a * b, divisor);
}

/// @notice Whether a x b <= c x d, exactly.
function productsAtMost(int256 a, int256 b, int256 c, int256 d) pure returns (bool) {
    return a * b <= c * d;
}

/// @notice The number of the lowest set bit; 0 also when there is none.
function lowestBit(uint256 bits) pure returns (uint256) {
    unchecked {
        return Math.log2(bits & (0 - bits));
    }
}

/// @notice The number of the highest set bit; 0 also when there is none.
function highestBit(uint256 bits) pure returns (uint256) {
    return Math.log2(bits);
}

/// @notice The bits no lower than `first`, which is at most 256.
function bitsFrom(uint256 bits, uint256 first) pure returns (uint256) {
    return bits >> first << first;
}

/// @notice The bits lower than `end`, which is below 256.
function bitsBelow(uint256 bits, uint256 end) pure returns (uint256) {
    return bits & ((1 << end) - 1);
}

/// @notice How many bits are set.
function ones(uint256 bits) pure returns (uint256 count) {
    for (; bits != 0; bits &= bits - 1) {
        ++count;
    }
}
