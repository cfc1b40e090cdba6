// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {sequence} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Order, Page, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {NO_PAGE, Path, occupy, openPrice, park} from "@tallystick/libraries/market/Book.sol";
import {initialMargin} from "@tallystick/libraries/market/Margin.sol";
import {Health, health} from "@tallystick/libraries/market/Risk.sol";
import {NO_SLOT, findPosition} from "@tallystick/libraries/market/Trade.sol";
import {openAccount, openOrder, openPage, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title REST_ORDER: put what is left of an order into the book, or park one that waits for its trigger
/// @dev Rejects: MARGIN (the account cannot carry the order were it filled alone), BOOK_FULL,
/// NO_SUCH_ORDER (the one it is to be paired with). Twin: shared/tallystick/machine/steps/rest_order.py.
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
        Place memory place;
        if (!_openPlace(w, place)) return finish(registers, Outcome.BOOK_FULL);

        bool pairs = registers.argPair() != 0;
        Order other = pairs ? openOrder(w, registers.argPairSlot()) : Order.wrap(0);

        // CHECK
        if (pairs && !_mayPair(registers, other)) return finish(registers, Outcome.NO_SUCH_ORDER);
        if (!_canCarry(registers, account, risk)) return finish(registers, Outcome.MARGIN);

        // APPLY
        if (place.fresh) _takePage(registers, place);
        _append(place);
        _writeOrder(registers, place.order);
        if (pairs) _pair(registers, place, other);

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev Opens the price, its tail page, the fresh page if one is needed, and the order; false
    /// when there are no pages left.
    function _openPlace(Witness memory w, Place memory place) private pure returns (bool) {
        Registers registers = w.registers;
        Path memory path = place.path;
        path.market = registers.argMarket();
        path.side = registers.argSide();
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
        if (place.number > Constants.MAX_PAGES) return false;
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
        other.setPairSequence(sequence(registers));
    }

    /// @dev Whether the account's value covers its initial margin and that of the order, or the
    /// order only reduces.
    function _canCarry(Registers registers, Account account, Risk risk) private pure returns (bool) {
        uint256 market = registers.argMarket();
        uint256 slot = findPosition(account, market);
        if (slot == NO_SLOT) return false;
        int256 size = account.positionSizeLots(slot);
        uint256 lots = registers.argLots();
        int256 against = registers.argSide() == Constants.BUY ? -size : size;
        if (against >= int256(lots)) return true;
        // SAFETY: 64 + 24 + 32 bits.
        uint256 quote = lots * registers.argPriceTicks() * risk.marketMultiplier(market);
        Health memory measured = health(account, risk);
        int256 needed = int256(initialMargin(risk, market, quote));
        return measured.value >= measured.initial + needed;
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

    function _append(Place memory place) private pure {
        Page page = place.page;
        page.setUsed(page.used() + 1);
        page.setBits(page.bits() | uint64(1) << uint64(place.position));
        place.path.level.setOrders(place.path.level.orders() + 1);
        occupy(place.path);
    }

    function _writeOrder(Registers registers, Order order) private pure {
        order.setAccount(registers.argAccount());
        order.setMarket(registers.argMarket());
        order.setSide(registers.argSide());
        order.setPriceTicks(registers.argPriceTicks());
        order.setRemainingLots(registers.argLots());
        order.setClientId(registers.argId());
        order.setSequence(sequence(registers));
        order.setExpiryMs(registers.argTimeMs());
        order.setFlags(registers.argFlags());
        order.setTriggerTicks(registers.argTriggerTicks());
    }
}
