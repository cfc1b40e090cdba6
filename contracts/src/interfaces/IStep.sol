// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "./IInbox.sol";

/// @title One kind of step of the machine
interface IStep {
    /// @notice The state after the step that `witness` is of.
    /// @dev Warning: takes the registers for those of the step's phase and the preimage for checked;
    /// the Referee has seen to both.
    /// @param inbox where the inputs of the machine are committed to
    function run(bytes calldata witness, IInbox inbox) external view returns (bytes32 post);
}
