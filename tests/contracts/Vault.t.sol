// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Vault} from "@tallystick/bridge/Vault.sol";
import {IVault} from "@tallystick/interfaces/IVault.sol";
import {AssertionId} from "@tallystick/interfaces/Types.sol";
import {CellProof} from "@tallystick/libraries/proof/CellProof.sol";
import {RollupBase} from "@tests/RollupBase.sol";

/// A token that can misbehave: keep a fee, block an address, call back.
contract OddToken is ERC20 {
    uint256 public feeAtoms;
    address public blocked;
    address public caller;
    bytes public callData;
    bytes public answer;

    error Blocked(address account);

    constructor() ERC20("Odd", "ODD") {}

    function mint(address to, uint256 atoms) external {
        _mint(to, atoms);
    }

    function setFee(uint256 atoms) external {
        feeAtoms = atoms;
    }

    function setBlocked(address account) external {
        blocked = account;
    }

    function setCallback(address target, bytes calldata data) external {
        (caller, callData) = (target, data);
    }

    function _update(address from, address to, uint256 atoms) internal override {
        require(to != blocked || to == address(0), Blocked(to));
        super._update(from, to, atoms);
        if (feeAtoms > 0 && from != address(0) && to != address(0)) {
            super._update(to, address(0xfee), feeAtoms);
        }
        if (caller != address(0) && from != address(0)) {
            // solhint-disable-next-line avoid-low-level-calls
            (bool done, bytes memory data) = caller.call(callData);
            answer = done ? bytes("done") : data;
        }
    }
}

