// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {clamp, divDown, divToZero, mulDivToZero} from "@tallystick/libraries/Arith.sol";
import {Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {owed} from "@tallystick/libraries/market/Funding.sol";

// What a market's instrument is: how long it lasts, whether it pays funding, what it settles at, is worth and weighs.
//
// A perpetual pays funding and does not end, unless it is delisted: then it is a dated future. A dated future pays none, and settles at the mean of the index over the window
// before its expiry, once an index has come at or behind that. An index stands until the next one, however long that
// takes. Whoever asks what kind a market is asks here. Twin: shared/tallystick/machine/market/instrument.py.

/// @notice Whether what is listed now may end then: a dated future at a time that is ahead, a perpetual never.
function termStands(uint256 kind, uint256 expiryMs, uint256 clockMs) pure returns (bool) {
    return kind == Constants.KIND_DATED ? expiryMs > clockMs : expiryMs == 0;
}

/// @notice Whether nobody trades it any more, since its time is over.
function hasExpired(Market market, uint256 clockMs) pure returns (bool) {
    uint256 expiryMs = market.expiryMs();
    return expiryMs != 0 && expiryMs <= clockMs;
}

/// @notice Whether its positions pay each other for the distance between book and index.
function paysFunding(Market market) pure returns (bool) {
    return market.kind() != Constants.KIND_DATED;
}

/// @notice Lets it expire as a dated future does, and pay no funding from now on.
function endPerpetual(Market market, uint64 expiryMs) pure {
    market.setKind(uint8(Constants.KIND_DATED));
    market.setExpiryMs(expiryMs);
}

/// @notice Whether an index of this time is its last: all positions end at it.
function settlesBy(Market market, uint256 indexMs) pure returns (bool) {
    return market.kind() == Constants.KIND_DATED && market.expiryMs() <= indexMs;
}

/// @notice How much of its settlement window lies ahead of a time: of a perpetual, and before it begins, all of it.
function windowAheadMs(Market market, uint256 timeMs) pure returns (uint256) {
    if (market.kind() != Constants.KIND_DATED) return Constants.SETTLE_WINDOW_MS;
    uint256 expiryMs = market.expiryMs();
    if (expiryMs < timeMs) return 0;
    uint256 ahead = expiryMs - timeMs;
    return ahead < Constants.SETTLE_WINDOW_MS ? ahead : Constants.SETTLE_WINDOW_MS;
}

/// @notice Counts how long the index has stood within its settlement window before this one, which is not written yet.
/// @dev Each stands until the next, whatever the gap; the very first one for what was before it, too.
function carryIndex(Market market, Price price, uint256 indexTicks, uint256 timeMs) pure {
    uint256 gone = Constants.SETTLE_WINDOW_MS - windowAheadMs(market, timeMs);
    uint256 last = price.indexMs();
    if (last == 0) {
        price.setSettleSumTicksMs(SafeCast.toInt64(int256(indexTicks * gone)));
        return;
    }
    uint256 stood = gone - (Constants.SETTLE_WINDOW_MS - windowAheadMs(market, last));
    // SAFETY: 24 + 21 bits.
    price.setSettleSumTicksMs(SafeCast.toInt64(price.settleSumTicksMs() + int256(price.indexTicks() * stood)));
}

/// @notice What margins and the mark follow at an index: it, and in a settlement window what it would settle at by it.
/// Units: ticks; `settleSumTicksMs` is what has been counted up to that time. Rounding: down.
function indexOfMargins(Market market, int256 settleSumTicksMs, uint256 indexTicks, uint256 timeMs)
    pure
    returns (uint256)
{
    uint256 ahead = windowAheadMs(market, timeMs);
    if (ahead == Constants.SETTLE_WINDOW_MS) return indexTicks;
    // SAFETY: 24 + 21 bits, and above nothing.
    return uint256(divDown(settleSumTicksMs + int256(indexTicks * ahead), int256(Constants.SETTLE_WINDOW_MS)));
}

/// @notice What of a basis counts: in a settlement window the share that lies ahead. Rounding: to zero.
function fadingBasis(Market market, int256 basisPpm, uint256 timeMs) pure returns (int256) {
    return mulDivToZero(basisPpm, int256(windowAheadMs(market, timeMs)), int256(Constants.SETTLE_WINDOW_MS));
}

/// @notice What it settles at when all of its window has been counted. Units: ticks. Rounding: down, but at least 1.
function finalMark(int256 settleSumTicksMs) pure returns (uint256) {
    int256 meanTicks = divDown(settleSumTicksMs, int256(Constants.SETTLE_WINDOW_MS));
    return uint256(meanTicks > 1 ? meanTicks : int256(1));
}

/// @notice Ends it: from now on it has one price, which is never stale. Units: ticks.
function settleAt(Registers registers, Market market, Risk risk, uint256 number, uint256 finalTicks) pure {
    market.setStatus(uint8(Constants.MARKET_SETTLED));
    market.setSettledMs(registers.clockMs());
    risk.setMarketMarkTicks(number, SafeCast.toUint32(finalTicks));
    risk.setMarketIndexTicks(number, SafeCast.toUint32(finalTicks));
    risk.setMarketIndexMs(number, 0);
    risk.setMarketBraked(number, 0);
}

/// @notice Where its funding stands, to which a position is settled whenever it changes. Units: millionths of a tick.
function fundingIndex(Risk risk, uint256 market) pure returns (int256) {
    return risk.marketFundingIndexPpm(market);
}

/// @notice Charges for the premiums sampled since the last time, if any were, and begins anew. Rounding: the average and
/// the rate to zero.
function chargeFunding(Price price, Risk risk, uint256 number) pure {
    if (price.premiumMs() == 0) return;
    int256 averagePpm = divToZero(price.premiumSumPpm(), int256(uint256(price.premiumMs())));
    int256 ratePpm = hourlyRate(averagePpm, risk.marketInitialPpm(number), risk.marketMaintenancePpm(number));
    int256 chargedPpm = fundingIndex(risk, number) + ratePpm * int256(uint256(price.indexTicks()));
    risk.setMarketFundingIndexPpm(number, SafeCast.toInt64(clamp(chargedPpm, int256(Constants.MAX_FUNDING_INDEX_PPM))));
    price.setPremiumSumPpm(0);
    price.setPremiumMs(0);
}

/// @notice An hour's rate from its average premium, in millionths of the index: at most what lies between the two
/// margins, so that one hour takes no account from the one below the other.
function hourlyRate(int256 averagePpm, uint256 initialPpm, uint256 maintenancePpm) pure returns (int256) {
    int256 interestPpm = clamp(int256(Constants.INTEREST_PPM) - averagePpm, int256(Constants.INTEREST_CLAMP_PPM));
    int256 ratePpm = divToZero(averagePpm + interestPpm, int256(Constants.FUNDING_HOURS));
    uint256 betweenPpm = initialPpm - maintenancePpm;
    return clamp(ratePpm, int256(betweenPpm < Constants.FUNDING_RATE_PPM ? betweenPpm : Constants.FUNDING_RATE_PPM));
}

/// @notice What a position of this signed size gains for each tick. Units: units a tick.
function exposureOf(Risk risk, uint256 market, int256 sizeLots) pure returns (int256) {
    // SAFETY: 64 + 32 bits.
    return sizeLots * int256(uint256(risk.marketMultiplierUnits(market)));
}

/// @notice The price that a position is measured at: mark or index, as `lean` says. Units: ticks.
/// @dev A long is better off at the higher of the two and worse off at the lower, a short the other way round. Which it
/// is, the sign of `direction` says, be that a size or an exposure.
function priceOf(Risk risk, uint256 market, int256 direction, uint256 lean) pure returns (uint256) {
    uint256 markTicks = risk.marketMarkTicks(market);
    uint256 indexTicks = risk.marketIndexTicks(market);
    if (lean == Constants.LEAN_MARKED) return markTicks;
    if (lean == Constants.LEAN_INDEX) return indexTicks;
    bool higher = (lean == Constants.LEAN_BEST) == (direction > 0);
    return (markTicks > indexTicks) == higher ? markTicks : indexTicks;
}

/// @notice What an exposure is worth at the price it is measured at: below 0 for a short. Units: units.
function worthOf(Risk risk, uint256 market, int256 exposure, uint256 lean) pure returns (int256) {
    // SAFETY: 96 + 32 bits.
    return exposure * int256(priceOf(risk, market, exposure, lean));
}

/// @notice The funding that an exposure owes since it was settled; less than nothing is what it is owed. Units: units.
/// Rounding: up, against the position.
function owedSince(Risk risk, uint256 market, int256 exposure, int256 settledIndexPpm) pure returns (int256) {
    return owed(exposure, risk.marketFundingIndexPpm(market) - settledIndexPpm);
}

/// @notice What the collar of its fills lies around: the index, of a dated future the mark, which may stay away from it.
/// Units: ticks.
function fairPrice(Market market, Risk risk, uint256 number) pure returns (uint256) {
    if (market.kind() == Constants.KIND_DATED) return risk.marketMarkTicks(number);
    return risk.marketIndexTicks(number);
}

/// @notice The notional that a position of this worth has its margin on. Units: units.
function weightOf(int256 worthUnits) pure returns (uint256) {
    return uint256(worthUnits >= 0 ? worthUnits : -worthUnits);
}
