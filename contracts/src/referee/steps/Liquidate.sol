// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {isFund} from "@tallystick/libraries/market/Funds.sol";
import {hasExpired} from "@tallystick/libraries/market/Instrument.sol";
import {
    Case,
    bankrupt,
    checkCase,
    checkSlice,
    endOrder,
    openCase,
    saleLimit,
    sliceLimit,
    sliceLots,
    sufficientLots
} from "@tallystick/libraries/market/Liquidation.sol";
import {indexStopped} from "@tallystick/libraries/market/Stages.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title LIQUIDATE: send a position that its account cannot carry to the book, or a slice of what a fund holds
/// @notice Makes an order in progress that closes the fewest sufficient lots; of an insurance fund's position, a slice.
/// @dev It meets no book of a future that has expired, nor, when it was queued on L1, one whose index is stale by now.
/// Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BRAKE, SLICE_WAITS (the fund has traded just
/// now), BANKRUPT (worth less than nothing: only the fund or others' positions can take it up), UNFILLED. Twin:
/// shared/tallystick/machine/steps/liquidate.py.
contract Liquidate is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Case memory c = openCase(w, registers.argAccount(), registers.argMarket());
        bool unwinds = isFund(c.number);

        // CHECK
        uint8 outcome = unwinds ? checkSlice(c) : checkCase(c, false);
        if (outcome == Outcome.ACCEPTED && !unwinds && bankrupt(c)) outcome = Outcome.BANKRUPT;
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY
        uint256 lots = unwinds ? sliceLots(c) : sufficientLots(c);
        uint256 price = unwinds ? sliceLimit(c, lots) : saleLimit(c, lots);
        // SAFETY: at most the position, which has 63 bits; at most MAX_PRICE_TICKS; 0 or 1.
        registers.setArgLots(uint64(lots));
        registers.setArgPriceTicks(uint32(price));
        registers.setArgSide(uint8(c.side));
        registers.setArgFlags(uint16(Constants.FLAG_IOC | Constants.FLAG_LIQUIDATION));
        if (_meetsNobody(registers, c)) endOrder(registers, Outcome.UNFILLED);
        else registers.setPhase(Phase.MATCH_MAKER);

        // WRITE: registers only.
    }

    /// @dev Whether what rests in the book is nobody's to take: it ended with its future, or could not follow the index.
    function _meetsNobody(Registers registers, Case memory c) private pure returns (bool) {
        if (hasExpired(c.market, registers.clockMs())) return true;
        return indexStopped(registers, c.risk, c.marketNumber);
    }
}
