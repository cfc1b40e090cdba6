// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Step} from "../Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {clearArgs, closeBatch, finish} from "@tallystick/libraries/Machine.sol";
import {appendWithdrawal, owe} from "@tallystick/libraries/Outbox.sol";
import {health, withdrawable} from "@tallystick/libraries/Risk.sol";
import {openAccount, openMarket, openRisk} from "@tallystick/libraries/State.sol";
import {NO_SLOT, findPosition} from "@tallystick/libraries/Trade.sol";
import {settleClaim} from "@tallystick/libraries/Winding.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/Witness.sol";
import {Account, Market, Risk} from "@tallystick/libraries/generated/Cells.sol";
import {Constants, Outcome, Phase} from "@tallystick/libraries/generated/Names.sol";
import {Registers} from "@tallystick/libraries/generated/Registers.sol";

/// @title CONSUME_MESSAGE: take one L1 message, or end the run of messages
/// @dev A consume record comes here first with its target in `argId`, and the order of a forced close
/// comes back when it has ended. Rejects: MESSAGE_LIMIT, and those of the messages, which only set
/// the outcome: the queue never stops. Twin:
/// shared/tallystick/machine/steps/consume_message.py.
contract ConsumeMessage is Step {
    struct Message {
        uint256 kind;
        address sender;
        uint256 number;
        uint256 amount;
    }

    function _step(Witness memory w, IInbox inbox) internal view override {
        Registers registers = w.registers;

        // READ
        if (registers.messageTarget() == 0) return _begin(registers);
        registers.setResume(0);
        if (registers.messageCursor() == registers.messageTarget()) return _end(registers);
        Message memory message = _readMessage(w, inbox);

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
        } else {
            outcome = Outcome.UNKNOWN_MESSAGE;
        }
        registers.setOutcome(outcome);
        if (registers.phase() != Phase.CONSUME_MESSAGE) return;
        if (registers.messageCursor() == registers.messageTarget()) _end(registers);
    }

    function _readMessage(Witness memory w, IInbox inbox) private view returns (Message memory message) {
        bytes calldata data = w.input();
        require(data.length == Constants.MESSAGE_BYTES, WitnessLib.InputLength(data.length, Constants.MESSAGE_BYTES));
        uint64 cursor = w.registers.messageCursor();
        bytes32 actual = keccak256(abi.encodePacked(inbox.messageAccumulator(cursor), keccak256(data)));
        bytes32 expected = inbox.messageAccumulator(cursor + 1);
        // INVARIANT: this is the message at the cursor.
        require(actual == expected, WitnessLib.InputMismatch(actual, expected));
        message.kind = uint8(data[0]);
        message.sender = address(bytes20(data[1:21]));
        message.number = uint64(bytes8(data[21:29]));
        message.amount = uint64(bytes8(data[29:37]));
    }

    /// @dev Checks a consume record and sets its target.
    function _begin(Registers registers) private pure {
        uint64 target = registers.argId();
        if (target <= registers.messageCursor() || target > registers.batchMessageLimit()) {
            return finish(registers, Outcome.MESSAGE_LIMIT);
        }
        registers.setMessageTarget(target);
        registers.setConsuming(1);
        clearArgs(registers);
    }

    /// @dev Goes back to the records, or closes the batch behind its last chunk.
    function _end(Registers registers) private pure {
        registers.setMessageTarget(0);
        if (registers.consuming() == 0) return closeBatch(registers);
        registers.setConsuming(0);
        registers.setPhase(Phase.FETCH_RECORD);
    }

    /// @dev Credits an account, which belongs to its first depositor. The Vault bounds what is ever
    /// deposited. In a wind-down it is owed to its sender at once.
    function _deposit(Witness memory w, Message memory message) private pure returns (uint8) {
        Registers registers = w.registers;
        int256 amount = int256(message.amount);
        registers.setDepositedUnits(SafeCast.toInt64(registers.depositedUnits() + amount));
        if (registers.windDownMs() != 0) {
            owe(w, message.number, message.sender, message.amount);
            return Outcome.WINDING_DOWN;
        }
        Account account = openAccount(w, message.number);
        if (account.owner() == address(0)) account.setOwner(message.sender);
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
        if (account.owner() != message.sender) return Outcome.NOT_AUTHORISED;
        if (w.registers.windDownMs() != 0) return settleClaim(w, message.number, account, risk);
        uint256 free = withdrawable(w.registers, health(account, risk));
        uint256 paid = message.amount <= free ? message.amount : free;
        if (paid == 0) return Outcome.NOT_WITHDRAWABLE;

        // APPLY and WRITE
        appendWithdrawal(w, message.number, account, message.sender, paid);
        return Outcome.ACCEPTED;
    }

    /// @dev Cancels every order the account has resting; each leaves the book when it is touched.
    function _forceCancelAll(Witness memory w, Message memory message) private pure returns (uint8) {
        Account account = openAccount(w, message.number);
        if (account.owner() != message.sender) return Outcome.NOT_AUTHORISED;
        account.setDeadBefore(w.registers.recordCount() + 1);
        return Outcome.ACCEPTED;
    }

    /// @dev Begins an order that only makes a position smaller, and is cancelled where the book does
    /// not cross it. Its steps come before the next message. The amount is market << 56 | price
    /// bound << 32 | lots, 0 lots for all.
    function _forceClose(Witness memory w, Message memory message) private pure returns (uint8) {
        Registers registers = w.registers;
        uint256 number = message.amount >> 56;
        uint256 price = message.amount >> 32 & Constants.MAX_PRICE_TICKS;
        uint256 asked = message.amount & Constants.MAX_ACCOUNT;

        // READ
        Account account = openAccount(w, message.number);

        // CHECK
        if (account.owner() != message.sender) return Outcome.NOT_AUTHORISED;
        if (registers.windDownMs() != 0) return Outcome.WINDING_DOWN;
        if (number >= Constants.MAX_MARKETS) return Outcome.NO_MARKET;
        Market market = openMarket(w, number);
        if (market.status() != Constants.MARKET_LIVE) return Outcome.NO_MARKET;
        uint64 expiry = market.expiryMs();
        if (expiry != 0 && expiry <= registers.clockMs()) return Outcome.MARKET_EXPIRED;
        uint256 slot = findPosition(account, number);
        int256 size = slot == NO_SLOT ? int256(0) : account.positionSizeLots(slot);
        if (size == 0) return Outcome.NO_POSITION;

        // APPLY and WRITE: registers only.
        // SAFETY of every cast: parts of a number of 64 bits, and a size, which has 63.
        uint64 lots = uint64(uint256(size > 0 ? size : -size));
        registers.setArgAccount(uint32(message.number));
        registers.setArgMarket(uint8(number));
        registers.setArgSide(uint8(size > 0 ? 1 - Constants.BUY : Constants.BUY));
        registers.setArgFlags(uint16(Constants.FLAG_IOC));
        registers.setArgPrice(uint32(price));
        registers.setArgLots(asked > 0 && asked < lots ? uint64(asked) : lots);
        registers.setResume(Phase.CONSUME_MESSAGE);
        registers.setPhase(Phase.MATCH_MAKER);
        return Outcome.ACCEPTED;
    }
}
