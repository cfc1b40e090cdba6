// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AssertionId, StateHash} from "./Types.sol";

/// @title The exchange's money
/// @notice Takes deposits of one token and pays withdrawals that are proven against a confirmed
/// assertion. 1 unit of the machine is `atomsPerUnit` atoms of the token.
interface IVault {
    /// @notice A withdrawal as the machine wrote it into the outbox.
    /// @param index its number
    /// @param recipient whom it pays
    /// @param amountUnits how much
    /// @param account where it came from
    struct Withdrawal {
        uint64 index;
        address recipient;
        uint64 amountUnits;
        uint64 account;
    }

    /// @notice `owner` got the account number `account` with its first deposit.
    event AccountOpened(uint64 indexed account, address indexed owner);

    /// @notice `units` are on their way to `account` as message `messageIndex` of the Inbox.
    event Deposited(uint64 indexed account, address indexed owner, uint64 units, uint64 messageIndex);

    /// @notice Withdrawal `index` is paid.
    event Claimed(uint64 indexed index, address indexed recipient, uint64 units);

    /// @notice The Inbox takes deposits of another Vault.
    error WrongInbox(address actual, address expected);
    /// @notice A unit has at least one atom.
    error ZeroAtomsPerUnit();
    /// @notice The zero address cannot own an account.
    error ZeroOwner();
    /// @notice All account numbers are taken.
    error TooManyAccounts(uint64 actual, uint64 most);
    /// @notice What arrived is no positive multiple of a unit.
    error NotWholeUnits(uint256 atoms, uint256 atomsPerUnit);
    /// @notice The machine's arithmetic holds no more than this in all.
    error DepositCap(uint256 units, uint256 most);
    /// @notice This is a fork of the chain the Vault lives on.
    error WrongChain(uint256 actual, uint256 expected);
    /// @notice The outbox has no such index.
    error IndexRange(uint64 actual, uint64 most);
    /// @notice The withdrawal was paid before.
    error AlreadyClaimed(uint64 index);
    /// @notice The assertion is not confirmed.
    error NotConfirmed(AssertionId assertion);
    /// @notice Tree root and registers are not those of the assertion.
    error WrongState(StateHash actual, StateHash expected);
    /// @notice The withdrawal is not in the outbox of that state.
    error WrongRoot(bytes32 actual, bytes32 expected);

    /// @notice Deposits `atoms` to the caller's account.
    /// @dev Units: token atoms; what arrives must be a positive multiple of `atomsPerUnit`.
    /// @return account the caller's account number
    function deposit(uint256 atoms) external returns (uint64 account);

    /// @notice Deposits `atoms` of the caller to `owner`'s account.
    /// @return account the owner's account number
    function depositFor(address owner, uint256 atoms) external returns (uint64 account);

    /// @notice Pays a withdrawal to its recipient. Anyone may call.
    /// @dev A transfer that reverts leaves the withdrawal unpaid, to be claimed again.
    /// @param assertion a confirmed assertion
    /// @param stateRoot its tree root
    /// @param registersHash hash of its registers
    /// @param proof `uint40 bitmap, siblings` of the outbox cell
    function claim(
        AssertionId assertion,
        bytes32 stateRoot,
        bytes32 registersHash,
        Withdrawal calldata withdrawal,
        bytes calldata proof
    ) external;

    /// @notice Account number of `owner`; 0 when it has none (numbers begin with 1).
    function accountOf(address owner) external view returns (uint64);
    /// @notice Whether withdrawal `index` is paid.
    function isClaimed(uint64 index) external view returns (bool);
    function accountCount() external view returns (uint64);
    /// @notice Sum of all deposits, whether or not withdrawn since.
    function depositedUnits() external view returns (uint64);
    /// @notice Sum of all paid withdrawals.
    function claimedUnits() external view returns (uint64);

    function token() external view returns (address);
    function inbox() external view returns (address);
    function rollup() external view returns (address);
    function atomsPerUnit() external view returns (uint256);
}
