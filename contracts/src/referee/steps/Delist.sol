// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Market, Price, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {chargeFunding, endPerpetual, paysFunding} from "@tallystick/libraries/market/Instrument.sol";
import {openMarket, openPriceCell, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title DELIST: let a perpetual expire
/// @notice Makes the market in progress a dated future that expires in a week; what the hour has sampled is charged first.
/// @dev So it cannot be repeated. Rejects: NO_MARKET, BAD_PARAMETERS (it expires anyway). Twin:
/// shared/tallystick/machine/steps/delist.py.
contract Delist is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);
        Price price = openPriceCell(w, number);

        // CHECK
        if (market.status() != Constants.MARKET_LIVE) return finish(registers, Outcome.NO_MARKET);
        if (!paysFunding(market)) return finish(registers, Outcome.BAD_PARAMETERS);

        // APPLY
        chargeFunding(price, risk, number);
        endPerpetual(market, registers.clockMs() + uint64(Constants.DELIST_DELAY_MS));

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
