// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {shrink, unpair, wasItsPair} from "@tallystick/libraries/Liveness.sol";
import {Order} from "@tallystick/libraries/generated/Cells.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Path, levelIndex, takeLots} from "@tallystick/libraries/market/Book.sol";
import {openLevel, openOrder} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// What a fill does to the pairs of both sides: one loses what the other has filled.

/// @notice Takes a fill off the maker's pair, and off the one that a fired taker had; a maker whose pair dies goes on
/// alone. Units: lots.
function shrinkPairs(Witness memory w, Order maker, uint64 lots) pure {
    Registers registers = w.registers;
    uint256 slot = maker.pairSlot();
    if (slot != 0) {
        Order pair = openOrder(w, slot);
        if (shrink(slot, pair, lots)) _restsLess(w, pair, lots);
        else unpair(maker);
    }
    if (registers.firedTriggerTicks() != 0 && registers.argPair() != 0) {
        slot = registers.argPairSlot();
        Order other = openOrder(w, slot);
        if (wasItsPair(registers, other) && shrink(slot, other, lots)) _restsLess(w, other, lots);
    }
}

/// @dev Counts lots off an order's price, which is opened for it; off none where the order is parked.
function _restsLess(Witness memory w, Order order, uint64 lots) pure {
    if (order.triggerTicks() != 0) return;
    Path memory path;
    path.market = order.market();
    path.book = order.side();
    path.priceTicks = order.priceTicks();
    path.level = openLevel(w, levelIndex(path));
    takeLots(path, lots);
}
