// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {admit} from "@tallystick/libraries/Admission.sol";
import {Record, decode} from "@tallystick/libraries/Codec.sol";
import {sequence} from "@tallystick/libraries/Liveness.sol";
import {goOn, readMessage} from "@tallystick/libraries/Machine.sol";
import {appendWithdrawal, owe} from "@tallystick/libraries/Outbox.sol";
import {settleClaim} from "@tallystick/libraries/Winding.sol";
import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {RecordKinds} from "@tallystick/libraries/generated/RecordKinds.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";
import {isNobodys} from "@tallystick/libraries/market/Funds.sol";
import {hasExpired} from "@tallystick/libraries/market/Instrument.sol";
import {health, withdrawable} from "@tallystick/libraries/market/Risk.sol";
import {NO_SLOT, findPosition} from "@tallystick/libraries/market/Trade.sol";
import {openAccount, openMarket, openRisk} from "@tallystick/libraries/proof/State.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/proof/Witness.sol";

/// @title CONSUME_MESSAGE: take the batch's next L1 message, before its first record
/// @dev The order of a forced close, or the record that came as a message, follows it at once. Rejects: those of the
/// messages, which only set the outcome: the queue never stops. Twin:
/// shared/tallystick/machine/steps/consume_message.py.
contract ConsumeMessage is Step {
    struct Message {
        uint256 kind;
        address sender;
        uint256 number;
        uint256 amount;
        uint256 timeSeconds;
    }

    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;

        // READ
        bytes calldata data = readMessage(w, inbox, registers.messageCursor());
        Message memory message = _parse(data);

        // CHECK, APPLY and WRITE by kind
        registers.setMessageCursor(registers.messageCursor() + 1);
        uint8 outcome;
        if (message.number > Constants.MAX_ACCOUNT) {
            outcome = Outcome.NO_ACCOUNT;
        } else if (message.kind == Constants.MESSAGE_DEPOSIT) {
            outcome = _deposit(w, message);
        } else if (message.kind == Constants.MESSAGE_FORCE_WITHDRAW) {
            outcome = _forceWithdraw(w, message);
        } else if (message.kind == Constants.MESSAGE_FORCE_CANCEL_ALL) {
            outcome = _forceCancelAll(w, message);
        } else if (message.kind == Constants.MESSAGE_FORCE_CLOSE) {
            outcome = _forceClose(w, message);
        } else if (message.kind == Constants.MESSAGE_RECORD) {
            outcome = _record(w, data);
        } else {
            outcome = Outcome.UNKNOWN_MESSAGE;
        }
        registers.setOutcome(outcome);
        if (registers.phase() == Phase.CONSUME_MESSAGE) return goOn(registers);
        // SAFETY: the Inbox writes L1's seconds, which stay far below 2^54.
        registers.setForcedMs(uint64(message.timeSeconds * 1000));
    }

    function _parse(bytes calldata data) private pure returns (Message memory message) {
        // INVARIANT: the Inbox queues nothing shorter.
        require(data.length >= Constants.MESSAGE_BYTES, WitnessLib.InputLength(data.length, Constants.MESSAGE_BYTES));
        message.kind = uint8(data[0]);
        message.sender = address(bytes20(data[1:21]));
        message.number = uint64(bytes8(data[21:29]));
        message.amount = uint64(bytes8(data[29:37]));
        message.timeSeconds = uint64(bytes8(data[37:45]));
    }

    /// @dev Admits a record that came through L1 as one that is sequenced, but that it is in no chain of records. A
    /// record that is the operator's own, as the clock's is, is no message.
    function _record(Witness memory w, bytes calldata data) private pure returns (uint8 outcome) {
        Record memory record;
        (outcome, record) = decode(data[Constants.MESSAGE_BYTES:]);
        if (outcome != Outcome.ACCEPTED) return outcome;
        if (RecordKinds.operatorsOwn(record.kind)) return Outcome.UNKNOWN_MESSAGE;
        outcome = admit(w, record);
        if (outcome != Outcome.ACCEPTED) return outcome;
        w.registers.setRecordSource(1);
        w.registers.setArgRecordAt(uint16(Constants.MESSAGE_BYTES));
        // SAFETY: the input's length has 16 bits.
        w.registers.setArgRecordEnd(uint16(data.length));
    }

    /// @dev Credits an account, which belongs to its first depositor, but for those that are nobody's. The Vault
    /// bounds what is ever deposited. In a wind-down it is owed to its sender at once.
    function _deposit(Witness memory w, Message memory message) private pure returns (uint8) {
        Registers registers = w.registers;
        int256 amount = int256(message.amount);
        registers.setDepositedUnits(SafeCast.toInt64(registers.depositedUnits() + amount));
        if (registers.windDownMs() != 0) {
            owe(w, message.number, message.sender, message.amount);
            return Outcome.WINDING_DOWN;
        }
        Account account = openAccount(w, message.number);
        if (account.owner() == address(0) && !isNobodys(message.number)) account.setOwner(message.sender);
        account.setCashUnits(SafeCast.toInt64(account.cashUnits() + amount));
        registers.setCashUnits(SafeCast.toInt64(registers.cashUnits() + amount));
        return Outcome.ACCEPTED;
    }

    /// @dev Withdraws what is asked for, or as much of it as may leave the account; in a wind-down, counts
    /// or pays its claim.
    function _forceWithdraw(Witness memory w, Message memory message) private pure returns (uint8) {
        // READ
        Account account = openAccount(w, message.number);
        Risk risk = openRisk(w);

        // CHECK
        bool owned = message.sender != address(0) && account.owner() == message.sender;
        if (!owned) return Outcome.NOT_AUTHORISED;
        if (w.registers.windDownMs() != 0) return settleClaim(w, message.number, account, risk);
        uint256 freeUnits = withdrawable(w.registers, health(w.registers, account, risk, Constants.LEAN_WORST));
        uint256 paidUnits = message.amount <= freeUnits ? message.amount : freeUnits;
        if (paidUnits == 0) return Outcome.NOT_WITHDRAWABLE;

        // APPLY and WRITE
        appendWithdrawal(w, message.number, account, message.sender, paidUnits);
        return Outcome.ACCEPTED;
    }

    /// @dev Cancels every order the account has resting; each leaves the book when it is touched.
    function _forceCancelAll(Witness memory w, Message memory message) private pure returns (uint8) {
        Account account = openAccount(w, message.number);
        if (account.owner() != message.sender) return Outcome.NOT_AUTHORISED;
        account.setDeadBefore(sequence(w.registers));
        return Outcome.ACCEPTED;
    }

    /// @dev Begins an order that only makes a position smaller, and is cancelled where the book does
    /// not cross it. Its steps come before the next message. The amount is market << 56 | price
    /// bound << 32 | lots, 0 lots for all, a bound of 0 for none.
    function _forceClose(Witness memory w, Message memory message) private pure returns (uint8) {
        Registers registers = w.registers;
        uint256 number = message.amount >> 56;
        uint256 priceTicks = message.amount >> 32 & Constants.MAX_PRICE_TICKS;
        uint256 askedLots = message.amount & Constants.MAX_ACCOUNT;

        // READ
        Account account = openAccount(w, message.number);

        // CHECK
        if (account.owner() != message.sender) return Outcome.NOT_AUTHORISED;
        if (registers.windDownMs() != 0) return Outcome.WINDING_DOWN;
        if (number >= Constants.MAX_MARKETS) return Outcome.NO_MARKET;
        Market market = openMarket(w, number);
        if (market.status() != Constants.MARKET_LIVE) return Outcome.NO_MARKET;
        if (hasExpired(market, registers.clockMs())) return Outcome.MARKET_EXPIRED;
        uint256 slot = findPosition(account, number);
        int256 sizeLots = slot == NO_SLOT ? int256(0) : account.positionSizeLots(slot);
        if (sizeLots == 0) return Outcome.NO_POSITION;

        // APPLY and WRITE: registers only.
        // SAFETY of every cast: parts of a number of 64 bits, and a size, which has 63.
        uint64 lots = uint64(uint256(sizeLots > 0 ? sizeLots : -sizeLots));
        registers.setArgAccount(uint32(message.number));
        registers.setArgMarket(uint8(number));
        registers.setArgSide(uint8(sizeLots > 0 ? 1 - Constants.BUY : Constants.BUY));
        registers.setArgFlags(uint16(Constants.FLAG_IOC | Constants.FLAG_REDUCE_ONLY));
        if (priceTicks == 0) priceTicks = sizeLots > 0 ? 1 : Constants.MAX_PRICE_TICKS;
        registers.setArgPriceTicks(uint32(priceTicks));
        registers.setArgLots(askedLots > 0 && askedLots < lots ? uint64(askedLots) : lots);
        registers.setArgCloses(1);
        registers.setWork(uint32(Constants.WORK));
        registers.setPhase(Phase.PLACE_ORDER);
        return Outcome.ACCEPTED;
    }
}
