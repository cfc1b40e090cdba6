"""COMMIT_MEDIAN: make the median of a round's reports the market's index."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.machine.market.instrument import final_mark, settles_by
from tallystick.machine.market.stages import now_ms
from tallystick.state.cells import (
    Oracle,
    Price,
    config_quorum,
    oracle_prices,
    oracle_seen,
    price_index_ms,
    set_market_status,
    set_price_index_ms,
    set_price_index_ticks,
    set_price_resumed_ms,
    set_risk_market_index_ms,
    set_risk_market_mark_ticks,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import BASIS_MS, DEVIATION_PPM, MARKET_SETTLED, MAX_SIGNERS, PPM, STALE_MS
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Set the index to the lower median of the round's reports that are near their median, and go on to the mark.

    Every further report of the round sets it again, so that which of them came first does not matter. The first one at
    or after a dated future's expiry settles it: it becomes the final mark. Rejects: DEVIATING (fewer than a quorum are
    near). Twin: contracts/src/referee/steps/CommitMedian.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    oracle = state.oracles.open(registers.arg_market)
    config = state.config.open(0)
    price = state.prices.open(registers.arg_market)
    market = state.markets.open(registers.arg_market)

    # CHECK
    prices = _reported(state, oracle)
    near = near_median(prices)
    if len(near) < config_quorum(state.config.words, config):
        machine.finish(Outcome.DEVIATING)
        return

    # APPLY
    index = lower_median(near)
    time = _set_index(state, price, index)
    if settles_by(state.markets.words, market, time):
        risk = state.risk.open(0)
        set_market_status(state.markets.words, market, MARKET_SETTLED)
        set_risk_market_mark_ticks(state.risk.words, risk, registers.arg_market, final_mark(index))
        set_risk_market_index_ms(state.risk.words, risk, registers.arg_market, 0)
        state.prices.mark(registers.arg_market)
        state.markets.mark(registers.arg_market)
        state.risk.mark(0)
        machine.emit("settled", registers.arg_market, index)
        machine.finish(Outcome.ACCEPTED)
        return

    # WRITE
    state.prices.mark(registers.arg_market)
    machine.emit("index", registers.arg_market, index)
    registers.phase = Phase.UPDATE_MARK


def _reported(state: State, oracle: Oracle) -> list[int]:
    words = state.oracles.words
    seen = oracle_seen(words, oracle)
    return [oracle_prices(words, oracle, signer) for signer in range(MAX_SIGNERS) if seen >> signer & 1]


def lower_median(prices: list[int]) -> i64:
    """Return the smallest price that at least half of the prices do not exceed."""
    return sorted(prices)[len(prices) - 1 >> 1]


def near_median(prices: list[int]) -> list[int]:
    """Return the prices that are at most DEVIATION_PPM of the median away from it."""
    middle = lower_median(prices)
    most = middle * DEVIATION_PPM
    return [price for price in prices if -most <= (price - middle) * PPM <= most]


def _set_index(state: State, price: Price, index: i64) -> i64:
    """Write the index and its time, which is returned; hand on how long ago the last one was, at most BASIS_MS.

    The time is the clock, or, for reports that came through L1, when the last of them was queued there.
    """
    registers = state.registers
    words = state.prices.words
    last = price_index_ms(words, price)
    now = now_ms(registers)
    time = now if now < registers.clock_ms else registers.clock_ms
    time = max(time, last)
    elapsed: i64 = time - last if last else 0
    if elapsed > STALE_MS:
        set_price_resumed_ms(words, price, time)
    set_price_index_ticks(words, price, index)
    set_price_index_ms(words, price, time)
    registers.last_index_ms = max(registers.last_index_ms, time)
    registers.arg_amount = elapsed if elapsed < BASIS_MS else BASIS_MS
    return time
