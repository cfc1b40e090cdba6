// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Edge, IChallenge, Opening} from "@tallystick/interfaces/IChallenge.sol";
import {ICredits} from "@tallystick/interfaces/ICredits.sol";
import {AssertionId, DisputeId, Node} from "@tallystick/interfaces/Types.sol";
import {RollupBase} from "@tests/RollupBase.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// Takes part in a dispute and refuses to be paid.
contract Refuser {
    bool public accepts;

    function open(IChallenge challenge, AssertionId parent, AssertionId id, Node span, Node[] calldata siblings)
        external
        payable
    {
        challenge.openRoot{value: msg.value}(parent, id, 1, span, siblings);
    }

    function withdraw(ICredits from) external {
        from.withdrawCredit();
    }

    function accept() external {
        accepts = true;
    }

    receive() external payable {
        require(accepts, "not now");
    }
}

/// Tries to be paid twice by withdrawing again while it is being paid.
contract Reenterer {
    bool public caught;

    function open(IChallenge challenge, AssertionId parent, AssertionId id, Node span, Node[] calldata siblings)
        external
        payable
    {
        challenge.openRoot{value: msg.value}(parent, id, 1, span, siblings);
    }

    function withdraw(ICredits from) external {
        from.withdrawCredit();
    }

    receive() external payable {
        try ICredits(msg.sender).withdrawCredit() {
            caught = false;
        } catch {
            caught = true;
        }
    }
}

