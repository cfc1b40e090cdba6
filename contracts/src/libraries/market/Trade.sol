// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {dust, owed} from "./Funding.sol";
import {surcharge} from "./Margin.sol";
import {Health, health, keepsRatio, surplus} from "./Risk.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {MILLION, mulDivToZero, mulDivUp, ppmDown, ppmUp, wholeDown} from "@tallystick/libraries/Arith.sol";
import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {exposureOf, fundingIndex} from "@tallystick/libraries/market/Instrument.sol";

// One side of a fill, applied to an account and undone again when it may not stand.

/// @dev What stands for no slot.
uint256 constant NO_SLOT = type(uint256).max;

/// @notice What the taker and the maker of a fill have in common. Units: lots, units.
struct Terms {
    uint256 market;
    int256 lots;
    int256 quoteUnits;
    int256 maxLots;
}

/// @notice One side of a fill: what it changes, and what was there before. Units: lots, units, funding
/// indices in millionths of a tick, `dustPpm` in millionths of a unit.
/// @dev `cashChangeUnits` has the funding settled in it. `addedLots` are those that make a position larger, from nothing
/// when it turns round; `reduces` says that it only makes a position smaller, never turns it round.
struct Fill {
    uint256 slot;
    int256 oldLots;
    int256 newLots;
    int256 cashChangeUnits;
    int256 oldIndexPpm;
    int256 newIndexPpm;
    int256 dustPpm;
    int256 oldCostUnits;
    int256 newCostUnits;
    int256 oldExtraUnits;
    int256 newExtraUnits;
    int256 addedLots;
    bool reduces;
}

/// @notice The account's slot for a market: its position, else the first free one, else NO_SLOT.
function findPosition(Account account, uint256 market) pure returns (uint256 free) {
    free = NO_SLOT;
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        if (account.positionSizeLots(slot) == 0) {
            if (free == NO_SLOT) free = slot;
        } else if (account.positionMarket(slot) == market) {
            return slot;
        }
    }
}

/// @notice How many lots an order of this side may trade before the account's position is closed.
function reducible(Account account, uint256 market, uint256 side) pure returns (uint256) {
    uint256 slot = findPosition(account, market);
    if (slot == NO_SLOT) return 0;
    int256 sizeLots = account.positionSizeLots(slot);
    int256 againstLots = side == Constants.BUY ? -sizeLots : sizeLots;
    return againstLots > 0 ? uint256(againstLots) : 0;
}

/// @notice Says what both sides of a fill exchange in a market.
function setTerms(Market market, Terms memory terms, uint256 number, uint256 lots, int256 quoteUnits) pure {
    terms.market = number;
    terms.lots = int256(lots);
    terms.quoteUnits = quoteUnits;
    terms.maxLots = int256(uint256(market.maxLots()));
}

/// @notice What a maker pays for a fill, less than nothing when it is paid. Units: units. Rounding: the fee up, the rebate
/// down.
function feeOfMaker(Market market, uint256 quoteUnits) pure returns (int256) {
    int256 feeUnits = int256(ppmUp(quoteUnits, market.makerFeePpm()));
    return feeUnits - int256(ppmDown(quoteUnits, market.rebatePpm()));
}

/// @notice Settles the funding of an account's position and applies one side of a fill to it, unless
/// a limit forbids it. Rounding: funding up, what was asked for the lots that stay up, what they have cost to
/// zero.
/// @dev Rejects: NO_POSITION_SLOT, POSITION_LIMIT.
function applyFill(Account account, Risk risk, Terms memory terms, uint256 side, int256 feeUnits, Fill memory fill)
    pure
    returns (uint8)
{
    fill.slot = findPosition(account, terms.market);
    if (fill.slot == NO_SLOT) return Outcome.NO_POSITION_SLOT;
    bool buys = side == Constants.BUY;
    fill.oldLots = account.positionSizeLots(fill.slot);
    fill.newLots = buys ? fill.oldLots + terms.lots : fill.oldLots - terms.lots;
    _settleFunding(account, risk, terms.market, fill);
    fill.cashChangeUnits += (buys ? -terms.quoteUnits : terms.quoteUnits) - feeUnits;
    int256 cashUnits = account.cashUnits() + fill.cashChangeUnits;
    fill.reduces = fill.oldLots > 0
        ? 0 <= fill.newLots && fill.newLots < fill.oldLots
        : fill.oldLots < fill.newLots && fill.newLots <= 0;
    // A change of rules may have left a position beyond the limit: it may always get smaller.
    bool small = fill.reduces || _within(fill.newLots, terms.maxLots);
    if (!small || !_within(cashUnits, int256(Constants.MAX_CASH_UNITS))) return Outcome.POSITION_LIMIT;
    _moveCost(account, terms, buys, fill);
    account.setCashUnits(SafeCast.toInt64(cashUnits));
    _setNew(account, terms.market, fill);
    return Outcome.ACCEPTED;
}

