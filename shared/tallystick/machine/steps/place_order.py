"""PLACE_ORDER: check an order against its market before it meets the book."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import ppm_down
from tallystick.machine.liveness import switch_fired
from tallystick.machine.machine import Machine
from tallystick.machine.market.instrument import has_expired
from tallystick.machine.market.stages import check_order_stage, is_due
from tallystick.state.cells import (
    Account,
    Market,
    market_band_ppm,
    market_max_lots,
    market_status,
    risk_market_mark_ticks,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import (
    BUY,
    FLAG_FOK,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
    FLAG_TRIGGER_ABOVE,
    MARKET_LIVE,
    MAX_PRICE_TICKS,
    Registers,
)


def step(machine: Machine) -> None:
    """Accept an order for matching, or for parking when it has a trigger.

    Rejects: NO_MARKET, MARKET_EXPIRED, NO_MARK, OUT_OF_RANGE (no size, no price), BAD_FLAGS (flags that contradict each other),
    TOO_LARGE and DEAD_MAN (the account's switch has fired; neither stops a forced close), EXPIRED, STALE_INDEX, POST_ONLY_STAGE, ALREADY_DUE. Rounding: the bound of
    a market order without a price, towards the mark. Twin: contracts/src/referee/steps/PlaceOrder.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    market = state.markets.open(registers.arg_market)
    risk = state.risk.open(0)
    account = state.accounts.open(registers.arg_account)
    price = state.prices.open(registers.arg_market)
    if machine.events is not None:
        _tell_order(machine)

    # CHECK
    mark = risk_market_mark_ticks(state.risk.words, risk, registers.arg_market)
    outcome = _check(machine, market, mark, account)
    if outcome == Outcome.ACCEPTED:
        parks: i64 = FLAG_POST_ONLY if registers.arg_trigger_ticks else 0
        outcome = check_order_stage(state, price, registers.arg_flags | parks)
    if (
        outcome == Outcome.ACCEPTED
        and registers.arg_trigger_ticks
        and is_due(registers.arg_trigger_ticks, registers.arg_flags, mark)
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
            registers.arg_price_ticks = _bound(registers.arg_side, mark, market_band_ppm(state.markets.words, market))
    if registers.arg_flags & FLAG_FOK:
        registers.arg_flags |= FLAG_IOC
        registers.phase = Phase.SCAN_MAKER
    else:
        registers.phase = Phase.MATCH_MAKER

    # WRITE: registers only.


def _tell_order(machine: Machine) -> None:
    registers = machine.state.registers
    machine.emit(
        "order",
        registers.arg_account,
        registers.arg_id,
        registers.arg_market,
        registers.arg_side,
        registers.arg_price_ticks,
        registers.arg_lots,
        registers.arg_flags,
    )


def _check(machine: Machine, market: Market, mark: i64, account: Account) -> i64:
    state = machine.state
    registers = state.registers
    flags = registers.arg_flags
    if market_status(state.markets.words, market) != MARKET_LIVE:
        return Outcome.NO_MARKET
    if has_expired(state.markets.words, market, registers.clock_ms):
        return Outcome.MARKET_EXPIRED
    if mark == 0:
        return Outcome.NO_MARK
    if registers.arg_lots == 0 or (registers.arg_price_ticks == 0 and flags & FLAG_MARKET == 0):
        return Outcome.OUT_OF_RANGE
    if _contradict(flags) or not _may_wait(registers):
        return Outcome.BAD_FLAGS
    # What a forced close says of itself: it only makes a position smaller, whatever the limits are by now.
    closes = registers.arg_amount == 1
    if not closes and registers.arg_lots > market_max_lots(state.markets.words, market):
        return Outcome.TOO_LARGE
    if registers.arg_time_ms != 0 and registers.arg_time_ms <= registers.clock_ms:
        return Outcome.EXPIRED
    return Outcome.DEAD_MAN if not closes and switch_fired(state, account) else Outcome.ACCEPTED


def _contradict(flags: i64) -> bool:
    """Whether an order both takes at once and only posts, or names two ways to meet an own order."""
    if flags & FLAG_POST_ONLY and flags & (FLAG_IOC | FLAG_FOK | FLAG_MARKET):
        return True
    both = FLAG_STP_TAKER | FLAG_STP_BOTH
    return flags & both == both


def _may_wait(registers: Registers) -> bool:
    """Whether only an order with a trigger names its direction, and only one that does not take at once has a pair."""
    if registers.arg_trigger_ticks:
        return True
    if registers.arg_flags & FLAG_TRIGGER_ABOVE:
        return False
    return registers.arg_pair == 0 or registers.arg_flags & FLAG_POST_ONLY != 0


def _bound(side: i64, mark: i64, band_ppm: i64) -> i64:
    """Return the worst price of a market order that names none: the market's band around the mark, or any."""
    if band_ppm == 0:
        return MAX_PRICE_TICKS if side == BUY else 1
    move = ppm_down(mark, band_ppm)
    if side == BUY:
        return mark + move if mark + move < MAX_PRICE_TICKS else MAX_PRICE_TICKS
    return mark - move if mark - move > 1 else 1
