// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "@tallystick/bridge/Inbox.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {InboxBase} from "@tests/InboxBase.sol";

/// Batches whose chunks are in the blobs of the transaction that posts them. LARGEST is also what a blob counts.
contract InboxBlobsTest is InboxBase {
    function carry(uint256 count) internal returns (bytes32[] memory hashes) {
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = bytes32(uint256(1) << 248 | uint256(keccak256(abi.encode(count, i))) >> 8);
        }
        vm.blobhashes(hashes);
    }

    function refuseBlobs(bytes memory why, uint64 index, uint64 time, uint64 until, uint64 limit) internal {
        vm.prank(sequencer);
        vm.expectRevert(why);
        inbox.postBlobs(index, time, until, limit);
    }

    function test_the_batch_hash_commits_to_the_versioned_hashes_and_64_chunks_a_blob() external {
        bytes32[] memory hashes = carry(2);
        bytes32 committed = keccak256(abi.encodePacked(hashes[0], hashes[1]));
        uint64 until = clock() + 5;
        vm.expectEmit(address(inbox));
        emit IInbox.BlobsPosted(0, hashes);
        vm.expectEmit(address(inbox));
        emit IInbox.BatchPosted(0, clock(), until, 0, 1, 128, committed, sequencer);
        vm.prank(sequencer);
        inbox.postBlobs(0, clock(), until, 0);
        bytes memory header = abi.encodePacked(clock(), until, uint64(0), uint8(1), sequencer, uint16(128), committed);
        assertEq(inbox.batchHash(0), keccak256(header));
        assertEq(uint256(inbox.batchCount()), 1);
        assertEq(uint256(inbox.batchUntil()), until);
    }

    function test_a_transaction_without_blobs_or_with_more_than_there_may_be_is_refused() external {
        refuseBlobs(abi.encodeWithSelector(IInbox.BlobCount.selector, 0, 2), 0, clock(), clock(), 0);
        carry(3);
        refuseBlobs(abi.encodeWithSelector(IInbox.BlobCount.selector, 3, 2), 0, clock(), clock(), 0);
        carry(6);
        refuseBlobs(abi.encodeWithSelector(IInbox.BlobCount.selector, 3, 2), 0, clock(), clock(), 0);
    }

    function test_where_all_is_in_calldata_no_blob_is_taken() external {
        IInbox.Config memory terms = config();
        terms.mostBlobs = 0;
        inbox = new Inbox(sequencer, vault, terms);
        carry(1);
        refuseBlobs(abi.encodeWithSelector(IInbox.BlobCount.selector, 1, 0), 0, clock(), clock(), 0);
    }

    function test_a_blob_counts_whole_into_the_bucket_however_little_is_in_it() external {
        carry(1);
        vm.startPrank(sequencer);
        inbox.postBlobs(0, clock(), clock(), 0);
        assertEq(inbox.bucketBytes(), LARGEST);
        inbox.postBlobs(1, clock(), clock(), 0);
        assertEq(inbox.bucketBytes(), BURST);
        vm.expectRevert(abi.encodeWithSelector(IInbox.BucketFull.selector, BURST + LARGEST, BURST));
        inbox.postBlobs(2, clock(), clock(), 0);
        inbox.postBatch(2, clock(), clock(), 0, chunksOf(1, SHORTEST));
    }

    function test_who_posts_when_and_what_it_consumes_is_as_for_calldata() external {
        carry(1);
        uint64 now_ = clock();
        vm.prank(user);
        vm.expectRevert(abi.encodeWithSelector(IInbox.NotSequencer.selector, user, sequencer, now_ + TAKEOVER));
        inbox.postBlobs(0, now_, now_, 0);
        refuseBlobs(abi.encodeWithSelector(IInbox.WrongBatchIndex.selector, 1, 0), 1, now_, now_, 0);
        uint64 old = now_ - PAST - 1;
        refuseBlobs(abi.encodeWithSelector(IInbox.TimeTooOld.selector, old, old + 1), 0, old, old, 0);
        uint64 late = now_ + FUTURE + 1;
        refuseBlobs(abi.encodeWithSelector(IInbox.UntilTooNew.selector, late, late - 1), 0, now_, late, 0);
        refuseBlobs(abi.encodeWithSelector(IInbox.Span.selector, now_, now_ - 1, SPAN), 0, now_, now_ - 1, 0);
        refuseBlobs(abi.encodeWithSelector(IInbox.MessageLimitAhead.selector, 1, 0), 0, now_, now_, 1);
        force();
        next(FORCE + 1);
        carry(1);
        refuseBlobs(abi.encodeWithSelector(IInbox.MessageOverdue.selector, 0, now_ + FORCE), 0, clock(), clock(), 0);
        vm.prank(sequencer);
        inbox.postBlobs(0, clock(), clock(), 1);
        assertEq(uint256(inbox.messageLimit()), 1);
        uint64 until = clock();
        next(1);
        refuseBlobs(abi.encodeWithSelector(IInbox.TimeBackwards.selector, until - 1, until), 1, until - 1, until, 1);
        assertEq(inbox.takeoverAt(), until + TAKEOVER);
    }
}
