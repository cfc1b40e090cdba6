// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {closeBatch} from "@tallystick/libraries/Machine.sol";
import {Packed} from "@tallystick/libraries/Packed.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {BlobChunk} from "@tallystick/libraries/proof/BlobChunk.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/proof/Witness.sol";

/// @title OPEN_CHUNK: begin the batch's next chunk, or close the batch behind its last one
/// @dev Rejects: CHUNK_SKIPPED. Twin: shared/tallystick/machine/steps/open_chunk.py.
contract OpenChunk is Step {
    function _step(Witness memory w, IInbox) internal view override {
        Registers registers = w.registers;

        // READ
        if (registers.chunkCursor() == registers.chunkCount()) return closeBatch(registers);
        bytes memory chunk =
            registers.batchSource() == Constants.SOURCE_BLOBS ? _readBlobChunk(w) : bytes(_readChunk(w));

        // CHECK
        if (!_continues(registers, chunk)) {
            // Most of a blob may be zeros: that is no outcome, or whoever runs the records live would come to another
            // state.
            if (registers.batchSource() == Constants.SOURCE_CALLDATA) registers.setOutcome(Outcome.CHUNK_SKIPPED);
            registers.setChunkCursor(registers.chunkCursor() + 1);
            return;
        }

        // APPLY
        registers.setChunkHash(keccak256(chunk));
        // SAFETY: the input's length has 16 bits.
        registers.setChunkLength(uint16(chunk.length));
        registers.setChunkOffset(uint16(Constants.CHUNK_HEADER_BYTES));
        registers.setPhase(Phase.FETCH_RECORD);

        // WRITE: registers only.
    }

    /// @dev The chunk at the cursor, proven by the hashes of all chunks.
    function _readChunk(Witness memory w) private pure returns (bytes calldata chunk) {
        Registers registers = w.registers;
        bytes calldata data = w.input();
        uint256 length = 32 * uint256(registers.chunkCount());
        require(data.length >= length, WitnessLib.InputLength(data.length, length));
        bytes32 actual = keccak256(data[:length]);
        bytes32 expected = registers.chunksHash();
        // INVARIANT: these are the hashes of the batch's chunks.
        require(actual == expected, WitnessLib.InputMismatch(actual, expected));
        chunk = data[length:];
        actual = keccak256(chunk);
        expected = bytes32(data[32 * uint256(registers.chunkCursor()):]);
        // INVARIANT: this is the chunk at the cursor.
        require(actual == expected, WitnessLib.InputMismatch(actual, expected));
    }

    /// @dev The chunk at the cursor, none when it is void; its elements are proven against its blob's versioned hash.
    function _readBlobChunk(Witness memory w) private view returns (bytes memory) {
        Registers registers = w.registers;
        bytes calldata data = w.input();
        uint256 length = 32 * (uint256(registers.chunkCount()) >> Constants.BLOB_CHUNK_BITS);
        require(data.length >= length, WitnessLib.InputLength(data.length, length));
        bytes32 actual = keccak256(data[:length]);
        bytes32 expected = registers.chunksHash();
        // INVARIANT: these are the versioned hashes of the batch's blobs.
        require(actual == expected, WitnessLib.InputMismatch(actual, expected));
        uint256 cursor = registers.chunkCursor();
        bytes32 versionedHash = bytes32(data[32 * (cursor >> Constants.BLOB_CHUNK_BITS):]);
        return BlobChunk.open(versionedHash, cursor & Constants.BLOB_CHUNKS - 1, data[length:]);
    }

    /// @dev Whether the chunk's header agrees with the records and the promised records so far.
    function _continues(Registers registers, bytes memory chunk) private pure returns (bool) {
        bytes memory expected = abi.encodePacked(
            registers.recordCount(),
            registers.recordAccumulator(),
            registers.promisedCount(),
            registers.promisedAccumulator()
        );
        return Packed.startsWith(chunk, expected);
    }
}
