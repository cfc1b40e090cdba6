// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IReceipts, PlaceId, Receipt} from "../../interfaces/IReceipts.sol";
import {PromisedChain} from "./PromisedChain.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Receipts of a group of records under one signature
/// @notice Leaves hash 72 bytes and inner nodes 64, so neither can pass for the other. Twin:
/// shared/tallystick/records/receipts.py.
library GroupReceipt {
    bytes32 internal constant TAG = keccak256("tallystick group receipt");

    /// @notice The leaf of a record.
    function leaf(uint64 number, bytes32 accumulator, bytes32 recordHash) internal pure returns (PlaceId) {
        return PlaceId.wrap(keccak256(abi.encodePacked(number, accumulator, recordHash)));
    }

    /// @notice Who signed a receipt; zero when it is no valid EIP-2098 signature with a low s.
    function signer(Receipt calldata a, bytes32 domain) internal pure returns (PlaceId place, address signer_) {
        // INVARIANT: a group has records, and this is one of them.
        require(a.number >= a.first && a.number - a.first < a.count, IReceipts.BadGroup(a.number, a.first, a.count));
        place = leaf(a.number, a.accumulator, a.recordHash);
        bytes32 root = rootOf(PlaceId.unwrap(place), a.number - a.first, a.count, a.path);
        bytes32 digest = keccak256(abi.encodePacked(TAG, domain, a.epoch, a.first, a.count, a.postBy, a.before, root));
        (signer_,,) = ECDSA.tryRecover(digest, a.r, a.vs);
    }

    /// @dev The root above a leaf; the last node of an odd row moves up as it is.
    function rootOf(bytes32 node, uint256 index, uint256 count, bytes32[] calldata path)
        private
        pure
        returns (bytes32)
    {
        uint256 used = 0;
        for (; count > 1; count = count + 1 >> 1) {
            if (index ^ 1 < count) {
                // INVARIANT: all siblings are there,
                require(used < path.length, IReceipts.PathLength(path.length, used + 1));
                bytes32 sibling = path[used++];
                node = index & 1 == 0 ? PromisedChain.link(node, sibling) : PromisedChain.link(sibling, node);
            }
            index >>= 1;
        }
        // INVARIANT: and nothing else.
        require(used == path.length, IReceipts.PathLength(path.length, used));
        return node;
    }

    /// @notice Whether two receipts cannot both be kept.
    function clash(Receipt calldata a, Receipt calldata b, bytes32 prefix) internal pure returns (bool) {
        if (a.number == b.number && a.recordHash != b.recordHash) {
            // Two records behind the same ones: whatever L1 had in between, one of them was not to be.
            if (
                PromisedChain.link(prefix, a.recordHash) == a.accumulator
                    && PromisedChain.link(prefix, b.recordHash) == b.accumulator
            ) return true;
        }
        if (a.epoch != b.epoch) return false;
        if (a.number == b.number && (a.recordHash != b.recordHash || a.accumulator != b.accumulator)) return true;
        if (a.first == b.first && a.before != b.before) return true;
        if (b.number == b.first && PromisedChain.link(b.before, b.recordHash) != b.accumulator) return true;
        // SAFETY: what is signed of numbers near 2^64 is of no use to anybody, a revert as good as any answer.
        uint64 next = a.number + 1;
        if (b.first == next && b.before != a.accumulator) return true;
        return b.number == next && PromisedChain.link(a.accumulator, b.recordHash) != b.accumulator;
    }
}
