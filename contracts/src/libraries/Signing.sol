// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Blob, Record} from "./Codec.sol";
import {RecordKinds} from "./generated/RecordKinds.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

// EIP-712: what a trader signs, and who signed it.

/// @notice The 32 bytes that a record's signature signs.
function digest(Record memory record, bytes32 domain) pure returns (bytes32) {
    uint8 kind = record.kind;
    uint256 fields = RecordKinds.signedFields(kind);
    return _digest(record, domain, RecordKinds.typeHash(kind), fields, RecordKinds.signedBlobs(kind));
}

/// @notice The 32 bytes that the second signer of a record signs.
function acceptanceDigest(Record memory record, bytes32 domain) pure returns (bytes32) {
    uint8 kind = record.kind;
    return _digest(record, domain, RecordKinds.acceptanceHash(kind), RecordKinds.acceptedFields(kind), 0);
}

/// @dev `fields` and `blobs`: bit i set when that one is part of the struct.
function _digest(Record memory record, bytes32 domain, bytes32 typeHash, uint256 fields, uint256 blobs)
    pure
    returns (bytes32)
{
    uint256 most = RecordKinds.fieldCount(record.kind);
    uint256[] memory parts = new uint256[](most + record.blobs.length + 1);
    parts[0] = uint256(typeHash);
    uint256 count = 1;
    for (uint256 i; i < most; ++i) {
        if (fields >> i & 1 == 1) parts[count++] = record.values[i];
    }
    for (uint256 i; i < record.blobs.length; ++i) {
        if (blobs >> i & 1 == 1) parts[count++] = uint256(record.blobs[i].hash);
    }
    bytes32 structHash;
    // SAFETY: only reads; `count` is at most the array's length.
    assembly ("memory-safe") {
        structHash := keccak256(add(parts, 32), shl(5, count))
    }
    return MessageHashUtils.toTypedDataHash(domain, structHash);
}

/// @notice Who signed; zero when it is no valid EIP-2098 signature with a low s.
function recoverSigner(Record memory record, bytes32 domain) pure returns (address signer) {
    (signer,,) = ECDSA.tryRecover(digest(record, domain), record.r, record.vs);
}

/// @notice Who signed as the second, in the last string of the record's bytes; zero as in `recoverSigner`.
function recoverAcceptance(Record memory record, bytes calldata data, bytes32 domain) pure returns (address signer) {
    Blob memory blob = record.blobs[record.blobs.length - 1];
    if (blob.length != RecordKinds.SIGNATURE_BYTES) return address(0);
    bytes32 r = bytes32(data[blob.start:]);
    bytes32 vs = bytes32(data[blob.start + 32:]);
    (signer,,) = ECDSA.tryRecover(acceptanceDigest(record, domain), r, vs);
}
