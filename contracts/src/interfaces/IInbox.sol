// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title All inputs of the machine, in order
/// @notice A hash-chained queue of L1 messages and a list of batches. A batch's bytes are in its
/// logs, its hash is in storage.
interface IInbox {
    /// @notice Bounds on batches, fixed for good.
    /// @param forceDelaySeconds age from which a batch must consume a message
    /// @param takeoverDelaySeconds silence of the sequencer after which anyone may post
    /// @param pastBoundSeconds how far a batch's begin may lie behind the block's time
    /// @param futureBoundSeconds how far a batch's end may lie ahead of the block's time
    /// @param rateBytes what leaves the bucket of posted bytes each block
    /// @param burstBytes what the bucket holds
    /// @param mostBlobs blobs that a batch may be in, which L1's nodes drop after 18 days; 0 when all are in calldata
    struct Config {
        uint64 forceDelaySeconds;
        uint64 takeoverDelaySeconds;
        uint64 pastBoundSeconds;
        uint64 futureBoundSeconds;
        uint64 rateBytes;
        uint64 burstBytes;
        uint64 mostBlobs;
    }

    /// @notice `message` (45 bytes: kind u8, sender, account u64, amount u64, time u64; a forced record's bytes
    /// behind them) is number `index` of the queue; `accumulator` is the chain's head after it.
    event MessageQueued(uint64 indexed index, bytes message, bytes32 accumulator);

    /// @notice Batch `index` may be read by the machine; it consumes messages below `messageLimit`.
    event BatchPosted(
        uint64 indexed index,
        uint64 time,
        uint64 until,
        uint64 messageLimit,
        uint8 source,
        uint16 chunkCount,
        bytes32 chunksHash,
        address poster
    );

    /// @notice The bytes of one chunk.
    event ChunkPosted(uint64 indexed batch, uint16 indexed chunk, bytes data);

    /// @notice The versioned hashes of the blobs that hold a batch's chunks, 64 each.
    event BlobsPosted(uint64 indexed batch, bytes32[] versionedHashes);

    /// @notice A clock so far ahead would make every honest price report stale.
    error FutureTooFar(uint256 actualMs, uint256 mostMs);
    /// @notice The longest batch would be too old before it could land.
    error PastBoundTooShort(uint64 actual, uint256 least);
    /// @notice An honest batch could come too late for a message it did not know.
    error ForceDelayTooShort(uint64 actual, uint256 least);
    /// @notice A sequencer that serves every message in time could be taken over.
    error TakeoverDelayTooShort(uint64 actual, uint64 least);
    /// @notice The bucket would never drain.
    error NoRate();
    /// @notice The largest batch would never fit into the bucket.
    error BurstTooSmall(uint64 actual, uint256 least);
    /// @notice No transaction carries so many blobs.
    error TooManyBlobs(uint64 actual, uint256 most);
    /// @notice Only the Vault queues deposits.
    error NotVault(address actual, address expected);
    /// @notice A forced record has 1 to `most` bytes.
    error RecordLength(uint256 actual, uint256 most);
    /// @notice The sequencer is alive: until `openAt` (seconds) nobody else may post.
    error NotSequencer(address actual, address expected, uint256 openAt);
    /// @notice Another batch took the number, or one is missing.
    error WrongBatchIndex(uint64 actual, uint64 expected);
    /// @notice A batch has 1 to `most` chunks.
    error ChunkCount(uint256 actual, uint256 most);
    /// @notice A chunk is longer than its header and not longer than `most`.
    error ChunkLength(uint256 chunk, uint256 actual, uint256 most);
    /// @notice A batch in blobs has 1 to `most`; of more, one more than `most` is told.
    error BlobCount(uint256 actual, uint256 most);
    /// @notice A batch cannot give messages back.
    error MessageLimitBackwards(uint64 actual, uint64 least);
    /// @notice A batch cannot consume messages that do not exist.
    error MessageLimitAhead(uint64 actual, uint64 most);
    /// @notice The batch leaves out message `index`, which is due since `dueAt` (seconds).
    error MessageOverdue(uint64 index, uint256 dueAt);
    /// @notice The limit lies between messages that were queued in the same second.
    error MessagesCut(uint64 limit, uint64 time);
    /// @notice More messages may be queued in the second of message `index`, which is this block's.
    error MessageOfThisSecond(uint64 index, uint64 time);
    /// @notice Message `index` was queued after the batch begins.
    error MessageNewerThanBatch(uint64 index, uint64 time, uint64 batchTime);
    /// @notice A batch begins no sooner than the one before it ended.
    error TimeBackwards(uint64 actual, uint64 least);
    /// @notice The batch's begin is too far behind the block's time.
    error TimeTooOld(uint64 actual, uint256 least);
    /// @notice The batch ends before it begins, or more than `most` seconds later.
    error Span(uint64 time, uint64 until, uint256 most);
    /// @notice The batch's end is too far ahead of the block's time.
    error UntilTooNew(uint64 actual, uint256 most);
    /// @notice With this batch the bucket would hold more than `most` bytes: wait, or post less.
    error BucketFull(uint256 actual, uint64 most);