/// @dev Works out what the old position owes for the time it was held; a new one owes nothing.
function _settleFunding(Account account, Risk risk, uint256 market, Fill memory fill) pure {
    fill.newIndexPpm = fundingIndex(risk, market);
    fill.oldIndexPpm = fill.oldLots == 0 ? fill.newIndexPpm : int256(account.positionFundingIndexPpm(fill.slot));
    int256 exposure = exposureOf(risk, market, fill.oldLots);
    fill.cashChangeUnits = -owed(exposure, fill.newIndexPpm - fill.oldIndexPpm);
    fill.dustPpm = dust(exposure, fill.newIndexPpm - fill.oldIndexPpm);
}

/// @dev Works out what the new position has cost, and what stays of what was asked beyond its margin.
/// Reduced, it keeps the share of its lots; turned round, it has cost what they have in this fill.
function _moveCost(Account account, Terms memory terms, bool buys, Fill memory fill) pure {
    int256 paidUnits = buys ? terms.quoteUnits : -terms.quoteUnits;
    fill.oldCostUnits = account.positionCostUnits(fill.slot);
    fill.oldExtraUnits = account.positionExtraUnits(fill.slot);
    int256 heldLots = _unsigned(fill.oldLots);
    int256 leftLots = _unsigned(fill.newLots);
    if (fill.reduces) {
        fill.newCostUnits = mulDivToZero(fill.oldCostUnits, leftLots, heldLots);
        fill.newExtraUnits = mulDivUp(fill.oldExtraUnits, leftLots, heldLots);
        fill.addedLots = 0;
    } else if (leftLots == heldLots + terms.lots) {
        fill.newCostUnits = fill.oldCostUnits + paidUnits;
        fill.newExtraUnits = fill.oldExtraUnits;
        fill.addedLots = terms.lots;
    } else {
        fill.newCostUnits = mulDivToZero(paidUnits, leftLots, terms.lots);
        fill.newExtraUnits = 0;
        fill.addedLots = leftLots;
    }
}

/// @notice The open interest with both sides of a fill. Units: lots.
function openLotsAfter(Market market, Fill memory taker, Fill memory maker) pure returns (int256) {
    return int256(uint256(market.openInterestLots())) + _grown(taker) + _grown(maker);
}

/// @notice Asks more margin for what one side of a fill has added, when so many lots are open with it; the
/// position keeps it.
function askSurcharge(Market market, Account account, Risk risk, Terms memory terms, int256 openLots, Fill memory fill)
    pure {
    if (fill.addedLots == 0) return;
    fill.newExtraUnits += int256(surcharge(market, risk, terms.market, openLots, fill.addedLots));
    account.setPositionExtraUnits(fill.slot, SafeCast.toInt64(fill.newExtraUnits));
}

/// @notice Adds both sides of a fill to the market's totals, the sum of all cash and the dust, unless
/// open interest is full.
/// @dev Rejects: OPEN_INTEREST (it would grow beyond the market's cap).
function moveTotals(Registers registers, Market market, Fill memory taker, Fill memory maker) pure returns (uint8) {
    int256 openLots = openLotsAfter(market, taker, maker);
    int256 capLots = int256(uint256(market.maxOpenInterestLots()));
    if (openLots > int256(uint256(market.openInterestLots())) && capLots != 0 && openLots > capLots) {
        return Outcome.OPEN_INTEREST;
    }
    int256 netLots = market.netLots();
    netLots += taker.newLots - taker.oldLots + maker.newLots - maker.oldLots;
    market.setOpenInterestLots(SafeCast.toUint64(SafeCast.toUint256(openLots)));
    market.setNetLots(SafeCast.toInt64(netLots));
    registers.setCashUnits(SafeCast.toInt64(registers.cashUnits() + taker.cashChangeUnits + maker.cashChangeUnits));
    _bookFunding(registers, market, taker);
    _bookFunding(registers, market, maker);
    return Outcome.ACCEPTED;
}

/// @dev Moves the market's funding totals to the position's new size and index; whole units of dust
/// become fees.
function _bookFunding(Registers registers, Market market, Fill memory fill) pure {
    int256 olderTicks = wholeDown(fill.oldIndexPpm);
    int256 newerTicks = wholeDown(fill.newIndexPpm);
    int256 wholeTicks = market.fundingWholeTicks() + fill.newLots * newerTicks - fill.oldLots * olderTicks;
    int256 partPpm = fill.newLots * (fill.newIndexPpm - newerTicks * MILLION);
    partPpm += market.fundingPartPpm() - fill.oldLots * (fill.oldIndexPpm - olderTicks * MILLION);
    market.setFundingWholeTicks(SafeCast.toInt64(wholeTicks));
    market.setFundingPartPpm(SafeCast.toInt64(partPpm));
    int256 keptPpm = registers.fundingDustPpm() + fill.dustPpm;
    registers.setFeesUnits(SafeCast.toInt64(registers.feesUnits() + wholeDown(keptPpm)));
    registers.setFundingDustPpm(SafeCast.toInt64(keptPpm - wholeDown(keptPpm) * MILLION));
}

