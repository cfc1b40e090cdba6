// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {fundOf, isFund} from "./Funds.sol";
import {maintenanceFraction, maintenanceMargin, tierBegins} from "./Margin.sol";
import {ALL_MARKETS, Health, health, jumpedWeight} from "./Risk.sol";
import {checkLiquidationStage, indexStopped} from "./Stages.sol";
import {NO_SLOT, findPosition} from "./Trade.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {divDown, mulDivDown, mulDivUp, periodsDown, ppmDown} from "@tallystick/libraries/Arith.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {isHeld} from "@tallystick/libraries/market/Brake.sol";
import {exposureOf, priceOf} from "@tallystick/libraries/market/Instrument.sol";
import {openAccount, openMarket, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// Accounts below their maintenance margin: how much of a position to close in the book, and at which price.

/// @dev What stands for an account that was not opened.
Account constant NO_ACCOUNT = Account.wrap(0);

/// @notice A position that may have to be closed, and its account as `measure` has found it.
/// @dev `tickUnits` is what one lot is worth at one tick, `priceTicks` the price it is measured at, `lotUnits`
/// what one lot is worth at that; `apart` says that what its account owes is shared by what has lost by a jump, `bearsUnits`
/// what the position bears of that, less than nothing.
struct Case {
    Registers registers;
    uint256 number;
    uint256 marketNumber;
    Market market;
    Account account;
    Risk risk;
    Price price;
    uint256 tickUnits;
    int256 sizeLots;
    uint256 lots;
    uint256 side;
    uint256 priceTicks;
    uint256 lotUnits;
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
    c.tickUnits = uint256(exposureOf(c.risk, market, 1));
    c.sizeLots = sizeOf(c.account, market);
    c.lots = uint256(c.sizeLots >= 0 ? c.sizeLots : -c.sizeLots);
    c.side = c.sizeLots > 0 ? Constants.SELL : Constants.BUY;
    measure(c, Constants.LEAN_BEST);
}

/// @notice Measures a case at the prices that `lean` names: the better ones before the book, the index
/// beyond it.
function measure(Case memory c, uint256 lean) pure {
    c.priceTicks = priceOf(c.risk, c.marketNumber, c.sizeLots, lean);
    c.lotUnits = c.priceTicks * c.tickUnits;
    c.measured = health(c.registers, c.account, c.risk, lean);
    c.apart = false;
    if (lean == Constants.LEAN_INDEX && bankrupt(c)) _shareDebt(c);
}

/// @dev Shares what an account owes beyond the book by those of its positions that have lost by a jump, if any have: who
/// is on the other side of the others has won nothing of it. Each bears as much as it has lost against its cost, or, where
/// none has, as its maintenance margin is. Rounding: down, so that nothing is left over.
function _shareDebt(Case memory c) pure {
    for (uint256 way; way < 2; ++way) {
        int256 wholeUnits = jumpedWeight(c.account, c.risk, ALL_MARKETS, way == 0);
        if (wholeUnits > 0) {
            int256 ownUnits = jumpedWeight(c.account, c.risk, c.marketNumber, way == 0);
            c.apart = true;
            c.bearsUnits = mulDivDown(c.measured.valueUnits, ownUnits, wholeUnits);
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
    if (c.sizeLots == 0) return Outcome.NO_POSITION;
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
    return c.market.status() == Constants.MARKET_LIVE && c.priceTicks != 0;
}

/// @notice Whether the prices of the case's market are final.
function isSettled(Case memory c) pure returns (bool) {
    return c.market.status() == Constants.MARKET_SETTLED;
}

/// @notice Whether a fund may unwind some of its position now.
/// @dev Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, SLICE_WAITS (it has traded just now).
function checkSlice(Case memory c) pure returns (uint8) {
    if (!isLive(c)) return Outcome.NO_MARKET;
    if (c.sizeLots == 0) return Outcome.NO_POSITION;
    if (indexStopped(c.registers, c.risk, c.marketNumber)) return Outcome.STALE_INDEX;
    return _idleMs(c) < Constants.SLICE_MS ? Outcome.SLICE_WAITS : Outcome.ACCEPTED;
}

/// @notice The fewest lots that, closed at their price and for the largest fee, bring maintenance margin
/// back; the whole position when no part of it suffices. Rounding: up; a part of a lot does not trade.
/// @dev What one more closed lot gains is its share of the margin less the fee, so the tiers are walked
/// from the top, where a lot gains most.
function sufficientLots(Case memory c) pure returns (uint256) {
    int256 feePpm = int256(uint256(c.market.liquidationFeePpm()));
    int256 missingPpm = _missing(c);
    int256 closedUnits;
    uint256 topUnits = c.lots * c.lotUnits;
    for (uint256 below; below < 3; ++below) {
        uint256 tier = 2 - below;
        uint256 beginUnits = tierBegins(c.risk, c.marketNumber, tier);
        if (beginUnits >= topUnits) continue;
        int256 gainPpm = int256(maintenanceFraction(c.risk, c.marketNumber, tier)) - feePpm;
        if (gainPpm <= 0) return c.lots;
        int256 spanUnits = int256(topUnits - beginUnits);
        if (missingPpm <= spanUnits * gainPpm) {
            // SAFETY: `missingPpm` is positive, since the value is below the maintenance margin.
            uint256 lots = uint256(mulDivUp(closedUnits * gainPpm + missingPpm, 1, gainPpm * int256(c.lotUnits)));
            return lots < c.lots ? lots : c.lots;
        }
        missingPpm -= spanUnits * gainPpm;
        closedUnits += spanUnits;
        topUnits = beginUnits;
    }
    return c.lots;
}

/// @dev By how much the maintenance margin passes the value, in millionths of a unit. The position's
/// own margin counts unrounded: what then suffices does so with the rounding as well.
function _missing(Case memory c) pure returns (int256 missingPpm) {
    uint256 notionalUnits = c.lots * c.lotUnits;
    int256 ownUnits = int256(maintenanceMargin(c.risk, c.marketNumber, notionalUnits));
    missingPpm = (c.measured.maintenanceUnits - ownUnits - c.measured.valueUnits) * int256(Constants.PPM);
    for (uint256 tier; tier < 3; ++tier) {
        uint256 beginUnits = tierBegins(c.risk, c.marketNumber, tier);
        uint256 endUnits = tierBegins(c.risk, c.marketNumber, tier + 1);
        if (beginUnits >= notionalUnits) continue;
        uint256 spanUnits = (endUnits < notionalUnits ? endUnits : notionalUnits) - beginUnits;
        missingPpm += int256(spanUnits * maintenanceFraction(c.risk, c.marketNumber, tier));
    }
}

/// @notice The part of an amount that stands behind some lots: amount x their margin / all margin.
/// Units: units. Rounding: down, for the account when it is of its value.
function shareOf(Case memory c, uint256 lots, int256 amountUnits) pure returns (int256) {
    // SAFETY: a position has a maintenance margin, since no market has a fraction of 0.
    return mulDivDown(amountUnits, _freed(c, lots), c.measured.maintenanceUnits);
}

/// @notice What some lots bear of what the account owes, less than nothing. Units: units. Rounding: down.
function debtOf(Case memory c, uint256 lots) pure returns (int256) {
    if (!c.apart) return shareOf(c, lots, c.measured.valueUnits);
    return mulDivDown(c.bearsUnits, _freed(c, lots), _freed(c, c.lots));
}

/// @dev The maintenance margin that closing some lots frees. Units: units.
function _freed(Case memory c, uint256 lots) pure returns (int256) {
    uint256 marginUnits = maintenanceMargin(c.risk, c.marketNumber, c.lots * c.lotUnits);
    // SAFETY: 128 + 32 bits, and that of all lots is no less.
    return int256(marginUnits - maintenanceMargin(c.risk, c.marketNumber, (c.lots - lots) * c.lotUnits));
}

/// @notice The worst price at which the book takes the lots that suffice. Units: ticks. Rounding: for the account.
/// @dev One fill at it brings maintenance margin back, and nobody buys cheaper than the fund would: it yields at most
/// the market's fee, nothing where only a unit of margin is missing, and nothing where nothing is left to yield.
function saleLimit(Case memory c, uint256 lots) pure returns (uint256) {
    int256 valueUnits = c.measured.valueUnits;
    int256 missingUnits = c.measured.maintenanceUnits - valueUnits;
    int256 shareUnits = shareOf(c, lots, valueUnits <= missingUnits ? valueUnits : missingUnits);
    int256 feeUnits = int256(ppmDown(lots * c.lotUnits, c.market.liquidationFeePpm()));
    return
        _shifted(c, c.priceTicks, divDown(shareUnits <= feeUnits ? shareUnits : feeUnits, int256(lots * c.tickUnits)));
}

/// @notice How much of its position a fund unwinds at once: a part of what it may hold, at least a lot. Rounding: down.
function sliceLots(Case memory c) pure returns (uint256) {
    // SAFETY: the cap has 64 bits, and the number of slices is above 0.
    uint256 partLots = uint256(divDown(int256(uint256(c.market.insuranceLots())), int256(Constants.SLICES)));
    partLots = partLots > 1 ? partLots : 1;
    return c.lots <= partLots ? c.lots : partLots;
}

/// @notice The worst price at which a fund unwinds lots: the index, and a step further for each while it has waited.
/// Units: ticks. Rounding: for the fund.
/// @dev The steps come out of its budget, so that no unwinding takes what the fund had before; while it owes more than
/// it has there are none.
function sliceLimit(Case memory c, uint256 lots) pure returns (uint256) {
    uint256 indexTicks = priceOf(c.risk, c.marketNumber, c.sizeLots, Constants.LEAN_INDEX);
    int256 budgetUnits = c.market.fundBudgetUnits();
    if (budgetUnits <= 0 || bankrupt(c)) return _shifted(c, indexTicks, 0);
    uint256 slipPpm = Constants.SLIP_PPM_STEP * periodsDown(_idleMs(c), Constants.SLIP_MS);
    int256 shiftTicks =
        int256(ppmDown(indexTicks, slipPpm <= Constants.SLIP_PPM_MOST ? slipPpm : Constants.SLIP_PPM_MOST));
    int256 spentTicks = divDown(budgetUnits, int256(lots * c.tickUnits));
    return _shifted(c, indexTicks, shiftTicks <= spentTicks ? shiftTicks : spentTicks);
}

/// @dev For how long the market's fund has not traded.
function _idleMs(Case memory c) pure returns (uint64) {
    return c.registers.clockMs() - c.market.fundMs();
}

/// @dev A price moved against the position, within what a price may be.
function _shifted(Case memory c, uint256 fromTicks, int256 shiftTicks) pure returns (uint256) {
    int256 priceTicks = c.sizeLots > 0 ? int256(fromTicks) - shiftTicks : int256(fromTicks) + shiftTicks;
    if (priceTicks < 1) return 1;
    return priceTicks <= int256(Constants.MAX_PRICE_TICKS) ? uint256(priceTicks) : Constants.MAX_PRICE_TICKS;
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
/// Units: `tickUnits` is what all lots of the fill are worth at one tick. Rounding: down.
/// @dev At most the market's share of the quote, the improvement over the limit, and what the fund's
/// cash has room for.
function liquidationFee(
    Registers registers,
    Market market,
    Account fund,
    uint256 quoteUnits,
    uint256 tickUnits,
    uint256 priceTicks
) pure returns (int256 feeUnits) {
    if (noFund(fund)) return 0;
    uint256 limitTicks = registers.argPriceTicks();
    int256 improvementUnits =
        int256((priceTicks >= limitTicks ? priceTicks - limitTicks : limitTicks - priceTicks) * tickUnits);
    feeUnits = int256(ppmDown(quoteUnits, market.liquidationFeePpm()));
    if (improvementUnits < feeUnits) feeUnits = improvementUnits;
    int256 roomUnits = int256(Constants.MAX_CASH_UNITS) - fund.cashUnits();
    if (roomUnits < feeUnits) feeUnits = roomUnits;
    if (feeUnits < 0) feeUnits = 0;
}

/// @notice Gives a fee that an account has paid to the insurance fund of the order's market.
function payFund(Registers registers, Account fund, int256 feeUnits) pure {
    fund.setCashUnits(SafeCast.toInt64(fund.cashUnits() + feeUnits));
    registers.setCashUnits(SafeCast.toInt64(registers.cashUnits() + feeUnits));
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
