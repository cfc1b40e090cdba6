"""Admitting a decoded record, from a chunk or from L1: who must have signed it, and which step runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from tallystick.machine.arith import read_address
from tallystick.machine.machine import Machine
from tallystick.machine.nonces import check_nonce, use_nonce
from tallystick.records.codec import Record
from tallystick.records.signing import digest, recover
from tallystick.schema.records import Authority
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import (
    ACCOUNT_OWNER,
    AGENT_EXPIRY_MS,
    AGENT_KEY,
    AGENT_SCOPE,
    CONFIG_GOVERNANCE,
    CONFIG_SIGNERS,
    SCOPE_CANCEL,
    SCOPE_PLACE,
    Registers,
)

NOBODY: Final = bytes(20)
RecordSetter = Callable[[Registers, Record], None]


def admit(machine: Machine, record: Record) -> i64:
    """Check who signed a record, use its nonce up unless its own step does, and make it the record in progress.

    Twin: contracts/src/libraries/Admission.sol. Rejects: as `check_record`.
    """
    rejection = check_record(machine, record, signer_of(machine, record))
    if rejection == Outcome.ACCEPTED:
        begin(machine, record)
    return rejection


def signer_of(machine: Machine, record: Record) -> bytes | None:
    """Return who signed a record, None when nobody did, or nobody can have."""
    if record.kind.authority is Authority.NOBODY:
        return None
    return recover(digest(record, machine.state.registers.domain), record.signature)


def check_record(machine: Machine, record: Record, signer: bytes | None) -> i64:
    """Say whether a record that `signer` has signed is admitted now; opens cells, and writes nothing.

    Rejects: WINDING_DOWN, BAD_SIGNATURE (it must be signed, and `signer` is None), then those of `check_key`, of which a
    price signer or governance meets NOT_AUTHORISED alone.
    """
    authority = record.kind.authority
    if machine.state.registers.wind_down_ms and not record.kind.winds_down:
        return Outcome.WINDING_DOWN
    if authority is Authority.NOBODY:
        return Outcome.ACCEPTED
    if signer is None:
        return Outcome.BAD_SIGNATURE
    if authority is Authority.PRICE_SIGNER:
        return _check_config_key(machine, signer, CONFIG_SIGNERS + 5 * record.value("signer"))
    if authority is Authority.GOVERNANCE:
        return _check_config_key(machine, signer, CONFIG_GOVERNANCE)
    slot = record.value("agent") if authority is Authority.OWNER_OR_AGENT else 0
    return check_key(machine, record.value("account"), slot, record.value("nonce"), scope_of(record.kind.name), signer)


def begin(machine: Machine, record: Record) -> None:
    """Use a record's nonce up unless its own step does, and make it the record in progress; `check_record` admits it."""
    registers = machine.state.registers
    if record.kind.authority in (Authority.OWNER, Authority.OWNER_OR_AGENT) and not record.kind.spares_nonce:
        spend_nonce(machine, record.value("account"), record.value("nonce"))
    setter, phase = _BY_KIND[record.kind.name]
    setter(registers, record)
    registers.phase = phase


def _check_config_key(machine: Machine, signer: bytes, field: i64) -> i64:
    config = machine.state.config
    key = read_address(config.words, config.open(0) + field)
    return Outcome.ACCEPTED if key == signer else Outcome.NOT_AUTHORISED


def check_key(machine: Machine, number: i64, slot: i64, nonce: i64, scope: i64, signer: bytes) -> i64:
    """Say whether a key may act for an account, as its owner or as the agent in a slot, under a nonce that is left.

    Opens the account's cell and the agent's. Rejects: NO_ACCOUNT, NOT_AUTHORISED, AGENT_EXPIRED, AGENT_SCOPE,
    NONCE_RANGE, NONCE_USED.
    """
    state = machine.state

    # READ
    account = state.accounts.open(number)
    agent = state.agents.open(number << 4 | slot) if slot else -1

    # CHECK
    owner = read_address(state.accounts.words, account + ACCOUNT_OWNER)
    if owner == NOBODY:
        return Outcome.NO_ACCOUNT
    if slot:
        rejection = _check_agent(machine, scope, signer, agent)
    else:
        rejection = Outcome.ACCEPTED if signer == owner else Outcome.NOT_AUTHORISED
    return rejection if rejection != Outcome.ACCEPTED else check_nonce(state.accounts.words, account, nonce)


def spend_nonce(machine: Machine, number: i64, nonce: i64) -> None:
    """Use a nonce up that `check_key` found unused."""
    accounts = machine.state.accounts
    use_nonce(accounts.words, accounts.open(number), nonce)
    accounts.mark(number)


def _check_agent(machine: Machine, needed: i64, signer: bytes, agent: i64) -> i64:
    words = machine.state.agents.words
    if read_address(words, agent + AGENT_KEY) != signer:
        return Outcome.NOT_AUTHORISED
    expiry = words[agent + AGENT_EXPIRY_MS]
    if expiry != 0 and expiry <= machine.state.registers.clock_ms:
        return Outcome.AGENT_EXPIRED
    return Outcome.ACCEPTED if words[agent + AGENT_SCOPE] & needed == needed else Outcome.AGENT_SCOPE


def scope_of(kind: str) -> i64:
    """Return what an agent must be allowed to do to sign a kind of record."""
    if kind == "bulk":
        return SCOPE_PLACE | SCOPE_CANCEL
    return SCOPE_PLACE if kind in ("order", "conditional", "block_trade") else SCOPE_CANCEL


def _set_clock(registers: Registers, record: Record) -> None:
    registers.arg_time = record.values[0]


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
