"""Admitting a decoded record, from a chunk or from L1: who must have signed it, and which step runs it."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.machine.nonces import check_nonce, use_nonce
from tallystick.records.codec import Record
from tallystick.records.signing import recover_signer
from tallystick.schema.record_kinds import RECORDS
from tallystick.schema.record_model import Authority
from tallystick.state.arguments import set_args
from tallystick.state.cells import (
    Agent,
    account_owner,
    agent_expiry_ms,
    agent_key,
    agent_scope,
    config_governance,
    config_signers,
    market_series,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.fields import OwnerFields, OwnerOrAgentFields, PriceSignerFields
from tallystick.state.layout import FLAG_STP_BOTH, FLAG_STP_TAKER, MAX_MARKETS, SCOPE_CANCEL, SERIES_SHIFT, WORK
from tallystick.state.ordinals import AccountId, MarketId, SignedMarket, SignerNumber

NOBODY: Final = bytes(20)
MARKET_AT: Final = {kind.number: kind.market_at if kind.names_series else -1 for kind in RECORDS}
"""Where a record of each kind has the market whose series it names, -1 for nowhere."""
SCOPES: Final = {kind.number: int(kind.scope) for kind in RECORDS}
"""What an agent must be allowed to do to sign one of each kind, whatever it says."""
ASKING: Final = {
    kind.number: [(place, int(field.scope)) for place, field in enumerate(kind.fields) if field.scope]
    for kind in RECORDS
}
"""Fields of each kind by which, when they are not 0, it asks for more."""


def admit(machine: Machine, record: Record) -> i64:
    """Check who signed a record, use its nonce up unless its own step does, and make it the record in progress.

    Twin: contracts/src/libraries/Admission.sol. Rejects: as `check_record`, then as `begin`.
    """
    rejection = check_record(machine, record, signer_of(machine, record))
    return rejection if rejection != Outcome.ACCEPTED else begin(machine, record)


def signer_of(machine: Machine, record: Record) -> bytes | None:
    """Return who signed a record, None when nobody did, or nobody can have."""
    if record.kind.authority is Authority.NOBODY:
        return None
    return recover_signer(record, machine.state.registers.domain)


def check_record(machine: Machine, record: Record, signer: bytes | None) -> i64:
    """Say whether a record that `signer` has signed is admitted now; opens cells, and writes nothing.

    Rejects: WINDING_DOWN, BAD_SIGNATURE (it must be signed, and `signer` is None), then those of `check_key`, of which a
    price signer or governance meets NOT_AUTHORISED alone.
    """
    authority = record.kind.authority
    config = machine.state.config
    if machine.state.registers.wind_down_ms and not record.kind.winds_down:
        return Outcome.WINDING_DOWN
    if authority is Authority.NOBODY:
        return Outcome.ACCEPTED
    if signer is None:
        return Outcome.BAD_SIGNATURE
    if authority is Authority.PRICE_SIGNER:
        place = SignerNumber(record.values[PriceSignerFields.SIGNER])
        return _check_config_key(config_signers(config.words, config.open(0), place), signer)
    if authority is Authority.GOVERNANCE:
        return _check_config_key(config_governance(config.words, config.open(0)), signer)
    number, slot, nonce = _key_of(record)
    return check_key(machine, number, slot, nonce, _asks(record), signer)


def begin(machine: Machine, record: Record) -> i64:
    """Use a record's nonce up unless its own step does, and make it the record in progress; `check_record` admits it.

    Its work begins with it. Rejects: NO_MARKET (it is of another series than the one that is listed).
    """
    registers = machine.state.registers
    if record.kind.promised and not record.kind.spares_nonce:
        number, _, nonce = _key_of(record)
        spend_nonce(machine, number, nonce)
    at: i64 = MARKET_AT[record.kind.number]
    if at >= 0 and not is_listed(machine, SignedMarket(record.values[at])):
        return Outcome.NO_MARKET
    registers.work = WORK
    set_args(registers, record.kind.number, record.values)
    if registers.phase == Phase.PLACE_ORDER and not _may_cancel(machine, record):
        registers.arg_flags = registers.arg_flags & ~FLAG_STP_BOTH | FLAG_STP_TAKER
    return Outcome.ACCEPTED


def is_listed(machine: Machine, named: SignedMarket) -> bool:
    """Whether a signed market is of the series that its id is listed as, 0 for one that never was; opens the Market.

    Shape: `named` is market | series << SERIES_SHIFT. Else what was signed for one series would be played in the next.
    """
    markets = machine.state.markets
    market = markets.open(MarketId(named & MAX_MARKETS - 1))
    return market_series(markets.words, market) == named >> SERIES_SHIFT


def _may_cancel(machine: Machine, record: Record) -> bool:
    """Whether whoever signed an order may cancel others; an order of one who may not gives way to the own it meets."""
    agents = machine.state.agents
    number, slot, _ = _key_of(record)
    return slot == 0 or agent_scope(agents.words, agents.open(number << 4 | slot)) & SCOPE_CANCEL != 0


def _key_of(record: Record) -> tuple[AccountId, i64, i64]:
    """Return (account, slot of the agent or 0, nonce) of a record that an account signs."""
    values = record.values
    if record.kind.authority is Authority.OWNER_OR_AGENT:
        account, agent = values[OwnerOrAgentFields.ACCOUNT], values[OwnerOrAgentFields.AGENT]
        return AccountId(account), agent, values[OwnerOrAgentFields.NONCE]
    return AccountId(values[OwnerFields.ACCOUNT]), 0, values[OwnerFields.NONCE]


def _asks(record: Record) -> i64:
    """Return what an agent must be allowed to do to sign a record."""
    asked: i64 = SCOPES[record.kind.number]
    for place, scope in ASKING[record.kind.number]:
        if record.values[place]:
            asked |= scope
    return asked


def _check_config_key(key: bytes, signer: bytes) -> i64:
    return Outcome.ACCEPTED if key == signer else Outcome.NOT_AUTHORISED


def check_key(machine: Machine, number: AccountId, slot: i64, nonce: i64, scope: i64, signer: bytes) -> i64:
    """Say whether a key may act for an account, as its owner or as the agent in a slot, under a nonce that is left.

    Opens the account's cell and the agent's. Rejects: NO_ACCOUNT, NOT_AUTHORISED, AGENT_EXPIRED, AGENT_SCOPE,
    NONCE_RANGE, NONCE_USED.
    """
    state = machine.state

    # READ
    account = state.accounts.open(number)
    agent = state.agents.open(number << 4 | slot) if slot else Agent(-1)

    # CHECK
    owner = account_owner(state.accounts.words, account)
    if owner == NOBODY:
        return Outcome.NO_ACCOUNT
    if slot:
        rejection = _check_agent(machine, scope, signer, agent)
    else:
        rejection = Outcome.ACCEPTED if signer == owner else Outcome.NOT_AUTHORISED
    return rejection if rejection != Outcome.ACCEPTED else check_nonce(state.accounts.words, account, nonce)


def spend_nonce(machine: Machine, number: AccountId, nonce: i64) -> None:
    """Use a nonce up that `check_key` found unused."""
    accounts = machine.state.accounts
    use_nonce(accounts.words, accounts.open(number), nonce)
    accounts.mark(number)


def _check_agent(machine: Machine, needed: i64, signer: bytes, agent: Agent) -> i64:
    words = machine.state.agents.words
    if agent_key(words, agent) != signer:
        return Outcome.NOT_AUTHORISED
    expiry = agent_expiry_ms(words, agent)
    if expiry != 0 and expiry <= machine.state.registers.clock_ms:
        return Outcome.AGENT_EXPIRED
    return Outcome.ACCEPTED if agent_scope(words, agent) & needed == needed else Outcome.AGENT_SCOPE
