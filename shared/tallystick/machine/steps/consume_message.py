"""CONSUME_MESSAGE: take the batch's next L1 message, before its first record."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tallystick.machine.admission import admit
from tallystick.machine.liveness import sequence
from tallystick.machine.machine import Machine
from tallystick.machine.market.funds import is_nobodys
from tallystick.machine.market.instrument import has_expired
from tallystick.machine.market.risk import health, withdrawable
from tallystick.machine.market.trade import NO_SLOT, find_position
from tallystick.machine.outbox import append_withdrawal, owe
from tallystick.machine.winding import settle_claim
from tallystick.records.codec import Record, decode
from tallystick.state.cells import (
    account_cash_units,
    account_dead_before,
    account_owner,
    account_position_size_lots,
    market_status,
    set_account_cash_units,
    set_account_dead_before,
    set_account_owner,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_REDUCE_ONLY,
    LEAN_WORST,
    MARKET_LIVE,
    MAX_ACCOUNT,
    MAX_MARKETS,
    MAX_PRICE_TICKS,
    MESSAGE_BYTES,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
    MESSAGE_RECORD,
    WORK,
)
from tallystick.state.ordinals import AccountId, MarketId, UnixMs, UnixSeconds
from tallystick.state.quantities import Lots, Ticks, Units

NOBODY = bytes(20)


@mypyc_attr(acyclic=True)
class Message:
    """An L1 message of any kind. Units: `amount` in units, but for a forced close; `time_seconds` in L1's seconds."""

    def __init__(self, kind: int, sender: bytes, number: int, amount: int, time_seconds: UnixSeconds) -> None:
        self.kind = kind
        self.sender = sender
        self.number = number
        self.amount = amount
        self.time_seconds = time_seconds


def step(machine: Machine) -> None:
    """Consume the next message; the order of a forced close, or the record that came as a message, follows it at once.

    Rejects: those of the messages, which only set the outcome: the queue never stops. Twin:
    contracts/src/referee/steps/ConsumeMessage.sol.
    """
    registers = machine.state.registers

    # READ
    data = machine.read_message(registers.message_cursor)
    message = _parse(data)

    # CHECK, APPLY and WRITE by kind
    registers.message_cursor += 1
    if message.number > MAX_ACCOUNT:
        outcome = Outcome.NO_ACCOUNT
    elif message.kind == MESSAGE_DEPOSIT:
        outcome = _deposit(machine, message)
    elif message.kind == MESSAGE_FORCE_WITHDRAW:
        outcome = _force_withdraw(machine, message)
    elif message.kind == MESSAGE_FORCE_CANCEL_ALL:
        outcome = _force_cancel_all(machine, message)
    elif message.kind == MESSAGE_FORCE_CLOSE:
        outcome = _force_close(machine, message)
    elif message.kind == MESSAGE_RECORD:
        outcome = _record(machine, data)
    else:
        outcome = Outcome.UNKNOWN_MESSAGE
    machine.emit("message", registers.message_cursor - 1, outcome)
    registers.outcome = outcome
    if registers.phase == Phase.CONSUME_MESSAGE:
        machine.go_on()
    else:
        registers.forced_ms = UnixMs(message.time_seconds * 1000)


def _parse(data: bytes) -> Message:
    number = int.from_bytes(data[21:29], "big")
    amount = int.from_bytes(data[29:37], "big")
    time = UnixSeconds(int.from_bytes(data[37:45], "big"))
    return Message(data[0], data[1:21], number, amount, time)


def _record(machine: Machine, data: bytes) -> i64:
    """Admit a record that came through L1 as one that is sequenced, but that it is in no chain of records.

    A record that is the operator's own, as the clock's is, is no message.
    """
    registers = machine.state.registers
    record = decode(data[MESSAGE_BYTES:])
    if not isinstance(record, Record):
        return record
    if record.kind.operators_own:
        return Outcome.UNKNOWN_MESSAGE
    rejection = admit(machine, record)
    if rejection != Outcome.ACCEPTED:
        return rejection
    registers.record_source = 1
    registers.arg_record_at = MESSAGE_BYTES
    registers.arg_record_end = len(data)
    return Outcome.ACCEPTED


