// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {NO_BIT, lowestBitFrom} from "@tallystick/libraries/Bits.sol";
import {isDead} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Order, Page} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Path, levelIndex, openBest, openNext} from "@tallystick/libraries/market/Book.sol";
import {reducible} from "@tallystick/libraries/market/Trade.sol";
import {openAccount, openLevel, openOrder, openPage} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title SCAN_MAKER: look whether the book has all the lots of a fill-or-kill order, before it meets anybody
/// @notice `argTriggerTicks` is the price the scan has come to, 0 before the first; `argSlot` where it goes
/// on, 0 at the next price; `argAmount` the lots found. When they suffice, matching begins; nothing in
/// the book has moved until then.
/// @dev Rejects: NOTHING_TO_REDUCE, NOT_FILLABLE. Twin: shared/tallystick/machine/steps/scan_maker.py.
contract ScanMaker is Step {
    /// @dev What `_offers` returns for an own order that would end the taker; no maker offers as much.
    uint256 private constant ENDS = type(uint256).max;

    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Account taker = openAccount(w, registers.argAccount());
        uint256 wanted = registers.argLots();
        if (registers.argFlags() & Constants.FLAG_REDUCE_ONLY != 0) {
            uint256 most = reducible(taker, registers.argMarket(), registers.argSide());
            if (most < wanted) wanted = most;
            if (wanted == 0) return finish(registers, Outcome.NOTHING_TO_REDUCE);
        }
        if (registers.argSlot() == 0) return _nextPrice(w, registers);
        uint256 number = registers.argSlot() >> 6;
        Page page = openPage(w, number);
        uint256 position = lowestBitFrom(page.bits(), registers.argSlot() & 63);
        if (position == NO_BIT) return registers.setArgSlot(uint64(page.nextPage()) << 6);
        Order order = openOrder(w, number << 6 | position);
        Account maker = openAccount(w, order.account());

        // CHECK
        uint256 offered = _offers(w, number << 6 | position, order, maker);
        if (offered == ENDS) return finish(registers, Outcome.NOT_FILLABLE);

        // APPLY
        // SAFETY: less than twice the order's lots.
        registers.setArgAmount(registers.argAmount() + uint64(offered < wanted ? offered : wanted));
        if (registers.argAmount() >= wanted) {
            registers.setArgAmount(0);
            registers.setArgSlot(0);
            registers.setArgTriggerTicks(0);
            registers.setPhase(Phase.MATCH_MAKER);
        } else if (position + 1 < Constants.PAGE_SLOTS) {
            registers.setArgSlot(uint64(number << 6 | (position + 1)));
        } else {
            registers.setArgSlot(uint64(page.nextPage()) << 6);
        }

        // WRITE: registers only.
    }

    /// @dev Goes to the head of the next worse price, or ends the order when there is none that crosses.
    function _nextPrice(Witness memory w, Registers registers) private pure {
        Path memory path;
        path.market = registers.argMarket();
        path.side = 1 - registers.argSide();
        path.price = registers.argTriggerTicks();
        bool found = path.price != 0 ? openNext(w, path) : openBest(w, path);
        if (!found || !_crosses(registers, path.price)) return finish(registers, Outcome.NOT_FILLABLE);
        // SAFETY: a price has 24 bits.
        registers.setArgTriggerTicks(uint32(path.price));
        registers.setArgSlot(uint64(openLevel(w, levelIndex(path)).headPage()) << 6);
    }

    function _crosses(Registers registers, uint256 price) private pure returns (bool) {
        return
            registers.argSide() == Constants.BUY
                ? price <= registers.argPriceTicks()
                : price >= registers.argPriceTicks();
    }

    /// @dev The lots a maker would give: none when it is dead or the taker's own, a reduce-only one its
    /// position's.
    function _offers(Witness memory w, uint256 slot, Order order, Account maker) private pure returns (uint256) {
        Registers registers = w.registers;
        if (isDead(w, slot, order, maker)) return 0;
        if (order.account() == registers.argAccount()) {
            uint256 ends = registers.argFlags() & (Constants.FLAG_STP_TAKER | Constants.FLAG_STP_BOTH);
            return ends != 0 ? ENDS : 0;
        }
        uint256 lots = order.remainingLots();
        if (order.flags() & Constants.FLAG_REDUCE_ONLY != 0) {
            uint256 most = reducible(maker, registers.argMarket(), 1 - registers.argSide());
            if (most < lots) lots = most;
        }
        return lots;
    }
}
