"""LIST_MARKET: list a new market, or the next series of a settled one; it takes orders three weeks later."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine, record_values
from tallystick.machine.market.book import nothing_rests
from tallystick.machine.market.rules import begin_series, listing_stands, next_series, write_listing
from tallystick.state.cells import Market, market_net_lots, market_open_interest_lots, market_status
from tallystick.state.codes import Outcome
from tallystick.state.fields import ListMarketFields
from tallystick.state.layout import LIST_DELAY_MS, MARKET_SETTLED, SERIES_SHIFT
from tallystick.state.ordinals import UnixMs
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """List the market in progress, for good: its kind, multiplier and expiry never change.

    Until it is live whoever does not trust it may leave. Of a settled market everything is gone first: its positions,
    its orders, and here what its cells have kept. A record names the series it begins, so that it is not played again.
    Rejects: MARKET_EXISTS (it is not settled, or has a position or an order left), BAD_PARAMETERS (another series than
    the next, or rules that do not stand). Twin: contracts/src/referee/steps/ListMarket.sol.
    """
    state = machine.state
    number = state.registers.arg_market

    # READ
    values = record_values(machine)
    market = state.markets.open(number)
    risk = state.risk.open(0)
    state.prices.open(number)
    state.pendings.open(number)
    is_free = nothing_rests(state, number) and _is_over(state, market)
    series: i64 = values[ListMarketFields.MARKET] >> SERIES_SHIFT
    live_ms = UnixMs(state.registers.clock_ms + LIST_DELAY_MS)

    # CHECK
    if not is_free:
        machine.finish(Outcome.MARKET_EXISTS)
        return
    if series != next_series(state, market) or not listing_stands(values, live_ms):
        machine.finish(Outcome.BAD_PARAMETERS)
        return

    # APPLY and WRITE
    begin_series(state, number, market, risk, series)
    write_listing(state, number, market, risk, values, live_ms)
    machine.emit("listed", number, series)
    machine.finish(Outcome.ACCEPTED)


def _is_over(state: State, market: Market) -> bool:
    """Whether a market was never listed, or has settled and nobody holds any of it."""
    words = state.markets.words
    status = market_status(words, market)
    if status not in (0, MARKET_SETTLED):
        return False
    return market_open_interest_lots(words, market) == 0 and market_net_lots(words, market) == 0
