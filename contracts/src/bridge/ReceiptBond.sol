// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "../interfaces/IInbox.sol";
import {IReceipts} from "../interfaces/IReceipts.sol";
import {IRollup} from "../interfaces/IRollup.sol";
import {Constants} from "../libraries/generated/Names.sol";
import {Registers} from "../libraries/generated/Registers.sol";
import {Credits} from "../rollup/Credits.sol";

/// @title The money behind receipts, who signs them, and who is paid for a broken one
abstract contract ReceiptBond is IReceipts, Credits {
    /// @dev Clients take no receipt whose record may be on L1 later than so long after it was given.
    uint256 internal constant HORIZON_SECONDS = 1 hours;
    /// @dev What the operator has to answer a claim.
    uint256 internal constant ANSWER_SECONDS = 6 hours;
    /// @dev After everything else that may still come, what somebody has to find out, and to say so.
    uint256 internal constant NOTICE_SECONDS = 1 days;
    /// @dev From the announcement of a key until its receipts count.
    uint256 internal constant KEY_DELAY_SECONDS = 1 days;
    /// @dev A commitment is older than the transactions that a reveal can be seen in,
    uint256 internal constant LEAST_BLOCKS = 2;
    /// @dev and is revealed within so long, which is how long the reward waits for an older one.
    uint256 internal constant REVEAL_SECONDS = 1 days;
    /// @dev The part of the bond that is a reward: little enough that who denounces itself loses nearly all.
    uint256 internal constant REWARD_PART = 10;
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    /// @inheritdoc IReceipts
    address public constant override sink = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IReceipts
    address public immutable override inbox;
    /// @inheritdoc IReceipts
    address public immutable override rollup;
    /// @inheritdoc IReceipts
    address public immutable override sequencer;
    /// @inheritdoc IReceipts
    bytes32 public immutable override domain;
    /// @dev How long a promise may still be claimed, and a lie be found, after the last one was given.
    uint256 private immutable _answersForSeconds;

    mapping(bytes32 id => Commitment) private _commitments;
    mapping(address key => KeyTime) private _keys;
    address private _newestKey;
    address private _keyBefore;
    /// @dev Claims and commitments so far.
    uint64 private _orders;
    /// @inheritdoc IReceipts
    uint64 public override epoch;
    /// @inheritdoc IReceipts
    uint64 public override leavingAt;
    /// @inheritdoc IReceipts
    uint64 public override slashedAt;
    /// @inheritdoc IReceipts
    uint256 public override bondWei;
    /// @inheritdoc IReceipts
    uint256 public override rewardWei;
    address private _winner;
    uint64 private _winnersOrder;
    /// @inheritdoc IReceipts
    uint256 public override openClaims;
    /// @inheritdoc IReceipts
    uint256 public override answeredClaims;

    constructor(address inbox_, address rollup_) {
        address read = IRollup(rollup_).inbox();
        // INVARIANT: states and chunks are of one exchange.
        require(read == inbox_, OtherInbox(read, inbox_));
        uint256 takeoverSeconds = IInbox(inbox_).takeoverDelaySeconds();
        uint256 leastSeconds = HORIZON_SECONDS + ANSWER_SECONDS;
        // INVARIANT: before any stranger can post, everything promised was on L1, or could be foreclosed: what an
        // operator that is not shut out for so long has promised is never shifted.
        require(takeoverSeconds >= leastSeconds, TakeoverTooSoon(takeoverSeconds, leastSeconds));
        leastSeconds = 2 * (uint256(IInbox(inbox_).pastBoundSeconds()) + Constants.MAX_BATCH_SECONDS);
        // INVARIANT: a batch that came too late can be made anew, and land, before anything in it is due.
        require(HORIZON_SECONDS >= leastSeconds, PromiseTooShort(HORIZON_SECONDS, leastSeconds));
        (inbox, rollup, sequencer) = (inbox_, rollup_, IInbox(inbox_).sequencer());
        domain = keccak256(abi.encode(DOMAIN_TYPE, keccak256("Tallystick"), keccak256("1"), block.chainid, rollup_));
        _answersForSeconds = HORIZON_SECONDS + ANSWER_SECONDS + takeoverSeconds + NOTICE_SECONDS;
    }

    /// @dev Rejects everybody but the operator.
    modifier onlyOperator() {
        // INVARIANT: nobody else speaks for the operator.
        require(msg.sender == sequencer, NotOperator(msg.sender, sequencer));
        _;
    }

    /// @inheritdoc IReceipts
    function deposit() external payable override {
        // INVARIANT: no money goes where it can only be lost.
        require(leavingAt == 0 && slashedAt == 0, Closed());
        require(msg.value > 0, NothingPaid());
        bondWei += msg.value;
        emit BondPaid(msg.sender, msg.value);
    }

    /// @inheritdoc IReceipts
    function setKey(address key) external override onlyOperator {
        // INVARIANT: a key has one time.
        require(key != address(0) && _keys[key].from == 0, BadKey(key));
        uint64 from = uint64(block.timestamp);
        address newest = _newestKey;
        if (newest != address(0)) {
            // INVARIANT: at most two keys are known at a time.
            require(block.timestamp >= _keys[newest].from, KeyChanging(block.timestamp, _keys[newest].from));
            // SAFETY: seconds stay far below 2^64.
            from += uint64(KEY_DELAY_SECONDS);
            _keys[newest].until = from;
        }
        _keys[key].from = from;
        (_newestKey, _keyBefore) = (key, newest);
        emit KeySet(key, from);
    }

    /// @inheritdoc IReceipts
    function raiseEpoch() external override onlyOperator {
        uint64 raised = ++epoch;
        emit EpochRaised(raised, IInbox(inbox).batchCount());
    }

    /// @inheritdoc IReceipts
    function beginLeaving() external override onlyOperator {
        require(leavingAt == 0 && slashedAt == 0, Closed());
        leavingAt = uint64(block.timestamp);
        emit Leaving(freeAt());
    }

    /// @inheritdoc IReceipts
    function takeBond() external override onlyOperator {
        checkBond();
        require(leavingAt != 0, NotLeaving());
        // INVARIANT: whoever was promised anything had its time to claim,
        require(block.timestamp >= freeAt(), BondNotFree(block.timestamp, freeAt()));
        // INVARIANT: and got its answer.
        require(openClaims == 0 && answeredClaims == 0, ClaimsPending(openClaims, answeredClaims));
        uint256 amountWei = bondWei;
        bondWei = 0;
        emit BondTaken(amountWei);
        addCredit(msg.sender, amountWei);
    }

    /// @inheritdoc IReceipts
    function commit(bytes32 id) external override {
        Commitment storage made = _commitments[id];
        if (made.order != 0 && block.timestamp <= made.time + REVEAL_SECONDS) return;
        (made.order, made.blockNumber, made.time) = (nextOrder(), uint64(block.number), uint64(block.timestamp));
        emit Committed(id, made.order);
    }

    /// @dev The place of the caller's commitment to the data of this very call.
    function revealed() internal view returns (uint64) {
        bytes32 id = keccak256(abi.encode(msg.sender, keccak256(msg.data)));
        Commitment storage made = _commitments[id];
        // INVARIANT: whoever reads evidence in a transaction that waits cannot have committed to it,
        require(made.order != 0 && block.number >= made.blockNumber + LEAST_BLOCKS, NotCommitted(id));
        // INVARIANT: and nobody comes with an older commitment after the reward was paid.
        require(block.timestamp <= made.time + REVEAL_SECONDS, NotCommitted(id));
        return made.order;
    }

    /// @dev Numbers claims and commitments from 1 on.
    function nextOrder() internal returns (uint64) {
        return ++_orders;
    }

    /// @dev Rejects what is of no use without a bond.
    function checkBond() internal view {
        // INVARIANT: what is lost or home is not lost again.
        require(bondWei > 0, NoBond());
    }

    /// @dev Rejects who is no signer of receipts, or was one so long ago that nothing of its is due.
    function checkKey(address signer) internal view {
        KeyTime storage time = _keys[signer];
        // INVARIANT: who finds a key that was given up long ago cannot speak for the operator.
        require(
            time.from != 0 && block.timestamp >= time.from
                && (time.until == 0 || block.timestamp < time.until + _answersForSeconds),
            NotSigned(signer)
        );
    }

    /// @dev Takes the bond, or, when it is lost already, the reward, for evidence older than the winner's.
    function slash(uint64 order, address who) internal {
        if (slashedAt == 0) {
            checkBond();
            slashedAt = uint64(block.timestamp);
            uint256 lostWei = bondWei;
            // Rounding: down; the sink has the rest.
            uint256 partWei = lostWei / REWARD_PART;
            (bondWei, rewardWei) = (0, partWei);
            emit Slashed(lostWei, partWei);
            addCredit(sink, lostWei - partWei);
        } else {
            // INVARIANT: one bond, one reward.
            require(order < _winnersOrder, NotEarlier(order, _winnersOrder));
            uint256 most = slashedAt + REVEAL_SECONDS;
            require(block.timestamp <= most, TooLate(block.timestamp, most));
        }
        (_winner, _winnersOrder) = (who, order);
        emit RewardOwed(who, order);
    }

    /// @inheritdoc IReceipts
    function payReward() external override {
        uint256 amountWei = rewardWei;
        // INVARIANT: it is paid once,
        require(amountWei > 0, NothingPaid());
        uint256 most = slashedAt + REVEAL_SECONDS;
        // INVARIANT: when nobody can have an older commitment any more.
        require(block.timestamp > most, TooEarly(block.timestamp, most + 1));
        rewardWei = 0;
        addCredit(_winner, amountWei);
    }

    /// @dev What registers say of the promised chain, and of the batches that were read.
    function chainOf(bytes memory packed) internal pure returns (uint64, bytes32, uint64) {
        uint256 ptr;
        // SAFETY: behind the length stand the packed bytes, which are only read.
        assembly ("memory-safe") {
            ptr := add(packed, 32)
        }
        Registers registers = Registers.wrap(ptr);
        return (registers.promisedCount(), registers.promisedAccumulator(), registers.batchCursor());
    }

    /// @inheritdoc IReceipts
    function freeAt() public view override returns (uint256) {
        return leavingAt + _answersForSeconds;
    }

    /// @inheritdoc IReceipts
    function receiptKey() external view override returns (address) {
        return block.timestamp >= _keys[_newestKey].from ? _newestKey : _keyBefore;
    }

    /// @inheritdoc IReceipts
    function keyTime(address key) external view override returns (KeyTime memory) {
        return _keys[key];
    }

    /// @inheritdoc IReceipts
    function commitment(bytes32 id) external view override returns (Commitment memory) {
        return _commitments[id];
    }
}
