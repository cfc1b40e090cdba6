// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Constants} from "./generated/Names.sol";

// Exact integer arithmetic with its rounding in the name: the one module that divides. Intermediate results are
// 256 bits wide; every field they come from has 64 bits at most. Twin: shared/tallystick/machine/arith.py.

/// @dev Millionths of a whole.
int256 constant MILLION = int256(Constants.PPM);

/// @notice amount x ppm / 1,000,000. Units: of `amount`. Rounding: up.
function ppmUp(uint256 amount, uint256 ppm) pure returns (uint256) {
    return (amount * ppm + Constants.PPM - 1) / Constants.PPM;
}

/// @notice amount x ppm / 1,000,000. Units: of `amount`. Rounding: down.
function ppmDown(uint256 amount, uint256 ppm) pure returns (uint256) {
    return amount * ppm / Constants.PPM;
}

/// @notice The wholes in a number of millionths. Rounding: up, also below zero.
function wholeUp(int256 amountPpm) pure returns (int256) {
    return -divDown(-amountPpm, MILLION);
}

/// @notice The wholes in a number of millionths. Rounding: down, also below zero.
function wholeDown(int256 amountPpm) pure returns (int256) {
    return divDown(amountPpm, MILLION);
}

/// @notice a / b for b above 0. Rounding: down, also below zero.
function divDown(int256 a, int256 b) pure returns (int256) {
    int256 quotient = a / b;
    return quotient * b > a ? quotient - 1 : quotient;
}

/// @notice a / b for b above 0. Rounding: to zero.
function divToZero(int256 a, int256 b) pure returns (int256) {
    return a / b;
}

/// @notice a x b / divisor, exactly. Rounding: up, also below zero.
function mulDivUp(int256 a, int256 b, int256 divisor) pure returns (int256) {
    return -divDown(-(a * b), divisor);
}

/// @notice a x b / divisor, exactly. Rounding: down, also below zero.
function mulDivDown(int256 a, int256 b, int256 divisor) pure returns (int256) {
    return divDown(a * b, divisor);
}

/// @notice a x b / divisor, exactly. Rounding: to zero.
function mulDivToZero(int256 a, int256 b, int256 divisor) pure returns (int256) {
    return divToZero(a * b, divisor);
}

/// @notice How many whole periods of the clock a time is. Rounding: down.
function periodsDown(uint64 spentMs, uint256 periodMs) pure returns (uint64) {
    // SAFETY: no more than the time itself.
    return uint64(spentMs / periodMs);
}

/// @notice Whether a x b <= c x d, exactly.
function productsAtMost(int256 a, int256 b, int256 c, int256 d) pure returns (bool) {
    return a * b <= c * d;
}

/// @notice Whether a x b x c <= d x e x f, exactly.
function tripleProductsAtMost(int256 a, int256 b, int256 c, int256 d, int256 e, int256 f) pure returns (bool) {
    return a * b * c <= d * e * f;
}

/// @notice The number nearest to a value that is within `most` of 0 in either direction.
function clamp(int256 value, int256 most) pure returns (int256) {
    return value < -most ? -most : (value > most ? most : value);
}
