// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Edge, IChallenge, Opening, Progress} from "@tallystick/interfaces/IChallenge.sol";
import {IRollup} from "@tallystick/interfaces/IRollup.sol";
import {AssertionId, EdgeId, Node, StateHash} from "@tallystick/interfaces/Types.sol";
import {RollupBase, ScriptedReferee} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// Disputes over 2^22 steps, from the second assertion to the decision.
contract ChallengeTest is RollupBase {
    using TraceModel for Trace;

    AssertionId internal genesis;
    AssertionId internal good;
    AssertionId internal bad;
    Trace internal truth;

    function setUp() public override {
        super.setUp();
        genesis = rollup.genesis();
        truth = traceTo(genesis, "honest", 1, NEVER);
        teach(truth);
        bad = post(liar, genesis, "lie", 1);
    }

    /// Posts the true assertion and opens both roots, the liar's first.
    function begin(uint64 from) private returns (Trace memory wrong) {
        wrong = traceTo(genesis, "lie", 1, from);
        good = post(honest, genesis, "honest", 1);
        open(liar, genesis, bad, wrong);
        open(honest, genesis, good, truth);
    }

    function expectOpenRevert(bytes4 selector, AssertionId parent, uint64 limit, uint256 bond) private {
        Node span = truth.node(K, 0);
        Node[] memory siblings = truth.lastSiblings();
        vm.expectPartialRevert(selector);
        challenge.openRoot{value: bond}(parent, good, limit, span, siblings);
    }

    function test_open_of_an_unknown_assertion_is_refused() external {
        good = AssertionId.wrap(keccak256("nothing"));
        expectOpenRevert(IChallenge.UnknownAssertion.selector, genesis, 1, ROOT_BOND);
    }

    function test_open_under_another_parent_is_refused() external {
        good = post(honest, genesis, "honest", 1);
        expectOpenRevert(IChallenge.WrongParent.selector, bad, 1, ROOT_BOND);
    }

    function test_open_for_other_inputs_is_refused() external {
        good = post(honest, genesis, "honest", 1);
        expectOpenRevert(IChallenge.WrongLimit.selector, genesis, 2, ROOT_BOND);
    }

    function test_open_without_a_rival_assertion_is_refused() external {
        good = bad;
        expectOpenRevert(IChallenge.NoRivalAssertion.selector, genesis, 1, ROOT_BOND);
    }

    function test_open_below_a_rejected_parent_is_refused() external {
        AssertionId lie = bad;
        good = post(honest, genesis, "honest", 1);
        AssertionId child = post(liar, lie, "lie", 2);
        post(liar, lie, "lie", 3);
        open(honest, genesis, good, truth);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth);
        confirm(good);
        rollup.reject(lie);
        Trace memory trace = traceTo(lie, "lie", 2, 0);
        Node span = trace.node(K, 0);
        Node[] memory siblings = trace.lastSiblings();
        vm.expectRevert(abi.encodeWithSelector(IChallenge.ParentRejected.selector, lie));
        challenge.openRoot{value: ROOT_BOND}(lie, child, 2, span, siblings);
    }

    function test_open_in_a_decided_dispute_is_refused() external {
        good = post(honest, genesis, "honest", 1);
        open(honest, genesis, good, truth);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth);
        Trace memory wrong = traceTo(genesis, "lie", 1, 3);
        Node span = wrong.node(K, 0);
        Node[] memory siblings = wrong.lastSiblings();
        vm.expectPartialRevert(IChallenge.AlreadyDecided.selector);
        challenge.openRoot{value: ROOT_BOND}(genesis, bad, 1, span, siblings);
    }

    function test_open_with_another_bond_is_refused() external {
        good = post(honest, genesis, "honest", 1);
        expectOpenRevert(IChallenge.WrongBond.selector, genesis, 1, ROOT_BOND - 1);
        expectOpenRevert(IChallenge.WrongBond.selector, genesis, 1, ROOT_BOND + 1);
    }

    function test_open_of_a_tree_of_another_height_is_refused() external {
        good = post(honest, genesis, "honest", 1);
        Node span = truth.node(K, 0);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.SiblingCount.selector, K - 1, K));
        challenge.openRoot{value: ROOT_BOND}(genesis, good, 1, span, new Node[](K - 1));
        vm.expectRevert(abi.encodeWithSelector(IChallenge.SiblingCount.selector, K + 1, K));
        challenge.openRoot{value: ROOT_BOND}(genesis, good, 1, span, new Node[](K + 1));
    }

    function test_open_of_a_tree_that_ends_in_another_state_is_refused() external {
        good = post(honest, genesis, "honest", 1);
        Trace memory wrong = traceTo(genesis, "lie", 1, 3);
        Node span = wrong.node(K, 0);
        Node[] memory siblings = wrong.lastSiblings();
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        challenge.openRoot{value: ROOT_BOND}(genesis, good, 1, span, siblings);
    }

    function test_open_again_credits_what_was_sent_and_counts_no_second_root() external {
        good = post(honest, genesis, "honest", 1);
        EdgeId first = open(honest, genesis, good, truth);
        EdgeId second = open(liar, genesis, good, truth);
        assertTrue(first == second);
        assertEq(challenge.credit(liar), ROOT_BOND);
        assertEq(challenge.rootState(first).opener, honest);
        assertEq(uint256(challenge.disputeState(disputeOf(genesis)).roots), 1);
        uint256 before = liar.balance;
        vm.prank(liar);
        challenge.withdrawCredit();
        assertEq(liar.balance, before + ROOT_BOND);
    }

    /// A no-op that never reverts: the money comes back whatever has become of the dispute.
    function test_open_again_in_a_decided_and_in_a_settled_dispute_credits_what_was_sent() external {
        good = post(honest, genesis, "honest", 1);
        open(honest, genesis, good, truth);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth);
        open(liar, genesis, good, truth);
        assertEq(challenge.credit(liar), ROOT_BOND);
        challenge.settle(rootOf(genesis, truth), pathUp(genesis, truth, 0, K), noOpenings());
        open(liar, genesis, good, truth);
        assertEq(challenge.credit(liar), 2 * ROOT_BOND);
    }

    /// O36 and the padding: the first step, an inner one, the last one before the halt, the first
    /// padded one, one deep in the padding, and the very last.
    function test_the_truth_wins_wherever_the_lie_begins() external {
        uint64[6] memory places = [uint64(0), 2, 3, 4, 700_000, (1 << 22) - 1];
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            Trace memory wrong = begin(places[i]);
            assertEq(truth.divergence(wrong), places[i]);
            descend(genesis, truth, wrong, places[i]);
            prove(honest, genesis, truth, places[i]);
            vm.roll(block.number + PERIOD);
            decide(genesis, truth, places[i]);
            (bool decided, AssertionId winner) = challenge.decision(genesis, 1);
            assertTrue(decided && winner == good);
            assertTrue(vm.revertToState(snapshot));
        }
    }

    function test_the_liar_earns_nothing_while_the_truth_answers() external {
        Trace memory wrong = begin(700_000);
        descend(genesis, truth, wrong, 700_000);
        prove(honest, genesis, truth, 700_000);
        vm.roll(block.number + 100 * PERIOD);
        Opening[] memory path = pathUp(genesis, wrong, 700_000, 0);
        Edge memory root = wrong.edge(disputeOf(genesis), K, 0);
        // The assertion was alone for no block: the liar posted first, the rival in that block.
        vm.expectRevert(abi.encodeWithSelector(IChallenge.PeriodNotOver.selector, 0, PERIOD));
        challenge.decide(root, path);
    }

    function test_a_wrong_leaf_is_never_proven() external {
        Trace memory wrong = begin(2);
        descend(genesis, truth, wrong, 2);
        (Node basePrev, Node[] memory siblings) = wrong.preProof(2);
        Edge memory edge = wrong.edge(disputeOf(genesis), 0, 2);
        bytes32 pre = wrong.stateAfter(2);
        bytes memory witness = witnessOf(pre, genesis);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        challenge.prove(edge, pre, basePrev, siblings, witness);
    }

    function test_a_bad_witness_reverts_and_changes_nothing() external {
        Trace memory wrong = begin(2);
        descend(genesis, truth, wrong, 2);
        (Node basePrev, Node[] memory siblings) = truth.preProof(2);
        Edge memory edge = truth.edge(disputeOf(genesis), 0, 2);
        bytes32 pre = truth.stateAfter(2);
        vm.expectPartialRevert(ScriptedReferee.BadWitness.selector);
        challenge.prove(edge, pre, basePrev, siblings, "");
        assertTrue(challenge.edgeState(challenge.edgeId(edge)).progress == Progress.OPEN);
    }

    function test_a_proof_starved_of_gas_reverts_and_can_be_made_again() external {
        Trace memory wrong = begin(2);
        descend(genesis, truth, wrong, 2);
        (Node basePrev, Node[] memory siblings) = truth.preProof(2);
        Edge memory edge = truth.edge(disputeOf(genesis), 0, 2);
        bytes32 pre = truth.stateAfter(2);
        bytes memory data = abi.encodeCall(IChallenge.prove, (edge, pre, basePrev, siblings, witnessOf(pre, genesis)));
        for (uint256 gas = 2_000; gas < 40_000; gas += 500) {
            uint256 snapshot = vm.snapshotState();
            // solhint-disable-next-line avoid-low-level-calls
            (bool done,) = address(challenge).call{gas: gas}(data);
            Progress progress = challenge.edgeState(challenge.edgeId(edge)).progress;
            assertTrue(progress == (done ? Progress.PROVEN : Progress.OPEN));
            assertTrue(vm.revertToState(snapshot));
        }
        // solhint-disable-next-line avoid-low-level-calls
        (bool proven,) = address(challenge).call(data);
        assertTrue(proven);
    }

    function test_a_root_wins_when_period_is_reached_and_not_a_block_before() external {
        good = post(honest, genesis, "honest", 1);
        open(honest, genesis, good, truth);
        Edge memory root = truth.edge(disputeOf(genesis), K, 0);
        Opening[] memory openings = pathUp(genesis, truth, 0, K);
        vm.roll(block.number + PERIOD - 1);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.PeriodNotOver.selector, PERIOD - 1, PERIOD));
        challenge.decide(root, openings);
        vm.roll(block.number + 1);
        challenge.decide(root, openings);
        (, AssertionId winner) = challenge.decision(genesis, 1);
        assertTrue(winner == good);
    }

    function test_the_assertions_own_time_alone_counts_for_its_root() external {
        vm.roll(block.number + 400);
        good = post(honest, genesis, "honest", 1);
        Trace memory wrong = traceTo(genesis, "lie", 1, 3);
        open(liar, genesis, bad, wrong);
        Edge memory root = wrong.edge(disputeOf(genesis), K, 0);
        vm.roll(block.number + PERIOD - 401);
        Opening[] memory openings = pathUp(genesis, wrong, 0, K);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.PeriodNotOver.selector, PERIOD - 1, PERIOD));
        challenge.decide(root, openings);
        vm.roll(block.number + 1);
        challenge.decide(root, openings);
    }

    function test_decide_for_a_rival_of_the_winner_is_refused() external {
        Trace memory wrong = begin(2);
        descend(genesis, truth, wrong, 2);
        prove(honest, genesis, truth, 2);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth, 2);
        Edge memory root = wrong.edge(disputeOf(genesis), K, 0);
        vm.expectPartialRevert(IChallenge.AlreadyDecided.selector);
        challenge.decide(root, noOpenings());
    }

    /// No-ops come before any other work: whichever root brings the winner, with whatever beside it.
    function test_decide_for_the_winner_again_by_whichever_root_is_a_no_op() external {
        Trace memory wrong = begin(2);
        Trace memory other = truth;
        other.states[0] = keccak256("another way to the true state");
        open(liar, genesis, good, other);
        descend(genesis, truth, wrong, 2);
        prove(honest, genesis, truth, 2);
        for (uint8 h = K; h > 0; --h) {
            bisect(honest, genesis, truth, h, 0);
            bisect(liar, genesis, other, h, 0);
        }
        prove(honest, genesis, truth, 0);
        vm.roll(block.number + PERIOD);
        challenge.update(pathUp(genesis, truth, 2, 0));
        decide(genesis, truth, 0);
        uint40 decidedBlock = challenge.disputeState(disputeOf(genesis)).decidedBlock;
        vm.roll(block.number + 7);
        Opening[] memory rubbish = new Opening[](1);
        challenge.decide(rootOf(genesis, truth), rubbish);
        challenge.decide(rootOf(genesis, other), rubbish);
        assertEq(uint256(challenge.disputeState(disputeOf(genesis)).decidedBlock), decidedBlock);
    }

    function test_moves_made_before_are_no_ops_in_settled_disputes_too() external {
        Trace memory wrong = begin(2);
        descend(genesis, truth, wrong, 2);
        prove(honest, genesis, truth, 2);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth, 2);
        challenge.settle(rootOf(genesis, truth), noOpenings(), noOpenings());
        bisect(liar, genesis, truth, K, 0);
        prove(liar, genesis, truth, 2);
        challenge.update(pathUp(genesis, truth, 2, 0));
        assertEq(challenge.edgeState(challenge.edgeId(truth.edge(disputeOf(genesis), K, 0))).mover, honest);
    }

    /// R3: a dispute that is only decided goes on; one that is settled stands still.
    function test_moves_are_made_until_the_dispute_is_settled() external {
        Trace memory wrong = begin(2);
        Trace memory late = truth;
        late.states[1] = keccak256("a false step to the true state");
        vm.roll(block.number + 1);
        open(liar, genesis, good, late);
        descend(genesis, truth, wrong, 2);
        prove(honest, genesis, truth, 2);
        vm.roll(block.number + PERIOD);
        challenge.update(pathUp(genesis, truth, 2, 0));
        decide(genesis, truth);
        bisect(liar, genesis, late, K, 0);
        challenge.settle(rootOf(genesis, truth), noOpenings(), noOpenings());
        Opening memory o = late.opening(disputeOf(genesis), K - 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.AlreadySettled.selector, disputeOf(genesis)));
        challenge.bisect(o.edge, o.left, o.right);
    }

    function test_decide_for_an_inner_edge_is_refused() external {
        Trace memory wrong = begin(2);
        descend(genesis, truth, wrong, 2);
        Edge memory inner = truth.edge(disputeOf(genesis), K - 1, 0);
        vm.expectPartialRevert(IChallenge.NotRoot.selector);
        challenge.decide(inner, noOpenings());
    }

    function test_decide_for_an_absent_root_is_refused() external {
        Edge memory root = truth.edge(disputeOf(genesis), K, 0);
        vm.expectPartialRevert(IChallenge.NotRoot.selector);
        challenge.decide(root, noOpenings());
    }

    /// R1: the parent is not asked, so nobody can catch up while it waits.
    function test_decide_below_an_unconfirmed_parent_is_taken() external {
        good = post(honest, genesis, "honest", 1);
        AssertionId one = post(honest, good, "honest", 2);
        post(liar, good, "lie", 2);
        Trace memory trace = traceTo(good, "honest", 2, NEVER);
        open(honest, good, one, trace);
        vm.roll(block.number + PERIOD);
        decide(good, trace);
        (bool decided, AssertionId winner) = winnerOf(good);
        assertTrue(decided && winner == one);
        expectConfirmRevert(one, IRollup.ParentNotLatest.selector);
    }

    /// R1, to its end: even below a parent that has fallen money comes home.
    function test_P13_a_dispute_below_a_rejected_parent_is_decided_and_settled() external {
        good = post(honest, genesis, "honest", 1);
        AssertionId one = post(honest, bad, "honest", 2);
        post(liar, bad, "lie", 2);
        Trace memory trace = traceTo(bad, "honest", 2, NEVER);
        open(honest, bad, one, trace);
        open(honest, genesis, good, truth);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth);
        confirm(good);
        rollup.reject(bad);
        decide(bad, trace);
        challenge.settle(rootOf(bad, trace), noOpenings(), noOpenings());
        challenge.settle(rootOf(genesis, truth), noOpenings(), noOpenings());
        assertEq(challenge.credit(honest), 2 * ROOT_BOND);
        assertEq(address(challenge).balance, 2 * ROOT_BOND);
    }

    /// C02: each sybil costs the honest side one path and no time.
    function test_several_liars_at_once_are_answered_in_parallel() external {
        Trace memory wrong = begin(700_000);
        descend(genesis, truth, wrong, 700_000);
        prove(honest, genesis, truth, 700_000);
        uint64[3] memory places = [uint64(1), 3, 900_000];
        for (uint256 i = 0; i < places.length; ++i) {
            AssertionId other = post(liar, genesis, "lie", 10 + i);
            Trace memory trace = traceTo(genesis, "lie", 1, places[i]);
            trace.states[trace.states.length - 1] = StateHash.unwrap(rollup.stateHashOf(other));
            open(liar, genesis, other, trace);
            descend(genesis, truth, trace, places[i]);
            prove(honest, genesis, truth, places[i]);
        }
        vm.roll(block.number + PERIOD);
        for (uint256 i = 0; i < places.length; ++i) {
            challenge.update(pathUp(genesis, truth, places[i], 0));
        }
        decide(genesis, truth, 700_000);
        (, AssertionId winner) = challenge.decision(genesis, 1);
        assertTrue(winner == good);
    }
}
