// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {openMarket, openRisk} from "@tallystick/libraries/State.sol";
import {Witness} from "@tallystick/libraries/Witness.sol";
import {Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";

/// @title LIST_MARKET: open a new market; a listed market never changes
/// @dev Rejects: MARKET_EXISTS, BAD_PARAMETERS. Twin:
/// shared/tallystick/machine/steps/list_market.py.
contract ListMarket is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint32 multiplier = registers.argPrice();
        uint64 maxLots = registers.argLots();
        uint64 initial = registers.argId();
        uint64 maintenance = registers.argTime();

        // READ
        uint256 number = registers.argMarket();
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);

        // CHECK
        if (market.status() != 0) return finish(registers, Outcome.MARKET_EXISTS);
        if (
            multiplier == 0 || maxLots == 0 || maxLots > Constants.MAX_EXPOSURE / multiplier || maintenance == 0
                || maintenance > initial
        ) {
            return finish(registers, Outcome.BAD_PARAMETERS);
        }

        // APPLY
        // SAFETY of every cast: fractions in a record are at most PPM.
        market.setStatus(uint8(Constants.MARKET_LIVE));
        market.setTakerPpm(uint32(registers.argAmount()));
        market.setMakerPpm(uint32(registers.argSlot()));
        market.setMaxLots(maxLots);
        risk.setMarketMultiplier(number, multiplier);
        risk.setMarketInitialPpm(number, uint32(initial));
        risk.setMarketMaintenancePpm(number, uint32(maintenance));

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
