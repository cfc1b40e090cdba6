// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {NO_AGENT, checkKey} from "@tallystick/libraries/Authority.sol";
import {finish} from "@tallystick/libraries/Machine.sol";
import {checkNonce, useNonce} from "@tallystick/libraries/Nonces.sol";
import {Record, decode} from "@tallystick/libraries/RecordCodec.sol";
import {recoverSigner} from "@tallystick/libraries/Signing.sol";
import {openAccount, openAgent, openConfig} from "@tallystick/libraries/State.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/Witness.sol";
import {Account, Agent} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {RecordKinds} from "@tallystick/libraries/generated/RecordKinds.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";

/// @title FETCH_RECORD: take the next record of the chunk, decode and authenticate it
/// @dev Rejects: FRAME_BROKEN (the rest of the chunk is skipped), UNKNOWN_RECORD, MALFORMED,
/// OUT_OF_RANGE, WINDING_DOWN, BAD_SIGNATURE, NO_ACCOUNT, NOT_AUTHORISED, AGENT_EXPIRED, AGENT_SCOPE, NONCE_RANGE,
/// NONCE_USED. Twin: shared/tallystick/machine/steps/fetch_record.py.
contract FetchRecord is Step {
    function _step(Witness memory w, IInbox) internal pure override {
        Registers registers = w.registers;

        // READ
        if (registers.chunkOffset() == registers.chunkLength()) return _leaveChunk(registers);
        bytes calldata chunk = w.input();
        bytes32 expected = registers.chunkHash();
        // INVARIANT: this is the open chunk.
        require(keccak256(chunk) == expected, WitnessLib.InputMismatch(keccak256(chunk), expected));

        // CHECK
        uint256 offset = registers.chunkOffset();
        uint256 start = offset + Constants.FRAME_HEADER_BYTES;
        uint256 length = start <= chunk.length ? uint16(bytes2(chunk[offset:start])) : 0;
        if (length == 0 || start + length > chunk.length) {
            registers.setOutcome(Outcome.FRAME_BROKEN);
            registers.setChunkOffset(registers.chunkLength());
            return;
        }

        // APPLY and WRITE
        // SAFETY: at most the chunk's length, which has 16 bits.
        registers.setChunkOffset(uint16(start + length));
        _admit(w, chunk[start:start + length]);
        if (registers.phase() != Phase.FETCH_RECORD) {
            registers.setArgRecordAt(uint16(start));
            registers.setArgRecordEnd(uint16(start + length));
        }
    }

    function _leaveChunk(Registers registers) private pure {
        registers.setChunkCursor(registers.chunkCursor() + 1);
        registers.setChunkHash(0);
        registers.setChunkLength(0);
        registers.setChunkOffset(0);
        registers.setPhase(Phase.OPEN_CHUNK);
    }

    /// @dev Counts a record, decodes it, checks who signed it, and hands it to its own step.
    function _admit(Witness memory w, bytes calldata data) private pure {
        Registers registers = w.registers;
        registers.setRecordCount(registers.recordCount() + 1);
        registers.setRecordAccumulator(keccak256(abi.encodePacked(registers.recordAccumulator(), keccak256(data))));
        (uint8 outcome, Record memory record) = decode(data);
        if (outcome == Outcome.ACCEPTED && registers.windDownMs() != 0 && !RecordKinds.windsDown(record.kind)) {
            outcome = Outcome.WINDING_DOWN;
        }
        if (outcome == Outcome.ACCEPTED) outcome = _authenticate(w, record);
        if (outcome != Outcome.ACCEPTED) return finish(registers, outcome);
        _setArgs(registers, record);
    }

    function _authenticate(Witness memory w, Record memory record) private pure returns (uint8) {
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

    function _checkTrader(Witness memory w, Record memory record, address signer) private pure returns (uint8) {
        bool delegable = RecordKinds.delegable(record.kind);
        uint256 number = record.values[0];
        uint256 slot = delegable ? record.values[1] : 0;
        uint256 nonce = delegable ? record.values[2] : record.values[1];

        // READ
        Account account = openAccount(w, number);
        Agent agent = slot == 0 ? NO_AGENT : openAgent(w, number << 4 | slot);

        // CHECK
        uint8 rejection = checkKey(w.registers, account, agent, _scopeOf(record.kind), signer);
        if (rejection == Outcome.ACCEPTED) rejection = checkNonce(account, nonce);
        if (rejection != Outcome.ACCEPTED || RecordKinds.sparesNonce(record.kind)) return rejection;

        // APPLY and WRITE
        useNonce(account, nonce);
        return Outcome.ACCEPTED;
    }

    /// @dev What an agent must be allowed to do to sign a kind of record.
    function _scopeOf(uint8 kind) private pure returns (uint256) {
        if (kind == RecordKinds.BULK) return Constants.SCOPE_PLACE | Constants.SCOPE_CANCEL;
        bool places = kind == RecordKinds.ORDER || kind == RecordKinds.CONDITIONAL || kind == RecordKinds.BLOCK_TRADE;
        return places ? Constants.SCOPE_PLACE : Constants.SCOPE_CANCEL;
    }

    /// @dev Puts an authentic record into the registers for the step of its kind.
    /// SAFETY of every cast: `decode` has checked the value against its field's limit.
    function _setArgs(Registers registers, Record memory record) private pure {
        uint256[] memory values = record.values;
        uint8 kind = record.kind;
        if (kind == RecordKinds.CLOCK) {
            registers.setArgTime(uint64(values[0]));
            registers.setPhase(Phase.SET_CLOCK);
        } else if (kind == RecordKinds.CONSUME) {
            registers.setArgId(uint64(values[0]));
            registers.setPhase(Phase.CONSUME_MESSAGE);
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

    function _setOrder(Registers registers, uint256[] memory values) private pure {
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

    function _setConditions(Registers registers, uint256[] memory values) private pure {
        registers.setArgTrigger(uint32(values[10]));
        registers.setArgPair(uint64(values[11]));
        registers.setArgPairSlot(uint64(values[12]));
    }

    /// @dev The step of a kind of record that names a market and leaves the rest to its step.
    function _ofMarket(uint8 kind) private pure returns (uint8) {
        if (kind == RecordKinds.LIST_MARKET) return Phase.LIST_MARKET;
        return kind == RecordKinds.CHANGE_MARKET ? Phase.CHANGE_MARKET : Phase.APPLY_CHANGE;
    }

    /// @dev The step of a kind of record about a position its account cannot carry.
    function _ofCase(uint8 kind) private pure returns (uint8) {
        if (kind == RecordKinds.LIQUIDATE) return Phase.LIQUIDATE;
        return kind == RecordKinds.TAKE_OVER ? Phase.TAKE_OVER : Phase.NOMINATE_ADL;
    }
}
