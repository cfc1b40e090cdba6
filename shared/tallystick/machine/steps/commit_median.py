"""COMMIT_MEDIAN: make the median of the signers' fresh reports the market's index."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.liveness import sequence
from tallystick.machine.machine import Machine
from tallystick.machine.market.brake import move_brakes
from tallystick.machine.market.instrument import carry_index, final_mark, index_of_margins, settle_at, settles_by
from tallystick.machine.market.stages import is_fresh
from tallystick.machine.orders.sampling import begin_sample, is_sample_due, set_mark
from tallystick.state.cells import (
    Market,
    Oracle,
    Price,
    Risk,
    config_quorum,
    oracle_prices_ticks,
    oracle_times_ms,
    price_index_ms,
    price_index_ticks,
    price_settle_sum_ticks_ms,
    risk_market_index_ticks,
    set_price_index_ms,
    set_price_index_ticks,
    set_price_resumed_ms,
    set_risk_market_index_ms,
    set_risk_market_index_ticks,
    set_risk_market_resumed_sequence,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import LONG_SILENCE_MS, MAX_SIGNERS, REPORT_AGE_MS, STALE_MS
from tallystick.state.ordinals import SignerNumber, UnixMs
from tallystick.state.quantities import Ticks
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Set the index to the lower median of the fresh reports, which the mark follows; fewer than a quorum move nothing.

    Its time is that of the quorum-th newest, which no single signer can make later. Reports that are signed further apart
    than REPORT_AGE_MS never meet in a median. The first index at or after a dated future's expiry settles it, at the mean
    of those that stood in its settlement window. Any other may be a jump, which brakes. What margins, collar and book are measured
    with is the new one from here on; a sample of the book follows when it is due. Twin:
    contracts/src/referee/steps/CommitMedian.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    oracle = state.oracles.open(registers.arg_market)
    config = state.config.open(0)
    price = state.prices.open(registers.arg_market)
    market = state.markets.open(registers.arg_market)
    risk = state.risk.open(0)

    # CHECK
    quorum = config_quorum(state.config.words, config)
    times, prices = _fresh(state, oracle)
    if len(times) < quorum:
        machine.finish(Outcome.ACCEPTED)
        return

    # APPLY
    newest = UnixMs(nth(times, len(times) - quorum))
    prices = _meeting(times, prices, newest)
    index_ticks = nth(prices, len(prices) - 1 >> 1)
    time_ms = _set_index(state, market, price, risk, index_ticks, newest)
    if settles_by(state.markets.words, market, time_ms):
        _settle(machine, market, price, risk)
        machine.finish(Outcome.ACCEPTED)
        return
    _follow(state, market, price, risk)

    # WRITE
    state.prices.mark(registers.arg_market)
    state.markets.mark(registers.arg_market)
    state.risk.mark(0)
    machine.emit("index", registers.arg_market, index_ticks)
    _go_on(state, market, price)


def _fresh(state: State, oracle: Oracle) -> tuple[list[int], list[int]]:
    """Return times and prices of the reports that are fresh; a signer whose clock runs ahead is passed over alone."""
    words = state.oracles.words
    times: list[int] = []
    prices: list[int] = []
    number: i64
    for number in range(MAX_SIGNERS):
        signer = SignerNumber(number)
        time_ms = oracle_times_ms(words, oracle, signer)
        if time_ms != 0 and is_fresh(state.registers, time_ms):
            times.append(int(time_ms))
            prices.append(int(oracle_prices_ticks(words, oracle, signer)))
    return times, prices


def _meeting(times: list[int], prices: list[int], newest: i64) -> list[int]:
    """Return the prices whose reports are at most REPORT_AGE_MS older than the quorum-th newest."""
    return [price for time, price in zip(times, prices, strict=True) if time + REPORT_AGE_MS >= newest]


def nth(numbers: list[int], place: i64) -> i64:
    """Return the number at a place, counted from 0, when they are in rising order."""
    return sorted(numbers)[place]


def _set_index(state: State, market: Market, price: Price, risk: Risk, index_ticks: i64, newest: UnixMs) -> UnixMs:
    """Write the index and its time, which is returned.

    The time is that of its reports, but not beyond the clock nor before the last index, which is counted until then
    where it stood in a settlement window. Behind a halt, what rests has outlived it.
    """
    registers = state.registers
    words = state.prices.words
    last = price_index_ms(words, price)
    time_ms = newest if newest < registers.clock_ms else registers.clock_ms
    time_ms = max(time_ms, last)
    elapsed: i64 = time_ms - last if last else 0
    if last != 0 and registers.clock_ms - last > STALE_MS:
        set_risk_market_resumed_sequence(state.risk.words, risk, registers.arg_market, sequence(registers))
    if elapsed > LONG_SILENCE_MS:
        set_price_resumed_ms(words, price, time_ms)
    carry_index(state.markets.words, market, words, price, Ticks(index_ticks), time_ms)
    set_price_index_ticks(words, price, Ticks(index_ticks))
    set_price_index_ms(words, price, time_ms)
    registers.last_index_ms = max(registers.last_index_ms, time_ms)
    return time_ms


def _settle(machine: Machine, market: Market, price: Price, risk: Risk) -> None:
    """End a dated future at the mean that has been counted."""
    state = machine.state
    number = state.registers.arg_market
    final_ticks = final_mark(price_settle_sum_ticks_ms(state.prices.words, price))
    settle_at(machine, market, risk, number, final_ticks)
    state.prices.mark(number)


def _follow(state: State, market: Market, price: Price, risk: Risk) -> None:
    """Let the brakes see what margins will be measured with, and have been until now; it stands in Risk from here on."""
    marks, words, number = state.risk.words, state.prices.words, state.registers.arg_market
    counted, index_ticks, time = (
        price_settle_sum_ticks_ms(words, price),
        price_index_ticks(words, price),
        price_index_ms(words, price),
    )
    index_ticks = index_of_margins(state.markets.words, market, counted, index_ticks, time)
    move_brakes(state, market, risk, number, risk_market_index_ticks(marks, risk, number), index_ticks)
    set_risk_market_index_ticks(marks, risk, number, index_ticks)
    set_risk_market_index_ms(marks, risk, number, time)
    set_mark(state, market, risk, price, number)


def _go_on(state: State, market: Market, price: Price) -> None:
    """Sample the book when it is time, else go on to the mark."""
    registers = state.registers
    number = registers.arg_market
    registers.clear_args()
    registers.arg_market = number
    if is_sample_due(state, price):
        begin_sample(state, market, price)
    else:
        registers.phase = Phase.UPDATE_MARK
