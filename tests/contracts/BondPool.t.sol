// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, IBondPool, PoolId} from "@tallystick/interfaces/IBondPool.sol";
import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId, Node} from "@tallystick/interfaces/Types.sol";
import {BondPoolBase} from "@tests/BondPoolBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// Who may join and leave, and when the call is made.
contract BondPoolTest is BondPoolBase {
    using TraceModel for Trace;

    function test_what_it_pays_for_is_read_from_the_rollup() external view {
        assertEq(pool.rollup(), address(rollup));
        assertEq(pool.challenge(), address(challenge));
        assertEq(pool.assertionBondWei(), BOND);
        assertEq(pool.rootBondWei(), ROOT_BOND);
        assertEq(pool.sumWei(postCall()), BOND);
        assertEq(pool.sumWei(rootCall(Node.wrap(0))), ROOT_BOND);
        assertEq(PoolId.unwrap(pool.poolId(postCall())), keccak256(abi.encode(address(rollup), postCall())));
    }

    function test_ether_from_anybody_but_the_rollup_and_its_challenge_is_refused() external {
        vm.prank(alice);
        (bool accepted, bytes memory why) = address(pool).call{value: 1}("");
        assertFalse(accepted);
        assertEq(why, abi.encodeWithSelector(IBondPool.NotPaying.selector, alice));
    }

    function test_joining_with_nothing_is_refused() external {
        Call memory call = postCall();
        vm.expectRevert(abi.encodeWithSelector(IBondPool.NothingPaid.selector));
        pool.join(call);
    }

    function test_a_post_with_a_span_is_refused() external {
        Call memory call = postCall();
        call.span = Node.wrap(bytes32(uint256(1)));
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.SpanOfPost.selector, call.span));
        pool.join{value: 1}(call);
    }

    function test_joining_what_was_made_is_refused() external {
        made();
        refuseJoin(IBondPool.AlreadyMade.selector, postCall());
    }

    function test_joining_for_an_assertion_that_exists_is_refused() external {
        post(honest, genesis, "honest", 1);
        refuseJoin(IBondPool.PoolVoid.selector, postCall());
    }

    function test_joining_for_another_limit_is_refused() external {
        Call memory call = postCall();
        ++call.limit;
        refuseJoin(IBondPool.PoolVoid.selector, call);
    }

    function test_joining_beside_what_nobody_can_rival_any_more_is_refused() external {
        vm.roll(block.number + PERIOD - 1);
        PoolId id = join(alice, postCall(), 1);
        vm.roll(block.number + 1);
        refuseJoin(IBondPool.PoolVoid.selector, postCall());
        is_(id, IBondPool.Status.VOID);
    }

    function test_joining_below_a_parent_that_is_decided_or_closed_is_refused() external {
        PoolId id = join(alice, postCall(), 1);
        AssertionId third = post(honest, genesis, "third", 1);
        Trace memory trace = traceTo(genesis, "third", 1, 0);
        open(honest, genesis, third, trace);
        vm.roll(block.number + PERIOD);
        decide(genesis, trace);
        is_(id, IBondPool.Status.VOID);
        refuseJoin(IBondPool.PoolVoid.selector, postCall());
        confirm(third);
        is_(id, IBondPool.Status.VOID);
        refuseJoin(IBondPool.PoolVoid.selector, postCall());
        assertEq(quit(alice, id), 1);
    }

    function test_joining_below_a_rejected_parent_is_refused() external {
        AssertionId right = post(honest, genesis, "honest", 1);
        open(honest, genesis, right, truth());
        Call memory call = postCall();
        (call.parent, call.limit) = (bad, limitOf(bad));
        PoolId id = join(alice, call, 1);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth());
        confirm(right);
        is_(id, IBondPool.Status.GATHERING);
        rollup.reject(bad);
        is_(id, IBondPool.Status.VOID);
        refuseJoin(IBondPool.PoolVoid.selector, call);
        assertEq(quit(alice, id), 1);
    }

    /// A pool may gather before the parent is there: its truth is known before.
    function test_a_pool_for_the_child_of_what_is_to_come_gathers() external {
        Call memory call = postCall();
        (call.parent, call.limit, call.stateHash) = (good(), limitOf(genesis) + 1, stateHash("honest", 2));
        PoolId id = join(alice, call, BOND);
        vm.expectPartialRevert(IRollup.UnknownAssertion.selector);
        pool.makePost(id, keccak256("honest"), registersOf(2));
        post(honest, genesis, "honest", 1);
        makeReady(good());
        pool.makePost(id, keccak256("honest"), registersOf(2));
        is_(id, IBondPool.Status.MADE);
    }

    function test_the_first_join_tells_what_the_pool_is_for() external {
        Call memory call = postCall();
        PoolId id = pool.poolId(call);
        vm.expectEmit(address(pool));
        emit IBondPool.PoolOpened(id, call.parent, call.stateHash, call.limit, false, Node.wrap(0));
        vm.expectEmit(address(pool));
        emit IBondPool.Joined(id, alice, 3);
        join(alice, call, 3);
        vm.expectEmit(address(pool));
        emit IBondPool.Joined(id, alice, 4);
        join(alice, call, 4);
        assertEq(pool.member(id, alice).stakeWei, 7);
        assertEq(pool.pool(id).stakesWei, 7);
    }

    function test_each_may_leave_with_all_until_the_call_is_made() external {
        PoolId id = join(alice, postCall(), 3);
        join(bob, postCall(), BOND);
        assertEq(quit(bob, id), BOND);
        assertEq(quit(alice, id), 3);
        assertEq(pool.pool(id).stakesWei, 0);
        assertEq(address(pool).balance, 0);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.NothingDue.selector, id, alice));
        pool.quit(id);
    }

    function test_a_stranger_finds_nothing() external {
        PoolId id = made();
        vm.prank(honest);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.NothingDue.selector, id, honest));
        pool.quit(id);
    }

    function test_nobody_is_put_out_of_a_pool_that_may_still_be_made() external {
        PoolId id = join(alice, postCall(), BOND);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.MayStillBeMade.selector, id));
        pool.payOut(id, alice);
    }

    function test_a_pool_nobody_joined_is_not_made() external {
        PoolId id = pool.poolId(postCall());
        vm.expectRevert(abi.encodeWithSelector(IBondPool.UnknownPool.selector, id));
        pool.makePost(id, keccak256("honest"), registersOf(1));
    }

    function test_the_other_kind_of_call_is_not_made() external {
        PoolId id = join(alice, postCall(), BOND);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.WrongKind.selector, id));
        pool.makeRoot(id, new Node[](0));
        id = join(alice, rootCall(Node.wrap(0)), BOND);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.WrongKind.selector, id));
        pool.makePost(id, keccak256("honest"), registersOf(1));
    }

    function test_a_wei_less_than_the_bond_is_not_enough() external {
        PoolId id = join(alice, postCall(), BOND - 1);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.TooLittle.selector, BOND - 1, BOND));
        pool.makePost(id, keccak256("honest"), registersOf(1));
        make(bob, id, 1);
        assertEq(pool.member(id, bob).stakeWei, 1);
        is_(id, IBondPool.Status.MADE);
    }

    function test_another_state_than_the_members_paid_for_is_not_posted() external {
        PoolId id = join(alice, postCall(), BOND);
        bytes memory why =
            abi.encodeWithSelector(IBondPool.WrongState.selector, stateHash("honest", 2), stateHash("honest", 1));
        vm.expectRevert(why);
        pool.makePost(id, keccak256("honest"), registersOf(2));
    }

    function test_the_call_is_made_once() external {
        PoolId id = made();
        join(alice, rootCall(truth().node(K, 0)), ROOT_BOND);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.AlreadyMade.selector, id));
        pool.makePost(id, keccak256("honest"), registersOf(1));
    }

    function test_anybody_makes_the_call_when_the_sum_is_there() external {
        PoolId id = made();
        assertEq(rollup.assertion(good()).bonded, address(pool));
        assertEq(address(pool).balance, 0);
        is_(id, IBondPool.Status.MADE);
    }

    /// Somebody posts the same a block earlier: nothing is lost, and anybody sends everybody's money back.
    function test_whoever_is_overtaken_gets_everything_back_at_once() external {
        PoolId id = join(alice, postCall(), BOND / 3);
        join(bob, postCall(), BOND);
        post(honest, genesis, "honest", 1);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.PoolVoid.selector, id));
        pool.makePost(id, keccak256("honest"), registersOf(1));
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        vm.prank(liar);
        pool.payOut(id, alice);
        pool.payOut(id, bob);
        assertEq(alice.balance - a, BOND / 3);
        assertEq(bob.balance - b, BOND);
        assertEq(address(pool).balance, 0);
    }

    /// Whoever leaves a moment before stops nothing where others have put in more than the sum.
    function test_a_member_that_leaves_before_the_call_stops_no_pool_that_has_enough() external {
        PoolId id = join(liar, postCall(), BOND);
        join(alice, postCall(), BOND);
        join(bob, postCall(), BOND / 2);
        assertEq(quit(liar, id), BOND);
        make(carol, id, 0);
        assertEq(quit(alice, id), BOND / 3);
        assertEq(quit(bob, id), BOND / 2 - BOND / 3);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.NothingDue.selector, id, bob));
        pool.quit(id);
        post(honest, good(), "honest", 2);
        pool.collect(id);
        assertEq(quit(alice, id), 2 * BOND / 3);
        assertEq(quit(bob, id), BOND - 2 * BOND / 3);
        assertEq(address(pool).balance, 0);
    }
}
