"""MATCH_MAKER: meet the order in progress with the best resting one."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tallystick.machine.arith import ppm_up
from tallystick.machine.bits import NO_BIT, lowest_bit
from tallystick.machine.liveness import is_dead, is_fired_stop, let_pair_go, park_again
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import (
    NO_PAGE,
    PAGE_LIMBS,
    Path,
    drop_head,
    level_index,
    open_best,
    open_tail_to_free,
    remove_order,
    take_lots,
)
from tallystick.machine.market.brake import brake_runs, is_held
from tallystick.machine.market.ladder import book_slice
from tallystick.machine.market.liquidation import (
    NO_ACCOUNT,
    end_order,
    liquidates,
    liquidation_fee,
    no_fund,
    open_fund,
    pay_fund,
)
from tallystick.machine.market.stages import beyond_collar, is_outdated
from tallystick.machine.market.trade import (
    Fill,
    Terms,
    apply_fill,
    ask_surcharge,
    fee_of_maker,
    may_stand,
    move_totals,
    open_lots_after,
    reducible,
    set_terms,
    undo_fill,
)
from tallystick.machine.orders.carried import in_book, is_fillable
from tallystick.machine.orders.pairs import shrink_pairs
from tallystick.state.cells import (
    Account,
    Market,
    Order,
    Page,
    Risk,
    level_head_page,
    market_maker_fee_ppm,
    market_taker_fee_ppm,
    order_account,
    order_client_id,
    order_flags,
    order_remaining_lots,
    order_sequence,
    page_bits,
    risk_market_multiplier_units,
    set_order_remaining_lots,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
)
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Lots, Ticks, Units, UnitsPerTick

MAKER_FAILED: Final = Outcome.NO_SUCH_ORDER
"""What `_trade` returns when the maker may not trade; no taker ever fails with it."""
NO_TERMS: Final = Terms()
NO_FILL: Final = Fill()
"""What a match has in place of terms and fills until there is a trade: half of all end before."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Match:
    """The cells of one match, the terms and both sides' fills. Shape: `slot` and numbers are cell indices, cells word offsets."""

    def __init__(self, machine: Machine) -> None:
        registers = machine.state.registers
        self.machine = machine
        self.path = Path(registers.arg_market, 1 - registers.arg_side)
        self.market = Market(0)
        self.taker = Account(0)
        self.risk = Risk(0)
        self.page = Page(0)
        self.slot: i64 = 0
        self.order = Order(0)
        self.maker_number: AccountId = AccountId(0)
        self.maker = Account(0)
        self.tail = NO_PAGE
        self.fund = NO_ACCOUNT
        self.terms = NO_TERMS
        self.taker_fee_units: i64 = 0
        self.maker_fee_units: i64 = 0
        self.taker_fill = NO_FILL
        self.maker_fill = NO_FILL


