// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {sequence, switchFired} from "@tallystick/libraries/Liveness.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Account} from "@tallystick/libraries/generated/Cells.sol";
import {Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {openAccount} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title SET_DEAD_MAN: arm, move or disarm an account's dead-man switch
/// @notice What a switch that has fired has killed stays dead.
/// @dev Rejects: EXPIRED (a time that is not ahead). Twin:
/// shared/tallystick/machine/steps/set_dead_man.py.
contract SetDeadMan is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        Account account = openAccount(w, registers.argAccount());

        // CHECK
        uint64 time = registers.argTimeMs();
        if (time != 0 && time <= registers.clockMs()) return finish(registers, Outcome.EXPIRED);

        // APPLY
        if (switchFired(registers, account)) account.setDeadBefore(sequence(registers));
        account.setDeadManMs(time);

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
