// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Record} from "./RecordCodec.sol";
import {RecordKinds} from "./generated/RecordKinds.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

// EIP-712: what a trader signs, and who signed it.

/// @notice The 32 bytes that a record's signature signs.
function digest(Record memory record, bytes32 domain) pure returns (bytes32) {
    uint256 fields = RecordKinds.fieldCount(record.kind);
    uint256 signed = RecordKinds.signedFields(record.kind);
    uint256[] memory parts = new uint256[](fields + record.blobs.length + 1);
    parts[0] = uint256(RecordKinds.typeHash(record.kind));
    uint256 count = 1;
    for (uint256 i; i < fields; ++i) {
        if (signed >> i & 1 == 1) parts[count++] = record.values[i];
    }
    signed = RecordKinds.signedBlobs(record.kind);
    for (uint256 i; i < record.blobs.length; ++i) {
        if (signed >> i & 1 == 1) parts[count++] = uint256(record.blobs[i].hash);
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
