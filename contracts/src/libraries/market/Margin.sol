// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {mulDivUp, ppmUp} from "@tallystick/libraries/Arith.sol";
import {Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {exposureOf, weightOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";

// Margin of one position: fractions that grow with its notional, and what open interest asks beyond them.

/// @dev Tiers begin at multiples of this many units, so that only the last tier of a position rounds.
uint256 constant TIER_UNITS = Constants.PPM;
/// @dev Where a tier begins that there is not: beyond every notional.
uint256 constant NO_TIER = 1 << 62;

/// @notice What must stand behind a position when it is opened. Units: units. Rounding: up.
function initialMargin(Risk risk, uint256 market, uint256 notionalUnits) pure returns (uint256) {
    if (_inFirstTier(risk, market, notionalUnits)) return ppmUp(notionalUnits, risk.marketInitialPpm(market));
    return _tiered(
        risk,
        market,
        notionalUnits,
        risk.marketInitialPpm(market),
        risk.marketInitial2Ppm(market),
        risk.marketInitial3Ppm(market)
    );
}

/// @notice What must stay behind a position. Units: units. Rounding: up.
function maintenanceMargin(Risk risk, uint256 market, uint256 notionalUnits) pure returns (uint256) {
    if (_inFirstTier(risk, market, notionalUnits)) return ppmUp(notionalUnits, risk.marketMaintenancePpm(market));
    return _tiered(
        risk,
        market,
        notionalUnits,
        risk.marketMaintenancePpm(market),
        risk.marketMaintenance2Ppm(market),
        risk.marketMaintenance3Ppm(market)
    );
}

/// @notice What must stand behind added lots beyond the initial margin, when so many are open with them.
/// Units: units; lots. Rounding: up, the fraction and the share each.
function surcharge(Market market, Risk risk, uint256 number, int256 openLots, int256 addedLots) pure returns (uint256) {
    uint256 fractionPpm = _surchargeFraction(market, risk, number, openLots);
    if (fractionPpm == 0) return 0;
    return
        ppmUp(weightOf(worthOf(risk, number, exposureOf(risk, number, addedLots), Constants.LEAN_INDEX)), fractionPpm);
}

/// @dev What open interest asks of what is added: from nothing up to all that initial margin leaves. Units:
/// millionths.
function _surchargeFraction(Market market, Risk risk, uint256 number, int256 openLots) pure returns (uint256) {
    uint256 beginsUnits = market.surchargeFromUnits();
    if (beginsUnits == 0) return 0;
    uint256 endsUnits = market.surchargeToUnits();
    uint256 worthUnits = weightOf(worthOf(risk, number, exposureOf(risk, number, openLots), Constants.LEAN_INDEX));
    if (worthUnits <= beginsUnits) return 0;
    uint256 roomPpm = Constants.PPM - risk.marketInitialPpm(number);
    if (worthUnits >= endsUnits) return roomPpm;
    // SAFETY of the casts: each has 132 bits at most.
    return uint256(mulDivUp(int256(worthUnits - beginsUnits), int256(roomPpm), int256(endsUnits - beginsUnits)));
}

/// @notice The notional at which a tier begins, tiers counted from 0; NO_TIER when there is none. Units:
/// units.
function tierBegins(Risk risk, uint256 market, uint256 tier) pure returns (uint256) {
    if (tier == 0) return 0;
    uint256 secondFromUnits = uint256(risk.marketTier2FromMillions(market)) * TIER_UNITS;
    uint256 thirdFromUnits = uint256(risk.marketTier3FromMillions(market)) * TIER_UNITS;
    if (secondFromUnits == 0 || tier > 2) return NO_TIER;
    if (tier == 1) return secondFromUnits;
    return thirdFromUnits > secondFromUnits ? thirdFromUnits : NO_TIER;
}

/// @notice A tier's maintenance margin fraction, tiers counted from 0. Units: millionths.
function maintenanceFraction(Risk risk, uint256 market, uint256 tier) pure returns (uint256) {
    if (tier == 0) return risk.marketMaintenancePpm(market);
    return tier == 1 ? risk.marketMaintenance2Ppm(market) : risk.marketMaintenance3Ppm(market);
}

/// @dev Whether all of a notional lies in the first tier.
function _inFirstTier(Risk risk, uint256 market, uint256 notionalUnits) pure returns (bool) {
    uint256 secondFromUnits = uint256(risk.marketTier2FromMillions(market)) * TIER_UNITS;
    return secondFromUnits == 0 || notionalUnits <= secondFromUnits;
}

/// @dev The sum over the tiers of what of the notional lies in each, times its fraction; it passes the first.
function _tiered(
    Risk risk,
    uint256 market,
    uint256 notionalUnits,
    uint256 firstPpm,
    uint256 secondPpm,
    uint256 thirdPpm
) pure returns (uint256) {
    uint256 secondFromUnits = uint256(risk.marketTier2FromMillions(market)) * TIER_UNITS;
    uint256 thirdFromUnits = tierBegins(risk, market, 2);
    uint256 marginUnits = ppmUp(secondFromUnits, firstPpm);
    if (notionalUnits <= thirdFromUnits) return marginUnits + ppmUp(notionalUnits - secondFromUnits, secondPpm);
    return
        marginUnits + ppmUp(thirdFromUnits - secondFromUnits, secondPpm)
            + ppmUp(notionalUnits - thirdFromUnits, thirdPpm);
}
