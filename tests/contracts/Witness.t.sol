// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Packed} from "@tallystick/libraries/Packed.sol";
import {CellProof} from "@tallystick/libraries/proof/CellProof.sol";
import {WitnessLib} from "@tallystick/libraries/proof/Witness.sol";
import {Base} from "@tests/Base.sol";

/// The assembly of the witness against plain versions.
contract WitnessTest is Base {
    function replaced(uint40 key, bytes32 before, bytes32 leaf, bytes calldata proof)
        external
        pure
        returns (bytes32, bytes32)
    {
        uint256 start;
        assembly ("memory-safe") {
            start := proof.offset
        }
        return WitnessLib.replace(key, before, leaf, start, WitnessLib.emptyRoots());
    }

    function proven(uint40 key, bytes32 leaf, bytes calldata proof) external pure returns (bytes32) {
        return CellProof.root(key, leaf, proof);
    }

    function testFuzz_replacing_a_leaf_gives_the_two_roots_its_proof_gives(
        uint40 key,
        uint40 bitmap,
        bytes32 before,
        bytes32 leaf,
        bytes32 seed
    ) public view {
        bytes memory proof = abi.encodePacked(bitmap);
        for (uint256 height; height < 40; ++height) {
            if (bitmap >> height & 1 == 1) proof = bytes.concat(proof, keccak256(abi.encode(seed, height)));
        }
        (bytes32 beforeRoot, bytes32 root) = this.replaced(key, before, leaf, proof);
        assertEq(beforeRoot, this.proven(key, before, proof), "before");
        assertEq(root, this.proven(key, leaf, proof), "after");
        (beforeRoot, root) = this.replaced(key, leaf, leaf, proof);
        assertEq(beforeRoot, root, "unchanged");
        assertEq(root, this.proven(key, leaf, proof), "unchanged");
    }

    function testFuzz_a_field_that_is_written_is_read_and_its_neighbours_stay(
        bytes32[4] memory words,
        uint256 offset,
        uint256 width,
        uint256 value
    ) public pure {
        width = bound(width, 1, 32);
        offset = bound(offset, 0, 96 - width);
        value = value >> (256 - 8 * width);
        bytes memory expected = abi.encodePacked(words);
        for (uint256 i; i < width; ++i) {
            expected[offset + i] = bytes1(uint8(value >> (8 * (width - 1 - i))));
        }
        bytes memory packed = abi.encodePacked(words);
        uint256 start;
        assembly ("memory-safe") {
            start := add(packed, 32)
        }
        Packed.write(start, offset, width, value);
        assertEq(packed, expected, "written");
        assertEq(Packed.read(start, offset, width), value, "read");
    }
}
