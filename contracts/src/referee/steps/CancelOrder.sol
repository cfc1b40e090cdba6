// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Order, Page} from "@tallystick/libraries/generated/Cells.sol";
import {Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Path, openOrderPath, openTailToFree, removeOrder} from "@tallystick/libraries/market/Book.sol";
import {openOrder, openPage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title CANCEL_ORDER: take one resting order out of the book
/// @notice The order must have the signed client id and rest at the slot the operator gave.
/// @dev Rejects: NO_SUCH_ORDER. Twin: shared/tallystick/machine/steps/cancel_order.py.
contract CancelOrder is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 slot = registers.argSlot();

        // READ
        Order order = openOrder(w, slot);

        // CHECK
        if (
            order.remainingLots() == 0 || order.account() != registers.argAccount()
                || order.clientId() != registers.argId()
        ) {
            return finish(registers, Outcome.NO_SUCH_ORDER);
        }
        Path memory path = openOrderPath(w, order);
        Page page = openPage(w, slot >> 6);
        Page tail = openTailToFree(w, path, slot >> 6);

        // APPLY and WRITE
        removeOrder(registers, path, slot, order, page, tail);
        finish(registers, Outcome.ACCEPTED);
    }
}
