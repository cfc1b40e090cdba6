// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title SET_CLOCK: move the exchange's clock forward, no further than the time of the batch's last record
/// @dev Rejects: CLOCK_BACKWARDS, CLOCK_OUT_OF_BOUND. Twin:
/// shared/tallystick/machine/steps/set_clock.py.
contract SetClock is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        uint64 clock = registers.argTimeMs();

        // CHECK
        if (clock < registers.clockMs()) return finish(registers, Outcome.CLOCK_BACKWARDS);
        if (clock > uint256(registers.batchUntilSeconds()) * 1000) {
            return finish(registers, Outcome.CLOCK_OUT_OF_BOUND);
        }

        // APPLY
        registers.setClockMs(clock);

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
