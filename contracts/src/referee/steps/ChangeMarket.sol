// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish, recordValues} from "@tallystick/libraries/Machine.sol";
import {Market, Pending, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {ChangeMarketFields} from "@tallystick/libraries/generated/Fields.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {rulesStand} from "@tallystick/libraries/market/Rules.sol";
import {openMarket, openPending, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title CHANGE_MARKET: propose a listed market's next rules
/// @notice A proposal takes the place of one that is not in force yet, and its delay begins anew.
/// Proposals are numbered by market, so that none is repeated.
/// @dev Rejects: NO_MARKET, OLD_CHANGE, BAD_PARAMETERS. Twin:
/// shared/tallystick/machine/steps/change_market.py.
contract ChangeMarket is Step {
    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        uint256[] memory values = recordValues(w, inbox);
        Market market = openMarket(w, number);
        Pending pending = openPending(w, number);
        Risk risk = openRisk(w);
        uint256 change = values[ChangeMarketFields.CHANGE];

        // CHECK
        if (market.status() != Constants.MARKET_LIVE) return finish(registers, Outcome.NO_MARKET);
        if (change != uint256(pending.changes()) + 1) return finish(registers, Outcome.OLD_CHANGE);
        if (!rulesStand(values, ChangeMarketFields.FIRST_RULE, risk.marketMultiplierUnits(number))) {
            return finish(registers, Outcome.BAD_PARAMETERS);
        }

        // APPLY
        // SAFETY of every cast: the record's fields are bounded by what the cell's hold, the clock by
        // 2^62.
        pending.setChanges(uint32(change));
        pending.setEffectiveMs(uint64(registers.clockMs() + Constants.CHANGE_DELAY_MS));
        for (uint256 place; place < Constants.RULES; ++place) {
            pending.setRules(place, uint64(values[ChangeMarketFields.FIRST_RULE + place]));
        }

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
