// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Record} from "./Codec.sol";
import {checkNonce, useNonce} from "./Nonces.sol";
import {recoverSigner} from "./Signing.sol";
import {openAccount, openAgent, openConfig} from "./State.sol";
import {Witness} from "./Witness.sol";
import {setArgs} from "./generated/Arguments.sol";
import {Account, Agent} from "./generated/Cells.sol";
import {OwnerFields, OwnerOrAgentFields, PriceSignerFields} from "./generated/Fields.sol";
import {Outcome} from "./generated/Names.sol";
import {Authority, RecordKinds} from "./generated/RecordKinds.sol";
import {Registers} from "./generated/Registers.sol";

// Admitting a decoded record, from a chunk or from L1: who must have signed it, and which step runs it.

/// @notice Checks who signed a record, uses its nonce up unless its own step does, and makes it the record in progress.
/// @dev Twin: shared/tallystick/machine/admission.py. Rejects: WINDING_DOWN, BAD_SIGNATURE, NO_ACCOUNT, NOT_AUTHORISED,
/// AGENT_EXPIRED, AGENT_SCOPE, NONCE_RANGE, NONCE_USED.
function admit(Witness memory w, Record memory record) pure returns (uint8 outcome) {
    if (w.registers.windDownMs() != 0 && !RecordKinds.windsDown(record.kind)) return Outcome.WINDING_DOWN;
    outcome = _authenticate(w, record);
    if (outcome == Outcome.ACCEPTED) setArgs(w.registers, record.kind, record.values);
}

function _authenticate(Witness memory w, Record memory record) pure returns (uint8) {
    uint256 authority = RecordKinds.authority(record.kind);
    if (authority == Authority.NOBODY) return Outcome.ACCEPTED;
    address signer = recoverSigner(record, w.registers.domain());
    if (signer == address(0)) return Outcome.BAD_SIGNATURE;
    if (authority == Authority.PRICE_SIGNER) {
        return _checkConfigKey(openConfig(w).signers(record.values[PriceSignerFields.SIGNER]), signer);
    }
    if (authority == Authority.GOVERNANCE) return _checkConfigKey(openConfig(w).governance(), signer);
    return _checkTrader(w, record, signer);
}

function _checkConfigKey(address key, address signer) pure returns (uint8) {
    return key == signer ? Outcome.ACCEPTED : Outcome.NOT_AUTHORISED;
}

function _checkTrader(Witness memory w, Record memory record, address signer) pure returns (uint8 outcome) {
    uint256[] memory values = record.values;
    bool delegable = RecordKinds.authority(record.kind) == Authority.OWNER_OR_AGENT;
    uint256 number = values[OwnerFields.ACCOUNT];
    uint256 slot = delegable ? values[OwnerOrAgentFields.AGENT] : 0;
    uint256 nonce = values[delegable ? OwnerOrAgentFields.NONCE : OwnerFields.NONCE];
    outcome = checkKey(w, number, slot, nonce, RecordKinds.scope(record.kind), signer);
    if (outcome == Outcome.ACCEPTED && !RecordKinds.sparesNonce(record.kind)) useNonce(openAccount(w, number), nonce);
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
    else if (signer != owner) rejection = Outcome.NOT_AUTHORISED;
    return rejection == Outcome.ACCEPTED ? checkNonce(account, nonce) : rejection;
}

function _checkAgent(Registers registers, uint256 needed, address signer, Agent agent) pure returns (uint8) {
    if (agent.key() != signer) return Outcome.NOT_AUTHORISED;
    uint64 expiry = agent.expiryMs();
    if (expiry != 0 && expiry <= registers.clockMs()) return Outcome.AGENT_EXPIRED;
    return agent.scope() & needed == needed ? Outcome.ACCEPTED : Outcome.AGENT_SCOPE;
}