    /// @notice Queues a deposit of `amountUnits` to `account` of `owner`. Only the Vault.
    /// @return index number of the message
    function enqueueDeposit(address owner, uint64 account, uint64 amountUnits) external returns (uint64 index);

    /// @notice Queues the caller's wish to withdraw `amountUnits` from `account` to itself.
    /// @dev Anyone may queue anything; the machine checks that the caller owns the account.
    /// @return index number of the message
    function forceWithdraw(uint64 account, uint64 amountUnits) external returns (uint64 index);

    /// @notice Queues the caller's wish to cancel all orders of `account`.
    /// @return index number of the message
    function forceCancelAll(uint64 account) external returns (uint64 index);

    /// @notice Queues the owner's command to make the account's position in a market smaller against
    /// the book, by `lots` or by all of it when 0, at `priceTicks` or better; what the book does not
    /// take is dropped. Anybody may queue it; the machine checks the sender.
    /// @return index number of the message
    function forceClose(uint64 account, uint8 market, uint24 priceTicks, uint32 lots) external returns (uint64 index);

    /// @notice Queues a record, which the machine runs as if it had been sequenced: any kind but the clock, by
    /// anybody, with whatever signatures the record itself asks for.
    /// @return index number of the message
    function enqueueRecord(bytes calldata record) external returns (uint64 index);

    /// @notice Posts batch number `index`.
    /// @dev The sequencer may at any time; anyone else once the sequencer has posted nothing for
    /// the takeover delay, and as often as they like until it posts again.
    /// @param time second of the batch's first record, and of L1 up to which it may consume messages
    /// @param until second of its last record
    /// @param messageLimit messages below this number are consumed before its first record
    function postBatch(uint64 index, uint64 time, uint64 until, uint64 messageLimit, bytes[] calldata chunks) external;

    /// @notice Posts batch number `index`, whose chunks are in the blobs of this transaction.
    /// @dev As `postBatch`. Nothing is said about the chunks: what is not in the blobs could be withheld.
    function postBlobs(uint64 index, uint64 time, uint64 until, uint64 messageLimit) external;

    /// @notice keccak(time u64, until u64, messageLimit u64, source u8, poster, chunkCount u16, chunksHash) of a
    /// batch, where source 0 is calldata and chunksHash = keccak of the concatenated hashes of its chunks, source 1 blobs
    /// and chunksHash = keccak of their concatenated versioned hashes; 0 when there is no such batch.
    function batchHash(uint64 index) external view returns (bytes32);

    /// @notice The chain after `count` messages: acc[0] = 0, acc[i + 1] = keccak(acc[i],
    /// keccak(message i)); 0 also when there are fewer.
    function messageAccumulator(uint64 count) external view returns (bytes32);

    /// @notice Second in which a message was queued.
    function messageTime(uint64 index) external view returns (uint64);

    function batchCount() external view returns (uint64);
    function messageCount() external view returns (uint64);
    /// @notice Message limit of the newest batch.
    function messageLimit() external view returns (uint64);
    /// @notice End of the newest batch.
    function batchUntil() external view returns (uint64);
    /// @notice What is in the bucket now. A batch adds its chunks' bytes; it is refused when they would be more than
    /// the burst, unless it is one chunk of at most 128 bytes.
    function bucketBytes() external view returns (uint256);
    /// @notice Second from which anyone may post.
    function takeoverAt() external view returns (uint256);

    function sequencer() external view returns (address);
    function vault() external view returns (address);
    function forceDelaySeconds() external view returns (uint64);
    function takeoverDelaySeconds() external view returns (uint64);
    function pastBoundSeconds() external view returns (uint64);
    function futureBoundSeconds() external view returns (uint64);
    function rateBytes() external view returns (uint64);
    function burstBytes() external view returns (uint64);
    function mostBlobs() external view returns (uint64);
}
