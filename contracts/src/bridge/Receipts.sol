// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "../interfaces/IInbox.sol";
import {ConfirmedState, IReceipts, PlaceId, PostedChunk, Receipt} from "../interfaces/IReceipts.sol";
import {IRollup} from "../interfaces/IRollup.sol";
import {StateHash} from "../interfaces/Types.sol";
import {Constants} from "../libraries/generated/Names.sol";
import {GroupReceipt} from "../libraries/proof/GroupReceipt.sol";
import {PromisedChain} from "../libraries/proof/PromisedChain.sol";
import {ReceiptBond} from "./ReceiptBond.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Receipts
/// @notice No owner, no pause, no upgrade: the Inbox and the Rollup are fixed by the constructor.
/// @dev What a stranger has posted never slashes: a chunk contradicts a receipt only behind the very records that the
/// receipt names in front of its own, and a claim is held against confirmed states.
contract Receipts is ReceiptBond {
    /// @dev The operator may give a better answer for so long, whoever gave the first; until then it costs nothing.
    uint256 private constant CORRECT_SECONDS = 1 days;
    /// @dev For so long an answer that L1 seems to bear out may be refuted: time to trace what lies behind it.
    uint256 private constant REFUTE_SECONDS = 1 days;
    uint256 private constant LEAST_DEPOSIT_WEI = 0.05 ether;
    /// @dev An answer's gas, four times.
    uint256 private constant DEPOSIT_GAS = 4 * 300_000;
    /// @dev Claims after which the next costs twice as much: a flood costs the flooder more each time, and who would
    /// keep others out needs so many times what these need.
    uint256 private constant CLAIMS_A_PRICE = 16;
    uint256 private constant MOST_CLAIMS = 1024;
    uint8 private constant SOURCE_CALLDATA = uint8(Constants.SOURCE_CALLDATA);
    uint256 private constant SOURCE_AT = 24;
    uint256 private constant POSTER_AT = 25;
    uint256 private constant HASHES_AT = 47;

    mapping(PlaceId => Claim) private _claims;
    /// @inheritdoc IReceipts
    mapping(uint64 count => bytes32) public override traced;

    /// @param inbox_ where the operator posts
    /// @param rollup_ whose confirmed states count
    constructor(address inbox_, address rollup_) ReceiptBond(inbox_, rollup_) {}

    /// @inheritdoc IReceipts
    function conflict(Receipt calldata a, Receipt calldata b, bytes32 prefix) external override {
        uint64 order = revealed();
        placeOfSigned(a);
        placeOfSigned(b);
        // INVARIANT: an honest operator never signs both.
        require(GroupReceipt.clash(a, b, prefix), NoConflict());
        slash(order, msg.sender);
    }

    /// @inheritdoc IReceipts
    function contradicted(Receipt calldata a, bytes32[] calldata own, PostedChunk calldata posted) external override {
        uint64 order = revealed();
        placeOfSigned(a);
        checkPosted(posted);
        uint256 length = own.length;
        // INVARIANT: what was promised up to the receipt's record ends with it,
        require(length > 0 && length <= uint256(a.number) + 1, NotReceipts(0, a.recordHash));
        require(own[length - 1] == a.recordHash, NotReceipts(own[length - 1], a.recordHash));
        // SAFETY: at most the receipt's number.
        uint64 count = uint64(uint256(a.number) + 1 - length);
        (bool found, bytes32 prefix, bytes32 next) = PromisedChain.reading(posted.chunk, count);
        // INVARIANT: the chunk has a record of an account there,
        require(found && next != 0, NotInChunk(count));
        bytes32 actual = PromisedChain.fold(prefix, own);
        // INVARIANT: and begins where the promise does, so nothing of a stranger's lies between,
        require(actual == a.accumulator, NotReceipts(actual, a.accumulator));
        // INVARIANT: with another record.
        require(next != own[0], NoContradiction());
        slash(order, msg.sender);
    }

    /// @inheritdoc IReceipts
    function claimMissing(Receipt calldata a) external payable override returns (PlaceId place) {
        checkBond();
        // INVARIANT: what goes on for ever keeps no bond.
        require(leavingAt == 0 || block.timestamp < freeAt(), TooLate(block.timestamp, freeAt()));
        place = placeOfSigned(a);
        // INVARIANT: the operator had the time it asked for.
        require(block.timestamp > a.postBy, NotDue(block.timestamp, a.postBy));
        Claim storage made = _claims[place];
        // INVARIANT: a record is claimed once.
        require(made.status == ClaimStatus.NONE, AlreadyClaimed(place));
        uint256 dueWei = claimDepositWei();
        // INVARIANT: whoever answers is paid for it.
        require(msg.value >= dueWei, DepositTooSmall(msg.value, dueWei));
        (made.claimant, made.status) = (msg.sender, ClaimStatus.OPEN);
        // SAFETY: seconds stay far below 2^64.
        (made.openedAt, made.order) = (uint64(block.timestamp), nextOrder());
        (made.number, made.accumulator, made.recordHash) = (a.number, a.accumulator, a.recordHash);
        made.depositWei = dueWei;
        ++openClaims;
        emit ClaimOpened(place, msg.sender, a.number, a.accumulator, a.recordHash, dueWei);
        addCredit(msg.sender, msg.value - dueWei);
    }

    /// @inheritdoc IReceipts
    function showPosted(
        PlaceId[] calldata places,
        bytes32 prefix,
        bytes32[] calldata hashes,
        PostedChunk calldata posted
    ) external override {
        checkBond();
        checkPosted(posted);
        (uint64 count, bytes32 accumulator) = pass(places, prefix, hashes);
        (bool found, bytes32 there,) = PromisedChain.reading(posted.chunk, count);
        // INVARIANT: the operator's own chunk says that the records are on L1.
        require(found && there == accumulator, NotInChunk(count));
        for (uint256 i = 0; i < places.length; ++i) {
            answer(places[i], count, accumulator, posted.batch);
        }
    }

    /// @dev Goes over the hashes, past every claimed record. Returns where they lead.
    function pass(PlaceId[] calldata places, bytes32 prefix, bytes32[] calldata hashes)
        private
        view
        returns (uint64 count, bytes32 accumulator)
    {
        // INVARIANT: something is answered.
        require(places.length > 0, NothingClaimed());
        Claim storage next = claimed(places[0]);
        (count, accumulator) = (next.number, prefix);
        uint256 met = 0;
        for (uint256 i = 0; i < hashes.length; ++i) {
            accumulator = PromisedChain.link(accumulator, hashes[i]);
            if (met < places.length && count == next.number) {
                // INVARIANT: this is the claimed record, behind those it was promised behind.
                require(hashes[i] == next.recordHash && accumulator == next.accumulator, NotOnTheWay(places[met]));
                if (++met < places.length) next = claimed(places[met]);
            }
            ++count;
        }
        // INVARIANT: none of them is left over.
        if (met < places.length) revert NotOnTheWay(places[met]);
    }

    /// @dev A claim that there is.
    function claimed(PlaceId place) private view returns (Claim storage found) {
        found = _claims[place];
        require(found.status != ClaimStatus.NONE, WrongStatus(place, found.status));
    }

    /// @dev Takes an answer in; one more to what is answered is none, or whoever comes first would stop the others.
    function answer(PlaceId place, uint64 count, bytes32 accumulator, uint64 batch) private {
        Claim storage answered = _claims[place];
        bool corrects =
            answered.status == ClaimStatus.ANSWERED && msg.sender == sequencer && block.timestamp < finalAt(answered);
        if (answered.status != ClaimStatus.OPEN && !corrects) return;
        (answered.count, answered.answer, answered.batch) = (count, accumulator, batch);
        // What L1 came past was the answer before.
        answered.passedAt = 0;
        emit ClaimAnswered(place, count, accumulator, batch);
        if (corrects) return;
        (answered.status, answered.answeredAt) = (ClaimStatus.ANSWERED, uint64(block.timestamp));
        --openClaims;
        ++answeredClaims;
        addCredit(msg.sender, answered.depositWei);
    }

    /// @dev Second from which an answer stands as it is.
    function finalAt(Claim storage answered) private view returns (uint256) {
        return answered.answeredAt + CORRECT_SECONDS;
    }

    /// @dev Rejects evidence against an answer that may still be corrected.
    function checkFinal(Claim storage answered) private view {
        // INVARIANT: whoever answers with a chunk of the operator's that was skipped, and judges that in the same
        // transaction, frames nobody.
        require(block.timestamp >= finalAt(answered), TooEarly(block.timestamp, finalAt(answered)));
    }

    /// @inheritdoc IReceipts
    function foreclose(PlaceId place) external override {
        Claim storage lost = withStatus(place, ClaimStatus.OPEN);
        uint256 least = lost.openedAt + ANSWER_SECONDS;
        // INVARIANT: the operator had its time to answer.
        require(block.timestamp >= least, TooEarly(block.timestamp, least));
        giveBack(place, lost);
        slash(lost.order, lost.claimant);
    }

    /// @inheritdoc IReceipts
    function judge(PlaceId place, ConfirmedState calldata state) external override {
        Claim storage judged = withStatus(place, ClaimStatus.ANSWERED);
        (uint64 count, bytes32 accumulator, uint64 batchCursor) = confirmedChain(state);
        traced[count] = accumulator;
        emit Traced(count, accumulator);
        if (count >= judged.count) {
            // The time to refute begins once; a state nearer to the answer is welcome, for there is less to trace.
            if (judged.passedAt == 0) {
                judged.passedAt = uint64(block.timestamp);
                emit ClaimPassed(place);
            }
            return;
        }
        // INVARIANT: the machine has read the batch, and has fewer records than its chunk spoke of: it was skipped.
        require(batchCursor > judged.batch, NotPassed(count, judged.count));
        checkFinal(judged);
        endAnswered(place, judged);
        slash(judged.order, judged.claimant);
    }

    /// @dev The promised chain of a confirmed state, and the batches it has read.
    function confirmedChain(ConfirmedState calldata state) private view returns (uint64, bytes32, uint64) {
        // INVARIANT: L1 vouches for the state,
        require(IRollup(rollup).isConfirmed(state.assertion), NotConfirmed(state.assertion));
        bytes32 actual = keccak256(abi.encode(state.stateRoot, keccak256(state.registers)));
        bytes32 expected = StateHash.unwrap(IRollup(rollup).stateHashOf(state.assertion));
        // INVARIANT: and this is its preimage.
        require(actual == expected, WrongState(actual, expected));
        return chainOf(state.registers);
    }

    /// @inheritdoc IReceipts
    function trace(uint64 count, bytes32 start, bytes32[] calldata hashes) external override {
        bytes32 known = traced[count];
        // INVARIANT: from what is known only what is known leads back; no other hashes come to it.
        require(known != 0 && hashes.length <= count && PromisedChain.fold(start, hashes) == known, NotTraced(count));
        // SAFETY: not more than `count`.
        uint64 earlier = count - uint64(hashes.length);
        traced[earlier] = start;
        emit Traced(earlier, start);
    }

    /// @inheritdoc IReceipts
    function refute(PlaceId place) external override {
        Claim storage refuted = withStatus(place, ClaimStatus.ANSWERED);
        bytes32 known = traced[refuted.count];
        // INVARIANT: the chain is known there, and is another.
        require(known != 0 && known != refuted.answer, NotRefuted(place));
        checkFinal(refuted);
        endAnswered(place, refuted);
        slash(refuted.order, refuted.claimant);
    }

    /// @inheritdoc IReceipts
    function close(PlaceId place) external override {
        Claim storage closed = withStatus(place, ClaimStatus.ANSWERED);
        bytes32 known = traced[closed.count];
        if (known == 0) {
            uint256 passedAt = closed.passedAt;
            // INVARIANT: L1 has come past the answer,
            require(passedAt != 0, NotPassed(0, closed.count));
            uint256 least = Math.max(passedAt, finalAt(closed)) + REFUTE_SECONDS;
            // INVARIANT: and who knows better had time to say so once it could not be changed any more.
            require(block.timestamp >= least, TooEarly(block.timestamp, least));
        } else {
            // INVARIANT: no lie is closed.
            require(known == closed.answer, NotRefuted(place));
        }
        endAnswered(place, closed);
    }

    /// @inheritdoc IReceipts
    function refund(PlaceId place) external override {
        // INVARIANT: while there is a bond a claim wants its answer.
        require(slashedAt != 0, NoBond());
        giveBack(place, withStatus(place, ClaimStatus.OPEN));
    }

    /// @dev Credits an open claim's deposit to who made it.
    function giveBack(PlaceId place, Claim storage ended) private {
        ended.status = ClaimStatus.CLOSED;
        --openClaims;
        emit ClaimClosed(place);
        addCredit(ended.claimant, ended.depositWei);
    }

    /// @dev Ends a claim whose deposit is paid.
    function endAnswered(PlaceId place, Claim storage ended) private {
        ended.status = ClaimStatus.CLOSED;
        --answeredClaims;
        emit ClaimClosed(place);
    }

    /// @dev A claim in a given state.
    function withStatus(PlaceId place, ClaimStatus expected) private view returns (Claim storage found) {
        found = _claims[place];
        require(found.status == expected, WrongStatus(place, found.status));
    }

    /// @dev The place that a receipt promises, if the operator signed it.
    function placeOfSigned(Receipt calldata a) private view returns (PlaceId place) {
        address signer;
        (place, signer) = GroupReceipt.signer(a, domain);
        checkKey(signer);
    }

    /// @dev Rejects what the operator has not posted.
    function checkPosted(PostedChunk calldata posted) private view {
        bytes calldata header = posted.header;
        bytes32 actual = keccak256(header);
        bytes32 expected = IInbox(inbox).batchHash(posted.batch);
        // INVARIANT: this is the header of a batch on L1,
        require(actual == expected, WrongBatch(actual, expected));
        uint8 source = uint8(header[SOURCE_AT]);
        address poster = address(bytes20(header[POSTER_AT:]));
        // INVARIANT: which the operator posted, as calldata;
        require(poster == sequencer && source == SOURCE_CALLDATA, NotOperators(poster, source));
        actual = keccak256(abi.encodePacked(posted.hashes));
        expected = bytes32(header[HASHES_AT:]);
        // INVARIANT: these are the hashes of its chunks,
        require(actual == expected, WrongBatch(actual, expected));
        actual = keccak256(posted.chunk);
        expected = posted.index < posted.hashes.length ? posted.hashes[posted.index] : bytes32(0);
        // INVARIANT: and this is one of them.
        require(actual == expected, WrongChunk(actual, expected));
    }

    /// @inheritdoc IReceipts
    function claim(PlaceId place) external view override returns (Claim memory) {
        return _claims[place];
    }

    /// @inheritdoc IReceipts
    function placeOf(uint64 number, bytes32 accumulator, bytes32 recordHash) external pure override returns (PlaceId) {
        return GroupReceipt.leaf(number, accumulator, recordHash);
    }

    /// @inheritdoc IReceipts
    function claimDepositWei() public view override returns (uint256) {
        uint256 open = openClaims;
        require(open < MOST_CLAIMS, TooManyClaims(open));
        uint256 gasWei = DEPOSIT_GAS * block.basefee;
        return (gasWei > LEAST_DEPOSIT_WEI ? gasWei : LEAST_DEPOSIT_WEI) << open / CLAIMS_A_PRICE;
    }
}
