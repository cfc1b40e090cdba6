// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "@tallystick/bridge/Inbox.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {Constants} from "@tallystick/libraries/generated/Names.sol";
import {Base} from "@tests/Base.sol";

/// An Inbox with short terms, its players and what they do.
abstract contract InboxBase is Base {
    uint64 internal constant FORCE = 15 minutes;
    uint64 internal constant TAKEOVER = 1 days;
    uint64 internal constant PAST = 5 minutes;
    uint64 internal constant FUTURE = 12 seconds;
    uint64 internal constant SPAN = 60 seconds;
    uint64 internal constant LARGEST = 32 * 4096;
    uint64 internal constant RATE = 10_000;
    uint64 internal constant BURST = 2 * LARGEST;
    /// A header and one byte: the shortest chunk.
    uint256 internal constant SHORTEST = Constants.CHUNK_HEADER_BYTES + 1;

    address internal sequencer;
    address internal vault;
    address internal user;
    Inbox internal inbox;

    function setUp() external {
        vm.roll(1000);
        vm.warp(1_800_000_000);
        (sequencer, vault, user) = (actor("sequencer"), actor("vault"), actor("user"));
        inbox = new Inbox(sequencer, vault, config());
    }

    function config() internal pure returns (IInbox.Config memory) {
        return IInbox.Config({
            forceDelaySeconds: FORCE,
            takeoverDelaySeconds: TAKEOVER,
            pastBoundSeconds: PAST,
            futureBoundSeconds: FUTURE,
            rateBytes: RATE,
            burstBytes: BURST,
            mostBlobs: 2
        });
    }

    function clock() internal view returns (uint64) {
        return uint64(block.timestamp);
    }

    /// Lets L1 go on by a block of so many seconds.
    function next(uint256 seconds_) internal {
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + seconds_);
    }

    function chunksOf(uint256 count, uint256 length) internal pure returns (bytes[] memory chunks) {
        chunks = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            chunks[i] = new bytes(length);
            if (length > 0) chunks[i][0] = bytes1(uint8(i));
        }
    }

    function post(address poster, uint64 index, uint64 time, uint64 limit) internal {
        postFull(poster, index, time, time, limit, chunksOf(1, SHORTEST));
    }

    function postFull(address poster, uint64 index, uint64 time, uint64 until, uint64 limit, bytes[] memory chunks)
        internal
    {
        vm.prank(poster);
        inbox.postBatch(index, time, until, limit, chunks);
    }

    function refuse(bytes memory why, uint64 time, uint64 until, uint64 limit) internal {
        uint64 index = inbox.batchCount();
        vm.prank(sequencer);
        vm.expectRevert(why);
        inbox.postBatch(index, time, until, limit, chunksOf(1, SHORTEST));
    }

    function refuseChunks(bytes memory why, bytes[] memory chunks) internal {
        uint64 index = inbox.batchCount();
        vm.prank(sequencer);
        vm.expectRevert(why);
        inbox.postBatch(index, clock(), clock(), 0, chunks);
    }

    /// Fills the bucket up to the burst, and lets it be.
    function fillBucket() internal {
        uint64 index = inbox.batchCount();
        postFull(sequencer, index, clock(), clock(), inbox.messageLimit(), chunksOf(32, 4096));
        postFull(sequencer, index + 1, clock(), clock(), inbox.messageLimit(), chunksOf(32, 4096));
    }

    function force() internal {
        vm.prank(user);
        inbox.forceCancelAll(1);
    }

    function refuseConfig(bytes memory why, IInbox.Config memory wrong) internal {
        vm.expectRevert(why);
        new Inbox(sequencer, vault, wrong);
    }
}
