// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AssertionId, Node, StateHash} from "./Types.sol";

/// @notice keccak(Rollup, call): what a pool is called.
type PoolId is bytes32;

/// @notice The one call that a pool is for.
/// @param parent the assertion whose child is posted, or whose dispute is entered
/// @param stateHash state of that child; with the parent it names the assertion
/// @param limit the parent's nextLimit
/// @param root whether a root of the child is opened; if not, the child is posted
/// @param span the root's span; 0 if the child is posted
struct Call {
    AssertionId parent;
    StateHash stateHash;
    uint64 limit;
    bool root;
    Node span;
}

/// @title Bonds that several pay together
/// @notice Anybody puts ether behind one exact call to the Rollup or its Challenge; when the bond's sum is there
/// anybody makes it. Until then every member may leave with all it has put in, so a pool is never in the way. What
/// comes home is shared by stake. Nobody owns a pool, and none can be made to do anything else.
interface IBondPool {
    /// @notice GATHERING: members come and go. VOID: the same, but the call can never be made any more. MADE: the
    /// bond is out. HOME: all that will ever come back is there.
    enum Status {
        GATHERING,
        VOID,
        MADE,
        HOME
    }

    /// @notice What is stored of a pool.
    /// @param call what it is for
    /// @param opened whether anybody ever joined
    /// @param made whether the call was made
    /// @param home whether the bond was collected
    /// @param stakesWei before the call: what all members have put in
    /// @param spareStakesWei after the call: stakes whose part of what was not needed is not fetched yet
    /// @param spareWei what they share
    /// @param bondStakesWei after the call: stakes whose part of the bond is not fetched yet
    /// @param bondWei what they share, once it is home
    struct Pool {
        Call call;
        bool opened;
        bool made;
        bool home;
        uint256 stakesWei;
        uint256 spareStakesWei;
        uint256 spareWei;
        uint256 bondStakesWei;
        uint256 bondWei;
    }

    /// @notice What is stored of a member.
    /// @param stakeWei what it has put in, and has not fetched anything of
    /// @param shareWei its stake when it has fetched its part of what was not needed, but not of the bond
    struct Member {
        uint256 stakeWei;
        uint256 shareWei;
    }

    /// @notice A pool got its first member.
    event PoolOpened(
        PoolId indexed pool, AssertionId indexed parent, StateHash stateHash, uint64 limit, bool root, Node span
    );
    /// @notice `member` put in `amountWei` more.
    event Joined(PoolId indexed pool, address indexed member, uint256 amountWei);
    /// @notice `member` got `amountWei`: its stake, or its part of what is there.
    event Paid(PoolId indexed pool, address indexed member, uint256 amountWei);
    /// @notice The call was made with a bond of `bondWei`; `spareWei` was not needed.
    event Made(PoolId indexed pool, uint256 bondWei, uint256 spareWei);
    /// @notice `amountWei` came home.
    event Collected(PoolId indexed pool, uint256 amountWei);

    /// @notice Only the Rollup and its Challenge pay in without joining.
    error NotPaying(address actual);
    /// @notice Joining takes ether.
    error NothingPaid();
    /// @notice No span belongs to a call that posts.
    error SpanOfPost(Node span);
    /// @notice The call can never be made any more: quit.
    error PoolVoid(PoolId pool);
    /// @notice Nobody ever joined it.
    error UnknownPool(PoolId pool);
    /// @notice The call was made; the members are who they are.
    error AlreadyMade(PoolId pool);
    /// @notice The call was not made.
    error NotMade(PoolId pool);
    /// @notice The pool is for the other kind of call.
    error WrongKind(PoolId pool);
    /// @notice The sum is not there.
    error TooLittle(uint256 actualWei, uint256 leastWei);
    /// @notice The preimage is of another state.
    error WrongState(StateHash actual, StateHash expected);
    /// @notice The bond is home already.
    error AlreadyHome(PoolId pool);
    /// @notice The dispute is not settled: nobody knows yet whose bond comes back.
    error NotSettled(PoolId pool);
    /// @notice Nobody but the member itself takes it out of a pool whose call may still be made.
    error MayStillBeMade(PoolId pool);
    /// @notice There is nothing for the member to fetch now.
    error NothingDue(PoolId pool, address member);
    /// @notice The member refused its money; it stays the member's.
    error PaymentRefused(address member, uint256 amountWei);

    /// @notice Puts what is sent behind a call. More than the sum is welcome: who leaves at the last moment then
    /// stops nothing; what is not needed can be fetched as soon as the call is made.
    function join(Call calldata call) external payable returns (PoolId pool);

    /// @notice Pays the caller its stake, or, once the call was made, its part of what is there.
    function quit(PoolId pool) external;

    /// @notice The same for any member, by anybody, when the pool is void or the call was made.
    function payOut(PoolId pool, address member) external;

    /// @notice Posts the assertion, with the state's preimage. What is sent along joins first.
    function makePost(PoolId pool, bytes32 stateRoot, bytes calldata registers) external payable;

    /// @notice Opens the root, with the siblings that prove its last leaf. What is sent along joins first.
    function makeRoot(PoolId pool, Node[] calldata siblings) external payable;

    /// @notice Takes the bond home: of an assertion once it is confirmed or has a child, of a root once its dispute
    /// is settled, with what the opening is repaid. A lost root brings nothing.
    function collect(PoolId pool) external;

    /// @notice The pool's id; there need not be one.
    function poolId(Call calldata call) external view returns (PoolId);
    function pool(PoolId id) external view returns (Pool memory);
    function member(PoolId id, address who) external view returns (Member memory);
    function status(PoolId id) external view returns (Status);
    /// @notice What `quit` would pay `who` now.
    function dueWei(PoolId id, address who) external view returns (uint256);
    /// @notice The bond that the call takes.
    function sumWei(Call calldata call) external view returns (uint256);

    function rollup() external view returns (address);
    function challenge() external view returns (address);
    function assertionBondWei() external view returns (uint256);
    function rootBondWei() external view returns (uint256);
}
