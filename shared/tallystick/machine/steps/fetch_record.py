"""FETCH_RECORD: take the next record of the chunk, decode and authenticate it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from tallystick.machine.arith import read_address
from tallystick.machine.authority import NO_AGENT, check_key
from tallystick.machine.machine import Machine
from tallystick.machine.nonces import check_nonce, use_nonce
from tallystick.records.chunks import accumulate
from tallystick.records.codec import Record, decode
from tallystick.records.signing import digest, recover
from tallystick.schema.records import Authority
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import (
    CONFIG_GOVERNANCE,
    CONFIG_SIGNERS,
    FRAME_HEADER_BYTES,
    SCOPE_CANCEL,
    SCOPE_PLACE,
    Registers,
)

RecordSetter = Callable[[Registers, Record], None]


def step(machine: Machine) -> None:
    """Fetch the next record, or leave the chunk behind its last one.

    Rejects: FRAME_BROKEN (the rest of the chunk is skipped), then those of `admit`. Twin:
    contracts/src/referee/steps/FetchRecord.sol.
    """
    registers = machine.state.registers

    # READ
    if registers.chunk_offset == registers.chunk_length:
        registers.chunk_cursor += 1
        registers.chunk_hash = bytes(32)
        registers.chunk_length = 0
        registers.chunk_offset = 0
        registers.phase = Phase.OPEN_CHUNK
        return
    chunk = machine.inputs.chunk(registers.batch_cursor, registers.chunk_cursor)
    machine.step_input = chunk

    # CHECK
    start = registers.chunk_offset + FRAME_HEADER_BYTES
    length = int.from_bytes(chunk[registers.chunk_offset : start], "big") if start <= registers.chunk_length else 0
    if length == 0 or start + length > registers.chunk_length:
        registers.outcome = Outcome.FRAME_BROKEN
        registers.chunk_offset = registers.chunk_length
        return

    # APPLY and WRITE
    registers.chunk_offset = start + length
    admit(machine, chunk[start : start + length])
    if registers.phase != Phase.FETCH_RECORD:
        registers.arg_record_at = start
        registers.arg_record_end = start + length


def admit(machine: Machine, data: bytes) -> None:
    """Count a record, decode it, check who signed it, and hand it to its own step.

    Rejects: UNKNOWN_RECORD, MALFORMED, OUT_OF_RANGE, WINDING_DOWN, BAD_SIGNATURE, NO_ACCOUNT, NOT_AUTHORISED, AGENT_EXPIRED,
    AGENT_SCOPE, NONCE_RANGE, NONCE_USED.
    """
    registers = machine.state.registers
    registers.record_count += 1
    registers.record_accumulator = accumulate(registers.record_accumulator, data)
    record = decode(data)
    if not isinstance(record, Record):
        machine.finish(record)
        return
    if registers.wind_down_ms and not record.kind.winds_down:
        machine.finish(Outcome.WINDING_DOWN)
        return
    rejection = _authenticate(machine, record)
    if rejection != Outcome.ACCEPTED:
        machine.finish(rejection)
        return
    setter, phase = _BY_KIND[record.kind.name]
    setter(registers, record)
    registers.phase = phase


def _authenticate(machine: Machine, record: Record) -> i64:
    authority = record.kind.authority
    if authority is Authority.NOBODY:
        return Outcome.ACCEPTED
    signer = recover(digest(record, machine.state.registers.domain), record.signature)
    if signer is None:
        return Outcome.BAD_SIGNATURE
    if authority is Authority.PRICE_SIGNER:
        return _check_config_key(machine, signer, CONFIG_SIGNERS + 5 * record.value("signer"))
    if authority is Authority.GOVERNANCE:
        return _check_config_key(machine, signer, CONFIG_GOVERNANCE)
    return _check_trader(machine, record, signer)


def _check_config_key(machine: Machine, signer: bytes, field: i64) -> i64:
    config = machine.state.config
    key = read_address(config.words, config.open(0) + field)
    return Outcome.ACCEPTED if key == signer else Outcome.NOT_AUTHORISED


def _check_trader(machine: Machine, record: Record, signer: bytes) -> i64:
    state = machine.state
    number = record.value("account")
    slot = record.value("agent") if record.kind.authority is Authority.OWNER_OR_AGENT else 0

    # READ
    account = state.accounts.open(number)
    agent = state.agents.open(number << 4 | slot) if slot else NO_AGENT

    # CHECK
    rejection = check_key(state, account, agent, scope_of(record.kind.name), signer)
    if rejection == Outcome.ACCEPTED:
        rejection = check_nonce(state.accounts.words, account, record.value("nonce"))
    if rejection != Outcome.ACCEPTED or record.kind.spares_nonce:
        return rejection

    # APPLY and WRITE
    use_nonce(state.accounts.words, account, record.value("nonce"))
    state.accounts.mark(number)
    return Outcome.ACCEPTED


def scope_of(kind: str) -> i64:
    """Return what an agent must be allowed to do to sign a kind of record."""
    if kind == "bulk":
        return SCOPE_PLACE | SCOPE_CANCEL
    return SCOPE_PLACE if kind in ("order", "conditional", "block_trade") else SCOPE_CANCEL


def _set_clock(registers: Registers, record: Record) -> None:
    registers.arg_time = record.values[0]


def _set_consume(registers: Registers, record: Record) -> None:
    registers.arg_id = record.values[0]


def _set_order(registers: Registers, record: Record) -> None:
    values = record.values
    registers.arg_account = values[0]
    registers.arg_market = values[3]
    registers.arg_side = values[4]
    registers.arg_flags = values[5]
    registers.arg_price = values[6]
    registers.arg_lots = values[7]
    registers.arg_id = values[8]
    registers.arg_time = values[9]


def _set_conditional(registers: Registers, record: Record) -> None:
    values = record.values
    _set_order(registers, record)
    registers.arg_trigger = values[10]
    registers.arg_pair = values[11]
    registers.arg_pair_slot = values[12]


def _set_cancel(registers: Registers, record: Record) -> None:
    values = record.values
    registers.arg_account = values[0]
    registers.arg_id = values[3]
    registers.arg_slot = values[4]


def _set_withdraw(registers: Registers, record: Record) -> None:
    values = record.values
    registers.arg_account = values[0]
    registers.arg_amount = values[2]
    registers.arg_address = values[3].to_bytes(20, "big")


def _set_approve_agent(registers: Registers, record: Record) -> None:
    values = record.values
    registers.arg_account = values[0]
    registers.arg_slot = values[2]
    registers.arg_address = values[3].to_bytes(20, "big")
    registers.arg_flags = values[4]
    registers.arg_time = values[5]


def _set_report_price(registers: Registers, record: Record) -> None:
    values = record.values
    registers.arg_market = values[0]
    registers.arg_slot = values[1]
    registers.arg_id = values[2]
    registers.arg_price = values[3]
    registers.arg_time = values[4]


def _set_market(registers: Registers, record: Record) -> None:
    registers.arg_market = record.values[0]


def _set_position(registers: Registers, record: Record) -> None:
    registers.arg_account = record.values[0]
    registers.arg_market = record.values[1]


def _set_transfer(registers: Registers, record: Record) -> None:
    values = record.values
    registers.arg_account = values[0]
    registers.arg_slot = values[2]
    registers.arg_amount = values[3]


def _set_bulk(registers: Registers, record: Record) -> None:
    registers.arg_account = record.values[0]


def _set_cancel_all(registers: Registers, record: Record) -> None:
    registers.arg_account = record.values[0]


def _set_dead_man(registers: Registers, record: Record) -> None:
    registers.arg_account = record.values[0]
    registers.arg_time = record.values[3]


def _set_clean(registers: Registers, record: Record) -> None:
    registers.arg_slot = record.values[0]


def _set_case(registers: Registers, record: Record) -> None:
    values = record.values
    registers.arg_account = values[0]
    registers.arg_market = values[1]


def _set_nominate_adl(registers: Registers, record: Record) -> None:
    _set_case(registers, record)
    registers.arg_id = record.values[2]


def _set_block_trade(registers: Registers, record: Record) -> None:
    registers.arg_account = record.values[0]
    registers.arg_market = record.values[4]


def _set_account(registers: Registers, record: Record) -> None:
    registers.arg_account = record.values[0]


_BY_KIND: Final[dict[str, tuple[RecordSetter, int]]] = {
    "clock": (_set_clock, Phase.SET_CLOCK),
    "consume": (_set_consume, Phase.CONSUME_MESSAGE),
    "order": (_set_order, Phase.PLACE_ORDER),
    "cancel": (_set_cancel, Phase.CANCEL_ORDER),
    "withdraw": (_set_withdraw, Phase.WITHDRAW),
    "approve_agent": (_set_approve_agent, Phase.APPROVE_AGENT),
    "report_price": (_set_report_price, Phase.REPORT_PRICE),
    "list_market": (_set_market, Phase.LIST_MARKET),
    "change_market": (_set_market, Phase.CHANGE_MARKET),
    "apply_change": (_set_market, Phase.APPLY_CHANGE),
    "settle_position": (_set_position, Phase.SETTLE_POSITION),
    "transfer": (_set_transfer, Phase.TRANSFER),
    "bulk": (_set_bulk, Phase.NEXT_ITEM),
    "cancel_all": (_set_cancel_all, Phase.CANCEL_ALL),
    "dead_man": (_set_dead_man, Phase.SET_DEAD_MAN),
    "clean": (_set_clean, Phase.CLEAN_ORDER),
    "liquidate": (_set_case, Phase.LIQUIDATE),
    "take_over": (_set_case, Phase.TAKE_OVER),
    "nominate_adl": (_set_nominate_adl, Phase.NOMINATE_ADL),
    "deleverage": (_set_account, Phase.DELEVERAGE),
    "conditional": (_set_conditional, Phase.PLACE_ORDER),
    "settle_account": (_set_account, Phase.SETTLE_ACCOUNT),
    "block_trade": (_set_block_trade, Phase.BLOCK_TRADE),
}
