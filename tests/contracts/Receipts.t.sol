// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Receipts} from "@tallystick/bridge/Receipts.sol";
import {ICredits} from "@tallystick/interfaces/ICredits.sol";
import {IReceipts, PlaceId, PostedChunk, Receipt} from "@tallystick/interfaces/IReceipts.sol";
import {GroupReceipt} from "@tallystick/libraries/proof/GroupReceipt.sol";
import {RollupBase} from "@tests/RollupBase.sol";

/// The bond over real contracts; evidence of every kind is played in tests/receipts.
contract ReceiptsTest is RollupBase {
    uint256 private constant DEPOSIT = 0.05 ether;
    uint64 private constant HOUR = 1 hours;

    Receipts private receipts;

    function setUp() public override {
        super.setUp();
        receipts = new Receipts(address(inbox), address(rollup));
        vm.deal(sequencer, 1000 ether);
    }

    function bonded(uint256 amountWei) private {
        receipts.deposit{value: amountWei}();
        vm.prank(sequencer);
        receipts.setKey(actor("receipts"));
    }

    /// A receipt of a group of one.
    function promised(uint64 number, bytes32 before, bytes32 recordHash) private view returns (Receipt memory a) {
        bytes32 accumulator = keccak256(abi.encodePacked(before, recordHash));
        a = Receipt({
            epoch: 0,
            first: number,
            count: 1,
            postBy: uint64(block.timestamp) + HOUR,
            before: before,
            number: number,
            accumulator: accumulator,
            recordHash: recordHash,
            path: new bytes32[](0),
            r: 0,
            vs: 0
        });
        bytes32 root = keccak256(abi.encodePacked(number, accumulator, recordHash));
        bytes32 digest = keccak256(
            abi.encodePacked(
                keccak256("tallystick group receipt"),
                receipts.domain(),
                uint64(0),
                number,
                uint16(1),
                a.postBy,
                before,
                root
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(actorKey("receipts"), digest);
        (a.r, a.vs) = (r, bytes32(uint256(s) | uint256(v - 27) << 255));
    }

    function claim(Receipt memory a) private returns (PlaceId place) {
        vm.warp(a.postBy + 1);
        vm.prank(honest);
        return receipts.claimMissing{value: DEPOSIT}(a);
    }

    function test_states_and_chunks_are_of_one_exchange() external {
        vm.expectPartialRevert(IReceipts.OtherInbox.selector);
        new Receipts(address(referee), address(rollup));
    }

    function test_nobody_but_the_operator_speaks_for_it() external {
        bytes memory why = abi.encodeWithSelector(IReceipts.NotOperator.selector, address(this), sequencer);
        vm.expectRevert(why);
        receipts.setKey(liar);
        vm.expectRevert(why);
        receipts.raiseEpoch();
        vm.expectRevert(why);
        receipts.beginLeaving();
        vm.expectRevert(why);
        receipts.takeBond();
    }

    function test_no_bond_is_paid_of_nothing() external {
        vm.expectRevert(IReceipts.NothingPaid.selector);
        receipts.deposit();
    }

    function test_an_epoch_is_told_with_the_batches_there_are() external {
        postBatch();
        vm.expectEmit(address(receipts));
        emit IReceipts.EpochRaised(1, 1);
        vm.prank(sequencer);
        receipts.raiseEpoch();
        assertEq(receipts.epoch(), 1);
    }

    function test_the_first_key_counts_at_once_and_the_next_after_a_day() external {
        bonded(1 ether);
        assertEq(receipts.receiptKey(), actor("receipts"));
        vm.prank(sequencer);
        receipts.setKey(actor("later"));
        assertEq(receipts.receiptKey(), actor("receipts"));
        vm.warp(block.timestamp + 1 days);
        assertEq(receipts.receiptKey(), actor("later"));
    }

    /// Whatever the bond is, to the wei: a tenth is the reward, the rest is the sink's.
    function test_a_lost_bond_is_split_to_the_wei(uint256 amountWei) external {
        amountWei = bound(amountWei, 1, 1000 ether);
        vm.deal(address(this), amountWei);
        bonded(amountWei);
        PlaceId place = claim(promised(0, 0, keccak256("record")));
        vm.warp(block.timestamp + 6 hours);
        receipts.foreclose(place);
        assertEq(receipts.credit(SINK) + receipts.rewardWei(), amountWei);
        assertEq(receipts.rewardWei(), amountWei / 10);
        assertEq(address(receipts).balance, amountWei + DEPOSIT);
        vm.warp(block.timestamp + 1 days + 1);
        if (amountWei >= 10) receipts.payReward();
        vm.prank(honest);
        receipts.withdrawCredit();
        assertEq(address(receipts).balance, receipts.credit(SINK) + receipts.rewardWei());
    }

    function test_two_receipts_that_cannot_both_be_kept_slash_after_a_commitment() external {
        bonded(1 ether);
        Receipt memory a = promised(3, keccak256("chain"), keccak256("one"));
        Receipt memory b = promised(3, keccak256("chain"), keccak256("other"));
        bytes memory data = abi.encodeCall(IReceipts.conflict, (a, b, bytes32(0)));
        vm.expectPartialRevert(IReceipts.NotCommitted.selector);
        receipts.conflict(a, b, 0);
        receipts.commit(keccak256(abi.encode(address(this), keccak256(data))));
        vm.roll(block.number + 2);
        receipts.conflict(a, b, 0);
        assertEq(receipts.bondWei(), 0);
        assertEq(receipts.slashedAt(), block.timestamp);
    }

    function test_a_signature_with_a_high_s_is_nobodys() external {
        bonded(1 ether);
        Receipt memory a = promised(0, 0, keccak256("record"));
        a.vs = bytes32(uint256(a.vs) | 1 << 254);
        vm.warp(a.postBy + 1);
        vm.expectPartialRevert(IReceipts.NotSigned.selector);
        receipts.claimMissing{value: DEPOSIT}(a);
    }

    /// No answer is without a chunk of the operator's.
    function test_a_claim_is_not_answered_with_what_is_on_no_batch() external {
        bonded(1 ether);
        PlaceId[] memory places = new PlaceId[](1);
        places[0] = claim(promised(0, 0, keccak256("record")));
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = keccak256("record");
        PostedChunk memory posted =
            PostedChunk({batch: 0, header: new bytes(79), hashes: new bytes32[](0), index: 0, chunk: ""});
        vm.expectPartialRevert(IReceipts.WrongBatch.selector);
        receipts.showPosted(places, 0, hashes, posted);
    }

    function test_a_deposit_follows_the_base_fee() external {
        vm.fee(100 gwei);
        assertEq(receipts.claimDepositWei(), 0.12 ether);
        vm.fee(1 gwei);
        assertEq(receipts.claimDepositWei(), DEPOSIT);
    }

    function test_a_bond_that_nobody_claims_against_comes_home_whole() external {
        bonded(7 ether);
        vm.prank(sequencer);
        receipts.beginLeaving();
        assertEq(receipts.freeAt(), block.timestamp + HOUR + 6 hours + 2 days + 1 days);
        vm.warp(receipts.freeAt());
        vm.prank(sequencer);
        receipts.takeBond();
        assertEq(receipts.credit(sequencer), 7 ether);
        vm.expectRevert(abi.encodeWithSelector(ICredits.NoCredit.selector, address(this)));
        receipts.withdrawCredit();
    }

    function test_leaves_and_nodes_are_hashed_over_other_lengths() external pure {
        PlaceId place = GroupReceipt.leaf(1, keccak256("chain"), keccak256("record"));
        bytes32 expected = keccak256(abi.encodePacked(uint64(1), keccak256("chain"), keccak256("record")));
        assertEq(PlaceId.unwrap(place), expected);
    }
}
