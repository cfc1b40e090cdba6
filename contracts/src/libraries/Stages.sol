// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Price} from "./generated/Cells.sol";
import {Constants, Outcome} from "./generated/Names.sol";
import {Registers} from "./generated/Registers.sol";

// What a market's prices allow: only cancels, then only makers, then all but liquidations, then all; and triggers.

/// @notice Whether a trader's order may be taken now.
/// @dev Rejects: STALE_INDEX, POST_ONLY_STAGE (prices have come back just now, and the order might take).
function checkOrderStage(Registers registers, Price price, uint256 flags) pure returns (uint8) {
    if (_stale(registers, price)) return Outcome.STALE_INDEX;
    if (flags & Constants.FLAG_POST_ONLY != 0) return Outcome.ACCEPTED;
    return _resumedWithin(registers, price, Constants.POST_ONLY_MS) ? Outcome.POST_ONLY_STAGE : Outcome.ACCEPTED;
}

/// @notice Whether a position may be closed against its owner's will now.
/// @dev Rejects: STALE_INDEX, LIQUIDATIONS_WAIT (prices have come back lately, so that margin can still
/// be added).
function checkLiquidationStage(Registers registers, Price price) pure returns (uint8) {
    if (_stale(registers, price)) return Outcome.STALE_INDEX;
    bool waits = _resumedWithin(registers, price, Constants.LIQUIDATION_WAIT_MS);
    return waits ? Outcome.LIQUIDATIONS_WAIT : Outcome.ACCEPTED;
}

/// @notice Whether a trigger fires at a mark.
function isDue(uint256 trigger, uint256 flags, uint256 mark) pure returns (bool) {
    return flags & Constants.FLAG_TRIGGER_ABOVE != 0 ? mark >= trigger : mark <= trigger;
}

/// @notice Whether triggers wait because prices have come back just now.
function triggersWait(Registers registers, Price price) pure returns (bool) {
    return _resumedWithin(registers, price, Constants.POST_ONLY_MS);
}

function _stale(Registers registers, Price price) pure returns (bool) {
    return registers.clockMs() - price.indexMs() > Constants.STALE_MS;
}

function _resumedWithin(Registers registers, Price price, uint256 wait) pure returns (bool) {
    uint64 resumed = price.resumedMs();
    return resumed != 0 && registers.clockMs() - resumed < wait;
}
