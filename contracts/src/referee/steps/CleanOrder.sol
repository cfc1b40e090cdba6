// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Record, decode, unpadded} from "@tallystick/libraries/Codec.sol";
import {isDead, letPairGo} from "@tallystick/libraries/Liveness.sol";
import {areWhole, beginItems, endItems, finish, recordInProgress} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Order, Page, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Path, openOrderPath, openTailToFree, removeOrder} from "@tallystick/libraries/market/Book.sol";
import {indexStopped} from "@tallystick/libraries/market/Stages.sol";
import {inBook, isCarried} from "@tallystick/libraries/orders/Carried.sol";
import {openAccount, openMarket, openOrder, openPage, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title CLEAN_ORDER: take orders that nobody can fill out of the book, one a step; anybody may ask for it
/// @notice Those that are dead, those of a market that is not live, and those that their account does not carry; the last
/// not while the index is stale: the stale margin would empty a book.
/// @dev Rejects: MALFORMED (no slots, or a part of one), NO_SUCH_ORDER, NOT_DEAD. Twin:
/// shared/tallystick/machine/steps/clean_order.py.
contract CleanOrder is Step {
    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;

        // READ
        beginItems(registers, Phase.CLEAN_ORDER);
        bytes calldata data = unpadded(recordInProgress(w, inbox));
        (, Record memory record) = decode(data);
        bytes calldata slots = data[record.blobs[0].start:record.blobs[0].start + record.blobs[0].length];
        if (!areWhole(int256(slots.length), int256(Constants.ITEM_SLOT_BYTES))) {
            endItems(registers);
            return finish(registers, Outcome.MALFORMED);
        }
        uint256 slot = _nextSlot(registers, slots);
        Order order = openOrder(w, slot);
        if (order.remainingLots() == 0) return finish(registers, Outcome.NO_SUCH_ORDER);
        Account account = openAccount(w, order.account());

        // CHECK
        if (!_leaves(w, slot, order, account)) return finish(registers, Outcome.NOT_DEAD);
        Path memory path = openOrderPath(w, order);
        Page page = openPage(w, slot >> 6);
        Page tail = openTailToFree(w, path, slot >> 6);

        // APPLY and WRITE
        removeOrder(registers, path, slot, order, account, page, tail);
        finish(registers, Outcome.ACCEPTED);
    }

    /// @dev The slot whose turn it is; with the last one the record has no more.
    function _nextSlot(Registers registers, bytes calldata slots) private pure returns (uint256 slot) {
        uint256 end = uint256(registers.bulkItem()) + Constants.ITEM_SLOT_BYTES;
        slot = uint40(bytes5(slots[end - Constants.ITEM_SLOT_BYTES:end])) & Constants.MAX_SLOT;
        // SAFETY: an offset inside a record.
        registers.setBulkItem(uint16(end));
        if (end == slots.length) endItems(registers);
    }

    /// @dev Whether an order leaves the book; the pair of one that lives goes on alone.
    function _leaves(Witness memory w, uint256 slot, Order order, Account account) private pure returns (bool) {
        Market market = openMarket(w, order.market());
        Risk risk = openRisk(w);
        if (isDead(w, slot, order, account)) return true;
        if (_mayStay(w.registers, market, risk, order, account)) return false;
        letPairGo(w, order);
        return true;
    }

    /// @dev Whether the market of an order lives, and its account carries it, or it is no time to ask.
    function _mayStay(Registers registers, Market market, Risk risk, Order order, Account account)
        private
        pure
        returns (bool)
    {
        if (market.status() != Constants.MARKET_LIVE) return false;
        if (indexStopped(registers, risk, order.market())) return true;
        return isCarried(registers, account, risk, market, inBook(order));
    }
}
