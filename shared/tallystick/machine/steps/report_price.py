"""REPORT_PRICE: take the next pair of a report as its signer's newest price of a market."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine, are_whole, end_items, recall_record
from tallystick.machine.market.stages import is_fresh, report_age
from tallystick.records.codec import Record, decode
from tallystick.state.cells import (
    Market,
    Oracle,
    Price,
    market_status,
    oracle_times_ms,
    price_index_ms,
    set_oracle_prices_ticks,
    set_oracle_times_ms,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.fields import ReportPricesFields
from tallystick.state.layout import MARKET_LIVE, MAX_MARKETS, REPORT_PAIR_BYTES, REPORT_STEP_MS, WORK, Registers
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs
from tallystick.state.quantities import Ticks
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Keep the price of the pair whose turn it is beside those of the other signers, which make the index together.

    Each pair has its own outcome and its own work; one that fails does not stop the others. Rejects: MALFORMED (no pairs,
    or a part of one), NO_MARKET, OUT_OF_RANGE (zero price), STALE_REPORT, OLD_REPORT. Twin:
    contracts/src/referee/steps/ReportPrice.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    recall_record(registers)
    record = decode(machine.record_in_progress())
    # FETCH_RECORD has found it sound.
    assert isinstance(record, Record)
    pairs = record.blobs[0]
    if not are_whole(len(pairs), REPORT_PAIR_BYTES):
        end_items(registers)
        machine.finish(Outcome.MALFORMED)
        return
    _next_pair(registers, pairs)
    machine.emit("pair", registers.arg_market)
    if registers.arg_market >= MAX_MARKETS:
        machine.finish(Outcome.NO_MARKET)
        return
    signer = SignerNumber(record.values[ReportPricesFields.SIGNER])
    time_ms = UnixMs(record.values[ReportPricesFields.TIME_MS])
    market = state.markets.open(registers.arg_market)
    oracle = state.oracles.open(registers.arg_market)
    price = state.prices.open(registers.arg_market)

    # CHECK
    outcome = _check(state, market, oracle, price, signer, time_ms)
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    set_oracle_prices_ticks(state.oracles.words, oracle, signer, registers.arg_price_ticks)
    set_oracle_times_ms(state.oracles.words, oracle, signer, time_ms)

    # WRITE
    state.oracles.mark(registers.arg_market)
    registers.phase = Phase.COMMIT_MEDIAN


def _next_pair(registers: Registers, pairs: bytes) -> None:
    """Make the pair whose turn it is the one in progress; with the last one the record has no more."""
    end: i64 = registers.bulk_item + REPORT_PAIR_BYTES
    registers.arg_market = MarketId(pairs[end - 4])
    registers.arg_price_ticks = Ticks(int.from_bytes(pairs[end - 3 : end], "big"))
    registers.work = WORK
    registers.bulk_item = end
    if end == len(pairs):
        end_items(registers)


def _check(state: State, market: Market, oracle: Oracle, price: Price, signer: SignerNumber, time_ms: UnixMs) -> i64:
    registers = state.registers
    if market_status(state.markets.words, market) != MARKET_LIVE:
        return Outcome.NO_MARKET
    if registers.arg_price_ticks == 0:
        return Outcome.OUT_OF_RANGE
    if not is_fresh(registers, time_ms):
        return Outcome.STALE_REPORT
    last = oracle_times_ms(state.oracles.words, oracle, signer)
    if last != 0 and time_ms < last + REPORT_STEP_MS:
        return Outcome.OLD_REPORT
    if time_ms + report_age(registers) < price_index_ms(state.prices.words, price):
        return Outcome.OLD_REPORT
    return Outcome.ACCEPTED
