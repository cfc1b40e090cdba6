// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish, recordValues} from "@tallystick/libraries/Machine.sol";
import {Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {listingStands, writeListing} from "@tallystick/libraries/market/Rules.sol";
import {openMarket, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title LIST_MARKET: list a new market, for good: its kind, multiplier and expiry never change
/// @dev It takes orders three weeks later; until then whoever does not trust it may leave. Rejects:
/// MARKET_EXISTS, BAD_PARAMETERS. Twin: shared/tallystick/machine/steps/list_market.py.
contract ListMarket is Step {
    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        uint256[] memory values = recordValues(w, inbox);
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);
        uint256 liveMs = registers.clockMs() + Constants.LIST_DELAY_MS;

        // CHECK
        if (market.status() != 0) return finish(registers, Outcome.MARKET_EXISTS);
        if (!listingStands(values, liveMs)) return finish(registers, Outcome.BAD_PARAMETERS);

        // APPLY: nothing but what is written.

        // WRITE
        writeListing(market, risk, number, values, liveMs);
        finish(registers, Outcome.ACCEPTED);
    }
}
