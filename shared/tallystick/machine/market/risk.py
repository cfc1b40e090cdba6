"""Cross-margin: what an account is worth and what it must hold."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tallystick.machine.arith import ppm_up, products_at_most
from tallystick.machine.market.brake import counted_worth, has_jumped
from tallystick.machine.market.instrument import exposure_of, owed_since, weight_of, worth_of
from tallystick.machine.market.margin import initial_margin, maintenance_margin
from tallystick.machine.market.stages import index_stopped
from tallystick.state.cells import (
    Account,
    Risk,
    account_cash_units,
    account_position_cost_units,
    account_position_extra_units,
    account_position_funding_index_ppm,
    account_position_market,
    account_position_size_lots,
    risk_market_index_ms,
)
from tallystick.state.layout import LEAN_INDEX, LEAN_WORST, MAX_POSITIONS, WITHDRAW_BUFFER_PPM
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import Ppm, Units, UnitsPerTick
from tallystick.state.state import State

ALL_MARKETS: Final[i64] = -1
"""What stands for every market."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Health:
    """An account against prices.

    `staying_units` is what a withdrawal must leave of its value as margin, `gain_units` what those of its positions
    that have gained would bring beyond what they have cost.
    """

    def __init__(
        self,
        value_units: i64,
        initial_units: i64,
        maintenance_units: i64,
        notional_units: i64,
        staying_units: i64 = 0,
        gain_units: i64 = 0,
    ) -> None:
        self.value_units = value_units
        self.initial_units = initial_units
        self.maintenance_units = maintenance_units
        self.notional_units = notional_units
        self.staying_units = staying_units
        self.gain_units = gain_units


def health(state: State, account: Account, risk: Risk, lean: i64) -> Health:
    """Measure an account at the prices that `lean` names, with the funding it has not settled yet.

    At the worse price a position in a market whose index is stale has the stale margin: twice its initial margin, and
    all of its notional stays in a withdrawal, and one that a brake holds is worth no more than its cost. Rounding: margin
    requirements and funding up, position by position.
    """
    words = state.accounts.words
    marks = state.risk.words
    measured = Health(account_cash_units(words, account), 0, 0, 0)
    slot: i64
    for slot in range(MAX_POSITIONS):
        size_lots = account_position_size_lots(words, account, slot)
        if size_lots == 0:
            continue
        market = account_position_market(words, account, slot)
        exposure = exposure_of(marks, risk, market, size_lots)
        worth_units = worth_of(marks, risk, market, exposure, lean)
        brings_units = _brings(state, account, risk, slot, market, exposure, worth_units, lean)
        measured.value_units += brings_units
        brings_units -= account_position_cost_units(words, account, slot)
        measured.gain_units += brings_units if brings_units > 0 else 0
        weight_units = weight_of(worth_units)
        stale = _is_stale(state, risk, market, lean)
        asked_units = _asked(state, account, risk, slot, market, weight_units, stale)
        measured.notional_units += weight_units
        measured.initial_units += asked_units
        measured.staying_units += (
            weight_units + account_position_extra_units(words, account, slot) if stale else asked_units
        )
        measured.maintenance_units += maintenance_margin(marks, risk, market, weight_units)
    return measured


def surplus(state: State, account: Account, risk: Risk, lean: i64) -> i64:
    """Return by how much an account's value passes its initial margin, less than nothing where it does not cover it.

    The two as in `health`, for which nothing else is measured. Units: units.
    """
    words = state.accounts.words
    marks = state.risk.words
    left_units: i64 = account_cash_units(words, account)
    slot: i64
    for slot in range(MAX_POSITIONS):
        size_lots = account_position_size_lots(words, account, slot)
        if size_lots == 0:
            continue
        market = account_position_market(words, account, slot)
        exposure = exposure_of(marks, risk, market, size_lots)
        worth_units = worth_of(marks, risk, market, exposure, lean)
        left_units += _brings(state, account, risk, slot, market, exposure, worth_units, lean)
        stale = _is_stale(state, risk, market, lean)
        left_units -= _asked(state, account, risk, slot, market, weight_of(worth_units), stale)
    return left_units


