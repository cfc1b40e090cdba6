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

/// @notice An account against prices.
/// @dev `stayingUnits` is what a withdrawal must leave of its value as margin, `gainUnits` what those of its positions
/// that have gained would bring beyond what they have cost.
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
        int256 sizeLots = account.positionSizeLots(slot);
        if (sizeLots == 0) continue;
        uint256 market = account.positionMarket(slot);
        int256 exposure = exposureOf(risk, market, sizeLots);
        int256 worthUnits = worthOf(risk, market, exposure, lean);
        int256 bringsUnits = _brings(account, risk, slot, market, exposure, worthUnits, lean);
        measured.valueUnits += bringsUnits;
        bringsUnits -= account.positionCostUnits(slot);
        if (bringsUnits > 0) measured.gainUnits += bringsUnits;
        uint256 weightUnits = weightOf(worthUnits);
        bool stale = _isStale(registers, risk, market, lean);
        int256 askedUnits = _asked(account, risk, slot, market, weightUnits, stale);
        // SAFETY: each 128 + 32 bits.
        measured.notionalUnits += weightUnits;
        measured.initialUnits += askedUnits;
        measured.stayingUnits += stale ? int256(weightUnits) + account.positionExtraUnits(slot) : askedUnits;
        measured.maintenanceUnits += int256(maintenanceMargin(risk, market, weightUnits));
    }
}

/// @notice By how much an account's value passes its initial margin, less than nothing where it does not cover it. Units:
/// units.
/// @dev The two as in `health`, for which nothing else is measured.
function surplus(Registers registers, Account account, Risk risk, uint256 lean) pure returns (int256 leftUnits) {
    leftUnits = account.cashUnits();
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        int256 sizeLots = account.positionSizeLots(slot);
        if (sizeLots == 0) continue;
        uint256 market = account.positionMarket(slot);
        int256 exposure = exposureOf(risk, market, sizeLots);
        int256 worthUnits = worthOf(risk, market, exposure, lean);
        leftUnits += _brings(account, risk, slot, market, exposure, worthUnits, lean);
        bool stale = _isStale(registers, risk, market, lean);
        leftUnits -= _asked(account, risk, slot, market, weightOf(worthUnits), stale);
    }
}

/// @notice What those of an account's positions weigh together that have lost by a jump. Units: units.
/// @dev That is what they are worth less than they have cost, or else their maintenance margin, at the index. `only` is
/// the market that alone counts, ALL_MARKETS for all of them.
function jumpedWeight(Account account, Risk risk, uint256 only, bool byLoss) pure returns (int256 weightUnits) {
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        int256 sizeLots = account.positionSizeLots(slot);
        uint256 market = account.positionMarket(slot);
        if (sizeLots == 0 || (only != ALL_MARKETS && only != market) || !hasJumped(risk, market, sizeLots)) continue;
        int256 worthUnits = worthOf(risk, market, exposureOf(risk, market, sizeLots), Constants.LEAN_INDEX);
        int256 lostUnits = account.positionCostUnits(slot) - worthUnits;
        // SAFETY: 128 + 32 bits.
        if (!byLoss) weightUnits += int256(maintenanceMargin(risk, market, weightOf(worthUnits)));
        else if (lostUnits > 0) weightUnits += lostUnits;
    }
}

/// @dev What a position adds to its account's value: its worth, less the funding it has not settled yet.
function _brings(
    Account account,
    Risk risk,
    uint256 slot,
    uint256 market,
    int256 exposure,
    int256 worthUnits,
    uint256 lean
) pure returns (int256 bringsUnits) {
    bringsUnits =
        worthUnits - owedSince(risk, market, exposure, account.positionFundingIndexPpm(slot));
    return lean == Constants.LEAN_WORST ? countedWorth(account, risk, slot, bringsUnits) : bringsUnits;
}

/// @dev The initial margin of a position of this weight, and what was asked beyond it.
function _asked(Account account, Risk risk, uint256 slot, uint256 market, uint256 weightUnits, bool stale)
    pure
    returns (int256 askedUnits)
{
    // SAFETY: 128 + 32 bits.
    askedUnits = int256(initialMargin(risk, market, weightUnits));
    if (stale) askedUnits *= 2;
    return askedUnits + account.positionExtraUnits(slot);
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
    int256 bufferUnits = int256(ppmUp(measured.notionalUnits, Constants.WITHDRAW_BUFFER_PPM));
    int256 freeUnits =
        measured.valueUnits - (measured.stayingUnits >= bufferUnits ? measured.stayingUnits : bufferUnits);
    int256 realisedUnits = measured.valueUnits - measured.gainUnits;
    if (realisedUnits < freeUnits) freeUnits = realisedUnits;
    int256 heldUnits = int256(registers.depositedUnits()) - registers.withdrawnUnits();
    if (heldUnits < freeUnits) freeUnits = heldUnits;
    return freeUnits > 0 ? uint256(freeUnits) : 0;
}
