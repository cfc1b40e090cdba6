// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICredits} from "./ICredits.sol";
import {AssertionId} from "./Types.sol";

/// @notice keccak(number, accumulator, record hash): a receipt's leaf, and what a claim about it is called.
type PlaceId is bytes32;

/// @notice One record's receipt: its leaf, the way from there to the group's root, and what was signed of the group.
/// @param epoch the operator's count of its beginnings
/// @param first number of the group's first record in the promised chain
/// @param count records of the group
/// @param postBy second by which the record is on L1
/// @param before the promised chain in front of the group
/// @param number the record's own number
/// @param accumulator the promised chain behind the record
/// @param recordHash keccak of the record as its frame carries it
/// @param path siblings from the leaf to the root; an odd node moves up
/// @param r first half of the signature
/// @param vs second half, as in EIP-2098
struct Receipt {
    uint64 epoch;
    uint64 first;
    uint16 count;
    uint64 postBy;
    bytes32 before;
    uint64 number;
    bytes32 accumulator;
    bytes32 recordHash;
    bytes32[] path;
    bytes32 r;
    bytes32 vs;
}

/// @notice A chunk that the operator posted.
/// @param batch number of its batch
/// @param header preimage of the Inbox's batch hash
/// @param hashes of all chunks of the batch
/// @param index which of them it is
/// @param chunk its bytes
struct PostedChunk {
    uint64 batch;
    bytes header;
    bytes32[] hashes;
    uint16 index;
    bytes chunk;
}

/// @notice A confirmed state.
/// @param assertion that it is of
/// @param stateRoot its tree root
/// @param registers its registers
struct ConfirmedState {
    AssertionId assertion;
    bytes32 stateRoot;
    bytes registers;
}

/// @title The operator's bond behind its receipts
/// @notice A receipt promises the place of a record in the promised chain: which records accounts signed, in which
/// order. Whoever proves a broken promise slashes the bond, has a tenth of it, and the rest is the sink's. What a
/// record leads to is the dispute's business. An operator that L1 shuts out for longer than HORIZON_SECONDS and
/// ANSWER_SECONDS together loses its bond, though it is honest.
interface IReceipts is ICredits {
    /// @notice NONE: nobody claimed that the record is missing. OPEN: nobody has answered. ANSWERED: it was shown in a
    /// chunk, which is still to be confirmed. CLOSED: that is what L1 has, or the deposit is back.
    enum ClaimStatus {
        NONE,
        OPEN,
        ANSWERED,
        CLOSED
    }

    /// @notice A claim that a promised record is not on L1.
    /// @param claimant who gets the reward if it is not
    /// @param status see ClaimStatus
    /// @param openedAt second it was made
    /// @param answeredAt second it was answered first
    /// @param passedAt second in which a confirmed state was shown that is not in front of the answer; 0 before
    /// @param number the record's number
    /// @param accumulator the promised chain behind the record, as the receipt says
    /// @param recordHash the record's hash
    /// @param order its place among claims and commitments
    /// @param count of promised records at which the answer meets a chunk
    /// @param batch of that chunk
    /// @param answer the promised chain there
    /// @param depositWei what whoever answers gets
    struct Claim {
        address claimant;
        ClaimStatus status;
        uint64 openedAt;
        uint64 answeredAt;
        uint64 passedAt;
        uint64 number;
        bytes32 accumulator;
        bytes32 recordHash;
        uint64 order;
        uint64 count;
        uint64 batch;
        bytes32 answer;
        uint256 depositWei;
    }

    /// @notice What somebody has committed to.
    struct Commitment {
        uint64 order;
        uint64 blockNumber;
        uint64 time;
    }

    /// @notice From when on a key signs receipts, and until when; 0 for no end.
    struct KeyTime {
        uint64 from;
        uint64 until;
    }

    /// @notice The bond grew.
    event BondPaid(address indexed from, uint256 amountWei);
    /// @notice Receipts count from `from` on when `key` signed them, and those of the key before it no more.
    event KeySet(address indexed key, uint64 from);
    /// @notice The operator begins anew: its receipts name this epoch from now on.
    event EpochRaised(uint64 epoch, uint64 batchCount);
    /// @notice The operator wants its bond back, which is free from `freeAt` on. Its receipts are worth nothing more.
    event Leaving(uint256 freeAt);
    /// @notice The bond is home.
    event BondTaken(uint256 amountWei);
    /// @notice Somebody has evidence, which nobody can read yet.
    event Committed(bytes32 indexed commitment, uint64 order);
    /// @notice Somebody says that this record is not on L1.
    event ClaimOpened(
        PlaceId indexed place,
        address indexed claimant,
        uint64 number,
        bytes32 accumulator,
        bytes32 recordHash,
        uint256 depositWei
    );
    /// @notice The record was shown to be in front of `count` promised records in a chunk of `batch`.
    event ClaimAnswered(PlaceId indexed place, uint64 count, bytes32 answer, uint64 batch);
    /// @notice A confirmed state was shown that is not in front of the answer: from here on it may be refuted for a day.
    event ClaimPassed(PlaceId indexed place);
    /// @notice The claim is over, and the operator is not to blame.
    event ClaimClosed(PlaceId indexed place);
    /// @notice The promised chain of a confirmed state, or in front of one.
    event Traced(uint64 count, bytes32 accumulator);
    /// @notice The bond is lost.
    event Slashed(uint256 bondWei, uint256 rewardWei);
    /// @notice The reward is `who`'s unless somebody with an older claim or commitment comes.
    event RewardOwed(address indexed who, uint64 order);

