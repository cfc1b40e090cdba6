// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChallenge} from "../interfaces/IChallenge.sol";
import {IInbox} from "../interfaces/IInbox.sol";
import {IRollup} from "../interfaces/IRollup.sol";
import {AssertionId, StateHash} from "../interfaces/Types.sol";
import {RegistersLib} from "../libraries/generated/Registers.sol";
import {Credits} from "./Credits.sol";

/// @title Rollup
/// @notice No owner, no pause, no upgrade: every number is fixed by the constructor.
contract Rollup is IRollup, Credits {
    /// @inheritdoc IRollup
    address public immutable override inbox;
    /// @inheritdoc IRollup
    address public immutable override challenge;
    /// @inheritdoc IRollup
    address public immutable override sink;
    /// @inheritdoc IRollup
    uint256 public immutable override assertionBondWei;
    /// @inheritdoc IRollup
    uint64 public immutable override minIntervalBlocks;
    /// @inheritdoc IRollup
    uint64 public immutable override challengePeriodBlocks;
    /// @inheritdoc IRollup
    AssertionId public immutable override genesis;

    /// @inheritdoc IRollup
    AssertionId public override latestConfirmed;
    mapping(AssertionId => Assertion) private _assertions;

    /// @param genesisStateHash the machine's first state
    /// @param genesis_ its preimage, for whoever starts from L1 alone
    /// @param inbox_ where the inputs are
    /// @param challenge_ where rivals dispute; its challenge period is this contract's, too
    /// @param config see IRollup.Config
    constructor(
        StateHash genesisStateHash,
        bytes memory genesis_,
        address inbox_,
        address challenge_,
        Config memory config
    ) {
        address served = IChallenge(challenge_).rollup();
        // INVARIANT: the Challenge judges these assertions.
        require(served == address(this), WrongChallenge(served, address(this)));
        inbox = inbox_;
        challenge = challenge_;
        sink = config.sink;
        assertionBondWei = config.assertionBondWei;
        minIntervalBlocks = config.minIntervalBlocks;
        challengePeriodBlocks = IChallenge(challenge_).challengePeriodBlocks();

        AssertionId id = assertionId(AssertionId.wrap(bytes32(0)), genesisStateHash);
        genesis = id;
        latestConfirmed = id;
        Assertion storage first = _assertions[id];
        first.stateHash = genesisStateHash;
        first.status = Status.CONFIRMED;
        first.nextLimit = limitAfter(inbox_, 0);
        first.createdBlock = uint64(block.number);
        emit Genesis(id, genesisStateHash, first.nextLimit, genesis_);
    }

    /// @inheritdoc IRollup
    function post(AssertionId parent, uint64 limit, bytes32 stateRoot, bytes calldata registers)
        external
        payable
        override
        returns (AssertionId id)
    {
        checkParent(parent, limit);
        // INVARIANT: the preimage on the log has the shape of registers.
        require(registers.length == RegistersLib.BYTES, RegistersLength(registers.length, RegistersLib.BYTES));
        // INVARIANT: each assertion holds one bond.
        require(msg.value == assertionBondWei, WrongBond(msg.value, assertionBondWei));
        StateHash stateHash = StateHash.wrap(keccak256(abi.encode(stateRoot, keccak256(registers))));
        id = assertionId(parent, stateHash);
        // INVARIANT: equal assertions are one; a second bond would be for nothing.
        require(_assertions[id].status == Status.NONE, AlreadyPosted(id));

        uint64 nextLimit = limitAfter(inbox, limit);
        create(id, parent, stateHash, limit, nextLimit);
        emit AssertionPosted(id, parent, stateHash, stateRoot, limit, nextLimit, msg.sender, registers);
        addChild(parent, id);
    }

    /// @dev Stores a new assertion of the caller.
    function create(AssertionId id, AssertionId parent, StateHash stateHash, uint64 limit, uint64 nextLimit) private {
        Assertion storage created = _assertions[id];
        created.parent = parent;
        created.stateHash = stateHash;
        created.proposer = msg.sender;
        created.limit = limit;
        created.status = Status.PENDING;
        created.nextLimit = nextLimit;
        // SAFETY: block numbers stay far below 2^64.
        created.createdBlock = uint64(block.number);
    }

    /// @dev Counts a child; the second one opens the parent's dispute.
    function addChild(AssertionId parent, AssertionId id) private {
        Assertion storage origin = _assertions[parent];
        origin.childCount += 1;
        if (origin.childCount != 2) return;
        // INVARIANT: written once, when the first child ceases to be alone.
        origin.secondChildBlock = uint64(block.number);
        emit AssertionRivalled(parent, id);
    }

    /// @dev Rejects parents whose children can never be confirmed, or not be checked yet.
    function checkParent(AssertionId parent, uint64 limit) private view {
        Assertion storage origin = _assertions[parent];
        // INVARIANT: the assertions form a tree.
        require(origin.status != Status.NONE, UnknownAssertion(parent));
        // INVARIANT: nothing is built on what has fallen,
        require(origin.status != Status.REJECTED, ParentRejected(parent));
        // INVARIANT: nor beside what stands for ever.
        require(!origin.hasConfirmedChild, ParentClosed(parent, origin.confirmedChild));
        // INVARIANT: the poster computed the state from the inputs that count here.
        require(origin.nextLimit == limit, WrongLimit(origin.nextLimit, limit));
        uint64 batchCount = IInbox(inbox).batchCount();
        // INVARIANT: everybody can check the assertion: its inputs are on chain.
        require(batchCount >= limit, InputsMissing(batchCount, limit));
        uint256 leastBlock = uint256(origin.createdBlock) + minIntervalBlocks;
        // INVARIANT: watchers get time between assertions.
        require(block.number >= leastBlock, TooEarly(block.number, leastBlock));
    }

    /// @inheritdoc IRollup
    function confirm(AssertionId id) external override {
        Assertion storage candidate = _assertions[id];
        // INVARIANT: an assertion is decided once.
        require(candidate.status == Status.PENDING, NotPending(id, candidate.status));
        AssertionId parent = candidate.parent;
        // INVARIANT: confirmed assertions form a chain from the genesis.
        require(parent == latestConfirmed, ParentNotLatest(parent, latestConfirmed));

        (bool decided, AssertionId winner, uint64 finalBlock) = IChallenge(challenge).decision(parent, candidate.limit);
        if (decided) {
            // INVARIANT: a decided dispute binds, once its grace is over.
            require(winner == id, NotWinner(id, winner));
            require(block.number >= finalBlock, TooEarly(block.number, finalBlock));
        } else {
            uint256 blocks = unrivalledBlocks(id);
            // INVARIANT: everybody had the challenge period to object.
            require(blocks >= challengePeriodBlocks, PeriodNotOver(blocks, challengePeriodBlocks));
        }

        candidate.status = Status.CONFIRMED;
        latestConfirmed = id;
        Assertion storage origin = _assertions[parent];
        origin.hasConfirmedChild = true;
        origin.confirmedChild = id;
        emit AssertionConfirmed(id, candidate.stateHash);
        addCredit(candidate.proposer, assertionBondWei);
    }

    /// @inheritdoc IRollup
    function reject(AssertionId id) external override {
        Assertion storage loser = _assertions[id];
        // INVARIANT: an assertion is decided once.
        require(loser.status == Status.PENDING, NotPending(id, loser.status));
        Assertion storage origin = _assertions[loser.parent];
        // INVARIANT: only what contradicts a confirmed assertion falls, and what stands on it.
        require(origin.hasConfirmedChild || origin.status == Status.REJECTED, NotRejectable(id));

        loser.status = Status.REJECTED;
        address rewarded = sink;
        uint256 rewardWei = 0;
        if (origin.hasConfirmedChild) {
            rewarded = _assertions[origin.confirmedChild].proposer;
            // SAFETY: half at most, so posting both sides never pays.
            rewardWei = assertionBondWei / 2;
        }
        emit AssertionRejected(id, rewarded, rewardWei);
        addCredit(rewarded, rewardWei);
        addCredit(sink, assertionBondWei - rewardWei);
    }

    /// @inheritdoc IRollup
    function assertion(AssertionId id) external view override returns (Assertion memory) {
        return _assertions[id];
    }

    /// @inheritdoc IRollup
    function isConfirmed(AssertionId id) external view override returns (bool) {
        return _assertions[id].status == Status.CONFIRMED;
    }

    /// @inheritdoc IRollup
    function stateHashOf(AssertionId id) external view override returns (StateHash) {
        return _assertions[id].stateHash;
    }

    /// @inheritdoc IRollup
    /// @dev The first child is not younger than the second, every later one is not older than it:
    /// the difference, floored at 0, is right for all.
    function unrivalledBlocks(AssertionId id) public view override returns (uint256) {
        Assertion storage one = _assertions[id];
        // INVARIANT: only what was posted has time.
        require(one.status != Status.NONE, UnknownAssertion(id));
        Assertion storage origin = _assertions[one.parent];
        uint256 end = origin.childCount > 1 ? origin.secondChildBlock : block.number;
        return end > one.createdBlock ? end - one.createdBlock : 0;
    }

    /// @inheritdoc IRollup
    function assertionId(AssertionId parent, StateHash stateHash) public pure override returns (AssertionId) {
        return AssertionId.wrap(keccak256(abi.encode(parent, stateHash)));
    }

    /// @dev Limit of the children of an assertion with this limit, were it posted now: all batches
    /// there are, and one more than its own at least, so that children always have work to do.
    function limitAfter(address inbox_, uint64 limit) private view returns (uint64) {
        uint64 batchCount = IInbox(inbox_).batchCount();
        return batchCount > limit ? batchCount : limit + 1;
    }
}
