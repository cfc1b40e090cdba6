// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {divDown, ppmDown} from "@tallystick/libraries/Arith.sol";
import {Account, Market, Order, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {isHeld} from "@tallystick/libraries/market/Brake.sol";
import {exposureOf, priceOf} from "@tallystick/libraries/market/Instrument.sol";
import {initialMargin, surcharge} from "@tallystick/libraries/market/Margin.sol";
import {surplus} from "@tallystick/libraries/market/Risk.sol";
import {
    Fill,
    NO_SLOT,
    Terms,
    applyFill,
    askSurcharge,
    feeOfMaker,
    findPosition,
    mayStand,
    reducible,
    setTerms,
    undoFill
} from "@tallystick/libraries/market/Trade.sol";

// Whether an account carries an order: could it be filled now, its margin would stand behind it.
//
// What is asked before an order rests is asked again of one that does: nobody else's business waits for a quote that no
// money stands behind. Where others go by an order, more is asked: whether somebody who takes all of it gets it.

/// @notice What an order asks of its account while it stands in a book. Units: lots; ticks, where a trigger of 0 is none.
struct Standing {
    uint256 market;
    uint256 side;
    uint256 flags;
    uint256 lots;
    uint256 priceTicks;
    uint256 triggerTicks;
}

/// @notice What the order in progress would ask.
function inProgress(Registers registers) pure returns (Standing memory) {
    return Standing({
        market: registers.argMarket(),
        side: registers.argSide(),
        flags: registers.argFlags(),
        lots: registers.argLots(),
        priceTicks: registers.argPriceTicks(),
        triggerTicks: registers.argTriggerTicks()
    });
}

/// @notice What a resting or parked order asks.
function inBook(Order order) pure returns (Standing memory) {
    return Standing({
        market: order.market(),
        side: order.side(),
        flags: order.flags(),
        lots: order.remainingLots(),
        priceTicks: order.priceTicks(),
        triggerTicks: order.triggerTicks()
    });
}

/// @notice Whether an order only reduces a position, or its account's value covers what a fill of all of it would leave
/// to cover. Rounding: against the order.
/// @dev That is its initial margin, that of the order at its own price, what open interest would ask of it now, and what
/// it loses against the index by that price. Of a parked order it is the worst price it may fire with, and the loss from
/// its trigger: for who knows what the index is then.
function isCarried(Registers registers, Account account, Risk risk, Market market, Standing memory order)
    pure
    returns (bool)
{
    if (findPosition(account, order.market) == NO_SLOT) return false;
    uint256 againstLots = reducible(account, order.market, order.side);
    if (againstLots >= order.lots || (againstLots > 0 && order.flags & Constants.FLAG_REDUCE_ONLY != 0)) return true;
    uint256 priceTicks = _worstPrice(risk, market, order);
    // SAFETY: 64 + 24 + 32 bits, also of the sums.
    int256 lots = int256(order.lots);
    int256 exposure = exposureOf(risk, order.market, lots);
    int256 openLots = int256(uint256(market.openInterestLots())) + lots;
    int256 neededUnits = int256(_lossTicks(risk, order, priceTicks)) * exposure;
    neededUnits += int256(initialMargin(risk, order.market, priceTicks * uint256(exposure)));
    neededUnits += int256(surcharge(market, risk, order.market, openLots, lots));
    return surplus(registers, account, risk, Constants.LEAN_WORST) >= neededUnits;
}

/// @notice Whether a taker who asks for all of a resting order gets it: the fill is applied, judged as any other, and undone.
/// @dev Of what open interest asks it is as if both sides added to it.
function isFillable(Registers registers, Account account, Risk risk, Market market, Standing memory order)
    pure
    returns (bool stands)
{
    Terms memory terms = _termsOf(registers, account, risk, market, order);
    Fill memory fill;
    int256 feeUnits = feeOfMaker(market, uint256(terms.quoteUnits));
    if (terms.lots == 0 || applyFill(account, risk, terms, order.side, feeUnits, fill) != Outcome.ACCEPTED) {
        return false;
    }
    int256 openLots = int256(uint256(market.openInterestLots())) + terms.lots;
    askSurcharge(market, account, risk, terms, openLots, fill);
    stands = mayStand(registers, account, risk, terms, fill);
    undoFill(account, terms, fill);
}

/// @dev What would be exchanged if all that an order offers were taken.
function _termsOf(Registers registers, Account account, Risk risk, Market market, Standing memory order)
    pure
    returns (Terms memory terms)
{
    uint256 lots = offeredLots(registers, account, risk, market, order);
    // SAFETY: 64 + 24 + 32 bits.
    uint256 quoteUnits = lots * risk.marketMultiplierUnits(order.market) * order.priceTicks;
    setTerms(market, terms, order.market, lots, int256(quoteUnits));
}

/// @notice How many lots of a resting order there are to take now. Units: lots.
/// @dev None while a brake holds the position of its account, and of one that only reduces no more than the position.
function offeredLots(Registers registers, Account account, Risk risk, Market market, Standing memory order)
    pure
    returns (uint256)
{
    if (isHeld(registers, market, risk, order.market, account)) return 0;
    if (order.flags & Constants.FLAG_REDUCE_ONLY == 0) return order.lots;
    uint256 mostLots = reducible(account, order.market, order.side);
    return order.lots <= mostLots ? order.lots : mostLots;
}

/// @dev The price at which an order costs most: its limit, or where it ends when it has fired without one.
function _worstPrice(Risk risk, Market market, Standing memory order) pure returns (uint256) {
    if (order.priceTicks != 0) return order.priceTicks;
    return bound(order.side, order.triggerTicks, slackPpm(market, risk, order.market));
}

/// @dev By how much a price is worse than the index, or than the trigger of a parked order.
function _lossTicks(Risk risk, Standing memory order, uint256 priceTicks) pure returns (uint256) {
    uint256 fairTicks = order.triggerTicks;
    // SAFETY: lots of an order have 64 bits.
    if (fairTicks == 0) fairTicks = priceOf(risk, order.market, int256(order.lots), Constants.LEAN_INDEX);
    (uint256 higherTicks, uint256 lowerTicks) =
        order.side == Constants.BUY ? (priceTicks, fairTicks) : (fairTicks, priceTicks);
    return higherTicks > lowerTicks ? higherTicks - lowerTicks : 0;
}

/// @notice How far the mark may be from the index: the band, but no further than half the maintenance fraction. Units:
/// millionths of the index.
function basisBoundPpm(Market market, Risk risk, uint256 number) pure returns (uint256) {
    uint256 halfPpm = uint256(divDown(int256(uint256(risk.marketMaintenancePpm(number))), 2));
    uint256 bandPpm = market.bandPpm();
    return bandPpm < halfPpm ? bandPpm : halfPpm;
}

/// @notice How far from the mark a market order may trade that names no price; the collar may end it before. Units:
/// millionths of the mark.
/// @dev The most of: twice the bound of the basis; half the maintenance fraction; a hundredth.
function slackPpm(Market market, Risk risk, uint256 number) pure returns (uint256) {
    uint256 halfPpm = uint256(divDown(int256(uint256(risk.marketMaintenancePpm(number))), 2));
    uint256 mostPpm = 2 * basisBoundPpm(market, risk, number);
    if (mostPpm < halfPpm) mostPpm = halfPpm;
    return mostPpm > Constants.MIN_SLACK_PPM ? mostPpm : Constants.MIN_SLACK_PPM;
}

/// @notice The worst price of a market order that names none. Units: ticks. Rounding: towards the mark.
function bound(uint256 side, uint256 markTicks, uint256 slack) pure returns (uint256) {
    uint256 moveTicks = ppmDown(markTicks, slack);
    if (side == Constants.BUY) {
        return markTicks + moveTicks < Constants.MAX_PRICE_TICKS ? markTicks + moveTicks : Constants.MAX_PRICE_TICKS;
    }
    return markTicks > moveTicks + 1 ? markTicks - moveTicks : 1;
}
