"""Records that nobody signs: which of them would do nothing. Such a record costs bytes on L1 all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tallystick.machine.arith import read_address
from tallystick.machine.liquidation import FUND, size_of
from tallystick.machine.liveness import is_dead
from tallystick.machine.risk import health
from tallystick.records.codec import Record
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    ACCOUNT_OWNER,
    ACCOUNT_SETTLED,
    CLAIM_COUNTED,
    CLAIM_MS,
    CLAIM_PAID,
    DELEVERAGE_CANDIDATE,
    MARKET_LIVE,
    MARKET_SETTLED,
    MARKET_STATUS,
    ORDER_ACCOUNT,
    ORDER_REMAINING_LOTS,
    PENDING_EFFECTIVE_MS,
    WIND_DOWN_MS,
)
from tallystick.state.state import State


def foresee(state: State, record: Record) -> Outcome:
    """Return why a record that nobody signs would do nothing, as far as that can be seen, else ACCEPTED."""
    look = _LOOKS.get(record.kind.name)
    return look(state, record) if look is not None else Outcome.ACCEPTED


def _closing(state: State, record: Record) -> Outcome:
    """A position is closed against its owner's will only if its account cannot carry it."""
    number = record.value("account")
    base = state.accounts.rows.get(number)
    if base is None:
        return Outcome.NO_ACCOUNT
    if size_of(state.accounts.words, base, record.value("market")) == 0:
        return Outcome.NO_POSITION
    measured = health(state, base, state.risk.rows[0])
    healthy = number != FUND and measured.value >= measured.maintenance
    return Outcome.HEALTHY if healthy else Outcome.ACCEPTED


def _deleverage(state: State, record: Record) -> Outcome:
    number = record.value("account")
    if number not in state.accounts.rows:
        return Outcome.NO_ACCOUNT
    nomination = state.deleverages.rows.get(number)
    if nomination is None or state.deleverages.words[nomination + DELEVERAGE_CANDIDATE] == 0:
        return Outcome.NO_NOMINATION
    return Outcome.ACCEPTED


def _apply_change(state: State, record: Record) -> Outcome:
    number = record.value("market")
    if _status(state, number) != MARKET_LIVE:
        return Outcome.NO_MARKET
    pending = state.pendings.rows.get(number)
    # Too early is the clock's to say: it may move on before the record runs.
    if pending is None or state.pendings.words[pending + PENDING_EFFECTIVE_MS] == 0:
        return Outcome.NO_CHANGE
    return Outcome.ACCEPTED


def _settle_position(state: State, record: Record) -> Outcome:
    number = record.value("market")
    base = state.accounts.rows.get(record.value("account"))
    if _status(state, number) != MARKET_SETTLED:
        return Outcome.NOT_SETTLED
    if base is None:
        return Outcome.NO_ACCOUNT
    return Outcome.ACCEPTED if size_of(state.accounts.words, base, number) else Outcome.NO_POSITION


def _settle_account(state: State, record: Record) -> Outcome:
    account = state.accounts.rows.get(record.value("account"))
    if account is None or not any(read_address(state.accounts.words, account + ACCOUNT_OWNER)):
        return Outcome.NO_ACCOUNT
    settled = state.accounts.words[account + ACCOUNT_SETTLED]
    if settled == CLAIM_PAID:
        return Outcome.NO_CLAIM
    registers = state.registers
    waits = settled == CLAIM_COUNTED and registers.clock_ms - registers.wind_down_ms < CLAIM_MS
    open_still = registers.wind_down_ms == 0 and registers.clock_ms - registers.last_index_ms < WIND_DOWN_MS
    return Outcome.TOO_EARLY if waits or open_still else Outcome.ACCEPTED


def _clean(state: State, record: Record) -> Outcome:
    order = state.orders.rows.get(record.value("slot"))
    if order is None or state.orders.words[order + ORDER_REMAINING_LOTS] == 0:
        return Outcome.NO_SUCH_ORDER
    owner = state.accounts.rows[state.orders.words[order + ORDER_ACCOUNT]]
    return Outcome.ACCEPTED if is_dead(state, record.value("slot"), order, owner) else Outcome.NOT_DEAD


def _status(state: State, number: int) -> int:
    base = state.markets.rows.get(number)
    return state.markets.words[base + MARKET_STATUS] if base is not None else 0


_LOOKS: Final[dict[str, Callable[[State, Record], Outcome]]] = {
    "liquidate": _closing,
    "take_over": _closing,
    "nominate_adl": _closing,
    "deleverage": _deleverage,
    "apply_change": _apply_change,
    "settle_position": _settle_position,
    "clean": _clean,
    "settle_account": _settle_account,
}
