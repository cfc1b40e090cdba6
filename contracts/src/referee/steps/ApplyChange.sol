// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Market, Pending, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {writeRules} from "@tallystick/libraries/market/Rules.sol";
import {openMarket, openPending, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title APPLY_CHANGE: put a market's proposed rules in force, once their delay is over
/// @dev Rejects: NO_MARKET, NO_CHANGE, TOO_EARLY. Twin:
/// shared/tallystick/machine/steps/apply_change.py.
contract ApplyChange is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        Market market = openMarket(w, number);
        Pending pending = openPending(w, number);
        Risk risk = openRisk(w);

        // CHECK
        uint64 effective = pending.effectiveMs();
        if (market.status() != Constants.MARKET_LIVE) return finish(registers, Outcome.NO_MARKET);
        if (effective == 0) return finish(registers, Outcome.NO_CHANGE);
        if (effective > registers.clockMs()) return finish(registers, Outcome.TOO_EARLY);

        // APPLY
        uint256[] memory rules = new uint256[](Constants.RULES);
        for (uint256 place; place < Constants.RULES; ++place) {
            rules[place] = pending.rules(place);
            pending.setRules(place, 0);
        }
        pending.setEffectiveMs(0);

        // WRITE
        writeRules(market, risk, number, rules, 0);
        finish(registers, Outcome.ACCEPTED);
    }
}
