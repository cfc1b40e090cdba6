// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Record, decode} from "./RecordCodec.sol";
import {Witness, WitnessLib} from "./Witness.sol";
import {Phase} from "./generated/Names.sol";
import {Registers, RegistersLib} from "./generated/Registers.sol";

/// @notice Ends the record or the order in progress with an outcome, and goes on where `resume` says.
function finish(Registers registers, uint8 outcome) pure {
    registers.setOutcome(outcome);
    clearArgs(registers);
    uint8 resume = registers.resume();
    registers.setPhase(resume == 0 ? Phase.FETCH_RECORD : resume);
}

/// @notice The bytes of the record in progress, for a step that reads more of it than the registers hold.
function recordInProgress(Witness memory w) pure returns (bytes calldata) {
    bytes calldata chunk = w.input();
    bytes32 expected = w.registers.chunkHash();
    // INVARIANT: this is the open chunk.
    require(keccak256(chunk) == expected, WitnessLib.InputMismatch(keccak256(chunk), expected));
    return chunk[w.registers.argRecordAt():w.registers.argRecordEnd()];
}

/// @notice The values of the record in progress, which FETCH_RECORD has found sound.
function recordValues(Witness memory w) pure returns (uint256[] memory) {
    (, Record memory record) = decode(recordInProgress(w));
    return record.values;
}

/// @notice Zeroes the record in progress.
function clearArgs(Registers registers) pure {
    uint256 ptr = Registers.unwrap(registers) + RegistersLib.ARGS_OFFSET;
    uint256 length = RegistersLib.BYTES - RegistersLib.ARGS_OFFSET;
    // SAFETY: calldata behind its end is zeros; writes the last registers only.
    assembly ("memory-safe") {
        calldatacopy(ptr, calldatasize(), length)
    }
}

/// @notice Ends the open batch and goes to the next one.
function closeBatch(Registers registers) pure {
    registers.setBatchCursor(registers.batchCursor() + 1);
    registers.setBatchTime(0);
    registers.setBatchMessageLimit(0);
    registers.setChunkCount(0);
    registers.setChunkCursor(0);
    registers.setChunksHash(0);
    registers.setPhase(Phase.OPEN_BATCH);
}
