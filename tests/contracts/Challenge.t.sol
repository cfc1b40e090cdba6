// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Challenge} from "@tallystick/dispute/Challenge.sol";
import {DisputeState, Edge, IChallenge, Opening, Progress} from "@tallystick/interfaces/IChallenge.sol";
import {AssertionId, DisputeId, EdgeId, Node, StateHash} from "@tallystick/interfaces/Types.sol";
import {RollupBase, ScriptedReferee} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// Disputes over 2^20 steps, from the second assertion to the decision.
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

    function test_rewards_above_half_a_bond_are_refused() external {
        IChallenge.Config memory config = challengeConfig();
        config.openRewardWei = 0.5 ether + 1;
        vm.expectRevert(abi.encodeWithSelector(IChallenge.RewardsExceedBond.selector, 1 ether + 1, 1 ether));
        new Challenge(address(rollup), address(referee), config);
    }

    function test_config_hash_pins_the_deployment_and_every_number() external {
        bytes32 first = challenge.configHash();
        IChallenge.Config memory config = challengeConfig();
        Challenge again = new Challenge(address(rollup), address(referee), config);
        assertNotEq(first, again.configHash(), "address");
        assertNotEq(DisputeId.unwrap(challenge.disputeId(genesis, 1)), DisputeId.unwrap(again.disputeId(genesis, 1)));
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

    function test_open_beside_a_confirmed_assertion_is_refused() external {
        vm.roll(block.number + PERIOD);
        good = post(honest, genesis, "honest", 1);
        rollup.confirm(bad);
        expectOpenRevert(IChallenge.ParentDone.selector, genesis, 1, ROOT_BOND);
    }

    function test_open_in_a_decided_dispute_is_refused() external {
        good = post(honest, genesis, "honest", 1);
        open(honest, genesis, good, truth);
        vm.roll(block.number + PERIOD);
        challenge.confirmRoot(truth.edge(disputeOf(genesis), K, 0), pathUp(genesis, truth, 0, K));
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
        vm.expectRevert(abi.encodeWithSelector(IChallenge.SiblingCount.selector, 19, 20));
        challenge.openRoot{value: ROOT_BOND}(genesis, good, 1, span, new Node[](19));
        vm.expectRevert(abi.encodeWithSelector(IChallenge.SiblingCount.selector, 21, 20));
        challenge.openRoot{value: ROOT_BOND}(genesis, good, 1, span, new Node[](21));
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

    /// O36 and the padding: the first step, an inner one, the last one before the halt, the first
    /// padded one, one deep in the padding, and the very last.
    function test_the_truth_wins_wherever_the_lie_begins() external {
        uint64[6] memory places = [uint64(0), 2, 3, 4, 700_000, (1 << 20) - 1];
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            Trace memory wrong = begin(places[i]);
            assertEq(truth.divergence(wrong), places[i]);
            descend(genesis, truth, wrong, places[i]);
            prove(honest, genesis, truth, places[i]);
            vm.roll(block.number + PERIOD);
            confirmRoot(genesis, truth, places[i]);
            (bool decided, AssertionId winner,) = challenge.decision(genesis, 1);
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
        challenge.confirmRoot(root, path);
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
        challenge.confirmRoot(root, openings);
        vm.roll(block.number + 1);
        challenge.confirmRoot(root, openings);
        (, AssertionId winner, uint64 finalBlock) = challenge.decision(genesis, 1);
        assertTrue(winner == good);
        // It never had a rival root: no grace.
        assertEq(uint256(finalBlock), block.number);
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
        challenge.confirmRoot(root, openings);
        vm.roll(block.number + 1);
        challenge.confirmRoot(root, openings);
    }

    function test_confirm_of_the_winner_again_is_a_no_op_and_of_a_rival_is_refused() external {
        Trace memory wrong = begin(2);
        descend(genesis, truth, wrong, 2);
        prove(honest, genesis, truth, 2);
        vm.roll(block.number + PERIOD);
        confirmRoot(genesis, truth, 2);
        uint40 decidedBlock = challenge.disputeState(disputeOf(genesis)).decidedBlock;
        vm.roll(block.number + 7);
        confirmRoot(genesis, truth, 2);
        DisputeState memory dispute = challenge.disputeState(disputeOf(genesis));
        assertEq(uint256(dispute.decidedBlock), decidedBlock);
        assertEq(uint256(dispute.finalBlock), uint256(decidedBlock) + GRACE);
        Edge memory root = wrong.edge(disputeOf(genesis), K, 0);
        vm.expectPartialRevert(IChallenge.AlreadyDecided.selector);
        challenge.confirmRoot(root, noOpenings());
    }

    function test_confirm_of_an_inner_edge_is_refused() external {
        Trace memory wrong = begin(2);
        descend(genesis, truth, wrong, 2);
        Edge memory inner = truth.edge(disputeOf(genesis), K - 1, 0);
        vm.expectPartialRevert(IChallenge.NotRoot.selector);
        challenge.confirmRoot(inner, noOpenings());
    }

    function test_confirm_of_an_absent_root_is_refused() external {
        Edge memory root = truth.edge(disputeOf(genesis), K, 0);
        vm.expectPartialRevert(IChallenge.NotRoot.selector);
        challenge.confirmRoot(root, noOpenings());
    }

    function test_confirm_below_an_unconfirmed_parent_is_refused() external {
        good = post(honest, genesis, "honest", 1);
        AssertionId one = post(honest, good, "honest", 2);
        post(liar, good, "lie", 2);
        Trace memory trace = traceTo(good, "honest", 2, NEVER);
        open(honest, good, one, trace);
        vm.roll(block.number + PERIOD);
        Opening[] memory openings = pathUp(good, trace, 0, K);
        Edge memory root = openings[0].edge;
        vm.expectRevert(abi.encodeWithSelector(IChallenge.ParentNotConfirmed.selector, good));
        challenge.confirmRoot(root, openings);
    }

    function test_confirm_against_a_child_confirmed_by_time_is_refused() external {
        vm.roll(block.number + PERIOD);
        good = post(honest, genesis, "honest", 1);
        open(honest, genesis, good, truth);
        vm.roll(block.number + PERIOD);
        rollup.confirm(bad);
        Opening[] memory openings = pathUp(genesis, truth, 0, K);
        Edge memory root = openings[0].edge;
        vm.expectRevert(abi.encodeWithSelector(IChallenge.RivalConfirmed.selector, bad));
        challenge.confirmRoot(root, openings);
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
        confirmRoot(genesis, truth, 700_000);
        (, AssertionId winner,) = challenge.decision(genesis, 1);
        assertTrue(winner == good);
    }
}
