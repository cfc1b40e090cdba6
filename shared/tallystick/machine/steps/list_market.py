"""LIST_MARKET: list a new market, which takes orders three weeks later."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine, record_values
from tallystick.machine.market.rules import listing_stands, write_listing
from tallystick.state.cells import market_status
from tallystick.state.codes import Outcome
from tallystick.state.layout import LIST_DELAY_MS


def step(machine: Machine) -> None:
    """List the market in progress, for good: its kind, multiplier and expiry never change.

    Until it is live whoever does not trust it may leave. Rejects: MARKET_EXISTS, BAD_PARAMETERS. Twin:
    contracts/src/referee/steps/ListMarket.sol.
    """
    state = machine.state
    number = state.registers.arg_market

    # READ
    values = record_values(machine)
    market = state.markets.open(number)
    risk = state.risk.open(0)
    live_ms: i64 = state.registers.clock_ms + LIST_DELAY_MS

    # CHECK
    if market_status(state.markets.words, market) != 0:
        machine.finish(Outcome.MARKET_EXISTS)
        return
    if not listing_stands(values, live_ms):
        machine.finish(Outcome.BAD_PARAMETERS)
        return

    # APPLY: nothing but what is written.

    # WRITE
    write_listing(state, number, market, risk, values, live_ms)
    machine.finish(Outcome.ACCEPTED)