    /// @notice A stranger's batch could shift what may still have to be shown.
    error TakeoverTooSoon(uint256 actualSeconds, uint256 leastSeconds);
    /// @notice A promise would be due before the batch it is in must have landed.
    error PromiseTooShort(uint256 actualSeconds, uint256 leastSeconds);
    /// @notice The Rollup is of another Inbox.
    error OtherInbox(address actual, address expected);
    /// @notice Only the Inbox's sequencer may.
    error NotOperator(address actual, address expected);
    /// @notice Nothing was paid.
    error NothingPaid();
    /// @notice The operator has called `beginLeaving`, or its bond is lost.
    error Closed();
    /// @notice There is no bond to slash.
    error NoBond();
    /// @notice The operator has not called `beginLeaving`.
    error NotLeaving();
    /// @notice The bond answers until `freeAt`.
    error BondNotFree(uint256 actual, uint256 freeAt);
    /// @notice The bond answers for claims that are not over.
    error ClaimsPending(uint256 open, uint256 answered);
    /// @notice No key, or one that has been one already.
    error BadKey(address key);
    /// @notice The last change of keys is not in force yet.
    error KeyChanging(uint256 actual, uint256 from);
    /// @notice The receipt is of a group that cannot be.
    error BadGroup(uint64 number, uint64 first, uint16 count);
    /// @notice The path has another length.
    error PathLength(uint256 actual, uint256 expected);
    /// @notice No key of the operator's signed it, or one that does not count any more, or not yet.
    error NotSigned(address signer);
    /// @notice It is not committed to, or not long enough ago, or too long.
    error NotCommitted(bytes32 commitment);
    /// @notice The receipts can both be kept.
    error NoConflict();
    /// @notice The Inbox has another batch there.
    error WrongBatch(bytes32 actual, bytes32 expected);
    /// @notice Somebody else posted it, or it is of a kind that is not known here.
    error NotOperators(address poster, uint8 source);
    /// @notice The bytes are of another chunk.
    error WrongChunk(bytes32 actual, bytes32 expected);
    /// @notice The hashes do not lead to the receipt.
    error NotReceipts(bytes32 actual, bytes32 expected);
    /// @notice The chunk says nothing of that place.
    error NotInChunk(uint64 count);
    /// @notice The chunk has the same record there.
    error NoContradiction();
    /// @notice The operator has until `postBy`.
    error NotDue(uint256 actual, uint64 postBy);
    /// @notice The receipt was claimed already.
    error AlreadyClaimed(PlaceId place);
    /// @notice The deposit is larger.
    error DepositTooSmall(uint256 actualWei, uint256 leastWei);
    /// @notice No more claims are taken at once.
    error TooManyClaims(uint256 open);
    /// @notice The claim is in another state.
    error WrongStatus(PlaceId place, ClaimStatus status);
    /// @notice No claim is named.
    error NothingClaimed();
    /// @notice The hashes, from the place's number on, do not pass the claimed record.
    error NotOnTheWay(PlaceId place);
    /// @notice It is too early.
    error TooEarly(uint256 actual, uint256 least);
    /// @notice It is too late.
    error TooLate(uint256 actual, uint256 most);
    /// @notice The assertion is not confirmed.
    error NotConfirmed(AssertionId assertion);
    /// @notice The preimage is of another state.
    error WrongState(bytes32 actual, bytes32 expected);
    /// @notice The state is in front of the answer and does not contradict it, or no state has come past it.
    error NotPassed(uint64 actual, uint64 least);
    /// @notice What is known of the promised chain does not contradict the answer.
    error NotRefuted(PlaceId place);
    /// @notice The chain is not known there, or the hashes do not lead there.
    error NotTraced(uint64 count);
    /// @notice An older claim or commitment has the reward.
    error NotEarlier(uint64 actual, uint64 most);

