"""What a market's instrument is: how long it lasts, whether it pays funding, what it settles at, is worth and weighs.

A perpetual pays funding and does not end, unless it is delisted: then it is a dated future. A dated future pays none, and settles at the mean of the index over the window
before its expiry, once an index has come at or behind that. An index stands until the next one, however long that takes.
Whoever asks what kind a market is asks here. Twin: contracts/src/libraries/market/Instrument.sol.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.arith import clamp, div_down, div_to_zero, mul_div_to_zero
from tallystick.machine.machine import Machine
from tallystick.machine.market.funding import owed
from tallystick.state.cells import (
    Market,
    Price,
    Risk,
    market_expiry_ms,
    market_kind,
    price_index_ms,
    price_index_ticks,
    price_premium_ms,
    price_premium_sum_ppm,
    price_settle_sum_ticks_ms,
    risk_market_funding_index_ppm,
    risk_market_index_ticks,
    risk_market_initial_ppm,
    risk_market_maintenance_ppm,
    risk_market_mark_ticks,
    risk_market_multiplier_units,
    set_market_expiry_ms,
    set_market_kind,
    set_market_settled_ms,
    set_market_status,
    set_price_premium_ms,
    set_price_premium_sum_ppm,
    set_price_settle_sum_ticks_ms,
    set_risk_market_braked,
    set_risk_market_funding_index_ppm,
    set_risk_market_index_ms,
    set_risk_market_index_ticks,
    set_risk_market_mark_ticks,
)
from tallystick.state.layout import (
    FUNDING_HOURS,
    FUNDING_RATE_PPM,
    INTEREST_CLAMP_PPM,
    INTEREST_PPM,
    KIND_DATED,
    LEAN_BEST,
    LEAN_INDEX,
    LEAN_MARKED,
    MARKET_SETTLED,
    MAX_FUNDING_INDEX_PPM,
    SETTLE_WINDOW_MS,
)
from tallystick.state.ordinals import MarketId, UnixMs
from tallystick.state.quantities import Lots, Ppm, TickPpm, Ticks, Units, UnitsPerTick


def term_stands(kind: i64, expiry_ms: UnixMs, clock_ms: UnixMs) -> bool:
    """Whether what is listed now may end then: a dated future at a time that is ahead, a perpetual never."""
    return expiry_ms > clock_ms if kind == KIND_DATED else expiry_ms == 0


def has_expired(rules: vec[i64], market: Market, clock_ms: UnixMs) -> bool:
    """Whether nobody trades it any more, since its time is over."""
    expiry_ms = market_expiry_ms(rules, market)
    return expiry_ms != 0 and expiry_ms <= clock_ms


def pays_funding(rules: vec[i64], market: Market) -> bool:
    """Whether its positions pay each other for the distance between book and index."""
    return market_kind(rules, market) != KIND_DATED


def end_perpetual(rules: vec[i64], market: Market, expiry_ms: UnixMs) -> None:
    """Let it expire as a dated future does, and pay no funding from now on."""
    set_market_kind(rules, market, KIND_DATED)
    set_market_expiry_ms(rules, market, expiry_ms)


def settles_by(rules: vec[i64], market: Market, index_ms: UnixMs) -> bool:
    """Whether an index of this time is its last: all positions end at it."""
    return market_kind(rules, market) == KIND_DATED and market_expiry_ms(rules, market) <= index_ms


def window_ahead_ms(rules: vec[i64], market: Market, time_ms: UnixMs) -> i64:
    """Return how much of its settlement window lies ahead of a time: of a perpetual, and before it begins, all of it."""
    if market_kind(rules, market) != KIND_DATED:
        return SETTLE_WINDOW_MS
    ahead = market_expiry_ms(rules, market) - time_ms
    return 0 if ahead < 0 else ahead if ahead < SETTLE_WINDOW_MS else SETTLE_WINDOW_MS


def carry_index(
    rules: vec[i64], market: Market, prices: vec[i64], price: Price, index_ticks: Ticks, time_ms: UnixMs
) -> None:
    """Count how long the index has stood within its settlement window before this one, which is not written yet.

    Each stands until the next, whatever the gap; the very first one for what was before it, too.
    """
    gone = SETTLE_WINDOW_MS - window_ahead_ms(rules, market, time_ms)
    last = price_index_ms(prices, price)
    if last == 0:
        set_price_settle_sum_ticks_ms(prices, price, index_ticks * gone)
        return
    stood = gone - (SETTLE_WINDOW_MS - window_ahead_ms(rules, market, last))
    set_price_settle_sum_ticks_ms(
        prices, price, price_settle_sum_ticks_ms(prices, price) + price_index_ticks(prices, price) * stood
    )


def index_of_margins(
    rules: vec[i64], market: Market, settle_sum_ticks_ms: i64, index_ticks: Ticks, time_ms: UnixMs
) -> Ticks:
    """Return what margins and the mark follow at an index: it, and in a settlement window what it would settle at by it.

    Units: ticks; `settle_sum_ticks_ms` is what has been counted up to that time. Rounding: down.
    """
    ahead = window_ahead_ms(rules, market, time_ms)
    if ahead == SETTLE_WINDOW_MS:
        return index_ticks
    return Ticks(div_down(settle_sum_ticks_ms + index_ticks * ahead, SETTLE_WINDOW_MS))


def fading_basis(rules: vec[i64], market: Market, basis_ppm: TickPpm, time_ms: UnixMs) -> TickPpm:
    """Return what of a basis counts: in a settlement window the share that lies ahead. Rounding: to zero."""
    return TickPpm(mul_div_to_zero(int(basis_ppm), window_ahead_ms(rules, market, time_ms), SETTLE_WINDOW_MS))


def final_mark(settle_sum_ticks_ms: i64) -> Ticks:
    """Return what it settles at when all of its window has been counted. Units: ticks. Rounding: down, but at least 1."""
    mean_ticks = div_down(settle_sum_ticks_ms, SETTLE_WINDOW_MS)
    return Ticks(mean_ticks if mean_ticks > 1 else 1)


def settle_at(machine: Machine, market: Market, risk: Risk, number: MarketId, final_ticks: Ticks) -> None:
    """End it: from now on it has one price, which is never stale. Units: ticks."""
    rules, marks = machine.state.markets.words, machine.state.risk.words
    set_market_status(rules, market, MARKET_SETTLED)
    set_market_settled_ms(rules, market, machine.state.registers.clock_ms)
    set_risk_market_mark_ticks(marks, risk, number, final_ticks)
    set_risk_market_index_ticks(marks, risk, number, final_ticks)
    set_risk_market_index_ms(marks, risk, number, UnixMs(0))
    set_risk_market_braked(marks, risk, number, 0)
    machine.state.markets.mark(number)
    machine.state.risk.mark(0)
    machine.emit("settled", number, final_ticks)


def funding_index(marks: vec[i64], risk: Risk, market: MarketId) -> TickPpm:
    """Return where its funding stands, to which a position is settled whenever it changes.

    Units: millionths of a tick.
    """
    return risk_market_funding_index_ppm(marks, risk, market)


def charge_funding(machine: Machine, price: Price, risk: Risk, number: MarketId) -> None:
    """Charge for the premiums sampled since the last time, if any were, and begin anew.

    Rounding: the average and the rate to zero.
    """
    prices, marks = machine.state.prices.words, machine.state.risk.words
    if price_premium_ms(prices, price) == 0:
        return
    average_ppm = div_to_zero(price_premium_sum_ppm(prices, price), price_premium_ms(prices, price))
    rate_ppm = hourly_rate(
        Ppm(average_ppm), risk_market_initial_ppm(marks, risk, number), risk_market_maintenance_ppm(marks, risk, number)
    )
    charged_ppm = funding_index(marks, risk, number) + rate_ppm * price_index_ticks(prices, price)
    set_risk_market_funding_index_ppm(marks, risk, number, TickPpm(clamp(charged_ppm, MAX_FUNDING_INDEX_PPM)))
    set_price_premium_sum_ppm(prices, price, 0)
    set_price_premium_ms(prices, price, 0)
    machine.state.prices.mark(number)
    machine.state.risk.mark(0)
    machine.emit("funding", number, rate_ppm, price_index_ticks(prices, price), funding_index(marks, risk, number))


def hourly_rate(average_ppm: Ppm, initial_ppm: Ppm, maintenance_ppm: Ppm) -> Ppm:
    """Return an hour's rate from its average premium, in millionths of the index.

    At most what lies between the two margins, so that one hour takes no account from the one below the other.
    """
    interest_ppm = clamp(INTEREST_PPM - average_ppm, INTEREST_CLAMP_PPM)
    rate_ppm = div_to_zero(average_ppm + interest_ppm, FUNDING_HOURS)
    between_ppm = initial_ppm - maintenance_ppm
    return Ppm(clamp(rate_ppm, between_ppm if between_ppm < FUNDING_RATE_PPM else FUNDING_RATE_PPM))


def exposure_of(marks: vec[i64], risk: Risk, market: MarketId, size_lots: Lots) -> UnitsPerTick:
    """Return what a position of this signed size gains for each tick. Units: units a tick."""
    return UnitsPerTick(size_lots * risk_market_multiplier_units(marks, risk, market))


def price_of(marks: vec[i64], risk: Risk, market: MarketId, direction: i64, lean: i64) -> Ticks:
    """Return the price that a position is measured at: mark or index, as `lean` says. Units: ticks.

    A long is better off at the higher of the two and worse off at the lower, a short the other way round. Which it is, the
    sign of `direction` says, be that a size or an exposure.
    """
    mark_ticks = risk_market_mark_ticks(marks, risk, market)
    index_ticks = risk_market_index_ticks(marks, risk, market)
    if lean == LEAN_MARKED:
        return mark_ticks
    if lean == LEAN_INDEX:
        return index_ticks
    higher = (lean == LEAN_BEST) == (direction > 0)
    return mark_ticks if (mark_ticks > index_ticks) == higher else index_ticks


def worth_of(marks: vec[i64], risk: Risk, market: MarketId, exposure: UnitsPerTick, lean: i64) -> Units:
    """Return what an exposure is worth at the price it is measured at: below 0 for a short. Units: units."""
    return Units(exposure * price_of(marks, risk, market, exposure, lean))


def owed_since(
    marks: vec[i64], risk: Risk, market: MarketId, exposure: UnitsPerTick, settled_index_ppm: TickPpm
) -> Units:
    """Return the funding that an exposure owes since it was settled; less than nothing is what it is owed.

    Units: units. Rounding: up, against the position.
    """
    return owed(exposure, TickPpm(risk_market_funding_index_ppm(marks, risk, market) - settled_index_ppm))


def fair_price(rules: vec[i64], market: Market, marks: vec[i64], risk: Risk, number: MarketId) -> Ticks:
    """Return what the collar of its fills lies around: the index, of a dated future the mark, which may stay away from it.

    Units: ticks.
    """
    if market_kind(rules, market) == KIND_DATED:
        return risk_market_mark_ticks(marks, risk, number)
    return risk_market_index_ticks(marks, risk, number)


def weight_of(worth_units: Units) -> Units:
    """Return the notional that a position of this worth has its margin on. Units: units."""
    return Units(worth_units if worth_units >= 0 else -worth_units)
