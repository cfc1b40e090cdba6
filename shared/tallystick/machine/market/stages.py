"""What a market's prices allow: only cancels, then only makers, then all but liquidations, then all; and triggers."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.state.cells import (
    Account,
    Price,
    Risk,
    account_position_market,
    account_position_size_lots,
    price_index_ms,
    price_resumed_ms,
    risk_market_index_ms,
    risk_market_resumed_ms,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    FLAG_POST_ONLY,
    FLAG_TRIGGER_ABOVE,
    LIQUIDATION_WAIT_MS,
    MAX_POSITIONS,
    POST_ONLY_MS,
    SILENT_MS,
    STALE_MS,
    Registers,
)
from tallystick.state.state import State


def now_ms(registers: Registers) -> i64:
    """Return the time by which reports and the index are fresh: for what came through L1, when it was queued there."""
    return registers.forced_ms or registers.clock_ms


def check_order_stage(state: State, price: Price, flags: i64) -> i64:
    """Whether a trader's order may be taken now.

    Shape: `price` is a word offset. Rejects: STALE_INDEX, POST_ONLY_STAGE (prices have come back just now, and the
    order might take).
    """
    clock = state.registers.clock_ms
    if _stale(state, price, clock):
        return Outcome.STALE_INDEX
    if flags & FLAG_POST_ONLY == 0 and _resumed_within(state, price, clock, POST_ONLY_MS):
        return Outcome.POST_ONLY_STAGE
    return Outcome.ACCEPTED


def check_liquidation_stage(state: State, price: Price) -> i64:
    """Whether a position may be closed against its owner's will now.

    Shape: `price` is a word offset. Rejects: STALE_INDEX, LIQUIDATIONS_WAIT (prices have come back lately, so that
    margin can still be added).
    """
    now = now_ms(state.registers)
    if _stale(state, price, now):
        return Outcome.STALE_INDEX
    waits = _resumed_within(state, price, now, LIQUIDATION_WAIT_MS)
    return Outcome.LIQUIDATIONS_WAIT if waits else Outcome.ACCEPTED


def holder_waits(state: State, account: Account, risk: Risk) -> bool:
    """Whether an account is spared for the sake of a market it holds a position in, whichever one is to be closed.

    It is while that market's prices have stopped, or have come back lately: what the account is worth is not known. Not
    for ever: beyond SILENT_MS the last mark counts, or one lot in a dead market would be a shield. Shape: `account` and
    `risk` are word offsets.
    """
    words = state.accounts.words
    marks = state.risk.words
    now = now_ms(state.registers)
    slot: i64
    for slot in range(MAX_POSITIONS):
        if account_position_size_lots(words, account, slot) == 0:
            continue
        market = account_position_market(words, account, slot)
        index = risk_market_index_ms(marks, risk, market)
        resumed = risk_market_resumed_ms(marks, risk, market)
        if index != 0 and STALE_MS < now - index <= SILENT_MS:
            return True
        if index != 0 and resumed != 0 and now - resumed < LIQUIDATION_WAIT_MS:
            return True
    return False


def index_stopped(state: State, risk: Risk, market: i64) -> bool:
    """Whether a market's index is stale."""
    return state.registers.clock_ms - risk_market_index_ms(state.risk.words, risk, market) > STALE_MS


def is_due(trigger: i64, flags: i64, mark: i64) -> bool:
    """Whether a trigger fires at a mark."""
    return mark >= trigger if flags & FLAG_TRIGGER_ABOVE else mark <= trigger


def triggers_wait(state: State, price: Price) -> bool:
    """Whether triggers wait: because prices have come back just now, or the newest is one that came late through L1.

    The orders would be refused. Shape: `price` is a word offset.
    """
    clock = state.registers.clock_ms
    return _stale(state, price, clock) or _resumed_within(state, price, clock, POST_ONLY_MS)


def _stale(state: State, price: Price, now: i64) -> bool:
    return now - price_index_ms(state.prices.words, price) > STALE_MS


def _resumed_within(state: State, price: Price, now: i64, wait: i64) -> bool:
    resumed = price_resumed_ms(state.prices.words, price)
    return resumed != 0 and now - resumed < wait