def jumped_weight(state: State, account: Account, risk: Risk, only: i64, by_loss: bool) -> i64:
    """Return what those of an account's positions weigh together that have lost by a jump.

    That is what they are worth less than they have cost, or else their maintenance margin, at the index. Shape: `only` is
    the market that alone counts, ALL_MARKETS for all of them. Units: units.
    """
    words = state.accounts.words
    marks = state.risk.words
    weight_units: i64 = 0
    slot: i64
    for slot in range(MAX_POSITIONS):
        size_lots = account_position_size_lots(words, account, slot)
        market = account_position_market(words, account, slot)
        if size_lots == 0 or only not in (ALL_MARKETS, market) or not has_jumped(marks, risk, market, size_lots):
            continue
        worth_units = worth_of(marks, risk, market, exposure_of(marks, risk, market, size_lots), LEAN_INDEX)
        lost_units = account_position_cost_units(words, account, slot) - worth_units
        if not by_loss:
            weight_units += maintenance_margin(marks, risk, market, weight_of(worth_units))
        elif lost_units > 0:
            weight_units += lost_units
    return weight_units


def _brings(
    state: State,
    account: Account,
    risk: Risk,
    slot: i64,
    market: MarketId,
    exposure: UnitsPerTick,
    worth_units: Units,
    lean: i64,
) -> i64:
    """Return what a position adds to its account's value: its worth, less the funding it has not settled yet."""
    words = state.accounts.words
    settled_index_ppm = account_position_funding_index_ppm(words, account, slot)
    brings_units = worth_units - owed_since(state.risk.words, risk, market, exposure, settled_index_ppm)
    return counted_worth(state, account, risk, slot, brings_units) if lean == LEAN_WORST else brings_units


def _asked(
    state: State, account: Account, risk: Risk, slot: i64, market: MarketId, weight_units: Units, stale: bool
) -> i64:
    """Return the initial margin of a position of this weight, and what was asked beyond it."""
    asked_units: i64 = initial_margin(state.risk.words, risk, market, weight_units)
    if stale:
        asked_units *= 2
    return asked_units + account_position_extra_units(state.accounts.words, account, slot)


def _is_stale(state: State, risk: Risk, market: MarketId, lean: i64) -> bool:
    """Whether a market's index is stale, which counts at the worse price alone; of a settled market it never is."""
    if lean != LEAN_WORST or risk_market_index_ms(state.risk.words, risk, market) == 0:
        return False
    return index_stopped(state, risk, market)


def may_change(before: Health, after: Health, reduces: bool) -> bool:
    """Whether a trade may leave an account like this.

    Either it ends at or above the initial margin, or it only reduces a position of an account that is worth at least
    nothing, and the ratio of value to maintenance margin gets no worse.
    """
    if after.value_units >= after.initial_units:
        return True
    return reduces and keeps_ratio(before, after)


def keeps_ratio(before: Health, after: Health) -> bool:
    """Whether an account was worth at least nothing, and its ratio of value to maintenance margin gets no worse."""
    if before.value_units < 0:
        return False
    return products_at_most(before.value_units, after.maintenance_units, after.value_units, before.maintenance_units)


def withdrawable(state: State, measured: Health) -> i64:
    """Return what may leave an account that is measured at the worse prices.

    Rounding: down. A gain leaves only when it has been realised, for who owes it may still turn out bankrupt; and
    where the margin that stays is less, a share of the notional stays. Never more than the Vault still holds, so that
    every withdrawal granted can be paid (I5).
    """
    buffer_units = ppm_up(Units(measured.notional_units), Ppm(WITHDRAW_BUFFER_PPM))
    free_units = measured.value_units - (
        measured.staying_units if measured.staying_units >= buffer_units else buffer_units
    )
    realised_units = measured.value_units - measured.gain_units
    free_units = free_units if free_units <= realised_units else realised_units
    held_units = state.registers.deposited_units - state.registers.withdrawn_units
    free_units = free_units if free_units <= held_units else held_units
    return free_units if free_units > 0 else 0
