// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Order} from "./generated/Cells.sol";
import {Registers} from "./generated/Registers.sol";
import {openOrder} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// Which resting orders are dead: still in the book, but nobody may fill them any more.

/// @notice The place of what happens now among all that happens: each record and each message is one further on.
function sequence(Registers registers) pure returns (uint64) {
    return registers.recordCount() + registers.messageCursor();
}

/// @notice Whether a resting order has expired, was cancelled with all others, belongs to a dead man, or
/// has lost its pair.
/// @dev Opens the cell of its pair, if any.
function isDead(Witness memory w, uint256 slot, Order order, Account account) pure returns (bool) {
    Registers registers = w.registers;
    uint64 expiry = order.expiryMs();
    if (expiry != 0 && expiry <= registers.clockMs()) return true;
    if (switchFired(registers, account)) return true;
    if (order.sequence() < account.deadBefore()) return true;
    return order.pairSlot() != 0 && _alone(w, slot, order);
}

/// @dev Whether the other order of a pair is gone: filled in any part, fired or removed.
function _alone(Witness memory w, uint256 slot, Order order) pure returns (bool) {
    Order other = openOrder(w, order.pairSlot());
    bool there = other.remainingLots() != 0 && other.pairSlot() == slot;
    return !there || other.sequence() != order.pairSequence();
}

/// @notice Lets an order that has begun to fill go on without its pair, which is dead from now on.
function unpair(Order order) pure {
    order.setPairSlot(0);
    order.setPairSequence(0);
}

/// @notice Whether the account's dead-man switch has fired.
function switchFired(Registers registers, Account account) pure returns (bool) {
    uint64 time = account.deadManMs();
    return time != 0 && time <= registers.clockMs();
}