def step(machine: Machine) -> None:
    """Fill against the best maker, take a dead one out of the book, or find that nothing crosses.

    Price-time priority is what the cells say: the best price by the occupancy words, the oldest order of its page.
    Meeting an own order cancels the maker, the taker or both, as the taker's flags say; a dead order is nobody's.
    Rejects: WORK_LIMIT (as many runs as a record may make; a fired order is parked again instead), NOTHING_TO_REDUCE,
    UNFILLED (nothing crosses, or only beyond the collar; a fired stop is parked again for the latter, and while a brake
    runs), SELF_TRADE, WOULD_CROSS, BRAKE, NO_POSITION_SLOT, POSITION_LIMIT, MARGIN (a maker with one of these four faults
    leaves the book, as does one beyond the collar, and before a POST_ONLY taker one that could not be filled), OPEN_INTEREST;
    the taker's rest is cancelled. Rounding: fees up, the maker's rebate down. Twin: contracts/src/referee/steps/MatchMaker.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    if registers.work == 0:
        _work_ends(machine)
        return
    registers.work -= 1
    match = Match(machine)
    match.market = state.markets.open(registers.arg_market)
    match.taker = state.accounts.open(registers.arg_account)
    match.risk = state.risk.open(0)
    if registers.arg_flags & FLAG_REDUCE_ONLY and not _clip(match):
        machine.finish(Outcome.NOTHING_TO_REDUCE)
        return
    if not open_best(state, match.path) or not _crosses(machine, match.path.price_ticks):
        _leave_book(match)
        return
    match.path.level = state.levels.open(level_index(match.path))
    head = level_head_page(state.levels.words, match.path.level)
    match.page = state.pages.open(head)
    position = lowest_bit(state.pages.words, page_bits(match.page), PAGE_LIMBS)
    if position == NO_BIT:
        drop_head(state, match.path, match.page)
        return
    match.slot = head << 6 | position
    match.order = state.orders.open(match.slot)
    match.maker_number = order_account(state.orders.words, match.order)
    match.maker = state.accounts.open(match.maker_number)
    match.tail = open_tail_to_free(state, match.path, head)
    match.fund = open_fund(machine)

    # CHECK
    if _makers_turn_ends(match):
        return
    lots = _lots(match)
    outcome: i64 = MAKER_FAILED if lots == 0 else _check_brake(match)
    if outcome == Outcome.ACCEPTED:
        outcome = _trade(match, lots)

    # APPLY and WRITE
    if outcome == MAKER_FAILED:
        _give_maker_up(match)
    elif outcome != Outcome.ACCEPTED:
        end_order(machine, outcome)
    else:
        _settle(match, lots)


def _work_ends(machine: Machine) -> None:
    """End an order whose work is done; what is left of a fired one is parked again."""
    if machine.state.registers.fired_trigger_ticks == 0:
        end_order(machine, Outcome.WORK_LIMIT)
    else:
        park_again(machine.state.registers)


def _collar_ends(machine: Machine) -> None:
    """End an order that the collar keeps from what it crosses; a stop is parked again.

    An order with a limit of its own keeps to it.
    """
    registers = machine.state.registers
    if registers.arg_flags & FLAG_POST_ONLY:
        machine.finish(Outcome.WOULD_CROSS)
    elif is_fired_stop(registers):
        park_again(registers)
    else:
        machine.finish(Outcome.UNFILLED)


def _crosses(machine: Machine, price_ticks: i64) -> bool:
    registers = machine.state.registers
    limit_ticks = registers.arg_price_ticks
    return price_ticks <= limit_ticks if registers.arg_side == BUY else price_ticks >= limit_ticks


def _leave_book(match: Match) -> None:
    """Nothing crosses: rest what is left, or cancel it when the order is immediate-or-cancel.

    A stop is parked again while a brake runs, which has taken out of the book what it would have met.
    """
    state = match.machine.state
    registers = state.registers
    if registers.arg_flags & FLAG_IOC == 0:
        registers.phase = Phase.REST_ORDER
    elif is_fired_stop(registers) and brake_runs(state, match.market):
        park_again(registers)
    else:
        end_order(match.machine, Outcome.UNFILLED)


def _clip(match: Match) -> bool:
    """Leave of a reduce-only taker no more than its position; False when there is none to reduce."""
    state = match.machine.state
    registers = state.registers
    most_lots = reducible(state.accounts.words, match.taker, registers.arg_market, registers.arg_side)
    registers.arg_lots = min(registers.arg_lots, most_lots)
    return most_lots > 0


def _makers_turn_ends(match: Match) -> bool:
    """Whether the step is over before a fill: a dead maker, one from before a halt, the taker's own order, the collar, or a taker that only posts.

    Who is liquidated is free of the collar, for its limit stands for it; who buys from it, or sells to it, is not.
    """
    machine = match.machine
    registers = machine.state.registers
    flags = registers.arg_flags
    if is_dead(machine.state, match.slot, match.order, match.maker):
        _remove_maker(match)
        return True
    if _is_old(match):
        _give_maker_up(match)
        return True
    if match.maker_number == registers.arg_account:
        if flags & FLAG_STP_TAKER == 0:
            _remove_maker(match)
        if flags & (FLAG_STP_TAKER | FLAG_STP_BOTH):
            machine.finish(Outcome.SELF_TRADE)
        return True
    if _is_beyond(match, match.path.book):
        _give_maker_up(match)
        return True
    if not liquidates(machine) and _is_beyond(match, registers.arg_side):
        _collar_ends(machine)
        return True
    if flags & FLAG_POST_ONLY:
        if _stands(match):
            machine.finish(Outcome.WOULD_CROSS)
        else:
            _give_maker_up(match)
        return True
    return False


def _is_old(match: Match) -> bool:
    """Whether the maker was placed before a halt, at a price that its owner would not give any more."""
    state = match.machine.state
    placed = order_sequence(state.orders.words, match.order)
    return is_outdated(state, match.risk, match.path.market, placed, match.path.book, match.path.price_ticks)


def _is_beyond(match: Match, side: i64) -> bool:
    """Whether the maker's price lies beyond the collar, to the harm of a side."""
    state = match.machine.state
    return beyond_collar(state, match.market, match.risk, match.path.market, side, match.path.price_ticks)


