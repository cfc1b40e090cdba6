// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ppmUp} from "./Arith.sol";
import {Risk} from "./generated/Cells.sol";
import {Constants} from "./generated/Names.sol";

// Margin of one position: fractions that grow with its notional, and with the market's open interest.

/// @dev Tiers begin at multiples of this many units, so that only the last tier of a position rounds.
uint256 constant TIER_UNITS = Constants.PPM;

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

/// @dev The sum over the tiers of what of the notional lies in each, times its fraction.
function _tiered(Risk risk, uint256 market, uint256 notional, uint256 first, uint256 second, uint256 third)
    pure
    returns (uint256)
{
    uint256 secondFrom = uint256(risk.marketTier2From(market)) * TIER_UNITS;
    if (secondFrom == 0 || notional <= secondFrom) return ppmUp(notional, first);
    uint256 thirdFrom = uint256(risk.marketTier3From(market)) * TIER_UNITS;
    uint256 margin = ppmUp(secondFrom, first);
    if (thirdFrom <= secondFrom || notional <= thirdFrom) {
        return margin + ppmUp(notional - secondFrom, second);
    }
    return margin + ppmUp(thirdFrom - secondFrom, second) + ppmUp(notional - thirdFrom, third);
}
