"""Answers about the live state, for the API. Nothing here opens a cell that is not there, or changes one."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.market.brake import is_held
from tallystick.machine.market.instrument import exposure_of, worth_of
from tallystick.machine.market.risk import health, withdrawable
from tallystick.machine.market.rules import rules_in_force
from tallystick.machine.market.stages import index_stopped
from tallystick.machine.nonces import LIMBS as NONCE_LIMBS
from tallystick.records.market_names import MarketName, market_name
from tallystick.schema.market_rules import RULES
from tallystick.shapes.accounts import Account, Agent, Order, Position
from tallystick.shapes.market_data import Book, Change, Market, MarketStatus
from tallystick.state import cells
from tallystick.state.cells import (
    account_cash_units,
    account_dead_man_ms,
    account_nonce_current,
    account_nonce_word,
    account_owner,
    account_position_cost_units,
    account_position_extra_units,
    account_position_market,
    account_position_size_lots,
    agent_expiry_ms,
    agent_key,
    agent_scope,
    market_down_ms,
    market_expiry_ms,
    market_kind,
    market_live_ms,
    market_maker_fee_ppm,
    market_max_lots,
    market_open_interest_lots,
    market_series,
    market_status,
    market_taker_fee_ppm,
    market_up_ms,
    order_client_id,
    order_expiry_ms,
    order_flags,
    order_market,
    order_pair_sequence,
    order_pair_slot,
    order_price_ticks,
    order_remaining_lots,
    order_sequence,
    order_side,
    order_trigger_ticks,
    pending_changes,
    pending_effective_ms,
    pending_rules,
    price_index_ms,
    price_index_ticks,
    risk_market_funding_index_ppm,
    risk_market_index_ticks,
    risk_market_initial_ppm,
    risk_market_maintenance_ppm,
    risk_market_mark_ticks,
    risk_market_multiplier_units,
)
from tallystick.state.layout import (
    BUY,
    FLAG_TRIGGER_ABOVE,
    LEAN_BEST,
    LEAN_MARKED,
    LEAN_WORST,
    MARKET_LIVE,
    MAX_MARKETS,
    MAX_POSITIONS,
    NONCE_WORD_BITS,
)
from tallystick.state.ordinals import NEVER, AccountId, MarketId, UnixMs
from tallystick.state.state import State
from tallystick_operator.api.depth import levels
from tallystick_operator.intake.door import Refused
from tallystick_operator.sequencer.readmodel import ReadModel
from tallystick_operator.sequencer.sweeping import order_is_dead

AGENT_SLOTS = 15
SCOPES = ("none", "place", "cancel", "both")


def markets(state: State) -> list[Market]:
    """Return every listed market."""
    return [found for found in (market(state, number) for number in map(MarketId, range(MAX_MARKETS))) if found]


def market(state: State, number: MarketId) -> Market | None:
    """Return a market, None when it is not listed."""
    base = state.markets.find(number)
    if base is None or market_status(state.markets.words, base) == 0:
        return None
    rules = state.markets.words
    marks, risk = state.risk.words, state.risk.known(0)
    price = state.prices.find(number)
    return Market(
        market=number,
        series=market_series(rules, base),
        mark_ticks=int(risk_market_mark_ticks(marks, risk, number)),
        best_bid_ticks=_best(state, number, BUY),
        best_ask_ticks=_best(state, number, 1 - BUY),
        multiplier=int(risk_market_multiplier_units(marks, risk, number)),
        initial_ppm=int(risk_market_initial_ppm(marks, risk, number)),
        maintenance_ppm=int(risk_market_maintenance_ppm(marks, risk, number)),
        taker_fee_ppm=int(market_taker_fee_ppm(rules, base)),
        maker_fee_ppm=int(market_maker_fee_ppm(rules, base)),
        max_lots=int(market_max_lots(rules, base)),
        open_interest_lots=int(market_open_interest_lots(rules, base)),
        kind=market_kind(rules, base),
        expiry_ms=market_expiry_ms(rules, base),
        live_ms=market_live_ms(rules, base),
        rules=dict(zip(RULES, map(int, rules_in_force(state, number, base, risk)), strict=True)),
        status=_status(state, number, base),
        index_ticks=int(price_index_ticks(state.prices.words, price) if price is not None else 0),
        margin_index_ticks=int(risk_market_index_ticks(marks, risk, number)),
        index_ms=price_index_ms(state.prices.words, price) if price is not None else NEVER,
        funding_index=int(risk_market_funding_index_ppm(marks, risk, number)),
        down_ms=market_down_ms(rules, base),
        up_ms=market_up_ms(rules, base),
        change=_change(state, number),
    )


def find_series(state: State, named: MarketName, *, past: bool = False) -> tuple[MarketId, int]:
    """Return a market and the series meant of it, the one that is listed unless another is named.

    Raises: Refused when it is not listed, or in another series, but for a `past` one.
    """
    base = state.markets.find(named.market)
    if base is None or market_status(state.markets.words, base) == 0:
        raise Refused(404, "no_market", "there is no such market", "market")
    listed = market_series(state.markets.words, base)
    series = listed if named.series is None else named.series
    if series > listed or (series != listed and not past):
        shown = market_name(named.market, listed)
        raise Refused(404, "no_market", f"no such series is listed: the market is {shown}", "market")
    return named.market, series


def is_over(state: State, number: MarketId) -> bool:
    """Whether nothing can be traded in a market any more: it has expired, or is settled."""
    base = state.markets.find(number)
    if base is None:
        return False
    expiry = market_expiry_ms(state.markets.words, base)
    expired = 0 < expiry <= state.registers.clock_ms
    return expired or market_status(state.markets.words, base) != MARKET_LIVE


def is_gone(state: State, slot: int) -> bool:
    """Whether nobody can fill a resting order any more, though it is in the book."""
    base = state.orders.known(slot)
    return order_is_dead(state, slot) or is_over(state, order_market(state.orders.words, base))


def _best(state: State, number: MarketId, side: int) -> int | None:
    """Return the best price of a side at which somebody can still be met."""
    living = [] if is_over(state, number) else levels(state, number, side, 1)
    return living[0].price_ticks if living else None


def _status(state: State, number: MarketId, base: cells.Market) -> MarketStatus:
    if market_status(state.markets.words, base) != MARKET_LIVE:
        return "settled"
    if is_over(state, number):
        return "expired"
    if market_live_ms(state.markets.words, base) > state.registers.clock_ms:
        return "listed"
    return "halted" if index_stopped(state, state.risk.known(0), number) else "live"


def _change(state: State, number: MarketId) -> Change:
    base = state.pendings.find(int(number))
    if base is None:
        return Change()
    words = state.pendings.words
    effective = pending_effective_ms(words, base)
    rules = {name: pending_rules(words, base, place) for place, name in enumerate(RULES)} if effective else {}
    return Change(proposed=pending_changes(words, base), effective_ms=effective, rules=rules)


def book(state: State, number: MarketId, depth: int) -> Book:
    """Return the best `depth` prices of either side that hold a living order; a market that is over has none."""
    depth = 0 if is_over(state, number) else depth
    return Book(
        market=number,
        series=_series(state, number),
        mark_ticks=int(risk_market_mark_ticks(state.risk.words, state.risk.known(0), number)),
        bids=levels(state, number, BUY, depth),
        asks=levels(state, number, 1 - BUY, depth),
    )


def account(state: State, read_model: ReadModel, number: AccountId, *, with_orders: bool = True) -> Account | None:
    """Return an account, None when nobody owns it."""
    base = state.accounts.find(number)
    if base is None:
        return None
    words = state.accounts.words
    owner = account_owner(words, base)
    if not any(owner):
        return None
    risk = state.risk.open(0)
    measured = health(state, base, risk, LEAN_MARKED)
    worst = health(state, base, risk, LEAN_WORST)
    best = health(state, base, risk, LEAN_BEST)
    return Account(
        account=number,
        owner="0x" + owner.hex(),
        cash_units=int(account_cash_units(words, base)),
        value_units=measured.value_units,
        initial_units=measured.initial_units,
        maintenance_units=measured.maintenance_units,
        free_units=worst.value_units - worst.initial_units,
        spare_units=best.value_units - best.maintenance_units,
        gain_units=worst.gain_units,
        withdrawable_units=withdrawable(state, worst),
        next_nonce=next_nonce(words, base),
        dead_man_ms=account_dead_man_ms(words, base),
        positions=_positions(state, base),
        orders=orders(state, read_model, number) if with_orders else [],
    )


def agents(state: State, number: AccountId) -> list[Agent]:
    """Return an account's agents, those that are revoked left out."""
    found: list[Agent] = []
    for slot in range(1, AGENT_SLOTS + 1):
        base = state.agents.find(number << 4 | slot)
        if base is None or not any(address := agent_key(state.agents.words, base)):
            continue
        expiry = agent_expiry_ms(state.agents.words, base)
        found.append(
            Agent(
                slot=slot,
                address="0x" + address.hex(),
                scope=SCOPES[agent_scope(state.agents.words, base)],
                expiry_ms=expiry,
                expired=0 < expiry <= state.registers.clock_ms,
            )
        )
    return found


