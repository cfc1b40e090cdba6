// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Outbox} from "./generated/Cells.sol";
import {Registers} from "./generated/Registers.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {openOutbox} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// The outbox: withdrawals in the order they were granted, each a cell of its own.

/// @notice Takes an amount off an account and owes it to an L1 address.
/// @param amountUnits in units, already checked against what may leave
function appendWithdrawal(Witness memory w, uint256 number, Account account, address recipient, uint256 amountUnits)
    pure {
    Registers registers = w.registers;
    int256 units = SafeCast.toInt256(amountUnits);
    account.setCashUnits(SafeCast.toInt64(account.cashUnits() - units));
    registers.setCashUnits(SafeCast.toInt64(registers.cashUnits() - units));
    owe(w, number, recipient, amountUnits);
}

/// @notice Owes an amount to an L1 address.
function owe(Witness memory w, uint256 number, address recipient, uint256 amountUnits) pure {
    Registers registers = w.registers;
    Outbox cell = openOutbox(w, registers.outboxCount());
    cell.setRecipient(recipient);
    cell.setAmountUnits(SafeCast.toUint64(amountUnits));
    cell.setAccount(SafeCast.toUint64(number));
    registers.setOutboxCount(registers.outboxCount() + 1);
    registers.setWithdrawnUnits(SafeCast.toInt64(registers.withdrawnUnits() + SafeCast.toInt256(amountUnits)));
}
