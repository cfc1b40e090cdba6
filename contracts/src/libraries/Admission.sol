// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {checkNonce, useNonce} from "./Nonces.sol";
import {Record} from "./RecordCodec.sol";
import {recoverSigner} from "./Signing.sol";
import {openAccount, openAgent, openConfig} from "./State.sol";
import {Witness} from "./Witness.sol";
import {Account, Agent} from "./generated/Cells.sol";
import {Constants, Outcome, Phase} from "./generated/Names.sol";
import {RecordKinds} from "./generated/RecordKinds.sol";
import {Registers} from "./generated/Registers.sol";

// Admitting a decoded record, from a chunk or from L1: who must have signed it, and which step runs it.

/// @notice Checks who signed a record, uses its nonce up unless its own step does, and makes it the record in progress.
/// @dev Twin: shared/tallystick/machine/admission.py. Rejects: WINDING_DOWN, BAD_SIGNATURE, NO_ACCOUNT, NOT_AUTHORISED,
/// AGENT_EXPIRED, AGENT_SCOPE, NONCE_RANGE, NONCE_USED.
function admit(Witness memory w, Record memory record) pure returns (uint8 outcome) {
    if (w.registers.windDownMs() != 0 && !RecordKinds.windsDown(record.kind)) return Outcome.WINDING_DOWN;
    outcome = _authenticate(w, record);
    if (outcome == Outcome.ACCEPTED) _setArgs(w.registers, record);
}

function _authenticate(Witness memory w, Record memory record) pure returns (uint8) {
    if (!RecordKinds.signed(record.kind)) return Outcome.ACCEPTED;
    address signer = recoverSigner(record, w.registers.domain());
    if (signer == address(0)) return Outcome.BAD_SIGNATURE;
    if (record.kind == RecordKinds.REPORT_PRICE) {
        address key = openConfig(w).signers(record.values[1]);
        return key == signer ? Outcome.ACCEPTED : Outcome.NOT_AUTHORISED;
    }
    if (record.kind == RecordKinds.LIST_MARKET || record.kind == RecordKinds.CHANGE_MARKET) {
        address key = openConfig(w).governance();
        return key == signer ? Outcome.ACCEPTED : Outcome.NOT_AUTHORISED;
    }
    return _checkTrader(w, record, signer);
}

