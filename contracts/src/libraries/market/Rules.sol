// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Market, Pending, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {ListMarketFields} from "@tallystick/libraries/generated/Fields.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {termStands} from "@tallystick/libraries/market/Instrument.sol";

// A market's rules: whether they may stand, and where they are kept. `values` holds them from the
// place `first` on, in the order of the schema.

/// @notice Whether a market may be listed that takes orders from `liveMs` on; a dated future does so
/// before it expires. `values` as in the record of a listing.
function listingStands(uint256[] memory values, uint256 liveMs) pure returns (bool) {
    uint256 kind = values[ListMarketFields.KIND];
    uint256 expiry = values[ListMarketFields.EXPIRY_MS];
    uint256 multiplierUnits = values[ListMarketFields.MULTIPLIER];
    return termStands(kind, expiry, liveMs) && rulesStand(values, ListMarketFields.FIRST_RULE, multiplierUnits);
}

/// @notice Whether rules make sense together and leave every product of the machine within 64 bits.
function rulesStand(uint256[] memory values, uint256 first, uint256 multiplierUnits) pure returns (bool) {
    return _marginsStand(values, first) && _capsStand(values, first, multiplierUnits)
        && values[first + Constants.RULE_REBATE_PPM] <= values[first + Constants.RULE_TAKER_FEE_PPM];
}

/// @dev Whether the margins are no smaller than they may be, in every tier apart, and no less than in the one before. The
/// band is at most half the smallest maintenance margin.
function _marginsStand(uint256[] memory values, uint256 first) pure returns (bool) {
    uint256 tier2 = values[first + Constants.RULE_TIER2_FROM_MILLIONS];
    uint256 tier3 = values[first + Constants.RULE_TIER3_FROM_MILLIONS];
    uint256 initial = values[first + Constants.RULE_INITIAL_PPM];
    uint256 initial2 = values[first + Constants.RULE_INITIAL2_PPM];
    uint256 initial3 = values[first + Constants.RULE_INITIAL3_PPM];
    uint256 kept = values[first + Constants.RULE_MAINTENANCE_PPM];
    uint256 kept2 = values[first + Constants.RULE_MAINTENANCE2_PPM];
    uint256 kept3 = values[first + Constants.RULE_MAINTENANCE3_PPM];
    if (initial < Constants.MIN_INITIAL_PPM || kept < Constants.MIN_MAINTENANCE_PPM || !_apart(initial, kept)) {
        return false;
    }
    uint256 band = values[first + Constants.RULE_BAND_PPM];
    if (band == 0 || 2 * band > kept) return false;
    if (tier2 == 0) return tier3 == 0 && initial2 == 0 && initial3 == 0 && kept2 == 0 && kept3 == 0;
    if (initial2 < initial || kept2 < kept || !_apart(initial2, kept2)) return false;
    if (tier3 == 0) return initial3 == 0 && kept3 == 0;
    return tier3 > tier2 && initial3 >= initial2 && kept3 >= kept2 && _apart(initial3, kept3);
}

/// @dev Whether a third of the initial margin at least is lost before a liquidation begins.
function _apart(uint256 initialPpm, uint256 maintenancePpm) pure returns (bool) {
    return 3 * maintenancePpm <= 2 * initialPpm;
}

/// @dev Whether sizes and open interest are bounded, the insurance fund's share and the surcharge sound.
function _capsStand(uint256[] memory values, uint256 first, uint256 multiplierUnits) pure returns (bool) {
    uint256 maxLots = values[first + Constants.RULE_MAX_LOTS];
    uint256 most = values[first + Constants.RULE_MAX_OPEN_INTEREST_LOTS];
    if (multiplierUnits == 0 || maxLots == 0 || maxLots * multiplierUnits > Constants.MAX_EXPOSURE) return false;
    if (most == 0 || most > Constants.MAX_OPEN_INTEREST_LOTS || most * multiplierUnits > Constants.MAX_OPEN_EXPOSURE) {
        return false;
    }
    if (values[first + Constants.RULE_INSURANCE_LOTS] > maxLots) return false;
    if (values[first + Constants.RULE_FUND_UNITS] > Constants.MAX_CASH_UNITS) return false;
    uint256 begins = values[first + Constants.RULE_SURCHARGE_FROM_UNITS];
    uint256 ends = values[first + Constants.RULE_SURCHARGE_TO_UNITS];
    return begins > 0 ? begins < ends : ends == 0;
}

