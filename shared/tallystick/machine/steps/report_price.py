"""REPORT_PRICE: take one signer's price into a market's round."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.bits import ones, shift_left
from tallystick.machine.machine import Machine
from tallystick.machine.market.stages import now_ms
from tallystick.state.cells import (
    Market,
    Oracle,
    config_quorum,
    market_status,
    oracle_round,
    oracle_seen,
    set_oracle_prices,
    set_oracle_round,
    set_oracle_seen,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import MARKET_LIVE, MAX_SIGNERS, REPORT_AGE_MS, REPORT_AHEAD_MS
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Accept the report in progress; a newer round discards the older one, a quorum makes a median.

    A round's number is at most its report's time in milliseconds, so that no signer can use the numbers up. Rejects:
    NO_MARKET, OUT_OF_RANGE (zero price, round beyond its time), STALE_REPORT, OLD_ROUND, DUPLICATE_REPORT. Twin:
    contracts/src/referee/steps/ReportPrice.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    market = state.markets.open(registers.arg_market)
    config = state.config.open(0)
    oracle = state.oracles.open(registers.arg_market)
    words = state.oracles.words

    # CHECK
    outcome = _check(state, market, oracle)
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    if registers.arg_id > oracle_round(words, oracle):
        set_oracle_round(words, oracle, registers.arg_id)
        set_oracle_seen(words, oracle, 0)
        signer: i64
        for signer in range(MAX_SIGNERS):
            set_oracle_prices(words, oracle, signer, 0)
    set_oracle_seen(words, oracle, oracle_seen(words, oracle) | shift_left(1, registers.arg_slot))
    set_oracle_prices(words, oracle, registers.arg_slot, registers.arg_price_ticks)

    # WRITE
    state.oracles.mark(registers.arg_market)
    if ones(oracle_seen(words, oracle)) >= config_quorum(state.config.words, config):
        registers.phase = Phase.COMMIT_MEDIAN
    else:
        machine.finish(Outcome.ACCEPTED)


def _check(state: State, market: Market, oracle: Oracle) -> i64:
    registers = state.registers
    words = state.oracles.words
    time = registers.arg_time_ms
    now = now_ms(registers)
    newest = oracle_round(words, oracle)
    if market_status(state.markets.words, market) != MARKET_LIVE:
        return Outcome.NO_MARKET
    if registers.arg_price_ticks == 0 or registers.arg_id > time:
        return Outcome.OUT_OF_RANGE
    if time + REPORT_AGE_MS < now or time > now + REPORT_AHEAD_MS:
        return Outcome.STALE_REPORT
    if registers.arg_id < newest:
        return Outcome.OLD_ROUND
    if registers.arg_id == newest and oracle_seen(words, oracle) >> registers.arg_slot & 1:
        return Outcome.DUPLICATE_REPORT
    return Outcome.ACCEPTED
