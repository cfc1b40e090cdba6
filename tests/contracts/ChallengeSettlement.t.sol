// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChallenge, Opening} from "@tallystick/interfaces/IChallenge.sol";
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
        confirmRoot(genesis, truth, PLACE);
    }

    function execute() private {
        vm.roll(block.number + GRACE);
        rollup.confirm(good);
    }

    function test_settle_before_the_decision_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IChallenge.NotDecided.selector, dispute));
        challenge.settle(dispute, noOpenings());
    }

    function test_settle_before_the_rollup_confirms_is_refused() external {
        playOut();
        vm.expectRevert(abi.encodeWithSelector(IChallenge.NotFinal.selector, good));
        challenge.settle(dispute, noOpenings());
    }

    function test_settle_with_edges_of_another_dispute_is_refused() external {
        playOut();
        execute();
        Opening[] memory openings = pathDown(genesis, truth, PLACE);
        openings[0].edge.dispute = DisputeId.wrap(bytes32(uint256(1)));
        vm.expectPartialRevert(IChallenge.WrongDispute.selector);
        challenge.settle(dispute, openings);
    }

    function test_settle_with_other_children_is_refused() external {
        playOut();
        execute();
        Opening[] memory openings = pathDown(genesis, truth, PLACE);
        openings[0].left = Node.wrap(0);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        challenge.settle(dispute, openings);
    }

    function test_winner_gets_its_bond_and_its_moves_and_the_sink_half_of_the_losers() external {
        playOut();
        execute();
        challenge.settle(dispute, pathDown(genesis, truth, PLACE));
        uint256 rewards = OPEN_REWARD + K * BISECT_REWARD + PROVE_REWARD;
        assertEq(challenge.credit(honest), ROOT_BOND + rewards);
        assertEq(challenge.credit(sink), ROOT_BOND / 2);
        assertEq(challenge.credit(liar), 0);
        assertEq(challenge.disputeState(dispute).potWei, ROOT_BOND / 2 - rewards);
        assertEq(address(challenge).balance, 2 * ROOT_BOND);
    }

    function test_settle_again_pays_nothing() external {
        playOut();
        execute();
        Opening[] memory openings = pathDown(genesis, truth, PLACE);
        challenge.settle(dispute, openings);
        uint256 owed = challenge.credit(honest);
        challenge.settle(dispute, openings);
        assertEq(challenge.credit(honest), owed);
        assertEq(challenge.credit(sink), ROOT_BOND / 2);
    }

    function test_settle_in_pieces_pays_the_same() external {
        playOut();
        execute();
        Opening[] memory openings = pathDown(genesis, truth, PLACE);
        Opening[] memory one = new Opening[](1);
        for (uint256 i = 0; i < openings.length; ++i) {
            one[0] = openings[i];
            challenge.settle(dispute, one);
        }
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD + K * BISECT_REWARD + PROVE_REWARD);
    }

    function test_moves_of_the_losing_tree_are_not_repaid() external {
        playOut();
        execute();
        challenge.settle(dispute, pathDown(genesis, truth, PLACE));
        challenge.settle(dispute, pathDown(genesis, wrong, PLACE));
        assertEq(challenge.credit(liar), 0);
    }

    function test_edges_given_before_their_parents_are_passed_over() external {
        playOut();
        execute();
        challenge.settle(dispute, pathUp(genesis, truth, PLACE, 0));
        // Bottom-up only the root itself is known to have won.
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD + BISECT_REWARD);
    }

    function test_whoever_made_a_move_first_is_repaid_and_a_copier_is_not() external {
        address friend = actor("friend");
        bisect(friend, genesis, truth, K, 0);
        bisect(honest, genesis, truth, K, 0);
        playOut();
        execute();
        challenge.settle(dispute, pathDown(genesis, truth, PLACE));
        assertEq(challenge.credit(friend), BISECT_REWARD);
        assertEq(challenge.credit(honest), ROOT_BOND + OPEN_REWARD + (K - 1) * BISECT_REWARD + PROVE_REWARD);
    }

    /// C08: whoever plays both sides gets back at most half of what the losing side paid.
    function test_playing_both_sides_loses_half_a_bond_at_least() external {
        playOut();
        execute();
        challenge.settle(dispute, pathDown(genesis, truth, PLACE));
        uint256 paidIn = 2 * ROOT_BOND;
        uint256 paidOut = challenge.credit(honest) + challenge.credit(liar);
        assertLe(paidOut, paidIn - ROOT_BOND / 2, "self-dispute");
    }

    function test_unopposed_winner_gets_its_bond_and_nothing_else() external {
        // A dispute of two assertions in which only one root is opened.
        AssertionId next = playTwoAssertionsOneRoot();
        DisputeId second = challenge.disputeId(good, rollup.assertion(next).limit);
        uint256 before = challenge.credit(honest);
        challenge.settle(second, noOpenings());
        assertEq(challenge.credit(honest), before + ROOT_BOND);
        assertEq(challenge.disputeState(second).potWei, 0);
    }

    function playTwoAssertionsOneRoot() private returns (AssertionId next) {
        playOut();
        execute();
        next = post(honest, good, "honest", 2);
        post(liar, good, "lie", 2);
        Trace memory trace = traceTo(good, "honest", 2, NEVER);
        open(honest, good, next, trace);
        vm.roll(block.number + PERIOD);
        challenge.confirmRoot(trace.edge(disputeOf(good), K, 0), pathUp(good, trace, 0, K));
        rollup.confirm(next);
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
        execute();
        challenge.settle(dispute, noOpenings());
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
        execute();
        challenge.settle(dispute, pathDown(genesis, truth, PLACE));
        uint256 owed = challenge.credit(honest) + challenge.credit(liar) + challenge.credit(sink);
        assertEq(address(challenge).balance, owed + challenge.disputeState(dispute).potWei);
    }
}
