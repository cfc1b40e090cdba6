// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId} from "@tallystick/interfaces/Types.sol";
import {RegistersLib} from "@tallystick/libraries/generated/Registers.sol";
import {Rollup} from "@tallystick/rollup/Rollup.sol";
import {RollupBase} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

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
        rollup.post{value: BOND}(parent, limit, ROOT, registersOf(1));
    }

    /// Decides the genesis's dispute for the first of two children.
    function decideForFirst(AssertionId first) private {
        Trace memory trace = traceTo(genesis, "honest", 1, NEVER);
        open(honest, genesis, first, trace);
        Trace memory wrong = traceTo(genesis, "lie", 1, 2);
        vm.roll(block.number + PERIOD);
        open(liar, genesis, rollup.assertionId(genesis, stateHash("lie", 1)), wrong);
        challenge.confirmRoot(trace.edge(disputeOf(genesis), K, 0), pathUp(genesis, trace, 0, K));
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

    function test_post_below_an_unknown_parent_is_refused() external {
        expectPostRevert(IRollup.UnknownAssertion.selector, AssertionId.wrap(bytes32(0)), 0);
    }

    function test_post_below_a_rejected_parent_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD);
        AssertionId bad = post(liar, genesis, "lie", 1);
        rollup.confirm(good);
        rollup.reject(bad);
        expectPostRevert(IRollup.ParentRejected.selector, bad, 2);
    }

    /// D22, C20: what is confirmed cannot be rivalled any more.
    function test_post_beside_a_confirmed_child_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD);
        rollup.confirm(good);
        expectPostRevert(IRollup.ParentClosed.selector, genesis, 1);
    }

    function test_post_for_other_inputs_is_refused() external {
        expectPostRevert(IRollup.WrongLimit.selector, genesis, 2);
    }

    /// D01: no assertion over bytes that are not on L1.
    function test_post_before_the_inputs_are_on_chain_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IRollup.InputsMissing.selector, 0, 1));
        rollup.post{value: BOND}(genesis, 1, ROOT, registersOf(1));
    }

    /// D16.
    function test_post_sooner_than_the_interval_is_refused() external {
        postBatch();
        vm.roll(block.number + INTERVAL - 1);
        expectPostRevert(IRollup.TooEarly.selector, genesis, 1);
        vm.roll(block.number + 1);
        rollup.post{value: BOND}(genesis, 1, ROOT, registersOf(1));
    }

    function test_post_with_registers_of_another_length_is_refused() external {
        postBatch();
        vm.roll(block.number + INTERVAL);
        vm.expectRevert(
            abi.encodeWithSelector(IRollup.RegistersLength.selector, RegistersLib.BYTES - 1, RegistersLib.BYTES)
        );
        rollup.post{value: BOND}(genesis, 1, ROOT, new bytes(RegistersLib.BYTES - 1));
    }

    function test_post_with_another_bond_is_refused() external {
        postBatch();
        vm.roll(block.number + INTERVAL);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongBond.selector, BOND - 1, BOND));
        rollup.post{value: BOND - 1}(genesis, 1, ROOT, registersOf(1));
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongBond.selector, BOND + 1, BOND));
        rollup.post{value: BOND + 1}(genesis, 1, ROOT, registersOf(1));
    }

    /// C14: the second bond is not taken.
    function test_post_of_the_same_assertion_again_is_refused() external {
        post(honest, genesis, "honest", 1);
        expectPostRevert(IRollup.AlreadyPosted.selector, genesis, 1);
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

    function test_second_child_block_is_written_once() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + 5);
        post(liar, genesis, "lie", 1);
        uint64 second = uint64(block.number);
        vm.roll(block.number + 5);
        AssertionId third = post(liar, genesis, "lie", 2);
        IRollup.Assertion memory origin = rollup.assertion(genesis);
        assertEq(uint256(origin.secondChildBlock), second);
        assertEq(uint256(origin.childCount), 3);
        assertEq(rollup.unrivalledBlocks(good), 5);
        assertEq(rollup.unrivalledBlocks(third), 0);
    }

    function test_confirm_of_nothing_or_again_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD);
        rollup.confirm(good);
        vm.expectPartialRevert(IRollup.NotPending.selector);
        rollup.confirm(good);
        vm.expectPartialRevert(IRollup.NotPending.selector);
        rollup.confirm(AssertionId.wrap(bytes32(0)));
    }

    /// C17.
    function test_confirm_before_the_parent_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId next = post(honest, good, "honest", 2);
        vm.roll(block.number + PERIOD);
        vm.expectPartialRevert(IRollup.ParentNotLatest.selector);
        rollup.confirm(next);
        rollup.confirm(good);
        rollup.confirm(next);
        assertTrue(rollup.latestConfirmed() == next);
    }

    /// C16: exactly when the period is over.
    function test_confirm_by_time_one_block_early_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD - 1);
        vm.expectRevert(abi.encodeWithSelector(IRollup.PeriodNotOver.selector, PERIOD - 1, PERIOD));
        rollup.confirm(good);
        vm.roll(block.number + 1);
        rollup.confirm(good);
        assertEq(rollup.credit(honest), BOND);
    }

    function test_a_rival_within_the_period_stops_confirmation_by_time_for_both() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD - 1);
        AssertionId bad = post(liar, genesis, "lie", 1);
        vm.roll(block.number + 10 * PERIOD);
        vm.expectPartialRevert(IRollup.PeriodNotOver.selector);
        rollup.confirm(good);
        vm.expectPartialRevert(IRollup.PeriodNotOver.selector);
        rollup.confirm(bad);
    }

    function test_a_rival_after_the_period_changes_nothing() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD);
        post(liar, genesis, "lie", 1);
        rollup.confirm(good);
        assertTrue(rollup.isConfirmed(good));
    }

    function test_decision_binds_after_the_grace_and_not_a_block_before() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId bad = post(liar, genesis, "lie", 1);
        decideForFirst(good);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotWinner.selector, bad, good));
        rollup.confirm(bad);
        vm.roll(block.number + GRACE - 1);
        vm.expectPartialRevert(IRollup.TooEarly.selector);
        rollup.confirm(good);
        vm.roll(block.number + 1);
        rollup.confirm(good);
        assertTrue(rollup.isConfirmed(good));
    }

    function test_reject_without_a_reason_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotRejectable.selector, good));
        rollup.reject(good);
    }

    function test_reject_of_the_confirmed_is_refused() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        vm.roll(block.number + PERIOD);
        rollup.confirm(good);
        vm.expectPartialRevert(IRollup.NotPending.selector);
        rollup.reject(good);
    }

    function test_rejected_rival_pays_half_to_the_right_and_half_to_the_sink_once() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId bad = post(liar, genesis, "lie", 1);
        decideForFirst(good);
        vm.roll(block.number + GRACE);
        rollup.confirm(good);
        rollup.reject(bad);
        assertEq(rollup.credit(honest), BOND + BOND / 2);
        assertEq(rollup.credit(sink), BOND / 2);
        assertEq(rollup.credit(liar), 0);
        vm.expectPartialRevert(IRollup.NotPending.selector);
        rollup.reject(bad);
        uint256 owed = rollup.credit(honest) + rollup.credit(sink);
        assertEq(address(rollup).balance, owed);
    }

    /// D20: children fall with their parent, and nobody is rewarded for it.
    function test_children_of_the_rejected_fall_and_their_bonds_go_to_the_sink() external {
        AssertionId good = post(honest, genesis, "honest", 1);
        AssertionId bad = post(liar, genesis, "lie", 1);
        AssertionId child = post(liar, bad, "lie", 2);
        AssertionId grandchild = post(liar, child, "lie", 3);
        decideForFirst(good);
        vm.roll(block.number + GRACE);
        rollup.confirm(good);
        vm.expectPartialRevert(IRollup.NotRejectable.selector);
        rollup.reject(child);
        rollup.reject(bad);
        rollup.reject(child);
        rollup.reject(grandchild);
        assertEq(rollup.credit(sink), BOND / 2 + 2 * BOND);
    }

    function test_ether_sent_without_a_call_is_refused() external {
        (bool rollupTook,) = address(rollup).call{value: 1}("");
        (bool challengeTook,) = address(challenge).call{value: 1}("");
        assertFalse(rollupTook || challengeTook);
    }
}
