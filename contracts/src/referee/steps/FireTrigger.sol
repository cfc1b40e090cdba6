// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {NO_BIT, lowestBit} from "@tallystick/libraries/Bits.sol";
import {isDead} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Order, Page, Price} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {
    Path,
    dropHead,
    levelIndex,
    openBest,
    openTailToFree,
    park,
    removeOrder
} from "@tallystick/libraries/market/Book.sol";
import {isDue, triggersWait} from "@tallystick/libraries/market/Stages.sol";
import {
    openAccount,
    openLevel,
    openOrder,
    openPage,
    openPriceCell,
    openRisk
} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title FIRE_TRIGGER: send the parked orders whose trigger the mark has reached to the book, one a step
/// @notice The one nearest to its trigger is next, oldest first; those that fire above their trigger come
/// before the others. A dead one is only taken out. The order goes through every check of a new one;
/// whatever becomes of it, the next follows. None fires while only makers may come.
/// @dev Twin: shared/tallystick/machine/steps/fire_trigger.py.
contract FireTrigger is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        if (registers.resume() == 0) {
            registers.setResume(Phase.FIRE_TRIGGER);
            registers.setFiringMarket(registers.argMarket());
            registers.clearArgs();
        }

        // READ
        uint256 mark = openRisk(w).marketMarkTicks(registers.firingMarket());
        Price price = openPriceCell(w, registers.firingMarket());
        Path memory path;
        path.market = registers.firingMarket();
        if (triggersWait(registers, price) || !_openDue(w, path, mark)) return _end(registers);
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
        if (!dead) _place(registers, order);
        removeOrder(registers, path, slot, order, page, tail);
    }

    /// @dev Opens the way down to the nearest trigger that the mark has reached; false when there is none.
    function _openDue(Witness memory w, Path memory path, uint256 mark) private pure returns (bool) {
        park(path, Constants.FLAG_TRIGGER_ABOVE);
        if (openBest(w, path) && isDue(path.price, Constants.FLAG_TRIGGER_ABOVE, mark)) return true;
        park(path, 0);
        return openBest(w, path) && isDue(path.price, 0, mark);
    }

    function _end(Registers registers) private pure {
        registers.setResume(0);
        registers.setFiringMarket(0);
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev Makes a parked order the order in progress, without its trigger and its pair.
    function _place(Registers registers, Order order) private pure {
        registers.setArgAccount(order.account());
        registers.setArgMarket(registers.firingMarket());
        registers.setArgSide(order.side());
        registers.setArgFlags(order.flags() & ~uint16(Constants.FLAG_TRIGGER_ABOVE));
        registers.setArgPriceTicks(order.priceTicks());
        registers.setArgLots(order.remainingLots());
        registers.setArgId(order.clientId());
        registers.setArgTimeMs(order.expiryMs());
        registers.setPhase(Phase.PLACE_ORDER);
    }
}
