// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {divDown} from "./Arith.sol";
import {Record, decode} from "./Codec.sol";
import {Phase} from "./generated/Names.sol";
import {Registers} from "./generated/Registers.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/proof/Witness.sol";

/// @notice Ends the record or the order in progress with an outcome, and goes on where `resume` says, or with what is
/// next.
function finish(Registers registers, uint8 outcome) pure {
    registers.setOutcome(outcome);
    goOn(registers);
}

/// @notice Zeroes the record in progress; with nothing to resume and no pair left, the next message, chunk or record
/// comes.
function goOn(Registers registers) pure {
    registers.clearArgs();
    uint8 resume = registers.resume();
    if (resume != 0) return registers.setPhase(resume);
    if (registers.bulkEnd() != 0) return registers.setPhase(Phase.REPORT_PRICE);
    registers.setForcedMs(0);
    registers.setRecordSource(0);
    if (registers.messageCursor() < registers.batchMessageLimit()) registers.setPhase(Phase.CONSUME_MESSAGE);
    else if (registers.chunkLength() == 0) registers.setPhase(Phase.OPEN_CHUNK);
    else registers.setPhase(Phase.FETCH_RECORD);
}

/// @notice The bytes of the record in progress, for a step that reads more of it than the registers hold.
function recordInProgress(Witness memory w, IInbox inbox) view returns (bytes calldata) {
    bytes calldata data;
    if (w.registers.recordSource() == 0) {
        data = w.input();
        bytes32 expected = w.registers.chunkHash();
        // INVARIANT: this is the open chunk.
        require(keccak256(data) == expected, WitnessLib.InputMismatch(keccak256(data), expected));
    } else {
        data = readMessage(w, inbox, w.registers.messageCursor() - 1);
    }
    return data[w.registers.argRecordAt():w.registers.argRecordEnd()];
}

/// @notice The input, which is an L1 message.
function readMessage(Witness memory w, IInbox inbox, uint64 index) view returns (bytes calldata data) {
    data = w.input();
    bytes32 actual = keccak256(abi.encodePacked(inbox.messageAccumulator(index), keccak256(data)));
    bytes32 expected = inbox.messageAccumulator(index + 1);
    // INVARIANT: this is the message of this number.
    require(actual == expected, WitnessLib.InputMismatch(actual, expected));
}

/// @notice The values of the record in progress, which FETCH_RECORD has found sound.
function recordValues(Witness memory w, IInbox inbox) view returns (uint256[] memory) {
    (, Record memory record) = decode(recordInProgress(w, inbox));
    return record.values;
}

/// @notice Has `phase` take the items of the record in progress one by one, each as `recallRecord` says.
function beginItems(Registers registers, uint8 phase) pure {
    registers.setResume(phase);
    recallRecord(registers);
}

/// @notice Keeps where the record is before its first item or pair, and says so again before every other.
function recallRecord(Registers registers) pure {
    if (registers.bulkEnd() == 0) {
        registers.setBulkAt(registers.argRecordAt());
        registers.setBulkEnd(registers.argRecordEnd());
    }
    registers.setArgRecordAt(registers.bulkAt());
    registers.setArgRecordEnd(registers.bulkEnd());
}

/// @notice Says that the record in progress has no more items or pairs.
function endItems(Registers registers) pure {
    registers.setResume(0);
    registers.setBulkAt(0);
    registers.setBulkEnd(0);
    registers.setBulkItem(0);
    registers.setBulkSlot(0);
    registers.setBulkHalf(0);
}

/// @notice Whether so many bytes are parts of this length, one at least.
function areWhole(int256 length, int256 part) pure returns (bool) {
    return length != 0 && divDown(length, part) * part == length;
}

/// @notice Ends the open batch and goes to the next one.
function closeBatch(Registers registers) pure {
    registers.setBatchCursor(registers.batchCursor() + 1);
    registers.setBatchTimeSeconds(0);
    registers.setBatchUntilSeconds(0);
    registers.setBatchMessageLimit(0);
    registers.setBatchSource(0);
    registers.setChunkCount(0);
    registers.setChunkCursor(0);
    registers.setChunksHash(0);
    registers.setPhase(Phase.OPEN_BATCH);
}
