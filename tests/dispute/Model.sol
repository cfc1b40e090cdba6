// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Challenge} from "../../contracts/src/dispute/Challenge.sol";
import {IReferee} from "../../contracts/src/interfaces/IReferee.sol";
import {Packed} from "../../contracts/src/libraries/Packed.sol";
import {Phase} from "../../contracts/src/libraries/generated/Names.sol";
import {Registers, RegistersLib} from "../../contracts/src/libraries/generated/Registers.sol";
import {Rollup} from "../../contracts/src/rollup/Rollup.sol";

/// The Challenge over trees of any height.
contract SmallChallenge is Challenge {
    constructor(address rollup, address inbox, address referee, Config memory config)
        Challenge(rollup, inbox, referee, config)
    {}

    function leastHeight() internal pure override returns (uint8) {
        return 1;
    }
}

/// Batches that are so many steps each; `work` adds them up, those to come included.
contract Batches {
    /// Nobody waits for a message.
    uint64 public constant forceDelaySeconds = 0;
    uint64 public constant takeoverDelaySeconds = 0;
    uint64 public batchCount;
    uint64[] public work;

    function plan(uint64[] calldata work_) external {
        work = work_;
    }

    function post(uint64 count) external {
        batchCount = count;
    }

    function batches() external view returns (uint256) {
        return work.length;
    }
}

/// A machine that only counts. Twin: `Machine` in shared/tallystick/testing/generations/counting.py.
contract CountingReferee is IReferee {
    Batches private immutable _batches;

    constructor(Batches batches_) {
        _batches = batches_;
    }

    function step(bytes32 pre, uint64 batchLimit, bytes calldata witness) external view override returns (bytes32) {
        bytes32 root = bytes32(witness[:32]);
        bytes memory packed = witness[32:];
        require(keccak256(abi.encode(root, keccak256(packed))) == pre, "witness");
        Registers registers = open(packed);
        if (registers.phase() == Phase.OPEN_BATCH && registers.batchCursor() >= batchLimit) return pre;

        uint256 count = uint64(uint256(root)) + 1;
        uint64 cursor = 0;
        while (cursor + 1 < _batches.batches() && _batches.work(cursor + 1) <= count) {
            ++cursor;
        }
        packed = new bytes(RegistersLib.BYTES);
        registers = open(packed);
        registers.setPhase(_batches.work(cursor) == count ? Phase.OPEN_BATCH : Phase.FETCH_RECORD);
        registers.setBatchCursor(cursor);
        root = bytes32((uint256(root) >> 64 << 64) | count);
        return keccak256(abi.encode(root, keccak256(packed)));
    }

    function open(bytes memory packed) private pure returns (Registers) {
        uint256 ptr;
        assembly ("memory-safe") {
            ptr := add(packed, 32)
        }
        return Registers.wrap(ptr);
    }
}
