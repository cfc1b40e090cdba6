// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {ppmDown} from "@tallystick/libraries/Arith.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {
    Case,
    FUND,
    bankrupt,
    checkCase,
    checkMarket,
    openCase,
    sufficientLots,
    zeroPrice
} from "@tallystick/libraries/market/Liquidation.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title LIQUIDATE: send a position that its account cannot carry to the book
/// @notice Makes an order in progress that closes the fewest sufficient lots at the zero price or
/// better. The insurance fund's own position is unwound whole, at most `bandPpm` worse than the mark.
/// @dev Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BANKRUPT (worth less than nothing: only the fund or
/// others' positions can take it up). Twin: shared/tallystick/machine/steps/liquidate.py.
contract Liquidate is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Case memory c = openCase(w, registers.argAccount(), registers.argMarket());

        // CHECK
        uint8 outcome = c.number == FUND ? checkMarket(registers, c) : checkCase(registers, c);
        if (outcome == Outcome.ACCEPTED && c.number != FUND && bankrupt(c)) outcome = Outcome.BANKRUPT;
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY
        uint256 lots = c.number == FUND ? c.lots : sufficientLots(c);
        uint256 price = c.number == FUND ? _unwindingPrice(c) : zeroPrice(c, lots);
        // SAFETY: at most the position, which has 63 bits; at most twice a mark; 0 or 1.
        registers.setArgLots(uint64(lots));
        registers.setArgPriceTicks(uint32(price));
        registers.setArgSide(uint8(c.side));
        registers.setArgFlags(uint16(Constants.FLAG_IOC | Constants.FLAG_LIQUIDATION));
        registers.setPhase(Phase.MATCH_MAKER);

        // WRITE: registers only.
    }

    /// @dev The worst price at which the fund leaves a position: the mark, moved by the market's band.
    function _unwindingPrice(Case memory c) private pure returns (uint256 price) {
        uint256 band = ppmDown(c.mark, c.market.bandPpm());
        if (c.side == Constants.SELL) return c.mark > band ? c.mark - band : 1;
        price = c.mark + band;
        if (price > Constants.MAX_PRICE_TICKS) price = Constants.MAX_PRICE_TICKS;
    }
}
