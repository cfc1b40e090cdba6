// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Constants} from "../generated/Names.sol";
import {RecordKinds} from "../generated/RecordKinds.sol";

/// @title The chain over the records that accounts signed
/// @notice What a chunk says of it follows from the chunk's bytes alone, whether the machine reads them or not.
library PromisedChain {
    uint256 private constant COUNT_AT = 40;
    uint256 private constant ACCUMULATOR_AT = 48;

    /// @notice The chain after one more record.
    function link(bytes32 accumulator, bytes32 recordHash) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0, accumulator)
            mstore(32, recordHash)
            hash := keccak256(0, 64)
        }
    }

    /// @notice The chain after some more records.
    function fold(bytes32 accumulator, bytes32[] calldata hashes) internal pure returns (bytes32) {
        for (uint256 i = 0; i < hashes.length; ++i) {
            accumulator = link(accumulator, hashes[i]);
        }
        return accumulator;
    }

    /// @notice What a chunk says of the chain behind `count` records, and the hash of its record behind them; 0 when it
    /// has none there.
    function reading(bytes calldata chunk, uint64 count)
        internal
        pure
        returns (bool found, bytes32 accumulator, bytes32 next)
    {
        uint64 here = uint64(bytes8(chunk[COUNT_AT:ACCUMULATOR_AT]));
        accumulator = bytes32(chunk[ACCUMULATOR_AT:Constants.CHUNK_HEADER_BYTES]);
        if (here > count) return (false, 0, 0);
        uint256 offset = Constants.CHUNK_HEADER_BYTES;
        while (true) {
            uint256 start = offset + Constants.FRAME_HEADER_BYTES;
            uint256 length = start <= chunk.length ? uint16(bytes2(chunk[offset:start])) : 0;
            offset = start + length;
            // The machine reads no further either.
            if (length < Constants.MIN_FRAME_BYTES || offset > chunk.length) break;
            if (!RecordKinds.promised(uint8(chunk[start]))) continue;
            next = keccak256(chunk[start:offset]);
            if (here == count) return (true, accumulator, next);
            accumulator = link(accumulator, next);
            // SAFETY: smaller than `count`.
            ++here;
        }
        return (here == count, accumulator, 0);
    }
}
