// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICredits} from "./ICredits.sol";
import {AssertionId, ContextId, DisputeId, EdgeId, Node, StateHash} from "./Types.sol";

/// @notice What an edge claims: the node at (height, index) of the tree over the trace is `span`,
/// and `base` commits to all states before it.
/// @param dispute the dispute it belongs to
/// @param height 20 for a root, 0 for one step
/// @param index position among the nodes of its height
/// @param base agreed prefix: leaf(first state) for the leftmost edges, else node(base, left span)
/// @param span the node
struct Edge {
    DisputeId dispute;
    uint8 height;
    uint64 index;
    Node base;
    Node span;
}

/// @notice An edge with its two children; both are ignored when the edge is not bisected.
struct Opening {
    Edge edge;
    Node left;
    Node right;
}

/// @notice How far an edge is. ABSENT: it does not exist.
enum Progress {
    ABSENT,
    OPEN,
    BISECTED,
    PROVEN
}

/// @notice Where an edge is in the settlement. WON: it belongs to the winning tree.
enum Award {
    NONE,
    WON,
    PAID
}

/// @notice What is stored of an edge.
/// @param mover who bisected or proved it
/// @param createdBlock block it was added in
/// @param totalBlocks its cached total; type(uint40).max is enough for ever
struct EdgeState {
    address mover;
    uint40 createdBlock;
    uint40 totalBlocks;
    Progress progress;
    Award award;
}

/// @notice What is stored of a context.
/// @param exists whether an edge has been added
/// @param rivalled whether a second span has been added
/// @param rivalledBlock block of the second span, written once; only if rivalled
struct ContextState {
    bool exists;
    bool rivalled;
    uint40 rivalledBlock;
}

/// @notice What is stored of a root edge.
/// @param assertion the assertion it commits to a trace
/// @param opener who paid the bond
struct RootState {
    AssertionId assertion;
    address opener;
}

/// @notice What is stored of a dispute.
/// @param exists whether a root has been opened
/// @param decided whether it has a winner
/// @param settled whether the winner's bond is paid back
/// @param limit batches its machine may read
/// @param roots root edges so far, each with its bond
/// @param decidedBlock block of the decision; only if decided
/// @param finalBlock block from which the decision may be executed; only if decided
/// @param winner the winning root; only if decided
/// @param potWei what is left to repay the movers from
struct DisputeState {
    bool exists;
    bool decided;
    bool settled;
    uint64 limit;
    uint32 roots;
    uint40 decidedBlock;
    uint40 finalBlock;
    EdgeId winner;
    uint256 potWei;
}

/// @title The dispute among the children of one assertion
/// @notice All against all, by bisecting trees over the traces down to one step. Anyone may make
/// any move; a move that was made before is a no-op, never an error.
interface IChallenge is ICredits {
    /// @notice What is fixed for good.
    /// @param challengePeriodBlocks T: time without a rival that wins
    /// @param graceBlocks G: wait after the decision of a root that had a rival
    /// @param bondWei bond of a root edge
    /// @param openRewardWei repaid to the opener of the winning root
    /// @param bisectRewardWei repaid for each bisection in the winning tree
    /// @param proveRewardWei repaid for each proof in the winning tree
    /// @param sink who is credited with forfeited bonds; an address without a key burns them
    struct Config {
        uint40 challengePeriodBlocks;
        uint40 graceBlocks;
        uint256 bondWei;
        uint256 openRewardWei;
        uint256 bisectRewardWei;
        uint256 proveRewardWei;
        address sink;
    }

    /// @notice The children of `parent` dispute over the trace from `start` up to `limit`.
    event DisputeOpened(DisputeId indexed dispute, AssertionId indexed parent, StateHash start, uint64 limit);
    /// @notice `edge` commits `assertion` to a trace; `opener` paid the bond.
    event RootOpened(
        DisputeId indexed dispute, EdgeId indexed edge, AssertionId indexed assertion, address opener, uint256 bondWei
    );
    /// @notice An edge exists from this block on.
    event EdgeAdded(DisputeId indexed dispute, EdgeId indexed edge, uint8 height, uint64 index, Node base, Node span);
    /// @notice A second span appeared in `context` in this block; `rival` is its edge.
    event ContextRivalled(DisputeId indexed dispute, ContextId indexed context, EdgeId rival, uint40 rivalledBlock);
    /// @notice The edge's children are `left` and `right`.
    event EdgeBisected(DisputeId indexed dispute, EdgeId indexed edge, Node left, Node right, address mover);
    /// @notice The edge's one step is proven, from the state `pre`.
    event EdgeProven(DisputeId indexed dispute, EdgeId indexed edge, bytes32 pre, address mover);
    /// @notice The edge's cached total grew.
    event EdgeUpdated(DisputeId indexed dispute, EdgeId indexed edge, uint40 totalBlocks);
    /// @notice The dispute is won; the Rollup may confirm the assertion from `finalBlock` on.
    event RootConfirmed(
        DisputeId indexed dispute, EdgeId indexed edge, AssertionId indexed assertion, uint40 finalBlock
    );
    /// @notice The winner's bond is back, the losers' are lost: `potWei` of them repays movers.
    event DisputeSettled(
        DisputeId indexed dispute, address opener, uint256 bondWei, uint256 forfeitedWei, uint256 potWei
    );
    /// @notice A move in the winning tree is repaid.
    event MoveRepaid(DisputeId indexed dispute, EdgeId indexed edge, address mover, uint256 amountWei);

