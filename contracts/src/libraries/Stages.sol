// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Price, Risk} from "./generated/Cells.sol";
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

/// @notice Whether an account is spared for the sake of a market it holds a position in, whichever one
/// is to be closed.
/// @dev It is while that market's prices have stopped, or have come back lately: what the account is
/// worth is not known. Not for ever: beyond SILENT_MS the last mark counts, or one lot in a dead market
/// would be a shield.
function holderWaits(Registers registers, Account account, Risk risk) pure returns (bool) {
    uint64 clock = registers.clockMs();
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        if (account.positionSizeLots(slot) == 0) continue;
        uint256 market = account.positionMarket(slot);
        uint64 index = risk.marketIndexMs(market);
        if (index == 0) continue;
        if (clock - index > Constants.STALE_MS && clock - index <= Constants.SILENT_MS) return true;
        uint64 resumed = risk.marketResumedMs(market);
        if (resumed != 0 && clock - resumed < Constants.LIQUIDATION_WAIT_MS) return true;
    }
    return false;
}

/// @notice Whether a market's index is stale, by its entry in Risk.
function indexStopped(Registers registers, Risk risk, uint256 market) pure returns (bool) {
    return registers.clockMs() - risk.marketIndexMs(market) > Constants.STALE_MS;
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