def _stands(match: Match) -> bool:
    """Whether somebody who takes all of the maker's order gets it; one that is nobody's to take keeps nobody from quoting."""
    state = match.machine.state
    return is_fillable(state, match.maker, match.risk, match.market, in_book(state.orders.words, match.order))


def _lots(match: Match) -> Lots:
    """Return what the two may exchange: 0 when a reduce-only maker has nothing to reduce."""
    state = match.machine.state
    words = state.orders.words
    lots = order_remaining_lots(words, match.order)
    if order_flags(words, match.order) & FLAG_REDUCE_ONLY:
        most_lots = reducible(state.accounts.words, match.maker, match.path.market, 1 - state.registers.arg_side)
        lots = min(lots, most_lots)
    return min(lots, state.registers.arg_lots)


def _check_brake(match: Match) -> i64:
    """Whether no brake holds what the two have: no fill changes a position that it holds, whoever asks."""
    state = match.machine.state
    if is_held(state, match.market, match.risk, match.path.market, match.taker):
        return Outcome.BRAKE
    held = is_held(state, match.market, match.risk, match.path.market, match.maker)
    return MAKER_FAILED if held else Outcome.ACCEPTED


def _give_maker_up(match: Match) -> None:
    """Take a maker out of the book that lives, but is not to be filled; its pair goes on alone."""
    let_pair_go(match.machine.state, match.order)
    _remove_maker(match)


def _remove_maker(match: Match) -> None:
    machine = match.machine
    client_id = order_client_id(machine.state.orders.words, match.order)
    remove_order(machine.state, match.path, match.slot, match.order, match.maker, match.page, match.tail)
    if machine.events is not None:
        machine.emit("removed", match.maker_number, client_id, match.slot)


def _trade(match: Match, lots: Lots) -> i64:
    """Apply both sides and check their limits, then their margin; undo both when either may not stand."""
    machine = match.machine
    state = machine.state
    registers = state.registers
    side = registers.arg_side
    match.terms, match.taker_fill, match.maker_fill = Terms(), Fill(), Fill()
    _set_terms(match, lots)
    outcome = apply_fill(state, match.taker, match.risk, match.terms, side, match.taker_fee_units, match.taker_fill)
    if outcome != Outcome.ACCEPTED:
        return outcome
    outcome = apply_fill(state, match.maker, match.risk, match.terms, 1 - side, match.maker_fee_units, match.maker_fill)
    if outcome != Outcome.ACCEPTED:
        undo_fill(state, match.taker, match.terms, match.taker_fill)
        return MAKER_FAILED
    outcome = _carried(match)
    if outcome == Outcome.ACCEPTED:
        outcome = move_totals(state, match.market, match.taker_fill, match.maker_fill)
    if outcome != Outcome.ACCEPTED:
        undo_fill(state, match.maker, match.terms, match.maker_fill)
        undo_fill(state, match.taker, match.terms, match.taker_fill)
        return outcome
    if not no_fund(match.fund):
        pay_fund(machine, match.fund, match.taker_fee_units)
        match.taker_fee_units = 0
    registers.fees_units = Units(registers.fees_units + match.taker_fee_units + match.maker_fee_units)
    return Outcome.ACCEPTED


