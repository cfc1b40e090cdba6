// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";

// What a market's prices allow: only cancels, then only makers, then all but liquidations, then all; and triggers.

/// @notice The time by which reports and the index are fresh: for what came through L1, when it was queued there.
function nowMs(Registers registers) pure returns (uint64) {
    uint64 forced = registers.forcedMs();
    return forced != 0 ? forced : registers.clockMs();
}

/// @notice Whether a trader's order may be taken now.
/// @dev Rejects: STALE_INDEX, POST_ONLY_STAGE (prices have come back just now, and the order might take).
function checkOrderStage(Registers registers, Price price, uint256 flags) pure returns (uint8) {
    uint64 clock = registers.clockMs();
    if (_stale(price, clock)) return Outcome.STALE_INDEX;
    if (flags & Constants.FLAG_POST_ONLY != 0) return Outcome.ACCEPTED;
    return _resumedWithin(price, clock, Constants.POST_ONLY_MS) ? Outcome.POST_ONLY_STAGE : Outcome.ACCEPTED;
}

/// @notice Whether a position may be closed against its owner's will now.
/// @dev Rejects: STALE_INDEX, LIQUIDATIONS_WAIT (prices have come back lately, so that margin can still
/// be added).
function checkLiquidationStage(Registers registers, Price price) pure returns (uint8) {
    uint64 time = nowMs(registers);
    if (_stale(price, time)) return Outcome.STALE_INDEX;
    bool waits = _resumedWithin(price, time, Constants.LIQUIDATION_WAIT_MS);
    return waits ? Outcome.LIQUIDATIONS_WAIT : Outcome.ACCEPTED;
}

/// @notice Whether an account is spared for the sake of a market it holds a position in, whichever one
/// is to be closed.
/// @dev It is while that market's prices have stopped, or have come back lately: what the account is
/// worth is not known. Not for ever: beyond SILENT_MS the last mark counts, or one lot in a dead market
/// would be a shield.
function holderWaits(Registers registers, Account account, Risk risk) pure returns (bool) {
    uint64 time = nowMs(registers);
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        if (account.positionSizeLots(slot) == 0) continue;
        uint256 market = account.positionMarket(slot);
        uint64 index = risk.marketIndexMs(market);
        if (index == 0) continue;
        if (time > index + Constants.STALE_MS && time <= index + Constants.SILENT_MS) return true;
        uint64 resumed = risk.marketResumedMs(market);
        if (resumed != 0 && time < resumed + Constants.LIQUIDATION_WAIT_MS) return true;
    }
    return false;
}

/// @notice Whether a market's index is stale, by its entry in Risk.
function indexStopped(Registers registers, Risk risk, uint256 market) pure returns (bool) {
    return registers.clockMs() > risk.marketIndexMs(market) + Constants.STALE_MS;
}

/// @notice Whether a trigger fires at a mark.
function isDue(uint256 trigger, uint256 flags, uint256 mark) pure returns (bool) {
    return flags & Constants.FLAG_TRIGGER_ABOVE != 0 ? mark >= trigger : mark <= trigger;
}

/// @notice Whether triggers wait: because prices have come back just now, or the newest is one that came late through
/// L1. The orders would be refused.
function triggersWait(Registers registers, Price price) pure returns (bool) {
    uint64 clock = registers.clockMs();
    return _stale(price, clock) || _resumedWithin(price, clock, Constants.POST_ONLY_MS);
}

function _stale(Price price, uint64 time) pure returns (bool) {
    return time > price.indexMs() + Constants.STALE_MS;
}

function _resumedWithin(Price price, uint64 time, uint256 wait) pure returns (bool) {
    uint64 resumed = price.resumedMs();
    return resumed != 0 && time < resumed + wait;
}
