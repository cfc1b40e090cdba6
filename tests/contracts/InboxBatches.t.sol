// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {InboxBase} from "@tests/InboxBase.sol";

/// Which times a batch may have, and which messages it takes in.
contract InboxBatchesTest is InboxBase {
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
}
