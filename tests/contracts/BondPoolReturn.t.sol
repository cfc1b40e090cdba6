// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, IBondPool, PoolId} from "@tallystick/interfaces/IBondPool.sol";
import {IChallenge} from "@tallystick/interfaces/IChallenge.sol";
import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId, Node, StateHash} from "@tallystick/interfaces/Types.sol";
import {BondPool} from "@tallystick/rollup/BondPool.sol";
import {BondPoolBase} from "@tests/BondPoolBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// A member that refuses its money, or comes back in while it is paid.
contract OddMember {
    BondPool private immutable _pool;
    bool public accepts;
    bool public caught;

    constructor(BondPool pool) {
        _pool = pool;
    }

    function join(Call calldata call) external payable {
        _pool.join{value: msg.value}(call);
    }

    function quit(PoolId id) external {
        _pool.quit(id);
    }

    function accept() external {
        accepts = true;
    }

    receive() external payable {
        comeBack();
    }

    function comeBack() private {
        require(accepts, "not now");
        // Whichever pool it is, one try at each way in is enough: all are behind one guard.
        Call memory call;
        PoolId id = _pool.poolId(call);
        uint256 failed = 0;
        try _pool.quit(id) {}
        catch {
            ++failed;
        }
        try _pool.payOut(id, address(this)) {}
        catch {
            ++failed;
        }
        try _pool.collect(id) {}
        catch {
            ++failed;
        }
        try _pool.join{value: 1}(call) {}
        catch {
            ++failed;
        }
        try _pool.makePost(id, 0, "") {}
        catch {
            ++failed;
        }
        try _pool.makeRoot(id, new Node[](0)) {}
        catch {
            ++failed;
        }
        caught = failed == 6;
    }
}

