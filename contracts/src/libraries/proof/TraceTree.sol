// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Node} from "../../interfaces/Types.sol";

/// @title The complete binary tree over a trace
/// @notice Leaf number i commits to the state after i + 1 steps. Leaves hash 33 bytes and inner
/// nodes 64, so neither can pass for the other.
library TraceTree {
    /// @notice keccak(0x00, state).
    function leaf(bytes32 state) internal pure returns (Node hash) {
        assembly ("memory-safe") {
            mstore8(0, 0)
            mstore(1, state)
            hash := keccak256(0, 33)
        }
    }

    /// @notice keccak(left, right).
    function node(Node left, Node right) internal pure returns (Node hash) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            hash := keccak256(0, 64)
        }
    }

    /// @notice Root of the tree whose last leaf is `last`, given all left siblings on the way up.
    function foldRight(Node last, Node[] calldata siblings) internal pure returns (Node hash) {
        hash = last;
        for (uint256 i = 0; i < siblings.length; ++i) {
            hash = node(siblings[i], hash);
        }
    }
}
