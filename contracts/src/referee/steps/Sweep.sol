// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {divDown} from "@tallystick/libraries/Arith.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {openAccount, openConfig} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title SWEEP: pay the fees kept so far to the treasury and to the account of the fees
/// @notice The treasury takes a fifth, rounded down, and all without such an account; anybody may ask for it.
/// @dev Rejects: OUT_OF_RANGE (no fees), POSITION_LIMIT (cash beyond its bound). Twin:
/// shared/tallystick/machine/steps/sweep.py.
contract Sweep is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        uint256 number = openConfig(w).feeAccount();
        Account treasury = openAccount(w, Constants.TREASURY_ACCOUNT);
        Account account = number == Constants.TREASURY_ACCOUNT ? treasury : openAccount(w, number);
        int256 fees = registers.feesUnits();
        int256 share = number == Constants.TREASURY_ACCOUNT ? fees : divDown(fees, int256(Constants.TREASURY_SHARE));
        int256 kept = treasury.cashUnits() + share;
        int256 paid = account.cashUnits() + fees - share;

        // CHECK
        int256 most = int256(Constants.MAX_CASH_UNITS);
        if (fees <= 0) return finish(registers, Outcome.OUT_OF_RANGE);
        if (kept > most || paid > most) return finish(registers, Outcome.POSITION_LIMIT);

        // APPLY
        // SAFETY of every cast: within MAX_CASH_UNITS; all cash together is what was deposited.
        if (number != Constants.TREASURY_ACCOUNT) account.setCashUnits(int64(paid));
        treasury.setCashUnits(int64(kept));
        registers.setFeesUnits(0);
        registers.setCashUnits(int64(registers.cashUnits() + fees));

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
