// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Config, Market, Pending, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {writeRules} from "@tallystick/libraries/market/Rules.sol";
import {openConfig, openMarket, openPending, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title APPLY_CHANGE: put a market's proposed rules, or the proposed account of the fees, in force
/// @notice Once its delay is over; anybody may ask for it.
/// @dev Rejects: NO_MARKET, NO_CHANGE, TOO_EARLY. Twin:
/// shared/tallystick/machine/steps/apply_change.py.
contract ApplyChange is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argMarket();

        // READ, CHECK, APPLY and WRITE
        uint8 outcome = Outcome.NO_MARKET;
        if (number == Constants.FEE_ACCOUNT_PENDING) outcome = applyFeeAccount(w);
        else if (number < Constants.MAX_MARKETS) outcome = applyRules(w, number);
        finish(registers, outcome);
    }

    /// @dev Puts the rules proposed for a market in force.
    function applyRules(Witness memory w, uint256 number) private pure returns (uint8) {
        Pending pending = openPending(w, number);
        Market market = openMarket(w, number);
        Risk risk = openRisk(w);
        if (market.status() != Constants.MARKET_LIVE) return Outcome.NO_MARKET;
        uint8 outcome = checkTime(w.registers, pending);
        if (outcome != Outcome.ACCEPTED) return outcome;
        uint256[] memory rules = new uint256[](Constants.RULES);
        for (uint256 place; place < Constants.RULES; ++place) {
            rules[place] = pending.rules(place);
            pending.setRules(place, 0);
        }
        pending.setEffectiveMs(0);
        writeRules(market, risk, number, rules, 0);
        return Outcome.ACCEPTED;
    }

    /// @dev Lets fees go to the account that was proposed.
    function applyFeeAccount(Witness memory w) private pure returns (uint8) {
        Pending pending = openPending(w, Constants.FEE_ACCOUNT_PENDING);
        Config config = openConfig(w);
        uint8 outcome = checkTime(w.registers, pending);
        if (outcome != Outcome.ACCEPTED) return outcome;
        // SAFETY: the record's account has 32 bits.
        config.setFeeAccount(uint32(pending.rules(0)));
        pending.setRules(0, 0);
        pending.setEffectiveMs(0);
        return Outcome.ACCEPTED;
    }

    /// @dev Why a change is not to be put in force now, or ACCEPTED.
    function checkTime(Registers registers, Pending pending) private pure returns (uint8) {
        uint64 effective = pending.effectiveMs();
        if (effective == 0) return Outcome.NO_CHANGE;
        if (effective > registers.clockMs()) return Outcome.TOO_EARLY;
        return Outcome.ACCEPTED;
    }
}
