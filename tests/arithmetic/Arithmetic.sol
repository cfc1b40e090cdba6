// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    clamp,
    divDown,
    divToZero,
    mulDivDown,
    mulDivToZero,
    mulDivUp,
    periodsDown,
    ppmDown,
    ppmUp,
    productsAtMost,
    tripleProductsAtMost,
    wholeDown,
    wholeUp
} from "../../contracts/src/libraries/Arith.sol";
import {
    bitIsSet,
    clearBit,
    highestBit,
    highestBitBelow,
    lowestBit,
    lowestBitFrom,
    ones,
    setBit
} from "../../contracts/src/libraries/Bits.sol";
import {dust, owed} from "../../contracts/src/libraries/market/Funding.sol";
import {Rank, closingQuote, outranks, zeroQuote} from "../../contracts/src/libraries/market/Ladder.sol";
import {
    Case,
    bankrupt,
    debtOf,
    liquidationFee,
    measure,
    saleLimit,
    shareOf,
    sizeOf,
    sliceLimit,
    sliceLots,
    sufficientLots
} from "../../contracts/src/libraries/market/Liquidation.sol";
import {
    initialMargin,
    maintenanceFraction,
    maintenanceMargin,
    surcharge,
    tierBegins
} from "../../contracts/src/libraries/market/Margin.sol";
import {Health, health, mayChange, surplus, withdrawable} from "../../contracts/src/libraries/market/Risk.sol";
import {rulesStand} from "../../contracts/src/libraries/market/Rules.sol";
import {Fill, Terms, applyFill, moveTotals, undoFill} from "../../contracts/src/libraries/market/Trade.sol";
import {Account, Market, Risk} from "../../contracts/src/libraries/generated/Cells.sol";
import {Constants, Outcome} from "../../contracts/src/libraries/generated/Names.sol";
import {Registers} from "../../contracts/src/libraries/generated/Registers.sol";