def _deposit(machine: Machine, message: Message) -> i64:
    """Credit an account, which belongs to its first depositor, but for those that are nobody's.

    The Vault bounds what is ever deposited. In a wind-down it is owed to its sender at once.
    """
    state = machine.state
    number = AccountId(message.number)
    state.registers.deposited_units = Units(state.registers.deposited_units + message.amount)
    if state.registers.wind_down_ms:
        owe(machine, number, message.sender, Units(message.amount))
        return Outcome.WINDING_DOWN
    account = state.accounts.open(number)
    words = state.accounts.words
    if account_owner(words, account) == NOBODY and not is_nobodys(number):
        set_account_owner(words, account, message.sender)
    set_account_cash_units(words, account, Units(account_cash_units(words, account) + message.amount))
    state.registers.cash_units = Units(state.registers.cash_units + message.amount)
    state.accounts.mark(number)
    machine.emit("deposit", number, message.amount)
    return Outcome.ACCEPTED


def _force_withdraw(machine: Machine, message: Message) -> i64:
    """Withdraw what is asked for, or as much of it as may leave the account; in a wind-down, count or pay its claim."""
    state = machine.state
    number = AccountId(message.number)

    # READ
    account = state.accounts.open(number)
    risk = state.risk.open(0)

    # CHECK
    if message.sender == NOBODY or account_owner(state.accounts.words, account) != message.sender:
        return Outcome.NOT_AUTHORISED
    if state.registers.wind_down_ms:
        return settle_claim(machine, number, account, risk)
    free_units: int = withdrawable(state, health(state, account, risk, LEAN_WORST))
    paid_units = message.amount if message.amount <= free_units else free_units
    if paid_units == 0:
        return Outcome.NOT_WITHDRAWABLE

    # APPLY and WRITE
    append_withdrawal(machine, number, account, message.sender, Units(paid_units))
    return Outcome.ACCEPTED


def _force_cancel_all(machine: Machine, message: Message) -> i64:
    """Cancel every order the account has resting; each leaves the book when it is touched."""
    state = machine.state
    number = AccountId(message.number)
    account = state.accounts.open(number)
    if account_owner(state.accounts.words, account) != message.sender:
        return Outcome.NOT_AUTHORISED
    set_account_dead_before(state.accounts.words, account, sequence(state.registers))
    state.accounts.mark(number)
    machine.emit("cancelled_all", number, account_dead_before(state.accounts.words, account))
    return Outcome.ACCEPTED


def _force_close(machine: Machine, message: Message) -> i64:
    """Begin an order that only makes a position smaller, and is cancelled where the book does not cross it.

    Its steps come before the next message. Shape: `amount` is market << 56 | price bound << 32 | lots, 0 lots for all, a
    bound of 0 for none.
    """
    state = machine.state
    number = AccountId(message.number)
    registers = state.registers
    market_number = MarketId(message.amount >> 56)
    price_ticks: i64 = message.amount >> 32 & MAX_PRICE_TICKS
    asked_lots: i64 = message.amount & MAX_ACCOUNT

    # READ
    account = state.accounts.open(number)
    words = state.accounts.words

    # CHECK
    if account_owner(words, account) != message.sender:
        return Outcome.NOT_AUTHORISED
    if registers.wind_down_ms:
        return Outcome.WINDING_DOWN
    if market_number >= MAX_MARKETS:
        return Outcome.NO_MARKET
    market = state.markets.open(market_number)
    if market_status(state.markets.words, market) != MARKET_LIVE:
        return Outcome.NO_MARKET
    if has_expired(state.markets.words, market, registers.clock_ms):
        return Outcome.MARKET_EXPIRED
    slot = find_position(words, account, market_number)
    size_lots: i64 = account_position_size_lots(words, account, slot) if slot != NO_SLOT else 0
    if size_lots == 0:
        return Outcome.NO_POSITION

    # APPLY and WRITE: registers only.
    lots = size_lots if size_lots > 0 else -size_lots
    worst_ticks: i64 = 1 if size_lots > 0 else MAX_PRICE_TICKS
    registers.arg_account = number
    registers.arg_market = market_number
    registers.arg_side = 1 - BUY if size_lots > 0 else BUY
    registers.arg_flags = FLAG_IOC | FLAG_REDUCE_ONLY
    registers.arg_price_ticks = Ticks(price_ticks or worst_ticks)
    registers.arg_lots = Lots(asked_lots if 0 < asked_lots < lots else lots)
    registers.arg_closes = 1
    registers.work = WORK
    registers.phase = Phase.PLACE_ORDER
    return Outcome.ACCEPTED
