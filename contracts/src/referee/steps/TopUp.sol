// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {fundOf} from "@tallystick/libraries/market/Funds.sol";
import {health} from "@tallystick/libraries/market/Risk.sol";
import {openAccount, openMarket, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title TOP_UP: bring the insurance fund of a market back to what it is to be worth, out of the treasury
/// @notice Once a day at most; anybody may ask for it. The fund counts at the worse price: what it holds
/// is no cash.
/// @dev Rejects: NO_MARKET, TOO_EARLY, OUT_OF_RANGE (nothing to move), POSITION_LIMIT (cash beyond its
/// bound). Twin: shared/tallystick/machine/steps/top_up.py.
contract TopUp is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);
        Account treasury = openAccount(w, Constants.TREASURY_ACCOUNT);
        Account fund = openAccount(w, fundOf(number));
        uint64 topped = market.toppedMs();
        // SAFETY: a rule is at most MAX_CASH_UNITS.
        int256 lacking =
            int256(uint256(market.fundUnits())) - health(registers, fund, risk, Constants.LEAN_WORST).valueUnits;
        int256 held = treasury.cashUnits();
        int256 moved = held < lacking ? held : lacking;

        // CHECK
        if (market.status() != Constants.MARKET_LIVE) return finish(registers, Outcome.NO_MARKET);
        if (topped != 0 && registers.clockMs() - topped < Constants.TOP_UP_MS) {
            return finish(registers, Outcome.TOO_EARLY);
        }
        if (moved <= 0) return finish(registers, Outcome.OUT_OF_RANGE);
        if (fund.cashUnits() + moved > int256(Constants.MAX_CASH_UNITS)) {
            return finish(registers, Outcome.POSITION_LIMIT);
        }

        // APPLY
        // SAFETY of every cast: within MAX_CASH_UNITS.
        treasury.setCashUnits(int64(held - moved));
        fund.setCashUnits(int64(fund.cashUnits() + moved));
        market.setToppedMs(registers.clockMs());

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
