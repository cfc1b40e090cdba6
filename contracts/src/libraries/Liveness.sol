// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Order} from "./generated/Cells.sol";
import {Constants, Phase} from "./generated/Names.sol";
import {Registers} from "./generated/Registers.sol";
import {openOrder} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// Which resting orders are dead: still in the book, but nobody may fill them any more; and what fired ones go back to.

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

/// @dev Whether the other order of a pair is gone: removed, or filled by as much as this one had left.
function _alone(Witness memory w, uint256 slot, Order order) pure returns (bool) {
    Order other = openOrder(w, order.pairSlot());
    bool there = other.remainingLots() != 0 && other.pairSlot() == slot;
    return !there || other.sequence() != order.pairSequence();
}

/// @notice Takes what its pair has filled off a resting order; when nothing is left it is dead, and false is returned.
/// @dev A dead one keeps its lots and names itself as its pair, under a sequence that no order has.
function shrink(uint256 slot, Order order, uint64 lots) pure returns (bool) {
    uint64 remaining = order.remainingLots();
    if (remaining > lots) {
        order.setRemainingLots(remaining - lots);
        return true;
    }
    // SAFETY: a slot has 36 bits.
    order.setPairSlot(uint64(slot));
    order.setPairSequence(0);
    return false;
}

/// @notice Whether an order is the one that the fired order in progress was paired with: still there, and nobody's pair.
function wasItsPair(Registers registers, Order other) pure returns (bool) {
    if (other.remainingLots() == 0 || other.pairSlot() != 0) return false;
    return other.account() == registers.argAccount() && other.sequence() == registers.argPair();
}

/// @notice Lets an order go on without its pair.
function unpair(Order order) pure {
    order.setPairSlot(0);
    order.setPairSequence(0);
}

/// @notice Lets the pair of an order that lives go on alone: the book gives the order up, which its owner has not cancelled.
/// @dev `isDead` has opened it.
function letPairGo(Witness memory w, Order order) pure {
    if (order.pairSlot() != 0) unpair(openOrder(w, order.pairSlot()));
}

/// @notice Whether the account's dead-man switch has fired.
function switchFired(Registers registers, Account account) pure returns (bool) {
    uint64 time = account.deadManMs();
    return time != 0 && time <= registers.clockMs();
}

/// @notice Whether the order in progress is a stop that has fired: it names no price and only reduces.
function isFiredStop(Registers registers) pure returns (bool) {
    uint256 stop = Constants.FLAG_MARKET | Constants.FLAG_REDUCE_ONLY;
    bool stops = registers.firedFlags() & stop == stop && registers.firedPriceTicks() == 0;
    return registers.firedTriggerTicks() != 0 && stops;
}

/// @notice Lets what is left of a fired order go back to where it lay, at the end of its page.
/// @dev Then this report fires nothing more of that book: what follows would meet the same makers.
function parkAgain(Registers registers) pure {
    registers.setArgTriggerTicks(registers.firedTriggerTicks());
    registers.setArgPriceTicks(registers.firedPriceTicks());
    registers.setArgFlags(registers.firedFlags());
    registers.setFiringBook(registers.firingBook() + 1);
    registers.setPhase(Phase.REST_ORDER);
}