    /// @notice Half a bond must cover all rewards of answering one wrong root.
    error RewardsExceedBond(uint256 rewardsWei, uint256 mostWei);
    /// @notice There is no such assertion.
    error UnknownAssertion(AssertionId id);
    /// @notice The assertion's parent is another than the caller believed.
    error WrongParent(AssertionId actual, AssertionId expected);
    /// @notice The parent's inputs are others than the caller believed.
    error WrongLimit(uint64 actual, uint64 expected);
    /// @notice The assertion has no rival: there is nothing to dispute.
    error NoRivalAssertion(AssertionId id);
    /// @notice The parent is rejected, or one of its children is confirmed.
    error ParentDone(AssertionId parent);
    /// @notice The dispute has a winner.
    error AlreadyDecided(DisputeId dispute);
    /// @notice There is no such edge.
    error UnknownEdge(EdgeId edge);
    /// @notice Leaves are proven, everything above is bisected.
    error WrongHeight(uint256 actual, uint256 expected);
    /// @notice What was given does not hash to what the edge commits to.
    error WrongNode(Node actual, Node expected);
    /// @notice A path has exactly one sibling a level.
    error SiblingCount(uint256 actual, uint256 expected);
    /// @notice The edge has no rival.
    error NotRivalled(EdgeId edge);
    /// @notice The edge belongs to another dispute.
    error WrongDispute(DisputeId actual, DisputeId expected);
    /// @notice The bond is exact.
    error WrongBond(uint256 actualWei, uint256 expectedWei);
    /// @notice The edge is no root that was opened.
    error NotRoot(EdgeId edge);
    /// @notice The parent is not confirmed.
    error ParentNotConfirmed(AssertionId parent);
    /// @notice The Rollup has confirmed another child of the parent.
    error RivalConfirmed(AssertionId confirmedChild);
    /// @notice The root's total, with the assertion's own time, is short of the challenge period.
    error PeriodNotOver(uint256 totalBlocks, uint256 leastBlocks);
    /// @notice The dispute has no winner yet.
    error NotDecided(DisputeId dispute);
    /// @notice The Rollup has not confirmed the winner's assertion yet.
    error NotFinal(AssertionId assertion);

    /// @notice Commits an assertion to the tree over its trace, with a bond.
    /// @dev If that root exists the call takes nothing: what was sent is credited to the caller.
    /// @param parent the assertion's parent, as the caller knows it
    /// @param assertion the assertion to defend
    /// @param limit the parent's nextLimit, as the caller knows it
    /// @param span root of the tree over the 2^20 states after each step
    /// @param siblings the 20 left siblings, from the leaf up, that prove the last leaf
    function openRoot(AssertionId parent, AssertionId assertion, uint64 limit, Node span, Node[] calldata siblings)
        external
        payable
        returns (EdgeId edge);

    /// @notice Opens a rivalled edge into its two children.
    function bisect(Edge calldata edge, Node left, Node right) external;

    /// @notice Proves the one step of a rivalled edge of height 0.
    /// @param pre hash of the state before the step
    /// @param basePrev prefix of the subtree whose last leaf is `pre`; ignored at index 0
    /// @param siblings left siblings of `pre`, from the leaf up, one for each trailing zero bit of
    /// the index; none at index 0
    /// @param witness for the Referee
    function prove(Edge calldata edge, bytes32 pre, Node basePrev, Node[] calldata siblings, bytes calldata witness)
        external;

    /// @notice Recomputes cached totals in the given order: children before parents.
    /// @dev Children that are not bisected count with their own time and need not be given.
    function update(Opening[] calldata openings) external;

    /// @notice Updates the given edges, then decides the dispute for `root`.
    function confirmRoot(Edge calldata root, Opening[] calldata openings) external;

    /// @notice Pays the winner's bond back, once, and repays the movers of the given edges.
    /// @dev Parents before children; edges outside the winning tree, without a move or repaid
    /// before are passed over.
    function settle(DisputeId dispute, Opening[] calldata openings) external;

    /// @notice Whether the dispute is decided, for which assertion, and from which block on that
    /// may be executed.
    function decision(AssertionId parent, uint64 limit)
        external
        view
        returns (bool decided, AssertionId winner, uint64 finalBlock);

    function edgeState(EdgeId edge) external view returns (EdgeState memory);
    function contextState(ContextId context) external view returns (ContextState memory);
    function rootState(EdgeId edge) external view returns (RootState memory);
    function disputeState(DisputeId dispute) external view returns (DisputeState memory);
    /// @notice Blocks the edge has been, or was, without a rival.
    function unrivalledBlocks(Edge calldata edge) external view returns (uint40);
    /// @notice The total `update` would cache now.
    function totalBlocks(Opening calldata opening) external view returns (uint40);
    /// @notice keccak(config hash, parent, limit).
    function disputeId(AssertionId parent, uint64 limit) external view returns (DisputeId);
    /// @notice keccak(dispute, height, index, base), each a word.
    function contextId(Edge calldata edge) external pure returns (ContextId);
    /// @notice keccak(context, span).
    function edgeId(Edge calldata edge) external pure returns (EdgeId);

    /// @notice keccak of chain id, this contract, Rollup, Referee, height and Config, each a word.
    function configHash() external view returns (bytes32);
    /// @notice K: a trace has 2^K steps.
    function rootHeight() external view returns (uint8);
    function rollup() external view returns (address);
    function referee() external view returns (address);
    function challengePeriodBlocks() external view returns (uint40);
    function graceBlocks() external view returns (uint40);
    function bondWei() external view returns (uint256);
    function openRewardWei() external view returns (uint256);
    function bisectRewardWei() external view returns (uint256);
    function proveRewardWei() external view returns (uint256);
    function sink() external view returns (address);
}
