// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {openMarket, openRisk} from "@tallystick/libraries/State.sol";
import {Witness} from "@tallystick/libraries/Witness.sol";
import {Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";

/// @title PLACE_ORDER: check an order against its market before it meets the book
/// @dev Rejects: NO_MARKET, MARKET_EXPIRED, NO_MARK, OUT_OF_RANGE (zero size or price), TOO_LARGE, EXPIRED. Twin:
/// shared/tallystick/machine/steps/place_order.py.
contract PlaceOrder is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Market market = openMarket(w, registers.argMarket());
        Risk risk = openRisk(w);

        // CHECK
        uint8 outcome = _check(registers, market, risk);
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);

        // APPLY
        registers.setPhase(Phase.MATCH_MAKER);

        // WRITE: registers only.
    }

    function _check(Registers registers, Market market, Risk risk) private pure returns (uint8) {
        if (market.status() != Constants.MARKET_LIVE) return Outcome.NO_MARKET;
        if (market.expiryMs() != 0 && market.expiryMs() <= registers.clockMs()) return Outcome.MARKET_EXPIRED;
        if (risk.marketMarkTicks(registers.argMarket()) == 0) return Outcome.NO_MARK;
        if (registers.argLots() == 0 || registers.argPrice() == 0) return Outcome.OUT_OF_RANGE;
        if (registers.argLots() > market.maxLots()) return Outcome.TOO_LARGE;
        if (registers.argTime() != 0 && registers.argTime() <= registers.clockMs()) {
            return Outcome.EXPIRED;
        }
        return Outcome.ACCEPTED;
    }
}