/// How a bond comes home, and who gets what of it.
contract BondPoolReturnTest is BondPoolBase {
    using TraceModel for Trace;

    /// Opens the true root from a pool and a false one, and plays the dispute to its decision.
    function playRoots() private returns (PoolId right, PoolId wrongRoot) {
        made();
        Trace memory wrong = traceTo(genesis, "lie", 1, PLACE);
        Call memory lie = rootCall(wrong.node(K, 0));
        lie.stateHash = stateHash("lie", 1);
        right = join(alice, rootCall(truth().node(K, 0)), 2 * ROOT_BOND);
        wrongRoot = join(liar, lie, ROOT_BOND);
        makeRoot(wrongRoot, wrong);
        makeRoot(right, truth());
        descend(genesis, truth(), wrong, PLACE);
        prove(honest, genesis, truth(), PLACE);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth(), PLACE);
    }

    function sum(uint256[] memory values) private pure returns (uint256 total) {
        for (uint256 i = 0; i < values.length; ++i) {
            total += values[i];
        }
    }

    function test_nothing_is_collected_before_the_call_is_made() external {
        PoolId id = join(alice, postCall(), BOND);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.NotMade.selector, id));
        pool.collect(id);
    }

    function test_a_child_is_enough_to_bring_the_bond_home() external {
        PoolId id = made();
        vm.expectRevert(abi.encodeWithSelector(IRollup.BondLocked.selector, good()));
        pool.collect(id);
        post(honest, good(), "honest", 2);
        vm.prank(liar);
        pool.collect(id);
        is_(id, IBondPool.Status.HOME);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.AlreadyHome.selector, id));
        pool.collect(id);
        assertEq(quit(alice, id), BOND / 2);
        assertEq(quit(bob, id), BOND / 4);
        assertEq(quit(carol, id), BOND / 4);
        assertEq(address(pool).balance, 0);
    }

    function test_a_confirmed_assertion_brings_the_bond_home() external {
        PoolId id = made();
        open(honest, genesis, good(), truth());
        vm.roll(block.number + PERIOD);
        decide(genesis, truth());
        confirm(good());
        pool.collect(id);
        assertEq(quit(alice, id), BOND / 2);
    }

    /// Two pools of one bond each serve any depth: the first is home as soon as the second stands.
    function test_two_bonds_serve_generation_after_generation() external {
        PoolId before = made();
        AssertionId parent = good();
        uint256 had = alice.balance + bob.balance + carol.balance;
        for (uint256 i = 2; i < 12; ++i) {
            uint64 limit = makeReady(parent);
            StateHash state = stateHash("honest", i);
            PoolId id = join(alice, Call(parent, state, limit, false, Node.wrap(0)), BOND / 2);
            join(bob, Call(parent, state, limit, false, Node.wrap(0)), BOND / 2);
            pool.makePost(id, keccak256("honest"), registersOf(i));
            pool.collect(before);
            if (i == 2) quit(carol, before);
            quit(alice, before);
            quit(bob, before);
            (before, parent) = (id, rollup.assertionId(parent, state));
            assertEq(address(pool).balance, 0);
        }
        assertEq(alice.balance + bob.balance + carol.balance, had);
    }

    function test_what_does_not_divide_is_the_last_leavers() external {
        PoolId id = join(alice, postCall(), BOND);
        join(bob, postCall(), BOND);
        join(carol, postCall(), BOND + 1);
        make(honest, id, 0);
        post(honest, good(), "honest", 2);
        pool.collect(id);
        uint256 total = 3 * BOND + 1;
        uint256 first = quit(alice, id);
        uint256 second = quit(bob, id);
        assertGe(first + 2, BOND, "two wei of rounding at most");
        assertLe(first, BOND, "never more than the stake");
        assertEq(first + second + quit(carol, id), total);
        assertEq(address(pool).balance, 0);
    }

    function test_a_stake_too_small_for_a_wei_holds_back_nobodys_dust() external {
        PoolId id = join(alice, postCall(), BOND);
        join(bob, postCall(), 1);
        make(honest, id, 0);
        post(honest, good(), "honest", 2);
        pool.collect(id);
        assertEq(quit(bob, id), 0);
        assertEq(quit(alice, id), BOND + 1);
        assertEq(address(pool).balance, 0);
    }

    function test_a_bond_that_is_lost_leaves_what_was_not_needed() external {
        Call memory call = postCall();
        call.stateHash = stateHash("wrong", 7);
        PoolId id = join(alice, call, 2 * BOND);
        pool.makePost(id, keccak256("wrong"), registersOf(7));
        AssertionId right = post(honest, genesis, "honest", 1);
        open(honest, genesis, right, truth());
        vm.roll(block.number + PERIOD);
        decide(genesis, truth());
        confirm(right);
        rollup.reject(rollup.assertionId(genesis, call.stateHash));
        vm.expectPartialRevert(IRollup.NotBonded.selector);
        pool.collect(id);
        assertEq(quit(alice, id), BOND);
        assertEq(address(pool).balance, 0);
    }

    function test_a_root_is_opened_once_its_assertion_has_a_rival() external {
        PoolId id = join(alice, rootCall(truth().node(K, 0)), ROOT_BOND);
        Node[] memory siblings = truth().lastSiblings();
        vm.expectRevert(abi.encodeWithSelector(IChallenge.UnknownAssertion.selector, good()));
        pool.makeRoot(id, siblings);
        made();
        siblings[0] = Node.wrap(bytes32(uint256(1)));
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        pool.makeRoot(id, siblings);
        makeRoot(id, truth());
        is_(id, IBondPool.Status.MADE);
    }

    function test_a_root_that_somebody_else_has_opened_is_not_paid_again() external {
        made();
        PoolId id = join(alice, rootCall(truth().node(K, 0)), ROOT_BOND);
        open(honest, genesis, good(), truth());
        is_(id, IBondPool.Status.VOID);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.PoolVoid.selector, id));
        pool.makeRoot(id, new Node[](K));
        pool.payOut(id, alice);
        assertEq(address(pool).balance, 0);
    }

    function test_a_root_comes_home_with_its_reward_and_a_false_one_does_not() external {
        (PoolId right, PoolId wrongRoot) = playRoots();
        vm.expectRevert(abi.encodeWithSelector(IBondPool.NotSettled.selector, right));
        pool.collect(right);
        // The reward of the opener is paid first, and paid to it again by nobody's payments.
        challenge.settle(rootOf(genesis, truth()), noOpenings(), pathDown(genesis, truth(), PLACE));
        pool.collect(wrongRoot);
        pool.collect(right);
        assertEq(challenge.credit(address(pool)), 0);
        assertEq(pool.pool(right).bondWei, ROOT_BOND + OPEN_REWARD);
        assertEq(pool.pool(wrongRoot).bondWei, 0);
        assertEq(quit(liar, wrongRoot), 0);
        vm.prank(liar);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.NothingDue.selector, wrongRoot, liar));
        pool.quit(wrongRoot);
        assertEq(quit(alice, right), 2 * ROOT_BOND + OPEN_REWARD);
        assertEq(address(pool).balance, 0);
    }

    function test_a_root_without_rivals_comes_home_without_a_reward() external {
        made();
        PoolId id = join(alice, rootCall(truth().node(K, 0)), ROOT_BOND);
        makeRoot(id, truth());
        vm.roll(block.number + PERIOD);
        decide(genesis, truth());
        challenge.settle(rootOf(genesis, truth()), noOpenings(), noOpenings());
        pool.collect(id);
        assertEq(quit(alice, id), ROOT_BOND);
        assertEq(address(pool).balance, 0);
    }

    function test_a_member_that_refuses_its_money_stops_only_itself() external {
        OddMember odd = new OddMember(pool);
        odd.join{value: BOND / 2}(postCall());
        PoolId id = join(alice, postCall(), BOND / 2);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.PaymentRefused.selector, address(odd), BOND / 2));
        odd.quit(id);
        make(bob, id, 0);
        post(honest, good(), "honest", 2);
        pool.collect(id);
        vm.expectRevert(abi.encodeWithSelector(IBondPool.PaymentRefused.selector, address(odd), BOND / 2));
        pool.payOut(id, address(odd));
        assertEq(quit(alice, id), BOND / 2);
        odd.accept();
        pool.payOut(id, address(odd));
        assertEq(address(odd).balance, BOND / 2);
        assertEq(address(pool).balance, 0);
    }

    function test_a_member_that_comes_back_in_while_it_is_paid_gets_nothing_more() external {
        OddMember odd = new OddMember(pool);
        odd.join{value: BOND / 2}(postCall());
        PoolId id = join(alice, postCall(), BOND / 2);
        odd.accept();
        odd.quit(id);
        assertTrue(odd.caught());
        assertEq(address(odd).balance, BOND / 2);
        assertEq(address(pool).balance, BOND / 2);
    }

    /// Members come and go at random in two pools at once: at every moment the contract holds what it owes, and in
    /// the end all is out, to the wei. Nobody gets more than its part, nor two wei less for each who left before.
    function testFuzz_every_wei_that_comes_in_goes_out(uint256 seed) external {
        address[] memory members = new address[](12);
        uint256[] memory stakes = new uint256[](12);
        Call memory second = postCall();
        second.stateHash = stateHash("another", 5);
        PoolId id = pool.poolId(postCall());
        PoolId other = join(carol, second, BOND + seed % 1000);
        uint256 idle = BOND + seed % 1000;
        for (uint256 i = 0; i < 12; ++i) {
            members[i] = vm.addr(100 + i);
            vm.deal(members[i], 100 * BOND);
        }
        for (uint256 i = 0; i < 40; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 who = seed % 12;
            if (stakes[who] > 0 && seed >> 8 & 3 == 0) {
                assertEq(quit(members[who], id), stakes[who]);
                stakes[who] = 0;
            } else {
                uint256 amountWei = 1 + (seed >> 16) % (seed >> 128 & 1 == 0 ? BOND / 3 : 1000);
                join(members[who], postCall(), amountWei);
                stakes[who] += amountWei;
            }
        }
        uint256 total = sum(stakes);
        assertEq(address(pool).balance, total + idle);
        uint256 more = total < BOND ? BOND - total : 0;
        make(members[0], id, more);
        stakes[0] += more;
        total += more;
        // Some fetch what was not needed, then all the rest, in an order of chance.
        for (uint256 i = 0; i < 12; ++i) {
            if (seed >> i & 1 == 1 && stakes[i] > 0) quit(members[i], id);
        }
        post(honest, good(), "honest", 2);
        pool.collect(id);
        uint256 turn = seed >> 32 & 7;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 who = (i * 5 + turn) % 12;
            if (stakes[who] > 0) quit(members[who], id);
            uint256 gotWei = members[who].balance;
            assertGe(gotWei + 2, 100 * BOND, "two wei of rounding at most");
            assertLe(gotWei, 100 * BOND + 24, "dust alone comes on top");
        }
        assertEq(address(pool).balance, idle);
        assertEq(quit(carol, other), idle);
        assertEq(address(pool).balance, 0);
    }
}
