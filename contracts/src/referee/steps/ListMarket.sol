// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish, recordValues} from "@tallystick/libraries/Machine.sol";
import {Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {ListMarketFields} from "@tallystick/libraries/generated/Fields.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {termStands} from "@tallystick/libraries/market/Instrument.sol";
import {rulesStand, writeRules} from "@tallystick/libraries/market/Rules.sol";
import {openMarket, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title LIST_MARKET: open a new market, for good: its kind, multiplier and expiry never change
/// @dev Rejects: MARKET_EXISTS, BAD_PARAMETERS. Twin:
/// shared/tallystick/machine/steps/list_market.py.
contract ListMarket is Step {
    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        uint256[] memory values = recordValues(w, inbox);
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);
        uint256 kind = values[ListMarketFields.KIND];
        uint256 multiplier = values[ListMarketFields.MULTIPLIER];
        uint256 expiry = values[ListMarketFields.EXPIRY_MS];

        // CHECK
        if (market.status() != 0) return finish(registers, Outcome.MARKET_EXISTS);
        bool lasts = termStands(kind, expiry, registers.clockMs());
        if (!lasts || !rulesStand(values, ListMarketFields.FIRST_RULE, multiplier)) {
            return finish(registers, Outcome.BAD_PARAMETERS);
        }

        // APPLY
        // SAFETY of every cast: the record's fields are bounded by what the cells' hold.
        market.setStatus(uint8(Constants.MARKET_LIVE));
        market.setKind(uint8(kind));
        market.setExpiryMs(uint64(expiry));
        risk.setMarketMultiplier(number, uint32(multiplier));

        // WRITE
        writeRules(market, risk, number, values, ListMarketFields.FIRST_RULE);
        finish(registers, Outcome.ACCEPTED);
    }
}
