// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {NO_BIT, lowestBit} from "@tallystick/libraries/Bits.sol";
import {isDead, unpair} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Order, Page, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Path, dropHead, levelIndex, openBest, openTailToFree, removeOrder} from "@tallystick/libraries/market/Book.sol";
import {sideWaits} from "@tallystick/libraries/market/Brake.sol";
import {indexStopped, isDue} from "@tallystick/libraries/market/Stages.sol";
import {openAccount, openLevel, openMarket, openOrder, openPage, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title FIRE_TRIGGER: send the parked orders whose trigger the mark has reached to the book, one a step
/// @notice Of a parked book the one nearest to its trigger is next, oldest first, then the next book. Those that fire
/// above their trigger come first, and of these and the others those that sell. A dead one is only taken out. The order
/// goes through every check of a new one; whatever becomes of it, its book is looked at again, as long as the report's
/// work lasts. None fires while only makers may come, nor one of a side that waits for a brake.
/// @dev Twin: shared/tallystick/machine/steps/fire_trigger.py.
contract FireTrigger is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        if (registers.resume() == 0) {
            registers.setResume(Phase.FIRE_TRIGGER);
            registers.setFiringMarket(registers.argMarket());
            registers.clearArgs();
        } else if (registers.firedTriggerTicks() != 0) {
            _comeBack(registers);
        }

        // READ
        if (registers.work() == 0 || registers.firingBook() == Constants.BOOKS - Constants.BOOK_PARKED) {
            return _end(registers);
        }
        registers.setWork(registers.work() - 1);
        Risk risk = openRisk(w);
        if (indexStopped(registers, risk, registers.firingMarket())) return _end(registers);
        Path memory path;
        path.market = registers.firingMarket();
        path.book = Constants.BOOKS - 1 - registers.firingBook();
        if (!_openDue(w, path, risk)) return _nextBook(registers);
        path.level = openLevel(w, levelIndex(path));
        uint256 head = path.level.headPage();
        Page page = openPage(w, head);
        uint256 position = lowestBit(page.bits());
        if (position == NO_BIT) return dropHead(registers, path, page);
        uint256 slot = head << 6 | position;
        Order order = openOrder(w, slot);
        Account account = openAccount(w, order.account());
        Page tail = openTailToFree(w, path, head);

        // CHECK
        bool dead = isDead(w, slot, order, account);

        // APPLY and WRITE
        if (!dead) _place(w, order);
        removeOrder(registers, path, slot, order, account, page, tail);
    }

    /// @dev Goes on with the report's own work behind an order that has fired, which is none any more.
    function _comeBack(Registers registers) private pure {
        registers.setWork(registers.pairWork() - 1);
        registers.setPairWork(0);
        registers.setFiredTriggerTicks(0);
        registers.setFiredPriceTicks(0);
        registers.setFiredFlags(0);
        registers.setFiredSequence(0);
    }

    /// @dev Opens the way down to the nearest trigger of a parked book; false when the mark has not reached it, or its side
    /// waits for a brake.
    function _openDue(Witness memory w, Path memory path, Risk risk) private pure returns (bool) {
        Market market = openMarket(w, path.market);
        if (sideWaits(w.registers, market, risk, path.market, path.book & Constants.SELL)) return false;
        uint256 markTicks = risk.marketMarkTicks(path.market);
        return openBest(w, path) && isDue(path.priceTicks, _direction(path), markTicks);
    }

    /// @dev The flag that the orders of a parked book have, or none.
    function _direction(Path memory path) private pure returns (uint256) {
        return path.book & Constants.BOOK_ABOVE != 0 ? Constants.FLAG_TRIGGER_ABOVE : 0;
    }

    /// @dev Goes on to the next parked book, of which there are as many as of others; ends behind the last one.
    function _nextBook(Registers registers) private pure {
        registers.setFiringBook(registers.firingBook() + 1);
        if (registers.firingBook() == Constants.BOOKS - Constants.BOOK_PARKED) _end(registers);
    }

    function _end(Registers registers) private pure {
        registers.setResume(0);
        registers.setFiringMarket(0);
        registers.setFiringBook(0);
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev Makes a parked order the order in progress, without its trigger, with work of its own. Its pair goes on alone,
    /// and is kept in mind.
    function _place(Witness memory w, Order order) private pure {
        Registers registers = w.registers;
        registers.setPairWork(registers.work() + 1);
        registers.setWork(uint32(Constants.WORK));
        registers.setFiredTriggerTicks(order.triggerTicks());
        registers.setFiredPriceTicks(order.priceTicks());
        registers.setFiredFlags(order.flags());
        registers.setFiredSequence(order.sequence());
        registers.setArgAccount(order.account());
        registers.setArgMarket(registers.firingMarket());
        registers.setArgSide(order.side());
        registers.setArgFlags(order.flags() & ~uint16(Constants.FLAG_TRIGGER_ABOVE));
        registers.setArgPriceTicks(order.priceTicks());
        registers.setArgLots(order.remainingLots());
        registers.setArgClientId(order.clientId());
        registers.setArgTimeMs(order.expiryMs());
        uint64 slot = order.pairSlot();
        if (slot != 0) {
            Order other = openOrder(w, slot);
            registers.setArgPairSlot(slot);
            registers.setArgPair(other.sequence());
            unpair(other);
        }
        registers.setPhase(Phase.PLACE_ORDER);
    }
}