    /// @notice Adds to the bond.
    function deposit() external payable;

    /// @notice Names the key that signs receipts: the first one at once, each later one after KEY_DELAY_SECONDS.
    function setKey(address key) external;

    /// @notice Begins an epoch. Voids nothing; only that receipts of two epochs may differ in number, unless they put
    /// two records behind the same ones.
    function raiseEpoch() external;

    /// @notice Promises nothing more: from `freeAt` on the bond can be taken, if no claim is pending then.
    function beginLeaving() external;

    /// @notice Credits the operator with its bond.
    function takeBond() external;

    /// @notice Commits to evidence: keccak(caller, keccak(the revealing call's data)). Nothing happens to one that is
    /// committed to and may still be revealed.
    function commit(bytes32 commitment) external;

    /// @notice Slashes for two receipts that cannot both be kept: of one epoch and with one number, but of other
    /// contents, or one behind the other that does not follow; or, of whatever epochs, two records behind `prefix`.
    /// Needs a commitment.
    /// @param prefix the chain in front of both records; only for receipts of two epochs
    function conflict(Receipt calldata a, Receipt calldata b, bytes32 prefix) external;

    /// @notice Slashes for a chunk that has another record than was promised at the first place where they differ.
    /// Needs a commitment.
    /// @param own hashes of records from that place up to the receipt's, as promised
    function contradicted(Receipt calldata a, bytes32[] calldata own, PostedChunk calldata posted) external;

    /// @notice Claims that a promised record is not on L1 although it is due. Wants `claimDepositWei`; what is more is
    /// credited back.
    function claimMissing(Receipt calldata a) external payable returns (PlaceId place);

    /// @notice Answers claims: the hashes lead over the claimed records to where one of the operator's chunks is or
    /// passes. Whoever does gets the deposits. The operator itself may correct an answer for a day,
    /// in which nobody can slash for it.
    /// @param places claims in the order of their numbers; those that are answered are passed over
    /// @param prefix the promised chain in front of the first of them
    /// @param hashes of the records from there on
    function showPosted(
        PlaceId[] calldata places,
        bytes32 prefix,
        bytes32[] calldata hashes,
        PostedChunk calldata posted
    ) external;

    /// @notice Slashes for a claim that nobody has answered in ANSWER_SECONDS. The reward is the claimant's.
    function foreclose(PlaceId place) external;

    /// @notice Holds a confirmed state against an answer: either it has come past it, or it has read the batch and is in
    /// front of it; then the chunk was skipped, the answer a lie, and the bond is slashed, once the answer is final.
    function judge(PlaceId place, ConfirmedState calldata state) external;

    /// @notice Goes back from where the promised chain is known.
    function trace(uint64 count, bytes32 start, bytes32[] calldata hashes) external;

    /// @notice Slashes for a final answer that the promised chain, where it is known, contradicts.
    function refute(PlaceId place) external;

    /// @notice Ends a claim whose answer nobody has refuted within a day of its being final and passed, or is what is
    /// known.
    function close(PlaceId place) external;

    /// @notice Credits the claimant with the deposit of an open claim when the bond is lost already.
    function refund(PlaceId place) external;

    /// @notice Credits the reward, once nobody can come with an older commitment any more.
    function payReward() external;

    function claim(PlaceId place) external view returns (Claim memory);
    function placeOf(uint64 number, bytes32 accumulator, bytes32 recordHash) external pure returns (PlaceId);
    /// @notice What a claim costs now: enough for its answer at four times the base fee, and twice as much for each
    /// CLAIMS_A_PRICE that are open.
    function claimDepositWei() external view returns (uint256);
    function commitment(bytes32 id) external view returns (Commitment memory);
    /// @notice The promised chain behind `count` records, 0 where nobody has shown it.
    function traced(uint64 count) external view returns (bytes32);
    /// @notice Who signs receipts now.
    function receiptKey() external view returns (address);
    function keyTime(address key) external view returns (KeyTime memory);
    function epoch() external view returns (uint64);
    function bondWei() external view returns (uint256);
    /// @notice Second of `beginLeaving`; 0 before.
    function leavingAt() external view returns (uint64);
    /// @notice Second from which the bond can be taken.
    function freeAt() external view returns (uint256);
    /// @notice Second in which the bond was lost; 0 before.
    function slashedAt() external view returns (uint64);
    function rewardWei() external view returns (uint256);
    function openClaims() external view returns (uint256);
    function answeredClaims() external view returns (uint256);

    function inbox() external view returns (address);
    function rollup() external view returns (address);
    function sequencer() external view returns (address);
    function domain() external view returns (bytes32);
    /// @notice Who is credited with a lost bond: an address without a key.
    function sink() external view returns (address);
}
