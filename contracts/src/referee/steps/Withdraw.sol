// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {appendWithdrawal} from "@tallystick/libraries/Outbox.sol";
import {Account, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {health, withdrawable} from "@tallystick/libraries/market/Risk.sol";
import {openAccount, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title WITHDRAW: owe an amount of an account to an L1 address
/// @dev Rejects: OUT_OF_RANGE (nothing asked for, or for nobody), NOT_WITHDRAWABLE. Twin:
/// shared/tallystick/machine/steps/withdraw.py.
contract Withdraw is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        uint256 number = registers.argAccount();
        uint256 amountUnits = registers.argAmountUnits();
        Account account = openAccount(w, number);
        Risk risk = openRisk(w);

        // CHECK
        if (amountUnits == 0 || registers.argAddress() == address(0)) return finish(registers, Outcome.OUT_OF_RANGE);
        if (amountUnits > withdrawable(registers, health(registers, account, risk, Constants.LEAN_WORST))) {
            return finish(registers, Outcome.NOT_WITHDRAWABLE);
        }

        // APPLY and WRITE
        appendWithdrawal(w, number, account, registers.argAddress(), amountUnits);
        finish(registers, Outcome.ACCEPTED);
    }
}
