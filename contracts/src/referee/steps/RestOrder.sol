// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {sequence, wasItsPair} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Order, Page, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {NO_PAGE, Path, addLots, occupy, openPrice, park} from "@tallystick/libraries/market/Book.sol";
import {inProgress, isCarried} from "@tallystick/libraries/orders/Carried.sol";
import {openAccount, openMarket, openOrder, openPage, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title REST_ORDER: put what is left of an order into the book, or park one that waits for its trigger
/// @notice What a fired order has left when its work is done, or behind the collar, is parked again unasked, as old as
/// it was.
/// @dev Rejects: BOOK_FULL, TOO_MANY_ORDERS (of the account), NO_SUCH_ORDER (the one it is to be paired with), MARGIN
/// (the account cannot carry the order were it filled alone), WORK_LIMIT or UNFILLED (it is parked again). Twin:
/// shared/tallystick/machine/steps/rest_order.py.
contract RestOrder is Step {
    /// @dev Where the order goes. `fresh`: on a page of its own, behind the tail page if any.
    struct Place {
        Path path;
        bool fresh;
        uint256 number;
        Page page;
        Page tailPage;
        uint256 position;
        Order order;
    }

    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Account account = openAccount(w, registers.argAccount());
        Risk risk = openRisk(w);
        Market market = openMarket(w, registers.argMarket());
        Place memory place;
        if (!_openPlace(w, place)) return finish(registers, Outcome.BOOK_FULL);

        bool again = _isParkedAgain(registers);
        bool pairs = registers.argPair() != 0;
        Order other = pairs ? openOrder(w, registers.argPairSlot()) : Order.wrap(0);

        // CHECK
        if (!again && account.orders() >= Constants.MAX_ORDERS) return finish(registers, Outcome.TOO_MANY_ORDERS);
        if (registers.firedTriggerTicks() != 0) pairs = pairs && wasItsPair(registers, other);
        else if (pairs && !_mayPair(registers, other)) return finish(registers, Outcome.NO_SUCH_ORDER);
        if (!again && !isCarried(registers, account, risk, market, inProgress(registers))) {
            return finish(registers, Outcome.MARGIN);
        }

        // APPLY
        if (place.fresh) _takePage(registers, place);
        _append(registers, place);
        _writeOrder(registers, place.order);
        _count(registers, account);
        if (pairs) _pair(registers, place, other);

        // WRITE
        finish(registers, again ? _whyParked(registers) : Outcome.ACCEPTED);
    }

    /// @dev Whether the order in progress has fired and goes back to where it lay: no other fired one has a trigger.
    function _isParkedAgain(Registers registers) private pure returns (bool) {
        return registers.firedTriggerTicks() != 0 && registers.argTriggerTicks() != 0;
    }

    /// @dev Why the order in progress is parked again: its work is done, or it was left by the collar.
    function _whyParked(Registers registers) private pure returns (uint8) {
        return registers.work() == 0 ? Outcome.WORK_LIMIT : Outcome.UNFILLED;
    }

    /// @dev The sequence of the order in progress: that of now, or the one it was parked with before.
    function _age(Registers registers) private pure returns (uint64) {
        return _isParkedAgain(registers) ? registers.firedSequence() : sequence(registers);
    }

    /// @dev Opens the price, its tail page, the fresh page if one is needed, and the order; false
    /// when there are no pages left, or ORDERS_MOST orders.
    function _openPlace(Witness memory w, Place memory place) private pure returns (bool) {
        Registers registers = w.registers;
        Path memory path = place.path;
        path.market = registers.argMarket();
        path.book = registers.argSide();
        uint256 trigger = registers.argTriggerTicks();
        if (trigger != 0) park(path, registers.argFlags());
        openPrice(w, path, trigger != 0 ? trigger : registers.argPriceTicks());
        uint256 tail = path.level.orders() == 0 ? 0 : path.level.tailPage();
        if (tail != 0) place.tailPage = openPage(w, tail);
        place.fresh = tail == 0 || place.tailPage.used() == Constants.PAGE_SLOTS;
        place.number = tail;
        if (place.fresh) {
            place.number = registers.freePage();
            if (place.number == 0) place.number = uint256(registers.pageCount()) + 1;
        }
        if (place.number > Constants.MAX_PAGES || registers.ordersTotal() >= Constants.ORDERS_MOST) return false;
        place.page = place.fresh ? openPage(w, place.number) : place.tailPage;
        place.position = place.fresh ? 0 : place.page.used();
        place.order = openOrder(w, place.number << 6 | place.position);
        return true;
    }

    /// @dev Whether there is an order of the account with the signed client id and no pair yet, where the
    /// operator says.
    function _mayPair(Registers registers, Order other) private pure returns (bool) {
        if (other.remainingLots() == 0 || other.pairSlot() != 0) return false;
        return other.account() == registers.argAccount() && other.clientId() == registers.argPair();
    }

    /// @dev Lets each of two orders name the other.
    function _pair(Registers registers, Place memory place, Order other) private pure {
        place.order.setPairSlot(registers.argPairSlot());
        place.order.setPairSequence(other.sequence());
        // SAFETY: a slot has 36 bits.
        other.setPairSlot(uint64(place.number << 6 | place.position));
        other.setPairSequence(_age(registers));
    }

    /// @dev Starts a fresh page, from the free list if it has one, behind the price's tail page.
    function _takePage(Registers registers, Place memory place) private pure {
        // SAFETY: at most MAX_PAGES.
        uint32 number = uint32(place.number);
        if (registers.freePage() != 0) registers.setFreePage(place.page.nextPage());
        else registers.setPageCount(number);
        place.page.setNextPage(0);
        place.page.setUsed(0);
        if (Page.unwrap(place.tailPage) != Page.unwrap(NO_PAGE)) {
            place.tailPage.setNextPage(number);
        } else {
            place.path.level.setHeadPage(number);
        }
        place.path.level.setTailPage(number);
    }

    function _append(Registers registers, Place memory place) private pure {
        Page page = place.page;
        page.setUsed(page.used() + 1);
        page.setBits(page.bits() | uint64(1) << uint64(place.position));
        place.path.level.setOrders(place.path.level.orders() + 1);
        addLots(place.path, registers.argLots());
        occupy(place.path);
    }

    /// @dev Counts the order among its account's and among all.
    function _count(Registers registers, Account account) private pure {
        account.setOrders(account.orders() + 1);
        registers.setOrdersTotal(registers.ordersTotal() + 1);
    }

    function _writeOrder(Registers registers, Order order) private pure {
        order.setAccount(registers.argAccount());
        order.setMarket(registers.argMarket());
        order.setSide(registers.argSide());
        order.setPriceTicks(registers.argPriceTicks());
        order.setRemainingLots(registers.argLots());
        order.setClientId(registers.argClientId());
        order.setSequence(_age(registers));
        order.setExpiryMs(registers.argTimeMs());
        order.setFlags(registers.argFlags());
        order.setTriggerTicks(registers.argTriggerTicks());
    }
}
