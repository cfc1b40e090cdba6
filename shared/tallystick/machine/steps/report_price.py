"""REPORT_PRICE: take one signer's price into a market's round."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.bits import ones, shift_left
from tallystick.machine.machine import Machine
from tallystick.machine.market.stages import now_ms
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import (
    CONFIG_QUORUM,
    MARKET_LIVE,
    MARKET_STATUS,
    MAX_SIGNERS,
    ORACLE_PRICES,
    ORACLE_ROUND,
    ORACLE_SEEN,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
)
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
    if registers.arg_id > words[oracle + ORACLE_ROUND]:
        words[oracle + ORACLE_ROUND] = registers.arg_id
        words[oracle + ORACLE_SEEN] = 0
        signer: i64
        for signer in range(MAX_SIGNERS):
            words[oracle + ORACLE_PRICES + signer] = 0
    words[oracle + ORACLE_SEEN] |= shift_left(1, registers.arg_slot)
    words[oracle + ORACLE_PRICES + registers.arg_slot] = registers.arg_price_ticks

    # WRITE
    state.oracles.mark(registers.arg_market)
    if ones(words[oracle + ORACLE_SEEN]) >= state.config.words[config + CONFIG_QUORUM]:
        registers.phase = Phase.COMMIT_MEDIAN
    else:
        machine.finish(Outcome.ACCEPTED)


def _check(state: State, market: i64, oracle: i64) -> i64:
    registers = state.registers
    words = state.oracles.words
    time = registers.arg_time_ms
    now = now_ms(registers)
    newest = words[oracle + ORACLE_ROUND]
    if state.markets.words[market + MARKET_STATUS] != MARKET_LIVE:
        return Outcome.NO_MARKET
    if registers.arg_price_ticks == 0 or registers.arg_id > time:
        return Outcome.OUT_OF_RANGE
    if time + REPORT_AGE_MS < now or time > now + REPORT_AHEAD_MS:
        return Outcome.STALE_REPORT
    if registers.arg_id < newest:
        return Outcome.OLD_ROUND
    if registers.arg_id == newest and words[oracle + ORACLE_SEEN] >> registers.arg_slot & 1:
        return Outcome.DUPLICATE_REPORT
    return Outcome.ACCEPTED
