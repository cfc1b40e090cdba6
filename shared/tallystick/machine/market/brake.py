"""The brake: behind a jump of the index, who gained by it stays until the ladder has been at those who lost."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.market.instrument import exposure_of, worth_of
from tallystick.state.cells import (
    Account,
    Market,
    Risk,
    account_position_cost_units,
    account_position_market,
    account_position_size_lots,
    market_anchor_ms,
    market_anchor_ticks,
    market_down_jump_ms,
    market_down_ms,
    market_down_ticks,
    market_up_jump_ms,
    market_up_ms,
    market_up_ticks,
    risk_market_braked,
    risk_market_index_ticks,
    risk_market_maintenance_ppm,
    set_market_anchor_ms,
    set_market_anchor_ticks,
    set_market_down_jump_ms,
    set_market_down_ms,
    set_market_down_ticks,
    set_market_up_jump_ms,
    set_market_up_ms,
    set_market_up_ticks,
    set_risk_market_braked,
)
from tallystick.state.layout import (
    BRAKE_MORE_MS,
    BRAKE_MOST_MS,
    BRAKE_MS,
    BRAKE_WINDOW_MS,
    BRAKED_DOWN,
    BRAKED_UP,
    BUY,
    LEAN_INDEX,
    MAX_POSITIONS,
    PPM,
)
from tallystick.state.ordinals import MarketId, UnixMs
from tallystick.state.quantities import Lots, Ticks, Units
from tallystick.state.state import State


def move_brakes(state: State, market: Market, risk: Risk, number: MarketId, old_ticks: i64, new_ticks: i64) -> None:
    """Look whether the index of margins jumps by this move, and say in Risk what the brakes hold from now on.

    A jump is more than half the maintenance fraction within BRAKE_WINDOW_MS: what a position near its initial margin may
    not survive. Units: ticks, `old_ticks` 0 when there was no index.
    """
    clock = state.registers.clock_ms
    words = state.markets.words
    if old_ticks == 0:
        _anchor(state, market, new_ticks)
        return
    if clock - market_anchor_ms(words, market) >= BRAKE_WINDOW_MS:
        _anchor(state, market, old_ticks)
    anchor_ticks = market_anchor_ticks(words, market)
    fall_ticks = anchor_ticks - new_ticks
    if 2 * PPM * (fall_ticks if fall_ticks >= 0 else -fall_ticks) > anchor_ticks * risk_market_maintenance_ppm(
        state.risk.words, risk, number
    ):
        if fall_ticks > 0:
            _brake_fall(state, market, anchor_ticks)
        else:
            _brake_rise(state, market, anchor_ticks)
        _anchor(state, market, new_ticks)
    set_risk_market_braked(state.risk.words, risk, number, _held_sides(state, market, new_ticks))


def _anchor(state: State, market: Market, anchor_ticks: i64) -> None:
    """Measure jumps from here on."""
    set_market_anchor_ticks(state.markets.words, market, Ticks(anchor_ticks))
    set_market_anchor_ms(state.markets.words, market, state.registers.clock_ms)


def _brake_fall(state: State, market: Market, anchor_ticks: i64) -> None:
    """Hold shorts that gain; while a brake runs, by the higher of both anchors and the longer of both times."""
    clock = state.registers.clock_ms
    words = state.markets.words
    runs = clock < market_down_ms(words, market)
    set_market_down_ticks(
        words, market, Ticks(max(anchor_ticks, market_down_ticks(words, market)) if runs else anchor_ticks)
    )
    set_market_down_ms(words, market, max(market_down_ms(words, market), UnixMs(clock + BRAKE_MS)))
    set_market_down_jump_ms(words, market, clock)


def _brake_rise(state: State, market: Market, anchor_ticks: i64) -> None:
    """Hold longs that gain; while a brake runs, by the lower of both anchors and the longer of both times."""
    clock = state.registers.clock_ms
    words = state.markets.words
    runs = clock < market_up_ms(words, market)
    set_market_up_ticks(
        words, market, Ticks(min(anchor_ticks, market_up_ticks(words, market)) if runs else anchor_ticks)
    )
    set_market_up_ms(words, market, max(market_up_ms(words, market), UnixMs(clock + BRAKE_MS)))
    set_market_up_jump_ms(words, market, clock)


def _held_sides(state: State, market: Market, index_ticks: i64) -> i64:
    """Return which positions the brakes hold at an index if they gain: BRAKED_DOWN shorts, BRAKED_UP longs."""
    clock = state.registers.clock_ms
    words = state.markets.words
    held: i64 = 0
    if clock < market_down_ms(words, market) and index_ticks < market_down_ticks(words, market):
        held |= BRAKED_DOWN
    if clock < market_up_ms(words, market) and index_ticks > market_up_ticks(words, market):
        held |= BRAKED_UP
    return held


def brake_runs(state: State, market: Market) -> bool:
    """Whether a brake of either side runs, wherever the index is by now."""
    clock = state.registers.clock_ms
    return clock < market_down_ms(state.markets.words, market) or clock < market_up_ms(state.markets.words, market)


def side_waits(state: State, market: Market, risk: Risk, number: MarketId, side: i64) -> bool:
    """Whether triggers of a side wait, whosever they are: those that would close positions which a brake holds."""
    held = _held_sides(state, market, risk_market_index_ticks(state.risk.words, risk, number))
    return held & (BRAKED_DOWN if side == BUY else BRAKED_UP) != 0


def is_held(state: State, market: Market, risk: Risk, number: MarketId, account: Account) -> bool:
    """Whether a brake holds an account's position, so that no fill may change it."""
    held = _held_sides(state, market, risk_market_index_ticks(state.risk.words, risk, number))
    if held == 0:
        return False
    words = state.accounts.words
    slot: i64
    for slot in range(MAX_POSITIONS):
        size_lots = account_position_size_lots(words, account, slot)
        if size_lots != 0 and account_position_market(words, account, slot) == number:
            cost_units = account_position_cost_units(words, account, slot)
            return _gains(state.risk.words, risk, number, size_lots, cost_units, held)
    return False


