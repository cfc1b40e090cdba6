// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {fundOf, isFund} from "./Funds.sol";
import {maintenanceFraction, maintenanceMargin, tierBegins} from "./Margin.sol";
import {ALL_MARKETS, Health, health, jumpedWeight} from "./Risk.sol";
import {checkLiquidationStage, indexStopped} from "./Stages.sol";
import {Fill, NO_SLOT, Terms, findPosition} from "./Trade.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {clamp, divDown, mulDivDown, mulDivUp, periodsDown, ppmDown} from "@tallystick/libraries/Arith.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {isHeld} from "@tallystick/libraries/market/Brake.sol";
import {exposureOf, priceOf, worthOf} from "@tallystick/libraries/market/Instrument.sol";
import {openAccount, openMarket, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// Accounts below their maintenance margin: how much of a position to close in the book, and at which price.

/// @dev What stands for an account that was not opened.
Account constant NO_ACCOUNT = Account.wrap(0);

/// @notice A position that may have to be closed, and its account as `measure` has found it.
/// @dev Units: `tick` is what one lot is worth at one tick, `ticks` the price it is measured at, `worth`
/// one lot at that; `apart` says that what its account owes is shared by what has lost by a jump, `bearsUnits` what the
/// position bears of that, less than nothing.
struct Case {
    Registers registers;
    uint256 number;
    uint256 marketNumber;
    Market market;
    Account account;
    Risk risk;
    Price price;
    uint256 tick;
    int256 size;
    uint256 lots;
    uint256 side;
    uint256 ticks;
    uint256 worth;
    Health measured;
    bool apart;
    int256 bearsUnits;
}

/// @notice Opens the cells of a case and measures it at the better prices, by which an account is due.
function openCase(Witness memory w, uint256 account, uint256 market) pure returns (Case memory c) {
    c.registers = w.registers;
    c.number = account;
    c.marketNumber = market;
    c.market = openMarket(w, market);
    c.account = openAccount(w, account);
    c.risk = openRisk(w);
    c.price = openPriceCell(w, market);
    // SAFETY: of a long position.
    c.tick = uint256(exposureOf(c.risk, market, 1));
    c.size = sizeOf(c.account, market);
    c.lots = uint256(c.size >= 0 ? c.size : -c.size);
    c.side = c.size > 0 ? Constants.SELL : Constants.BUY;
    measure(c, Constants.LEAN_BEST);
}

/// @notice Measures a case at the prices that `lean` names: the better ones before the book, the index
/// beyond it.
function measure(Case memory c, uint256 lean) pure {
    c.ticks = priceOf(c.risk, c.marketNumber, c.size, lean);
    c.worth = c.ticks * c.tick;
    c.measured = health(c.registers, c.account, c.risk, lean);
    c.apart = false;
    if (lean == Constants.LEAN_INDEX && bankrupt(c)) _shareDebt(c);
}

/// @dev Shares what an account owes beyond the book by those of its positions that have lost by a jump, if any have: who
/// is on the other side of the others has won nothing of it. Each bears as much as it has lost against its cost, or, where
/// none has, as its maintenance margin is. Rounding: down, so that nothing is left over.
function _shareDebt(Case memory c) pure {
    for (uint256 way; way < 2; ++way) {
        int256 whole = jumpedWeight(c.account, c.risk, ALL_MARKETS, way == 0);
        if (whole > 0) {
            int256 own = jumpedWeight(c.account, c.risk, c.marketNumber, way == 0);
            c.apart = true;
            c.bearsUnits = mulDivDown(c.measured.valueUnits, own, whole);
            return;
        }
    }
}

/// @notice Whether the account is worth less than nothing.
function bankrupt(Case memory c) pure returns (bool) {
    return c.measured.valueUnits < 0;
}

/// @notice An account's signed size in a market. Units: lots.
function sizeOf(Account account, uint256 market) pure returns (int256) {
    uint256 slot = findPosition(account, market);
    return slot == NO_SLOT ? int256(0) : account.positionSizeLots(slot);
}

/// @notice Whether the position may be closed against its owner's will; measured at the better prices.
/// @dev Beyond the book a settled market counts as well, and needs no index. Rejects: NO_MARKET, NO_POSITION,
/// STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY (value covers the maintenance margin), BRAKE (in the book, of an account that
/// does not owe).
function checkCase(Case memory c, bool beyondBook) pure returns (uint8) {
    bool over = beyondBook && isSettled(c);
    if (!(isLive(c) || over)) return Outcome.NO_MARKET;
    if (c.size == 0) return Outcome.NO_POSITION;
    uint8 outcome = over ? Outcome.ACCEPTED : checkLiquidationStage(c.registers, c.price, bankrupt(c));
    if (outcome == Outcome.ACCEPTED && c.measured.valueUnits >= c.measured.maintenanceUnits) return Outcome.HEALTHY;
    if (outcome == Outcome.ACCEPTED && !beyondBook && brakeSpares(c, c.account)) return Outcome.BRAKE;
    return outcome;
}

/// @notice Whether a position stays as it is since a brake holds it and the case's account does not owe.
/// @dev Else the ladder itself lets out who has won, by an account or a friend that is due elsewhere.
function brakeSpares(Case memory c, Account account) pure returns (bool) {
    return !bankrupt(c) && isHeld(c.registers, c.market, c.risk, c.marketNumber, account);
}

/// @notice Whether the case's market trades and has a price.
function isLive(Case memory c) pure returns (bool) {
    return c.market.status() == Constants.MARKET_LIVE && c.ticks != 0;
}

/// @notice Whether the prices of the case's market are final.
function isSettled(Case memory c) pure returns (bool) {
    return c.market.status() == Constants.MARKET_SETTLED;
}

/// @notice Whether a fund may unwind some of its position now.
/// @dev Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, SLICE_WAITS (it has traded just now).
function checkSlice(Case memory c) pure returns (uint8) {
    if (!isLive(c)) return Outcome.NO_MARKET;
    if (c.size == 0) return Outcome.NO_POSITION;
    if (indexStopped(c.registers, c.risk, c.marketNumber)) return Outcome.STALE_INDEX;
    return _idleMs(c) < Constants.SLICE_MS ? Outcome.SLICE_WAITS : Outcome.ACCEPTED;
}

/// @notice The fewest lots that, closed at their price and for the largest fee, bring maintenance margin
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
    missing = (c.measured.maintenanceUnits - own - c.measured.valueUnits) * int256(Constants.PPM);
    for (uint256 tier; tier < 3; ++tier) {
        uint256 begin = tierBegins(c.risk, c.marketNumber, tier);
        uint256 end = tierBegins(c.risk, c.marketNumber, tier + 1);
        if (begin >= notional) continue;
        uint256 span = (end < notional ? end : notional) - begin;
        missing += int256(span * maintenanceFraction(c.risk, c.marketNumber, tier));
    }
}