def _carried(match: Match) -> i64:
    """Ask of both sides what open interest asks of what they add, and whether their margin carries the fill."""
    state = match.machine.state
    lots = open_lots_after(state, match.market, match.taker_fill, match.maker_fill)
    ask_surcharge(state, match.market, match.taker, match.risk, match.terms, lots, match.taker_fill)
    ask_surcharge(state, match.market, match.maker, match.risk, match.terms, lots, match.maker_fill)
    if not liquidates(match.machine) and not may_stand(state, match.taker, match.risk, match.terms, match.taker_fill):
        return Outcome.MARGIN
    stands = may_stand(state, match.maker, match.risk, match.terms, match.maker_fill)
    return Outcome.ACCEPTED if stands else MAKER_FAILED


def _set_terms(match: Match, lots: Lots) -> None:
    """What both sides would exchange, and what each would pay for it."""
    machine = match.machine
    state = machine.state
    rules = state.markets.words
    tick_units = UnitsPerTick(lots * risk_market_multiplier_units(state.risk.words, match.risk, match.path.market))
    price_ticks = Ticks(match.path.price_ticks)
    quote_units = Units(tick_units * price_ticks)
    if liquidates(machine):
        match.maker_fee_units = ppm_up(quote_units, market_maker_fee_ppm(rules, match.market))
        match.taker_fee_units = liquidation_fee(machine, match.market, match.fund, quote_units, tick_units, price_ticks)
    else:
        match.taker_fee_units = ppm_up(quote_units, market_taker_fee_ppm(rules, match.market))
        match.maker_fee_units = fee_of_maker(state, match.market, quote_units)
    set_terms(state, match.market, match.terms, match.path.market, lots, quote_units)


def _settle(match: Match, lots: Lots) -> None:
    """Book a trade that stands: the maker's order, the taker's rest."""
    machine = match.machine
    state = machine.state
    registers = state.registers
    orders = state.orders.words
    machine.fills += 1
    book_slice(machine, match.market, match.risk, match.terms, match.taker_fill)
    state.markets.mark(registers.arg_market)
    state.accounts.mark(registers.arg_account)
    state.accounts.mark(match.maker_number)
    if machine.events is not None:
        _tell_fill(match, lots)
    set_order_remaining_lots(orders, match.order, Lots(order_remaining_lots(orders, match.order) - lots))
    take_lots(state, match.path, lots)
    shrink_pairs(machine, match.order, lots)
    state.orders.mark(match.slot)
    if order_remaining_lots(orders, match.order) == 0:
        remove_order(state, match.path, match.slot, match.order, match.maker, match.page, match.tail)
    registers.arg_lots = Lots(registers.arg_lots - lots)
    if registers.arg_lots == 0:
        machine.finish(Outcome.ACCEPTED)


def _tell_fill(match: Match, lots: Lots) -> None:
    machine = match.machine
    registers, orders = machine.state.registers, machine.state.orders.words
    sides = (registers.arg_side, registers.arg_account, match.maker_number)
    ids = (registers.arg_client_id, order_client_id(orders, match.order), match.slot)
    machine.emit("fill", registers.arg_market, match.path.price_ticks, lots, *sides, *ids)