def orders(state: State, read_model: ReadModel, number: AccountId) -> list[Order]:
    """Return an account's resting orders, oldest first."""
    return [order(state, read_model, slot) for slot in read_model.slots_of(number)]


def order(state: State, read_model: ReadModel, slot: int) -> Order:
    """Return the order that rests in a slot."""
    words = state.orders.words
    base = state.orders.known(slot)
    return Order(
        market=order_market(words, base),
        series=_series(state, order_market(words, base)),
        side=order_side(words, base),
        price_ticks=int(order_price_ticks(words, base)),
        remaining_lots=int(order_remaining_lots(words, base)),
        client_id=order_client_id(words, base),
        record_number=read_model.orders[slot].record,
        sequence=order_sequence(words, base),
        expiry_ms=order_expiry_ms(words, base),
        slot=slot,
        dead=is_gone(state, slot),
        flags=order_flags(words, base),
        trigger_ticks=int(order_trigger_ticks(words, base)),
        above=order_flags(words, base) & FLAG_TRIGGER_ABOVE != 0,
        pair=_pair(state, slot, base),
    )


def next_nonce(words: vec[i64], base: cells.Account) -> int:
    """Return the smallest nonce above every nonce the account has used."""
    used: int = 0
    for limb in range(NONCE_LIMBS):
        used = used << 32 | words[account_nonce_current(base) + limb]
    return account_nonce_word(words, base) * NONCE_WORD_BITS + used.bit_length()