/// @notice The part of an amount that stands behind some lots: amount x their margin / all margin.
/// Units: units. Rounding: down, for the account when it is of its value.
function shareOf(Case memory c, uint256 lots, int256 amount) pure returns (int256) {
    // SAFETY: a position has a maintenance margin, since no market has a fraction of 0.
    return mulDivDown(amount, _freed(c, lots), c.measured.maintenanceUnits);
}

/// @notice What some lots bear of what the account owes, less than nothing. Units: units. Rounding: down.
function debtOf(Case memory c, uint256 lots) pure returns (int256) {
    if (!c.apart) return shareOf(c, lots, c.measured.valueUnits);
    return mulDivDown(c.bearsUnits, _freed(c, lots), _freed(c, c.lots));
}

/// @dev The maintenance margin that closing some lots frees. Units: units.
function _freed(Case memory c, uint256 lots) pure returns (int256) {
    uint256 margin = maintenanceMargin(c.risk, c.marketNumber, c.lots * c.worth);
    // SAFETY: 128 + 32 bits, and that of all lots is no less.
    return int256(margin - maintenanceMargin(c.risk, c.marketNumber, (c.lots - lots) * c.worth));
}

/// @notice The worst price at which the book takes the lots that suffice. Units: ticks. Rounding: for the account.
/// @dev One fill at it brings maintenance margin back, and nobody buys cheaper than the fund would: it yields at most
/// the market's fee, nothing where only a unit of margin is missing, and nothing where nothing is left to yield.
function saleLimit(Case memory c, uint256 lots) pure returns (uint256) {
    int256 value = c.measured.valueUnits;
    int256 missing = c.measured.maintenanceUnits - value;
    int256 share = shareOf(c, lots, value <= missing ? value : missing);
    int256 fee = int256(ppmDown(lots * c.worth, c.market.liquidationFeePpm()));
    return _shifted(c, c.ticks, divDown(share <= fee ? share : fee, int256(lots * c.tick)));
}

/// @notice How much of its position a fund unwinds at once: a part of what it may hold, at least a lot. Rounding: down.
function sliceLots(Case memory c) pure returns (uint256) {
    // SAFETY: the cap has 64 bits, and the number of slices is above 0.
    uint256 part = uint256(divDown(int256(uint256(c.market.insuranceLots())), int256(Constants.SLICES)));
    part = part > 1 ? part : 1;
    return c.lots <= part ? c.lots : part;
}

