// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Proofs against the state tree
/// @notice A proof is `uint40 bitmap, siblings`. Bit d of the bitmap, d = 0 beside the leaf, says
/// that the sibling at height d is given, in order of height; where it is clear, the sibling is the
/// root of the empty subtree of that height.
library CellProof {
    /// @dev 40 branches, bit 39 of the key being the first one below the root.
    uint256 internal constant DEPTH = 40;
    /// @dev 5 bytes of bitmap.
    uint256 internal constant BITMAP_BYTES = 5;
    /// @dev keccak of nothing: the leaf of a cell that was never written or is all zero.
    bytes32 internal constant EMPTY_LEAF = 0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470;

    /// @notice The proof is cut off or has bytes to spare.
    error CellProofLength(uint256 actual, uint256 expected);

    /// @notice Root of the tree in which `key` has the leaf `leaf`, as `proof` has it.
    /// @dev The length is strict. A given sibling that equals the empty one is fine: the root is
    /// what counts.
    function root(uint40 key, bytes32 leaf, bytes calldata proof) internal pure returns (bytes32 hash) {
        // INVARIANT: the proof holds its bitmap.
        require(proof.length >= BITMAP_BYTES, CellProofLength(proof.length, BITMAP_BYTES));
        uint256 bitmap = uint40(bytes5(proof[:BITMAP_BYTES]));
        uint256 expected = BITMAP_BYTES + 32 * ones(bitmap);
        // INVARIANT: one sibling for each bit, nothing more.
        require(proof.length == expected, CellProofLength(proof.length, expected));

        // SAFETY: reads 32 bytes at `next` once for each set bit, which the length above covers;
        // writes scratch space only. Fuzzed against a plain version.
        assembly ("memory-safe") {
            hash := leaf
            let empty := EMPTY_LEAF
            let next := add(proof.offset, BITMAP_BYTES)
            for { let d := 0 } lt(d, DEPTH) { d := add(d, 1) } {
                let sibling := empty
                if and(shr(d, bitmap), 1) {
                    sibling := calldataload(next)
                    next := add(next, 32)
                }
                // The node goes right where the key's bit is set, the sibling to the other side.
                let side := shl(5, and(shr(d, key), 1))
                mstore(side, hash)
                mstore(xor(side, 32), sibling)
                hash := keccak256(0, 64)
                mstore(0, empty)
                mstore(32, empty)
                empty := keccak256(0, 64)
            }
        }
    }

    /// @dev Number of set bits.
    function ones(uint256 bitmap) private pure returns (uint256 count) {
        for (; bitmap != 0; bitmap &= bitmap - 1) {
            ++count;
        }
    }
}
