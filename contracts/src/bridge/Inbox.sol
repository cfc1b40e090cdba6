// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "../interfaces/IInbox.sol";
import {Constants} from "../libraries/generated/Names.sol";

/// @title Inbox
/// @notice No owner, no pause, no upgrade: every number is fixed by the constructor.
contract Inbox is IInbox {
    /// @inheritdoc IInbox
    address public immutable override sequencer;
    /// @inheritdoc IInbox
    address public immutable override vault;
    /// @inheritdoc IInbox
    uint64 public immutable override forceDelaySeconds;
    /// @inheritdoc IInbox
    uint64 public immutable override takeoverDelaySeconds;
    /// @inheritdoc IInbox
    uint64 public immutable override pastBoundSeconds;
    /// @inheritdoc IInbox
    uint64 public immutable override futureBoundSeconds;

    /// @inheritdoc IInbox
    mapping(uint64 count => bytes32) public override messageAccumulator;
    /// @inheritdoc IInbox
    mapping(uint64 index => bytes32) public override batchHash;
    uint64[] private _messageTimes;

    /// @inheritdoc IInbox
    uint64 public override batchCount;
    /// @inheritdoc IInbox
    uint64 public override batchTime;
    /// @inheritdoc IInbox
    uint64 public override messageLimit;
    /// @dev Second of the sequencer's newest batch, or of the deployment.
    uint64 private _sequencerSeen;

    /// @param sequencer_ who posts batches while it lives
    /// @param vault_ who queues deposits
    /// @param config see IInbox.Config
    constructor(address sequencer_, address vault_, Config memory config) {
        sequencer = sequencer_;
        vault = vault_;
        forceDelaySeconds = config.forceDelaySeconds;
        takeoverDelaySeconds = config.takeoverDelaySeconds;
        pastBoundSeconds = config.pastBoundSeconds;
        futureBoundSeconds = config.futureBoundSeconds;
        _sequencerSeen = uint64(block.timestamp);
    }

    /// @inheritdoc IInbox
    function enqueueDeposit(address owner, uint64 account, uint64 amountUnits)
        external
        override
        returns (uint64 index)
    {
        // INVARIANT: a deposit message stands for money in the Vault.
        require(msg.sender == vault, NotVault(msg.sender, vault));
        return enqueue(Constants.MESSAGE_DEPOSIT, owner, account, amountUnits);
    }

    /// @inheritdoc IInbox
    function forceWithdraw(uint64 account, uint64 amountUnits) external override returns (uint64 index) {
        return enqueue(Constants.MESSAGE_FORCE_WITHDRAW, msg.sender, account, amountUnits);
    }

    /// @inheritdoc IInbox
    function forceCancelAll(uint64 account) external override returns (uint64 index) {
        return enqueue(Constants.MESSAGE_FORCE_CANCEL_ALL, msg.sender, account, 0);
    }

    /// @inheritdoc IInbox
    function forceClose(uint64 account, uint8 market, uint24 priceTicks, uint32 lots)
        external
        override
        returns (uint64 index)
    {
        uint64 what = uint64(market) << 56 | uint64(priceTicks) << 32 | lots;
        return enqueue(Constants.MESSAGE_FORCE_CLOSE, msg.sender, account, what);
    }

    /// @dev Appends a message to the queue and to its hash chain.
    function enqueue(uint256 kind, address sender, uint64 account, uint64 amountUnits) private returns (uint64 index) {
        // SAFETY: seconds and the number of messages stay far below 2^64.
        uint64 time = uint64(block.timestamp);
        index = uint64(_messageTimes.length);
        bytes memory message = abi.encodePacked(uint8(kind), sender, account, amountUnits, time);
        bytes32 accumulator = keccak256(abi.encode(messageAccumulator[index], keccak256(message)));
        messageAccumulator[index + 1] = accumulator;
        _messageTimes.push(time);
        emit MessageQueued(index, message, accumulator);
    }

    /// @inheritdoc IInbox
    function postBatch(uint64 index, uint64 time, uint64 limit, bytes[] calldata chunks) external override {
        checkPoster();
        // INVARIANT: batches are numbered without gap or duplicate.
        require(index == batchCount, WrongBatchIndex(index, batchCount));
        // INVARIANT: a batch has chunks, and a bounded number of them.
        require(
            chunks.length > 0 && chunks.length <= Constants.MAX_CHUNKS, ChunkCount(chunks.length, Constants.MAX_CHUNKS)
        );
        checkMessageLimit(limit);
        checkTime(time);

        // SAFETY: at most MAX_CHUNKS.
        uint16 chunkCount = uint16(chunks.length);
        bytes32 chunksHash = publish(index, chunks);
        batchHash[index] = keccak256(abi.encodePacked(time, limit, chunkCount, chunksHash));
        (batchCount, batchTime, messageLimit) = (index + 1, time, limit);
        if (msg.sender == sequencer) _sequencerSeen = uint64(block.timestamp);
        emit BatchPosted(index, time, limit, chunkCount, chunksHash, msg.sender);
    }

    /// @dev Rejects strangers while the sequencer is alive.
    function checkPoster() private view {
        // INVARIANT: only the sequencer's silence opens the Inbox to others, so a stranger's batch
        // never shuts out the next stranger.
        require(
            msg.sender == sequencer || block.timestamp >= takeoverAt(),
            NotSequencer(msg.sender, sequencer, takeoverAt())
        );
    }

    /// @dev Rejects a limit that falls, that is ahead of the queue or that leaves out a due message.
    function checkMessageLimit(uint64 limit) private view {
        uint64 count = messageCount();
        // INVARIANT: a consumed message stays consumed.
        require(limit >= messageLimit, MessageLimitBackwards(limit, messageLimit));
        // INVARIANT: the machine finds every message it is told to consume.
        require(limit <= count, MessageLimitAhead(limit, count));
        if (limit == count) return;
        // Times never fall along the queue: the first message left out is the oldest.
        uint256 dueAt = uint256(_messageTimes[limit]) + forceDelaySeconds;
        // INVARIANT: whoever posts serves everyone's messages in time.
        require(block.timestamp <= dueAt, MessageOverdue(limit, dueAt));
    }

    /// @dev Rejects times that fall or that are far from the block's.
    function checkTime(uint64 time) private view {
        // INVARIANT: time never falls.
        require(time >= batchTime, TimeBackwards(time, batchTime));
        uint256 past = pastBoundSeconds;
        uint256 least = block.timestamp > past ? block.timestamp - past : 0;
        // INVARIANT: a batch's time is the block's, within the bounds.
        require(time >= least, TimeTooOld(time, least));
        uint256 most = block.timestamp + futureBoundSeconds;
        require(time <= most, TimeTooNew(time, most));
    }

    /// @dev Puts the chunks on the log. Returns the hash of their hashes.
    function publish(uint64 index, bytes[] calldata chunks) private returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](chunks.length);
        for (uint256 i = 0; i < chunks.length; ++i) {
            bytes calldata chunk = chunks[i];
            // INVARIANT: a step proof can carry any chunk there is.
            require(
                chunk.length > Constants.CHUNK_HEADER_BYTES && chunk.length <= Constants.MAX_CHUNK_BYTES,
                ChunkLength(i, chunk.length, Constants.MAX_CHUNK_BYTES)
            );
            hashes[i] = keccak256(chunk);
            emit ChunkPosted(index, uint16(i), chunk);
        }
        return keccak256(abi.encodePacked(hashes));
    }

    /// @inheritdoc IInbox
    function messageTime(uint64 index) external view override returns (uint64) {
        return _messageTimes[index];
    }

    /// @inheritdoc IInbox
    function messageCount() public view override returns (uint64) {
        return uint64(_messageTimes.length);
    }

    /// @inheritdoc IInbox
    function takeoverAt() public view override returns (uint256) {
        return uint256(_sequencerSeen) + takeoverDelaySeconds;
    }
}
