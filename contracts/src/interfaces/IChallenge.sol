// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICredits} from "./ICredits.sol";
import {AssertionId, ContextId, DisputeId, EdgeId, Node, StateHash} from "./Types.sol";

/// @notice What an edge claims: the node at (height, index) of the tree over the trace is `span`,
/// and `base` commits to all states before it.
/// @param dispute the dispute it belongs to
/// @param height K for a root, 0 for one step
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

/// @notice An edge with its two children; others than its own count for nothing.
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

/// @notice Where an edge is in the settlement. WON: it belongs to the tree that is repaid.
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
/// @param settled whether the bonds are dealt with: the game stands still
/// @param limit batches its machine may read
/// @param roots root edges so far, each with its bond
/// @param decidedBlock block of the decision; only if decided
/// @param winner the assertion that has won; only if decided
/// @param potWei what is left to repay the movers from
struct DisputeState {
    bool exists;
    bool decided;
    bool settled;
    uint64 limit;
    uint32 roots;
    uint40 decidedBlock;
    AssertionId winner;
    uint256 potWei;
}

/// @title The dispute among the children of one assertion
/// @notice All against all, by bisecting trees over the traces down to one step. Anyone may make
/// any move; a move that was made before is a no-op, never an error. The dispute of a parent is its
/// own: it reads nothing of what becomes of the parent.
interface IChallenge is ICredits {
    /// @notice What is fixed for good.
    /// @param rootHeight K: a trace has 2^K steps; 16 to 28
    /// @param challengePeriodBlocks T: time without a rival that wins
    /// @param bondWei R: bond of a root edge
    /// @param openRewardWei repaid to the opener of the root that is settled
    /// @param bisectRewardWei repaid for each bisection below it
    /// @param proveRewardWei repaid for each proof below it
    struct Config {
        uint8 rootHeight;
        uint40 challengePeriodBlocks;
        uint256 bondWei;
        uint256 openRewardWei;
        uint256 bisectRewardWei;
        uint256 proveRewardWei;
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
    /// @notice The dispute is won, by the total of the root `edge`; the Rollup may confirm `assertion`.
    event DisputeDecided(DisputeId indexed dispute, EdgeId indexed edge, AssertionId indexed assertion);
    /// @notice The bond of the root `edge` is back, all others are lost: `potWei` of them repays
    /// the movers below `edge`.
    event DisputeSettled(
        DisputeId indexed dispute,
        EdgeId indexed edge,
        address opener,
        uint256 bondWei,
        uint256 forfeitedWei,
        uint256 potWei
    );
    /// @notice A move in the settled tree is repaid.
    event MoveRepaid(DisputeId indexed dispute, EdgeId indexed edge, address mover, uint256 amountWei);

    /// @notice K is out of bounds.
    error RootHeight(uint256 actual, uint256 least, uint256 most);
    /// @notice Every move of a path takes a block at least, and the period ends.
    error ChallengePeriod(uint256 actualBlocks, uint256 leastBlocks, uint256 mostBlocks);
    /// @notice A false root would cost its maker nothing.
    error NoBond();
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
    /// @notice The parent is rejected.
    error ParentRejected(AssertionId parent);
    /// @notice The dispute has a winner.
    error AlreadyDecided(DisputeId dispute);
    /// @notice The dispute's bonds are dealt with: its edges stand still.
    error AlreadySettled(DisputeId dispute);
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
    /// @notice The root's total is short of the challenge period.
    error PeriodNotOver(uint256 totalBlocks, uint256 leastBlocks);
    /// @notice The dispute has no winner yet.
    error NotDecided(DisputeId dispute);
    /// @notice The root is of an assertion that has not won.
    error NotWinner(AssertionId actual, AssertionId winner);

    /// @notice Commits an assertion to the tree over its trace, with a bond.
    /// @dev If that root exists the call takes nothing: what was sent is credited to the caller.
    /// @param parent the assertion's parent, as the caller knows it
    /// @param assertion the assertion to defend
    /// @param limit the parent's nextLimit, as the caller knows it
    /// @param span root of the tree over the 2^K states after each step
    /// @param siblings the K left siblings, from the leaf up, that prove the last leaf
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
    /// @dev Children that are not bisected count with their own time and need not be given. An edge
    /// given without its own children counts with its own time alone: it may have been bisected
    /// after the call was signed.
    function update(Opening[] calldata openings) external;

    /// @notice Updates the given edges, then decides the dispute for the assertion of `root`, for
    /// ever; nothing happens where that assertion has won already.
    /// @dev The assertion's own time without a rival counts for its roots. Nothing else is read of
    /// the Rollup: not the parent's status.
    function decide(Edge calldata root, Opening[] calldata openings) external;

    /// @notice Updates the given edges and settles the dispute on `root`, once: its bond goes back,
    /// half of all others repays who moved below it. Then repays the movers of the edges `payments`
    /// below the root that was settled on, whichever `root` is.
    /// @dev The root's total counts without the assertion's own time: that decides, but earns
    /// nothing. Payments come parents before children; edges outside the settled tree, without a
    /// move or repaid before are passed over. Needs no confirmed assertion.
    /// Rounding: the sink keeps the odd wei.
    function settle(Edge calldata root, Opening[] calldata openings, Opening[] calldata payments) external;

    /// @notice Whether the dispute is decided, and for which assertion.
    function decision(AssertionId parent, uint64 limit) external view returns (bool decided, AssertionId winner);

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

    /// @notice keccak of chain id, this contract, Rollup, Inbox, Referee and Config, each a word.
    function configHash() external view returns (bytes32);
    /// @notice K: a trace has 2^K steps.
    function rootHeight() external view returns (uint8);
    function rollup() external view returns (address);
    function inbox() external view returns (address);
    function referee() external view returns (address);
    function challengePeriodBlocks() external view returns (uint40);
    function bondWei() external view returns (uint256);
    function openRewardWei() external view returns (uint256);
    function bisectRewardWei() external view returns (uint256);
    function proveRewardWei() external view returns (uint256);
    /// @notice Who is credited with forfeited bonds: an address without a key.
    function sink() external view returns (address);
}
