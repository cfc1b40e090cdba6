// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {InboxBase} from "@tests/InboxBase.sol";

/// How much may be posted, and who posts against everybody else.
contract InboxBucketTest is InboxBase {
    function test_a_full_bucket_refuses_a_batch_until_it_has_drained() external {
        fillBucket();
        assertEq(inbox.bucketBytes(), BURST);
        refuseChunks(abi.encodeWithSelector(IInbox.BucketFull.selector, BURST + 4096, BURST), chunksOf(1, 4096));
        next(12);
        assertEq(inbox.bucketBytes(), BURST - RATE);
        uint256 more = 3 * 4096;
        refuseChunks(abi.encodeWithSelector(IInbox.BucketFull.selector, BURST - RATE + more, BURST), chunksOf(3, 4096));
        postFull(sequencer, 2, clock(), clock(), 0, chunksOf(2, 4096));
        postFull(sequencer, 3, clock(), clock(), 0, chunksOf(1, RATE - 2 * 4096));
        assertEq(inbox.bucketBytes(), BURST);
        vm.roll(block.number + 10_000);
        assertEq(inbox.bucketBytes(), 0);
    }

    function test_a_batch_of_one_chunk_of_128_bytes_is_counted_and_never_refused() external {
        fillBucket();
        postFull(sequencer, 2, clock(), clock(), 0, chunksOf(1, 128));
        assertEq(inbox.bucketBytes(), BURST + 128);
        refuseChunks(abi.encodeWithSelector(IInbox.BucketFull.selector, BURST + 257, BURST), chunksOf(1, 129));
        uint256 two = 2 * SHORTEST;
        refuseChunks(
            abi.encodeWithSelector(IInbox.BucketFull.selector, BURST + 128 + two, BURST), chunksOf(2, SHORTEST)
        );
    }

    function test_messages_are_neither_counted_nor_refused() external {
        fillBucket();
        for (uint256 i = 0; i < 20; ++i) {
            inbox.enqueueRecord(new bytes(600));
        }
        assertEq(inbox.bucketBytes(), BURST);
        next(1);
        post(sequencer, 2, clock(), 20);
        assertEq(inbox.bucketBytes(), BURST - RATE + SHORTEST);
    }

    /// The bucket against one that remembers every batch: what it holds now is the most that any run of
    /// blocks up to now brought above the rate.
    function testFuzz_the_bucket_is_what_a_plain_sum_over_all_blocks_says(uint256 seed) external {
        uint256[] memory blocks = new uint256[](24);
        uint256[] memory size = new uint256[](24);
        uint256 taken;
        for (uint256 i = 0; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.roll(block.number + (seed & 3) * (seed >> 8 & 7));
            (uint256 count, uint256 length) = (1 + (seed >> 16) % 32, SHORTEST + (seed >> 24) % (4097 - SHORTEST));
            if (seed >> 64 & 3 == 0) (count, length) = (1, SHORTEST + (seed >> 72) % (129 - SHORTEST));
            uint256 worst = count * length;
            for (uint256 from = 0; from < taken; ++from) {
                uint256 sum = count * length;
                for (uint256 j = from; j < taken; ++j) {
                    sum += size[j];
                }
                uint256 drained = RATE * (block.number - blocks[from]);
                if (sum > drained && sum - drained > worst) worst = sum - drained;
            }
            bool small = count == 1 && length <= 128;
            uint64 index = inbox.batchCount();
            vm.prank(sequencer);
            if (worst > BURST && !small) {
                vm.expectRevert(abi.encodeWithSelector(IInbox.BucketFull.selector, worst, BURST));
                inbox.postBatch(index, clock(), clock(), 0, chunksOf(count, length));
            } else {
                inbox.postBatch(index, clock(), clock(), 0, chunksOf(count, length));
                (blocks[taken], size[taken]) = (block.number, count * length);
                ++taken;
                assertEq(inbox.bucketBytes(), worst);
            }
        }
    }

    /// U7: whatever batch and messages came before, the next batch is possible at once, and takes all that is due.
    function testFuzz_some_batch_can_always_follow(uint64 time, uint64 until, uint64 wait, uint8 late) external {
        fillBucket();
        time = uint64(bound(time, clock(), clock() + FUTURE));
        until = uint64(bound(until, time, clock() + FUTURE));
        postFull(sequencer, 2, time, until, 0, chunksOf(1, 128));
        force();
        force();
        vm.warp(clock() + bound(wait, 0, 3650 days));
        for (uint256 i = 0; i < late % 4; ++i) {
            force();
        }
        uint64 begin = until > clock() ? until : clock();
        uint64 limit = inbox.messageCount();
        while (limit > 0 && inbox.messageTime(limit - 1) >= clock()) {
            --limit;
        }
        postFull(sequencer, 3, begin, begin, limit, chunksOf(1, 128));
        if (limit < inbox.messageCount()) assertEq(uint256(inbox.messageTime(limit)), clock());
    }

    /// P06: a sequencer that posts the least there is, as late as it can, for a quarter of a year. Nobody else may
    /// post meanwhile, but what a user has queued a quarter of an hour before is in each of its batches: the record
    /// itself, not only a wish to withdraw.
    function test_P06_a_hostile_sequencer_that_keeps_its_place_serves_every_forced_record() external {
        bytes[] memory chunks = chunksOf(1, SHORTEST);
        for (uint256 day = 0; day < 90; ++day) {
            vm.prank(user);
            uint64 message = inbox.enqueueRecord(abi.encodePacked("a record of day", day));
            uint256 dueAt = clock() + FORCE;
            vm.warp(inbox.takeoverAt() - 1);
            uint64 index = inbox.batchCount();
            vm.prank(user);
            vm.expectPartialRevert(IInbox.NotSequencer.selector);
            inbox.postBatch(index, clock(), clock(), message + 1, chunks);
            refuse(abi.encodeWithSelector(IInbox.MessageOverdue.selector, message, dueAt), clock(), clock(), message);
            postFull(sequencer, index, clock(), clock(), message + 1, chunks);
            assertEq(uint256(inbox.messageLimit()), message + 1);
            next(12);
        }
        // Or it is silent, and the user posts.
        vm.prank(user);
        inbox.enqueueRecord("the last");
        vm.warp(inbox.takeoverAt());
        post(user, 90, clock(), 91);
    }

    /// A takeover against somebody who is first in every block, with batches as large as it can. It holds up
    /// nobody's message beyond the force delay, and neither does a bucket that it has filled.
    function test_in_a_takeover_whoever_posts_in_every_block_serves_all_messages() external {
        address attacker = actor("attacker");
        vm.warp(clock() + TAKEOVER);
        vm.roll(block.number + TAKEOVER / 12);
        for (uint64 round = 0; round < 200; ++round) {
            if (round % 7 == 0) {
                vm.prank(user);
                inbox.enqueueRecord(abi.encodePacked(round));
            }
            next(12);
            uint64 index = inbox.batchCount();
            uint64 owed = inbox.messageLimit();
            while (owed < inbox.messageCount() && inbox.messageTime(owed) + FORCE < clock()) {
                ++owed;
            }
            if (owed > inbox.messageLimit()) {
                bytes memory why = abi.encodeWithSelector(
                    IInbox.MessageOverdue.selector, owed - 1, inbox.messageTime(owed - 1) + FORCE
                );
                vm.prank(attacker);
                vm.expectRevert(why);
                inbox.postBatch(index, clock(), clock(), owed - 1, chunksOf(1, SHORTEST));
            }
            uint256 room = BURST - (inbox.bucketBytes() > BURST ? BURST : inbox.bucketBytes());
            uint256 whole = room / 4096 > 32 ? 32 : room / 4096;
            bytes[] memory chunks = whole > 0 ? chunksOf(whole, 4096) : chunksOf(1, SHORTEST);
            postFull(attacker, index, clock(), clock(), owed, chunks);
            // The user's batch for the same number is late; its next one, small, is not refused for a full bucket.
            vm.prank(user);
            vm.expectRevert(abi.encodeWithSelector(IInbox.WrongBatchIndex.selector, index, index + 1));
            inbox.postBatch(index, clock(), clock(), owed, chunksOf(1, SHORTEST));
            if (round % 50 == 49) post(user, index + 1, clock(), owed);
            require(inbox.bucketBytes() <= BURST + 128, "the bucket holds");
        }
        for (uint64 i = 0; i < inbox.messageCount(); ++i) {
            if (inbox.messageTime(i) + FORCE < clock()) require(i < inbox.messageLimit(), "every due message is in");
        }
        post(sequencer, inbox.batchCount(), clock(), inbox.messageLimit());
        uint64 last = inbox.batchCount();
        vm.prank(attacker);
        vm.expectPartialRevert(IInbox.NotSequencer.selector);
        inbox.postBatch(last, clock(), clock(), 0, chunksOf(1, SHORTEST));
    }
}