function _checkTrader(Witness memory w, Record memory record, address signer) pure returns (uint8 outcome) {
    bool delegable = RecordKinds.delegable(record.kind);
    uint256 number = record.values[0];
    uint256 slot = delegable ? record.values[1] : 0;
    uint256 nonce = delegable ? record.values[2] : record.values[1];
    outcome = checkKey(w, number, slot, nonce, scopeOf(record.kind), signer);
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

/// @notice What an agent must be allowed to do to sign a kind of record.
function scopeOf(uint8 kind) pure returns (uint256) {
    if (kind == RecordKinds.BULK) return Constants.SCOPE_PLACE | Constants.SCOPE_CANCEL;
    bool places = kind == RecordKinds.ORDER || kind == RecordKinds.CONDITIONAL || kind == RecordKinds.BLOCK_TRADE;
    return places ? Constants.SCOPE_PLACE : Constants.SCOPE_CANCEL;
}

/// @dev Puts an authentic record into the registers for the step of its kind.
/// SAFETY of every cast: `decode` has checked the value against its field's limit.
function _setArgs(Registers registers, Record memory record) pure {
    uint256[] memory values = record.values;
    uint8 kind = record.kind;
    if (kind == RecordKinds.CLOCK) {
        registers.setArgTime(uint64(values[0]));
        registers.setPhase(Phase.SET_CLOCK);
    } else if (kind == RecordKinds.ORDER || kind == RecordKinds.CONDITIONAL) {
        _setOrder(registers, values);
        if (kind == RecordKinds.CONDITIONAL) _setConditions(registers, values);
    } else if (kind == RecordKinds.CANCEL) {
        registers.setArgAccount(uint32(values[0]));
        registers.setArgId(uint64(values[3]));
        registers.setArgSlot(uint64(values[4]));
        registers.setPhase(Phase.CANCEL_ORDER);
    } else if (kind == RecordKinds.WITHDRAW) {
        registers.setArgAccount(uint32(values[0]));
        registers.setArgAmount(uint64(values[2]));
        registers.setArgAddress(address(uint160(values[3])));
        registers.setPhase(Phase.WITHDRAW);
    } else if (kind == RecordKinds.APPROVE_AGENT) {
        registers.setArgAccount(uint32(values[0]));
        registers.setArgSlot(uint64(values[2]));
        registers.setArgAddress(address(uint160(values[3])));
        registers.setArgFlags(uint16(values[4]));
        registers.setArgTime(uint64(values[5]));
        registers.setPhase(Phase.APPROVE_AGENT);
    } else if (kind == RecordKinds.REPORT_PRICE) {
        registers.setArgMarket(uint8(values[0]));
        registers.setArgSlot(uint64(values[1]));
        registers.setArgId(uint64(values[2]));
        registers.setArgPrice(uint32(values[3]));
        registers.setArgTime(uint64(values[4]));
        registers.setPhase(Phase.REPORT_PRICE);
    } else if (kind == RecordKinds.TRANSFER) {
        registers.setArgAccount(uint32(values[0]));
        registers.setArgSlot(uint64(values[2]));
        registers.setArgAmount(uint64(values[3]));
        registers.setPhase(Phase.TRANSFER);
    } else if (kind == RecordKinds.BULK) {
        registers.setArgAccount(uint32(values[0]));
        registers.setPhase(Phase.NEXT_ITEM);
    } else if (kind == RecordKinds.CANCEL_ALL) {
        registers.setArgAccount(uint32(values[0]));
        registers.setPhase(Phase.CANCEL_ALL);
    } else if (kind == RecordKinds.DEAD_MAN) {
        registers.setArgAccount(uint32(values[0]));
        registers.setArgTime(uint64(values[3]));
        registers.setPhase(Phase.SET_DEAD_MAN);
    } else if (kind == RecordKinds.CLEAN) {
        registers.setArgSlot(uint64(values[0]));
        registers.setPhase(Phase.CLEAN_ORDER);
    } else if (kind == RecordKinds.SETTLE_POSITION) {
        registers.setArgAccount(uint32(values[0]));
        registers.setArgMarket(uint8(values[1]));
        registers.setPhase(Phase.SETTLE_POSITION);
    } else if (kind == RecordKinds.LIQUIDATE || kind == RecordKinds.TAKE_OVER || kind == RecordKinds.NOMINATE_ADL) {
        registers.setArgAccount(uint32(values[0]));
        registers.setArgMarket(uint8(values[1]));
        if (kind == RecordKinds.NOMINATE_ADL) registers.setArgId(uint64(values[2]));
        registers.setPhase(_ofCase(kind));
    } else if (kind == RecordKinds.DELEVERAGE || kind == RecordKinds.SETTLE_ACCOUNT) {
        registers.setArgAccount(uint32(values[0]));
        registers.setPhase(kind == RecordKinds.DELEVERAGE ? Phase.DELEVERAGE : Phase.SETTLE_ACCOUNT);
    } else if (kind == RecordKinds.BLOCK_TRADE) {
        registers.setArgAccount(uint32(values[0]));
        registers.setArgMarket(uint8(values[4]));
        registers.setPhase(Phase.BLOCK_TRADE);
    } else {
        registers.setArgMarket(uint8(values[0]));
        registers.setPhase(_ofMarket(kind));
    }
}

function _setOrder(Registers registers, uint256[] memory values) pure {
    registers.setArgAccount(uint32(values[0]));
    registers.setArgMarket(uint8(values[3]));
    registers.setArgSide(uint8(values[4]));
    registers.setArgFlags(uint16(values[5]));
    registers.setArgPrice(uint32(values[6]));
    registers.setArgLots(uint64(values[7]));
    registers.setArgId(uint64(values[8]));
    registers.setArgTime(uint64(values[9]));
    registers.setPhase(Phase.PLACE_ORDER);
}

function _setConditions(Registers registers, uint256[] memory values) pure {
    registers.setArgTrigger(uint32(values[10]));
    registers.setArgPair(uint64(values[11]));
    registers.setArgPairSlot(uint64(values[12]));
}

/// @dev The step of a kind of record that names a market and leaves the rest to its step.
function _ofMarket(uint8 kind) pure returns (uint8) {
    if (kind == RecordKinds.LIST_MARKET) return Phase.LIST_MARKET;
    return kind == RecordKinds.CHANGE_MARKET ? Phase.CHANGE_MARKET : Phase.APPLY_CHANGE;
}

/// @dev The step of a kind of record about a position its account cannot carry.
function _ofCase(uint8 kind) pure returns (uint8) {
    if (kind == RecordKinds.LIQUIDATE) return Phase.LIQUIDATE;
    return kind == RecordKinds.TAKE_OVER ? Phase.TAKE_OVER : Phase.NOMINATE_ADL;
}
