// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Edge, Opening} from "./IChallenge.sol";
import {ICredits} from "./ICredits.sol";
import {AssertionId, StateHash} from "./Types.sol";

/// @title The tree of assertions
/// @notice An assertion says: from the parent's state, with the batches below `limit`, the machine
/// is in this state after exactly 2^K steps, halted or not (a halted machine steps to itself). The
/// inputs are fixed by the parent alone, so two children of one parent can never both be right.
interface IRollup is ICredits {
    /// @notice NONE: no such assertion.
    enum Status {
        NONE,
        PENDING,
        CONFIRMED,
        REJECTED
    }

    /// @notice One assertion. 0 is no assertion's id.
    /// @param parent the assertion it starts from
    /// @param stateHash the state it claims
    /// @param bonded whose bond lies here; 0 for nobody's
    /// @param limit batches the machine may read: the parent's nextLimit
    /// @param status see Status
    /// @param nextLimit limit of its children, fixed when it was posted: `limit` again if the
    /// machine had not halted
    /// @param createdBlock block it was posted in
    /// @param firstChildBlock block in which it got its first child; only if childCount > 0
    /// @param secondChildBlock block in which it got its second child; only if childCount > 1
    /// @param childCount children so far
    /// @param confirmedChild the child that is confirmed; 0 if none is
    struct Assertion {
        AssertionId parent;
        StateHash stateHash;
        address bonded;
        uint64 limit;
        Status status;
        uint64 nextLimit;
        uint40 createdBlock;
        uint40 firstChildBlock;
        uint40 secondChildBlock;
        uint32 childCount;
        AssertionId confirmedChild;
    }

    /// @notice What is fixed for good; the challenge period is the Challenge's.
    /// @param assertionBondWei A: bond of an assertion, ten times a root's at least
    /// @param minIntervalBlocks blocks between an assertion that halted and its children
    struct Config {
        uint256 assertionBondWei;
        uint64 minIntervalBlocks;
    }

    /// @notice What to decide a dispute with: see IChallenge.decide.
    struct Decision {
        Edge root;
        Opening[] openings;
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

    /// @notice The bond of `holder` moved: from 0 it was paid in, to 0 it was credited.
    event BondMoved(AssertionId indexed from, AssertionId indexed to, address indexed holder);

    /// @notice Withdrawals of this state may be claimed.
    event AssertionConfirmed(AssertionId indexed id, StateHash stateHash);

    /// @notice The assertion is out; the bond that lay on it, if any, is the sink's.
    event AssertionRejected(AssertionId indexed id, uint256 forfeitedWei);

    /// @notice The Challenge plays for another Rollup.
    error WrongChallenge(address actual, address expected);
    /// @notice The Challenge's Referee is pinned to another Inbox.
    error WrongInbox(address actual, address expected);
    /// @notice An assertion's bond is ten roots' at least, or an attack would be as cheap as a defence.
    error BondTooSmall(uint256 actualWei, uint256 leastWei);
    /// @notice Assertions would be confirmed before anything could follow them.
    error IntervalTooLong(uint64 actualBlocks, uint64 mostBlocks);
    /// @notice A market's rules could change before everybody who wants to is out.
    error LeavingTooSlow(uint256 actualSeconds, uint256 mostSeconds);
    /// @notice There is no such assertion.
    error UnknownAssertion(AssertionId id);
    /// @notice The parent is rejected.
    error ParentRejected(AssertionId parent);
    /// @notice The parent has a confirmed child.
    error ParentClosed(AssertionId parent, AssertionId confirmedChild);
    /// @notice The parent's only child had no rival for the challenge period.
    error ParentTaken(AssertionId parent, uint256 sinceBlock);
    /// @notice The parent's inputs are others than the caller believed.
    error WrongLimit(uint64 actual, uint64 expected);
    /// @notice The inputs are not on chain yet.
    error InputsMissing(uint64 batchCount, uint64 limit);
    /// @notice The parent is too young.
    error TooEarly(uint256 actualBlock, uint256 leastBlock);
    /// @notice The registers have another length.
    error RegistersLength(uint256 actual, uint256 expected);
    /// @notice The bond is exact: none is paid in where one moves.
    error WrongBond(uint256 actualWei, uint256 expectedWei);
    /// @notice Somebody posted the same assertion; there is nothing left to do.
    error AlreadyPosted(AssertionId id);
    /// @notice The bond that lies there is somebody else's, or nobody's.
    error NotBonded(AssertionId id, address actual, address expected);
    /// @notice The bond answers for an assertion that is not confirmed and has no child.
    error BondLocked(AssertionId id);
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

    /// @notice Posts an assertion, with a bond that is paid in or moves here from another one.
    /// @dev The bond moves after the child is counted, so it may come from the parent itself.
    /// @param parent the assertion it starts from
    /// @param limit the parent's nextLimit, as the caller knows it
    /// @param stateRoot tree root of the claimed state
    /// @param registers registers of the claimed state
    /// @param from the assertion the caller's bond lies on, confirmed or with a child; 0 to pay
    function post(AssertionId parent, uint64 limit, bytes32 stateRoot, bytes calldata registers, AssertionId from)
        external
        payable
        returns (AssertionId id);

    /// @notice Credits the caller with its bond on an assertion that is confirmed or has a child.
    function takeBond(AssertionId id) external;

    /// @notice Confirms children of the latest confirmed assertion, one after another; what is
    /// confirmed is passed over. Moves no money.
    /// @dev If its dispute is decided it must be the winner; if not, it must have been without a
    /// rival for the challenge period.
    /// @param ids parents before their children
    function confirm(AssertionId[] calldata ids) external;

    /// @notice Rejects a rival of a confirmed assertion or a child of a rejected one; nothing
    /// happens to one that is rejected. A bond that lies here goes to the sink, all of it.
    function reject(AssertionId id) external;

    /// @notice Decides disputes and confirms assertions, in one transaction.
    function resolve(Decision[] calldata decisions, AssertionId[] calldata ids) external;

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
    /// @notice Who is credited with forfeited bonds: an address without a key.
    function sink() external view returns (address);
    function assertionBondWei() external view returns (uint256);
    function minIntervalBlocks() external view returns (uint64);
    function challengePeriodBlocks() external view returns (uint64);
}
