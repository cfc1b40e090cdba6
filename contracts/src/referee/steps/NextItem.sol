// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {isListed} from "@tallystick/libraries/Admission.sol";
import {Record, decode} from "@tallystick/libraries/Codec.sol";
import {beginItems, endItems, finish, recordInProgress} from "@tallystick/libraries/Machine.sol";
import {BulkFields, OrderFields} from "@tallystick/libraries/generated/Fields.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {RecordKinds} from "@tallystick/libraries/generated/RecordKinds.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

/// @title NEXT_ITEM: hand the next item of a bulk to the step of its kind
/// @notice An item that is none ends the bulk; those before it stand. The order of a replace is not
/// placed when there was nothing to cancel, or the old one has become it in its place. Nothing comes of an order for
/// another series of its market, nor of such a replace, and the bulk goes on.
/// @dev Rejects: MALFORMED, OUT_OF_RANGE, NO_MARKET. Twin: shared/tallystick/machine/steps/next_item.py.
contract NextItem is Step {
    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;

        // READ
        beginItems(registers, Phase.NEXT_ITEM);
        bytes calldata data = recordInProgress(w, inbox);
        (, Record memory record) = decode(data);
        bytes calldata items = data[record.blobs[0].start:record.blobs[0].start + record.blobs[0].length];
        uint256 begin = registers.bulkItem();
        if (begin == items.length) return _end(registers, Outcome.ACCEPTED);

        // CHECK
        uint256 what = uint8(items[begin]) & 3;
        uint256 end = begin + (what == Constants.ITEM_CANCEL ? Constants.ITEM_CANCEL_BYTES : Constants.ITEM_BYTES);
        if (end > items.length) return _end(registers, Outcome.MALFORMED);
        bytes calldata item = items[begin:end];
        uint8 rejection = _check(item, what);
        if (rejection != Outcome.ACCEPTED) return _end(registers, rejection);
        // SAFETY of every cast to 16 bits: an offset inside a chunk.
        if (registers.bulkHalf() == 0 && what != Constants.ITEM_CANCEL && !isListed(w, _named(item))) {
            registers.setBulkItem(uint16(end));
            uint256 behind = what == Constants.ITEM_REPLACE ? Constants.ITEM_SLOT_BYTES : 0;
            registers.setBulkSlot(uint16(registers.bulkSlot() + behind));
            return finish(registers, Outcome.NO_MARKET);
        }

        // APPLY
        if (what == Constants.ITEM_REPLACE && registers.bulkHalf() != 0) {
            bool goes = registers.bulkHalf() == Constants.HALF_CANCELLED && registers.outcome() == Outcome.ACCEPTED;
            registers.setBulkHalf(0);
            registers.setBulkItem(uint16(end));
            if (goes) _place(registers, record, item);
            return;
        }
        if (what == Constants.ITEM_CANCEL || what == Constants.ITEM_REPLACE) {
            _cancel(registers, record, item, data);
            registers.setBulkHalf(what == Constants.ITEM_REPLACE ? uint8(Constants.HALF_CANCELLED) : 0);
        } else {
            _place(registers, record, item);
        }
        if (what != Constants.ITEM_REPLACE) registers.setBulkItem(uint16(end));

        // WRITE: registers only.
    }

    function _end(Registers registers, uint8 outcome) private pure {
        endItems(registers);
        finish(registers, outcome);
    }

    /// @dev Whether bytes are an item, and its numbers within the limits of an order's.
    function _check(bytes calldata item, uint256 what) private pure returns (uint8) {
        uint256 most = what == Constants.ITEM_CANCEL ? Constants.ITEM_CANCEL : Constants.ITEM_MOST;
        if (what > Constants.ITEM_REPLACE || uint8(item[0]) > most) return Outcome.MALFORMED;
        if (uint64(bytes8(item[item.length - 8:])) > Constants.MAX_AMOUNT) return Outcome.OUT_OF_RANGE;
        if (what == Constants.ITEM_CANCEL) return Outcome.ACCEPTED;
        uint256 mostFlags = RecordKinds.limit(RecordKinds.ORDER, OrderFields.FLAGS);
        return uint16(bytes2(item[3:])) > mostFlags ? Outcome.OUT_OF_RANGE : Outcome.ACCEPTED;
    }

    /// @dev The market of an order with the series that was signed beside it.
    function _named(bytes calldata item) private pure returns (uint256) {
        return uint16(bytes2(item[1:]));
    }

    /// @dev Cancels the order with the item's client id; of a replace the step is told what is to stand in its place.
    function _cancel(Registers registers, Record memory record, bytes calldata item, bytes calldata data) private pure {
        uint256 slot = registers.bulkSlot();
        uint256 length = record.blobs[1].length;
        uint256 found;
        if (slot + Constants.ITEM_SLOT_BYTES <= length) {
            found = uint40(bytes5(data[record.blobs[1].start + slot:])) & Constants.MAX_SLOT;
        }
        registers.setArgAccount(uint32(record.values[BulkFields.ACCOUNT]));
        registers.setArgClientId(uint64(bytes8(item[item.length - 8:])));
        if (uint8(item[0]) & 3 == Constants.ITEM_REPLACE) _setOrder(registers, record, item);
        registers.setArgOrderSlot(uint64(found));
        registers.setBulkSlot(uint16(slot + Constants.ITEM_SLOT_BYTES));
        registers.setPhase(Phase.CANCEL_ORDER);
    }

    function _place(Registers registers, Record memory record, bytes calldata item) private pure {
        registers.setArgAccount(uint32(record.values[BulkFields.ACCOUNT]));
        registers.setArgClientId(uint64(bytes8(item[item.length - 8:])));
        _setOrder(registers, record, item);
        registers.setPhase(Phase.PLACE_ORDER);
    }

    function _setOrder(Registers registers, Record memory record, bytes calldata item) private pure {
        registers.setArgMarket(uint8(_named(item) & Constants.MAX_MARKETS - 1));
        registers.setArgSide(uint8(uint8(item[0]) >> Constants.ITEM_SIDE_SHIFT));
        registers.setArgFlags(uint16(bytes2(item[3:])));
        registers.setArgPriceTicks(uint24(bytes3(item[5:])));
        registers.setArgLots(uint32(bytes4(item[8:])));
        registers.setArgTimeMs(uint64(record.values[BulkFields.EXPIRY_MS]));
    }
}
