// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Order} from "./generated/Cells.sol";
import {Registers} from "./generated/Registers.sol";

// Which resting orders are dead: still in the book, but nobody may fill them any more.

/// @notice Whether a resting order has expired, was cancelled with all others, or belongs to a dead man.
function isDead(Registers registers, Order order, Account account) pure returns (bool) {
    uint64 expiry = order.expiryMs();
    if (expiry != 0 && expiry <= registers.clockMs()) return true;
    if (switchFired(registers, account)) return true;
    return order.sequence() < account.deadBefore();
}

/// @notice Whether the account's dead-man switch has fired.
function switchFired(Registers registers, Account account) pure returns (bool) {
    uint64 time = account.deadManMs();
    return time != 0 && time <= registers.clockMs();
}
