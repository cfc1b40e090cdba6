// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Edge, IChallenge, Opening, Progress} from "@tallystick/interfaces/IChallenge.sol";
import {DisputeId, Node} from "@tallystick/interfaces/Types.sol";
import {EdgeTree} from "@tallystick/libraries/proof/EdgeTree.sol";
import {Base} from "@tests/Base.sol";
import {EdgeHarness} from "@tests/EdgeHarness.sol";
import {Trace, TraceModel} from "@tests/TraceModel.sol";

/// One rule of the dispute a test, on trees of height 3 over a machine that counts from 100 to 105
/// and halts there.
contract EdgeTreeTest is Base {
    using TraceModel for Trace;

    uint8 private constant K = 3;
    DisputeId private constant DISPUTE = DisputeId.wrap(bytes32(uint256(1)));

    EdgeHarness private harness;
    Trace private honest;

    function setUp() external {
        harness = new EdgeHarness(105);
        honest = lie(8);
        vm.roll(1000);
    }

    /// The true trace, with wrong states from leaf `from` on.
    function lie(uint64 from) private pure returns (Trace memory trace) {
        trace.height = K;
        trace.start = bytes32(uint256(100));
        (trace.from, trace.states) = (new uint64[](8), new bytes32[](8));
        for (uint64 i = 0; i < 8; ++i) {
            uint256 right = 101 + i < 105 ? 101 + i : 105;
            trace.from[i] = i;
            trace.states[i] = bytes32(i < from ? right : 900 + i);
        }
    }

    function addRoot(Trace memory trace) private returns (Edge memory root) {
        root = trace.edge(DISPUTE, K, 0);
        harness.add(root);
    }

    function bisect(Trace memory trace, uint8 height, uint64 index) private {
        Opening memory opening = trace.opening(DISPUTE, height, index);
        harness.bisect(opening.edge, opening.left, opening.right);
    }

    function prove(Trace memory trace, uint64 index) private {
        (Node basePrev, Node[] memory siblings) = trace.preProof(index);
        harness.prove(trace.edge(DISPUTE, 0, index), trace.stateAfter(index), basePrev, siblings);
    }

    /// Both sides bisect down to the first leaf they do not share.
    function descend(Trace memory a, Trace memory b) private returns (uint64 index) {
        addRoot(a);
        addRoot(b);
        index = a.divergence(b);
        for (uint8 h = K; h > 0; --h) {
            bisect(a, h, index >> h);
            bisect(b, h, index >> h);
        }
    }

    function test_model_agrees_with_itself_on_prefixes() external view {
        for (uint64 i = 1; i < 8; ++i) {
            (Node basePrev, Node[] memory siblings) = honest.preProof(i);
            Node folded = TraceModel.hashLeaf(honest.stateAfter(i));
            for (uint256 j = 0; j < siblings.length; ++j) {
                folded = TraceModel.hashNode(siblings[j], folded);
            }
            assertTrue(TraceModel.hashNode(basePrev, folded) == honest.base(0, i));
        }
    }

    function test_first_edge_earns_time_until_the_second_span_appears() external {
        Edge memory root = addRoot(honest);
        vm.roll(1007);
        assertEq(harness.total(honest.opening(DISPUTE, K, 0)), 7);
        addRoot(lie(4));
        vm.roll(1050);
        assertEq(harness.total(honest.opening(DISPUTE, K, 0)), 7);
        assertEq(harness.rivalledBlock(root), 1007);
    }

    function test_later_edges_earn_nothing_and_the_first_rivals_block_stays() external {
        Edge memory root = addRoot(honest);
        vm.roll(1007);
        addRoot(lie(4));
        vm.roll(1020);
        addRoot(lie(5));
        vm.roll(1050);
        assertEq(harness.total(lie(4).opening(DISPUTE, K, 0)), 0);
        assertEq(harness.total(lie(5).opening(DISPUTE, K, 0)), 0);
        assertEq(harness.rivalledBlock(root), 1007);
    }

    function test_adding_the_same_edge_again_changes_nothing() external {
        Edge memory root = addRoot(honest);
        vm.roll(1007);
        addRoot(honest);
        assertFalse(harness.rivalled(root));
        assertEq(uint256(harness.state(root).createdBlock), 1000);
    }

    function test_bisect_of_an_absent_edge_is_refused() external {
        Opening memory o = honest.opening(DISPUTE, K, 0);
        vm.expectPartialRevert(IChallenge.UnknownEdge.selector);
        harness.bisect(o.edge, o.left, o.right);
    }

    function test_bisect_of_a_leaf_is_refused() external {
        uint64 index = descend(honest, lie(4));
        vm.expectRevert(abi.encodeWithSelector(IChallenge.WrongHeight.selector, 0, 1));
        harness.bisect(honest.edge(DISPUTE, 0, index), Node.wrap(0), Node.wrap(0));
    }

    function test_bisect_with_other_children_is_refused() external {
        addRoot(honest);
        addRoot(lie(4));
        Opening memory o = honest.opening(DISPUTE, K, 0);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        harness.bisect(o.edge, o.right, o.left);
    }

    function test_bisect_without_a_rival_is_refused() external {
        addRoot(honest);
        Opening memory o = honest.opening(DISPUTE, K, 0);
        vm.expectPartialRevert(IChallenge.NotRivalled.selector);
        harness.bisect(o.edge, o.left, o.right);
    }

    function test_bisect_in_a_settled_dispute_is_refused() external {
        addRoot(honest);
        addRoot(lie(4));
        harness.settle();
        Opening memory o = honest.opening(DISPUTE, K, 0);
        vm.expectPartialRevert(IChallenge.AlreadySettled.selector);
        harness.bisect(o.edge, o.left, o.right);
    }

    function test_bisect_again_is_a_no_op_that_keeps_the_first_mover() external {
        addRoot(honest);
        addRoot(lie(4));
        bisect(honest, K, 0);
        address other = actor("other");
        Opening memory o = honest.opening(DISPUTE, K, 0);
        vm.prank(other);
        harness.bisect(o.edge, Node.wrap(0), Node.wrap(0));
        assertEq(harness.state(o.edge).mover, address(this));
    }

    function test_bisect_gives_the_left_child_the_base_and_the_right_one_base_and_left() external {
        addRoot(honest);
        addRoot(lie(4));
        bisect(honest, K, 0);
        for (uint64 i = 0; i < 2; ++i) {
            Edge memory child = honest.edge(DISPUTE, K - 1, i);
            assertTrue(harness.state(child).progress == Progress.OPEN);
        }
    }

    function test_rivals_share_the_child_they_agree_on() external {
        addRoot(honest);
        addRoot(lie(4));
        bisect(honest, K, 0);
        bisect(lie(4), K, 0);
        assertFalse(harness.rivalled(honest.edge(DISPUTE, K - 1, 0)), "agreed half");
        assertTrue(harness.rivalled(honest.edge(DISPUTE, K - 1, 1)), "disputed half");
    }

    function test_halves_with_different_prefixes_are_no_rivals() external {
        addRoot(honest);
        addRoot(lie(2));
        bisect(honest, K, 0);
        bisect(lie(2), K, 0);
        assertTrue(harness.rivalled(honest.edge(DISPUTE, K - 1, 0)), "left");
        assertFalse(harness.rivalled(honest.edge(DISPUTE, K - 1, 1)), "right");
    }

    function test_prove_of_an_absent_edge_is_refused() external {
        Edge memory e = honest.edge(DISPUTE, 0, 0);
        vm.expectPartialRevert(IChallenge.UnknownEdge.selector);
        harness.prove(e, honest.start, Node.wrap(0), new Node[](0));
    }

    function test_prove_above_the_leaves_is_refused() external {
        Edge memory e = addRoot(honest);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.WrongHeight.selector, K, 0));
        harness.prove(e, honest.start, Node.wrap(0), new Node[](0));
    }

    function test_prove_without_a_rival_is_refused() external {
        descend(honest, lie(7));
        Edge memory e = honest.edge(DISPUTE, 0, 6);
        (Node basePrev, Node[] memory siblings) = honest.preProof(6);
        vm.expectPartialRevert(IChallenge.NotRivalled.selector);
        harness.prove(e, honest.stateAfter(6), basePrev, siblings);
    }

    function test_prove_in_a_settled_dispute_is_refused() external {
        uint64 index = descend(honest, lie(4));
        harness.settle();
        Edge memory e = honest.edge(DISPUTE, 0, index);
        (Node basePrev, Node[] memory siblings) = honest.preProof(index);
        vm.expectPartialRevert(IChallenge.AlreadySettled.selector);
        harness.prove(e, honest.stateAfter(index), basePrev, siblings);
    }

    function test_prove_with_a_sibling_too_many_or_too_few_is_refused() external {
        uint64 index = descend(honest, lie(4));
        Edge memory e = honest.edge(DISPUTE, 0, index);
        (Node basePrev,) = honest.preProof(index);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.SiblingCount.selector, 1, 2));
        harness.prove(e, honest.stateAfter(index), basePrev, new Node[](1));
        vm.expectRevert(abi.encodeWithSelector(IChallenge.SiblingCount.selector, 3, 2));
        harness.prove(e, honest.stateAfter(index), basePrev, new Node[](3));
    }

    function test_prove_at_the_first_leaf_takes_no_sibling() external {
        descend(honest, lie(0));
        Edge memory e = honest.edge(DISPUTE, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IChallenge.SiblingCount.selector, 1, 0));
        harness.prove(e, honest.start, Node.wrap(0), new Node[](1));
    }

    function test_prove_from_another_state_is_refused() external {
        uint64 index = descend(honest, lie(4));
        Edge memory e = honest.edge(DISPUTE, 0, index);
        (Node basePrev, Node[] memory siblings) = honest.preProof(index);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        harness.prove(e, bytes32(uint256(7)), basePrev, siblings);
    }

    function test_prove_from_another_prefix_is_refused() external {
        uint64 index = descend(honest, lie(4));
        Edge memory e = honest.edge(DISPUTE, 0, index);
        (, Node[] memory siblings) = honest.preProof(index);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        harness.prove(e, honest.stateAfter(index), Node.wrap(0), siblings);
    }

    function test_a_wrong_leaf_cannot_be_proven() external {
        Trace memory liar = lie(4);
        uint64 index = descend(honest, liar);
        Edge memory e = liar.edge(DISPUTE, 0, index);
        (Node basePrev, Node[] memory siblings) = liar.preProof(index);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        harness.prove(e, liar.stateAfter(index), basePrev, siblings);
    }

    function test_the_true_leaf_is_proven_wherever_the_lie_begins() external {
        for (uint64 from = 0; from < 8; ++from) {
            harness = new EdgeHarness(105);
            uint64 index = descend(honest, lie(from));
            assertEq(index, from);
            prove(honest, index);
            Edge memory e = honest.edge(DISPUTE, 0, index);
            assertTrue(harness.state(e).progress == Progress.PROVEN);
            assertEq(harness.state(e).totalBlocks, EdgeTree.ENOUGH);
            prove(honest, index);
        }
    }

    function test_both_rivals_wrong_means_that_neither_is_proven() external {
        Trace memory one = lie(4);
        Trace memory two = lie(4);
        two.states[4] = bytes32(uint256(77));
        uint64 index = descend(one, two);
        (Node basePrev, Node[] memory siblings) = one.preProof(index);
        Edge memory e = one.edge(DISPUTE, 0, index);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        harness.prove(e, one.stateAfter(index), basePrev, siblings);
        e = two.edge(DISPUTE, 0, index);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        harness.prove(e, two.stateAfter(index), basePrev, siblings);
    }

    function test_total_is_own_time_plus_the_smaller_childs() external {
        addRoot(honest);
        vm.roll(1005);
        addRoot(lie(4));
        bisect(honest, K, 0);
        vm.roll(1008);
        bisect(lie(4), K, 0);
        vm.roll(1020);
        harness.update(honest.opening(DISPUTE, K - 1, 0));
        harness.update(honest.opening(DISPUTE, K - 1, 1));
        // 5 alone at the top; below, 20 - 5 for the agreed half and 8 - 5 for the disputed one.
        assertEq(harness.total(honest.opening(DISPUTE, K, 0)), 5 + 3);
    }

    function test_unopened_children_count_without_an_update_and_opened_ones_as_cached() external {
        addRoot(honest);
        addRoot(lie(4));
        bisect(honest, K, 0);
        vm.roll(1012);
        assertEq(harness.total(honest.opening(DISPUTE, K, 0)), 12);
        bisect(lie(4), K, 0);
        bisect(honest, K - 1, 1);
        vm.roll(1030);
        // The disputed half had 12 of its own; what its halves earned since is not cached there.
        assertEq(harness.total(honest.opening(DISPUTE, K, 0)), 12);
        harness.update(honest.opening(DISPUTE, K - 1, 1));
        assertEq(harness.total(honest.opening(DISPUTE, K, 0)), 12 + 18);
    }

    function test_update_of_an_absent_edge_is_refused() external {
        Opening memory o = honest.opening(DISPUTE, K, 0);
        vm.expectPartialRevert(IChallenge.UnknownEdge.selector);
        harness.update(o);
    }

    /// Whoever bisects an edge after an update of it was signed does not make the update revert.
    function test_update_without_the_edges_own_children_counts_its_own_time_alone() external {
        addRoot(honest);
        vm.roll(1007);
        addRoot(lie(4));
        bisect(honest, K, 0);
        vm.roll(1020);
        Opening memory o = honest.opening(DISPUTE, K, 0);
        (Node left, Node right) = (o.left, o.right);
        (o.left, o.right) = (Node.wrap(0), Node.wrap(0));
        harness.update(o);
        assertEq(uint256(harness.state(o.edge).totalBlocks), 7);
        (o.left, o.right) = (right, left);
        harness.update(o);
        assertEq(uint256(harness.state(o.edge).totalBlocks), 7);
        (o.left, o.right) = (left, right);
        harness.update(o);
        assertEq(uint256(harness.state(o.edge).totalBlocks), 20);
    }

    function test_cached_total_never_falls() external {
        addRoot(honest);
        vm.roll(1030);
        harness.update(honest.opening(DISPUTE, K, 0));
        addRoot(lie(4));
        bisect(honest, K, 0);
        harness.update(honest.opening(DISPUTE, K, 0));
        assertEq(uint256(harness.state(honest.edge(DISPUTE, K, 0)).totalBlocks), 30);
    }

    function test_proof_is_enough_for_ever_on_its_path() external {
        uint64 index = descend(honest, lie(4));
        prove(honest, index);
        vm.roll(1100);
        for (uint8 h = 0; h <= K; ++h) {
            uint64 spot = index >> h;
            if (h < K) harness.update(honest.opening(DISPUTE, h, spot ^ 1));
            harness.update(honest.opening(DISPUTE, h, spot));
        }
        assertEq(harness.total(honest.opening(DISPUTE, K, 0)), 100);
    }

    function test_zero_hashes_and_equal_halves_play_like_any_other() external {
        Trace memory zeros;
        (zeros.height, zeros.start) = (K, bytes32(uint256(100)));
        (zeros.from, zeros.states) = (new uint64[](1), new bytes32[](1));
        uint64 index = descend(honest, zeros);
        prove(honest, index);
        // An edge whose span itself is zero exists, is rivalled, and cannot be opened.
        Edge memory e = honest.edge(DISPUTE, K, 0);
        e.span = Node.wrap(0);
        harness.add(e);
        assertTrue(harness.state(e).progress == Progress.OPEN);
        vm.expectPartialRevert(IChallenge.WrongNode.selector);
        harness.bisect(e, Node.wrap(0), Node.wrap(0));
    }

    function testFuzz_sum_never_wraps(uint40 a, uint40 b) external pure {
        uint256 sum = uint256(a) + b;
        uint256 expected = sum > type(uint40).max ? type(uint40).max : sum;
        assertEq(uint256(EdgeTree.saturatingSum(a, b)), expected);
    }
}
