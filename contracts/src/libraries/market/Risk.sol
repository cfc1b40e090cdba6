// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {countedWorth, hasJumped} from "./Brake.sol";
import {initialMargin, maintenanceMargin} from "./Margin.sol";
import {indexStopped} from "./Stages.sol";
import {ppmUp, productsAtMost} from "@tallystick/libraries/Arith.sol";
import {Account, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {exposureOf, owedSince, weightOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";

// Cross-margin: what an account is worth and what it must hold.

/// @dev What stands for every market.
uint256 constant ALL_MARKETS = type(uint256).max;

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
        int256 brings = _brings(account, risk, slot, market, exposure, worth, lean);
        measured.valueUnits += brings;
        brings -= account.positionCostUnits(slot);
        if (brings > 0) measured.gainUnits += brings;
        uint256 weight = weightOf(worth);
        bool stale = _isStale(registers, risk, market, lean);
        int256 asked = _asked(account, risk, slot, market, weight, stale);
        // SAFETY: each 128 + 32 bits.
        measured.notionalUnits += weight;
        measured.initialUnits += asked;
        measured.stayingUnits += stale ? int256(weight) + account.positionExtraUnits(slot) : asked;
        measured.maintenanceUnits += int256(maintenanceMargin(risk, market, weight));
    }
}

/// @notice By how much an account's value passes its initial margin, less than nothing where it does not cover it. Units:
/// units.
/// @dev The two as in `health`, for which nothing else is measured.
function surplus(Registers registers, Account account, Risk risk, uint256 lean) pure returns (int256 left) {
    left = account.cashUnits();
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        int256 size = account.positionSizeLots(slot);
        if (size == 0) continue;
        uint256 market = account.positionMarket(slot);
        int256 exposure = exposureOf(risk, market, size);
        int256 worth = worthOf(risk, market, exposure, lean);
        left += _brings(account, risk, slot, market, exposure, worth, lean);
        bool stale = _isStale(registers, risk, market, lean);
        left -= _asked(account, risk, slot, market, weightOf(worth), stale);
    }
}

/// @notice What those of an account's positions weigh together that have lost by a jump. Units: units.
/// @dev That is what they are worth less than they have cost, or else their maintenance margin, at the index. `only` is
/// the market that alone counts, ALL_MARKETS for all of them.
function jumpedWeight(Account account, Risk risk, uint256 only, bool byLoss) pure returns (int256 weight) {
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        int256 size = account.positionSizeLots(slot);
        uint256 market = account.positionMarket(slot);
        if (size == 0 || (only != ALL_MARKETS && only != market) || !hasJumped(risk, market, size)) continue;
        int256 worth = worthOf(risk, market, exposureOf(risk, market, size), Constants.LEAN_INDEX);
        int256 lost = account.positionCostUnits(slot) - worth;
        // SAFETY: 128 + 32 bits.
        if (!byLoss) weight += int256(maintenanceMargin(risk, market, weightOf(worth)));
        else if (lost > 0) weight += lost;
    }
}

/// @dev What a position adds to its account's value: its worth, less the funding it has not settled yet.
function _brings(Account account, Risk risk, uint256 slot, uint256 market, int256 exposure, int256 worth, uint256 lean)
    pure
    returns (int256 brings)
{
    brings = worth - owedSince(risk, market, exposure, account.positionFundingIndexPpm(slot));
    return lean == Constants.LEAN_WORST ? countedWorth(account, risk, slot, brings) : brings;
}

/// @dev The initial margin of a position of this weight, and what was asked beyond it.
function _asked(Account account, Risk risk, uint256 slot, uint256 market, uint256 weight, bool stale)
    pure
    returns (int256 asked)
{
    // SAFETY: 128 + 32 bits.
    asked = int256(initialMargin(risk, market, weight));
    if (stale) asked *= 2;
    return asked + account.positionExtraUnits(slot);
}

/// @dev Whether a market's index is stale, which counts at the worse price alone; of a settled market it never is.
function _isStale(Registers registers, Risk risk, uint256 market, uint256 lean) pure returns (bool) {
    if (lean != Constants.LEAN_WORST || risk.marketIndexMs(market) == 0) return false;
    return indexStopped(registers, risk, market);
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
