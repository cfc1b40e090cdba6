// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "@tallystick/bridge/Inbox.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Base} from "@tests/Base.sol";

contract InboxTest is Base {
    uint64 private constant FORCE = 1 days;
    uint64 private constant TAKEOVER = 2 days;
    uint64 private constant PAST = 1 hours;
    uint64 private constant FUTURE = 10 minutes;

    address private sequencer;
    address private vault;
    address private user;
    Inbox private inbox;

    function setUp() external {
        vm.warp(1_800_000_000);
        (sequencer, vault, user) = (actor("sequencer"), actor("vault"), actor("user"));
        inbox = new Inbox(
            sequencer,
            vault,
            IInbox.Config({
                forceDelaySeconds: FORCE,
                takeoverDelaySeconds: TAKEOVER,
                pastBoundSeconds: PAST,
                futureBoundSeconds: FUTURE
            })
        );
    }

    function clock() private view returns (uint64) {
        return uint64(block.timestamp);
    }

    function chunksOf(uint256 count, uint256 length) private pure returns (bytes[] memory chunks) {
        chunks = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            chunks[i] = new bytes(length);
            if (length > 0) chunks[i][0] = bytes1(uint8(i));
        }
    }

    function post(address poster, uint64 index, uint64 time, uint64 limit) private {
        vm.prank(poster);
        inbox.postBatch(index, time, limit, chunksOf(1, 41));
    }

    function force() private {
        vm.prank(user);
        inbox.forceCancelAll(1);
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

    /// O15: deposits come from the Vault.
    function test_deposit_by_anyone_else_is_refused() external {
        vm.prank(user);
        vm.expectRevert(abi.encodeWithSelector(IInbox.NotVault.selector, user, vault));
        inbox.enqueueDeposit(user, 1, 1);
    }

    function test_batch_hash_commits_to_time_limit_count_and_chunks() external {
        force();
        bytes[] memory chunks = chunksOf(3, 100);
        vm.prank(sequencer);
        inbox.postBatch(0, clock(), 1, chunks);
        bytes32 chunksHash =
            keccak256(abi.encodePacked(keccak256(chunks[0]), keccak256(chunks[1]), keccak256(chunks[2])));
        assertEq(inbox.batchHash(0), keccak256(abi.encodePacked(clock(), uint64(1), uint16(3), chunksHash)));
        assertEq(uint256(inbox.batchCount()), 1);
        assertEq(inbox.batchHash(1), bytes32(0));
    }

    function test_chunks_are_on_the_log() external {
        bytes[] memory chunks = chunksOf(1, 41);
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
        inbox.postBatch(0, clock(), 0, chunksOf(1, 41));
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
        inbox.postBatch(3, clock(), 0, chunksOf(1, 41));
    }

    /// D06, D07.
    function test_duplicate_and_gap_are_refused() external {
        post(sequencer, 0, clock(), 0);
        vm.prank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongBatchIndex.selector, 0, 1));
        inbox.postBatch(0, clock(), 0, chunksOf(1, 41));
        vm.prank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.WrongBatchIndex.selector, 2, 1));
        inbox.postBatch(2, clock(), 0, chunksOf(1, 41));
    }

    /// D04, D05.
    function test_no_chunk_and_33_chunks_are_refused_and_32_are_not() external {
        vm.startPrank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.ChunkCount.selector, 0, 32));
        inbox.postBatch(0, clock(), 0, chunksOf(0, 0));
        vm.expectRevert(abi.encodeWithSelector(IInbox.ChunkCount.selector, 33, 32));
        inbox.postBatch(0, clock(), 0, chunksOf(33, 41));
        inbox.postBatch(0, clock(), 0, chunksOf(32, 4096));
        vm.stopPrank();
    }

    function test_chunk_of_a_header_alone_or_above_4096_bytes_is_refused() external {
        vm.startPrank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.ChunkLength.selector, 0, 40, 4096));
        inbox.postBatch(0, clock(), 0, chunksOf(1, 40));
        vm.expectRevert(abi.encodeWithSelector(IInbox.ChunkLength.selector, 0, 4097, 4096));
        inbox.postBatch(0, clock(), 0, chunksOf(1, 4097));
        inbox.postBatch(0, clock(), 0, chunksOf(1, 41));
        inbox.postBatch(1, clock(), 0, chunksOf(1, 4096));
        vm.stopPrank();
    }

    function test_message_limit_never_falls_and_never_runs_ahead() external {
        force();
        vm.prank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.MessageLimitAhead.selector, 2, 1));
        inbox.postBatch(0, clock(), 2, chunksOf(1, 41));
        post(sequencer, 0, clock(), 1);
        vm.prank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.MessageLimitBackwards.selector, 0, 1));
        inbox.postBatch(1, clock(), 0, chunksOf(1, 41));
    }

    /// D10, D17: exactly when the delay is over.
    function test_due_message_cannot_be_left_out() external {
        force();
        uint256 dueAt = clock() + FORCE;
        vm.warp(dueAt);
        post(sequencer, 0, clock(), 0);
        vm.warp(dueAt + 1);
        vm.prank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.MessageOverdue.selector, 0, dueAt));
        inbox.postBatch(1, clock(), 0, chunksOf(1, 41));
        post(sequencer, 1, clock(), 1);
    }

    function test_due_message_behind_a_consumed_one_cannot_be_left_out() external {
        force();
        force();
        post(sequencer, 0, clock(), 1);
        vm.warp(clock() + FORCE + 1);
        force();
        vm.prank(sequencer);
        vm.expectPartialRevert(IInbox.MessageOverdue.selector);
        inbox.postBatch(1, clock(), 1, chunksOf(1, 41));
        post(sequencer, 1, clock(), 2);
    }

    /// O33, C20.
    function test_time_is_monotone_and_within_the_bounds() external {
        uint64 t = clock();
        vm.startPrank(sequencer);
        vm.expectRevert(abi.encodeWithSelector(IInbox.TimeTooOld.selector, t - PAST - 1, t - PAST));
        inbox.postBatch(0, t - PAST - 1, 0, chunksOf(1, 41));
        vm.expectRevert(abi.encodeWithSelector(IInbox.TimeTooNew.selector, t + FUTURE + 1, t + FUTURE));
        inbox.postBatch(0, t + FUTURE + 1, 0, chunksOf(1, 41));
        vm.expectPartialRevert(IInbox.TimeTooNew.selector);
        inbox.postBatch(0, type(uint64).max, 0, chunksOf(1, 41));
        inbox.postBatch(0, t - PAST, 0, chunksOf(1, 41));
        inbox.postBatch(1, t + FUTURE, 0, chunksOf(1, 41));
        vm.expectRevert(abi.encodeWithSelector(IInbox.TimeBackwards.selector, t + FUTURE - 1, t + FUTURE));
        inbox.postBatch(2, t + FUTURE - 1, 0, chunksOf(1, 41));
        inbox.postBatch(2, t + FUTURE, 0, chunksOf(1, 41));
        vm.stopPrank();
    }

    /// U7: the furthest time a batch can have leaves the next one possible at once.
    function testFuzz_some_batch_can_always_follow(uint64 time, uint64 wait) external {
        time = uint64(bound(time, clock() - PAST, clock() + FUTURE));
        post(sequencer, 0, time, 0);
        force();
        vm.warp(clock() + bound(wait, 0, 3650 days));
        uint64 next = time > clock() ? time : clock();
        post(sequencer, 1, next, inbox.messageCount());
    }
}
