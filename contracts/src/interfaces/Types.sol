// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice keccak(parent, state hash): what an assertion is called.
type AssertionId is bytes32;

/// @notice keccak(tree root, keccak(registers)): the whole state of the machine.
type StateHash is bytes32;

/// @notice keccak(config hash, parent, batch limit): the dispute among a parent's children.
type DisputeId is bytes32;

/// @notice keccak(dispute, height, index, base): where two edges are rivals.
type ContextId is bytes32;

/// @notice keccak(context, span).
type EdgeId is bytes32;

/// @notice A node of the tree over a trace: leaf(s) = keccak(0x00, s), node(a, b) = keccak(a, b).
type Node is bytes32;

using {sameAssertion as ==, otherAssertion as !=} for AssertionId global;
using {sameState as ==} for StateHash global;
using {sameDispute as ==} for DisputeId global;
using {sameEdge as ==} for EdgeId global;
using {sameNode as ==} for Node global;

function sameAssertion(AssertionId a, AssertionId b) pure returns (bool) {
    return AssertionId.unwrap(a) == AssertionId.unwrap(b);
}

function otherAssertion(AssertionId a, AssertionId b) pure returns (bool) {
    return AssertionId.unwrap(a) != AssertionId.unwrap(b);
}

function sameState(StateHash a, StateHash b) pure returns (bool) {
    return StateHash.unwrap(a) == StateHash.unwrap(b);
}

function sameDispute(DisputeId a, DisputeId b) pure returns (bool) {
    return DisputeId.unwrap(a) == DisputeId.unwrap(b);
}

function sameEdge(EdgeId a, EdgeId b) pure returns (bool) {
    return EdgeId.unwrap(a) == EdgeId.unwrap(b);
}

function sameNode(Node a, Node b) pure returns (bool) {
    return Node.unwrap(a) == Node.unwrap(b);
}
