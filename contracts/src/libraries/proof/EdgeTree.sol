// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChallenge} from "../../interfaces/IChallenge.sol";
import {Award, ContextState, Edge, EdgeState, Opening, Progress} from "../../interfaces/IChallenge.sol";
import {ContextId, DisputeId, EdgeId, Node} from "../../interfaces/Types.sol";
import {TraceTree} from "./TraceTree.sol";

/// @title The edges of all disputes and what may be done with them
/// @notice Edges are named by their content, so equal ones are shared by everybody, the order of
/// moves changes nothing and a reorganised chain leads to the same names.
library EdgeTree {
    /// @dev The total of a proven edge: larger than any challenge period, for ever.
    uint40 internal constant ENOUGH = type(uint40).max;

    struct Store {
        mapping(ContextId => ContextState) contexts;
        mapping(EdgeId => EdgeState) edges;
    }

    /// @notice Edges with one context and different spans are rivals. The parent edge is not in
    /// the key: rival parents share a common child, its timer and its proof. The base is: or one
    /// wrong root would cost its rival 2^K - 1 moves in place of K.
    function contextId(DisputeId dispute, uint8 height, uint64 index, Node base) internal pure returns (ContextId) {
        return ContextId.wrap(keccak256(abi.encode(dispute, height, index, base)));
    }

    function contextId(Edge memory edge) internal pure returns (ContextId) {
        return contextId(edge.dispute, edge.height, edge.index, edge.base);
    }

    function edgeId(ContextId context, Node span) internal pure returns (EdgeId) {
        return EdgeId.wrap(keccak256(abi.encode(context, span)));
    }

    function edgeId(Edge memory edge) internal pure returns (EdgeId) {
        return edgeId(contextId(edge), edge.span);
    }

    function leftChild(Edge calldata edge, Node left) internal pure returns (Edge memory) {
        // SAFETY: only edges above the leaves have children, and an index stays below 2^28.
        unchecked {
            return
                Edge({
                    dispute: edge.dispute, height: edge.height - 1, index: 2 * edge.index, base: edge.base, span: left
                });
        }
    }

    function rightChild(Edge calldata edge, Node left, Node right) internal pure returns (Edge memory) {
        // SAFETY: as in `leftChild`.
        unchecked {
            return Edge({
                dispute: edge.dispute,
                height: edge.height - 1,
                index: 2 * edge.index + 1,
                base: TraceTree.node(edge.base, left),
                span: right
            });
        }
    }

    /// @notice Adds an edge; one that exists stays as it is.
    function add(Store storage self, Edge memory edge) internal returns (EdgeId id) {
        ContextId contextOf = contextId(edge);
        id = edgeId(contextOf, edge.span);
        EdgeState storage state = self.edges[id];
        if (state.progress != Progress.ABSENT) return id;

        // SAFETY: block numbers stay far below 2^40.
        uint40 nowBlock = uint40(block.number);
        state.progress = Progress.OPEN;
        state.createdBlock = nowBlock;
        emit IChallenge.EdgeAdded(edge.dispute, id, edge.height, edge.index, edge.base, edge.span);

        ContextState storage context = self.contexts[contextOf];
        if (!context.exists) {
            context.exists = true;
        } else if (!context.rivalled) {
            // INVARIANT: a second span is what makes rivals, and its block is written once.
            context.rivalled = true;
            context.rivalledBlock = nowBlock;
            emit IChallenge.ContextRivalled(edge.dispute, contextOf, id, nowBlock);
        }
    }

    /// @notice Opens an edge into its two children.
    /// @param settled whether the bonds of the edge's dispute are dealt with
    function bisect(Store storage self, Edge calldata edge, Node left, Node right, bool settled) internal {
        ContextId context = contextId(edge);
        EdgeId id = edgeId(context, edge.span);
        EdgeState storage state = self.edges[id];
        if (state.progress == Progress.BISECTED) return;

        // INVARIANT: only edges that descend from a root are opened.
        require(state.progress != Progress.ABSENT, IChallenge.UnknownEdge(id));
        // INVARIANT: a leaf has no children.
        require(edge.height > 0, IChallenge.WrongHeight(edge.height, 1));
        Node span = TraceTree.node(left, right);
        // INVARIANT: the children are the opening of the node, so no other opening exists.
        require(span == edge.span, IChallenge.WrongNode(span, edge.span));
        // INVARIANT: without a rival there is nothing to settle below; time is earned above only.
        require(self.contexts[context].rivalled, IChallenge.NotRivalled(id));
        // INVARIANT: a settled dispute stands still; one that is only decided goes on, for the money.
        require(!settled, IChallenge.AlreadySettled(edge.dispute));

        state.progress = Progress.BISECTED;
        state.mover = msg.sender;
        emit IChallenge.EdgeBisected(edge.dispute, id, left, right, msg.sender);
        add(self, leftChild(edge, left));
        add(self, rightChild(edge, left, right));
    }

    /// @notice Checks that `pre` is the state before the edge's one step and that a proof counts.
    /// @return needed false when the edge is proven already
    /// @return id the edge's name
    function checkProof(
        Store storage self,
        Edge calldata edge,
        bytes32 pre,
        Node basePrev,
        Node[] calldata siblings,
        bool settled
    ) internal view returns (bool needed, EdgeId id) {
        ContextId context = contextId(edge);
        id = edgeId(context, edge.span);
        EdgeState storage state = self.edges[id];
        if (state.progress == Progress.PROVEN) return (false, id);

        // INVARIANT: only edges that descend from a root are proven.
        require(state.progress != Progress.ABSENT, IChallenge.UnknownEdge(id));
        // INVARIANT: one step is the span of a leaf.
        require(edge.height == 0, IChallenge.WrongHeight(edge.height, 0));
        // INVARIANT: without a rival time alone suffices.
        require(self.contexts[context].rivalled, IChallenge.NotRivalled(id));
        // INVARIANT: a settled dispute stands still; one that is only decided goes on, for the money.
        require(!settled, IChallenge.AlreadySettled(edge.dispute));

        uint256 expected = edge.index == 0 ? 0 : trailingZeros(edge.index);
        // INVARIANT: exactly the siblings of the agreed subtree that ends at `pre`.
        require(siblings.length == expected, IChallenge.SiblingCount(siblings.length, expected));
        Node base = TraceTree.leaf(pre);
        if (edge.index != 0) base = TraceTree.node(basePrev, TraceTree.foldRight(base, siblings));
        // INVARIANT: the step starts from the last state both rivals agree on.
        require(base == edge.base, IChallenge.WrongNode(base, edge.base));
        return (true, id);
    }

    /// @notice Marks an edge, which is called `id`, as proven if `post` is the state it claims.
    function markProven(Store storage self, Edge calldata edge, EdgeId id, bytes32 pre, bytes32 post) internal {
        Node span = TraceTree.leaf(post);
        // INVARIANT: only the true successor is ever proven, so of all rivals at most one is.
        require(span == edge.span, IChallenge.WrongNode(span, edge.span));
        EdgeState storage state = self.edges[id];
        state.progress = Progress.PROVEN;
        state.mover = msg.sender;
        state.totalBlocks = ENOUGH;
        emit IChallenge.EdgeProven(edge.dispute, id, pre, msg.sender);
    }

    /// @notice Caches the edge's total; it never falls.
    function update(Store storage self, Opening calldata opening) internal {
        (EdgeId id, uint40 value) = total(self, opening);
        EdgeState storage state = self.edges[id];
        if (value <= state.totalBlocks) return;
        state.totalBlocks = value;
        emit IChallenge.EdgeUpdated(opening.edge.dispute, id, value);
    }

    /// @notice Blocks without a rival, in a context that is `context`, since `state` was created.
    /// @dev The first edge of a context is not younger than its first rival, every later one is
    /// not older: the difference, floored at 0, is right for both.
    function unrivalledBlocks(ContextState memory context, EdgeState memory state) internal view returns (uint40) {
        uint40 end = context.rivalled ? context.rivalledBlock : uint40(block.number);
        return end > state.createdBlock ? end - state.createdBlock : 0;
    }

    /// @notice Enough if proven; own time, plus the smaller of what the children are known to have
    /// if bisected.
    function total(Store storage self, Opening calldata opening) internal view returns (EdgeId id, uint40 value) {
        Edge calldata edge = opening.edge;
        ContextId context = contextId(edge);
        id = edgeId(context, edge.span);
        EdgeState memory state = self.edges[id];
        // INVARIANT: only existing edges have time.
        require(state.progress != Progress.ABSENT, IChallenge.UnknownEdge(id));
        if (state.progress == Progress.PROVEN) return (id, ENOUGH);

        value = unrivalledBlocks(self.contexts[context], state);
        if (state.progress != Progress.BISECTED) return (id, value);
        // SAFETY: without the edge's own children its time is a bound from below. The edge may have
        // been bisected since the call was signed, and whoever did it must not burn a bundle.
        if (!(TraceTree.node(opening.left, opening.right) == edge.span)) return (id, value);
        uint40 left = knownTotal(self, leftChild(edge, opening.left));
        uint40 right = knownTotal(self, rightChild(edge, opening.left, opening.right));
        // INVARIANT: an edge is as good as its worse child; the better one could be a lie's.
        value = saturatingSum(value, left < right ? left : right);
    }

    /// @dev What a child is worth at least: its cached total, or its own time if that is more. A
    /// child that is not bisected therefore needs no update of its own.
    function knownTotal(Store storage self, Edge memory child) private view returns (uint40) {
        ContextId context = contextId(child);
        EdgeState memory state = self.edges[edgeId(context, child.span)];
        uint40 own = unrivalledBlocks(self.contexts[context], state);
        return own > state.totalBlocks ? own : state.totalBlocks;
    }

    function saturatingSum(uint256 a, uint256 b) internal pure returns (uint40) {
        return a + b > ENOUGH ? ENOUGH : uint40(a + b);
    }

    /// @notice Takes the edge's move for repayment, once, and passes the win on to its children.
    /// @return due whether the move is to be repaid now
    /// @return id the edge's name
    /// @return progress what the move was
    /// @return mover who made it
    function takeMove(Store storage self, Opening calldata opening)
        internal
        returns (bool due, EdgeId id, Progress progress, address mover)
    {
        Edge calldata edge = opening.edge;
        id = edgeId(edge);
        EdgeState storage state = self.edges[id];
        (progress, mover) = (state.progress, state.mover);
        // INVARIANT: a move is repaid only in the tree that was settled on and only once.
        if (state.award != Award.WON || progress == Progress.OPEN) return (false, id, progress, mover);

        state.award = Award.PAID;
        if (progress == Progress.BISECTED) {
            Node span = TraceTree.node(opening.left, opening.right);
            // INVARIANT: the children are the edge's own.
            require(span == edge.span, IChallenge.WrongNode(span, edge.span));
            inheritWin(self, edgeId(leftChild(edge, opening.left)));
            inheritWin(self, edgeId(rightChild(edge, opening.left, opening.right)));
        }
        return (true, id, progress, mover);
    }

    /// @dev Children without a move have nothing to be repaid and are left alone.
    function inheritWin(Store storage self, EdgeId id) private {
        EdgeState storage state = self.edges[id];
        if (state.progress == Progress.OPEN || state.award != Award.NONE) return;
        state.award = Award.WON;
    }

    /// @dev Zero bits below the lowest set one. Requires index != 0.
    function trailingZeros(uint64 index) private pure returns (uint256 count) {
        for (; index & 1 == 0; index >>= 1) {
            ++count;
        }
    }
}
