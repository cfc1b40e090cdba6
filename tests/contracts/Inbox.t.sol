// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "@tallystick/bridge/Inbox.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Base} from "@tests/Base.sol";

contract InboxTest is Base {
    uint64 private constant FORCE = 15 minutes;
    uint64 private constant TAKEOVER = 1 days;
    uint64 private constant PAST = 5 minutes;
    uint64 private constant FUTURE = 12 seconds;
    uint64 private constant SPAN = 60 seconds;
    uint64 private constant LARGEST = 32 * 4096;
    uint64 private constant RATE = 10_000;
    uint64 private constant BURST = 2 * LARGEST;
    /// A header and one byte: the shortest chunk.
    uint256 private constant SHORTEST = Constants.CHUNK_HEADER_BYTES + 1;

    address private sequencer;
    address private vault;
    address private user;
    Inbox private inbox;

    function setUp() external {
        vm.roll(1000);
        vm.warp(1_800_000_000);
        (sequencer, vault, user) = (actor("sequencer"), actor("vault"), actor("user"));
        inbox = new Inbox(sequencer, vault, config());
    }

    function config() private pure returns (IInbox.Config memory) {
        return IInbox.Config({
            forceDelaySeconds: FORCE,
            takeoverDelaySeconds: TAKEOVER,
            pastBoundSeconds: PAST,
            futureBoundSeconds: FUTURE,
            rateBytes: RATE,
            burstBytes: BURST
        });
    }

    function clock() private view returns (uint64) {
        return uint64(block.timestamp);
    }

    /// Lets L1 go on by a block of so many seconds.
    function next(uint256 seconds_) private {
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + seconds_);
    }

    function chunksOf(uint256 count, uint256 length) private pure returns (bytes[] memory chunks) {
        chunks = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            chunks[i] = new bytes(length);
            if (length > 0) chunks[i][0] = bytes1(uint8(i));
        }
    }

    function post(address poster, uint64 index, uint64 time, uint64 limit) private {
        postFull(poster, index, time, time, limit, chunksOf(1, SHORTEST));
    }

    function postFull(address poster, uint64 index, uint64 time, uint64 until, uint64 limit, bytes[] memory chunks)
        private
    {
        vm.prank(poster);
        inbox.postBatch(index, time, until, limit, chunks);
    }

    function refuse(bytes memory why, uint64 time, uint64 until, uint64 limit) private {
        uint64 index = inbox.batchCount();
        vm.prank(sequencer);
        vm.expectRevert(why);
        inbox.postBatch(index, time, until, limit, chunksOf(1, SHORTEST));
    }

    function refuseChunks(bytes memory why, bytes[] memory chunks) private {
        uint64 index = inbox.batchCount();
        vm.prank(sequencer);
        vm.expectRevert(why);
        inbox.postBatch(index, clock(), clock(), 0, chunks);
    }

    /// Fills the bucket up to the burst, and lets it be.
    function fillBucket() private {
        uint64 index = inbox.batchCount();
        postFull(sequencer, index, clock(), clock(), inbox.messageLimit(), chunksOf(32, 4096));
        postFull(sequencer, index + 1, clock(), clock(), inbox.messageLimit(), chunksOf(32, 4096));
    }

    function force() private {
        vm.prank(user);
        inbox.forceCancelAll(1);
    }

    function refuseConfig(bytes memory why, IInbox.Config memory wrong) private {
        vm.expectRevert(why);
        new Inbox(sequencer, vault, wrong);
    }

    function test_a_clock_that_would_make_honest_reports_stale_is_refused() external {
        IInbox.Config memory wrong = config();
        wrong.futureBoundSeconds = uint64(Constants.REPORT_AGE_MS / 1000 - 3);
        new Inbox(sequencer, vault, wrong);
        ++wrong.futureBoundSeconds;
        uint256 most = Constants.REPORT_AGE_MS - 3000;
        refuseConfig(
            abi.encodeWithSelector(IInbox.FutureTooFar.selector, 1000 * uint256(wrong.futureBoundSeconds), most), wrong
        );
        wrong.futureBoundSeconds = type(uint64).max;
        refuseConfig(
            abi.encodeWithSelector(IInbox.FutureTooFar.selector, 1000 * uint256(type(uint64).max), most), wrong
        );
    }

    function test_a_force_delay_that_an_honest_batch_cannot_keep_is_refused() external {
        IInbox.Config memory wrong = config();
        wrong.forceDelaySeconds = PAST + 60;
        new Inbox(sequencer, vault, wrong);
        --wrong.forceDelaySeconds;
        refuseConfig(abi.encodeWithSelector(IInbox.ForceDelayTooShort.selector, PAST + 59, PAST + 60), wrong);
        wrong.pastBoundSeconds = type(uint64).max;
        refuseConfig(
            abi.encodeWithSelector(IInbox.ForceDelayTooShort.selector, PAST + 59, uint256(type(uint64).max) + 60), wrong
        );
    }

    function test_a_takeover_of_a_sequencer_that_serves_all_in_time_is_refused() external {
        IInbox.Config memory wrong = config();
        wrong.takeoverDelaySeconds = FORCE;
        new Inbox(sequencer, vault, wrong);
        --wrong.takeoverDelaySeconds;
        refuseConfig(abi.encodeWithSelector(IInbox.TakeoverDelayTooShort.selector, FORCE - 1, FORCE), wrong);
    }

    function test_a_bucket_that_never_drains_is_refused() external {
        IInbox.Config memory wrong = config();
        wrong.rateBytes = 0;
        refuseConfig(abi.encodeWithSelector(IInbox.NoRate.selector), wrong);
    }

    function test_a_bucket_smaller_than_the_largest_batch_is_refused() external {
        IInbox.Config memory wrong = config();
        wrong.burstBytes = LARGEST;
        new Inbox(sequencer, vault, wrong);
        --wrong.burstBytes;
        refuseConfig(abi.encodeWithSelector(IInbox.BurstTooSmall.selector, LARGEST - 1, LARGEST), wrong);
    }

    function test_every_number_of_the_constructor_can_be_read() external view {
        assertEq(inbox.sequencer(), sequencer);
        assertEq(inbox.vault(), vault);
        assertEq(uint256(inbox.forceDelaySeconds()), FORCE);
        assertEq(uint256(inbox.takeoverDelaySeconds()), TAKEOVER);
        assertEq(uint256(inbox.pastBoundSeconds()), PAST);
        assertEq(uint256(inbox.futureBoundSeconds()), FUTURE);
        assertEq(uint256(inbox.rateBytes()), RATE);
        assertEq(uint256(inbox.burstBytes()), BURST);
    }

    function test_a_forced_close_packs_market_price_and_lots_into_the_amount() external {
        vm.prank(user);
        inbox.forceClose(9, 63, type(uint24).max, 5);
        uint64 what = uint64(63) << 56 | uint64(0xffffff) << 32 | 5;
        bytes memory message = abi.encodePacked(uint8(4), user, uint64(9), what, clock());
        assertEq(inbox.messageAccumulator(1), keccak256(abi.encodePacked(bytes32(0), keccak256(message))));
    }

    function test_messages_are_45_bytes_and_chained() external {
        bytes32 head = inbox.messageAccumulator(0);
        assertEq(head, bytes32(0));
        vm.prank(vault);
        inbox.enqueueDeposit(user, 7, 100);
        bytes memory message = abi.encodePacked(uint8(1), user, uint64(7), uint64(100), clock());
        assertEq(message.length, 45);
        head = keccak256(abi.encodePacked(head, keccak256(message)));
        assertEq(inbox.messageAccumulator(1), head);

        vm.prank(user);
        inbox.forceWithdraw(8, 50);
        message = abi.encodePacked(uint8(2), user, uint64(8), uint64(50), clock());
        head = keccak256(abi.encodePacked(head, keccak256(message)));
        assertEq(inbox.messageAccumulator(2), head);

        force();
        message = abi.encodePacked(uint8(3), user, uint64(1), uint64(0), clock());
        head = keccak256(abi.encodePacked(head, keccak256(message)));
        assertEq(inbox.messageAccumulator(3), head);
        assertEq(uint256(inbox.messageCount()), 3);
        assertEq(inbox.messageAccumulator(4), bytes32(0));
    }

    function test_message_is_on_the_log() external {
        bytes memory message = abi.encodePacked(uint8(3), user, uint64(1), uint64(0), clock());
        bytes32 head = keccak256(abi.encodePacked(bytes32(0), keccak256(message)));
        vm.expectEmit(address(inbox));
        emit IInbox.MessageQueued(0, message, head);
        force();
    }

    function test_a_forced_record_follows_45_bytes_that_name_its_sender() external {
        vm.prank(user);
        assertEq(uint256(inbox.enqueueRecord(hex"0102")), 0);
        bytes memory message = abi.encodePacked(uint8(5), user, uint64(0), uint64(0), clock(), hex"0102");
        assertEq(message.length, 47);
        assertEq(inbox.messageAccumulator(1), keccak256(abi.encodePacked(bytes32(0), keccak256(message))));
        assertEq(uint256(inbox.messageTime(0)), clock());
        vm.expectEmit(address(inbox));
        bytes memory second = abi.encodePacked(uint8(5), vault, uint64(0), uint64(0), clock(), uint8(9));
        emit IInbox.MessageQueued(
            1, second, keccak256(abi.encodePacked(inbox.messageAccumulator(1), keccak256(second)))
        );
        vm.prank(vault);
        inbox.enqueueRecord(hex"09");
    }

    function test_a_forced_record_of_no_byte_or_more_than_600_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IInbox.RecordLength.selector, 0, 600));
        inbox.enqueueRecord("");
        vm.expectRevert(abi.encodeWithSelector(IInbox.RecordLength.selector, 601, 600));
        inbox.enqueueRecord(new bytes(601));
        inbox.enqueueRecord(new bytes(1));
        inbox.enqueueRecord(new bytes(600));
        assertEq(uint256(inbox.messageCount()), 2);
    }

    function testFuzz_every_message_continues_the_chain(bytes[] memory records) external {
        bytes32 head = bytes32(0);
        for (uint256 i = 0; i < records.length; ++i) {
            if (records[i].length == 0 || records[i].length > 600) continue;
            bytes memory message = abi.encodePacked(uint8(5), user, bytes16(0), clock(), records[i]);
            head = keccak256(abi.encodePacked(head, keccak256(message)));
            vm.prank(user);
            inbox.enqueueRecord(records[i]);
        }
        assertEq(inbox.messageAccumulator(inbox.messageCount()), head);
    }

    /// O15: deposits come from the Vault.
    function test_deposit_by_anyone_else_is_refused() external {
        vm.prank(user);
        vm.expectRevert(abi.encodeWithSelector(IInbox.NotVault.selector, user, vault));
        inbox.enqueueDeposit(user, 1, 1);
    }

    function test_batch_hash_commits_to_times_limit_source_poster_count_and_chunks() external {
        force();
        next(12);
        bytes[] memory chunks = chunksOf(3, 100);
        bytes32 chunksHash =
            keccak256(abi.encodePacked(keccak256(chunks[0]), keccak256(chunks[1]), keccak256(chunks[2])));
        uint64 time = clock() - 20;
        uint64 until = clock() + 5;
        time += 10;
        vm.expectEmit(address(inbox));
        emit IInbox.BatchPosted(0, time, until, 1, 0, 3, chunksHash, sequencer);
        postFull(sequencer, 0, time, until, 1, chunks);
        bytes memory header = abi.encodePacked(time, until, uint64(1), uint8(0), sequencer, uint16(3), chunksHash);
        assertEq(header.length, 79);
        assertEq(inbox.batchHash(0), keccak256(header));
        assertEq(uint256(inbox.batchCount()), 1);
        assertEq(uint256(inbox.batchUntil()), until);
        assertEq(uint256(inbox.messageLimit()), 1);
        assertEq(inbox.batchHash(1), bytes32(0));
    }

    function test_chunks_are_on_the_log() external {
        bytes[] memory chunks = chunksOf(1, SHORTEST);
        vm.expectEmit(address(inbox));
        emit IInbox.ChunkPosted(0, 0, chunks[0]);
        post(sequencer, 0, clock(), 0);
    }

    /// D09.
    function test_stranger_is_refused_until_the_sequencer_is_silent_for_the_delay() external {
        uint256 opens = clock() + TAKEOVER;
        vm.warp(opens - 1);
        vm.prank(user);
        vm.expectRevert(abi.encodeWithSelector(IInbox.NotSequencer.selector, user, sequencer, opens));
        inbox.postBatch(0, clock(), clock(), 0, chunksOf(1, SHORTEST));
        vm.warp(opens);
        post(user, 0, clock(), 0);
    }

    /// D14: a stranger's batch does not lock out the next stranger; the sequencer's does.
    function test_after_takeover_anyone_posts_until_the_sequencer_returns() external {
        vm.warp(clock() + TAKEOVER);
        post(user, 0, clock(), 0);
        post(vault, 1, clock(), 0);
        post(sequencer, 2, clock(), 0);
        vm.prank(user);
        vm.expectPartialRevert(IInbox.NotSequencer.selector);
        inbox.postBatch(3, clock(), clock(), 0, chunksOf(1, SHORTEST));
    }

    /// D06, D07.
    function test_duplicate_and_gap_are_refused() external {
        post(sequencer, 0, clock(), 0);
        vm.prank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongBatchIndex.selector, 0, 1));
        inbox.postBatch(0, clock(), clock(), 0, chunksOf(1, SHORTEST));
        vm.prank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongBatchIndex.selector, 2, 1));
        inbox.postBatch(2, clock(), clock(), 0, chunksOf(1, SHORTEST));
    }

    /// D04, D05.
    function test_no_chunk_and_33_chunks_are_refused_and_32_are_not() external {
        refuseChunks(abi.encodeWithSelector(IInbox.ChunkCount.selector, 0, 32), chunksOf(0, 0));
        refuseChunks(abi.encodeWithSelector(IInbox.ChunkCount.selector, 33, 32), chunksOf(33, SHORTEST));
        postFull(sequencer, 0, clock(), clock(), 0, chunksOf(32, 4096));
    }

    function test_chunk_of_a_header_alone_or_above_4096_bytes_is_refused() external {
        bytes memory why = abi.encodeWithSelector(IInbox.ChunkLength.selector, 0, SHORTEST - 1, 4096);
        refuseChunks(why, chunksOf(1, SHORTEST - 1));
        refuseChunks(abi.encodeWithSelector(IInbox.ChunkLength.selector, 0, 4097, 4096), chunksOf(1, 4097));
        postFull(sequencer, 0, clock(), clock(), 0, chunksOf(1, SHORTEST));
        postFull(sequencer, 1, clock(), clock(), 0, chunksOf(1, 4096));
    }

    /// O33, C20.
    function test_a_batch_begins_no_sooner_than_the_one_before_it_ended() external {
        uint64 t = clock();
        postFull(sequencer, 0, t - 10, t + FUTURE, 0, chunksOf(1, SHORTEST));
        refuse(
            abi.encodeWithSelector(IInbox.TimeBackwards.selector, t + FUTURE - 1, t + FUTURE),
            t + FUTURE - 1,
            t + FUTURE,
            0
        );
        post(sequencer, 1, t + FUTURE, 0);
    }

    function test_a_batch_that_begins_before_the_past_bound_is_refused() external {
        uint64 t = clock();
        refuse(abi.encodeWithSelector(IInbox.TimeTooOld.selector, t - PAST - 1, t - PAST), t - PAST - 1, t, 0);
        post(sequencer, 0, t - PAST, 0);
    }

    function test_a_batch_ends_within_a_minute_after_it_begins() external {
        uint64 t = clock() - 100;
        refuse(abi.encodeWithSelector(IInbox.Span.selector, t, t - 1, SPAN), t, t - 1, 0);
        refuse(abi.encodeWithSelector(IInbox.Span.selector, t, t + SPAN + 1, SPAN), t, t + SPAN + 1, 0);
        uint64 most = type(uint64).max;
        refuse(abi.encodeWithSelector(IInbox.Span.selector, t, most, SPAN), t, most, 0);
        postFull(sequencer, 0, t, t + SPAN, 0, chunksOf(1, SHORTEST));
        t += SPAN;
        postFull(sequencer, 1, t, t, 0, chunksOf(1, SHORTEST));
    }

    function test_a_batch_that_ends_beyond_the_future_bound_is_refused() external {
        uint64 t = clock();
        bytes memory why = abi.encodeWithSelector(IInbox.UntilTooNew.selector, t + FUTURE + 1, t + FUTURE);
        refuse(why, t, t + FUTURE + 1, 0);
        refuse(why, t + FUTURE + 1, t + FUTURE + 1, 0);
        uint64 most = type(uint64).max;
        refuse(abi.encodeWithSelector(IInbox.UntilTooNew.selector, most, t + FUTURE), most, most, 0);
        postFull(sequencer, 0, t, t + FUTURE, 0, chunksOf(1, SHORTEST));
    }

    function test_message_limit_never_falls() external {
        force();
        next(12);
        post(sequencer, 0, clock(), 1);
        refuse(abi.encodeWithSelector(IInbox.MessageLimitBackwards.selector, 0, 1), clock(), clock(), 0);
    }

    function test_message_limit_never_runs_ahead() external {
        force();
        next(12);
        refuse(abi.encodeWithSelector(IInbox.MessageLimitAhead.selector, 2, 1), clock(), clock(), 2);
        post(sequencer, 0, clock(), 1);
    }

    /// D10, D17: exactly when the delay is over.
    function test_due_message_cannot_be_left_out() external {
        force();
        uint256 dueAt = clock() + FORCE;
        vm.warp(dueAt);
        post(sequencer, 0, clock(), 0);
        vm.warp(dueAt + 1);
        refuse(abi.encodeWithSelector(IInbox.MessageOverdue.selector, 0, dueAt), clock(), clock(), 0);
        post(sequencer, 1, clock(), 1);
    }

    function test_due_message_behind_a_consumed_one_cannot_be_left_out() external {
        force();
        next(1);
        force();
        uint256 dueAt = clock() + FORCE;
        post(sequencer, 0, clock(), 1);
        vm.warp(dueAt + 1);
        force();
        refuse(abi.encodeWithSelector(IInbox.MessageOverdue.selector, 1, dueAt), clock(), clock(), 1);
        post(sequencer, 1, clock(), 2);
    }

    function test_message_limit_never_cuts_a_second_in_two() external {
        force();
        force();
        next(1);
        force();
        next(12);
        bytes memory why = abi.encodeWithSelector(IInbox.MessagesCut.selector, 1, clock() - 13);
        refuse(why, clock(), clock(), 1);
        post(sequencer, 0, clock(), 2);
        post(sequencer, 1, clock(), 3);
    }

    /// Whoever queues three records in one transaction finds them in one batch, also if a block before
    /// it in the same second took the first.
    function test_messages_of_the_blocks_own_second_wait() external {
        force();
        refuse(abi.encodeWithSelector(IInbox.MessageOfThisSecond.selector, 0, clock()), clock(), clock(), 1);
        vm.roll(block.number + 1);
        refuse(abi.encodeWithSelector(IInbox.MessageOfThisSecond.selector, 0, clock()), clock(), clock(), 1);
        next(1);
        post(sequencer, 0, clock(), 1);
    }

    function test_no_batch_consumes_a_message_newer_than_its_begin() external {
        force();
        uint64 queued = clock();
        next(12);
        bytes memory why = abi.encodeWithSelector(IInbox.MessageNewerThanBatch.selector, 0, queued, queued - 1);
        refuse(why, queued - 1, clock(), 1);
        post(sequencer, 0, queued, 1);
    }

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
        uint256[] memory blocks = new uint256[](40);
        uint256[] memory size = new uint256[](40);
        uint256 taken;
        for (uint256 i = 0; i < 40; ++i) {
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
