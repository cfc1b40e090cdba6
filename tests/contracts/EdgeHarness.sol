// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Edge, EdgeState, Opening} from "@tallystick/interfaces/IChallenge.sol";
import {EdgeId, Node} from "@tallystick/interfaces/Types.sol";
import {EdgeTree} from "@tallystick/libraries/proof/EdgeTree.sol";

/// The edges alone, for trees of any height, with a machine that counts: the state after n steps
/// is start + min(n, halt).
contract EdgeHarness {
    using EdgeTree for EdgeTree.Store;

    EdgeTree.Store private _store;
    uint256 public immutable last;
    bool public settled;

    constructor(uint256 last_) {
        last = last_;
    }

    function step(bytes32 pre) public view returns (bytes32) {
        return uint256(pre) < last ? bytes32(uint256(pre) + 1) : pre;
    }

    function settle() external {
        settled = true;
    }

    function add(Edge calldata edge) external returns (EdgeId) {
        return _store.add(edge);
    }

    function bisect(Edge calldata edge, Node left, Node right) external {
        _store.bisect(edge, left, right, settled);
    }

    function prove(Edge calldata edge, bytes32 pre, Node basePrev, Node[] calldata siblings) external {
        (bool needed, EdgeId id) = _store.checkProof(edge, pre, basePrev, siblings, settled);
        if (needed) _store.markProven(edge, id, pre, step(pre));
    }

    function update(Opening calldata opening) external {
        _store.update(opening);
    }

    function total(Opening calldata opening) external view returns (uint40) {
        (, uint40 value) = _store.total(opening);
        return value;
    }

    function state(Edge calldata edge) external view returns (EdgeState memory) {
        return _store.edges[EdgeTree.edgeId(edge)];
    }

    function rivalled(Edge calldata edge) external view returns (bool) {
        return _store.contexts[EdgeTree.contextId(edge)].rivalled;
    }

    function rivalledBlock(Edge calldata edge) external view returns (uint40) {
        return _store.contexts[EdgeTree.contextId(edge)].rivalledBlock;
    }
}
