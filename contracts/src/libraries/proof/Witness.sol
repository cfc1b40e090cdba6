// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ones} from "@tallystick/libraries/Bits.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Registers, RegistersLib} from "@tallystick/libraries/generated/Registers.sol";
import {CellProof} from "@tallystick/libraries/proof/CellProof.sol";

/// @notice A cell the step has opened: its packed value at `ptr` in memory, `length` bytes, the hash
/// `leaf` of what it held before, and the place `proof` of its proof in calldata.
struct Cell {
    uint256 key;
    uint256 ptr;
    uint256 length;
    bytes32 leaf;
    uint256 proof;
}

/// @notice What one step runs on: registers and opened cells in memory, the rest still in calldata.
/// @dev `start`, `cursor` and `end` are places in calldata; `inputTaken`: the step read its input.
struct Witness {
    Registers registers;
    bytes32 root;
    uint256 inputAt;
    uint256 inputLength;
    bool inputTaken;
    uint256 start;
    uint256 cursor;
    uint256 end;
    uint256 count;
    Cell[20] cells;
}

using WitnessLib for Witness global;

/// @title The witness of one step
/// @notice Packed registers, tree root, length of the input (2 bytes), input, then for each cell in
/// the order of its first opening its full packed value and its proof. A cell's proof is against the
/// root after the changes of the cells before it: one proof checks the old value and puts in the
/// new one.
library WitnessLib {
    /// @dev MATCH_MAKER opens the most: market, taker, risk, three occupancy words, level, page,
    /// order, maker, tail page.
    uint256 internal constant MAX_CELLS = 20;
    uint256 private constant INPUT_LENGTH_BYTES = 2;
    uint256 internal constant HEAD_BYTES = RegistersLib.BYTES + 32 + INPUT_LENGTH_BYTES;

    /// @notice The witness ends before what the step needs.
    error WitnessTooShort(uint256 actual, uint256 needed);
    /// @notice The witness carries what the step does not read.
    error WitnessTooLong(uint256 actual, uint256 needed);
    /// @notice The step opened more cells than any may.
    error TooManyCells(uint256 most);
    /// @notice The value given for `key` is not in the tree.
    error CellMismatch(uint256 key, bytes32 actual, bytes32 expected);
    /// @notice The input is not what L1 or the registers commit to.
    error InputMismatch(bytes32 actual, bytes32 expected);
    /// @notice The input has another length than its kind.
    error InputLength(uint256 actual, uint256 expected);

    /// @notice Reads registers, root and the place of the input.
    function parse(bytes calldata data) internal pure returns (Witness memory self) {
        require(data.length >= HEAD_BYTES, WitnessTooShort(data.length, HEAD_BYTES));
        uint256 start;
        assembly ("memory-safe") {
            start := data.offset
        }
        self.start = start;
        self.registers = Registers.wrap(_copy(start, RegistersLib.BYTES));
        self.root = bytes32(data[RegistersLib.BYTES:]);
        self.inputLength = uint16(bytes2(data[RegistersLib.BYTES + 32:]));
        self.inputAt = start + HEAD_BYTES;
        self.cursor = self.inputAt + self.inputLength;
        self.end = start + data.length;
        require(self.cursor <= self.end, WitnessTooShort(data.length, HEAD_BYTES + self.inputLength));
    }

    /// @notice The state hash of registers and root as they are now.
    function stateHash(Witness memory self) internal pure returns (bytes32) {
        uint256 ptr = Registers.unwrap(self.registers);
        return keccak256(abi.encodePacked(self.root, _hash(ptr, RegistersLib.BYTES)));
    }

    /// @notice The step's input, which must then hold nothing else.
    function input(Witness memory self) internal pure returns (bytes calldata data) {
        self.inputTaken = true;
        uint256 start = self.inputAt;
        uint256 length = self.inputLength;
        // SAFETY: `parse` has checked that the input lies inside the witness.
        assembly ("memory-safe") {
            data.offset := start
            data.length := length
        }
    }

    /// @notice The packed value of a cell, in memory; opening it again gives the same place.
    /// @param length bytes of the tag's cells
    function open(Witness memory self, uint256 tag, uint256 index, uint256 length) internal pure returns (uint256 ptr) {
        uint256 key = tag << Constants.INDEX_BITS | index;
        uint256 count = self.count;
        for (uint256 i; i < count; ++i) {
            if (self.cells[i].key == key) return self.cells[i].ptr;
        }
        require(count < MAX_CELLS, TooManyCells(MAX_CELLS));
        uint256 proof = self.cursor + length;
        uint256 next = proof + CellProof.BITMAP_BYTES;
        _requireRoom(self, next);
        next += 32 * ones(_bitmap(proof));
        _requireRoom(self, next);
        ptr = _copy(self.cursor, length);
        self.cursor = next;
        self.count = count + 1;
        Cell memory cell = self.cells[count];
        cell.key = key;
        cell.ptr = ptr;
        cell.length = length;
        cell.leaf = _leaf(ptr, length);
        cell.proof = proof;
    }

    /// @notice Checks every opened cell against the root, puts the new values in, and returns the
    /// state hash after the step.
    function finish(Witness memory self) internal pure returns (bytes32) {
        // INVARIANT: the witness is exactly what the step read.
        require(self.cursor == self.end, WitnessTooLong(self.end - self.start, self.cursor - self.start));
        require(self.inputTaken || self.inputLength == 0, InputLength(self.inputLength, 0));
        uint256 empties = emptyRoots();
        for (uint256 i; i < self.count; ++i) {
            Cell memory cell = self.cells[i];
            bytes32 leaf = _leaf(cell.ptr, cell.length);
            (bytes32 before, bytes32 root) = replace(cell.key, cell.leaf, leaf, cell.proof, empties);
            // INVARIANT: the cell held the given value when the step began.
            require(before == self.root, CellMismatch(cell.key, before, self.root));
            self.root = root;
        }
        return self.stateHash();
    }

    /// @notice The roots with the leaf `before` and with the leaf `leaf` at `key`, in one pass over
    /// the siblings of the proof at `proof` in calldata.
    /// @param empties place in memory of the roots of empty subtrees
    function replace(uint256 key, bytes32 before, bytes32 leaf, uint256 proof, uint256 empties)
        internal
        pure
        returns (bytes32 beforeRoot, bytes32 root)
    {
        uint256 bitmap = _bitmap(proof);
        // SAFETY: reads one sibling for each set bit, which `open` has found inside the witness, and
        // TREE_DEPTH words behind `empties`; writes scratch space only. Fuzzed against CellProof.
        assembly ("memory-safe") {
            beforeRoot := before
            root := leaf
            let changed := xor(before, leaf)
            let next := add(proof, 5)
            for { let height := 0 } lt(height, 40) { height := add(height, 1) } {
                // The node goes right where the key's bit is set, the sibling to the other side.
                let side := shl(5, and(key, 1))
                switch and(bitmap, 1)
                case 0 { mstore(xor(side, 32), mload(add(empties, shl(5, height)))) }
                default {
                    mstore(xor(side, 32), calldataload(next))
                    next := add(next, 32)
                }
                mstore(side, beforeRoot)
                beforeRoot := keccak256(0, 64)
                if changed {
                    mstore(side, root)
                    root := keccak256(0, 64)
                }
                key := shr(1, key)
                bitmap := shr(1, bitmap)
            }
            if iszero(changed) { root := beforeRoot }
        }
    }

    /// @notice Lays out the roots of the empty subtrees of height 0 to 39 in memory.
    function emptyRoots() internal pure returns (uint256 ptr) {
        bytes32 empty = CellProof.EMPTY_LEAF;
        // SAFETY: takes 40 words of fresh memory.
        assembly ("memory-safe") {
            ptr := mload(0x40)
            let end := add(ptr, 1280)
            mstore(0x40, end)
            for { let next := ptr } lt(next, end) { next := add(next, 32) } {
                mstore(next, empty)
                mstore(0, empty)
                mstore(32, empty)
                empty := keccak256(0, 64)
            }
        }
    }

    /// @dev Whether the witness reaches as far as the place `next` in calldata.
    function _requireRoom(Witness memory self, uint256 next) private pure {
        // INVARIANT: what the step reads lies inside the witness.
        require(next <= self.end, WitnessTooShort(self.end - self.start, next - self.start));
    }

    /// @dev The hash of a packed value; an all-zero value is the empty cell.
    function _leaf(uint256 ptr, uint256 length) private pure returns (bytes32) {
        uint256 bits;
        for (uint256 offset; offset < length && bits == 0; offset += 32) {
            // SAFETY: only reads; what is behind the value is zero.
            assembly ("memory-safe") {
                bits := mload(add(ptr, offset))
            }
        }
        return bits == 0 ? CellProof.EMPTY_LEAF : _hash(ptr, length);
    }

    function _hash(uint256 ptr, uint256 length) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(ptr, length)
        }
    }

    /// @dev Copies calldata to fresh memory, with the 32 zero bytes behind it that `Packed` needs.
    function _copy(uint256 from, uint256 length) private pure returns (uint256 ptr) {
        // SAFETY: takes `length` + 32 bytes of fresh memory, rounded up to words.
        assembly ("memory-safe") {
            ptr := mload(0x40)
            calldatacopy(ptr, from, length)
            mstore(add(ptr, length), 0)
            mstore(0x40, and(add(add(ptr, length), 63), not(31)))
        }
    }

    function _bitmap(uint256 proof) private pure returns (uint256 bitmap) {
        assembly ("memory-safe") {
            bitmap := shr(216, calldataload(proof))
        }
    }
}
