// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {countedWorth} from "./Brake.sol";
import {initialMargin, maintenanceMargin} from "./Margin.sol";
import {indexStopped} from "./Stages.sol";
import {ppmUp, productsAtMost} from "@tallystick/libraries/Arith.sol";
import {Account, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {exposureOf, owedSince, weightOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";

// Cross-margin: what an account is worth and what it must hold.

/// @notice An account against prices. Units: all in units.
/// @dev `staying` is what a withdrawal must leave of its value as margin, `gain` what those of its positions that have
/// gained would bring beyond what they have cost.
struct Health {
    int256 valueUnits;
    int256 initialUnits;
    int256 maintenanceUnits;
    uint256 notionalUnits;
    int256 stayingUnits;
    int256 gainUnits;
}

/// @notice Measures an account at the prices that `lean` names, with the funding it has not settled
/// yet. Rounding: margin requirements and funding up, position by position.
/// @dev At the worse price a position in a market whose index is stale has the stale margin: twice its
/// initial margin, and all of its notional stays in a withdrawal, and one that a brake holds is worth no more than its
/// cost.
function health(Registers registers, Account account, Risk risk, uint256 lean) pure returns (Health memory measured) {
    measured.valueUnits = account.cashUnits();
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        int256 size = account.positionSizeLots(slot);
        if (size == 0) continue;
        uint256 market = account.positionMarket(slot);
        int256 exposure = exposureOf(risk, market, size);
        int256 worth = worthOf(risk, market, exposure, lean);
        int256 brings = worth - owedSince(risk, market, exposure, account.positionFundingIndexPpm(slot));
        if (lean == Constants.LEAN_WORST) brings = countedWorth(account, risk, slot, brings);
        measured.valueUnits += brings;
        brings -= account.positionCostUnits(slot);
        if (brings > 0) measured.gainUnits += brings;
        _addMargins(measured, registers, risk, market, weightOf(worth), lean);
        measured.initialUnits += account.positionExtraUnits(slot);
        measured.stayingUnits += account.positionExtraUnits(slot);
    }
}

/// @dev Adds what a position of this weight needs of its market.
function _addMargins(
    Health memory measured,
    Registers registers,
    Risk risk,
    uint256 market,
    uint256 weight,
    uint256 lean
) pure {
    bool stale = lean == Constants.LEAN_WORST && _isStale(registers, risk, market);
    uint256 opening = initialMargin(risk, market, weight);
    // SAFETY: three times 128 + 32 bits.
    measured.notionalUnits += weight;
    measured.initialUnits += int256(stale ? 2 * opening : opening);
    measured.stayingUnits += int256(stale ? weight : opening);
    measured.maintenanceUnits += int256(maintenanceMargin(risk, market, weight));
}

/// @dev Whether a market's index is stale; of a settled market it never is.
function _isStale(Registers registers, Risk risk, uint256 market) pure returns (bool) {
    return risk.marketIndexMs(market) != 0 && indexStopped(registers, risk, market);
}

/// @notice Whether a trade may leave an account like this.
/// @dev Either it ends at or above the initial margin, or it only reduces a position of an account that
/// is worth at least nothing, and the ratio of value to maintenance margin gets no worse.
function mayChange(Health memory before, Health memory later, bool reduces) pure returns (bool) {
    if (later.valueUnits >= later.initialUnits) return true;
    return reduces && keepsRatio(before, later);
}

/// @notice Whether an account was worth at least nothing, and its ratio of value to maintenance margin gets no worse.
function keepsRatio(Health memory before, Health memory later) pure returns (bool) {
    if (before.valueUnits < 0) return false;
    return productsAtMost(before.valueUnits, later.maintenanceUnits, later.valueUnits, before.maintenanceUnits);
}

/// @notice What may leave an account that is measured at the worse prices. Rounding: down.
/// @dev A gain leaves only when it has been realised, for who owes it may still turn out bankrupt; and
/// where the margin that stays is less, a share of the notional stays. Never more than the Vault still
/// holds, so that every withdrawal granted can be paid (I5).
function withdrawable(Registers registers, Health memory measured) pure returns (uint256) {
    int256 buffer = int256(ppmUp(measured.notionalUnits, Constants.WITHDRAW_BUFFER_PPM));
    int256 free = measured.valueUnits - (measured.stayingUnits >= buffer ? measured.stayingUnits : buffer);
    int256 realised = measured.valueUnits - measured.gainUnits;
    if (realised < free) free = realised;
    int256 held = int256(registers.depositedUnits()) - registers.withdrawnUnits();
    if (held < free) free = held;
    return free > 0 ? uint256(free) : 0;
}
