// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {isDead} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Order, Page} from "@tallystick/libraries/generated/Cells.sol";
import {Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Path, openOrderPath, openTailToFree, removeOrder} from "@tallystick/libraries/market/Book.sol";
import {openAccount, openOrder, openPage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title CLEAN_ORDER: take a dead order out of the book; anybody may ask for it
/// @dev Rejects: NO_SUCH_ORDER, NOT_DEAD. Twin: shared/tallystick/machine/steps/clean_order.py.
contract CleanOrder is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 slot = registers.argSlot();

        // READ
        Order order = openOrder(w, slot);
        if (order.remainingLots() == 0) return finish(registers, Outcome.NO_SUCH_ORDER);
        Account account = openAccount(w, order.account());

        // CHECK
        if (!isDead(w, slot, order, account)) return finish(registers, Outcome.NOT_DEAD);
        Path memory path = openOrderPath(w, order);
        Page page = openPage(w, slot >> 6);
        Page tail = openTailToFree(w, path, slot >> 6);

        // APPLY and WRITE
        removeOrder(registers, path, slot, order, page, tail);
        finish(registers, Outcome.ACCEPTED);
    }
}
