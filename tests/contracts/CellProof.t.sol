// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CellProof} from "@tallystick/libraries/proof/CellProof.sol";
import {Base} from "@tests/Base.sol";

contract CellProofTest is Base {
    function root(uint40 key, bytes32 leaf, bytes calldata proof) external pure returns (bytes32) {
        return CellProof.root(key, leaf, proof);
    }

    /// The root, level by level and without assembly.
    function plainRoot(uint40 key, bytes32 leaf, uint40 bitmap, bytes32[40] memory siblings)
        private
        pure
        returns (bytes32 hash)
    {
        hash = leaf;
        bytes32 empty = keccak256("");
        for (uint256 d = 0; d < 40; ++d) {
            bytes32 sibling = (bitmap >> d) & 1 == 1 ? siblings[d] : empty;
            hash = (key >> d) & 1 == 1
                ? keccak256(abi.encodePacked(sibling, hash))
                : keccak256(abi.encodePacked(hash, sibling));
            empty = keccak256(abi.encodePacked(empty, empty));
        }
    }

    function encode(uint40 bitmap, bytes32[40] memory siblings) private pure returns (bytes memory proof) {
        proof = abi.encodePacked(bitmap);
        for (uint256 d = 0; d < 40; ++d) {
            if ((bitmap >> d) & 1 == 1) proof = abi.encodePacked(proof, siblings[d]);
        }
    }

    function siblingsOf(bytes32 seed) private pure returns (bytes32[40] memory siblings) {
        for (uint256 d = 0; d < 40; ++d) {
            siblings[d] = keccak256(abi.encode(seed, d));
        }
    }

    function testFuzz_root_equals_the_plain_version(uint40 key, bytes32 leaf, uint40 bitmap, bytes32 seed)
        external
        view
    {
        bytes32[40] memory siblings = siblingsOf(seed);
        bytes memory proof = encode(bitmap, siblings);
        assertEq(this.root(key, leaf, proof), plainRoot(key, leaf, bitmap, siblings));
    }

    function test_empty_tree_has_the_root_py_trie_computes() external view {
        bytes32 empty = keccak256("");
        for (uint256 d = 0; d < 40; ++d) {
            empty = keccak256(abi.encodePacked(empty, empty));
        }
        assertEq(this.root(0xb000000001, CellProof.EMPTY_LEAF, hex"0000000000"), empty);
    }

    function test_given_sibling_that_is_the_empty_one_gives_the_same_root() external view {
        bytes32 leaf = keccak256("cell");
        assertEq(
            this.root(5, leaf, abi.encodePacked(uint40(1), keccak256(""))),
            this.root(5, leaf, abi.encodePacked(uint40(0)))
        );
    }

    function testFuzz_any_flipped_bit_of_key_leaf_or_proof_changes_the_root_or_reverts(
        uint40 key,
        bytes32 leaf,
        uint40 bitmap,
        uint256 spot
    ) external view {
        // An empty cell beside empty subtrees: the keys there share one root, and all are right.
        vm.assume(leaf != CellProof.EMPTY_LEAF);
        bytes memory proof = encode(bitmap, siblingsOf(leaf));
        bytes32 right = this.root(key, leaf, proof);
        assertNotEq(this.root(key ^ uint40(1 << (spot % 40)), leaf, proof), right, "key");
        assertNotEq(this.root(key, leaf ^ bytes32(1 << (spot % 256)), proof), right, "leaf");
        uint256 place = spot % proof.length;
        proof[place] ^= bytes1(uint8(1 << (spot % 8)));
        try this.root(key, leaf, proof) returns (bytes32 wrong) {
            assertNotEq(wrong, right, "proof");
        } catch (bytes memory reason) {
            assertEq(bytes32(bytes4(reason)), bytes32(CellProof.CellProofLength.selector));
        }
    }

    function test_proof_without_a_whole_bitmap_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(CellProof.CellProofLength.selector, 4, 5));
        this.root(1, bytes32(0), hex"00000000");
    }

    function test_proof_with_a_byte_too_few_or_too_many_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(CellProof.CellProofLength.selector, 36, 37));
        this.root(1, bytes32(0), abi.encodePacked(uint40(1), bytes31(0)));
        vm.expectRevert(abi.encodeWithSelector(CellProof.CellProofLength.selector, 38, 37));
        this.root(1, bytes32(0), abi.encodePacked(uint40(1), bytes32(0), bytes1(0)));
    }
}
