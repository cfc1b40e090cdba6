// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Agent} from "@tallystick/libraries/generated/Cells.sol";
import {Outcome} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {openAgent} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title APPROVE_AGENT: let a key trade for an account, or revoke it
/// @dev Rejects: OUT_OF_RANGE (slot 0 is the owner). Twin:
/// shared/tallystick/machine/steps/approve_agent.py.
contract ApproveAgent is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        uint256 slot = registers.argAgentSlot();
        if (slot == 0) return finish(registers, Outcome.OUT_OF_RANGE);
        Agent agent = openAgent(w, uint256(registers.argAccount()) << 4 | slot);

        // CHECK: nothing; the owner decides.

        // APPLY
        agent.setKey(registers.argAddress());
        // SAFETY: the record's scope is at most 3.
        agent.setScope(uint8(registers.argFlags()));
        agent.setExpiryMs(registers.argTimeMs());

        // WRITE
        finish(registers, Outcome.ACCEPTED);
    }
}
