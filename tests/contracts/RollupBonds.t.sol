// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId} from "@tallystick/interfaces/Types.sol";
import {Phase} from "@tallystick/libraries/generated/Names.sol";
import {RollupBase} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// Bonds move with their proposer: one for any number of pending generations, a whole one a lie.
contract RollupBondsTest is RollupBase {
    using TraceModel for Trace;

    AssertionId private genesis;
    AssertionId private good;

    event BondMoved(AssertionId indexed from, AssertionId indexed to, address indexed holder);

    function setUp() public override {
        super.setUp();
        genesis = rollup.genesis();
        good = post(honest, genesis, "honest", 1);
    }

    function expectMoveRevert(bytes4 selector, AssertionId parent, AssertionId from, address who) private {
        uint64 limit = makeReady(parent);
        vm.prank(who);
        vm.expectPartialRevert(selector);
        rollup.post(parent, limit, keccak256("honest"), registersOf(99), from);
    }

    /// Decides the genesis's dispute for `good`, which has a rival, and confirms it.
    function winAtOnce() private returns (AssertionId bad) {
        bad = post(liar, genesis, "lie", 1);
        Trace memory trace = traceTo(genesis, "honest", 1, NEVER);
        open(honest, genesis, good, trace);
        vm.roll(block.number + PERIOD);
        decide(genesis, trace);
        confirm(good);
    }

    /// P04: the whole year on one bond.
    function test_P04_one_bond_serves_any_number_of_pending_generations() external {
        uint256 before = honest.balance;
        AssertionId parent = good;
        for (uint256 i = 2; i < 50; ++i) {
            makeReady(parent);
            AssertionId id = rollup.assertionId(parent, stateHash("honest", i));
            vm.expectEmit(address(rollup));
            emit BondMoved(parent, id, honest);
            AssertionId next = post(honest, parent, "honest", i, parent);
            assertEq(rollup.assertion(parent).bonded, address(0));
            parent = next;
        }
        assertEq(rollup.assertion(parent).bonded, honest);
        assertEq(honest.balance, before);
        assertEq(address(rollup).balance, BOND);
    }

    /// R4: the bond may come from the parent, since the child counts before it moves.
    function test_the_first_child_frees_its_own_parents_bond() external {
        AssertionId next = post(honest, good, "honest", 2, good);
        assertEq(rollup.assertion(next).bonded, honest);
    }

    /// Leaves `number` behind with work left over, and with the bond from `from`.
    function postRunning(address who, AssertionId parent, uint256 number, AssertionId from)
        private
        returns (AssertionId)
    {
        uint64 limit = rollup.assertion(parent).nextLimit;
        vm.prank(who);
        return rollup.post{value: AssertionId.unwrap(from) == 0 ? BOND : 0}(
            parent, limit, keccak256("honest"), registersAt(number, Phase.OPEN_CHUNK, limit), from
        );
    }

    /// R4: whoever posts a backlog's first truth before its proposer leaves the bond where it lay, and a spare call goes on.
    function test_a_backlog_goes_on_in_its_block_from_where_the_bond_lay_before_another_was_faster() external {
        makeReady(good);
        uint256 blockBefore = block.number;
        AssertionId first = postRunning(liar, good, 2, PAID);
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadyPosted.selector, first));
        this.tryRunning(good, 2, good);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotBonded.selector, first, liar, honest));
        this.tryRunning(first, 3, first);
        AssertionId second = postRunning(honest, first, 3, good);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotBonded.selector, good, address(0), honest));
        this.tryRunning(second, 4, good);
        AssertionId third = postRunning(honest, second, 4, second);
        assertEq(rollup.assertion(third).bonded, honest);
        assertEq(block.number, blockBefore);
        assertEq(address(rollup).balance, 2 * BOND);
    }

    function tryRunning(AssertionId parent, uint256 number, AssertionId from) external {
        postRunning(honest, parent, number, from);
    }

    /// R4: not from the own parent only: the missing truth may be anywhere.
    function test_a_bond_moves_from_any_assertion_that_has_a_child() external {
        AssertionId next = post(liar, good, "honest", 2);
        post(liar, next, "lie", 3);
        AssertionId truth = post(honest, next, "honest", 3, good);
        assertEq(rollup.assertion(truth).bonded, honest);
        assertEq(rollup.assertion(good).bonded, address(0));
    }

    function test_a_bond_moves_from_a_confirmed_assertion_without_a_child() external {
        AssertionId bad = winAtOnce();
        rollup.reject(bad);
        post(honest, good, "honest", 2, good);
        assertEq(rollup.assertion(good).bonded, address(0));
    }

    /// R4: at the tip of each branch a bond stays.
    function test_a_bond_on_a_pending_assertion_without_a_child_is_locked() external {
        AssertionId lie = post(liar, genesis, "lie", 1);
        expectMoveRevert(IRollup.BondLocked.selector, good, lie, liar);
        vm.prank(liar);
        vm.expectRevert(abi.encodeWithSelector(IRollup.BondLocked.selector, lie));
        rollup.takeBond(lie);
    }

    function test_the_bond_of_another_or_of_nobody_does_not_move() external {
        expectMoveRevert(IRollup.NotBonded.selector, good, good, liar);
        AssertionId next = post(honest, good, "honest", 2, good);
        expectMoveRevert(IRollup.NotBonded.selector, next, good, honest);
        expectMoveRevert(IRollup.NotBonded.selector, next, AssertionId.wrap(keccak256("nothing")), honest);
    }

    function test_a_new_assertion_cannot_pay_with_the_bond_it_would_hold() external {
        AssertionId self = rollup.assertionId(good, stateHash("honest", 99));
        expectMoveRevert(IRollup.NotBonded.selector, good, self, honest);
    }

    function test_money_beside_a_bond_that_moves_is_refused() external {
        uint64 limit = makeReady(good);
        vm.prank(honest);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongBond.selector, BOND, 0));
        rollup.post{value: BOND}(good, limit, keccak256("honest"), registersOf(2), good);
    }

    function test_a_bond_comes_home_once_and_says_so() external {
        post(liar, good, "honest", 2);
        vm.expectEmit(address(rollup));
        emit BondMoved(good, PAID, honest);
        vm.prank(honest);
        rollup.takeBond(good);
        assertEq(rollup.credit(honest), BOND);
        vm.prank(honest);
        vm.expectPartialRevert(IRollup.NotBonded.selector);
        rollup.takeBond(good);
    }

    function test_a_bond_that_is_paid_in_says_so() external {
        uint64 limit = makeReady(good);
        vm.expectEmit(address(rollup));
        emit BondMoved(PAID, rollup.assertionId(good, stateHash("honest", 2)), liar);
        vm.prank(liar);
        rollup.post{value: BOND}(good, limit, keccak256("honest"), registersOf(2), PAID);
    }

    function test_confirming_moves_no_money() external {
        winAtOnce();
        assertEq(rollup.credit(honest), 0);
        vm.prank(honest);
        rollup.takeBond(good);
        assertEq(rollup.credit(honest), BOND);
    }

    /// No reward out of a fallen bond: a liar that posted the truth first would have half of its lie back.
    function test_the_whole_bond_of_what_is_rejected_goes_to_the_sink_once() external {
        AssertionId bad = winAtOnce();
        rollup.reject(bad);
        assertEq(rollup.credit(SINK), BOND);
        assertEq(rollup.credit(honest) + rollup.credit(liar), 0);
        rollup.reject(bad);
        assertEq(rollup.credit(SINK), BOND);
        vm.prank(liar);
        vm.expectPartialRevert(IRollup.NotBonded.selector);
        rollup.takeBond(bad);
    }

    /// D20: children fall with their parent, each with the bond that lies on it, if one does.
    function test_children_of_the_rejected_fall_with_what_lies_on_them() external {
        AssertionId bad = post(liar, genesis, "lie", 1);
        AssertionId child = post(liar, bad, "lie", 2, bad);
        AssertionId grandchild = post(liar, child, "lie", 3, child);
        AssertionId side = post(liar, child, "lie", 4);
        Trace memory trace = traceTo(genesis, "honest", 1, NEVER);
        open(honest, genesis, good, trace);
        vm.roll(block.number + PERIOD);
        decide(genesis, trace);
        confirm(good);
        vm.expectPartialRevert(IRollup.NotRejectable.selector);
        rollup.reject(child);
        rollup.reject(bad);
        rollup.reject(child);
        assertEq(rollup.credit(SINK), 0);
        rollup.reject(grandchild);
        rollup.reject(side);
        assertEq(rollup.credit(SINK), 2 * BOND);
        assertEq(address(rollup).balance, 3 * BOND);
    }

    /// The chain of lies costs one bond at its tip, however the bond moved, and never less.
    function test_every_false_branch_costs_a_whole_bond() external {
        AssertionId bad = post(liar, genesis, "lie", 1);
        AssertionId left = post(liar, bad, "lie", 2, bad);
        AssertionId right = post(liar, bad, "lie", 3);
        expectMoveRevert(IRollup.BondLocked.selector, bad, left, liar);
        expectMoveRevert(IRollup.BondLocked.selector, bad, right, liar);
        vm.prank(liar);
        vm.expectPartialRevert(IRollup.NotBonded.selector);
        rollup.takeBond(bad);
        assertEq(address(rollup).balance, 3 * BOND);
    }
}
