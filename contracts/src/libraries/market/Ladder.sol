// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {isFund} from "./Funds.sol";
import {
    Case,
    bankrupt,
    brakeSpares,
    checkCase,
    debtOf,
    isSettled,
    liquidates,
    measure,
    shareOf,
    sizeOf,
    sufficientLots
} from "./Liquidation.sol";
import {maintenanceMargin} from "./Margin.sol";
import {Health, health, mayChange} from "./Risk.sol";
import {Fill, Terms, applyFill, findPosition, moveTotals, setTerms, undoFill} from "./Trade.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {clamp, divDown, ppmDown, productsAtMost, tripleProductsAtMost} from "@tallystick/libraries/Arith.sol";
import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {hasJumped} from "@tallystick/libraries/market/Brake.sol";
import {exposureOf, weightOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";

// Beyond the book: positions that the market's insurance fund, or who is on the other side, takes up at the index.

/// @notice Lots that went from one account to another: both sides, to be booked or undone, and what a fund bears with
/// them.
/// @dev `lostUnits` is what who takes them pays beyond the index, less than nothing when it gains.
struct Transfer {
    Terms terms;
    Fill gives;
    Fill takes;
    int256 lostUnits;
    int256 borneUnits;
    int256 bearMostUnits;
}

/// @notice Whether the book is done with the position; from there on the case is measured at the index.
/// @dev It is of an account that owes more than it has, and of one below half its maintenance margin when a LIQUIDATE
/// has just left something of the position. A fund has no book to go to before it is deleveraged itself. Rejects:
/// NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY (in a settled market whoever does not owe),
/// BRAKE, BOOK_FIRST.
function checkLadder(Case memory c) pure returns (uint8) {
    uint8 outcome = checkCase(c, true);
    if (outcome != Outcome.ACCEPTED) return outcome;
    measure(c, Constants.LEAN_INDEX);
    if (bankrupt(c)) return Outcome.ACCEPTED;
    if (isSettled(c)) return Outcome.HEALTHY;
    if (brakeSpares(c, c.account)) return Outcome.BRAKE;
    bool halfGone = 2 * c.measured.valueUnits < c.measured.maintenanceUnits;
    return isFund(c.number) || (halfGone && _wasTried(c)) ? Outcome.ACCEPTED : Outcome.BOOK_FIRST;
}

/// @dev Whether the newest LIQUIDATE that the book left something of was of this position, and just now.
function _wasTried(Case memory c) pure returns (bool) {
    bool same = c.registers.triedAccount() == c.number && c.registers.triedMarket() == c.marketNumber;
    return same && c.registers.clockMs() - c.registers.triedMs() < Constants.TRIED_MS;
}

/// @notice How many lots are to be closed: those that suffice, all of an account that owes more than it has.
function lotsDue(Case memory c) pure returns (uint256) {
    return bankrupt(c) ? c.lots : sufficientLots(c);
}

/// @notice What changes hands when lots are closed at the zero price, at least one tick a lot. Units:
/// units. Rounding: up for a long, down for a short.
/// @dev Closed at it they leave the ratio of value to maintenance margin as it is, but where what is owed is shared by
/// what has lost by a jump: what has not is closed at the index.
function zeroQuote(Case memory c, uint256 lots) pure returns (int256 quoteUnits) {
    int256 shareUnits = bankrupt(c) ? debtOf(c, lots) : shareOf(c, lots, c.measured.valueUnits);
    quoteUnits = int256(lots * c.lotUnits) + (c.sizeLots > 0 ? -shareUnits : shareUnits);
    int256 leastUnits = int256(lots * c.tickUnits);
    if (quoteUnits < leastUnits) quoteUnits = leastUnits;
}

/// @notice What changes hands when lots are closed beyond the book: the index less the market's fee. Units: units.
/// Rounding: for the account.
/// @dev No worse than the zero quote, and that alone of an account that owes more than it has. A fund pays no fee.
function closingQuote(Case memory c, uint256 lots) pure returns (int256) {
    int256 zeroUnits = zeroQuote(c, lots);
    if (bankrupt(c)) return zeroUnits;
    uint256 indexUnits = lots * c.lotUnits;
    uint256 feeUnits = isFund(c.number) ? 0 : ppmDown(indexUnits, c.market.liquidationFeePpm());
    // SAFETY: a quote has 128 bits, and the fee is no more than it.
    if (c.sizeLots > 0) return zeroUnits >= int256(indexUnits - feeUnits) ? zeroUnits : int256(indexUnits - feeUnits);
    return zeroUnits <= int256(indexUnits + feeUnits) ? zeroUnits : int256(indexUnits + feeUnits);
}

/// @dev What it costs to take lots up for a quote rather than at the index; less than nothing is a gain.
function _lost(Case memory c, uint256 lots, int256 quoteUnits) pure returns (int256) {
    int256 lostUnits = quoteUnits - int256(lots * c.lotUnits);
    return c.sizeLots > 0 ? lostUnits : -lostUnits;
}

/// @notice Moves lots to another account for a quote, unless a limit of either forbids it.
function transferLots(Case memory c, Account other, uint256 lots, int256 quoteUnits, Transfer memory moved)
    pure
    returns (bool)
{
    setTerms(c.market, moved.terms, c.marketNumber, lots, quoteUnits);
    moved.lostUnits = _lost(c, lots, quoteUnits);
    if (applyFill(c.account, c.risk, moved.terms, c.side, 0, moved.gives) != Outcome.ACCEPTED) return false;
    if (applyFill(other, c.risk, moved.terms, 1 - c.side, 0, moved.takes) != Outcome.ACCEPTED) {
        undoFill(c.account, moved.terms, moved.gives);
        return false;
    }
    return true;
}

/// @notice Puts both accounts back to what they were before `transferLots`.
function undoTransfer(Case memory c, Account other, Transfer memory moved) pure {
    undoFill(other, moved.terms, moved.takes);
    undoFill(c.account, moved.terms, moved.gives);
}

/// @notice Adds a transfer that stands to the totals. Open interest never grows by it.
function bookTransfer(Case memory c, Transfer memory moved) pure {
    moveTotals(c.registers, c.market, moved.gives, moved.takes);
    if (isFund(c.number)) addToBudget(c.market, 0, moved.gives);
}

/// @notice Moves lots to the market's insurance fund.
/// @dev False, and nothing moved, when they are none, or more than are to be closed or its cap has room for, when it
/// has borne too much of accounts that owe already, or its own margin, at the worse prices, would not carry them.
function fundTakes(Case memory c, Account fund, uint256 lots, Transfer memory moved) pure returns (bool) {
    int256 heldLots = sizeOf(fund, c.marketNumber);
    int256 roomLots = int256(uint256(c.market.insuranceLots())) + (c.sizeLots > 0 ? -heldLots : heldLots);
    // SAFETY: lots have 64 bits.
    if (lots < 1 || int256(lots) > roomLots || lots > lotsDue(c)) return false;
    Health memory before = health(c.registers, fund, c.risk, Constants.LEAN_WORST);
    if (!transferLots(c, fund, lots, closingQuote(c, lots), moved)) return false;
    Health memory later = health(c.registers, fund, c.risk, Constants.LEAN_WORST);
    if (_mayBear(c, before.valueUnits, moved) && mayChange(before, later, moved.takes.reduces)) return true;
    undoTransfer(c, fund, moved);
    return false;
}

/// @dev Whether the fund, worth so much before, may bear what it loses by lots of an account that owes. Within BEAR_MS
/// of the first such loss at most a share of what it was worth then: else it would pay the winner of every gap, who is
/// there to be deleveraged.
function _mayBear(Case memory c, int256 valueUnits, Transfer memory moved) pure returns (bool) {
    bool anew = _bearsAnew(c);
    moved.borneUnits = moved.lostUnits > 0 ? moved.lostUnits : int256(0);
    moved.bearMostUnits = int256(uint256(c.market.bearMostUnits()));
    if (anew) {
        moved.bearMostUnits = valueUnits > 0 ? int256(ppmDown(uint256(valueUnits), Constants.BEAR_PPM)) : int256(0);
    }
    return moved.borneUnits + (anew ? int256(0) : int256(uint256(c.market.bearUnits()))) <= moved.bearMostUnits;
}

/// @dev Whether the time is over in which what the fund bears is bounded together.
function _bearsAnew(Case memory c) pure returns (bool) {
    return c.registers.clockMs() - c.market.bearMs() >= Constants.BEAR_MS;
}

/// @notice Books a takeover that stands: what the fund has borne, and what its unwinding may lose. Rounding: down.
/// @dev Half of what it has gained against the index stays in it, and all that it has lost comes out of its budget.
function bookTakeover(Case memory c, Transfer memory moved) pure {
    if (moved.borneUnits > 0) {
        bool anew = _bearsAnew(c);
        int256 keptUnits = anew ? int256(0) : int256(uint256(c.market.bearUnits()));
        if (anew) {
            c.market.setBearMs(c.registers.clockMs());
            c.market.setBearMostUnits(SafeCast.toUint64(SafeCast.toUint256(moved.bearMostUnits)));
        }
        c.market.setBearUnits(SafeCast.toUint64(SafeCast.toUint256(keptUnits + moved.borneUnits)));
    }
    int256 gainUnits = moved.lostUnits < 0 ? divDown(-moved.lostUnits, 2) : -moved.lostUnits;
    addToBudget(c.market, gainUnits, moved.takes);
    c.market.setFundMs(c.registers.clockMs());
    bookTransfer(c, moved);
}

/// @notice Whether neither the book nor the market's fund takes the position up, measured at the index from there on.
/// @dev Rejects: those of `checkLadder`, INSURANCE_FIRST (the fund takes a lot at least).
function lastResort(Case memory c, Account fund, Transfer memory moved) pure returns (uint8) {
    uint8 outcome = checkLadder(c);
    if (outcome != Outcome.ACCEPTED || isFund(c.number) || !fundTakes(c, fund, 1, moved)) return outcome;
    undoTransfer(c, fund, moved);
    return Outcome.INSURANCE_FIRST;
}

/// @notice Moves as much of the position to a candidate as its own opposite one takes up and it can bear.
/// @dev Of two accounts that owe more than they have, lots meet at the index, else they would grow for ever. False, and
/// nothing moved, when the candidate has no opposite position, or when a brake holds it or it is worth nothing and the
/// account is not bankrupt.
function candidateTakes(Case memory c, uint256 number, Account candidate, Transfer memory moved) pure returns (bool) {
    if (number == c.number || isFund(number) || brakeSpares(c, candidate)) return false;
    uint256 lots = _opposedLots(c, candidate);
    int256 valueUnits = health(c.registers, candidate, c.risk, Constants.LEAN_INDEX).valueUnits;
    if (lots == 0 || (valueUnits <= 0 && !bankrupt(c))) return false;
    if (valueUnits <= 0) return transferLots(c, candidate, lots, int256(lots * c.lotUnits), moved);
    lots = _bearableLots(c, lots, valueUnits);
    return lots > 0 && transferLots(c, candidate, lots, closingQuote(c, lots), moved);
}

/// @notice Whether a candidate takes anything up; nothing is moved.
function couldTake(Case memory c, uint256 number, Account candidate, Transfer memory moved) pure returns (bool) {
    if (!candidateTakes(c, number, candidate, moved)) return false;
    undoTransfer(c, candidate, moved);
    return true;
}

/// @dev How many of the lots to be closed a candidate holds on the other side.
function _opposedLots(Case memory c, Account candidate) pure returns (uint256) {
    int256 sizeLots = sizeOf(candidate, c.marketNumber);
    int256 oppositeLots = c.sizeLots > 0 ? -sizeLots : sizeLots;
    if (oppositeLots <= 0) return 0;
    uint256 lots = lotsDue(c);
    return int256(lots) <= oppositeLots ? lots : uint256(oppositeLots);
}

/// @dev The most of these lots whose loss a candidate of this value can bear. Loss grows with them.
function _bearableLots(Case memory c, uint256 lots, int256 valueUnits) pure returns (uint256 lowLots) {
    if (_lost(c, lots, closingQuote(c, lots)) <= valueUnits) return lots;
    uint256 highLots = lots - 1;
    while (lowLots < highLots) {
        // SAFETY: half of what two positions have together.
        uint256 middleLots = uint256(divDown(int256(lowLots + highLots + 1), 2));
        if (_lost(c, middleLots, closingQuote(c, middleLots)) <= valueUnits) lowLots = middleLots;
        else highLots = middleLots - 1;
    }
}

/// @notice How a candidate ranks for a position: whether it gains by closing, then lots x notional by value.
/// @dev Units: lots, units. What an account that owes itself ranks is nothing.
struct Rank {
    bool gains;
    int256 lots;
    int256 notionalUnits;
    int256 valueUnits;
}

/// @notice Ranks a candidate that could take lots: who has won what the account has lost comes first.
function rankOf(Case memory c, Account candidate) pure returns (Rank memory) {
    Health memory measured = health(c.registers, candidate, c.risk, Constants.LEAN_INDEX);
    if (measured.valueUnits <= 0) return Rank(false, 0, 0, 1);
    int256 lots = int256(_opposedLots(c, candidate));
    int256 quoteUnits = closingQuote(c, uint256(lots));
    uint256 slot = findPosition(candidate, c.marketNumber);
    int256 sizeLots = candidate.positionSizeLots(slot);
    int256 costUnits = candidate.positionCostUnits(slot);
    bool gains = sizeLots > 0
        ? productsAtMost(costUnits, lots, quoteUnits, sizeLots)
        : productsAtMost(quoteUnits, -sizeLots, -costUnits, lots);
    return Rank(gains, lots, int256(measured.notionalUnits), measured.valueUnits);
}

/// @notice Whether a candidate ranks above another; both values are above nothing.
function outranks(Rank memory challenger, Rank memory nominee) pure returns (bool) {
    if (challenger.gains != nominee.gains) return challenger.gains;
    // SAFETY: lots of a position have 31 bits, the notional of 16 has 59, a value 63.
    return !tripleProductsAtMost(
        challenger.lots,
        challenger.notionalUnits,
        nominee.valueUnits,
        nominee.lots,
        nominee.notionalUnits,
        challenger.valueUnits
    );
}

/// @notice Whether the position comes before the account's in the market nominated for.
/// @dev One that has lost by a jump does so before others; else one that needs more maintenance margin at the index. So
/// does any where that is closed by now.
function weighsMore(Case memory c, uint256 nominatedMarket) pure returns (bool) {
    int256 sizeLots = sizeOf(c.account, nominatedMarket);
    if (sizeLots == 0) return true;
    bool jumped = hasJumped(c.risk, c.marketNumber, c.sizeLots);
    if (jumped != hasJumped(c.risk, nominatedMarket, sizeLots)) return jumped;
    int256 worthUnits =
        worthOf(c.risk, nominatedMarket, exposureOf(c.risk, nominatedMarket, sizeLots), Constants.LEAN_INDEX);
    uint256 nominatedUnits = maintenanceMargin(c.risk, nominatedMarket, weightOf(worthUnits));
    return maintenanceMargin(c.risk, c.marketNumber, c.lots * c.lotUnits) > nominatedUnits;
}

/// @notice Books what a fill of a fund's unwinding has brought against the index, and that it has traded now.
function bookSlice(Registers registers, Market market, Risk risk, Terms memory terms, Fill memory fill) pure {
    if (!liquidates(registers) || !isFund(registers.argAccount())) return;
    int256 exposure = exposureOf(risk, terms.market, terms.lots);
    int256 gainUnits = terms.quoteUnits - worthOf(risk, terms.market, exposure, Constants.LEAN_INDEX);
    addToBudget(market, registers.argSide() == Constants.SELL ? gainUnits : -gainUnits, fill);
    market.setFundMs(registers.clockMs());
}

/// @notice Adds what a fund has gained against the index to what its unwinding may lose; nothing while it holds
/// nothing.
/// @dev It begins anew where its position has turned. It stays within what cash stays within.
function addToBudget(Market market, int256 gainUnits, Fill memory fill) pure {
    bool turned = (fill.oldLots > 0 && 0 > fill.newLots) || (fill.oldLots < 0 && 0 < fill.newLots);
    int256 keptUnits = fill.oldLots == 0 || turned ? int256(0) : market.fundBudgetUnits();
    int256 budgetUnits = fill.newLots == 0 ? int256(0) : clamp(keptUnits + gainUnits, int256(Constants.MAX_CASH_UNITS));
    market.setFundBudgetUnits(SafeCast.toInt64(budgetUnits));
}
