// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    Award,
    ContextState,
    DisputeState,
    Edge,
    EdgeState,
    IChallenge,
    Opening,
    Progress,
    RootState
} from "../interfaces/IChallenge.sol";
import {IReferee} from "../interfaces/IReferee.sol";
import {IRollup} from "../interfaces/IRollup.sol";
import {AssertionId, ContextId, DisputeId, EdgeId, Node, StateHash} from "../interfaces/Types.sol";
import {EdgeTree} from "../libraries/proof/EdgeTree.sol";
import {TraceTree} from "../libraries/proof/TraceTree.sol";
import {Credits} from "../rollup/Credits.sol";

/// @title Challenge
/// @notice Thin around EdgeTree: who may enter a dispute, when it is won, and whose money is whose.
/// No owner, no pause, no upgrade: every number is fixed by the constructor.
contract Challenge is IChallenge, Credits {
    using EdgeTree for EdgeTree.Store;

    /// @dev Below 2^16 steps an assertion is worth less than its gas; above 2^28 tracing takes days.
    uint8 private constant LEAST_HEIGHT = 16;
    uint8 private constant MOST_HEIGHT = 28;
    /// @dev A root, an opening of the last edge and the answer to a first lie: each takes a block.
    uint256 private constant MOVES_BESIDE_BISECTIONS = 3;

    /// @inheritdoc IChallenge
    address public constant override sink = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IChallenge
    uint8 public immutable override rootHeight;
    /// @inheritdoc IChallenge
    address public immutable override rollup;
    /// @inheritdoc IChallenge
    address public immutable override inbox;
    /// @inheritdoc IChallenge
    address public immutable override referee;
    /// @inheritdoc IChallenge
    bytes32 public immutable override configHash;
    /// @inheritdoc IChallenge
    uint40 public immutable override challengePeriodBlocks;
    /// @inheritdoc IChallenge
    uint256 public immutable override bondWei;
    /// @inheritdoc IChallenge
    uint256 public immutable override openRewardWei;
    /// @inheritdoc IChallenge
    uint256 public immutable override bisectRewardWei;
    /// @inheritdoc IChallenge
    uint256 public immutable override proveRewardWei;

    EdgeTree.Store private _store;
    mapping(DisputeId => DisputeState) private _disputes;
    mapping(EdgeId => RootState) private _roots;

    /// @param rollup_ the Rollup whose assertions are disputed
    /// @param inbox_ where the machine's inputs are
    /// @param referee_ who executes one step over them
    /// @param config see IChallenge.Config
    constructor(address rollup_, address inbox_, address referee_, Config memory config) {
        uint8 least = leastHeight();
        // INVARIANT: a trace is long enough to be worth a dispute, and short enough to be made.
        require(
            config.rootHeight >= least && config.rootHeight <= MOST_HEIGHT,
            RootHeight(config.rootHeight, least, MOST_HEIGHT)
        );
        uint256 leastBlocks = uint256(config.rootHeight) + MOVES_BESIDE_BISECTIONS + 1;
        // INVARIANT: the fastest party there is answers in time, and only a proof is enough for ever.
        require(
            config.challengePeriodBlocks >= leastBlocks && config.challengePeriodBlocks < EdgeTree.ENOUGH,
            ChallengePeriod(config.challengePeriodBlocks, leastBlocks, EdgeTree.ENOUGH - 1)
        );
        // INVARIANT: whoever makes a root has something to lose.
        require(config.bondWei > 0, NoBond());
        uint256 rewardsWei = config.openRewardWei + config.rootHeight * config.bisectRewardWei + config.proveRewardWei;
        // INVARIANT: each losing bond covers, with the half that is not forfeited, every move it
        // can make the winner's side need; whoever plays both sides loses the other half.
        require(rewardsWei <= config.bondWei / 2, RewardsExceedBond(rewardsWei, config.bondWei / 2));
        rollup = rollup_;
        inbox = inbox_;
        referee = referee_;
        rootHeight = config.rootHeight;
        challengePeriodBlocks = config.challengePeriodBlocks;
        bondWei = config.bondWei;
        openRewardWei = config.openRewardWei;
        bisectRewardWei = config.bisectRewardWei;
        proveRewardWei = config.proveRewardWei;
        configHash = keccak256(abi.encode(block.chainid, address(this), rollup_, inbox_, referee_, config));
    }

    /// @dev For tests over small trees.
    function leastHeight() internal pure virtual returns (uint8) {
        return LEAST_HEIGHT;
    }

    /// @inheritdoc IChallenge
    function openRoot(AssertionId parent, AssertionId assertion, uint64 limit, Node span, Node[] calldata siblings)
        external
        payable
        override
        returns (EdgeId id)
    {
        IRollup.Assertion memory claimed = IRollup(rollup).assertion(assertion);
        // INVARIANT: a root commits an assertion that exists.
        require(claimed.status != IRollup.Status.NONE, UnknownAssertion(assertion));
        // INVARIANT: a reorganisation cannot carry the bond into another dispute.
        require(claimed.parent == parent, WrongParent(claimed.parent, parent));
        require(claimed.limit == limit, WrongLimit(claimed.limit, limit));
        IRollup.Assertion memory origin = IRollup(rollup).assertion(parent);

        Edge memory root = Edge({
            dispute: disputeId(parent, limit),
            height: rootHeight,
            index: 0,
            base: TraceTree.leaf(StateHash.unwrap(origin.stateHash)),
            span: span
        });
        id = EdgeTree.edgeId(root);
        if (_store.edges[id].progress != Progress.ABSENT) {
            // The span fixes the last leaf and so the assertion: this is the same root again.
            addCredit(msg.sender, msg.value);
            return id;
        }

        DisputeState storage dispute = _disputes[root.dispute];
        // INVARIANT: without a rival there is no dispute, so the assertion's own unrivalled time
        // ends before any edge's begins and the two may be summed.
        require(origin.childCount > 1, NoRivalAssertion(assertion));
        // INVARIANT: no bond enters a dispute that cannot be won any more.
        require(origin.status != IRollup.Status.REJECTED, ParentRejected(parent));
        require(!dispute.decided, AlreadyDecided(root.dispute));
        // INVARIANT: each root holds one bond.
        require(msg.value == bondWei, WrongBond(msg.value, bondWei));
        // INVARIANT: the tree is of the full height and ends in the asserted state.
        require(siblings.length == rootHeight, SiblingCount(siblings.length, rootHeight));
        Node folded = TraceTree.foldRight(TraceTree.leaf(StateHash.unwrap(claimed.stateHash)), siblings);
        require(folded == span, WrongNode(folded, span));

        if (!dispute.exists) {
            (dispute.exists, dispute.limit) = (true, limit);
            emit DisputeOpened(root.dispute, parent, origin.stateHash, limit);
        }
        dispute.roots += 1;
        _roots[id] = RootState({assertion: assertion, opener: msg.sender});
        emit RootOpened(root.dispute, id, assertion, msg.sender, msg.value);
        _store.add(root);
    }

    /// @inheritdoc IChallenge
    function bisect(Edge calldata edge, Node left, Node right) external override {
        _store.bisect(edge, left, right, _disputes[edge.dispute].settled);
    }

    /// @inheritdoc IChallenge
    function prove(Edge calldata edge, bytes32 pre, Node basePrev, Node[] calldata siblings, bytes calldata witness)
        external
        override
    {
        DisputeState storage dispute = _disputes[edge.dispute];
        (bool needed, EdgeId id) = _store.checkProof(edge, pre, basePrev, siblings, dispute.settled);
        if (!needed) return;
        // SAFETY: the Referee is fixed and the call is static; starved of gas or given a bad
        // witness it reverts, and the revert is passed on: it never reads as an answer.
        bytes32 post = IReferee(referee).step(pre, dispute.limit, witness);
        _store.markProven(edge, id, pre, post);
    }

    /// @inheritdoc IChallenge
    function update(Opening[] calldata openings) public override {
        for (uint256 i = 0; i < openings.length; ++i) {
            _store.update(openings[i]);
        }
    }

    /// @inheritdoc IChallenge
    function decide(Edge calldata root, Opening[] calldata openings) external override {
        DisputeState storage dispute = _disputes[root.dispute];
        EdgeId id = EdgeTree.edgeId(root);
        AssertionId assertion = _roots[id].assertion;
        if (dispute.decided && dispute.winner == assertion) return;

        EdgeState storage state = _store.edges[id];
        // INVARIANT: only roots win; nothing else has their height.
        require(root.height == rootHeight && state.progress != Progress.ABSENT, NotRoot(id));
        // INVARIANT: a dispute has one winner for ever.
        require(!dispute.decided, AlreadyDecided(root.dispute));

        update(openings);
        // SAFETY: the assertion's own time ended before any edge's began, so no block counts twice.
        uint40 total = EdgeTree.saturatingSum(state.totalBlocks, IRollup(rollup).unrivalledBlocks(assertion));
        // INVARIANT: the root held out for the whole challenge period on each path. What has become
        // of the parent is not asked: whoever waits for it lets a liar catch up.
        require(total >= challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));

        dispute.decided = true;
        dispute.winner = assertion;
        // SAFETY: block numbers stay far below 2^40.
        dispute.decidedBlock = uint40(block.number);
        emit DisputeDecided(root.dispute, id, assertion);
    }

    /// @inheritdoc IChallenge
    function settle(Edge calldata root, Opening[] calldata openings, Opening[] calldata payments) external override {
        DisputeId id = root.dispute;
        DisputeState storage dispute = _disputes[id];
        if (!dispute.settled) settleBonds(dispute, root, openings);
        for (uint256 i = 0; i < payments.length; ++i) {
            // INVARIANT: a pot repays the moves of its own dispute.
            require(payments[i].edge.dispute == id, WrongDispute(payments[i].edge.dispute, id));
            (bool due, EdgeId edge, Progress progress, address mover) = _store.takeMove(payments[i]);
            if (!due) continue;
            uint256 rewardWei = progress == Progress.PROVEN ? proveRewardWei : bisectRewardWei;
            repay(id, dispute, edge, mover, rewardWei);
        }
    }

    /// @dev Gives the root's bond back and splits the others': half, rounded down, repays the movers
    /// below it; the rest is forfeited. What the movers do not use stays here for ever.
    function settleBonds(DisputeState storage dispute, Edge calldata root, Opening[] calldata openings) private {
        DisputeId id = root.dispute;
        // INVARIANT: no money moves before the dispute is decided.
        require(dispute.decided, NotDecided(id));
        EdgeId edge = EdgeTree.edgeId(root);
        RootState storage opened = _roots[edge];
        // INVARIANT: only a root of the assertion that has won is paid.
        require(opened.assertion == dispute.winner, NotWinner(opened.assertion, dispute.winner));
        update(openings);
        EdgeState storage state = _store.edges[edge];
        uint40 total = state.totalBlocks;
        // INVARIANT: the root earned the time itself, or a false trace that ends in the true state
        // would take the money with the assertion's head start.
        require(total >= challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));

        dispute.settled = true;
        // Whatever root a later call brings: only what stands below this one is won.
        state.award = Award.WON;
        uint256 lostWei = (dispute.roots - 1) * bondWei;
        uint256 potWei = lostWei / 2;
        dispute.potWei = potWei;
        address opener = opened.opener;
        emit DisputeSettled(id, edge, opener, bondWei, lostWei - potWei, potWei);
        addCredit(opener, bondWei);
        addCredit(sink, lostWei - potWei);
        repay(id, dispute, edge, opener, openRewardWei);
    }

    /// @dev Repays from the pot what the pot still has.
    function repay(DisputeId id, DisputeState storage dispute, EdgeId edge, address mover, uint256 rewardWei) private {
        uint256 potWei = dispute.potWei;
        // INVARIANT: repayments never exceed half of the lost bonds.
        uint256 amountWei = rewardWei < potWei ? rewardWei : potWei;
        if (amountWei == 0) return;
        dispute.potWei = potWei - amountWei;
        emit MoveRepaid(id, edge, mover, amountWei);
        addCredit(mover, amountWei);
    }

    /// @inheritdoc IChallenge
    function decision(AssertionId parent, uint64 limit)
        external
        view
        override
        returns (bool decided, AssertionId winner)
    {
        DisputeState storage dispute = _disputes[disputeId(parent, limit)];
        return (dispute.decided, dispute.winner);
    }

    /// @inheritdoc IChallenge
    function edgeState(EdgeId edge) external view override returns (EdgeState memory) {
        return _store.edges[edge];
    }

    /// @inheritdoc IChallenge
    function contextState(ContextId context) external view override returns (ContextState memory) {
        return _store.contexts[context];
    }

    /// @inheritdoc IChallenge
    function rootState(EdgeId edge) external view override returns (RootState memory) {
        return _roots[edge];
    }

    /// @inheritdoc IChallenge
    function disputeState(DisputeId dispute) external view override returns (DisputeState memory) {
        return _disputes[dispute];
    }

    /// @inheritdoc IChallenge
    function unrivalledBlocks(Edge calldata edge) external view override returns (uint40) {
        ContextId context = EdgeTree.contextId(edge);
        EdgeState memory state = _store.edges[EdgeTree.edgeId(context, edge.span)];
        if (state.progress == Progress.ABSENT) return 0;
        return EdgeTree.unrivalledBlocks(_store.contexts[context], state);
    }

    /// @inheritdoc IChallenge
    function totalBlocks(Opening calldata opening) external view override returns (uint40) {
        (, uint40 value) = _store.total(opening);
        return value;
    }

    /// @inheritdoc IChallenge
    function disputeId(AssertionId parent, uint64 limit) public view override returns (DisputeId) {
        return DisputeId.wrap(keccak256(abi.encode(configHash, parent, limit)));
    }

    /// @inheritdoc IChallenge
    function contextId(Edge calldata edge) external pure override returns (ContextId) {
        return EdgeTree.contextId(edge);
    }

    /// @inheritdoc IChallenge
    function edgeId(Edge calldata edge) external pure override returns (EdgeId) {
        return EdgeTree.edgeId(edge);
    }
}
