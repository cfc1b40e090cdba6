// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICredits} from "./ICredits.sol";
import {AssertionId, StateHash} from "./Types.sol";

/// @title The tree of assertions
/// @notice An assertion says: from the parent's state, with the batches below `limit`, the machine
/// is in this state after exactly 2^20 steps (a halted machine steps to itself). The inputs are
/// fixed by the parent alone, so two children of one parent can never both be right.
interface IRollup is ICredits {
    /// @notice NONE: no such assertion.
    enum Status {
        NONE,
        PENDING,
        CONFIRMED,
        REJECTED
    }

    /// @notice One assertion.
    /// @param parent the assertion it starts from
    /// @param stateHash the state it claims
    /// @param proposer who posted it and owns the bond
    /// @param limit batches the machine may read: the parent's nextLimit
    /// @param status see Status
    /// @param nextLimit limit of its children, fixed when it was posted
    /// @param createdBlock block it was posted in
    /// @param secondChildBlock block in which it got its second child; only if childCount > 1
    /// @param childCount children so far
    /// @param hasConfirmedChild whether one child is confirmed
    /// @param confirmedChild that child; only if hasConfirmedChild
    struct Assertion {
        AssertionId parent;
        StateHash stateHash;
        address proposer;
        uint64 limit;
        Status status;
        uint64 nextLimit;
        uint64 createdBlock;
        uint64 secondChildBlock;
        uint32 childCount;
        bool hasConfirmedChild;
        AssertionId confirmedChild;
    }

    /// @notice What is fixed for good; challenge period and grace are the Challenge's.
    /// @param assertionBondWei bond of an assertion
    /// @param minIntervalBlocks blocks between an assertion and its children
    /// @param sink who is credited with forfeited bonds; an address without a key burns them
    struct Config {
        uint256 assertionBondWei;
        uint64 minIntervalBlocks;
        address sink;
    }

    /// @notice The chain begins: `data` is the preimage of the first state.
    event Genesis(AssertionId indexed id, StateHash stateHash, uint64 nextLimit, bytes data);

    /// @notice An assertion was posted; `registers` and `stateRoot` are the state hash's preimage.
    event AssertionPosted(
        AssertionId indexed id,
        AssertionId indexed parent,
        StateHash stateHash,
        bytes32 stateRoot,
        uint64 limit,
        uint64 nextLimit,
        address proposer,
        bytes registers
    );

    /// @notice `parent` got its second child: its dispute may be opened.
    event AssertionRivalled(AssertionId indexed parent, AssertionId indexed secondChild);

    /// @notice Withdrawals of this state may be claimed.
    event AssertionConfirmed(AssertionId indexed id, StateHash stateHash);

    /// @notice The assertion is out, its bond is lost; `rewardWei` of it go to `rewarded`.
    event AssertionRejected(AssertionId indexed id, address rewarded, uint256 rewardWei);

    /// @notice The Challenge plays for another Rollup.
    error WrongChallenge(address actual, address expected);
    /// @notice There is no such assertion.
    error UnknownAssertion(AssertionId id);
    /// @notice The parent is rejected.
    error ParentRejected(AssertionId parent);
    /// @notice The parent has a confirmed child.
    error ParentClosed(AssertionId parent, AssertionId confirmedChild);
    /// @notice The parent's inputs are others than the caller believed.
    error WrongLimit(uint64 actual, uint64 expected);
    /// @notice The inputs are not on chain yet.
    error InputsMissing(uint64 batchCount, uint64 limit);
    /// @notice The parent is too young.
    error TooEarly(uint256 actualBlock, uint256 leastBlock);
    /// @notice The registers have another length.
    error RegistersLength(uint256 actual, uint256 expected);
    /// @notice The bond is exact.
    error WrongBond(uint256 actualWei, uint256 expectedWei);
    /// @notice Somebody posted the same assertion; there is nothing left to do.
    error AlreadyPosted(AssertionId id);
    /// @notice The assertion is confirmed or rejected.
    error NotPending(AssertionId id, Status status);
    /// @notice The parent is not the latest confirmed assertion.
    error ParentNotLatest(AssertionId parent, AssertionId latest);
    /// @notice The dispute was won by another assertion.
    error NotWinner(AssertionId id, AssertionId winner);
    /// @notice It had no rival for fewer blocks than the challenge period.
    error PeriodNotOver(uint256 unrivalledBlocks, uint256 leastBlocks);
    /// @notice Nothing has decided against this assertion.
    error NotRejectable(AssertionId id);

    /// @notice Posts an assertion with its bond.
    /// @param parent the assertion it starts from
    /// @param limit the parent's nextLimit, as the caller knows it
    /// @param stateRoot tree root of the claimed state
    /// @param registers registers of the claimed state
    function post(AssertionId parent, uint64 limit, bytes32 stateRoot, bytes calldata registers)
        external
        payable
        returns (AssertionId id);

    /// @notice Confirms a child of the latest confirmed assertion and gives its bond back.
    /// @dev If its dispute is decided it must be the winner and the grace be over; if not, it must
    /// have been without a rival for the challenge period.
    function confirm(AssertionId id) external;

    /// @notice Rejects a rival of a confirmed assertion or a child of a rejected one.
    /// @dev The bond is lost: half to the proposer of the confirmed rival, the rest to the sink.
    /// Rounding: the sink keeps the odd wei.
    function reject(AssertionId id) external;

    /// @notice The assertion; all zero with status NONE if there is none.
    function assertion(AssertionId id) external view returns (Assertion memory);
    function isConfirmed(AssertionId id) external view returns (bool);
    function stateHashOf(AssertionId id) external view returns (StateHash);
    function latestConfirmed() external view returns (AssertionId);
    function genesis() external view returns (AssertionId);
    /// @notice Blocks the assertion has been, or was, without a rival.
    function unrivalledBlocks(AssertionId id) external view returns (uint256);
    /// @notice keccak(parent, stateHash).
    function assertionId(AssertionId parent, StateHash stateHash) external pure returns (AssertionId);

    function inbox() external view returns (address);
    function challenge() external view returns (address);
    function sink() external view returns (address);
    function assertionBondWei() external view returns (uint256);
    function minIntervalBlocks() external view returns (uint64);
    function challengePeriodBlocks() external view returns (uint64);
}
