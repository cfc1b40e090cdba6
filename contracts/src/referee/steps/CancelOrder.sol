// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {isDead} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Order, Page} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Path, openOrderPath, openTailToFree, removeOrder, takeLots} from "@tallystick/libraries/market/Book.sol";
import {isSmall} from "@tallystick/libraries/market/Stages.sol";
import {openAccount, openMarket, openOrder, openPage, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title CANCEL_ORDER: take one resting order out of the book, or leave a smaller one in its place
/// @notice The order must have the signed client id and rest at the slot the operator gave. What a replace makes
/// smaller, but not too small, and changes in nothing else keeps its place, its pair and its sequence.
/// @dev Rejects: NO_SUCH_ORDER. Twin: shared/tallystick/machine/steps/cancel_order.py.
contract CancelOrder is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 slot = registers.argOrderSlot();

        // READ
        Order order = openOrder(w, slot);

        // CHECK
        if (
            order.remainingLots() == 0 || order.account() != registers.argAccount()
                || order.clientId() != registers.argClientId()
        ) {
            return finish(registers, Outcome.NO_SUCH_ORDER);
        }
        Account account = openAccount(w, registers.argAccount());
        bool keeps = _onlyShrinks(registers, order) && !isDead(w, slot, order, account) && _isLargeEnough(w);
        Path memory path = openOrderPath(w, order);
        Page page = openPage(w, slot >> 6);
        Page tail = openTailToFree(w, path, slot >> 6);

        // APPLY and WRITE
        if (keeps) {
            takeLots(path, order.remainingLots() - registers.argLots());
            order.setRemainingLots(registers.argLots());
            registers.setBulkHalf(uint8(Constants.HALF_KEPT));
            return finish(registers, Outcome.ACCEPTED);
        }
        removeOrder(registers, path, slot, order, account, page, tail);
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev Whether a replace leaves an order in the book as it is, but for a size that is no larger; a cancel has none.
    function _onlyShrinks(Registers registers, Order order) private pure returns (bool) {
        if (registers.argLots() == 0 || registers.argLots() > order.remainingLots()) return false;
        if (order.market() != registers.argMarket() || order.side() != registers.argSide()) return false;
        if (order.priceTicks() != registers.argPriceTicks() || order.triggerTicks() != 0) return false;
        return order.flags() == registers.argFlags() && order.expiryMs() == registers.argTimeMs();
    }

    /// @dev Whether what a replace leaves in its place might be placed anew.
    function _isLargeEnough(Witness memory w) private pure returns (bool) {
        Registers registers = w.registers;
        if (registers.argFlags() & Constants.FLAG_REDUCE_ONLY != 0) return true;
        Market market = openMarket(w, registers.argMarket());
        return !isSmall(market, openRisk(w), registers.argMarket(), registers.argLots());
    }
}
