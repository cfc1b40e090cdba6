// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ppmUp} from "@tallystick/libraries/Arith.sol";
import {Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";

// Margin of one position: fractions that grow with its notional, and with the market's open interest.

/// @dev Tiers begin at multiples of this many units, so that only the last tier of a position rounds.
uint256 constant TIER_UNITS = Constants.PPM;
/// @dev Where a tier begins that there is not: beyond every notional.
uint256 constant NO_TIER = 1 << 62;

/// @notice What must stand behind a position when it is opened. Units: units. Rounding: up, the tiers
/// and the surcharge each.
function initialMargin(Risk risk, uint256 market, uint256 notional) pure returns (uint256) {
    uint256 tiers = _tiered(
        risk,
        market,
        notional,
        risk.marketInitialPpm(market),
        risk.marketInitial2Ppm(market),
        risk.marketInitial3Ppm(market)
    );
    return tiers + ppmUp(notional, risk.marketSurchargePpm(market));
}

/// @notice What must stay behind a position. Units: units. Rounding: up.
function maintenanceMargin(Risk risk, uint256 market, uint256 notional) pure returns (uint256) {
    return _tiered(
        risk,
        market,
        notional,
        risk.marketMaintenancePpm(market),
        risk.marketMaintenance2Ppm(market),
        risk.marketMaintenance3Ppm(market)
    );
}

/// @notice The notional at which a tier begins, tiers counted from 0; NO_TIER when there is none. Units:
/// units.
function tierBegins(Risk risk, uint256 market, uint256 tier) pure returns (uint256) {
    if (tier == 0) return 0;
    uint256 secondFrom = uint256(risk.marketTier2FromMillions(market)) * TIER_UNITS;
    uint256 thirdFrom = uint256(risk.marketTier3FromMillions(market)) * TIER_UNITS;
    if (secondFrom == 0 || tier > 2) return NO_TIER;
    if (tier == 1) return secondFrom;
    return thirdFrom > secondFrom ? thirdFrom : NO_TIER;
}

/// @notice A tier's maintenance margin fraction, tiers counted from 0. Units: millionths.
function maintenanceFraction(Risk risk, uint256 market, uint256 tier) pure returns (uint256) {
    if (tier == 0) return risk.marketMaintenancePpm(market);
    return tier == 1 ? risk.marketMaintenance2Ppm(market) : risk.marketMaintenance3Ppm(market);
}

/// @dev The sum over the tiers of what of the notional lies in each, times its fraction.
function _tiered(Risk risk, uint256 market, uint256 notional, uint256 first, uint256 second, uint256 third)
    pure
    returns (uint256)
{
    uint256 secondFrom = tierBegins(risk, market, 1);
    if (notional <= secondFrom) return ppmUp(notional, first);
    uint256 thirdFrom = tierBegins(risk, market, 2);
    uint256 margin = ppmUp(secondFrom, first);
    if (notional <= thirdFrom) return margin + ppmUp(notional - secondFrom, second);
    return margin + ppmUp(thirdFrom - secondFrom, second) + ppmUp(notional - thirdFrom, third);
}