contract VaultTest is RollupBase {
    uint256 private constant ATOMS = 1e12;
    uint256 private constant FIRST_KEY = 11 << 36;

    OddToken private token;
    Vault private vault;
    address private trader;
    uint256 private created;

    function setUp() public override {
        super.setUp();
        token = new OddToken();
        // After the token come the Inbox, the Referee, the Challenge, the Rollup and the Vault.
        created = 6;
        deployRollup(createAddress(10));
        vault = new Vault(address(token), address(inbox), address(rollup), ATOMS);
        trader = actor("trader");
        token.mint(trader, 1e30);
        vm.prank(trader);
        token.approve(address(vault), type(uint256).max);
    }

    function creations() internal view override returns (uint256) {
        return created == 0 ? 3 : 8;
    }

    function deposit(uint256 atoms) private returns (uint64) {
        vm.prank(trader);
        return vault.deposit(atoms);
    }

    function expectDepositRevert(bytes4 selector, uint256 atoms) private {
        vm.prank(trader);
        vm.expectPartialRevert(selector);
        vault.deposit(atoms);
    }

    function withdrawal(uint64 index) private view returns (IVault.Withdrawal memory) {
        return IVault.Withdrawal({index: index, recipient: trader, amountUnits: 5 + index, account: 1});
    }

    function leafOf(IVault.Withdrawal memory w) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(w.recipient, w.amountUnits, w.account));
    }

    /// A tree with the outbox cells 0 and 1 alone. Returns its root and the proof of either.
    function outbox() private view returns (bytes32 root, bytes[2] memory proofs) {
        (bytes32 left, bytes32 right) = (leafOf(withdrawal(0)), leafOf(withdrawal(1)));
        proofs[0] = abi.encodePacked(uint40(1), right);
        proofs[1] = abi.encodePacked(uint40(1), left);
        root = this.rootOf(uint40(FIRST_KEY), left, proofs[0]);
    }

    function rootOf(uint40 key, bytes32 leaf, bytes calldata proof) external pure returns (bytes32) {
        return CellProof.root(key, leaf, proof);
    }

    /// Confirms a state with that tree.
    function confirmOutbox(bytes32 root, uint256 number) private returns (AssertionId id) {
        AssertionId parent = rollup.latestConfirmed();
        postBatch();
        vm.roll(block.number + INTERVAL);
        uint64 limit = rollup.assertion(parent).nextLimit;
        while (inbox.batchCount() < limit) {
            postBatch();
        }
        vm.prank(honest);
        id = rollup.post{value: BOND}(parent, limit, root, registersOf(number), PAID);
        vm.roll(block.number + PERIOD);
        confirm(id);
    }

    function registersHash(uint256 number) private pure returns (bytes32) {
        return keccak256(registersOf(number));
    }

    function test_vault_the_inbox_does_not_know_is_refused() external {
        vm.expectPartialRevert(IVault.WrongInbox.selector);
        new Vault(address(token), address(inbox), address(rollup), ATOMS);
    }

    function test_accounts_are_numbered_from_1_and_kept() external {
        assertEq(uint256(deposit(ATOMS)), 1);
        token.mint(honest, ATOMS);
        vm.startPrank(honest);
        token.approve(address(vault), ATOMS);
        assertEq(uint256(vault.deposit(ATOMS)), 2);
        vm.stopPrank();
        assertEq(uint256(deposit(ATOMS)), 1);
        assertEq(uint256(vault.accountCount()), 2);
        assertEq(uint256(vault.accountOf(honest)), 2);
    }

    function test_the_last_account_is_below_the_first_fund() external {
        uint64 last = (1 << 28) - 65;
        vm.store(address(vault), bytes32(uint256(1)), bytes32(uint256(last - 1)));
        assertEq(uint256(deposit(ATOMS)), last);
        vm.prank(trader);
        vm.expectRevert(abi.encodeWithSelector(IVault.TooManyAccounts.selector, last, last));
        vault.depositFor(honest, ATOMS);
        assertEq(uint256(deposit(ATOMS)), last);
    }

    function test_deposit_queues_whole_units() external {
        vm.expectEmit(address(vault));
        emit IVault.Deposited(1, trader, 7, 0);
        deposit(7 * ATOMS);
        bytes memory message = abi.encodePacked(uint8(1), trader, uint64(1), uint64(7), uint64(block.timestamp));
        assertEq(inbox.messageAccumulator(1), keccak256(abi.encodePacked(bytes32(0), keccak256(message))));
        assertEq(token.balanceOf(address(vault)), 7 * ATOMS);
        assertEq(uint256(vault.depositedUnits()), 7);
    }

    function test_deposit_for_another_opens_the_others_account() external {
        vm.prank(trader);
        assertEq(uint256(vault.depositFor(honest, ATOMS)), 1);
        assertEq(uint256(vault.accountOf(honest)), 1);
        assertEq(uint256(vault.accountOf(trader)), 0);
    }

    function test_deposit_for_nobody_is_refused() external {
        vm.prank(trader);
        vm.expectRevert(abi.encodeWithSelector(IVault.ZeroOwner.selector));
        vault.depositFor(address(0), ATOMS);
    }

    /// T02.
    function test_deposit_of_nothing_or_of_dust_is_refused() external {
        expectDepositRevert(IVault.NotWholeUnits.selector, 0);
        expectDepositRevert(IVault.NotWholeUnits.selector, ATOMS - 1);
        expectDepositRevert(IVault.NotWholeUnits.selector, ATOMS + 1);
    }

    function test_only_what_arrives_is_credited() external {
        token.setFee(ATOMS);
        deposit(3 * ATOMS);
        assertEq(uint256(vault.depositedUnits()), 2);
        token.setFee(1);
        expectDepositRevert(IVault.NotWholeUnits.selector, 3 * ATOMS);
    }

    /// T01.
    function test_deposits_above_the_cap_are_refused() external {
        deposit((1 << 58) * ATOMS);
        expectDepositRevert(IVault.DepositCap.selector, ATOMS);
    }

    function test_one_deposit_above_the_cap_is_refused() external {
        expectDepositRevert(IVault.DepositCap.selector, ((1 << 58) + 1) * ATOMS);
    }

    function test_deposit_cannot_be_re_entered() external {
        token.setCallback(address(vault), abi.encodeCall(IVault.deposit, (0)));
        deposit(ATOMS);
        assertEq(bytes32(bytes4(token.answer())), bytes32(bytes4(keccak256("ReentrancyGuardReentrantCall()"))));
        assertEq(uint256(vault.depositedUnits()), 1);
    }

    function test_claim_pays_the_recipient_whoever_calls() external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        uint256 before = token.balanceOf(trader);
        vm.expectEmit(address(vault));
        emit IVault.Claimed(1, trader, 6);
        vault.claim(id, root, registersHash(1), withdrawal(1), proofs[1]);
        assertEq(token.balanceOf(trader), before + 6 * ATOMS);
        assertTrue(vault.isClaimed(1));
        assertFalse(vault.isClaimed(0));
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
        assertEq(uint256(vault.claimedUnits()), 11);
    }

    /// O20.
    function test_claim_twice_is_refused() external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
        vm.expectRevert(abi.encodeWithSelector(IVault.AlreadyClaimed.selector, 0));
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
    }

    /// T16.
    function test_claim_from_a_later_assertion_again_is_refused() external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        AssertionId later = confirmOutbox(root, 2);
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
        vm.expectRevert(abi.encodeWithSelector(IVault.AlreadyClaimed.selector, 0));
        vault.claim(later, root, registersHash(2), withdrawal(0), proofs[0]);
    }

    /// T16: but the older assertion remains good for what was not claimed.
    function test_claim_from_an_assertion_that_is_not_the_latest_is_paid() external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        confirmOutbox(root, 2);
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
    }

    /// T17.
    function test_claim_on_a_fork_is_refused() external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        uint256 home = block.chainid;
        vm.chainId(home + 1);
        vm.expectRevert(abi.encodeWithSelector(IVault.WrongChain.selector, home + 1, home));
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
    }

    function test_claim_from_an_unconfirmed_assertion_is_refused() external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        postBatch();
        vm.roll(block.number + INTERVAL);
        AssertionId id = rollup.post{value: BOND}(rollup.genesis(), 1, root, registersOf(1), PAID);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotConfirmed.selector, id));
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
    }

    function test_claim_with_another_state_is_refused() external {
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        vm.expectPartialRevert(IVault.WrongState.selector);
        vault.claim(id, root, registersHash(2), withdrawal(0), proofs[0]);
        vm.expectPartialRevert(IVault.WrongState.selector);
        vault.claim(id, keccak256("root"), registersHash(1), withdrawal(0), proofs[0]);
    }

    function test_claim_with_an_index_beyond_the_outbox_is_refused() external {
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        uint64 most = (1 << 36) - 1;
        vm.expectRevert(abi.encodeWithSelector(IVault.IndexRange.selector, 1 << 36, most));
        vault.claim(id, root, registersHash(1), withdrawal(1 << 36), proofs[0]);
        vm.expectPartialRevert(IVault.WrongRoot.selector);
        vault.claim(id, root, registersHash(1), withdrawal(most), proofs[0]);
    }

    /// O19: a cell of another kind is no withdrawal.
    function test_claim_of_a_cell_with_another_tag_is_refused() external {
        bytes32 leaf = leafOf(withdrawal(0));
        bytes memory proof = abi.encodePacked(uint40(0));
        bytes32 root = this.rootOf(uint40(uint256(1) << 36), leaf, proof);
        AssertionId id = confirmOutbox(root, 1);
        vm.expectPartialRevert(IVault.WrongRoot.selector);
        vault.claim(id, root, registersHash(1), withdrawal(0), proof);
    }

    /// T15: each byte of the withdrawal and of the proof.
    function testFuzz_claim_with_any_changed_field_is_refused(uint256 field, uint64 change) external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        IVault.Withdrawal memory w = withdrawal(0);
        bytes memory proof = bytes.concat(proofs[0]);
        change = uint64(bound(change, 1, type(uint32).max));
        field = field % 5;
        if (field == 0) w.index += change;
        if (field == 1) w.recipient = address(uint160(w.recipient) ^ change);
        if (field == 2) w.amountUnits += change;
        if (field == 3) w.account += change;
        if (field == 4) proof[change % proof.length] ^= bytes1(uint8(1 << (change % 8)));
        // solhint-disable-next-line avoid-low-level-calls
        (bool done,) = address(vault).call(abi.encodeCall(IVault.claim, (id, root, registersHash(1), w, proof)));
        assertFalse(done);
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
    }

    /// T14: unpaid is unclaimed.
    function test_claim_whose_transfer_reverts_stays_open() external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        token.setBlocked(trader);
        vm.expectPartialRevert(OddToken.Blocked.selector);
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
        assertFalse(vault.isClaimed(0));
        token.setBlocked(address(0));
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
        assertTrue(vault.isClaimed(0));
    }

    /// C23.
    function test_claim_cannot_be_re_entered() external {
        deposit(100 * ATOMS);
        (bytes32 root, bytes[2] memory proofs) = outbox();
        AssertionId id = confirmOutbox(root, 1);
        bytes memory again = abi.encodeCall(IVault.claim, (id, root, registersHash(1), withdrawal(1), proofs[1]));
        token.setCallback(address(vault), again);
        vault.claim(id, root, registersHash(1), withdrawal(0), proofs[0]);
        assertFalse(vault.isClaimed(1));
        assertEq(bytes32(bytes4(token.answer())), bytes32(bytes4(keccak256("ReentrancyGuardReentrantCall()"))));
    }
}
