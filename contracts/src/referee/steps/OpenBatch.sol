// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Constants, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/proof/Witness.sol";

/// @title OPEN_BATCH: take over the header of the next batch and raise the clock; its messages come first, then its chunks
/// @dev Twin: shared/tallystick/machine/steps/open_batch.py.
contract OpenBatch is Step {
    uint256 private constant HEADER_BYTES = 79;

    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;

        // READ
        bytes calldata header = w.input();
        require(header.length == HEADER_BYTES, WitnessLib.InputLength(header.length, HEADER_BYTES));
        bytes32 expected = inbox.batchHash(registers.batchCursor());
        // INVARIANT: this is the header of the batch at the cursor.
        require(keccak256(header) == expected, WitnessLib.InputMismatch(keccak256(header), expected));

        // CHECK: nothing; the Inbox vouches for the header.

        // APPLY
        registers.setBatchSource(uint8(header[24]));
        registers.setChunkCount(uint16(bytes2(header[45:47])));
        registers.setChunksHash(bytes32(header[47:]));
        registers.setChunkCursor(0);
        _enter(registers, uint64(bytes8(header[:8])), uint64(bytes8(header[8:16])), uint64(bytes8(header[16:24])));

        // WRITE: registers only.
    }

    /// @dev Opens a batch of these times and this message limit: the clock is no further behind its time than it may be.
    function _enter(Registers registers, uint64 timeSeconds, uint64 untilSeconds, uint64 messageLimit) private pure {
        registers.setBatchTimeSeconds(timeSeconds);
        registers.setBatchUntilSeconds(untilSeconds);
        registers.setBatchMessageLimit(messageLimit);
        uint256 timeMs = uint256(timeSeconds) * 1000;
        if (timeMs > registers.clockMs() + Constants.CLOCK_BEHIND_MS) {
            // SAFETY: L1's seconds stay far below 2^54.
            registers.setClockMs(uint64(timeMs - Constants.CLOCK_BEHIND_MS));
        }
        bool waiting = registers.messageCursor() < messageLimit;
        registers.setPhase(waiting ? Phase.CONSUME_MESSAGE : Phase.OPEN_CHUNK);
    }
}
