// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {ppmUp} from "@tallystick/libraries/Arith.sol";
import {NO_BIT, lowestBit} from "@tallystick/libraries/Bits.sol";
import {isDead, isFiredStop, letPairGo, parkAgain} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Order, Page, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {
    Path,
    dropHead,
    levelIndex,
    openBest,
    openTailToFree,
    removeOrder,
    takeLots
} from "@tallystick/libraries/market/Book.sol";
import {brakeRuns, isHeld} from "@tallystick/libraries/market/Brake.sol";
import {bookSlice} from "@tallystick/libraries/market/Ladder.sol";
import {
    endOrder,
    liquidates,
    liquidationFee,
    noFund,
    openFund,
    payFund
} from "@tallystick/libraries/market/Liquidation.sol";
import {beyondCollar, isOutdated} from "@tallystick/libraries/market/Stages.sol";
import {
    Fill,
    Terms,
    applyFill,
    askSurcharge,
    feeOfMaker,
    mayStand,
    moveTotals,
    openLotsAfter,
    reducible,
    setTerms,
    undoFill
} from "@tallystick/libraries/market/Trade.sol";
import {inBook, isFillable} from "@tallystick/libraries/orders/Carried.sol";
import {shrinkPairs} from "@tallystick/libraries/orders/Pairs.sol";
import {openAccount, openLevel, openMarket, openOrder, openPage, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title MATCH_MAKER: meet the order in progress with the best resting one
/// @notice Price-time priority is what the cells say: the best price by the occupancy words, the
/// oldest order of its page. Meeting an own order cancels the maker, the taker or both, as the taker's
/// flags say; a dead order is nobody's.
/// @dev Rejects: WORK_LIMIT (as many runs as a record may make; a fired order is parked again instead),
/// NOTHING_TO_REDUCE, UNFILLED (nothing crosses, or only beyond the collar; a fired stop is parked again for the
/// latter, and while a brake runs), SELF_TRADE, WOULD_CROSS, BRAKE, NO_POSITION_SLOT, POSITION_LIMIT, MARGIN (a maker with
/// one of these four faults leaves the book, as does one beyond the collar, and before a POST_ONLY taker one that could not
/// be filled), OPEN_INTEREST; the taker's rest is cancelled. Rounding: fees up, the maker's rebate down. Twin:
/// shared/tallystick/machine/steps/match_maker.py.
contract MatchMaker is Step {
    /// @dev What `_trade` returns when the maker may not trade; no taker ever fails with it.
    uint8 private constant MAKER_FAILED = Outcome.NO_SUCH_ORDER;

    /// @dev The cells of one match, the terms and both sides' fills.
    struct Match {
        Registers registers;
        Path path;
        Market market;
        Account taker;
        Risk risk;
        Page page;
        uint256 slot;
        Order order;
        Account maker;
        Page tail;
        Account fund;
        Terms terms;
        int256 takerFeeUnits;
        int256 makerFeeUnits;
        Fill takerFill;
        Fill makerFill;
    }

    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        if (registers.work() == 0) return _workEnds(registers);
        registers.setWork(registers.work() - 1);
        Match memory m;
        m.registers = registers;
        m.path.market = registers.argMarket();
        m.path.book = 1 - registers.argSide();
        m.market = openMarket(w, registers.argMarket());
        m.taker = openAccount(w, registers.argAccount());
        m.risk = openRisk(w);
        if (registers.argFlags() & Constants.FLAG_REDUCE_ONLY != 0 && !_clip(m)) {
            return finish(registers, Outcome.NOTHING_TO_REDUCE);
        }
        if (!openBest(w, m.path) || !_crosses(registers, m.path.priceTicks)) {
            return _leaveBook(m);
        }
        m.path.level = openLevel(w, levelIndex(m.path));
        uint256 head = m.path.level.headPage();
        m.page = openPage(w, head);
        uint256 position = lowestBit(m.page.bits());
        if (position == NO_BIT) return dropHead(registers, m.path, m.page);
        m.slot = head << 6 | position;
        m.order = openOrder(w, m.slot);
        m.maker = openAccount(w, m.order.account());
        m.tail = openTailToFree(w, m.path, head);
        m.fund = openFund(w);

        // CHECK
        if (_makersTurnEnds(w, m)) return;
        uint64 lots = _lots(m);
        uint8 outcome = lots == 0 ? MAKER_FAILED : _checkBrake(m);
        if (outcome == Outcome.ACCEPTED) outcome = _trade(m, lots);

        // APPLY and WRITE
        if (outcome == MAKER_FAILED) _giveMakerUp(w, m);
        else if (outcome != Outcome.ACCEPTED) endOrder(registers, outcome);
        else _settle(w, m, lots);
    }

    /// @dev Ends an order whose work is done; what is left of a fired one is parked again.
    function _workEnds(Registers registers) private pure {
        if (registers.firedTriggerTicks() == 0) endOrder(registers, Outcome.WORK_LIMIT);
        else parkAgain(registers);
    }

    /// @dev Ends an order that the collar keeps from what it crosses; a stop is parked again. An order with a limit of its
    /// own keeps to it.
    function _collarEnds(Registers registers) private pure {
        if (registers.argFlags() & Constants.FLAG_POST_ONLY != 0) finish(registers, Outcome.WOULD_CROSS);
        else if (isFiredStop(registers)) parkAgain(registers);
        else finish(registers, Outcome.UNFILLED);
    }

    function _crosses(Registers registers, uint256 priceTicks) private pure returns (bool) {
        return registers.argSide() == Constants.BUY
            ? priceTicks <= registers.argPriceTicks()
            : priceTicks >= registers.argPriceTicks();
    }

    /// @dev Nothing crosses: rest what is left, or cancel it when the order is immediate-or-cancel. A stop is parked again
    /// while a brake runs, which has taken out of the book what it would have met.
    function _leaveBook(Match memory m) private pure {
        Registers registers = m.registers;
        if (registers.argFlags() & Constants.FLAG_IOC == 0) registers.setPhase(Phase.REST_ORDER);
        else if (isFiredStop(registers) && brakeRuns(registers, m.market)) parkAgain(registers);
        else endOrder(registers, Outcome.UNFILLED);
    }

    /// @dev Leaves of a reduce-only taker no more than its position; false when there is none to
    /// reduce.
    function _clip(Match memory m) private pure returns (bool) {
        uint256 mostLots = reducible(m.taker, m.registers.argMarket(), m.registers.argSide());
        // SAFETY: a position has 63 bits.
        if (m.registers.argLots() > mostLots) m.registers.setArgLots(uint64(mostLots));
        return mostLots > 0;
    }

    /// @dev Whether the step is over before a fill: a dead maker, one from before a halt, the taker's own order, the collar,
    /// or a taker that only posts. Who is liquidated is free of the collar, for its limit stands for it; who buys from it, or sells to it, is not.
    function _makersTurnEnds(Witness memory w, Match memory m) private pure returns (bool) {
        Registers registers = m.registers;
        uint256 flags = registers.argFlags();
        if (isDead(w, m.slot, m.order, m.maker)) {
            _removeMaker(m);
            return true;
        }
        if (_isOld(m)) {
            _giveMakerUp(w, m);
            return true;
        }
        if (m.order.account() == registers.argAccount()) {
            if (flags & Constants.FLAG_STP_TAKER == 0) _removeMaker(m);
            if (flags & (Constants.FLAG_STP_TAKER | Constants.FLAG_STP_BOTH) != 0) {
                finish(registers, Outcome.SELF_TRADE);
            }
            return true;
        }
        if (_isBeyond(m, m.path.book)) {
            _giveMakerUp(w, m);
            return true;
        }
        if (!liquidates(registers) && _isBeyond(m, registers.argSide())) {
            _collarEnds(registers);
            return true;
        }
        if (flags & Constants.FLAG_POST_ONLY != 0) {
            if (_stands(m)) finish(registers, Outcome.WOULD_CROSS);
            else _giveMakerUp(w, m);
            return true;
        }
        return false;
    }

    /// @dev Whether the maker was placed before a halt, at a price that its owner would not give any more.
    function _isOld(Match memory m) private pure returns (bool) {
        return isOutdated(m.risk, m.path.market, m.order.sequence(), m.path.book, m.path.priceTicks);
    }

    /// @dev Whether the maker's price lies beyond the collar, to the harm of a side.
    function _isBeyond(Match memory m, uint256 side) private pure returns (bool) {
        return beyondCollar(m.market, m.risk, m.path.market, side, m.path.priceTicks);
    }

    /// @dev Whether somebody who takes all of the maker's order gets it; one that is nobody's to take keeps nobody from quoting.
    function _stands(Match memory m) private pure returns (bool) {
        return isFillable(m.registers, m.maker, m.risk, m.market, inBook(m.order));
    }

    /// @dev What the two may exchange: 0 when a reduce-only maker has nothing to reduce.
    function _lots(Match memory m) private pure returns (uint64) {
        uint256 lots = m.order.remainingLots();
        if (m.order.flags() & Constants.FLAG_REDUCE_ONLY != 0) {
            uint256 mostLots = reducible(m.maker, m.path.market, 1 - m.registers.argSide());
            if (mostLots < lots) lots = mostLots;
        }
        if (m.registers.argLots() < lots) lots = m.registers.argLots();
        // SAFETY: at most the order's lots.
        return uint64(lots);
    }

    /// @dev Whether no brake holds what the two have: no fill changes a position that it holds, whoever asks.
    function _checkBrake(Match memory m) private pure returns (uint8) {
        if (isHeld(m.registers, m.market, m.risk, m.path.market, m.taker)) return Outcome.BRAKE;
        bool held = isHeld(m.registers, m.market, m.risk, m.path.market, m.maker);
        return held ? MAKER_FAILED : Outcome.ACCEPTED;
    }

    /// @dev Takes a maker out of the book that lives, but is not to be filled; its pair goes on alone.
    function _giveMakerUp(Witness memory w, Match memory m) private pure {
        letPairGo(w, m.order);
        _removeMaker(m);
    }

    function _removeMaker(Match memory m) private pure {
        removeOrder(m.registers, m.path, m.slot, m.order, m.maker, m.page, m.tail);
    }

    /// @dev Applies both sides and checks their limits, then their margin; undoes both when either may
    /// not stand.
    function _trade(Match memory m, uint256 lots) private pure returns (uint8) {
        Registers registers = m.registers;
        uint256 side = registers.argSide();
        _setTerms(m, lots);
        uint8 outcome = applyFill(m.taker, m.risk, m.terms, side, m.takerFeeUnits, m.takerFill);
        if (outcome != Outcome.ACCEPTED) return outcome;
        outcome = applyFill(m.maker, m.risk, m.terms, 1 - side, m.makerFeeUnits, m.makerFill);
        if (outcome != Outcome.ACCEPTED) {
            undoFill(m.taker, m.terms, m.takerFill);
            return MAKER_FAILED;
        }
        outcome = _carried(m);
        if (outcome == Outcome.ACCEPTED) outcome = moveTotals(registers, m.market, m.takerFill, m.makerFill);
        if (outcome != Outcome.ACCEPTED) {
            undoFill(m.maker, m.terms, m.makerFill);
            undoFill(m.taker, m.terms, m.takerFill);
            return outcome;
        }
        if (!noFund(m.fund)) {
            payFund(registers, m.fund, m.takerFeeUnits);
            m.takerFeeUnits = 0;
        }
        registers.setFeesUnits(SafeCast.toInt64(registers.feesUnits() + m.takerFeeUnits + m.makerFeeUnits));
        return Outcome.ACCEPTED;
    }

    /// @dev Asks of both sides what open interest asks of what they add, and whether their margin carries
    /// the fill.
    function _carried(Match memory m) private pure returns (uint8) {
        int256 lots = openLotsAfter(m.market, m.takerFill, m.makerFill);
        askSurcharge(m.market, m.taker, m.risk, m.terms, lots, m.takerFill);
        askSurcharge(m.market, m.maker, m.risk, m.terms, lots, m.makerFill);
        bool forced = liquidates(m.registers);
        if (!forced && !mayStand(m.registers, m.taker, m.risk, m.terms, m.takerFill)) return Outcome.MARGIN;
        return mayStand(m.registers, m.maker, m.risk, m.terms, m.makerFill) ? Outcome.ACCEPTED : MAKER_FAILED;
    }

    /// @dev What both sides would exchange, and what each would pay for it.
    function _setTerms(Match memory m, uint256 lots) private pure {
        // SAFETY: 64 + 24 + 32 bits.
        uint256 tickUnits = lots * m.risk.marketMultiplierUnits(m.path.market);
        uint256 quoteUnits = tickUnits * m.path.priceTicks;
        if (liquidates(m.registers)) {
            m.makerFeeUnits = int256(ppmUp(quoteUnits, m.market.makerFeePpm()));
            m.takerFeeUnits = liquidationFee(m.registers, m.market, m.fund, quoteUnits, tickUnits, m.path.priceTicks);
        } else {
            m.takerFeeUnits = int256(ppmUp(quoteUnits, m.market.takerFeePpm()));
            m.makerFeeUnits = feeOfMaker(m.market, quoteUnits);
        }
        setTerms(m.market, m.terms, m.path.market, lots, int256(quoteUnits));
    }

    /// @dev Books a trade that stands: the maker's order, the taker's rest.
    function _settle(Witness memory w, Match memory m, uint64 lots) private pure {
        Registers registers = m.registers;
        bookSlice(registers, m.market, m.risk, m.terms, m.takerFill);
        m.order.setRemainingLots(m.order.remainingLots() - lots);
        takeLots(m.path, lots);
        shrinkPairs(w, m.order, lots);
        if (m.order.remainingLots() == 0) _removeMaker(m);
        registers.setArgLots(registers.argLots() - lots);
        if (registers.argLots() == 0) finish(registers, Outcome.ACCEPTED);
    }
}
