"""What owed records wait for: the prices they were given under, signed anew or at least not yet too old."""

from __future__ import annotations

from tallystick.errors import StateError
from tallystick.machine.market.stages import index_stopped
from tallystick.records.codec import Record, decode
from tallystick.state.cells import market_status, price_index_ms
from tallystick.state.layout import MARKET_LIVE, REPORT_AGE_MS
from tallystick.state.ordinals import MarketId, UnixMs
from tallystick.state.state import State
from tallystick_operator.sequencer.branch import Branch


def decoded(data: bytes) -> Record:
    """Return a record that has been taken before.

    Raises: StateError when it is none: then it never was.
    """
    record = decode(data)
    if not isinstance(record, Record):
        raise StateError("a record that was acknowledged cannot be read", outcome=record.name)
    return record


def reports_to_renew(branch: Branch, now_ms: UnixMs) -> list[tuple[bytes, Record]]:
    """Return the newest reports that are young enough to count, and newer than the index of one of their markets, which is open."""
    state = branch.executor.state
    prices = state.prices
    found: dict[bytes, Record] = {}
    for (market, _), data in branch.newest_reports.items():
        record = decoded(data)
        base = prices.find(market)
        index_ms = price_index_ms(prices.words, base) if base is not None else 0
        if _is_live(state, market) and record.value("time_ms") > max(index_ms, now_ms - REPORT_AGE_MS):
            found[data] = record
    return list(found.items())


def prices_are_back(state: State) -> bool:
    """Whether orders may take in every live market that has had a price."""
    risk = state.risk.known(0)
    for number, price in state.prices.every():
        had = price_index_ms(state.prices.words, price) != 0
        if had and _is_live(state, number) and index_stopped(state, risk, number):
            return False
    return True


def _is_live(state: State, number: MarketId) -> bool:
    base = state.markets.find(number)
    return base is not None and market_status(state.markets.words, base) == MARKET_LIVE
