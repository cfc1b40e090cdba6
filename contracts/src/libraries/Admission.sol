// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Record} from "./Codec.sol";
import {checkNonce, useNonce} from "./Nonces.sol";
import {recoverSigner} from "./Signing.sol";
import {setArgs} from "./generated/Arguments.sol";
import {Account, Agent} from "./generated/Cells.sol";
import {OwnerFields, OwnerOrAgentFields, PriceSignerFields} from "./generated/Fields.sol";
import {Constants, Outcome, Phase} from "./generated/Names.sol";
import {Authority, RecordKinds} from "./generated/RecordKinds.sol";
import {Registers} from "./generated/Registers.sol";
import {openAccount, openAgent, openConfig, openMarket} from "@tallystick/libraries/proof/State.sol";
import {Witness} from "@tallystick/libraries/proof/Witness.sol";

// Admitting a decoded record, from a chunk or from L1: who must have signed it, and which step runs it.

/// @notice Checks who signed a record, uses its nonce up unless its own step does, and makes it the record in progress.
/// @dev Twin: shared/tallystick/machine/admission.py. Rejects: as `checkRecord`, then as `begin`.
function admit(Witness memory w, Record memory record) pure returns (uint8) {
    uint8 rejection = checkRecord(w, record, signerOf(w.registers, record));
    return rejection != Outcome.ACCEPTED ? rejection : begin(w, record);
}

/// @notice Who signed a record, zero when nobody did, or nobody can have.
function signerOf(Registers registers, Record memory record) pure returns (address) {
    if (RecordKinds.authority(record.kind) == Authority.NOBODY) return address(0);
    return recoverSigner(record, registers.domain());
}

/// @notice Says whether a record that `signer` has signed is admitted now; opens cells, and writes nothing.
/// @dev Rejects: WINDING_DOWN, BAD_SIGNATURE (it must be signed, and `signer` is zero), then those of `checkKey`, of
/// which a price signer or governance meets NOT_AUTHORISED alone.
function checkRecord(Witness memory w, Record memory record, address signer) pure returns (uint8) {
    uint256 authority = RecordKinds.authority(record.kind);
    if (w.registers.windDownMs() != 0 && !RecordKinds.windsDown(record.kind)) return Outcome.WINDING_DOWN;
    if (authority == Authority.NOBODY) return Outcome.ACCEPTED;
    if (signer == address(0)) return Outcome.BAD_SIGNATURE;
    if (authority == Authority.PRICE_SIGNER) {
        return _checkConfigKey(openConfig(w).signers(record.values[PriceSignerFields.SIGNER]), signer);
    }
    if (authority == Authority.GOVERNANCE) return _checkConfigKey(openConfig(w).governance(), signer);
    (uint256 number, uint256 slot, uint256 nonce) = _keyOf(record);
    return checkKey(w, number, slot, nonce, RecordKinds.asks(record.kind, record.values), signer);
}

/// @notice Uses a record's nonce up unless its own step does, and makes it the record in progress; `checkRecord` admits
/// it. Its work begins with it.
/// @dev Rejects: NO_MARKET (it is of another series than the one that is listed).
function begin(Witness memory w, Record memory record) pure returns (uint8) {
    Registers registers = w.registers;
    if (RecordKinds.promised(record.kind) && !RecordKinds.sparesNonce(record.kind)) {
        (uint256 number,, uint256 nonce) = _keyOf(record);
        spendNonce(w, number, nonce);
    }
    if (RecordKinds.namesSeries(record.kind) && !isListed(w, record.values[RecordKinds.marketAt(record.kind)])) {
        return Outcome.NO_MARKET;
    }
    registers.setWork(uint32(Constants.WORK));
    setArgs(registers, record.kind, record.values);
    if (registers.phase() == Phase.PLACE_ORDER && !_mayCancel(w, record)) {
        registers.setArgFlags(
            registers.argFlags() & ~uint16(Constants.FLAG_STP_BOTH) | uint16(Constants.FLAG_STP_TAKER)
        );
    }
    return Outcome.ACCEPTED;
}

/// @notice Whether a signed market is of the series that its id is listed as, 0 for one that never was.
/// @dev Opens the Market. `named` is market | series << SERIES_SHIFT. Else what was signed for one series would be played
/// in the next.
function isListed(Witness memory w, uint256 named) pure returns (bool) {
    return openMarket(w, named & Constants.MAX_MARKETS - 1).series() == named >> Constants.SERIES_SHIFT;
}

/// @dev Whether whoever signed an order may cancel others; an order of one who may not gives way to the own it meets.
function _mayCancel(Witness memory w, Record memory record) pure returns (bool) {
    (uint256 number, uint256 slot,) = _keyOf(record);
    return slot == 0 || openAgent(w, number << 4 | slot).scope() & Constants.SCOPE_CANCEL != 0;
}

/// @dev (account, slot of the agent or 0, nonce) of a record that an account signs.
function _keyOf(Record memory record) pure returns (uint256, uint256, uint256) {
    uint256[] memory values = record.values;
    if (RecordKinds.authority(record.kind) == Authority.OWNER_OR_AGENT) {
        return (values[OwnerOrAgentFields.ACCOUNT], values[OwnerOrAgentFields.AGENT], values[OwnerOrAgentFields.NONCE]);
    }
    return (values[OwnerFields.ACCOUNT], 0, values[OwnerFields.NONCE]);
}

function _checkConfigKey(address key, address signer) pure returns (uint8) {
    return key == signer ? Outcome.ACCEPTED : Outcome.NOT_AUTHORISED;
}

/// @notice Says whether a key may act for an account, as its owner or as the agent in a slot, under a nonce that is left.
/// @dev Opens the account's cell and the agent's. Rejects: NO_ACCOUNT, NOT_AUTHORISED, AGENT_EXPIRED, AGENT_SCOPE,
/// NONCE_RANGE, NONCE_USED.
function checkKey(Witness memory w, uint256 number, uint256 slot, uint256 nonce, uint256 scope, address signer)
    pure
    returns (uint8)
{
    // READ
    Account account = openAccount(w, number);
    Agent agent = slot == 0 ? Agent.wrap(0) : openAgent(w, number << 4 | slot);

    // CHECK
    address owner = account.owner();
    if (owner == address(0)) return Outcome.NO_ACCOUNT;
    uint8 rejection;
    if (slot != 0) rejection = _checkAgent(w.registers, scope, signer, agent);
    else rejection = signer == owner ? Outcome.ACCEPTED : Outcome.NOT_AUTHORISED;
    return rejection != Outcome.ACCEPTED ? rejection : checkNonce(account, nonce);
}

/// @notice Uses a nonce up that `checkKey` found unused.
function spendNonce(Witness memory w, uint256 number, uint256 nonce) pure {
    useNonce(openAccount(w, number), nonce);
}

function _checkAgent(Registers registers, uint256 needed, address signer, Agent agent) pure returns (uint8) {
    if (agent.key() != signer) return Outcome.NOT_AUTHORISED;
    uint64 expiry = agent.expiryMs();
    if (expiry != 0 && expiry <= registers.clockMs()) return Outcome.AGENT_EXPIRED;
    return agent.scope() & needed == needed ? Outcome.ACCEPTED : Outcome.AGENT_SCOPE;
}
