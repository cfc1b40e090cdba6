// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Edge, Opening} from "@tallystick/interfaces/IChallenge.sol";
import {DisputeId, Node} from "@tallystick/interfaces/Types.sol";

/// A trace of 2^height steps as runs of equal states: leaf number i, the state after i + 1 steps,
/// is the state of the last run with `from <= i`. The first run begins at 0.
struct Trace {
    uint8 height;
    bytes32 start;
    uint64[] from;
    bytes32[] states;
}

/// The tree over a trace, written again from the specification: nothing is shared with the
/// contracts but the shapes of their arguments.
library TraceModel {
    function hashLeaf(bytes32 state) internal pure returns (Node) {
        return Node.wrap(keccak256(abi.encodePacked(uint8(0), state)));
    }

    function hashNode(Node left, Node right) internal pure returns (Node) {
        return Node.wrap(keccak256(abi.encodePacked(Node.unwrap(left), Node.unwrap(right))));
    }

    function run(Trace memory self, uint64 leafIndex) internal pure returns (uint256 spot) {
        spot = self.from.length - 1;
        while (self.from[spot] > leafIndex) {
            --spot;
        }
    }

    /// The state after `steps` steps.
    function stateAfter(Trace memory self, uint64 steps) internal pure returns (bytes32) {
        return steps == 0 ? self.start : self.states[run(self, steps - 1)];
    }

    function finalState(Trace memory self) internal pure returns (bytes32) {
        return self.states[self.states.length - 1];
    }

    /// The node at (height, index).
    function node(Trace memory self, uint8 height, uint64 index) internal pure returns (Node hash) {
        uint64 first = index << height;
        uint256 spot = run(self, first);
        if (spot == run(self, first + (uint64(1) << height) - 1)) {
            hash = hashLeaf(self.states[spot]);
            for (uint8 h = 0; h < height; ++h) {
                hash = hashNode(hash, hash);
            }
            return hash;
        }
        return hashNode(node(self, height - 1, 2 * index), node(self, height - 1, 2 * index + 1));
    }

    /// The agreed prefix of the edge at (height, index).
    function base(Trace memory self, uint8 height, uint64 index) internal pure returns (Node) {
        if (height == self.height) return hashLeaf(self.start);
        Node above = base(self, height + 1, index >> 1);
        return index & 1 == 0 ? above : hashNode(above, node(self, height, index - 1));
    }

    function edge(Trace memory self, DisputeId dispute, uint8 height, uint64 index)
        internal
        pure
        returns (Edge memory)
    {
        return Edge({
            dispute: dispute,
            height: height,
            index: index,
            base: base(self, height, index),
            span: node(self, height, index)
        });
    }

    /// The edge with its children; zeros for those of a leaf.
    function opening(Trace memory self, DisputeId dispute, uint8 height, uint64 index)
        internal
        pure
        returns (Opening memory opened)
    {
        opened.edge = edge(self, dispute, height, index);
        if (height == 0) return opened;
        opened.left = node(self, height - 1, 2 * index);
        opened.right = node(self, height - 1, 2 * index + 1);
    }

    /// Left siblings of the last leaf of the whole tree, from the leaf up.
    function lastSiblings(Trace memory self) internal pure returns (Node[] memory) {
        return leftSiblings(self, (uint64(1) << self.height) - 1, self.height);
    }

    /// Prefix and siblings that prove the state before leaf `index`.
    function preProof(Trace memory self, uint64 index) internal pure returns (Node basePrev, Node[] memory siblings) {
        if (index == 0) return (Node.wrap(0), new Node[](0));
        uint8 zeros = 0;
        while ((index >> zeros) & 1 == 0) {
            ++zeros;
        }
        return (base(self, zeros + 1, index >> (zeros + 1)), leftSiblings(self, index - 1, zeros));
    }

    /// First leaf in which two traces differ, or 2^height.
    function divergence(Trace memory self, Trace memory other) internal pure returns (uint64 spot) {
        uint64 size = uint64(1) << self.height;
        spot = size;
        for (uint256 i = 0; i < self.from.length; ++i) {
            uint64 leaf = self.from[i];
            if (stateAfter(other, leaf + 1) != self.states[i] && leaf < spot) spot = leaf;
        }
        for (uint256 i = 0; i < other.from.length; ++i) {
            uint64 leaf = other.from[i];
            if (stateAfter(self, leaf + 1) != other.states[i] && leaf < spot) spot = leaf;
        }
    }

    function leftSiblings(Trace memory self, uint64 leafIndex, uint8 count)
        private
        pure
        returns (Node[] memory siblings)
    {
        siblings = new Node[](count);
        for (uint8 h = 0; h < count; ++h) {
            siblings[h] = node(self, h, (leafIndex >> h) - 1);
        }
    }
}
