"""PLACE_ORDER: check an order against its market before it meets the book."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.liveness import switch_fired
from tallystick.machine.machine import Machine
from tallystick.machine.market.instrument import has_expired
from tallystick.machine.market.stages import index_stopped, is_due, is_small
from tallystick.machine.orders.carried import bound, slack_ppm
from tallystick.state.cells import (
    Account,
    Market,
    Risk,
    market_live_ms,
    market_max_lots,
    market_status,
    risk_market_mark_ticks,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_NONE,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
    FLAG_TRIGGER_ABOVE,
    MARKET_LIVE,
    Registers,
)


def step(machine: Machine) -> None:
    """Accept an order for matching, or for parking when it has a trigger.

    Rejects: NO_MARKET, MARKET_EXPIRED, NOT_LIVE, NO_MARK, OUT_OF_RANGE (no size, no price), BAD_FLAGS (flags that contradict each other, one that is none),
    TOO_LARGE and DEAD_MAN (the account's switch has fired; neither stops a forced close), TOO_SMALL, EXPIRED, STALE_INDEX, ALREADY_DUE. Rounding: the bound of
    a market order without a price, towards the mark. Twin: contracts/src/referee/steps/PlaceOrder.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    market = state.markets.open(registers.arg_market)
    risk = state.risk.open(0)
    account = state.accounts.open(registers.arg_account)
    if machine.events is not None:
        _tell_order(machine)

    # CHECK
    mark_ticks = risk_market_mark_ticks(state.risk.words, risk, registers.arg_market)
    outcome = _check(machine, market, risk, account)
    if outcome == Outcome.ACCEPTED and index_stopped(state, risk, registers.arg_market):
        outcome = Outcome.STALE_INDEX
    if (
        outcome == Outcome.ACCEPTED
        and registers.arg_trigger_ticks
        and is_due(registers.arg_trigger_ticks, registers.arg_flags, mark_ticks)
    ):
        outcome = Outcome.ALREADY_DUE
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    if registers.arg_trigger_ticks:
        registers.phase = Phase.REST_ORDER
        return
    if registers.arg_flags & FLAG_MARKET:
        registers.arg_flags |= FLAG_IOC
        if registers.arg_price_ticks == 0:
            slack = slack_ppm(state, market, risk, registers.arg_market)
            registers.arg_price_ticks = bound(registers.arg_side, mark_ticks, slack)
    registers.phase = Phase.MATCH_MAKER

    # WRITE: registers only.


def _tell_order(machine: Machine) -> None:
    registers = machine.state.registers
    machine.emit(
        "order",
        registers.arg_account,
        registers.arg_client_id,
        registers.arg_market,
        registers.arg_side,
        registers.arg_price_ticks,
        registers.arg_lots,
        registers.arg_flags,
    )


def _check(machine: Machine, market: Market, risk: Risk, account: Account) -> i64:
    state = machine.state
    registers = state.registers
    flags = registers.arg_flags
    mark_ticks = risk_market_mark_ticks(state.risk.words, risk, registers.arg_market)
    if market_status(state.markets.words, market) != MARKET_LIVE:
        return Outcome.NO_MARKET
    if has_expired(state.markets.words, market, registers.clock_ms):
        return Outcome.MARKET_EXPIRED
    if market_live_ms(state.markets.words, market) > registers.clock_ms:
        return Outcome.NOT_LIVE
    if mark_ticks == 0:
        return Outcome.NO_MARK
    if registers.arg_lots == 0 or (registers.arg_price_ticks == 0 and flags & FLAG_MARKET == 0):
        return Outcome.OUT_OF_RANGE
    if _contradict(flags) or not _may_wait(registers):
        return Outcome.BAD_FLAGS
    # What a forced close says of itself: it only makes a position smaller, whatever the limits are by now.
    closes = registers.arg_closes == 1
    if not closes and registers.arg_lots > market_max_lots(state.markets.words, market):
        return Outcome.TOO_LARGE
    if _too_small(machine, market, risk):
        return Outcome.TOO_SMALL
    if registers.arg_time_ms != 0 and registers.arg_time_ms <= registers.clock_ms:
        return Outcome.EXPIRED
    return Outcome.DEAD_MAN if not closes and switch_fired(state, account) else Outcome.ACCEPTED


def _too_small(machine: Machine, market: Market, risk: Risk) -> bool:
    """Whether an order is worth less than one may be; what only reduces, or has waited for its trigger, may be of any size."""
    registers = machine.state.registers
    if registers.arg_flags & FLAG_REDUCE_ONLY or registers.fired_trigger_ticks:
        return False
    return is_small(machine.state, market, risk, registers.arg_market, registers.arg_lots)


def _contradict(flags: i64) -> bool:
    """Whether an order both takes at once and only posts, names two ways to meet an own order, or a flag that is none."""
    if flags & FLAG_NONE or (flags & FLAG_POST_ONLY and flags & (FLAG_IOC | FLAG_MARKET)):
        return True
    both = FLAG_STP_TAKER | FLAG_STP_BOTH
    return flags & both == both


def _may_wait(registers: Registers) -> bool:
    """Whether only an order with a trigger names its direction, and only one that fires or does not take has a pair."""
    if registers.arg_trigger_ticks:
        return True
    if registers.arg_flags & FLAG_TRIGGER_ABOVE:
        return False
    if registers.fired_trigger_ticks:
        return True
    return registers.arg_pair == 0 or registers.arg_flags & FLAG_POST_ONLY != 0
