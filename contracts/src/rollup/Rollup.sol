// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChallenge} from "../interfaces/IChallenge.sol";
import {IInbox} from "../interfaces/IInbox.sol";
import {IRollup} from "../interfaces/IRollup.sol";
import {AssertionId, StateHash} from "../interfaces/Types.sol";
import {Constants, Phase} from "../libraries/generated/Names.sol";
import {Registers, RegistersLib} from "../libraries/generated/Registers.sol";
import {Credits} from "./Credits.sol";

/// @title Rollup
/// @notice No owner, no pause, no upgrade: every number is fixed by the constructor.
contract Rollup is IRollup, Credits {
    AssertionId private constant NOBODY = AssertionId.wrap(bytes32(0));
    /// @dev A thousand ether of attack must not need a thousand of defence: each false branch costs
    /// its maker an assertion's bond, its refutation the honest side a root's.
    uint256 private constant LEAST_BONDS_RATIO = 10;
    /// @dev L1's.
    uint256 private constant BLOCK_SECONDS = 12;

    /// @inheritdoc IRollup
    address public constant override sink = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IRollup
    address public immutable override inbox;
    /// @inheritdoc IRollup
    address public immutable override challenge;
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
        // INVARIANT: the Challenge judges these assertions,
        require(served == address(this), WrongChallenge(served, address(this)));
        address read = IChallenge(challenge_).inbox();
        // INVARIANT: over these inputs,
        require(read == inbox_, WrongInbox(read, inbox_));
        uint256 leastWei = LEAST_BONDS_RATIO * IChallenge(challenge_).bondWei();
        // INVARIANT: and attacking costs a multiple of defending.
        require(config.assertionBondWei >= leastWei, BondTooSmall(config.assertionBondWei, leastWei));
        inbox = inbox_;
        challenge = challenge_;
        assertionBondWei = config.assertionBondWei;
        minIntervalBlocks = config.minIntervalBlocks;
        challengePeriodBlocks = IChallenge(challenge_).challengePeriodBlocks();
        checkDelays(IInbox(inbox_));

        AssertionId id = assertionId(NOBODY, genesisStateHash);
        genesis = id;
        latestConfirmed = id;
        Assertion storage first = _assertions[id];
        first.stateHash = genesisStateHash;
        first.status = Status.CONFIRMED;
        first.nextLimit = limitAfter(IInbox(inbox_).batchCount(), 0);
        // SAFETY: block numbers stay far below 2^40.
        first.createdBlock = uint40(block.number);
        emit Genesis(id, genesisStateHash, first.nextLimit, genesis_);
    }

    /// @dev Rejects delays that do not go together. What L1's censorship and a defence add to them no contract knows.
    function checkDelays(IInbox read) private view {
        // INVARIANT: what halted has a child before it can be confirmed.
        require(minIntervalBlocks <= challengePeriodBlocks, IntervalTooLong(minIntervalBlocks, challengePeriodBlocks));
        uint256 silentSeconds = uint256(read.takeoverDelaySeconds()) + read.forceDelaySeconds();
        uint256 leavingSeconds = silentSeconds + BLOCK_SECONDS * challengePeriodBlocks;
        uint256 mostSeconds = Constants.CHANGE_DELAY_MS / 1000;
        // INVARIANT: whoever leaves when new rules are announced is out before they count.
        require(leavingSeconds <= mostSeconds, LeavingTooSlow(leavingSeconds, mostSeconds));
    }

    /// @inheritdoc IRollup
    function post(AssertionId parent, uint64 limit, bytes32 stateRoot, bytes calldata registers, AssertionId from)
        external
        payable
        override
        returns (AssertionId id)
    {
        uint64 batchCount = IInbox(inbox).batchCount();
        checkParent(parent, limit, batchCount);
        // INVARIANT: the preimage on the log has the shape of registers.
        require(registers.length == RegistersLib.BYTES, RegistersLength(registers.length, RegistersLib.BYTES));
        bytes memory packed = registers;
        StateHash stateHash = StateHash.wrap(keccak256(abi.encode(stateRoot, keccak256(packed))));
        id = assertionId(parent, stateHash);
        // INVARIANT: equal assertions are one; a second bond would be for nothing.
        require(_assertions[id].status == Status.NONE, AlreadyPosted(id));

        // INVARIANT: what is left over of the inputs needs no new batch.
        uint64 nextLimit = halted(packed, limit) ? limitAfter(batchCount, limit) : limit;
        create(id, parent, stateHash, limit, nextLimit);
        emit AssertionPosted(id, parent, stateHash, stateRoot, limit, nextLimit, msg.sender, packed);
        addChild(parent, id);
        bond(from, id);
    }

    /// @dev Stores a new assertion, without a bond.
    function create(AssertionId id, AssertionId parent, StateHash stateHash, uint64 limit, uint64 nextLimit) private {
        Assertion storage created = _assertions[id];
        created.parent = parent;
        created.stateHash = stateHash;
        created.limit = limit;
        created.status = Status.PENDING;
        created.nextLimit = nextLimit;
        // SAFETY: block numbers stay far below 2^40.
        created.createdBlock = uint40(block.number);
    }

    /// @dev Counts a child; the second one opens the parent's dispute.
    function addChild(AssertionId parent, AssertionId id) private {
        Assertion storage origin = _assertions[parent];
        uint32 childCount = origin.childCount + 1;
        origin.childCount = childCount;
        if (childCount == 1) {
            // INVARIANT: written once: from here on the first child is alone.
            origin.firstChildBlock = uint40(block.number);
        } else if (childCount == 2) {
            // INVARIANT: written once, when the first child ceases to be alone.
            origin.secondChildBlock = uint40(block.number);
            emit AssertionRivalled(parent, id);
        }
    }

    /// @dev Lays the caller's bond on `id`: from another assertion, or out of what it sent.
    function bond(AssertionId from, AssertionId id) private {
        uint256 dueWei = 0;
        if (from == NOBODY) dueWei = assertionBondWei;
        else release(from);
        // INVARIANT: each assertion is posted with one bond.
        require(msg.value == dueWei, WrongBond(msg.value, dueWei));
        _assertions[id].bonded = msg.sender;
        emit BondMoved(from, id, msg.sender);
    }

    /// @dev Lifts the caller's bond from `id`.
    function release(AssertionId id) private {
        Assertion storage source = _assertions[id];
        // INVARIANT: nobody moves another's bond, nor one that is not there.
        require(source.bonded == msg.sender, NotBonded(id, source.bonded, msg.sender));
        // INVARIANT: at the tip of every false branch a bond stays: above it every assertion has a
        // child, and that child's maker left one here or further down.
        require(source.status == Status.CONFIRMED || source.childCount > 0, BondLocked(id));
        source.bonded = address(0);
    }

    /// @inheritdoc IRollup
    function takeBond(AssertionId id) external override {
        release(id);
        emit BondMoved(id, NOBODY, msg.sender);
        addCredit(msg.sender, assertionBondWei);
    }

    /// @dev Rejects parents whose children can never be confirmed, or not be checked yet.
    function checkParent(AssertionId parent, uint64 limit, uint64 batchCount) private view {
        Assertion storage origin = _assertions[parent];
        // INVARIANT: the assertions form a tree.
        require(origin.status != Status.NONE, UnknownAssertion(parent));
        // INVARIANT: nothing is built on what has fallen,
        require(origin.status != Status.REJECTED, ParentRejected(parent));
        // INVARIANT: nor beside what stands for ever.
        require(origin.confirmedChild == NOBODY, ParentClosed(parent, origin.confirmedChild));
        uint64 nextLimit = origin.nextLimit;
        // INVARIANT: the poster computed the state from the inputs that count here.
        require(nextLimit == limit, WrongLimit(nextLimit, limit));
        // INVARIANT: everybody can check the assertion: its inputs are on chain.
        require(batchCount >= limit, InputsMissing(batchCount, limit));
        // A machine that had not halted made 2^K steps: no dust, and nothing to wait for.
        if (nextLimit > origin.limit) {
            uint256 leastBlock = uint256(origin.createdBlock) + minIntervalBlocks;
            // INVARIANT: watchers get time between assertions.
            require(block.number >= leastBlock, TooEarly(block.number, leastBlock));
        }
        uint256 sinceBlock = origin.firstChildBlock;
        // INVARIANT: what was alone for the challenge period cannot be rivalled any more: that time
        // may confirm it in this very block.
        require(
            origin.childCount != 1 || block.number < sinceBlock + challengePeriodBlocks, ParentTaken(parent, sinceBlock)
        );
    }

    /// @inheritdoc IRollup
    function confirm(AssertionId[] calldata ids) public override {
        for (uint256 i = 0; i < ids.length; ++i) {
            confirmOne(ids[i]);
        }
    }

    /// @dev Confirms one assertion; nothing happens to one that is confirmed.
    function confirmOne(AssertionId id) private {
        Assertion storage candidate = _assertions[id];
        if (candidate.status == Status.CONFIRMED) return;
        // INVARIANT: an assertion is decided once.
        require(candidate.status == Status.PENDING, NotPending(id, candidate.status));
        AssertionId parent = candidate.parent;
        // INVARIANT: confirmed assertions form a chain from the genesis.
        require(parent == latestConfirmed, ParentNotLatest(parent, latestConfirmed));

        (bool decided, AssertionId winner) = IChallenge(challenge).decision(parent, candidate.limit);
        if (decided) {
            // INVARIANT: a decided dispute binds.
            require(winner == id, NotWinner(id, winner));
        } else {
            uint256 blocks = unrivalledBlocks(id);
            // INVARIANT: everybody had the challenge period to object.
            require(blocks >= challengePeriodBlocks, PeriodNotOver(blocks, challengePeriodBlocks));
        }

        candidate.status = Status.CONFIRMED;
        latestConfirmed = id;
        _assertions[parent].confirmedChild = id;
        emit AssertionConfirmed(id, candidate.stateHash);
    }

    /// @inheritdoc IRollup
    function reject(AssertionId id) external override {
        Assertion storage loser = _assertions[id];
        if (loser.status == Status.REJECTED) return;
        // INVARIANT: an assertion is decided once.
        require(loser.status == Status.PENDING, NotPending(id, loser.status));
        Assertion storage origin = _assertions[loser.parent];
        // INVARIANT: only what contradicts a confirmed assertion falls, and what stands on it.
        require(origin.confirmedChild != NOBODY || origin.status == Status.REJECTED, NotRejectable(id));

        loser.status = Status.REJECTED;
        // SAFETY: nothing of it goes to whoever was right, or a liar would post the truth first and
        // have half of its lie's price back.
        uint256 forfeitedWei = loser.bonded == address(0) ? 0 : assertionBondWei;
        loser.bonded = address(0);
        emit AssertionRejected(id, forfeitedWei);
        addCredit(sink, forfeitedWei);
    }

    /// @inheritdoc IRollup
    function resolve(Decision[] calldata decisions, AssertionId[] calldata ids) external override {
        for (uint256 i = 0; i < decisions.length; ++i) {
            IChallenge(challenge).decide(decisions[i].root, decisions[i].openings);
        }
        confirm(ids);
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

    /// @dev Whether the machine with these registers has read all batches below `limit`.
    function halted(bytes memory registers, uint64 limit) private pure returns (bool) {
        uint256 ptr;
        // SAFETY: behind the length stand the packed bytes, which are only read.
        assembly ("memory-safe") {
            ptr := add(registers, 32)
        }
        Registers packed = Registers.wrap(ptr);
        return packed.phase() == Phase.OPEN_BATCH && packed.batchCursor() >= limit;
    }

    /// @dev Limit of the children of an assertion that halted at this limit, were it posted now: all
    /// batches there are, and one more than its own at least, so that children have work to do.
    function limitAfter(uint64 batchCount, uint64 limit) private pure returns (uint64) {
        return batchCount > limit ? batchCount : limit + 1;
    }
}