/// The libraries' free functions behind selectors, nothing else: cells come as their packed values with a
/// word of zeros behind them, as the witness lays them out in memory.
contract Arithmetic {
    struct Cells {
        bytes registers;
        bytes market;
        bytes account;
        bytes risk;
    }

    function ppmUpOf(uint256 amount, uint256 ppm) external pure returns (uint256) {
        return ppmUp(amount, ppm);
    }

    function ppmDownOf(uint256 amount, uint256 ppm) external pure returns (uint256) {
        return ppmDown(amount, ppm);
    }

    function wholeUpOf(int256 amountPpm) external pure returns (int256) {
        return wholeUp(amountPpm);
    }

    function wholeDownOf(int256 amountPpm) external pure returns (int256) {
        return wholeDown(amountPpm);
    }

    function divDownOf(int256 a, int256 b) external pure returns (int256) {
        return divDown(a, b);
    }

    function divToZeroOf(int256 a, int256 b) external pure returns (int256) {
        return divToZero(a, b);
    }

    function mulDivUpOf(int256 a, int256 b, int256 divisor) external pure returns (int256) {
        return mulDivUp(a, b, divisor);
    }

    function mulDivDownOf(int256 a, int256 b, int256 divisor) external pure returns (int256) {
        return mulDivDown(a, b, divisor);
    }

    function mulDivToZeroOf(int256 a, int256 b, int256 divisor) external pure returns (int256) {
        return mulDivToZero(a, b, divisor);
    }

    function periodsDownOf(uint64 timeMs, uint256 periodMs) external pure returns (uint64) {
        return periodsDown(timeMs, periodMs);
    }

    function clampOf(int256 value, int256 most) external pure returns (int256) {
        return clamp(value, most);
    }

    function productsAtMostOf(int256 a, int256 b, int256 c, int256 d) external pure returns (bool) {
        return productsAtMost(a, b, c, d);
    }

    function bitsOf(uint256 bits) external pure returns (uint256 lowest, uint256 highest, uint256 count) {
        return (lowestBit(bits), highestBit(bits), ones(bits));
    }

    function besideOf(uint256 bits, uint256 bit) external pure returns (bool, uint256, uint256, uint256, uint256) {
        return (
            bitIsSet(bits, bit),
            setBit(bits, bit),
            clearBit(bits, bit),
            lowestBitFrom(bits, bit),
            highestBitBelow(bits, bit)
        );
    }

    function fundingOf(int256 exposure, int256 change) external pure returns (int256, int256) {
        return (owed(exposure, change), dust(exposure, change));
    }

    function marginOf(bytes memory risk, uint256 market, uint256 notional) external pure returns (uint256, uint256) {
        Risk cell = Risk.wrap(_place(risk));
        uint256 opening = initialMargin(cell, market, notional);
        return (opening, maintenanceMargin(cell, market, notional));
    }

    function tierOf(bytes memory risk, uint256 market, uint256 tier) external pure returns (uint256, uint256) {
        Risk cell = Risk.wrap(_place(risk));
        return (tierBegins(cell, market, tier), maintenanceFraction(cell, market, tier));
    }

    function surchargeOf(bytes memory market, bytes memory risk, uint256 number, int256 openLots, int256 added)
        external
        pure
        returns (uint256)
    {
        return surcharge(Market.wrap(_place(market)), Risk.wrap(_place(risk)), number, openLots, added);
    }

    function healthOf(bytes memory registers, bytes memory account, bytes memory risk, uint256 lean)
        external
        pure
        returns (Health memory)
    {
        return health(
            Registers.wrap(_place(registers)), Account.wrap(_place(account)), Risk.wrap(_place(risk)), lean
        );
    }

    function surplusOf(bytes memory registers, bytes memory account, bytes memory risk, uint256 lean)
        external
        pure
        returns (int256)
    {
        return surplus(
            Registers.wrap(_place(registers)), Account.wrap(_place(account)), Risk.wrap(_place(risk)), lean
        );
    }

    function withdrawableOf(bytes memory registers, Health memory measured) external pure returns (uint256) {
        return withdrawable(Registers.wrap(_place(registers)), measured);
    }

    function mayChangeTo(Health memory before, Health memory later, bool reduces) external pure returns (bool) {
        return mayChange(before, later, reduces);
    }

    function outranksIt(Rank memory challenger, Rank memory nominee) external pure returns (bool) {
        return outranks(challenger, nominee);
    }

    function tripleProductsAtMostOf(int256[3] memory left, int256[3] memory right) external pure returns (bool) {
        return tripleProductsAtMost(left[0], left[1], left[2], right[0], right[1], right[2]);
    }

    function rulesStandOf(uint256[] memory values, uint256 multiplier) external pure returns (bool) {
        return rulesStand(values, 0, multiplier);
    }

    /// How many lots a liquidation closes, their share of the value, what they change hands for beyond the book, and
    /// the worst price in it.
    function closingOf(Cells memory cells, uint256 number, uint256 lean, uint256 lots)
        external
        pure
        returns (uint256 sufficient, int256 share, int256 quote, uint256 price)
    {
        Case memory c = _case(cells, number);
        measure(c, lean);
        if (!bankrupt(c)) {
            sufficient = sufficientLots(c);
            price = saleLimit(c, lots);
        }
        bool debts = bankrupt(c) && lean == Constants.LEAN_INDEX;
        share = debts ? debtOf(c, lots) : shareOf(c, lots, c.measured.valueUnits);
        quote = closingQuote(c, lots);
    }

    /// The zero quote of lots.
    function zeroQuoteOf(Cells memory cells, uint256 number, uint256 lots) external pure returns (int256) {
        Case memory c = _case(cells, number);
        measure(c, Constants.LEAN_INDEX);
        return zeroQuote(c, lots);
    }

    /// How much a fund unwinds at once, and down to which price.
    function sliceOf(Cells memory cells, uint256 number) external pure returns (uint256 lots, uint256 price) {
        Case memory c = _case(cells, number);
        measure(c, Constants.LEAN_BEST);
        lots = sliceLots(c);
        price = sliceLimit(c, lots);
    }

    function liquidationFeeOf(
        bytes memory registers,
        bytes memory market,
        bytes memory fund,
        uint256 quote,
        uint256 tick,
        uint256 price
    ) external pure returns (int256) {
        return liquidationFee(
            Registers.wrap(_place(registers)),
            Market.wrap(_place(market)),
            Account.wrap(_place(fund)),
            quote,
            tick,
            price
        );
    }

    /// One side of a fill: the account after it, the totals with it, and whether undoing it gives the account back.
    function fillOf(Cells memory cells, Terms memory terms, uint256 side, int256 fee)
        external
        pure
        returns (uint8 outcome, Cells memory later, bool undone)
    {
        bytes32 before = keccak256(cells.account);
        Account account = Account.wrap(_place(cells.account));
        Fill memory fill;
        outcome = applyFill(account, Risk.wrap(_place(cells.risk)), terms, side, fee, fill);
        if (outcome != Outcome.ACCEPTED) return (outcome, cells, true);
        bytes memory filled = bytes.concat(cells.account);
        undoFill(account, terms, fill);
        undone = keccak256(cells.account) == before;
        outcome = _book(cells, fill);
        later = cells;
        later.account = filled;
    }

    function _book(Cells memory cells, Fill memory fill) private pure returns (uint8) {
        Fill memory nobody;
        return moveTotals(Registers.wrap(_place(cells.registers)), Market.wrap(_place(cells.market)), fill, nobody);
    }

    function _case(Cells memory cells, uint256 number) private pure returns (Case memory c) {
        c.registers = Registers.wrap(_place(cells.registers));
        c.marketNumber = number;
        c.market = Market.wrap(_place(cells.market));
        c.account = Account.wrap(_place(cells.account));
        c.risk = Risk.wrap(_place(cells.risk));
        c.tickUnits = c.risk.marketMultiplierUnits(number);
        c.sizeLots = sizeOf(c.account, number);
        c.lots = uint256(c.sizeLots >= 0 ? c.sizeLots : -c.sizeLots);
        c.side = c.sizeLots > 0 ? Constants.SELL : Constants.BUY;
    }

    function _place(bytes memory packed) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := add(packed, 32)
        }
    }
}
