"""BLOCK_TRADE: one fill between two accounts that have both signed it; it meets no book."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tallystick.machine.admission import check_key, spend_nonce
from tallystick.machine.arith import ppm_up
from tallystick.machine.machine import Machine
from tallystick.machine.market.brake import is_held
from tallystick.machine.market.instrument import has_expired
from tallystick.machine.market.stages import beyond_collar, index_stopped
from tallystick.machine.market.trade import (
    Fill,
    Terms,
    apply_fill,
    ask_surcharge,
    fee_of_maker,
    may_leave,
    may_stand,
    move_totals,
    open_lots_after,
    reducible,
    set_terms,
    undo_fill,
)
from tallystick.records.codec import Record, decode
from tallystick.records.signing import recover_acceptance
from tallystick.state.cells import (
    Account,
    Market,
    Risk,
    market_live_ms,
    market_max_lots,
    market_status,
    market_taker_fee_ppm,
    risk_market_mark_ticks,
    risk_market_multiplier_units,
)
from tallystick.state.codes import Outcome
from tallystick.state.fields import BlockTradeFields
from tallystick.state.layout import BLOCK_MAKER_REDUCES, BLOCK_TAKER_REDUCES, BUY, MARKET_LIVE, SELL
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Lots, Ticks, Units


@mypyc_attr(acyclic=True, free_list_len=1)
class Block:
    """A block trade: what its record says, the word offsets of its cells, both fills. `maker` offers, `taker` accepts."""

    def __init__(self, machine: Machine, record: Record) -> None:
        self.machine = machine
        self.record = record
        self.number: MarketId = machine.state.registers.arg_market
        self.side: i64 = record.values[BlockTradeFields.SIDE]
        self.lots = Lots(record.values[BlockTradeFields.LOTS])
        self.price_ticks = Ticks(record.values[BlockTradeFields.PRICE_TICKS])
        self.maker_number: AccountId = AccountId(record.values[BlockTradeFields.ACCOUNT])
        self.taker_number: AccountId = AccountId(record.values[BlockTradeFields.TAKER])
        self.market = Market(0)
        self.risk = Risk(0)
        self.maker = Account(0)
        self.taker = Account(0)
        self.terms = Terms()
        self.maker_fee_units: i64 = 0
        self.taker_fee_units: i64 = 0
        self.maker_fill = Fill()
        self.taker_fill = Fill()


def step(machine: Machine) -> None:
    """Exchange lots for the price both have signed, all of them or none. The nonces of both are used only by that.

    While prices have stopped it takes a record that came through L1, and both sides must only reduce: two who want to
    leave do so whatever a sequencer does, at any price that makes neither less safe. Rejects: SELF_TRADE, NOT_AUTHORISED (the offer is to somebody else),
    BAD_SIGNATURE and what `check_key` says of who accepts, NO_MARKET, MARKET_EXPIRED, NOT_LIVE, NO_MARK, OUT_OF_RANGE (no size,
    no price), TOO_LARGE, EXPIRED, STALE_INDEX, UNFILLED (beyond the collar), NOTHING_TO_REDUCE (a side that must only reduce would not),
    BRAKE (a brake holds what either has), NO_POSITION_SLOT, POSITION_LIMIT, MARGIN, OPEN_INTEREST. Rounding: fees up, the maker's rebate down. Twin:
    contracts/src/referee/steps/BlockTrade.sol.
    """
    state = machine.state

    # READ
    record = decode(machine.record_in_progress())
    assert isinstance(record, Record), "FETCH_RECORD has found it sound"
    block = _read(machine, record)

    # CHECK
    outcome = _authenticate(block)
    if outcome == Outcome.ACCEPTED:
        outcome = _check(block)
    if outcome == Outcome.ACCEPTED:
        outcome = _trade(block)
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY and WRITE
    spend_nonce(machine, block.maker_number, record.value("nonce"))
    spend_nonce(machine, block.taker_number, record.value("taker_nonce"))
    state.markets.mark(block.number)
    machine.fills += 1
    machine.emit(
        "block", block.number, block.price_ticks, block.lots, 1 - block.side, block.taker_number, block.maker_number
    )
    machine.finish(Outcome.ACCEPTED)


def _read(machine: Machine, record: Record) -> Block:
    """Open the cells of a block trade."""
    state = machine.state
    block = Block(machine, record)
    block.market = state.markets.open(block.number)
    block.risk = state.risk.open(0)
    block.maker = state.accounts.open(block.maker_number)
    block.taker = state.accounts.open(block.taker_number)
    if record.values[BlockTradeFields.TAKER_AGENT]:
        state.agents.open(block.taker_number << 4 | record.values[BlockTradeFields.TAKER_AGENT])
    return block


def _authenticate(block: Block) -> i64:
    """Whether who accepts may, as FETCH_RECORD asks it of who offers."""
    record = block.record
    if block.maker_number == block.taker_number:
        return Outcome.SELF_TRADE
    if record.value("counterparty") not in (0, block.taker_number):
        return Outcome.NOT_AUTHORISED
    signer = recover_acceptance(record, block.machine.state.registers.domain)
    if signer is None:
        return Outcome.BAD_SIGNATURE
    slot, nonce = record.value("taker_agent"), record.value("taker_nonce")
    return check_key(block.machine, block.taker_number, slot, nonce, record.kind.scope, signer)


def _check(block: Block) -> i64:
    """What can be said before the fill is tried."""
    state = block.machine.state
    rules = state.markets.words
    clock = state.registers.clock_ms
    if market_status(rules, block.market) != MARKET_LIVE:
        return Outcome.NO_MARKET
    if has_expired(rules, block.market, clock):
        return Outcome.MARKET_EXPIRED
    if market_live_ms(rules, block.market) > clock:
        return Outcome.NOT_LIVE
    if risk_market_mark_ticks(state.risk.words, block.risk, block.number) == 0:
        return Outcome.NO_MARK
    if block.lots == 0 or block.price_ticks == 0:
        return Outcome.OUT_OF_RANGE
    if block.lots > market_max_lots(rules, block.market):
        return Outcome.TOO_LARGE
    expiry: i64 = block.record.value("expiry_ms")
    if 0 < expiry <= clock:
        return Outcome.EXPIRED
    accounts = state.accounts.words
    maker_reduces = reducible(accounts, block.maker, block.number, block.side) >= block.lots
    taker_reduces = reducible(accounts, block.taker, block.number, 1 - block.side) >= block.lots
    if index_stopped(state, block.risk, block.number):
        if state.registers.forced_ms == 0 or not maker_reduces or not taker_reduces:
            return Outcome.STALE_INDEX
    elif _beyond_collar(block):
        return Outcome.UNFILLED
    must: i64 = block.record.value("reduces")
    maker_fails = must & BLOCK_MAKER_REDUCES != 0 and not maker_reduces
    taker_fails = must & BLOCK_TAKER_REDUCES != 0 and not taker_reduces
    if maker_fails or taker_fails:
        return Outcome.NOTHING_TO_REDUCE
    held = is_held(state, block.market, block.risk, block.number, block.maker)
    held = held or is_held(state, block.market, block.risk, block.number, block.taker)
    return Outcome.BRAKE if held else Outcome.ACCEPTED


def _beyond_collar(block: Block) -> bool:
    """Whether the price would cost either side more than a fill may."""
    state = block.machine.state
    return beyond_collar(state, block.market, block.risk, block.number, BUY, block.price_ticks) or beyond_collar(
        state, block.market, block.risk, block.number, SELL, block.price_ticks
    )


def _trade(block: Block) -> i64:
    """Apply both sides and check limits, both margins and open interest; undo both where they may not stand."""
    state = block.machine.state
    _set_terms(block)
    outcome = apply_fill(
        state, block.maker, block.risk, block.terms, block.side, block.maker_fee_units, block.maker_fill
    )
    if outcome != Outcome.ACCEPTED:
        return outcome
    outcome = apply_fill(
        state, block.taker, block.risk, block.terms, 1 - block.side, block.taker_fee_units, block.taker_fill
    )
    if outcome != Outcome.ACCEPTED:
        undo_fill(state, block.maker, block.terms, block.maker_fill)
        return outcome
    lots = open_lots_after(state, block.market, block.taker_fill, block.maker_fill)
    ask_surcharge(state, block.market, block.maker, block.risk, block.terms, lots, block.maker_fill)
    ask_surcharge(state, block.market, block.taker, block.risk, block.terms, lots, block.taker_fill)
    stands = _may(block, block.maker, block.maker_fill) and _may(block, block.taker, block.taker_fill)
    outcome = move_totals(state, block.market, block.taker_fill, block.maker_fill) if stands else Outcome.MARGIN
    if outcome != Outcome.ACCEPTED:
        undo_fill(state, block.taker, block.terms, block.taker_fill)
        undo_fill(state, block.maker, block.terms, block.maker_fill)
        return outcome
    state.registers.fees_units = Units(state.registers.fees_units + block.taker_fee_units + block.maker_fee_units)
    return Outcome.ACCEPTED


def _may(block: Block, account: Account, fill: Fill) -> bool:
    """Whether a side may stand as it is now; while prices have stopped the collar is no bound, and it may be no less safe."""
    state = block.machine.state
    if index_stopped(state, block.risk, block.number):
        return may_leave(state, account, block.risk, block.terms, fill)
    return may_stand(state, account, block.risk, block.terms, fill)


def _set_terms(block: Block) -> None:
    """What both sides exchange, and what each pays for it."""
    state = block.machine.state
    quote_units = Units(
        block.lots * block.price_ticks * risk_market_multiplier_units(state.risk.words, block.risk, block.number)
    )
    block.maker_fee_units = fee_of_maker(state, block.market, quote_units)
    block.taker_fee_units = ppm_up(quote_units, market_taker_fee_ppm(state.markets.words, block.market))
    set_terms(state, block.market, block.terms, block.number, block.lots, quote_units)
