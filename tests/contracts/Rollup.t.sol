// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "@tallystick/bridge/Inbox.sol";
import {Challenge} from "@tallystick/dispute/Challenge.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId} from "@tallystick/interfaces/Types.sol";
import {Constants, Phase} from "@tallystick/libraries/generated/Names.sol";
import {RegistersLib} from "@tallystick/libraries/generated/Registers.sol";
import {Rollup} from "@tallystick/rollup/Rollup.sol";
import {RollupBase} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// Posting, confirming and rejecting; RollupBonds.t.sol has what becomes of the bonds.
contract RollupTest is RollupBase {
    using TraceModel for Trace;

    AssertionId private genesis;
    bytes32 private constant ROOT = keccak256("honest");

    function setUp() public override {
        super.setUp();
        genesis = rollup.genesis();
    }

    function expectPostRevert(bytes4 selector, AssertionId parent, uint64 limit) private {
        vm.prank(honest);
        vm.expectPartialRevert(selector);
        rollup.post{value: BOND}(parent, limit, ROOT, registersOf(1), PAID);
    }

    /// Decides the genesis's dispute for the first of two children.
    function decideForFirst(AssertionId first) private {
        Trace memory trace = traceTo(genesis, "honest", 1, NEVER);
        open(honest, genesis, first, trace);
        Trace memory wrong = traceTo(genesis, "lie", 1, 2);
        vm.roll(block.number + PERIOD);
        open(liar, genesis, rollup.assertionId(genesis, stateHash("lie", 1)), wrong);
        decide(genesis, trace);
    }

    function test_genesis_is_confirmed_and_its_children_read_one_batch_at_least() external view {
        IRollup.Assertion memory first = rollup.assertion(genesis);
        assertTrue(first.status == IRollup.Status.CONFIRMED);
        assertTrue(first.stateHash == start);
        assertEq(uint256(first.nextLimit), 1);
        assertTrue(rollup.latestConfirmed() == genesis);
    }

    function test_challenge_of_another_rollup_is_refused() external {
        vm.expectPartialRevert(IRollup.WrongChallenge.selector);
        new Rollup(start, "", address(inbox), address(challenge), rollupConfig());
    }

    function test_challenge_over_another_inbox_is_refused() external {
        Challenge other =
            new Challenge(createAddress(creations() + 3), actor("inbox"), address(referee), challengeConfig());
        vm.expectPartialRevert(IRollup.WrongInbox.selector);
        new Rollup(start, "", address(inbox), address(other), rollupConfig());
    }

    function test_a_bond_below_ten_roots_is_refused() external {
        Challenge other =
            new Challenge(createAddress(creations() + 3), address(inbox), address(referee), challengeConfig());
        IRollup.Config memory config = rollupConfig();
        config.assertionBondWei = 10 * ROOT_BOND - 1;
        vm.expectRevert(abi.encodeWithSelector(IRollup.BondTooSmall.selector, 10 * ROOT_BOND - 1, 10 * ROOT_BOND));
        new Rollup(start, "", address(inbox), address(other), config);
    }

    function test_an_interval_longer_than_the_period_is_refused() external {
        uint256 nonce = creations() + 3;
        IRollup.Config memory config = rollupConfig();
        Challenge other = new Challenge(createAddress(nonce), address(inbox), address(referee), challengeConfig());
        config.minIntervalBlocks = PERIOD + 1;
        vm.expectRevert(abi.encodeWithSelector(IRollup.IntervalTooLong.selector, PERIOD + 1, PERIOD));
        new Rollup(start, "", address(inbox), address(other), config);
        // A refused creation counts, too.
        other = new Challenge(createAddress(nonce + 2), address(inbox), address(referee), challengeConfig());
        config.minIntervalBlocks = PERIOD;
        new Rollup(start, "", address(inbox), address(other), config);
    }

    function test_delays_in_which_nobody_leaves_before_new_rules_count_are_refused() external {
        uint256 most = Constants.CHANGE_DELAY_MS / 1000;
        uint64 takeover = uint64(most) - inbox.forceDelaySeconds() - 12 * PERIOD;
        uint256 nonce = creations() + 3;
        for (uint64 late = 0; late < 2; ++late) {
            IInbox.Config memory config = inboxConfig();
            config.takeoverDelaySeconds = takeover + late;
            Inbox slow = new Inbox(sequencer, actor("vault"), config);
            Challenge other =
                new Challenge(createAddress(nonce + 1 + 3 * late), address(slow), address(referee), challengeConfig());
            if (late > 0) {
                vm.expectRevert(abi.encodeWithSelector(IRollup.LeavingTooSlow.selector, most + 1, most));
            }
            new Rollup(start, "", address(slow), address(other), rollupConfig());
        }
    }

    function test_the_sink_is_an_address_without_a_key() external view {
        assertEq(rollup.sink(), SINK);
        assertEq(challenge.sink(), SINK);
    }

    function test_post_below_an_unknown_parent_is_refused() external {
        expectPostRevert(IRollup.UnknownAssertion.selector, AssertionId.wrap(bytes32(0)), 0);
    }

    function test_post_below_a_rejected_parent_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId bad = post(liar, genesis, "lie", 1);
        decideForFirst(good);
        confirm(good);
        rollup.reject(bad);
        expectPostRevert(IRollup.ParentRejected.selector, bad, 2);
    }

    /// D22, C20: what is confirmed cannot be rivalled any more.
    function test_post_beside_a_confirmed_child_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD);
        confirm(good);
        expectPostRevert(IRollup.ParentClosed.selector, genesis, 1);
    }

    function test_post_for_other_inputs_is_refused() external {
        expectPostRevert(IRollup.WrongLimit.selector, genesis, 2);
    }

    /// D01: no assertion over bytes that are not on L1.
    function test_post_before_the_inputs_are_on_chain_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IRollup.InputsMissing.selector, 0, 1));
        rollup.post{value: BOND}(genesis, 1, ROOT, registersOf(1), PAID);
    }

    /// D16.
    function test_post_sooner_than_the_interval_is_refused() external {
        postBatch();
        vm.roll(block.number + INTERVAL - 1);
        expectPostRevert(IRollup.TooEarly.selector, genesis, 1);
        vm.roll(block.number + 1);
        rollup.post{value: BOND}(genesis, 1, ROOT, registersOf(1), PAID);
    }

    /// R8: the very block in which time alone may confirm the first child is too late for a second.
    function test_post_beside_a_child_that_was_alone_for_the_period_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        uint256 since = block.number;
        vm.roll(since + PERIOD);
        vm.expectRevert(abi.encodeWithSelector(IRollup.ParentTaken.selector, genesis, since));
        rollup.post{value: BOND}(genesis, 1, keccak256("lie"), registersOf(1), PAID);
        assertEq(rollup.unrivalledBlocks(good), PERIOD);
        confirm(good);
    }

    function test_post_in_the_last_block_of_the_period_is_taken() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD - 1);
        AssertionId bad = post(liar, genesis, "lie", 1);
        vm.roll(block.number + 10 * PERIOD);
        expectConfirmRevert(good, IRollup.PeriodNotOver.selector);
        expectConfirmRevert(bad, IRollup.PeriodNotOver.selector);
    }

    /// R8 looks at an only child: a missing truth may be posted beside any number of rivals.
    function test_a_third_child_may_come_at_any_time() external {
        post(liar, genesis, "lie", 1);
        vm.roll(block.number + PERIOD - 1);
        post(liar, genesis, "lie", 2);
        vm.roll(block.number + 10 * PERIOD);
        post(honest, genesis, "honest", 1);
    }

    function test_post_with_registers_of_another_length_is_refused() external {
        makeReady(genesis);
        vm.expectRevert(
            abi.encodeWithSelector(IRollup.RegistersLength.selector, RegistersLib.BYTES - 1, RegistersLib.BYTES)
        );
        rollup.post{value: BOND}(genesis, 1, ROOT, new bytes(RegistersLib.BYTES - 1), PAID);
    }

    /// C14: the second bond is not taken.
    function test_post_of_the_same_assertion_again_is_refused() external {
        post(honest, genesis, "honest", 1);
        expectPostRevert(IRollup.AlreadyPosted.selector, genesis, 1);
    }

    function test_post_with_another_bond_is_refused() external {
        makeReady(genesis);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongBond.selector, BOND - 1, BOND));
        rollup.post{value: BOND - 1}(genesis, 1, ROOT, registersOf(1), PAID);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongBond.selector, BOND + 1, BOND));
        rollup.post{value: BOND + 1}(genesis, 1, ROOT, registersOf(1), PAID);
    }

    /// O02: siblings read the same inputs, however many batches came between them.
    function test_siblings_have_the_limit_their_parent_had_when_it_was_posted() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        postBatch();
        postBatch();
        AssertionId bad = post(liar, genesis, "lie", 1);
        assertEq(uint256(rollup.assertion(good).limit), 1);
        assertEq(uint256(rollup.assertion(bad).limit), 1);
        assertEq(uint256(rollup.assertion(good).nextLimit), 2);
        assertEq(uint256(rollup.assertion(bad).nextLimit), 3);
    }

    /// R6: what is left over of the inputs waits for no batch and no interval.
    function test_a_machine_that_has_not_halted_goes_on_in_the_same_block() external {
        uint64 limit = makeReady(genesis);
        bytes memory registers = registersAt(1, Phase.OPEN_BATCH, limit - 1);
        AssertionId first = rollup.post{value: BOND}(genesis, limit, ROOT, registers, PAID);
        assertEq(uint256(rollup.assertion(first).nextLimit), limit);
        AssertionId second = rollup.post{value: BOND}(first, limit, ROOT, registersOf(2), PAID);
        assertEq(uint256(rollup.assertion(second).limit), limit);
        assertEq(uint256(rollup.assertion(second).nextLimit), limit + 1);
        postBatch();
        expectPostRevert(IRollup.TooEarly.selector, second, limit + 1);
    }

    /// R6, in each way in which a machine may not have halted.
    function test_a_machine_halts_between_batches_and_behind_the_last_one_only() external {
        uint64 limit = makeReady(genesis);
        postBatch();
        bytes[3] memory running =
            [registersAt(1, Phase.OPEN_BATCH, 0), registersAt(2, Phase.OPEN_CHUNK, limit), registersAt(3, 255, limit)];
        for (uint256 i = 0; i < running.length; ++i) {
            AssertionId open = rollup.post{value: BOND}(genesis, limit, ROOT, running[i], PAID);
            assertEq(uint256(rollup.assertion(open).nextLimit), limit);
        }
        bytes memory halted = registersAt(4, Phase.OPEN_BATCH, limit);
        AssertionId done = rollup.post{value: BOND}(genesis, limit, ROOT, halted, PAID);
        assertEq(uint256(rollup.assertion(done).nextLimit), limit + 1);
    }

    function test_first_and_second_child_block_are_written_once() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        uint256 first = block.number;
        vm.roll(block.number + 5);
        post(liar, genesis, "lie", 1);
        uint256 second = block.number;
        vm.roll(block.number + 5);
        AssertionId third = post(liar, genesis, "lie", 2);
        IRollup.Assertion memory origin = rollup.assertion(genesis);
        assertEq(uint256(origin.firstChildBlock), first);
        assertEq(uint256(origin.secondChildBlock), second);
        assertEq(uint256(origin.childCount), 3);
        assertEq(rollup.unrivalledBlocks(good), 5);
        assertEq(rollup.unrivalledBlocks(third), 0);
    }

    function test_confirm_of_nothing_or_of_the_rejected_is_refused() external {
        expectConfirmRevert(AssertionId.wrap(bytes32(0)), IRollup.NotPending.selector);
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId bad = post(liar, genesis, "lie", 1);
        decideForFirst(good);
        confirm(good);
        rollup.reject(bad);
        expectConfirmRevert(bad, IRollup.NotPending.selector);
    }

    /// C17.
    function test_confirm_before_the_parent_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId next = post(honest, good, "honest", 2);
        vm.roll(block.number + PERIOD);
        expectConfirmRevert(next, IRollup.ParentNotLatest.selector);
        AssertionId[] memory both = new AssertionId[](2);
        (both[0], both[1]) = (good, next);
        rollup.confirm(both);
        assertTrue(rollup.latestConfirmed() == next);
    }

    function test_confirm_of_the_confirmed_is_passed_over() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId next = post(honest, good, "honest", 2);
        vm.roll(block.number + PERIOD);
        confirm(good);
        AssertionId[] memory both = new AssertionId[](2);
        (both[0], both[1]) = (good, next);
        rollup.confirm(both);
        rollup.confirm(both);
        assertTrue(rollup.latestConfirmed() == next);
    }

    /// C16: exactly when the period is over; the bond stays where it is.
    function test_confirm_by_time_one_block_early_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD - 1);
        expectConfirmRevert(good, IRollup.PeriodNotOver.selector);
        vm.roll(block.number + 1);
        confirm(good);
        assertEq(rollup.credit(honest), 0);
        assertEq(rollup.assertion(good).bonded, honest);
    }

    /// R2: no grace. What is decided is confirmed in the same block, and nothing else.
    function test_decision_binds_at_once() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId bad = post(liar, genesis, "lie", 1);
        decideForFirst(good);
        expectConfirmRevert(bad, IRollup.NotWinner.selector);
        confirm(good);
        assertTrue(rollup.isConfirmed(good));
    }

    function test_reject_without_a_reason_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotRejectable.selector, good));
        rollup.reject(good);
    }

    function test_reject_of_nothing_or_of_the_confirmed_is_refused() external {
        vm.expectPartialRevert(IRollup.NotPending.selector);
        rollup.reject(AssertionId.wrap(bytes32(0)));
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD);
        confirm(good);
        vm.expectPartialRevert(IRollup.NotPending.selector);
        rollup.reject(good);
    }

    function test_ether_sent_without_a_call_is_refused() external {
        (bool rollupTook,) = address(rollup).call{value: 1}("");
        (bool challengeTook,) = address(challenge).call{value: 1}("");
        assertFalse(rollupTook || challengeTook);
    }
}
