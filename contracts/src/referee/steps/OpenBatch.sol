// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/Witness.sol";
import {Constants, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";

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
        uint64 time = uint64(bytes8(header[:8]));
        registers.setChunkCount(uint16(bytes2(header[45:47])));
        registers.setChunksHash(bytes32(header[47:]));
        registers.setChunkCursor(0);
        registers.setBatchTime(time);
        registers.setBatchUntil(uint64(bytes8(header[8:16])));
        registers.setBatchMessageLimit(uint64(bytes8(header[16:24])));
        _raiseClock(registers, time);
        bool waiting = registers.messageCursor() < registers.batchMessageLimit();
        registers.setPhase(waiting ? Phase.CONSUME_MESSAGE : Phase.OPEN_CHUNK);

        // WRITE: registers only.
    }

    /// @dev The clock is no further behind the batch's time than it may be.
    function _raiseClock(Registers registers, uint64 time) private pure {
        uint256 timeMs = uint256(time) * 1000;
        uint256 clock = registers.clockMs();
        // SAFETY: L1's seconds stay far below 2^54.
        if (timeMs > clock + Constants.CLOCK_BEHIND_MS) {
            registers.setClockMs(uint64(timeMs - Constants.CLOCK_BEHIND_MS));
        }
    }
}
