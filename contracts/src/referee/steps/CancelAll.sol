// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {sequence} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account} from "@tallystick/libraries/generated/Cells.sol";
import {Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {openAccount} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title CANCEL_ALL: make every order of an account dead, or those before a sequence number
/// @notice Each order leaves the book when it is touched. A number beyond the present one kills no order that is still
/// to come; what is dead stays dead.
/// @dev Twin: shared/tallystick/machine/steps/cancel_all.py.
contract CancelAll is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Account account = openAccount(w, registers.argAccount());

        // CHECK: nothing; who signed has been checked.

        // APPLY
        uint64 before = sequence(registers);
        if (registers.argSequence() < before) before = registers.argSequence();
        if (before > account.deadBefore()) account.setDeadBefore(before);

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
