"""COMMIT_MEDIAN: make the median of a round's reports the market's mark."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    KIND_DATED,
    MARKET_EXPIRY_MS,
    MARKET_KIND,
    MARKET_SETTLED,
    MARKET_STATUS,
    MAX_SIGNERS,
    ORACLE_PRICES,
    ORACLE_SEEN,
    RISK_RISKMARKET_MARK_TICKS,
    RISK_RISKMARKET_WORDS,
)


def step(machine: Machine) -> None:
    """Set the mark to the round's lower median.

    Every further report of the round moves it again, so that which of them came first does not matter. The first median
    at or after a dated future's expiry settles it: that mark is final. Twin:
    contracts/src/referee/steps/CommitMedian.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    oracle = state.oracles.open(registers.arg_market)
    risk = state.risk.open(0)
    market = state.markets.open(registers.arg_market)

    # CHECK: nothing; the report that led here was checked.

    # APPLY
    seen = state.oracles.words[oracle + ORACLE_SEEN]
    start = oracle + ORACLE_PRICES
    words = state.oracles.words
    prices: list[int] = [words[start + signer] for signer in range(MAX_SIGNERS) if seen >> signer & 1]
    median = lower_median(prices)
    state.risk.words[risk + registers.arg_market * RISK_RISKMARKET_WORDS + RISK_RISKMARKET_MARK_TICKS] = median

    expiry = state.markets.words[market + MARKET_EXPIRY_MS]
    if state.markets.words[market + MARKET_KIND] == KIND_DATED and expiry <= registers.clock_ms:
        state.markets.words[market + MARKET_STATUS] = MARKET_SETTLED
        machine.emit("settled", registers.arg_market, median)

    # WRITE
    state.markets.mark(registers.arg_market)
    state.risk.mark(0)
    machine.emit("mark", registers.arg_market, median)
    machine.finish(Outcome.ACCEPTED)


def lower_median(prices: list[int]) -> i64:
    """Return the smallest price that at least half of the prices do not exceed."""
    return sorted(prices)[(len(prices) - 1) // 2]
