// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Phase} from "./generated/Names.sol";
import {Registers, RegistersLib} from "./generated/Registers.sol";

/// @notice Ends the record in progress with an outcome.
function finish(Registers registers, uint8 outcome) pure {
    registers.setOutcome(outcome);
    clearArgs(registers);
    registers.setPhase(Phase.FETCH_RECORD);
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
