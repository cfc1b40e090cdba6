// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "../interfaces/IInbox.sol";
import {Constants} from "../libraries/generated/Names.sol";

/// @title Inbox
/// @notice No owner, no pause, no upgrade: every number is fixed by the constructor.
contract Inbox is IInbox {
    /// @dev What the force delay leaves an honest poster beyond the past bound, for its confirmations.
    uint256 private constant FORCE_SLACK_SECONDS = 60;
    /// @dev What the past bound leaves the longest batch to land in, once it has ended.
    uint256 private constant LANDING_SECONDS = 60;
    /// @dev A batch's clock may be ahead of L1 by this much less than the age of a price report, or every
    /// honest report would be stale and the exchange would stand still for good.
    uint256 private constant REPORT_SLACK_MS = 3000;
    uint8 private constant SOURCE_CALLDATA = uint8(Constants.SOURCE_CALLDATA);
    uint8 private constant SOURCE_BLOBS = uint8(Constants.SOURCE_BLOBS);
    /// @dev A batch of one chunk of no more is always taken: one that brings nothing but the messages.
    uint256 private constant SMALL_BYTES = 128;
    uint256 private constant LARGEST_BYTES = Constants.MAX_CHUNKS * Constants.MAX_CHUNK_BYTES;
    /// @dev A blob counts whole, whatever is in it.
    uint256 private constant BLOB_BYTES = Constants.BLOB_CHUNKS * Constants.CHUNK_ELEMENTS * 32;

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
    uint64 public immutable override rateBytes;
    /// @inheritdoc IInbox
    uint64 public immutable override burstBytes;
    /// @inheritdoc IInbox
    uint64 public immutable override mostBlobs;

    /// @inheritdoc IInbox
    mapping(uint64 count => bytes32) public override messageAccumulator;
    /// @inheritdoc IInbox
    mapping(uint64 index => bytes32) public override batchHash;
    uint64[] private _messageTimes;

    /// @inheritdoc IInbox
    uint64 public override batchCount;
    /// @inheritdoc IInbox
    uint64 public override batchUntil;
    /// @inheritdoc IInbox
    uint64 public override messageLimit;
    /// @dev Second of the sequencer's newest batch, or of the deployment.
    uint64 private _sequencerSeen;
    /// @dev Bytes in the bucket when it was filled last, and the block of that.
    uint192 private _level;
    uint64 private _levelBlock;

    /// @param sequencer_ who posts batches while it lives
    /// @param vault_ who queues deposits
    /// @param config see IInbox.Config
    constructor(address sequencer_, address vault_, Config memory config) {
        checkConfig(config);
        sequencer = sequencer_;
        vault = vault_;
        forceDelaySeconds = config.forceDelaySeconds;
        takeoverDelaySeconds = config.takeoverDelaySeconds;
        pastBoundSeconds = config.pastBoundSeconds;
        futureBoundSeconds = config.futureBoundSeconds;
        rateBytes = config.rateBytes;
        burstBytes = config.burstBytes;
        mostBlobs = config.mostBlobs;
        _sequencerSeen = uint64(block.timestamp);
        _levelBlock = uint64(block.number);
    }

    /// @dev Rejects numbers that do not go together.
    function checkConfig(Config memory config) private pure {
        uint256 futureMs = 1000 * uint256(config.futureBoundSeconds);
        uint256 mostMs = Constants.REPORT_AGE_MS - REPORT_SLACK_MS;
        // INVARIANT: under the furthest clock there can be, an honest price report is fresh.
        require(futureMs <= mostMs, FutureTooFar(futureMs, mostMs));
        uint256 leastPast = Constants.MAX_BATCH_SECONDS + LANDING_SECONDS;
        // INVARIANT: the longest batch there may be is not too old before it can land.
        require(config.pastBoundSeconds >= leastPast, PastBoundTooShort(config.pastBoundSeconds, leastPast));
        uint256 leastForce = uint256(config.pastBoundSeconds) + FORCE_SLACK_SECONDS;
        // INVARIANT: what an honest batch could not know when it was sealed is not due while it may be posted.
        require(config.forceDelaySeconds >= leastForce, ForceDelayTooShort(config.forceDelaySeconds, leastForce));
        // INVARIANT: a sequencer that serves every message just in time is alive.
        require(
            config.takeoverDelaySeconds >= config.forceDelaySeconds,
            TakeoverDelayTooShort(config.takeoverDelaySeconds, config.forceDelaySeconds)
        );
        // INVARIANT: the bucket drains.
        require(config.rateBytes > 0, NoRate());
        // INVARIANT: a batch has no more blobs than a transaction may carry.
        require(config.mostBlobs <= Constants.MAX_BLOBS, TooManyBlobs(config.mostBlobs, Constants.MAX_BLOBS));
        uint256 blobBytes = config.mostBlobs * BLOB_BYTES;
        uint256 leastBurst = blobBytes > LARGEST_BYTES ? blobBytes : LARGEST_BYTES;
        // INVARIANT: into an empty bucket every batch fits.
        require(config.burstBytes >= leastBurst, BurstTooSmall(config.burstBytes, leastBurst));
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

    /// @inheritdoc IInbox
    function enqueueRecord(bytes calldata record) external override returns (uint64 index) {
        // INVARIANT: a step proof can carry any message there is, and none is without a record.
        require(
            record.length > 0 && record.length <= Constants.MAX_FORCED_BYTES,
            RecordLength(record.length, Constants.MAX_FORCED_BYTES)
        );
        return append(abi.encodePacked(pack(Constants.MESSAGE_RECORD, msg.sender, 0, 0), record));
    }

    function enqueue(uint256 kind, address sender, uint64 account, uint64 amountUnits) private returns (uint64 index) {
        return append(pack(kind, sender, account, amountUnits));
    }

    /// @dev What every message begins with.
    function pack(uint256 kind, address sender, uint64 account, uint64 amountUnits)
        private
        view
        returns (bytes memory)
    {
        // SAFETY: seconds stay far below 2^64.
        return abi.encodePacked(uint8(kind), sender, account, amountUnits, uint64(block.timestamp));
    }

    /// @dev Appends a message to the queue and to its hash chain.
    function append(bytes memory message) private returns (uint64 index) {
        // SAFETY: seconds and the number of messages stay far below 2^64.
        index = uint64(_messageTimes.length);
        bytes32 accumulator = keccak256(abi.encode(messageAccumulator[index], keccak256(message)));
        messageAccumulator[index + 1] = accumulator;
        _messageTimes.push(uint64(block.timestamp));
        emit MessageQueued(index, message, accumulator);
    }

    /// @inheritdoc IInbox
    function postBatch(uint64 index, uint64 time, uint64 until, uint64 limit, bytes[] calldata chunks)
        external
        override
    {
        checkPlace(index);
        // INVARIANT: a batch has chunks, and a bounded number of them.
        require(
            chunks.length > 0 && chunks.length <= Constants.MAX_CHUNKS, ChunkCount(chunks.length, Constants.MAX_CHUNKS)
        );
        checkTimes(time, until);
        checkMessageLimit(limit, time);

        // SAFETY: at most MAX_CHUNKS.
        commit(index, time, until, limit, SOURCE_CALLDATA, uint16(chunks.length), publish(index, chunks));
    }

    /// @inheritdoc IInbox
    function postBlobs(uint64 index, uint64 time, uint64 until, uint64 limit) external override {
        checkPlace(index);
        bytes32[] memory hashes = blobHashes();
        checkTimes(time, until);
        checkMessageLimit(limit, time);

        fill(hashes.length * BLOB_BYTES, false);
        emit BlobsPosted(index, hashes);
        // SAFETY: at most MAX_BLOBS times 64.
        uint16 chunkCount = uint16(hashes.length * Constants.BLOB_CHUNKS);
        commit(index, time, until, limit, SOURCE_BLOBS, chunkCount, keccak256(abi.encodePacked(hashes)));
    }

    /// @dev The versioned hashes of the transaction's blobs.
    function blobHashes() private view returns (bytes32[] memory hashes) {
        uint256 most = mostBlobs;
        uint256 count;
        while (count <= most && blobhash(count) != 0) ++count;
        // INVARIANT: a batch in blobs has all those of its transaction, and none where the deployment has taken none:
        // whoever reads it has to know that L1's nodes drop them.
        require(count > 0 && count <= most, BlobCount(count, most));
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = blobhash(i);
        }
    }

    /// @dev Makes the batch the newest one. The caller has checked it.
    function commit(
        uint64 index,
        uint64 time,
        uint64 until,
        uint64 limit,
        uint8 source,
        uint16 chunkCount,
        bytes32 chunksHash
    ) private {
        batchHash[index] = keccak256(abi.encodePacked(time, until, limit, source, msg.sender, chunkCount, chunksHash));
        (batchCount, batchUntil, messageLimit) = (index + 1, until, limit);
        if (msg.sender == sequencer) _sequencerSeen = uint64(block.timestamp);
        emit BatchPosted(index, time, until, limit, source, chunkCount, chunksHash, msg.sender);
    }

    /// @dev Rejects strangers while the sequencer is alive, and batches that are not the next one.
    function checkPlace(uint64 index) private view {
        // INVARIANT: only the sequencer's silence opens the Inbox to others, so a stranger's batch
        // never shuts out the next stranger.
        require(
            msg.sender == sequencer || block.timestamp >= takeoverAt(),
            NotSequencer(msg.sender, sequencer, takeoverAt())
        );
        // INVARIANT: batches are numbered without gap or duplicate.
        require(index == batchCount, WrongBatchIndex(index, batchCount));
    }

    /// @dev Rejects times that fall, that are far from the block's or far apart.
    function checkTimes(uint64 time, uint64 until) private view {
        // INVARIANT: time never falls.
        require(time >= batchUntil, TimeBackwards(time, batchUntil));
        uint256 past = pastBoundSeconds;
        uint256 least = block.timestamp > past ? block.timestamp - past : 0;
        // INVARIANT: a batch is not held back.
        require(time >= least, TimeTooOld(time, least));
        // INVARIANT: a batch ends after it begins, and soon.
        require(
            until >= time && until <= time + Constants.MAX_BATCH_SECONDS, Span(time, until, Constants.MAX_BATCH_SECONDS)
        );
        uint256 most = block.timestamp + futureBoundSeconds;
        // INVARIANT: no record is of a time that L1 has not nearly come to.
        require(until <= most, UntilTooNew(until, most));
    }

    /// @dev Rejects a limit that falls, that is ahead of the queue, that leaves out a due message or that cuts a
    /// second of L1 in two.
    function checkMessageLimit(uint64 limit, uint64 time) private view {
        uint64 count = messageCount();
        // INVARIANT: a consumed message stays consumed.
        require(limit >= messageLimit, MessageLimitBackwards(limit, messageLimit));
        // INVARIANT: the machine finds every message it is told to consume.
        require(limit <= count, MessageLimitAhead(limit, count));
        uint64 next = type(uint64).max;
        if (limit < count) {
            // Times never fall along the queue: the first message left out is the oldest.
            next = _messageTimes[limit];
            uint256 dueAt = uint256(next) + forceDelaySeconds;
            // INVARIANT: whoever posts serves everyone's messages in time.
            require(block.timestamp <= dueAt, MessageOverdue(limit, dueAt));
        }
        if (limit == 0) return;
        uint64 last = _messageTimes[limit - 1];
        // INVARIANT: what was queued in one second of L1, which one transaction can, is consumed in one batch.
        require(last < next, MessagesCut(limit, last));
        // INVARIANT: also what is still to be queued in this one.
        require(last < block.timestamp, MessageOfThisSecond(limit - 1, last));
        // INVARIANT: no batch runs ahead of what it consumes.
        require(last <= time, MessageNewerThanBatch(limit - 1, last, time));
    }

    /// @dev Puts the chunks on the log. Returns the hash of their hashes.
    function publish(uint64 index, bytes[] calldata chunks) private returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](chunks.length);
        uint256 size;
        for (uint256 i = 0; i < chunks.length; ++i) {
            bytes calldata chunk = chunks[i];
            // INVARIANT: a step proof can carry any chunk there is.
            require(
                chunk.length > Constants.CHUNK_HEADER_BYTES && chunk.length <= Constants.MAX_CHUNK_BYTES,
                ChunkLength(i, chunk.length, Constants.MAX_CHUNK_BYTES)
            );
            size += chunk.length;
            hashes[i] = keccak256(chunk);
            emit ChunkPosted(index, uint16(i), chunk);
        }
        fill(size, chunks.length == 1 && size <= SMALL_BYTES);
        return keccak256(abi.encodePacked(hashes));
    }

    /// @dev Puts a batch's bytes into the bucket. A small one is counted, and taken in any case: else whoever fills
    /// the bucket would hold back messages.
    function fill(uint256 size, bool small) private {
        uint256 level = bucketBytes() + size;
        // INVARIANT: what the machine has to do grows no faster than assertions can follow.
        require(small || level <= burstBytes, BucketFull(level, burstBytes));
        // SAFETY: only small batches go beyond a number of 64 bits, and never 2^128 of them.
        (_level, _levelBlock) = (uint192(level), uint64(block.number));
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
    function bucketBytes() public view override returns (uint256) {
        uint256 drained = uint256(rateBytes) * (block.number - _levelBlock);
        return _level > drained ? _level - drained : 0;
    }

    /// @inheritdoc IInbox
    function takeoverAt() public view override returns (uint256) {
        return uint256(_sequencerSeen) + takeoverDelaySeconds;
    }
}
