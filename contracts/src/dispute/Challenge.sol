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
import {EdgeTree} from "../libraries/EdgeTree.sol";
import {TraceTree} from "../libraries/TraceTree.sol";
import {Credits} from "../rollup/Credits.sol";

/// @title Challenge
/// @notice Thin around EdgeTree: who may enter a dispute, when it is won, and whose money is whose.
/// No owner, no pause, no upgrade: every number is fixed by the constructor.
contract Challenge is IChallenge, Credits {
    using EdgeTree for EdgeTree.Store;

    /// @inheritdoc IChallenge
    uint8 public constant override rootHeight = 20;

    /// @inheritdoc IChallenge
    address public immutable override rollup;
    /// @inheritdoc IChallenge
    address public immutable override referee;
    /// @inheritdoc IChallenge
    bytes32 public immutable override configHash;
    /// @inheritdoc IChallenge
    uint40 public immutable override challengePeriodBlocks;
    /// @inheritdoc IChallenge
    uint40 public immutable override graceBlocks;
    /// @inheritdoc IChallenge
    uint256 public immutable override bondWei;
    /// @inheritdoc IChallenge
    uint256 public immutable override openRewardWei;
    /// @inheritdoc IChallenge
    uint256 public immutable override bisectRewardWei;
    /// @inheritdoc IChallenge
    uint256 public immutable override proveRewardWei;
    /// @inheritdoc IChallenge
    address public immutable override sink;

    EdgeTree.Store private _store;
    mapping(DisputeId => DisputeState) private _disputes;
    mapping(EdgeId => RootState) private _roots;

    /// @param rollup_ the Rollup whose assertions are disputed
    /// @param referee_ who executes one step
    /// @param config see IChallenge.Config
    constructor(address rollup_, address referee_, Config memory config) {
        uint256 rewardsWei = config.openRewardWei + rootHeight * config.bisectRewardWei + config.proveRewardWei;
        // INVARIANT: each losing bond covers, with the half that is not forfeited, every move it
        // can make the winner's side need; whoever plays both sides loses the other half.
        require(rewardsWei <= config.bondWei / 2, RewardsExceedBond(rewardsWei, config.bondWei / 2));
        rollup = rollup_;
        referee = referee_;
        challengePeriodBlocks = config.challengePeriodBlocks;
        graceBlocks = config.graceBlocks;
        bondWei = config.bondWei;
        openRewardWei = config.openRewardWei;
        bisectRewardWei = config.bisectRewardWei;
        proveRewardWei = config.proveRewardWei;
        sink = config.sink;
        configHash = keccak256(abi.encode(block.chainid, address(this), rollup_, referee_, rootHeight, config));
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
        require(origin.status != IRollup.Status.REJECTED && !origin.hasConfirmedChild, ParentDone(parent));
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
        _store.bisect(edge, left, right, _disputes[edge.dispute].decided);
    }

    /// @inheritdoc IChallenge
    function prove(Edge calldata edge, bytes32 pre, Node basePrev, Node[] calldata siblings, bytes calldata witness)
        external
        override
    {
        DisputeState storage dispute = _disputes[edge.dispute];
        if (!_store.checkProof(edge, pre, basePrev, siblings, dispute.decided)) return;
        // SAFETY: the Referee is fixed and the call is static; starved of gas or given a bad
        // witness it reverts, and the revert is passed on: it never reads as an answer.
        bytes32 post = IReferee(referee).step(pre, dispute.limit, witness);
        _store.markProven(edge, pre, post);
    }

    /// @inheritdoc IChallenge
    function update(Opening[] calldata openings) public override {
        for (uint256 i = 0; i < openings.length; ++i) {
            _store.update(openings[i]);
        }
    }

    /// @inheritdoc IChallenge
    function confirmRoot(Edge calldata root, Opening[] calldata openings) external override {
        DisputeState storage dispute = _disputes[root.dispute];
        ContextId context = EdgeTree.contextId(root);
        EdgeId id = EdgeTree.edgeId(context, root.span);
        if (dispute.decided && dispute.winner == id) return;

        update(openings);
        EdgeState storage state = _store.edges[id];
        // INVARIANT: only roots win; nothing else has their height.
        require(root.height == rootHeight && state.progress != Progress.ABSENT, NotRoot(id));
        // INVARIANT: a dispute has one winner for ever.
        require(!dispute.decided, AlreadyDecided(root.dispute));

        AssertionId assertion = _roots[id].assertion;
        requireOpenParent(assertion);
        uint40 total = EdgeTree.saturatingSum(state.totalBlocks, IRollup(rollup).unrivalledBlocks(assertion));
        // INVARIANT: the root held out for the whole challenge period on each path.
        require(total >= challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));

        // SAFETY: block numbers stay far below 2^40.
        uint40 decidedBlock = uint40(block.number);
        uint40 grace = _store.contexts[context].rivalled ? graceBlocks : 0;
        dispute.decided = true;
        dispute.winner = id;
        dispute.decidedBlock = decidedBlock;
        dispute.finalBlock = decidedBlock + grace;
        state.award = Award.WON;
        emit RootConfirmed(root.dispute, id, assertion, decidedBlock + grace);
    }

    /// @dev Rejects a decision below an unconfirmed parent, or against what the Rollup did.
    function requireOpenParent(AssertionId assertion) private view {
        AssertionId parent = IRollup(rollup).assertion(assertion).parent;
        IRollup.Assertion memory origin = IRollup(rollup).assertion(parent);
        // INVARIANT: confirmed assertions form a chain from the genesis.
        require(origin.status == IRollup.Status.CONFIRMED, ParentNotConfirmed(parent));
        // INVARIANT: an assertion confirmed by time alone keeps its place; only its own roots may
        // still win.
        require(!origin.hasConfirmedChild || origin.confirmedChild == assertion, RivalConfirmed(origin.confirmedChild));
    }

    /// @inheritdoc IChallenge
    function settle(DisputeId id, Opening[] calldata openings) external override {
        DisputeState storage dispute = _disputes[id];
        // INVARIANT: no money moves before the dispute is decided,
        require(dispute.decided, NotDecided(id));
        AssertionId assertion = _roots[dispute.winner].assertion;
        // INVARIANT: and executed.
        require(IRollup(rollup).isConfirmed(assertion), NotFinal(assertion));

        if (!dispute.settled) settleBonds(id, dispute);
        for (uint256 i = 0; i < openings.length; ++i) {
            // INVARIANT: a pot repays the moves of its own dispute.
            require(openings[i].edge.dispute == id, WrongDispute(openings[i].edge.dispute, id));
            (bool due, Progress progress, address mover) = _store.takeMove(openings[i]);
            if (!due) continue;
            uint256 rewardWei = progress == Progress.PROVEN ? proveRewardWei : bisectRewardWei;
            repay(id, dispute, EdgeTree.edgeId(openings[i].edge), mover, rewardWei);
        }
    }

    /// @dev Gives the winner's bond back and splits the losers': half, rounded down, repays the
    /// movers; the rest is forfeited. What the movers do not use stays here for ever.
    function settleBonds(DisputeId id, DisputeState storage dispute) private {
        dispute.settled = true;
        uint256 lostWei = (dispute.roots - 1) * bondWei;
        uint256 potWei = lostWei / 2;
        dispute.potWei = potWei;
        address opener = _roots[dispute.winner].opener;
        emit DisputeSettled(id, opener, bondWei, lostWei - potWei, potWei);
        addCredit(opener, bondWei);
        addCredit(sink, lostWei - potWei);
        repay(id, dispute, dispute.winner, opener, openRewardWei);
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
        returns (bool decided, AssertionId winner, uint64 finalBlock)
    {
        DisputeState storage dispute = _disputes[disputeId(parent, limit)];
        return (dispute.decided, _roots[dispute.winner].assertion, dispute.finalBlock);
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
