// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {owed} from "@tallystick/libraries/market/Funding.sol";

// What a market's instrument is: how long it lasts, whether it pays funding, what it settles at, is worth and weighs.
//
// A perpetual pays funding and never ends. A dated future pays none, and settles at the first index at or after its
// expiry. Whoever asks what kind a market is asks here. Twin: shared/tallystick/machine/market/instrument.py.

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

/// @notice Whether an index of this time is its last: all positions end at it.
function settlesBy(Market market, uint256 indexMs) pure returns (bool) {
    return market.kind() == Constants.KIND_DATED && market.expiryMs() <= indexMs;
}

/// @notice What it settles at when this is its last index. Units: ticks.
function finalMark(uint256 indexTicks) pure returns (uint256) {
    return indexTicks;
}

/// @notice Where its funding stands, to which a position is settled whenever it changes. Units: millionths of a tick.
function fundingIndex(Risk risk, uint256 market) pure returns (int256) {
    return risk.marketFundingIndexPpm(market);
}

/// @notice What a position of this signed size gains for each tick. Units: units a tick.
function exposureOf(Risk risk, uint256 market, int256 sizeLots) pure returns (int256) {
    // SAFETY: 64 + 32 bits.
    return sizeLots * int256(uint256(risk.marketMultiplier(market)));
}

/// @notice What an exposure is worth at the mark: below 0 for a short. Units: units.
function worthOf(Risk risk, uint256 market, int256 exposure) pure returns (int256) {
    // SAFETY: 96 + 32 bits.
    return exposure * int256(uint256(risk.marketMarkTicks(market)));
}

/// @notice The funding that an exposure owes since it was settled; less than nothing is what it is owed. Units: units.
/// Rounding: up, against the position.
function owedSince(Risk risk, uint256 market, int256 exposure, int256 settledIndex) pure returns (int256) {
    return owed(exposure, risk.marketFundingIndexPpm(market) - settledIndex);
}

/// @notice The notional that a position of this worth has its margin on. Units: units.
function weightOf(int256 worth) pure returns (uint256) {
    return uint256(worth >= 0 ? worth : -worth);
}
