// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title One step of the machine
interface IReferee {
    /// @notice The state after one step from `pre`, with the inputs up to `batchLimit`.
    /// @dev A halted state (its batch cursor has reached `batchLimit`, nothing in progress) is
    /// returned as it is. Reverts on a witness that does not fit; never returns a guess.
    /// @param pre hash of the state before the step
    /// @param batchLimit batches of the Inbox at which the machine halts
    /// @param witness what the step reads, with proofs; empty for a halted state's step is allowed
    function step(bytes32 pre, uint64 batchLimit, bytes calldata witness) external view returns (bytes32 post);
}
