// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Constants} from "../generated/Names.sol";

/// @title A chunk in a blob, proven element by element by the point-evaluation precompile of EIP-4844
/// @dev Element i of a blob is the value of its polynomial at ω^bitreverse(i). ω is computed here and never given, so a
/// proof is of the element at its place or of nothing.
library BlobChunk {
    uint256 private constant ELEMENTS = Constants.BLOB_CHUNKS * Constants.CHUNK_ELEMENTS;
    uint256 private constant INDEX_BITS = 12;
    /// @dev Of the field that the elements are of.
    uint256 private constant MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    /// @dev ω, of order 4,096: 7^((MODULUS - 1) / 4,096).
    uint256 private constant ROOT_OF_UNITY = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306;
    address private constant POINT_EVALUATION = address(0x0a);
    uint256 private constant COMMITMENT_BYTES = 48;
    uint256 private constant PROOF_BYTES = 48;
    /// @dev An element and its proof.
    uint256 private constant PROVEN_BYTES = 32 + PROOF_BYTES;
    uint256 internal constant OPENING_BYTES = COMMITMENT_BYTES + Constants.CHUNK_ELEMENTS * PROVEN_BYTES;
    uint256 private constant BYTES = Constants.CHUNK_ELEMENTS * Constants.ELEMENT_BYTES;

    /// @notice The opening has another length than a commitment and 64 proven elements.
    error OpeningLength(uint256 actual, uint256 expected);
    /// @notice The blob does not have this element at this place.
    error NotProven(uint256 element);

    /// @notice The bytes that chunk `index` of a blob carries, none when the first byte of one of its elements is not 0.
    /// @param opening the blob's commitment, then each element with its proof
    function open(bytes32 versionedHash, uint256 index, bytes calldata opening)
        internal
        view
        returns (bytes memory chunk)
    {
        require(opening.length == OPENING_BYTES, OpeningLength(opening.length, OPENING_BYTES));
        bytes calldata commitment = opening[:COMMITMENT_BYTES];
        // One byte more, for each element is written with a zero behind.
        chunk = new bytes(BYTES + 1);
        uint256 first = index * Constants.CHUNK_ELEMENTS;
        uint256 high;
        for (uint256 i; i < Constants.CHUNK_ELEMENTS; ++i) {
            bytes calldata proven = opening[COMMITMENT_BYTES + i * PROVEN_BYTES:][:PROVEN_BYTES];
            uint256 element = uint256(bytes32(proven));
            bytes memory input = abi.encodePacked(versionedHash, point(first + i), element, commitment, proven[32:]);
            (bool success, bytes memory answer) = POINT_EVALUATION.staticcall(input);
            // INVARIANT: the element is the blob's at this place; where there is no such precompile, nothing is.
            require(success && keccak256(answer) == keccak256(abi.encode(ELEMENTS, MODULUS)), NotProven(first + i));
            high |= element >> 248;
            uint256 offset = 32 + i * Constants.ELEMENT_BYTES;
            // SAFETY: the last word ends one byte behind the chunk, which is there.
            assembly ("memory-safe") {
                mstore(add(chunk, offset), shl(8, element))
            }
        }
        uint256 length = high == 0 ? BYTES : 0;
        // SAFETY: shortens it.
        assembly ("memory-safe") {
            mstore(chunk, length)
        }
    }

    /// @notice Where a blob's polynomial has element `index`: ω^bitreverse(index).
    /// @dev The lowest bit of the index is the highest of the exponent: squaring from there needs no reversal.
    function point(uint256 index) internal pure returns (uint256 value) {
        value = 1;
        for (uint256 bit; bit < INDEX_BITS; ++bit) {
            value = mulmod(value, value, MODULUS);
            if (index >> bit & 1 == 1) value = mulmod(value, ROOT_OF_UNITY, MODULUS);
        }
    }
}
