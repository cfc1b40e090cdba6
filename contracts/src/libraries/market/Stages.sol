// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {divDown} from "@tallystick/libraries/Arith.sol";
import {Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {fairPrice} from "@tallystick/libraries/market/Instrument.sol";

// What a market's prices allow: only cancels, then all but liquidations, then all; triggers; fills.

/// @notice The time by which reports and the index are fresh: for what came through L1, when it was queued there.
function nowMs(Registers registers) pure returns (uint64) {
    uint64 forced = registers.forcedMs();
    return forced != 0 ? forced : registers.clockMs();
}

/// @notice How old a price report may be: more of one that came through L1, where a block may miss it.
function reportAge(Registers registers) pure returns (uint256) {
    return registers.forcedMs() != 0 ? Constants.FORCED_AGE_MS : Constants.REPORT_AGE_MS;
}

/// @notice Whether a price of this time counts now.
function isFresh(Registers registers, uint256 timeMs) pure returns (bool) {
    uint64 current = nowMs(registers);
    return timeMs + reportAge(registers) >= current && timeMs <= current + Constants.REPORT_AHEAD_MS;
}

/// @notice Whether so many lots are worth less at the index than an order of the market `number` has to be.
function isSmall(Market market, Risk risk, uint256 number, uint256 lots) pure returns (bool) {
    return lots * risk.marketIndexTicks(number) * risk.marketMultiplierUnits(number) < market.minOrderUnits();
}

/// @notice Whether an order was placed before a halt, at a price that its owner would not give any more.
/// @dev While prices had stopped it could not be renewed: a bid above both mark and index, or an offer below both, is
/// nobody's to take. `placed` is the order's sequence.
function isOutdated(Risk risk, uint256 number, uint256 placed, uint256 side, uint256 priceTicks) pure returns (bool) {
    if (placed >= risk.marketResumedSequence(number)) return false;
    uint256 markTicks = risk.marketMarkTicks(number);
    uint256 indexTicks = risk.marketIndexTicks(number);
    if (side == Constants.BUY) return priceTicks > markTicks && priceTicks > indexTicks;
    return priceTicks < markTicks && priceTicks < indexTicks;
}

/// @notice Whether a position may be closed against its owner's will now.
/// @dev Rejects: STALE_INDEX, LIQUIDATIONS_WAIT (prices have come back lately, so that margin can still
/// be added; not for an account that owes more than it has).
function checkLiquidationStage(Registers registers, Price price, bool owes) pure returns (uint8) {
    if (!_serves(registers, price)) return Outcome.STALE_INDEX;
    bool waits = !owes && _resumedWithin(price, nowMs(registers), Constants.LIQUIDATION_WAIT_MS);
    return waits ? Outcome.LIQUIDATIONS_WAIT : Outcome.ACCEPTED;
}

/// @dev Whether positions may be closed at a market's index: it is not stale, or of the time when the record was
/// queued. So what was queued on L1 finds the index it was queued for, however late, and never a later one that is
/// stale.
function _serves(Registers registers, Price price) pure returns (bool) {
    if (!isStale(registers, price)) return true;
    uint64 index = price.indexMs();
    uint64 forced = registers.forcedMs();
    return forced != 0 && forced <= index + Constants.STALE_MS && index <= forced + Constants.REPORT_AHEAD_MS;
}

/// @notice Whether a market's index is stale: no order is taken, no trigger fires, and its positions carry less.
function indexStopped(Registers registers, Risk risk, uint256 market) pure returns (bool) {
    return registers.clockMs() > risk.marketIndexMs(market) + Constants.STALE_MS;
}

/// @notice Whether a market has had no index for days while others had: its signers are gone, an outage of all is none.
function isMarketDead(Registers registers, Market market, Price price) pure returns (bool) {
    bool hasIndex = price.indexMs() != 0;
    return hasIndex && registers.lastIndexMs() > servedMs(market, price) + Constants.DEAD_MARKET_MS;
}

/// @notice When a market was last known to be served: at its newest index, but no earlier than it is live.
/// @dev Reports of the series before a new one may make its first index; its own signers have until then to begin.
function servedMs(Market market, Price price) pure returns (uint64) {
    uint64 index = price.indexMs();
    uint64 live = market.liveMs();
    return index > live ? index : live;
}

/// @notice Whether a fill at a price would cost who is on this side of it more than half the maintenance fraction.
/// @dev The book is faster than the index: without the collar a winner leaves at prices that the index has yet to
/// follow, and a wash hands a gain on at any. Rounding: its width down, but at least a tick.
function beyondCollar(Market market, Risk risk, uint256 number, uint256 side, uint256 priceTicks) pure returns (bool) {
    uint256 middleTicks = fairPrice(market, risk, number);
    uint256 parts = uint256(risk.marketIndexTicks(number)) * risk.marketMaintenancePpm(number);
    uint256 widthTicks = uint256(divDown(int256(parts), int256(2 * Constants.PPM)));
    if (widthTicks == 0) widthTicks = 1;
    return side == Constants.BUY ? priceTicks > middleTicks + widthTicks : priceTicks + widthTicks < middleTicks;
}

/// @notice Whether a trigger fires at a mark.
function isDue(uint256 triggerTicks, uint256 flags, uint256 markTicks) pure returns (bool) {
    return flags & Constants.FLAG_TRIGGER_ABOVE != 0 ? markTicks >= triggerTicks : markTicks <= triggerTicks;
}

/// @notice Whether a market's newest index is too old to sample by, or to close positions at.
function isStale(Registers registers, Price price) pure returns (bool) {
    return registers.clockMs() > price.indexMs() + Constants.STALE_MS;
}

function _resumedWithin(Price price, uint64 timeMs, uint256 wait) pure returns (bool) {
    uint64 resumed = price.resumedMs();
    return resumed != 0 && timeMs < resumed + wait;
}
