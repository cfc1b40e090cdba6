// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Path, openBest} from "./Book.sol";
import {maintenanceFraction, maintenanceMargin, tierBegins} from "./Margin.sol";
import {Health, health, mayChange} from "./Risk.sol";
import {checkLiquidationStage, holderWaits} from "./Stages.sol";
import {Fill, NO_SLOT, Terms, applyFill, findPosition, moveTotals, undoFill} from "./Trade.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {divDown, mulDivDown, mulDivUp, ppmDown, productsAtMost} from "@tallystick/libraries/Arith.sol";
import {Account, Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {exposureOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";
import {openAccount, openMarket, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// Accounts below their maintenance margin: how much to close, at which price, and with whom.

/// @dev The insurance fund's account: nobody owns it, so nobody can trade for it or withdraw from it.
uint256 constant FUND = 0;
/// @dev What stands for an account that was not opened.
Account constant NO_ACCOUNT = Account.wrap(0);

/// @notice A position that may have to be closed, and its account as it stands.
/// @dev Units: `tick` is what one lot is worth at one tick, `worth` what it is worth at the mark.
struct Case {
    uint256 number;
    uint256 marketNumber;
    Market market;
    Account account;
    Risk risk;
    Price price;
    uint256 mark;
    uint256 tick;
    uint256 worth;
    int256 size;
    uint256 lots;
    uint256 side;
    Health measured;
}

/// @notice Opens the cells of a case and measures it.
function openCase(Witness memory w, uint256 account, uint256 market) pure returns (Case memory c) {
    c.number = account;
    c.marketNumber = market;
    c.market = openMarket(w, market);
    c.account = openAccount(w, account);
    c.risk = openRisk(w);
    c.price = openPriceCell(w, market);
    c.mark = c.risk.marketMarkTicks(market);
    // SAFETY of both casts: of a long position, and a mark is no less than 0.
    c.tick = uint256(exposureOf(c.risk, market, 1));
    c.worth = uint256(worthOf(c.risk, market, int256(c.tick)));
    c.size = sizeOf(c.account, market);
    c.lots = uint256(c.size >= 0 ? c.size : -c.size);
    c.side = c.size > 0 ? Constants.SELL : Constants.BUY;
    c.measured = health(c.account, c.risk);
}

/// @notice Whether the account is worth less than nothing.
function bankrupt(Case memory c) pure returns (bool) {
    return c.measured.value < 0;
}

/// @notice An account's signed size in a market. Units: lots.
function sizeOf(Account account, uint256 market) pure returns (int256) {
    uint256 slot = findPosition(account, market);
    return slot == NO_SLOT ? int256(0) : account.positionSizeLots(slot);
}

/// @notice Whether the position can be closed at all.
/// @dev Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT.
function checkMarket(Registers registers, Case memory c) pure returns (uint8) {
    if (c.market.status() != Constants.MARKET_LIVE || c.mark == 0) return Outcome.NO_MARKET;
    return c.size == 0 ? Outcome.NO_POSITION : checkLiquidationStage(registers, c.price);
}

/// @notice Whether the position may be closed against its owner's will.
/// @dev Rejects: as `checkMarket`, HEALTHY (value covers the maintenance margin), and LIQUIDATIONS_WAIT
/// for the sake of another market as well.
function checkCase(Registers registers, Case memory c) pure returns (uint8) {
    uint8 outcome = checkMarket(registers, c);
    if (outcome != Outcome.ACCEPTED) return outcome;
    if (c.measured.value >= c.measured.maintenance) return Outcome.HEALTHY;
    return holderWaits(registers, c.account, c.risk) ? Outcome.LIQUIDATIONS_WAIT : Outcome.ACCEPTED;
}

/// @notice The fewest lots that, closed at the mark and for the largest fee, bring maintenance margin
/// back; the whole position when no part of it suffices. Rounding: up; a part of a lot does not trade.
/// @dev What one more closed lot gains is its share of the margin less the fee, so the tiers are walked
/// from the top, where a lot gains most.
function sufficientLots(Case memory c) pure returns (uint256) {
    int256 fee = int256(uint256(c.market.liquidationFeePpm()));
    int256 missing = _missing(c);
    int256 closed;
    uint256 top = c.lots * c.worth;
    for (uint256 below; below < 3; ++below) {
        uint256 tier = 2 - below;
        uint256 begin = tierBegins(c.risk, c.marketNumber, tier);
        if (begin >= top) continue;
        int256 gain = int256(maintenanceFraction(c.risk, c.marketNumber, tier)) - fee;
        if (gain <= 0) return c.lots;
        int256 span = int256(top - begin);
        if (missing <= span * gain) {
            // SAFETY: `missing` is positive, since the value is below the maintenance margin.
            uint256 lots = uint256(mulDivUp(closed * gain + missing, 1, gain * int256(c.worth)));
            return lots < c.lots ? lots : c.lots;
        }
        missing -= span * gain;
        closed += span;
        top = begin;
    }
    return c.lots;
}

/// @dev By how much the maintenance margin passes the value, in millionths of a unit. The position's
/// own margin counts unrounded: what then suffices does so with the rounding as well.
function _missing(Case memory c) pure returns (int256 missing) {
    uint256 notional = c.lots * c.worth;
    int256 own = int256(maintenanceMargin(c.risk, c.marketNumber, notional));
    missing = (c.measured.maintenance - own - c.measured.value) * int256(Constants.PPM);
    for (uint256 tier; tier < 3; ++tier) {
        uint256 begin = tierBegins(c.risk, c.marketNumber, tier);
        uint256 end = tierBegins(c.risk, c.marketNumber, tier + 1);
        if (begin >= notional) continue;
        uint256 span = (end < notional ? end : notional) - begin;
        missing += int256(span * maintenanceFraction(c.risk, c.marketNumber, tier));
    }
}

/// @notice The part of the account's value that stands behind some lots: value x their margin / all
/// margin. Units: units. Rounding: down, for the account.
/// @dev Closing them for their worth at the mark less this, for a long (more it, for a short), leaves
/// the ratio of value to maintenance margin as it is.
function valueShare(Case memory c, uint256 lots) pure returns (int256) {
    uint256 margin = maintenanceMargin(c.risk, c.marketNumber, c.lots * c.worth);
    margin -= maintenanceMargin(c.risk, c.marketNumber, (c.lots - lots) * c.worth);
    // SAFETY: a position has a maintenance margin, since no market has a fraction of 0.
    return mulDivDown(c.measured.value, int256(margin), c.measured.maintenance);
}

/// @notice What changes hands when lots are closed at the zero price, at least one tick a lot. Units:
/// units. Rounding: up for a long, down for a short.
function zeroQuote(Case memory c, uint256 lots) pure returns (int256 quote) {
    int256 share = valueShare(c, lots);
    quote = int256(lots * c.worth) + (c.size > 0 ? -share : share);
    int256 least = int256(lots * c.tick);
    if (quote < least) quote = least;
}

/// @notice The zero price of lots as a limit of an order. Units: ticks. Rounding: up for a long, down
/// for a short.
function zeroPrice(Case memory c, uint256 lots) pure returns (uint256) {
    // SAFETY: only for accounts worth at least nothing; what stands behind lots is below their worth.
    uint256 shift = uint256(divDown(valueShare(c, lots), int256(lots * c.tick)));
    return c.size > 0 ? c.mark - shift : c.mark + shift;
}

/// @notice Whether an order rests that would take the whole position at its zero price or better;
/// opens the book.
function bookCrosses(Witness memory w, Case memory c) pure returns (bool) {
    Path memory path;
    path.market = c.marketNumber;
    path.side = 1 - c.side;
    if (!openBest(w, path)) return false;
    uint256 limit = zeroPrice(c, c.lots);
    return c.side == Constants.SELL ? path.price >= limit : path.price <= limit;
}

/// @notice Whether the order in progress closes a position against its owner's will.
/// @dev Its limit, the zero price, stands for the margin check: no fill at it makes the account less
/// safe.
function liquidates(Registers registers) pure returns (bool) {
    return registers.argFlags() & Constants.FLAG_LIQUIDATION != 0;
}

/// @notice Opens the insurance fund's account when the order in progress pays it a fee; else
/// NO_ACCOUNT.
function openFund(Witness memory w) pure returns (Account) {
    if (!liquidates(w.registers) || w.registers.argAccount() == FUND) return NO_ACCOUNT;
    return openAccount(w, FUND);
}

/// @notice Whether there is no fund to pay.
function noFund(Account fund) pure returns (bool) {
    return Account.unwrap(fund) == Account.unwrap(NO_ACCOUNT);
}

/// @notice What a liquidated account pays the insurance fund for a fill; the fund itself pays nothing.
/// Units: `tick` is what all lots of the fill are worth at one tick. Rounding: down.
/// @dev At most the market's share of the quote, the improvement over the limit, and what the fund's
/// cash has room for.
function liquidationFee(Registers registers, Market market, Account fund, uint256 quote, uint256 tick, uint256 price)
    pure
    returns (int256 fee)
{
    if (noFund(fund)) return 0;
    uint256 limit = registers.argPriceTicks();
    int256 improvement = int256((price >= limit ? price - limit : limit - price) * tick);
    fee = int256(ppmDown(quote, market.liquidationFeePpm()));
    if (improvement < fee) fee = improvement;
    int256 room = int256(Constants.MAX_CASH_UNITS) - fund.cashUnits();
    if (room < fee) fee = room;
    if (fee < 0) fee = 0;
}

/// @notice Gives a fee that an account has paid to the insurance fund.
function payFund(Registers registers, Account fund, int256 fee) pure {
    fund.setCashUnits(SafeCast.toInt64(fund.cashUnits() + fee));
    registers.setCashUnits(SafeCast.toInt64(registers.cashUnits() + fee));
}

/// @notice Lots that went from one account to another at the zero price: both sides, to be booked or
/// undone.
struct Transfer {
    Terms terms;
    Fill gives;
    Fill takes;
}

/// @notice Moves lots to another account at the zero price, unless a limit of either forbids it.
function transferLots(Case memory c, Account other, uint256 lots, Transfer memory moved) pure returns (bool) {
    moved.terms.market = c.marketNumber;
    moved.terms.lots = int256(lots);
    moved.terms.quoteUnits = zeroQuote(c, lots);
    moved.terms.maxLots = int256(uint256(c.market.maxLots()));
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
function bookTransfer(Registers registers, Case memory c, Transfer memory moved) pure {
    moveTotals(registers, c.market, moved.gives, moved.takes);
}

/// @notice Moves as much of the position to the insurance fund as its cap for the market has room for.
/// @dev False, and nothing moved, when that is nothing, or the fund's own margin would not carry it.
function fundTakes(Case memory c, Account fund, Transfer memory moved) pure returns (bool) {
    int256 held = sizeOf(fund, c.marketNumber);
    int256 room = int256(uint256(c.market.insuranceLots())) + (c.size > 0 ? -held : held);
    int256 lots = int256(c.lots);
    if (room < lots) lots = room;
    if (lots <= 0) return false;
    Health memory before = health(fund, c.risk);
    if (!transferLots(c, fund, uint256(lots), moved)) return false;
    if (mayChange(before, health(fund, c.risk), moved.takes.reduces)) return true;
    undoTransfer(c, fund, moved);
    return false;
}

/// @notice Moves as much of the position to a candidate as its own opposite one can take up.
/// @dev False, and nothing moved, when the candidate has no opposite position, is worth nothing, or
/// would be worth less than nothing afterwards.
function candidateTakes(Case memory c, uint256 number, Account candidate, Transfer memory moved) pure returns (bool) {
    if (number == c.number || number == FUND || health(candidate, c.risk).value <= 0) return false;
    int256 size = sizeOf(candidate, c.marketNumber);
    int256 opposite = c.size > 0 ? -size : size;
    int256 lots = int256(c.lots);
    if (opposite < lots) lots = opposite;
    if (lots <= 0 || !transferLots(c, candidate, uint256(lots), moved)) return false;
    if (health(candidate, c.risk).value >= 0) return true;
    undoTransfer(c, candidate, moved);
    return false;
}

/// @notice Whether an account is leveraged more, notional by value, than another; both are worth more
/// than nothing.
function outranks(Health memory challenger, Health memory nominee) pure returns (bool) {
    // SAFETY: a notional has 132 bits.
    return !productsAtMost(int256(challenger.notional), nominee.value, int256(nominee.notional), challenger.value);
}

/// @notice Whether neither the book nor the insurance fund takes the position up.
function lastResort(Witness memory w, Case memory c, Account fund, Transfer memory moved) pure returns (uint8) {
    if (c.number == FUND) return Outcome.HEALTHY;
    uint8 outcome = checkCase(w.registers, c);
    if (outcome != Outcome.ACCEPTED) return outcome;
    if (!bankrupt(c) && bookCrosses(w, c)) return Outcome.BOOK_CROSSES;
    if (fundTakes(c, fund, moved)) {
        undoTransfer(c, fund, moved);
        return Outcome.INSURANCE_FIRST;
    }
    return Outcome.ACCEPTED;
}