def _pair(state: State, slot: int, order: cells.Order) -> int:
    """Return the client id of an order's pair, 0 for none: where it was, another order may be by now."""
    words = state.orders.words
    other = state.orders.find(order_pair_slot(words, order))
    if other is None or other == order or order_pair_slot(words, other) != slot:
        return 0
    there = order_remaining_lots(words, other) and order_sequence(words, other) == order_pair_sequence(words, order)
    return order_client_id(words, other) if there else 0


def _positions(state: State, base: cells.Account) -> list[Position]:
    found: list[Position] = []
    words = state.accounts.words
    marks, risk = state.risk.words, state.risk.known(0)
    for slot in range(MAX_POSITIONS):
        size = account_position_size_lots(words, base, slot)
        if size == 0:
            continue
        number = account_position_market(words, base, slot)
        worth = worth_of(marks, risk, number, exposure_of(marks, risk, number, size), LEAN_MARKED)
        mark = risk_market_mark_ticks(marks, risk, number)
        found.append(
            Position(
                market=number,
                series=_series(state, number),
                size_lots=int(size),
                mark_ticks=int(mark),
                worth_units=int(worth),
                cost_units=int(account_position_cost_units(words, base, slot)),
                extra_units=int(account_position_extra_units(words, base, slot)),
                held_until_ms=_held_until(state, number, base, int(size)),
            )
        )
    return found


def _series(state: State, number: MarketId) -> int:
    return market_series(state.markets.words, state.markets.known(number))


def _held_until(state: State, number: MarketId, base: cells.Account, size: int) -> UnixMs:
    market, risk = state.markets.known(number), state.risk.known(0)
    if not is_held(state, market, risk, number, base):
        return NEVER
    return (market_down_ms if size < 0 else market_up_ms)(state.markets.words, market)
