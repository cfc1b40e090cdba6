// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {isNobodys} from "@tallystick/libraries/market/Funds.sol";
import {health, withdrawable} from "@tallystick/libraries/market/Risk.sol";
import {openAccount, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title TRANSFER: move cash between the accounts of one owner, or into an insurance fund or the treasury
/// @dev Rejects: OUT_OF_RANGE (nothing asked for, or to itself), NOT_AUTHORISED (another family),
/// NOT_WITHDRAWABLE, POSITION_LIMIT (cash beyond its bound). Twin:
/// shared/tallystick/machine/steps/transfer.py.
contract Transfer is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;
        uint256 number = registers.argAccount();
        uint256 other = registers.argToAccount();
        uint256 amountUnits = registers.argAmountUnits();

        // READ
        Account account = openAccount(w, number);
        Risk risk = openRisk(w);
        Account target = openAccount(w, other);

        // CHECK
        bool family = number & Constants.MAIN_ACCOUNT_MASK == other & Constants.MAIN_ACCOUNT_MASK;
        if (amountUnits == 0 || number == other) return finish(registers, Outcome.OUT_OF_RANGE);
        if (!isNobodys(other) && !family) return finish(registers, Outcome.NOT_AUTHORISED);
        if (amountUnits > withdrawable(registers, health(registers, account, risk, Constants.LEAN_WORST))) {
            return finish(registers, Outcome.NOT_WITHDRAWABLE);
        }
        // SAFETY: an amountUnits has 62 bits, cash stays within MAX_CASH_UNITS.
        int256 left = account.cashUnits() - int256(amountUnits);
        int256 grown = target.cashUnits() + int256(amountUnits);
        int256 most = int256(Constants.MAX_CASH_UNITS);
        if (left < -most || grown > most) return finish(registers, Outcome.POSITION_LIMIT);

        // APPLY
        account.setCashUnits(int64(left));
        target.setCashUnits(int64(grown));
        if (!isNobodys(other)) target.setOwner(account.owner());

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
