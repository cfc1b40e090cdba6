// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {IInbox} from "../interfaces/IInbox.sol";
import {IRollup} from "../interfaces/IRollup.sol";
import {IVault} from "../interfaces/IVault.sol";
import {AssertionId, StateHash} from "../interfaces/Types.sol";
import {OutboxLib} from "../libraries/generated/Cells.sol";
import {Constants} from "../libraries/generated/Names.sol";
import {CellProof} from "../libraries/proof/CellProof.sol";

/// @title Vault
/// @notice No owner, no pause, no upgrade: every number is fixed by the constructor.
/// @dev Warning: a token whose balances change by themselves (rebasing, seizable) can leave the
/// Vault with less than it owes; such tokens must not be chosen. A fee on transfer is deducted from
/// the deposit and does no harm.
contract Vault is IVault, ReentrancyGuard {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;

    /// @dev The numbers from here to 2^28 are those of the machine's insurance funds; beyond are sub-accounts.
    uint64 private constant MAX_ACCOUNTS = uint64(Constants.FIRST_FUND_ACCOUNT) - 1;

    /// @inheritdoc IVault
    address public immutable override token;
    /// @inheritdoc IVault
    address public immutable override inbox;
    /// @inheritdoc IVault
    address public immutable override rollup;
    /// @inheritdoc IVault
    uint256 public immutable override atomsPerUnit;
    uint256 private immutable _chainId;

    /// @inheritdoc IVault
    mapping(address owner => uint64) public override accountOf;
    /// @inheritdoc IVault
    uint64 public override accountCount;
    /// @inheritdoc IVault
    uint64 public override depositedUnits;
    /// @inheritdoc IVault
    uint64 public override claimedUnits;
    BitMaps.BitMap private _claimed;

    /// @param token_ what is deposited
    /// @param inbox_ where deposits are queued
    /// @param rollup_ whose confirmed states are paid from
    /// @param atomsPerUnit_ token atoms in a unit of the machine
    constructor(address token_, address inbox_, address rollup_, uint256 atomsPerUnit_) {
        address served = IInbox(inbox_).vault();
        // INVARIANT: what is deposited here reaches the machine.
        require(served == address(this), WrongInbox(served, address(this)));
        // INVARIANT: units are countable.
        require(atomsPerUnit_ > 0, ZeroAtomsPerUnit());
        token = token_;
        inbox = inbox_;
        rollup = rollup_;
        atomsPerUnit = atomsPerUnit_;
        _chainId = block.chainid;
    }

    /// @inheritdoc IVault
    function deposit(uint256 atoms) external override returns (uint64 account) {
        return depositFor(msg.sender, atoms);
    }

    /// @inheritdoc IVault
    function depositFor(address owner, uint256 atoms) public override nonReentrant returns (uint64 account) {
        // INVARIANT: every account has an owner.
        require(owner != address(0), ZeroOwner());
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), atoms);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        // INVARIANT: only what arrived is credited, and all of it.
        require(received > 0 && received % atomsPerUnit == 0, NotWholeUnits(received, atomsPerUnit));
        uint256 sum = depositedUnits + received / atomsPerUnit;
        // INVARIANT: the machine's sums cannot overflow.
        require(sum <= Constants.MAX_DEPOSITED_UNITS, DepositCap(sum, Constants.MAX_DEPOSITED_UNITS));

        // SAFETY: both are at most MAX_DEPOSITED_UNITS. What follows the transfer is guarded
        // against calls back in.
        uint64 units = uint64(received / atomsPerUnit);
        depositedUnits = uint64(sum);
        account = accountFor(owner);
        uint64 messageIndex = IInbox(inbox).enqueueDeposit(owner, account, units);
        emit Deposited(account, owner, units, messageIndex);
    }

    /// @dev The owner's account number, a new one with its first deposit.
    function accountFor(address owner) private returns (uint64 account) {
        account = accountOf[owner];
        if (account != 0) return account;
        // INVARIANT: account numbers are dense, and nobody gets an insurance fund's.
        require(accountCount < MAX_ACCOUNTS, TooManyAccounts(accountCount, MAX_ACCOUNTS));
        account = accountCount + 1;
        accountCount = account;
        accountOf[owner] = account;
        emit AccountOpened(account, owner);
    }

    /// @inheritdoc IVault
    function claim(
        AssertionId assertion,
        bytes32 stateRoot,
        bytes32 registersHash,
        Withdrawal calldata withdrawal,
        bytes calldata proof
    ) external override nonReentrant {
        // INVARIANT: a fork of the chain pays nothing.
        require(block.chainid == _chainId, WrongChain(block.chainid, _chainId));
        // INVARIANT: the outbox is paid from confirmed states only.
        require(IRollup(rollup).isConfirmed(assertion), NotConfirmed(assertion));
        StateHash state = StateHash.wrap(keccak256(abi.encode(stateRoot, registersHash)));
        StateHash expected = IRollup(rollup).stateHashOf(assertion);
        require(state == expected, WrongState(state, expected));
        checkOutbox(stateRoot, withdrawal, proof);
        // INVARIANT: each index is paid once, whatever assertion or proof it came with.
        require(!_claimed.get(withdrawal.index), AlreadyClaimed(withdrawal.index));

        _claimed.set(withdrawal.index);
        claimedUnits += withdrawal.amountUnits;
        emit Claimed(withdrawal.index, withdrawal.recipient, withdrawal.amountUnits);
        // SAFETY: a transfer that fails reverts all of this, so the claim stays open.
        IERC20(token).safeTransfer(withdrawal.recipient, withdrawal.amountUnits * atomsPerUnit);
    }

    /// @dev Rejects what is not in the outbox of the state with this root.
    function checkOutbox(bytes32 stateRoot, Withdrawal calldata withdrawal, bytes calldata proof) private pure {
        uint64 most = uint64((1 << Constants.INDEX_BITS) - 1);
        // INVARIANT: the index cannot spill into the key's tag and name another kind of cell.
        require(withdrawal.index <= most, IndexRange(withdrawal.index, most));
        uint40 key = uint40((OutboxLib.TAG << Constants.INDEX_BITS) | withdrawal.index);
        bytes32 leaf = keccak256(abi.encodePacked(withdrawal.recipient, withdrawal.amountUnits, withdrawal.account));
        bytes32 root = CellProof.root(key, leaf, proof);
        // INVARIANT: the machine wrote this very withdrawal.
        require(root == stateRoot, WrongRoot(root, stateRoot));
    }

    /// @inheritdoc IVault
    function isClaimed(uint64 index) external view override returns (bool) {
        return _claimed.get(index);
    }
}
