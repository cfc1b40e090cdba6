"""What a market's prices allow: only cancels, then all but liquidations, then all; triggers; fills."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import div_down
from tallystick.machine.market.instrument import fair_price
from tallystick.state.cells import (
    Market,
    Price,
    Risk,
    market_live_ms,
    market_min_order_units,
    price_index_ms,
    price_resumed_ms,
    risk_market_index_ms,
    risk_market_index_ticks,
    risk_market_maintenance_ppm,
    risk_market_mark_ticks,
    risk_market_multiplier_units,
    risk_market_resumed_sequence,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    BUY,
    DEAD_MARKET_MS,
    FLAG_TRIGGER_ABOVE,
    FORCED_AGE_MS,
    LIQUIDATION_WAIT_MS,
    PPM,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
    STALE_MS,
    Registers,
)
from tallystick.state.ordinals import MarketId, UnixMs
from tallystick.state.quantities import Lots
from tallystick.state.state import State


def now_ms(registers: Registers) -> UnixMs:
    """Return the time by which reports and the index are fresh: for what came through L1, when it was queued there."""
    return registers.forced_ms or registers.clock_ms


def report_age(registers: Registers) -> i64:
    """Return how old a price report may be: more of one that came through L1, where a block may miss it."""
    return FORCED_AGE_MS if registers.forced_ms else REPORT_AGE_MS


def is_fresh(registers: Registers, time_ms: UnixMs) -> bool:
    """Whether a price of this time counts now."""
    now = now_ms(registers)
    return time_ms + report_age(registers) >= now and time_ms <= now + REPORT_AHEAD_MS


def is_small(state: State, market: Market, risk: Risk, number: MarketId, lots: Lots) -> bool:
    """Whether so many lots are worth less at the index than an order of the market `number` has to be."""
    marks = state.risk.words
    worth_units = (
        lots * risk_market_index_ticks(marks, risk, number) * risk_market_multiplier_units(marks, risk, number)
    )
    return worth_units < market_min_order_units(state.markets.words, market)


def is_outdated(state: State, risk: Risk, number: MarketId, placed: i64, side: i64, price_ticks: i64) -> bool:
    """Whether an order was placed before a halt, at a price that its owner would not give any more.

    While prices had stopped it could not be renewed: a bid above both mark and index, or an offer below both, is nobody's
    to take. Shape: `placed` is the order's sequence.
    """
    marks = state.risk.words
    if placed >= risk_market_resumed_sequence(marks, risk, number):
        return False
    mark_ticks = risk_market_mark_ticks(marks, risk, number)
    index_ticks = risk_market_index_ticks(marks, risk, number)
    if side == BUY:
        return price_ticks > mark_ticks and price_ticks > index_ticks
    return price_ticks < mark_ticks and price_ticks < index_ticks


def check_liquidation_stage(state: State, price: Price, owes: bool) -> i64:
    """Whether a position may be closed against its owner's will now.

    Shape: `price` is a word offset. Rejects: STALE_INDEX, LIQUIDATIONS_WAIT (prices have come back lately, so that
    margin can still be added; not for an account that owes more than it has).
    """
    registers = state.registers
    if not _serves(state, price):
        return Outcome.STALE_INDEX
    waits = not owes and _resumed_within(state, price, now_ms(registers), LIQUIDATION_WAIT_MS)
    return Outcome.LIQUIDATIONS_WAIT if waits else Outcome.ACCEPTED


def _serves(state: State, price: Price) -> bool:
    """Whether positions may be closed at a market's index: it is not stale, or of the time when the record was queued.

    So what was queued on L1 finds the index it was queued for, however late, and never a later one that is stale.
    """
    registers = state.registers
    if not is_stale(state, price):
        return True
    index, forced = price_index_ms(state.prices.words, price), registers.forced_ms
    return forced != 0 and forced - STALE_MS <= index <= forced + REPORT_AHEAD_MS


def index_stopped(state: State, risk: Risk, market: MarketId) -> bool:
    """Whether a market's index is stale: no order is taken, no trigger fires, and its positions carry less."""
    return state.registers.clock_ms - risk_market_index_ms(state.risk.words, risk, market) > STALE_MS


def is_market_dead(state: State, market: Market, price: Price) -> bool:
    """Whether a market has had no index for days while others had: its signers are gone, an outage of all is none.

    Shape: `market` and `price` are word offsets.
    """
    has_index = price_index_ms(state.prices.words, price) != 0
    return has_index and state.registers.last_index_ms - served_ms(state, market, price) > DEAD_MARKET_MS


def served_ms(state: State, market: Market, price: Price) -> i64:
    """Return when a market was last known to be served: at its newest index, but no earlier than it is live.

    Reports of the series before a new one may make its first index; its own signers have until then to begin.
    """
    index, live = price_index_ms(state.prices.words, price), market_live_ms(state.markets.words, market)
    return index if index > live else live


def beyond_collar(state: State, market: Market, risk: Risk, number: MarketId, side: i64, price_ticks: i64) -> bool:
    """Whether a fill at a price would cost who is on this side of it more than half the maintenance fraction.

    The book is faster than the index: without the collar a winner leaves at prices that the index has yet to follow, and
    a wash hands a gain on at any. Rounding: its width down, but at least a tick.
    """
    marks = state.risk.words
    middle_ticks = fair_price(state.markets.words, market, marks, risk, number)
    parts = risk_market_index_ticks(marks, risk, number) * risk_market_maintenance_ppm(marks, risk, number)
    width_ticks = div_down(parts, 2 * PPM)
    width_ticks = width_ticks if width_ticks > 1 else 1
    return price_ticks > middle_ticks + width_ticks if side == BUY else price_ticks < middle_ticks - width_ticks


def is_due(trigger_ticks: i64, flags: i64, mark_ticks: i64) -> bool:
    """Whether a trigger fires at a mark."""
    return mark_ticks >= trigger_ticks if flags & FLAG_TRIGGER_ABOVE else mark_ticks <= trigger_ticks


def is_stale(state: State, price: Price) -> bool:
    """Whether a market's newest index is too old to sample by, or to close positions at."""
    return state.registers.clock_ms - price_index_ms(state.prices.words, price) > STALE_MS


def _resumed_within(state: State, price: Price, now: i64, wait: i64) -> bool:
    resumed = price_resumed_ms(state.prices.words, price)
    return resumed != 0 and now - resumed < wait
