// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MILLION, wholeUp} from "@tallystick/libraries/Arith.sol";

// Funding: what a position owes for the time it was held, settled only when the position changes.

/// @notice What a position owes since its funding index was `changePpm` lower; less than nothing is what
/// it is owed. Rounding: up, against the position.
/// @param exposure size x multiplier, signed
/// @param changePpm in millionths of a tick
function owed(int256 exposure, int256 changePpm) pure returns (int256) {
    // SAFETY: 96 + 64 bits.
    return wholeUp(exposure * changePpm);
}

/// @notice What rounding `owed` up has kept. Units: millionths of a unit, 0 to 999,999.
function dust(int256 exposure, int256 changePpm) pure returns (int256) {
    return owed(exposure, changePpm) * MILLION - exposure * changePpm;
}