/// @notice The worst price at which a fund unwinds lots: the index, and a step further for each while it has waited.
/// Units: ticks. Rounding: for the fund.
/// @dev The steps come out of its budget, so that no unwinding takes what the fund had before; while it owes more than
/// it has there are none.
function sliceLimit(Case memory c, uint256 lots) pure returns (uint256) {
    uint256 index = priceOf(c.risk, c.marketNumber, c.size, Constants.LEAN_INDEX);
    int256 budget = c.market.fundBudgetUnits();
    if (budget <= 0 || bankrupt(c)) return _shifted(c, index, 0);
    uint256 slip = Constants.SLIP_PPM_STEP * periodsDown(_idleMs(c), Constants.SLIP_MS);
    int256 shift = int256(ppmDown(index, slip <= Constants.SLIP_PPM_MOST ? slip : Constants.SLIP_PPM_MOST));
    int256 spent = divDown(budget, int256(lots * c.tick));
    return _shifted(c, index, shift <= spent ? shift : spent);
}

/// @dev For how long the market's fund has not traded.
function _idleMs(Case memory c) pure returns (uint64) {
    return c.registers.clockMs() - c.market.fundMs();
}

/// @dev A price moved against the position, within what a price may be.
function _shifted(Case memory c, uint256 ticks, int256 shift) pure returns (uint256) {
    int256 price = c.size > 0 ? int256(ticks) - shift : int256(ticks) + shift;
    if (price < 1) return 1;
    return price <= int256(Constants.MAX_PRICE_TICKS) ? uint256(price) : Constants.MAX_PRICE_TICKS;
}

/// @notice Whether the order in progress closes a position against its owner's will.
/// @dev Its limit stands for the margin check: no fill at it makes the account less safe.
function liquidates(Registers registers) pure returns (bool) {
    return registers.argFlags() & Constants.FLAG_LIQUIDATION != 0;
}

/// @notice Opens the market's insurance fund when the order in progress pays it a fee; else NO_ACCOUNT.
function openFund(Witness memory w) pure returns (Account) {
    if (!liquidates(w.registers) || isFund(w.registers.argAccount())) return NO_ACCOUNT;
    return openAccount(w, fundOf(w.registers.argMarket()));
}

/// @notice Whether there is no fund to pay.
function noFund(Account fund) pure returns (bool) {
    return Account.unwrap(fund) == Account.unwrap(NO_ACCOUNT);
}

/// @notice What a liquidated account pays the market's insurance fund for a fill; a fund itself pays nothing.
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

/// @notice Gives a fee that an account has paid to the insurance fund of the order's market.
function payFund(Registers registers, Account fund, int256 fee) pure {
    fund.setCashUnits(SafeCast.toInt64(fund.cashUnits() + fee));
    registers.setCashUnits(SafeCast.toInt64(registers.cashUnits() + fee));
}

/// @notice Ends the order in progress; a liquidation that the book has left something of counts as tried.
function endOrder(Registers registers, uint8 outcome) pure {
    if (outcome != Outcome.ACCEPTED && liquidates(registers) && !isFund(registers.argAccount())) {
        registers.setTriedAccount(registers.argAccount());
        registers.setTriedMarket(registers.argMarket());
        registers.setTriedMs(registers.clockMs());
    }
    finish(registers, outcome);
}

/// @notice Books what a fill of a fund's unwinding has brought against the index, and that it has traded now.
function bookSlice(Registers registers, Market market, Risk risk, Terms memory terms, Fill memory fill) pure {
    if (!liquidates(registers) || !isFund(registers.argAccount())) return;
    int256 exposure = exposureOf(risk, terms.market, terms.lots);
    int256 gain = terms.quoteUnits - worthOf(risk, terms.market, exposure, Constants.LEAN_INDEX);
    addToBudget(market, registers.argSide() == Constants.SELL ? gain : -gain, fill);
    market.setFundMs(registers.clockMs());
}

/// @notice Adds what a fund has gained against the index to what its unwinding may lose; nothing while it holds
/// nothing. Units: `gain` in units.
/// @dev It begins anew where its position has turned. It stays within what cash stays within.
function addToBudget(Market market, int256 gain, Fill memory fill) pure {
    bool turned = (fill.oldLots > 0 && 0 > fill.newLots) || (fill.oldLots < 0 && 0 < fill.newLots);
    int256 kept = fill.oldLots == 0 || turned ? int256(0) : market.fundBudgetUnits();
    int256 budget = fill.newLots == 0 ? int256(0) : clamp(kept + gain, int256(Constants.MAX_CASH_UNITS));
    market.setFundBudgetUnits(SafeCast.toInt64(budget));
}
