// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "@tallystick/bridge/Inbox.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {InboxBase} from "@tests/InboxBase.sol";

/// What the Inbox is made with, its messages, and the form of a batch.
contract InboxTest is InboxBase {
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

    function test_a_past_bound_in_which_the_longest_batch_cannot_land_is_refused() external {
        IInbox.Config memory wrong = config();
        wrong.pastBoundSeconds = uint64(Constants.MAX_BATCH_SECONDS + 60);
        new Inbox(sequencer, vault, wrong);
        --wrong.pastBoundSeconds;
        uint256 least = Constants.MAX_BATCH_SECONDS + 60;
        refuseConfig(abi.encodeWithSelector(IInbox.PastBoundTooShort.selector, least - 1, least), wrong);
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
        (wrong.burstBytes, wrong.mostBlobs) = (LARGEST, 0);
        new Inbox(sequencer, vault, wrong);
        --wrong.burstBytes;
        refuseConfig(abi.encodeWithSelector(IInbox.BurstTooSmall.selector, LARGEST - 1, LARGEST), wrong);
    }

    function test_a_bucket_smaller_than_the_most_blobs_is_refused() external {
        IInbox.Config memory wrong = config();
        (wrong.mostBlobs, wrong.burstBytes) = (6, 6 * LARGEST);
        new Inbox(sequencer, vault, wrong);
        --wrong.burstBytes;
        refuseConfig(abi.encodeWithSelector(IInbox.BurstTooSmall.selector, 6 * LARGEST - 1, 6 * LARGEST), wrong);
    }

    function test_more_blobs_than_a_transaction_carries_are_refused() external {
        IInbox.Config memory wrong = config();
        (wrong.mostBlobs, wrong.burstBytes) = (7, 7 * LARGEST);
        refuseConfig(abi.encodeWithSelector(IInbox.TooManyBlobs.selector, 7, 6), wrong);
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
        assertEq(uint256(inbox.mostBlobs()), 2);
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
}