/// @notice The series that a listing of this market would begin: 0 of an id that never was listed.
function nextSeries(Market market) pure returns (uint256) {
    return market.status() != 0 ? uint256(market.series()) + 1 : 0;
}

/// @notice Leaves nothing of the series before but its signers' times, which keep its queued reports old.
/// @dev What of the market's entry in Risk a listing does not write goes with it.
function beginSeries(Market market, Price price, Pending pending, Risk risk, uint256 number, uint256 series) pure {
    market.clear();
    price.clear();
    pending.clear();
    // SAFETY: a record names no series beyond MAX_SERIES.
    market.setSeries(uint16(series));
    risk.setMarketMarkTicks(number, 0);
    risk.setMarketIndexTicks(number, 0);
    risk.setMarketFundingIndexPpm(number, 0);
    risk.setMarketIndexMs(number, 0);
    risk.setMarketResumedSequence(number, 0);
    risk.setMarketBraked(number, 0);
}

/// @notice Lists a market that may be as the market `number`, whose kind, multiplier and expiry never
/// change.
function writeListing(Market market, Risk risk, uint256 number, uint256[] memory values, uint256 liveMs) pure {
    // SAFETY of every cast: the record's fields are bounded by what the cells' hold.
    market.setStatus(uint8(Constants.MARKET_LIVE));
    market.setKind(uint8(values[ListMarketFields.KIND]));
    market.setExpiryMs(uint64(values[ListMarketFields.EXPIRY_MS]));
    market.setLiveMs(uint64(liveMs));
    risk.setMarketMultiplierUnits(number, uint32(values[ListMarketFields.MULTIPLIER]));
    writeRules(market, risk, number, values, ListMarketFields.FIRST_RULE);
}

/// @notice Puts rules that may stand in force for the market `number`.
function writeRules(Market market, Risk risk, uint256 number, uint256[] memory values, uint256 first) pure {
    // SAFETY of every cast: the record's fields are bounded by what the cells' hold.
    market.setTakerFeePpm(uint32(values[first + Constants.RULE_TAKER_FEE_PPM]));
    market.setMakerFeePpm(uint32(values[first + Constants.RULE_MAKER_FEE_PPM]));
    market.setRebatePpm(uint32(values[first + Constants.RULE_REBATE_PPM]));
    market.setLiquidationFeePpm(uint32(values[first + Constants.RULE_LIQUIDATION_FEE_PPM]));
    market.setMaxLots(uint64(values[first + Constants.RULE_MAX_LOTS]));
    market.setMaxOpenInterestLots(uint64(values[first + Constants.RULE_MAX_OPEN_INTEREST_LOTS]));
    market.setInsuranceLots(uint64(values[first + Constants.RULE_INSURANCE_LOTS]));
    market.setFundUnits(uint64(values[first + Constants.RULE_FUND_UNITS]));
    market.setSurchargeFromUnits(uint64(values[first + Constants.RULE_SURCHARGE_FROM_UNITS]));
    market.setSurchargeToUnits(uint64(values[first + Constants.RULE_SURCHARGE_TO_UNITS]));
    market.setBandPpm(uint32(values[first + Constants.RULE_BAND_PPM]));
    market.setQuoteLots(uint64(values[first + Constants.RULE_QUOTE_LOTS]));
    market.setMinOrderUnits(uint64(values[first + Constants.RULE_MIN_ORDER_UNITS]));
    risk.setMarketInitialPpm(number, uint32(values[first + Constants.RULE_INITIAL_PPM]));
    risk.setMarketInitial2Ppm(number, uint32(values[first + Constants.RULE_INITIAL2_PPM]));
    risk.setMarketInitial3Ppm(number, uint32(values[first + Constants.RULE_INITIAL3_PPM]));
    risk.setMarketMaintenancePpm(number, uint32(values[first + Constants.RULE_MAINTENANCE_PPM]));
    risk.setMarketMaintenance2Ppm(number, uint32(values[first + Constants.RULE_MAINTENANCE2_PPM]));
    risk.setMarketMaintenance3Ppm(number, uint32(values[first + Constants.RULE_MAINTENANCE3_PPM]));
    risk.setMarketTier2FromMillions(number, uint32(values[first + Constants.RULE_TIER2_FROM_MILLIONS]));
    risk.setMarketTier3FromMillions(number, uint32(values[first + Constants.RULE_TIER3_FROM_MILLIONS]));
}