/// Whose money is whose after a dispute.
contract ChallengeSettlementTest is RollupBase {
    using TraceModel for Trace;

    uint64 private constant PLACE = 700_000;

    AssertionId private genesis;
    AssertionId private good;
    AssertionId private bad;
    DisputeId private dispute;
    Trace private truth;
    Trace private wrong;

    function setUp() public override {
        super.setUp();
        genesis = rollup.genesis();
        dispute = disputeOf(genesis);
        truth = traceTo(genesis, "honest", 1, NEVER);
        wrong = traceTo(genesis, "lie", 1, PLACE);
        teach(truth);
        bad = post(liar, genesis, "lie", 1);
        good = post(honest, genesis, "honest", 1);
        open(liar, genesis, bad, wrong);
        open(honest, genesis, good, truth);
    }

    function playOut() private {
        descend(genesis, truth, wrong, PLACE);
        prove(honest, genesis, truth, PLACE);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth, PLACE);
    }

    /// Settles on the true root and repays what is given.
    function settle(Opening[] memory payments) private {
        challenge.settle(rootOf(genesis, truth), noOpenings(), payments);
    }

    function test_settle_before_the_decision_is_refused() external {
        Edge memory root = rootOf(genesis, truth);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.NotDecided.selector, dispute));
        challenge.settle(root, noOpenings(), noOpenings());
    }

    function test_settle_on_a_root_of_another_assertion_is_refused() external {
        playOut();
        Edge memory root = rootOf(genesis, wrong);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.NotWinner.selector, bad, good));
        challenge.settle(root, noOpenings(), noOpenings());
    }

    function test_settle_on_what_is_no_root_is_refused() external {
        playOut();
        Edge memory inner = truth.edge(dispute, K - 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.NotWinner.selector, AssertionId.wrap(bytes32(0)), good));
        challenge.settle(inner, noOpenings(), noOpenings());
    }

    /// Needs no confirmed assertion: R comes home as soon as its own time is there.
    function test_settle_before_the_rollup_confirms_is_taken() external {
        playOut();
        settle(noOpenings());
        assertFalse(rollup.isConfirmed(good));
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD);
    }

    function test_settle_with_edges_of_another_dispute_is_refused() external {
        playOut();
        Opening[] memory openings = pathDown(genesis, truth, PLACE);
        openings[0].edge.dispute = DisputeId.wrap(bytes32(uint256(1)));
        Edge memory root = rootOf(genesis, truth);
        vm.expectPartialRevert(IChallenge.WrongDispute.selector);
        challenge.settle(root, noOpenings(), openings);
    }

    function test_settle_with_other_children_is_refused() external {
        playOut();
        Opening[] memory openings = pathDown(genesis, truth, PLACE);
        openings[0].left = Node.wrap(0);
        Edge memory root = rootOf(genesis, truth);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        challenge.settle(root, noOpenings(), openings);
    }

    function test_winner_gets_its_bond_and_its_moves_and_the_sink_half_of_the_losers() external {
        playOut();
        settle(pathDown(genesis, truth, PLACE));
        uint256 rewards = OPEN_REWARD + K * BISECT_REWARD + PROVE_REWARD;
        assertEq(challenge.credit(honest), ROOT_BOND + rewards);
        assertEq(challenge.credit(SINK), ROOT_BOND / 2);
        assertEq(challenge.credit(liar), 0);
        assertEq(challenge.disputeState(dispute).potWei, ROOT_BOND / 2 - rewards);
        assertEq(address(challenge).balance, 2 * ROOT_BOND);
    }

    function test_settle_again_pays_nothing() external {
        playOut();
        Opening[] memory openings = pathDown(genesis, truth, PLACE);
        settle(openings);
        uint256 owed = challenge.credit(honest);
        settle(openings);
        assertEq(challenge.credit(honest), owed);
        assertEq(challenge.credit(SINK), ROOT_BOND / 2);
    }

    function test_settle_in_pieces_pays_the_same() external {
        playOut();
        Opening[] memory openings = pathDown(genesis, truth, PLACE);
        Opening[] memory one = new Opening[](1);
        for (uint256 i = 0; i < openings.length; ++i) {
            one[0] = openings[i];
            settle(one);
        }
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD + K * BISECT_REWARD + PROVE_REWARD);
    }

    function test_moves_of_the_losing_tree_are_not_repaid() external {
        playOut();
        settle(pathDown(genesis, truth, PLACE));
        settle(pathDown(genesis, wrong, PLACE));
        assertEq(challenge.credit(liar), 0);
    }

    function test_edges_given_before_their_parents_are_passed_over() external {
        playOut();
        settle(pathUp(genesis, truth, PLACE, 0));
        // Bottom-up only the root itself is known to have won.
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD + BISECT_REWARD);
    }

    function test_whoever_made_a_move_first_is_repaid_and_a_copier_is_not() external {
        address friend = actor("friend");
        bisect(friend, genesis, truth, K, 0);
        bisect(honest, genesis, truth, K, 0);
        playOut();
        settle(pathDown(genesis, truth, PLACE));
        assertEq(challenge.credit(friend), BISECT_REWARD);
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD + (K - 1) * BISECT_REWARD + PROVE_REWARD);
    }

    /// C08: whoever plays both sides gets back at most half of what the losing side paid.
    function test_playing_both_sides_loses_half_a_bond_at_least() external {
        playOut();
        settle(pathDown(genesis, truth, PLACE));
        uint256 paidIn = 2 * ROOT_BOND;
        uint256 paidOut = challenge.credit(honest) + challenge.credit(liar);
        assertLe(paidOut, paidIn - ROOT_BOND / 2, "self-dispute");
    }

    function test_unopposed_winner_gets_its_bond_and_nothing_else() external {
        playOut();
        AssertionId next = post(honest, good, "honest", 2);
        post(liar, good, "lie", 2);
        Trace memory trace = traceTo(good, "honest", 2, NEVER);
        open(honest, good, next, trace);
        vm.roll(block.number + PERIOD);
        decide(good, trace);
        uint256 before = challenge.credit(honest);
        challenge.settle(rootOf(good, trace), noOpenings(), noOpenings());
        assertEq(challenge.credit(honest), before + ROOT_BOND);
        assertEq(challenge.disputeState(disputeOf(good)).potWei, 0);
    }

    /// A false trace that ends in the true state, with its root rivalled from the first block.
    function openFalseTrace() private returns (Trace memory other) {
        other = truth;
        other.states[0] = keccak256("a false first step");
        open(liar, genesis, good, other);
    }

    /// R9: what the head start decided, it does not pay for; whoever has no bond at stake waits.
    function test_settle_counts_no_head_start() external {
        AssertionId next = post(honest, good, "honest", 2);
        vm.roll(block.number + PERIOD - 1);
        post(liar, good, "lie", 2);
        Trace memory trace = traceTo(good, "honest", 2, NEVER);
        open(honest, good, next, trace);
        vm.roll(block.number + 1);
        decide(good, trace);
        Edge memory root = rootOf(good, trace);
        Opening[] memory openings = pathUp(good, trace, 0, K);
        vm.roll(block.number + PERIOD - 2);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.PeriodNotOver.selector, PERIOD - 1, PERIOD));
        challenge.settle(root, openings, noOpenings());
        vm.roll(block.number + 1);
        challenge.settle(root, openings, noOpenings());
        assertEq(challenge.credit(honest), ROOT_BOND);
    }

    function test_settle_updates_the_openings_it_is_given() external {
        descend(genesis, truth, wrong, PLACE);
        prove(honest, genesis, truth, PLACE);
        vm.roll(block.number + PERIOD);
        decide(genesis, truth, PLACE);
        Opening[] memory openings = pathUp(genesis, truth, PLACE, 0);
        challenge.settle(openings[K].edge, openings, noOpenings());
        assertTrue(challenge.disputeState(dispute).settled);
    }

    /// Whatever root a later call brings, payments go below the one that was settled on; its first
    /// part is a no-op, with any rubbish for openings.
    function test_later_calls_pay_below_the_root_that_was_settled_on() external {
        Trace memory other = openFalseTrace();
        playOut();
        settle(noOpenings());
        uint256 paid = challenge.credit(liar);
        bytes32 settled = keccak256(abi.encode(challenge.disputeState(dispute)));
        Opening[] memory rubbish = new Opening[](1);
        challenge.settle(rootOf(genesis, other), rubbish, pathDown(genesis, other, 0));
        assertEq(challenge.credit(liar), paid, "of the other root nothing is paid");
        assertEq(keccak256(abi.encode(challenge.disputeState(dispute))), settled);
        challenge.settle(rootOf(genesis, other), rubbish, pathDown(genesis, truth, PLACE));
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD + K * BISECT_REWARD + PROVE_REWARD);
    }

    /// Two roots lose: the one of the lie and a false trace of the truth. Each bond is halved with
    /// the odd wei for the sink, and the pot caps what movers get.
    function test_every_other_root_loses_also_one_of_the_winner() external {
        openFalseTrace();
        playOut();
        settle(noOpenings());
        assertEq(challenge.credit(SINK), ROOT_BOND);
        assertEq(challenge.disputeState(dispute).potWei, ROOT_BOND - OPEN_REWARD);
        assertEq(challenge.credit(liar), 0);
    }

    function test_no_call_pays_before_credit_exists() external {
        vm.expectRevert(abi.encodeWithSelector(ICredits.NoCredit.selector, address(this)));
        challenge.withdrawCredit();
    }

    /// C22: its money stays owed, everyone else is paid.
    function test_a_receiver_that_reverts_blocks_only_itself() external {
        Refuser refuser = new Refuser();
        refuser.open{value: ROOT_BOND}(challenge, genesis, good, truth.node(K, 0), truth.lastSiblings());
        assertEq(challenge.credit(address(refuser)), ROOT_BOND);
        vm.expectPartialRevert(ICredits.PaymentRefused.selector);
        refuser.withdraw(challenge);
        assertEq(challenge.credit(address(refuser)), ROOT_BOND);
        playOut();
        settle(noOpenings());
        vm.prank(honest);
        challenge.withdrawCredit();
        refuser.accept();
        refuser.withdraw(challenge);
        assertEq(address(refuser).balance, ROOT_BOND);
    }

    /// C23.
    function test_a_receiver_that_calls_back_in_is_paid_once() external {
        Reenterer thief = new Reenterer();
        thief.open{value: ROOT_BOND}(challenge, genesis, good, truth.node(K, 0), truth.lastSiblings());
        thief.withdraw(challenge);
        assertTrue(thief.caught());
        assertEq(address(thief).balance, ROOT_BOND);
        assertEq(address(challenge).balance, 2 * ROOT_BOND);
    }

    function test_every_wei_is_owed_or_in_a_pot() external {
        playOut();
        settle(pathDown(genesis, truth, PLACE));
        uint256 owed = challenge.credit(honest) + challenge.credit(liar) + challenge.credit(SINK);
        assertEq(address(challenge).balance, owed + challenge.disputeState(dispute).potWei);
    }
}
