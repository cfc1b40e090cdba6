// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Big-endian fields of packed bytes in memory
/// @dev The generated accessors are thin covers of these. Packed bytes have 32 bytes of room
/// behind them, so that a word may be read or written at any field.
library Packed {
    /// @notice The `width` bytes (1 to 32) at `offset` behind `ptr`, as a number.
    function read(uint256 ptr, uint256 offset, uint256 width) internal pure returns (uint256 value) {
        // SAFETY: only reads.
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, width)), mload(add(ptr, offset)))
        }
    }

    /// @notice Overwrites the `width` bytes at `offset` behind `ptr`; `value` fits them.
    function write(uint256 ptr, uint256 offset, uint256 width, uint256 value) internal pure {
        // SAFETY: keeps every bit of the word outside the field, and the room behind the packed
        // bytes belongs to them.
        assembly ("memory-safe") {
            let place := add(ptr, offset)
            let shift := sub(256, shl(3, width))
            let mask := shl(shift, not(0))
            mstore(place, or(and(mload(place), not(mask)), shl(shift, value)))
        }
    }

    /// @notice Whether `data` begins with `head`.
    function startsWith(bytes memory data, bytes memory head) internal pure returns (bool same) {
        if (data.length < head.length) return false;
        bytes32 expected = keccak256(head);
        // SAFETY: only reads, and no more of `data` than it has.
        assembly ("memory-safe") {
            same := eq(keccak256(add(data, 32), mload(head)), expected)
        }
    }

    /// @notice Overwrites `length` bytes from `ptr` on by zeros.
    function clear(uint256 ptr, uint256 length) internal pure {
        // SAFETY: calldata behind its end is zeros; writes nothing but these bytes.
        assembly ("memory-safe") {
            calldatacopy(ptr, calldatasize(), length)
        }
    }
}
