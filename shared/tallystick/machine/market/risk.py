"""Cross-margin: what an account is worth and what it must hold."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tallystick.machine.arith import ppm_up, products_at_most
from tallystick.machine.market.instrument import exposure_of, owed_since, weight_of, worth_of
from tallystick.machine.market.margin import initial_margin, maintenance_margin
from tallystick.state.cells import (
    Account,
    Risk,
    account_cash_units,
    account_position_funding_index_ppm,
    account_position_market,
    account_position_size_lots,
)
from tallystick.state.layout import MAX_POSITIONS, WITHDRAW_BUFFER_PPM
from tallystick.state.state import State


@mypyc_attr(acyclic=True, free_list_len=1)
class Health:
    """An account against the marks. Units: all in units."""

    def __init__(self, value: i64, initial: i64, maintenance: i64, notional: i64) -> None:
        self.value = value
        self.initial = initial
        self.maintenance = maintenance
        self.notional = notional


def health(state: State, account: Account, risk: Risk) -> Health:
    """Measure an account, with the funding it has not settled yet.

    Rounding: margin requirements and funding up, position by position.
    """
    words = state.accounts.words
    marks = state.risk.words
    value = account_cash_units(words, account)
    initial: i64 = 0
    maintenance: i64 = 0
    notional: i64 = 0
    slot: i64
    for slot in range(MAX_POSITIONS):
        size = account_position_size_lots(words, account, slot)
        if size == 0:
            continue
        market = account_position_market(words, account, slot)
        exposure = exposure_of(marks, risk, market, size)
        worth = worth_of(marks, risk, market, exposure)
        settled_index = account_position_funding_index_ppm(words, account, slot)
        value += worth - owed_since(marks, risk, market, exposure, settled_index)
        weight = weight_of(worth)
        notional += weight
        initial += initial_margin(marks, risk, market, weight)
        maintenance += maintenance_margin(marks, risk, market, weight)
    return Health(value, initial, maintenance, notional)


def may_change(before: Health, after: Health, reduces: bool) -> bool:
    """Whether a trade may leave an account like this.

    Either it ends at or above the initial margin, or it only reduces a position and the ratio of value to maintenance
    margin gets no worse.
    """
    if after.value >= after.initial:
        return True
    return reduces and products_at_most(before.value, after.maintenance, after.value, before.maintenance)


def withdrawable(state: State, measured: Health) -> i64:
    """Return what may leave an account.

    Rounding: down. Beyond the initial margin, a share of the notional stays, so that unrealised profit cannot be
    withdrawn and pyramided. Never more than the Vault still holds, so that every withdrawal granted can be paid (I5).
    """
    buffer = ppm_up(measured.notional, WITHDRAW_BUFFER_PPM)
    free = measured.value - (measured.initial if measured.initial >= buffer else buffer)
    held = state.registers.deposited_units - state.registers.withdrawn_units
    free = free if free <= held else held
    return free if free > 0 else 0
