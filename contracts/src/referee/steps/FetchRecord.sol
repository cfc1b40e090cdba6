// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {admit} from "@tallystick/libraries/Admission.sol";
import {Record, decode, unpadded} from "@tallystick/libraries/Codec.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {RecordKinds} from "@tallystick/libraries/generated/RecordKinds.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/proof/Witness.sol";

/// @title FETCH_RECORD: take the next record of the chunk, decode and authenticate it
/// @dev Rejects: FRAME_BROKEN (the rest of the chunk is skipped), UNKNOWN_RECORD, MALFORMED and OUT_OF_RANGE (it is as
/// well), then those of `admit`. Twin: shared/tallystick/machine/steps/fetch_record.py.
contract FetchRecord is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        if (registers.chunkOffset() == registers.chunkLength()) return _leaveChunk(registers);
        bytes calldata chunk = w.input();
        bytes32 expected = registers.chunkHash();
        // INVARIANT: this is the open chunk.
        require(keccak256(chunk) == expected, WitnessLib.InputMismatch(keccak256(chunk), expected));

        // CHECK
        uint256 offset = registers.chunkOffset();
        uint256 start = offset + Constants.FRAME_HEADER_BYTES;
        uint256 length = start <= chunk.length ? uint16(bytes2(chunk[offset:start])) : 0;
        if (length == 0) return _leaveChunk(registers);
        if (length < Constants.MIN_FRAME_BYTES || start + length > chunk.length) {
            registers.setOutcome(Outcome.FRAME_BROKEN);
            registers.setChunkOffset(registers.chunkLength());
            return;
        }

        // APPLY and WRITE
        // SAFETY: at most the chunk's length, which has 16 bits.
        registers.setChunkOffset(uint16(start + length));
        _beginRecord(w, chunk[start:start + length]);
        if (registers.phase() != Phase.FETCH_RECORD) {
            registers.setArgRecordAt(uint16(start));
            registers.setArgRecordEnd(uint16(start + length));
        }
    }

    function _leaveChunk(Registers registers) private pure {
        registers.setChunkCursor(registers.chunkCursor() + 1);
        registers.setChunkHash(0);
        registers.setChunkLength(0);
        registers.setChunkOffset(0);
        registers.setPhase(Phase.OPEN_CHUNK);
    }

    /// @dev Counts a frame's record, decodes it, and admits it; behind one that does not decode the chunk ends.
    function _beginRecord(Witness memory w, bytes calldata data) private pure {
        Registers registers = w.registers;
        _count(registers, data);
        (uint8 outcome, Record memory record) = decode(unpadded(data));
        if (outcome != Outcome.ACCEPTED) {
            registers.setChunkOffset(registers.chunkLength());
            return finish(registers, outcome);
        }
        outcome = admit(w, record);
        if (outcome != Outcome.ACCEPTED) finish(registers, outcome);
    }

    /// @dev Adds a record to the chain of all, and to that of the promised ones when it begins as one an account signs.
    function _count(Registers registers, bytes calldata data) private pure {
        bytes32 hash = keccak256(data);
        registers.setRecordCount(registers.recordCount() + 1);
        registers.setRecordAccumulator(keccak256(abi.encodePacked(registers.recordAccumulator(), hash)));
        if (!RecordKinds.promised(uint8(data[0]))) return;
        registers.setPromisedCount(registers.promisedCount() + 1);
        registers.setPromisedAccumulator(keccak256(abi.encodePacked(registers.promisedAccumulator(), hash)));
    }
}
