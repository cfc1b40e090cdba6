// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {IReferee} from "@tallystick/interfaces/IReferee.sol";
import {IStep} from "@tallystick/interfaces/IStep.sol";
import {Phase} from "@tallystick/libraries/generated/Names.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/proof/Witness.sol";

/// @title One step of the machine, run from a witness
/// @notice Knows no dispute: it only says which state follows which.
contract Referee is IReferee {
    /// @notice The witness is of another state than the one to step from.
    error WrongState(bytes32 actual, bytes32 expected);
    /// @notice No step has this phase.
    error UnknownPhase(uint256 actual, uint256 count);
    /// @notice There is one step contract a phase.
    error StepCount(uint256 actual, uint256 expected);
    /// @notice There is no contract at this address.
    error NoCode(address account);

    /// @notice Where the inputs of the machine are committed to.
    IInbox public immutable inbox;
    /// @notice The step contracts by phase.
    IStep[] public steps;

    constructor(IInbox inbox_, IStep[] memory steps_) {
        require(steps_.length == Phase.COUNT, StepCount(steps_.length, Phase.COUNT));
        for (uint256 i; i < steps_.length; ++i) {
            require(address(steps_[i]).code.length > 0, NoCode(address(steps_[i])));
        }
        inbox = inbox_;
        steps = steps_;
    }

    /// @inheritdoc IReferee
    function step(bytes32 pre, uint64 batchLimit, bytes calldata witness) external view returns (bytes32) {
        Witness memory w = WitnessLib.parse(witness);
        bytes32 actual = w.stateHash();
        // INVARIANT: the step starts from the state that was agreed on.
        require(actual == pre, WrongState(actual, pre));
        uint256 phase = w.registers.phase();
        if (phase == Phase.OPEN_BATCH && w.registers.batchCursor() >= batchLimit) {
            return w.finish();
        }
        require(phase < Phase.COUNT, UnknownPhase(phase, Phase.COUNT));
        return steps[phase].run(witness, inbox);
    }
}