/// @notice Puts an account back to what it was before `applyFill`.
function undoFill(Account account, Terms memory terms, Fill memory fill) pure {
    account.setCashUnits(SafeCast.toInt64(account.cashUnits() - fill.cashChangeUnits));
    _setOld(account, terms.market, fill);
}

/// @notice Turns the position in the slot of `fill` into cash: what it is worth, less the funding it owes. No limit
/// forbids that. Rounding: funding up.
function payOut(
    Registers registers,
    Market market,
    Account account,
    Risk risk,
    uint256 number,
    int256 worthUnits,
    Fill memory fill
) pure {
    fill.oldLots = account.positionSizeLots(fill.slot);
    fill.oldCostUnits = account.positionCostUnits(fill.slot);
    _settleFunding(account, risk, number, fill);
    fill.cashChangeUnits += worthUnits;
    account.setCashUnits(SafeCast.toInt64(account.cashUnits() + fill.cashChangeUnits));
    _setNew(account, number, fill);
    Fill memory nobodys;
    moveTotals(registers, market, fill, nobodys);
}

/// @notice Whether an account has no position.
function holdsNothing(Account account) pure returns (bool) {
    for (uint256 slot; slot < Constants.MAX_POSITIONS; ++slot) {
        if (account.positionSizeLots(slot) != 0) return false;
    }
    return true;
}

/// @notice Whether a fill just applied may leave the account like this, at the worse prices.
/// @dev What the account was worth before is measured only where it matters: the fill is undone for it and applied
/// again.
function mayStand(Registers registers, Account account, Risk risk, Terms memory terms, Fill memory fill)
    pure
    returns (bool)
{
    if (!fill.reduces) return surplus(registers, account, risk, Constants.LEAN_WORST) >= 0;
    Health memory later = health(registers, account, risk, Constants.LEAN_WORST);
    if (later.valueUnits >= later.initialUnits) return true;
    return keepsRatio(_before(registers, account, risk, terms, fill), later);
}

/// @notice Whether a fill that only reduces, just applied beside the collar, may leave the account like this.
/// @dev However much margin is left: at any price a fill would else be a withdrawal.
function mayLeave(Registers registers, Account account, Risk risk, Terms memory terms, Fill memory fill)
    pure
    returns (bool)
{
    Health memory later = health(registers, account, risk, Constants.LEAN_WORST);
    return keepsRatio(_before(registers, account, risk, terms, fill), later);
}

/// @dev Measures an account as it was before a fill that stays applied.
function _before(Registers registers, Account account, Risk risk, Terms memory terms, Fill memory fill)
    pure
    returns (Health memory before)
{
    undoFill(account, terms, fill);
    before = health(registers, account, risk, Constants.LEAN_WORST);
    account.setCashUnits(SafeCast.toInt64(account.cashUnits() + fill.cashChangeUnits));
    _setNew(account, terms.market, fill);
}

/// @dev By how much one side of a fill makes open interest grow.
function _grown(Fill memory fill) pure returns (int256) {
    return _longPart(fill.newLots) - _longPart(fill.oldLots);
}

function _longPart(int256 sizeLots) pure returns (int256) {
    return sizeLots > 0 ? sizeLots : int256(0);
}

function _unsigned(int256 sizeLots) pure returns (int256) {
    return sizeLots >= 0 ? sizeLots : -sizeLots;
}

function _setOld(Account account, uint256 market, Fill memory fill) pure {
    account.setPositionMarket(fill.slot, fill.oldLots == 0 ? 0 : SafeCast.toUint8(market));
    account.setPositionSizeLots(fill.slot, SafeCast.toInt64(fill.oldLots));
    account.setPositionFundingIndexPpm(fill.slot, fill.oldLots == 0 ? int64(0) : SafeCast.toInt64(fill.oldIndexPpm));
    account.setPositionCostUnits(fill.slot, SafeCast.toInt64(fill.oldCostUnits));
    account.setPositionExtraUnits(fill.slot, SafeCast.toInt64(fill.oldExtraUnits));
}

function _setNew(Account account, uint256 market, Fill memory fill) pure {
    account.setPositionMarket(fill.slot, fill.newLots == 0 ? 0 : SafeCast.toUint8(market));
    account.setPositionSizeLots(fill.slot, SafeCast.toInt64(fill.newLots));
    account.setPositionFundingIndexPpm(fill.slot, fill.newLots == 0 ? int64(0) : SafeCast.toInt64(fill.newIndexPpm));
    account.setPositionCostUnits(fill.slot, SafeCast.toInt64(fill.newCostUnits));
    account.setPositionExtraUnits(fill.slot, SafeCast.toInt64(fill.newExtraUnits));
}

function _within(int256 amount, int256 most) pure returns (bool) {
    return -most <= amount && amount <= most;
}