def has_jumped(marks: vec[i64], risk: Risk, number: MarketId, size_lots: i64) -> bool:
    """Whether a position is of those that have lost by a jump: on the other side of what a brake holds.

    It goes by what Risk says, as health does.
    """
    return risk_market_braked(marks, risk, number) & (BRAKED_DOWN if size_lots > 0 else BRAKED_UP) != 0


def counted_worth(state: State, account: Account, risk: Risk, slot: i64, brings_units: i64) -> i64:
    """Return what a position counts for at the worse price: what it brings, but no more than its cost while a brake holds it.

    A gain that may yet be deleveraged carries nothing. It goes by what Risk says, for health opens no Market. Units: units.
    """
    words = state.accounts.words
    number = account_position_market(words, account, slot)
    held = risk_market_braked(state.risk.words, risk, number)
    cost_units = account_position_cost_units(words, account, slot)
    if held == 0 or brings_units <= cost_units:
        return brings_units
    size_lots = account_position_size_lots(words, account, slot)
    return cost_units if _gains(state.risk.words, risk, number, size_lots, cost_units, held) else brings_units


def _gains(marks: vec[i64], risk: Risk, number: MarketId, size_lots: Lots, cost_units: Units, held: i64) -> bool:
    """Whether a position is of those held and worth more at the index than it has cost, fees and funding aside."""
    if held & (BRAKED_UP if size_lots > 0 else BRAKED_DOWN) == 0:
        return False
    return worth_of(marks, risk, number, exposure_of(marks, risk, number, size_lots), LEAN_INDEX) > cost_units


def prolong_brakes(state: State, market: Market) -> None:
    """Let the brakes that run last on behind the deleveraging of who owes more than he has, so long behind their jump at most.

    Else one loser and many winners outlast them.
    """
    clock = state.registers.clock_ms
    words = state.markets.words
    down, up = market_down_ms(words, market), market_up_ms(words, market)
    if clock < down:
        most = min(clock + BRAKE_MORE_MS, market_down_jump_ms(words, market) + BRAKE_MOST_MS)
        set_market_down_ms(words, market, UnixMs(max(down, most)))
    if clock < up:
        most = min(clock + BRAKE_MORE_MS, market_up_jump_ms(words, market) + BRAKE_MOST_MS)
        set_market_up_ms(words, market, UnixMs(max(up, most)))
