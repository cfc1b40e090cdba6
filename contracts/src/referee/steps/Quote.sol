// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {NO_BIT, lowestBitFrom} from "@tallystick/libraries/Bits.sol";
import {isDead, letPairGo} from "@tallystick/libraries/Liveness.sol";
import {Account, Market, Order, Page, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {
    NO_PRICE,
    Path,
    levelIndex,
    openBest,
    openNext,
    openOrderPath,
    openTailToFree,
    removeOrder
} from "@tallystick/libraries/market/Book.sol";
import {isHeld} from "@tallystick/libraries/market/Brake.sol";
import {beyondCollar, isOutdated} from "@tallystick/libraries/market/Stages.sol";
import {inBook, isFillable, offeredLots} from "@tallystick/libraries/orders/Carried.sol";
import {forgetQuoted, leastLots} from "@tallystick/libraries/orders/Sampling.sol";
import {
    openAccount,
    openLevel,
    openMarket,
    openOrder,
    openPage,
    openPriceCell,
    openRisk
} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title QUOTE: look for the price at which a side of the book holds what a sample asks for
/// @notice A price, an order or a page a step; behind the sellers the mark follows. An order that nobody can fill is taken
/// out: dead, from before a halt, beyond the collar to its own loss, or of an account that may not have all of it filled.
/// One that is nobody's to take just now does not count. A price that holds too little is passed over, and an account
/// counts once a side. Without work, without orders, or beyond what anybody may take, the side has no price.
/// @dev Twin: shared/tallystick/machine/steps/quote.py.
contract Quote is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        if (registers.work() == 0) return _endSide(w, NO_PRICE);
        registers.setWork(registers.work() - 1);
        Market market = openMarket(w, registers.argMarket());
        Risk risk = openRisk(w);
        if (registers.argOrderSlot() == 0) return _comeToPrice(w, market, risk);
        uint64 number = registers.argOrderSlot() >> 6;
        Page page = openPage(w, number);
        uint256 position = lowestBitFrom(page.bits(), registers.argOrderSlot() & 63);
        if (position == NO_BIT) return registers.setArgOrderSlot(uint64(page.nextPage()) << 6);
        // SAFETY: a page has 64 places.
        uint64 slot = number << 6 | uint64(position);
        Order order = openOrder(w, slot);
        Account account = openAccount(w, order.account());

        // CHECK
        bool dead = isDead(w, slot, order, account);
        bool goes = dead || !_mayStay(registers, market, risk, order, account);

        // APPLY and WRITE
        registers.setArgOrderSlot(_behind(page, slot));
        if (goes && !dead) letPairGo(w, order);
        if (goes) _takeOut(w, slot, order, account, page);
        else _count(w, market, risk, order, account);
    }

    /// @dev Goes on to the side's next price, and to its orders when it holds enough; beyond what anybody may fill, ends the
    /// side.
    function _comeToPrice(Witness memory w, Market market, Risk risk) private pure {
        Registers registers = w.registers;
        Path memory path;
        path.market = registers.argMarket();
        path.book = registers.argSide();
        path.priceTicks = registers.argTriggerTicks();
        bool found = path.priceTicks != 0 ? openNext(w, path) : openBest(w, path);
        if (!found || beyondCollar(market, risk, path.market, 1 - path.book, path.priceTicks)) {
            return _endSide(w, NO_PRICE);
        }
        path.level = openLevel(w, levelIndex(path));
        // SAFETY: a price.
        registers.setArgTriggerTicks(uint32(path.priceTicks));
        if (path.level.lots() >= leastLots(registers)) registers.setArgOrderSlot(uint64(path.level.headPage()) << 6);
    }

    /// @dev Whether an order that lives is not from before a halt, within the collar for its own sake, and could be filled.
    /// One of an account that a brake holds may be, in a while.
    function _mayStay(Registers registers, Market market, Risk risk, Order order, Account account)
        private
        pure
        returns (bool)
    {
        uint256 number = registers.argMarket();
        uint256 side = registers.argSide();
        uint256 priceTicks = registers.argTriggerTicks();
        if (isOutdated(risk, number, order.sequence(), side, priceTicks)) return false;
        if (beyondCollar(market, risk, number, side, priceTicks)) return false;
        if (isHeld(registers, market, risk, number, account)) return true;
        return isFillable(registers, account, risk, market, inBook(order));
    }

    /// @dev Where the price goes on behind a slot: in its page, in the page behind it, 0 for nowhere.
    function _behind(Page page, uint64 slot) private pure returns (uint64) {
        uint256 position = lowestBitFrom(page.bits(), (slot & 63) + 1);
        if (position == NO_BIT) return uint64(page.nextPage()) << 6;
        // SAFETY: a page has 64 places.
        return slot >> 6 << 6 | uint64(position);
    }

    /// @dev Removes an order; behind the last one of a price nothing is left of its pages.
    function _takeOut(Witness memory w, uint256 slot, Order order, Account account, Page page) private pure {
        Path memory path = openOrderPath(w, order);
        Page tail = openTailToFree(w, path, slot >> 6);
        if (path.level.orders() == 1) w.registers.setArgOrderSlot(0);
        removeOrder(w.registers, path, slot, order, account, page, tail);
    }

    /// @dev Counts an order that is large enough, if its account has not counted yet; with the last lots the side ends here.
    function _count(Witness memory w, Market market, Risk risk, Order order, Account account) private pure {
        Registers registers = w.registers;
        // SAFETY: at most the order's lots.
        uint64 lots = uint64(offeredLots(registers, account, risk, market, inBook(order)));
        if (lots < leastLots(registers) || !_isNew(w, order.account())) return;
        registers.setArgCountedLots(registers.argCountedLots() + lots);
        if (registers.argCountedLots() >= registers.argLots()) _endSide(w, registers.argTriggerTicks());
    }

    /// @dev Remembers that an account has counted, and says whether it had not. Each adds a part, so that there is room.
    function _isNew(Witness memory w, uint32 account) private pure returns (bool) {
        Price price = openPriceCell(w, w.registers.argMarket());
        for (uint256 place; place < Constants.QUOTERS; ++place) {
            uint32 quoted = price.quoted(place);
            if (quoted == account) return false;
            if (quoted == 0) {
                price.setQuoted(place, account);
                return true;
            }
        }
        return false;
    }

    /// @dev Notes the price that was found, and goes on to the sellers, or to the mark.
    function _endSide(Witness memory w, uint256 foundTicks) private pure {
        Registers registers = w.registers;
        forgetQuoted(openPriceCell(w, registers.argMarket()));
        registers.setArgTriggerTicks(0);
        registers.setArgOrderSlot(0);
        registers.setArgCountedLots(0);
        registers.setWork(uint32(Constants.SAMPLE_WORK));
        // SAFETY: a price.
        if (registers.argSide() == Constants.BUY) {
            registers.setArgPriceTicks(uint32(foundTicks));
            registers.setArgSide(uint8(Constants.SELL));
        } else {
            registers.setArgAskTicks(uint64(foundTicks));
            registers.setPhase(Phase.UPDATE_MARK);
        }
    }
}
