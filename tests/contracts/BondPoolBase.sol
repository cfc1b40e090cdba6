// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, IBondPool, PoolId} from "@tallystick/interfaces/IBondPool.sol";
import {AssertionId, Node} from "@tallystick/interfaces/Types.sol";
import {BondPool} from "@tallystick/rollup/BondPool.sol";
import {RollupBase} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// A lie beside a missing truth, and three who can pay for the truth together.
abstract contract BondPoolBase is RollupBase {
    using TraceModel for Trace;

    uint64 internal constant PLACE = 700_000;

    AssertionId internal genesis;
    AssertionId internal bad;
    BondPool internal pool;
    address internal alice;
    address internal bob;
    address internal carol;

    function setUp() public override {
        super.setUp();
        genesis = rollup.genesis();
        pool = new BondPool(address(rollup));
        (alice, bob, carol) = (actor("alice"), actor("bob"), actor("carol"));
        vm.deal(alice, 1000 ether);
        vm.deal(bob, 1000 ether);
        vm.deal(carol, 1000 ether);
        teach(truth());
        bad = post(liar, genesis, "lie", 1);
    }

    function truth() internal view returns (Trace memory) {
        return traceTo(genesis, "honest", 1, NEVER);
    }

    function limitOf(AssertionId parent) internal view returns (uint64) {
        return rollup.assertion(parent).nextLimit;
    }

    /// To post the missing truth beside the lie.
    function postCall() internal view returns (Call memory) {
        return Call({
            parent: genesis, stateHash: stateHash("honest", 1), limit: limitOf(genesis), root: false, span: Node.wrap(0)
        });
    }

    /// To open a root of the truth.
    function rootCall(Node span) internal view returns (Call memory call) {
        call = postCall();
        (call.root, call.span) = (true, span);
    }

    function good() internal view returns (AssertionId) {
        return rollup.assertionId(genesis, stateHash("honest", 1));
    }

    function join(address who, Call memory call, uint256 amountWei) internal returns (PoolId id) {
        vm.prank(who);
        return pool.join{value: amountWei}(call);
    }

    function refuseJoin(bytes4 why, Call memory call) internal {
        vm.prank(alice);
        vm.expectPartialRevert(why);
        pool.join{value: 1 ether}(call);
    }

    function quit(address who, PoolId id) internal returns (uint256 amountWei) {
        uint256 before = who.balance;
        uint256 due = pool.dueWei(id, who);
        vm.prank(who);
        pool.quit(id);
        amountWei = who.balance - before;
        assertEq(amountWei, due, "what was due is what came");
    }

    function make(address who, PoolId id, uint256 amountWei) internal {
        vm.prank(who);
        pool.makePost{value: amountWei}(id, keccak256("honest"), registersOf(1));
    }

    function makeRoot(PoolId id, Trace memory trace) internal {
        Node[] memory siblings = trace.lastSiblings();
        pool.makeRoot(id, siblings);
    }

    /// A pool of three whose truth stands beside the lie.
    function made() internal returns (PoolId id) {
        id = join(alice, postCall(), BOND / 2);
        join(bob, postCall(), BOND / 4);
        join(carol, postCall(), BOND / 4);
        make(liar, id, 0);
    }

    function is_(PoolId id, IBondPool.Status expected) internal view {
        assertEq(uint256(pool.status(id)), uint256(expected));
    }
}
