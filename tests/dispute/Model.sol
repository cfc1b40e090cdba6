// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IReferee} from "../../contracts/src/interfaces/IReferee.sol";
import {IRollup} from "../../contracts/src/interfaces/IRollup.sol";
import {AssertionId, StateHash} from "../../contracts/src/interfaces/Types.sol";

/// A machine whose every step is a hash, and which never halts: `step` in tests/dispute/adversary.py.
contract HashReferee is IReferee {
    function step(bytes32 pre, uint64, bytes calldata) external pure override returns (bytes32) {
        return keccak256(abi.encodePacked("step", pre));
    }
}

/// The children of one confirmed assertion, each with the blocks it had without a rival: all that a Challenge asks.
contract Children {
    mapping(AssertionId => IRollup.Assertion) private _assertions;
    mapping(AssertionId => uint256) public unrivalledBlocks;

    function setParent(AssertionId id, StateHash start) external {
        _assertions[id].stateHash = start;
        _assertions[id].status = IRollup.Status.CONFIRMED;
        _assertions[id].childCount = 2;
    }

    function add(AssertionId id, AssertionId parent, StateHash end, uint256 blocks) external {
        _assertions[id].parent = parent;
        _assertions[id].stateHash = end;
        _assertions[id].status = IRollup.Status.PENDING;
        _assertions[id].limit = 1;
        unrivalledBlocks[id] = blocks;
    }

    function assertion(AssertionId id) external view returns (IRollup.Assertion memory) {
        return _assertions[id];
    }
}
