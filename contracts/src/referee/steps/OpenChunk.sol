// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {closeBatch} from "@tallystick/libraries/Machine.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/proof/Witness.sol";

/// @title OPEN_CHUNK: begin the batch's next chunk, or close the batch behind its last one
/// @dev Rejects: CHUNK_SKIPPED. Twin: shared/tallystick/machine/steps/open_chunk.py.
contract OpenChunk is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        if (registers.chunkCursor() == registers.chunkCount()) return closeBatch(registers);
        (bytes calldata chunk, bytes32 chunkHash) = _readChunk(w);

        // CHECK
        if (!_continues(registers, chunk)) {
            registers.setOutcome(Outcome.CHUNK_SKIPPED);
            registers.setChunkCursor(registers.chunkCursor() + 1);
            return;
        }

        // APPLY
        registers.setChunkHash(chunkHash);
        // SAFETY: the input's length has 16 bits.
        registers.setChunkLength(uint16(chunk.length));
        registers.setChunkOffset(uint16(Constants.CHUNK_HEADER_BYTES));
        registers.setPhase(Phase.FETCH_RECORD);

        // WRITE: registers only.
    }

    /// @dev The chunk at the cursor, proven by the hashes of all chunks.
    function _readChunk(Witness memory w) private pure returns (bytes calldata chunk, bytes32 chunkHash) {
        Registers registers = w.registers;
        bytes calldata data = w.input();
        uint256 length = 32 * uint256(registers.chunkCount());
        require(data.length >= length, WitnessLib.InputLength(data.length, length));
        bytes32 actual = keccak256(data[:length]);
        bytes32 expected = registers.chunksHash();
        // INVARIANT: these are the hashes of the batch's chunks.
        require(actual == expected, WitnessLib.InputMismatch(actual, expected));
        chunk = data[length:];
        chunkHash = keccak256(chunk);
        expected = bytes32(data[32 * uint256(registers.chunkCursor()):]);
        // INVARIANT: this is the chunk at the cursor.
        require(chunkHash == expected, WitnessLib.InputMismatch(chunkHash, expected));
    }

    /// @dev Whether the chunk's header agrees with the records and the promised records so far.
    function _continues(Registers registers, bytes calldata chunk) private pure returns (bool) {
        if (chunk.length < Constants.CHUNK_HEADER_BYTES) return false;
        return uint64(bytes8(chunk[:8])) == registers.recordCount()
            && bytes32(chunk[8:]) == registers.recordAccumulator()
            && uint64(bytes8(chunk[40:])) == registers.promisedCount()
            && bytes32(chunk[48:]) == registers.promisedAccumulator();
    }
}
