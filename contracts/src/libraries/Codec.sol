// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Constants, Outcome} from "./generated/Names.sol";
import {RecordKinds} from "./generated/RecordKinds.sol";

/// @notice A decoded record: `values` in the order of the kind's fields, addresses as integers; the
/// signature as EIP-2098 has it, zero when nobody signs.
struct Record {
    uint8 kind;
    uint256[] values;
    bytes32 r;
    bytes32 vs;
    Blob[] blobs;
}

/// @notice A string of a record: where it lies in the record's bytes, and its hash.
struct Blob {
    uint256 start;
    uint256 length;
    bytes32 hash;
}

// Strict, total decoding of records: no bytes make any of these revert.

/// @notice A frame's record without the zeros that may fill up a frame of MIN_FRAME_BYTES, and no other, behind it.
function unpadded(bytes calldata data) pure returns (bytes calldata) {
    if (data.length != Constants.MIN_FRAME_BYTES) return data;
    (, uint256 end) = _header(data, 1, 0xc0);
    if (end == 0) return data;
    for (uint256 i = end; i < data.length; ++i) {
        if (data[i] != 0) return data;
    }
    return data[:end];
}

/// @notice Decodes a record; any outcome but ACCEPTED rejects it.
/// @dev The record is the kind byte and one canonical flat RLP list, nothing after it. Rejects:
/// UNKNOWN_RECORD, MALFORMED, OUT_OF_RANGE.
function decode(bytes calldata data) pure returns (uint8, Record memory record) {
    uint8 kind = data.length == 0 ? 0 : uint8(data[0]);
    if (!RecordKinds.known(kind)) return (Outcome.UNKNOWN_RECORD, record);
    uint256 fields = RecordKinds.fieldCount(kind);
    uint256 strings = fields + RecordKinds.blobCount(kind);
    record.kind = kind;
    bool signed = RecordKinds.signed(kind);
    uint256 expected = signed ? strings + 1 : strings;
    (bool flat, Item[] memory items) = _flatList(data, 1, expected);
    if (!flat) return (Outcome.MALFORMED, record);
    if (signed) {
        if (items[strings].length != RecordKinds.SIGNATURE_BYTES) {
            return (Outcome.MALFORMED, record);
        }
        record.r = bytes32(data[items[strings].start:]);
        record.vs = bytes32(data[items[strings].start + 32:]);
    }
    record.values = new uint256[](fields);
    for (uint256 i; i < fields; ++i) {
        (uint8 outcome, uint256 value) = _value(data, items[i], RecordKinds.limit(kind, i));
        if (outcome != Outcome.ACCEPTED) return (outcome, record);
        record.values[i] = value;
    }
    record.blobs = new Blob[](strings - fields);
    for (uint256 i; i < strings - fields; ++i) {
        Item memory item = items[fields + i];
        if (item.length > RecordKinds.blobLimit(kind, i)) return (Outcome.OUT_OF_RANGE, record);
        bytes32 hash = keccak256(data[item.start:item.start + item.length]);
        record.blobs[i] = Blob({start: item.start, length: item.length, hash: hash});
    }
    return (Outcome.ACCEPTED, record);
}

/// @dev Where a string of the list lies in the record.
struct Item {
    uint256 start;
    uint256 length;
}

/// @dev The value of one field: a canonical number up to `limit`, or exactly an address.
function _value(bytes calldata data, Item memory item, uint256 limit) pure returns (uint8 outcome, uint256 value) {
    if (limit == type(uint160).max) {
        if (item.length != 20) return (Outcome.MALFORMED, 0);
    } else if (item.length > 0 && data[item.start] == 0) {
        return (Outcome.MALFORMED, 0);
    } else if (item.length > 8) {
        return (Outcome.OUT_OF_RANGE, 0);
    }
    value = _number(data, item.start, item.length);
    if (value > limit) outcome = Outcome.OUT_OF_RANGE;
}

/// @dev The strings of the canonical RLP list that fills `data` from `from`; false when it is none, or
/// has another number of strings than `expected` (which is also the most it may have).
function _flatList(bytes calldata data, uint256 from, uint256 expected) pure returns (bool, Item[] memory items) {
    (uint256 next, uint256 end) = _header(data, from, 0xc0);
    if (end == 0 || end != data.length) return (false, items);
    items = new Item[](expected);
    uint256 count;
    for (; next < data.length; ++count) {
        if (count == expected) return (false, items);
        uint256 start = next;
        if (uint8(data[next]) < 0x80) {
            ++next;
        } else {
            (start, next) = _header(data, next, 0x80);
            if (next == 0) return (false, items);
            if (next - start == 1 && uint8(data[start]) < 0x80) return (false, items);
        }
        items[count] = Item({start: start, length: next - start});
    }
    return (count == expected, items);
}

/// @dev (start, end) of the payload behind the prefix at `from`; (0, 0) when it is not canonical.
function _header(bytes calldata data, uint256 from, uint256 base) pure returns (uint256, uint256) {
    if (from >= data.length) return (0, 0);
    uint256 prefix = uint8(data[from]);
    if (prefix < base || prefix >= base + 64) return (0, 0);
    uint256 length = prefix - base;
    uint256 start = from + 1;
    if (length > 55) {
        uint256 size = length - 55;
        if (size > 2 || start + size > data.length || data[start] == 0) return (0, 0);
        length = _number(data, start, size);
        start += size;
        if (length < 56) return (0, 0);
    }
    return start + length > data.length ? (0, 0) : (start, start + length);
}

/// @dev The big-endian number of `length` bytes (32 at most) at `start`, which lie inside `data`.
function _number(bytes calldata data, uint256 start, uint256 length) pure returns (uint256 value) {
    if (length == 0) return 0;
    // SAFETY: only reads; what lies behind the `length` bytes is shifted out.
    assembly ("memory-safe") {
        value := shr(sub(256, shl(3, length)), calldataload(add(data.offset, start)))
    }
}
