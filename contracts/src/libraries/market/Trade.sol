// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {dust, owed} from "./Funding.sol";
import {Health, health, mayChange} from "./Risk.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {MILLION, wholeDown} from "@tallystick/libraries/Arith.sol";
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
/// @dev `cashChangeUnits` has the funding settled in it. `reduces` says that it only makes a position smaller, never turns it round.
struct Fill {
    uint256 slot;
    int256 oldLots;
    int256 newLots;
    int256 cashChangeUnits;
    int256 oldIndexPpm;
    int256 newIndexPpm;
    int256 dustPpm;
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
    int256 size = account.positionSizeLots(slot);
    int256 against = side == Constants.BUY ? -size : size;
    return against > 0 ? uint256(against) : 0;
}

/// @notice Settles the funding of an account's position and applies one side of a fill to it, unless
/// a limit forbids it. Rounding: funding up.
/// @dev Rejects: NO_POSITION_SLOT, POSITION_LIMIT. Units: `fee` in units.
function applyFill(Account account, Risk risk, Terms memory terms, uint256 side, int256 fee, Fill memory fill)
    pure
    returns (uint8)
{
    fill.slot = findPosition(account, terms.market);
    if (fill.slot == NO_SLOT) return Outcome.NO_POSITION_SLOT;
    bool buys = side == Constants.BUY;
    fill.oldLots = account.positionSizeLots(fill.slot);
    fill.newLots = buys ? fill.oldLots + terms.lots : fill.oldLots - terms.lots;
    _settleFunding(account, risk, terms.market, fill);
    fill.cashChangeUnits += (buys ? -terms.quoteUnits : terms.quoteUnits) - fee;
    int256 cash = account.cashUnits() + fill.cashChangeUnits;
    fill.reduces = fill.oldLots > 0
        ? 0 <= fill.newLots && fill.newLots < fill.oldLots
        : fill.oldLots < fill.newLots && fill.newLots <= 0;
    // A change of rules may have left a position beyond the limit: it may always get smaller.
    bool small = fill.reduces || _within(fill.newLots, terms.maxLots);
    if (!small || !_within(cash, int256(Constants.MAX_CASH_UNITS))) return Outcome.POSITION_LIMIT;
    account.setCashUnits(SafeCast.toInt64(cash));
    _setPosition(account, fill.slot, terms.market, fill.newLots, fill.newIndexPpm);
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

/// @notice Adds both sides of a fill to the market's totals, the sum of all cash and the dust, unless
/// open interest is full.
/// @dev Rejects: OPEN_INTEREST (it would grow beyond the market's cap).
function moveTotals(Registers registers, Market market, Fill memory taker, Fill memory maker) pure returns (uint8) {
    int256 grown = _longPart(taker.newLots) - _longPart(taker.oldLots);
    grown += _longPart(maker.newLots) - _longPart(maker.oldLots);
    int256 lots = int256(uint256(market.openInterestLots())) + grown;
    int256 cap = int256(uint256(market.maxOpenInterestLots()));
    if (grown > 0 && cap != 0 && lots > cap) return Outcome.OPEN_INTEREST;
    int256 net = market.netLots();
    net += taker.newLots - taker.oldLots + maker.newLots - maker.oldLots;
    market.setOpenInterestLots(SafeCast.toUint64(SafeCast.toUint256(lots)));
    market.setNetLots(SafeCast.toInt64(net));
    registers.setCashUnits(SafeCast.toInt64(registers.cashUnits() + taker.cashChangeUnits + maker.cashChangeUnits));
    _bookFunding(registers, market, taker);
    _bookFunding(registers, market, maker);
    return Outcome.ACCEPTED;
}

/// @dev Moves the market's funding totals to the position's new size and index; whole units of dust
/// become fees.
function _bookFunding(Registers registers, Market market, Fill memory fill) pure {
    int256 older = wholeDown(fill.oldIndexPpm);
    int256 newer = wholeDown(fill.newIndexPpm);
    int256 whole = market.fundingWholeTicks() + fill.newLots * newer - fill.oldLots * older;
    int256 part = fill.newLots * (fill.newIndexPpm - newer * MILLION);
    part += market.fundingPartPpm() - fill.oldLots * (fill.oldIndexPpm - older * MILLION);
    market.setFundingWholeTicks(SafeCast.toInt64(whole));
    market.setFundingPartPpm(SafeCast.toInt64(part));
    int256 kept = registers.fundingDustPpm() + fill.dustPpm;
    registers.setFeesUnits(SafeCast.toInt64(registers.feesUnits() + wholeDown(kept)));
    registers.setFundingDustPpm(SafeCast.toInt64(kept - wholeDown(kept) * MILLION));
}

/// @notice Puts an account back to what it was before `applyFill`.
function undoFill(Account account, Terms memory terms, Fill memory fill) pure {
    account.setCashUnits(SafeCast.toInt64(account.cashUnits() - fill.cashChangeUnits));
    _setPosition(account, fill.slot, terms.market, fill.oldLots, fill.oldIndexPpm);
}

/// @notice Whether a fill just applied may leave the account like this.
/// @dev What the account was worth before is measured only where it matters: the fill is undone for it and applied
/// again.
function mayStand(Account account, Risk risk, Terms memory terms, Fill memory fill) pure returns (bool) {
    Health memory later = health(account, risk);
    if (later.value >= later.initial) return true;
    if (!fill.reduces) return false;
    undoFill(account, terms, fill);
    Health memory before = health(account, risk);
    account.setCashUnits(SafeCast.toInt64(account.cashUnits() + fill.cashChangeUnits));
    _setPosition(account, fill.slot, terms.market, fill.newLots, fill.newIndexPpm);
    return mayChange(before, later, fill.reduces);
}

function _longPart(int256 size) pure returns (int256) {
    return size > 0 ? size : int256(0);
}

function _setPosition(Account account, uint256 slot, uint256 market, int256 size, int256 index) pure {
    account.setPositionMarket(slot, size == 0 ? 0 : SafeCast.toUint8(market));
    account.setPositionSizeLots(slot, SafeCast.toInt64(size));
    account.setPositionFundingIndexPpm(slot, size == 0 ? int64(0) : SafeCast.toInt64(index));
}

function _within(int256 amount, int256 most) pure returns (bool) {
    return -most <= amount && amount <= most;
}
