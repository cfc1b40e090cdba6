"""Answers about the live state, for the API. Nothing here opens a cell that is not there, or changes one."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.bits import read_address
from tallystick.machine.market.risk import health, withdrawable
from tallystick.machine.market.rules import rules_in_force
from tallystick.machine.market.stages import check_order_stage
from tallystick.machine.nonces import LIMBS as NONCE_LIMBS
from tallystick.schema.market_rules import RULES
from tallystick.schema.names import Outcome
from tallystick.shapes.accounts import Account, Agent, Order, Position
from tallystick.shapes.market_data import Book, Change, Market, MarketStatus
from tallystick.state.layout import (
    ACCOUNT_CASH_UNITS,
    ACCOUNT_DEAD_MAN_MS,
    ACCOUNT_NONCE_CURRENT,
    ACCOUNT_NONCE_WORD,
    ACCOUNT_OWNER,
    ACCOUNT_POSITION_MARKET,
    ACCOUNT_POSITION_SIZE_LOTS,
    ACCOUNT_POSITION_WORDS,
    ACCOUNT_POSITIONS,
    AGENT_EXPIRY_MS,
    AGENT_KEY,
    AGENT_SCOPE,
    BUY,
    FLAG_TRIGGER_ABOVE,
    MARKET_EXPIRY_MS,
    MARKET_KIND,
    MARKET_LIVE,
    MARKET_MAKER_FEE_PPM,
    MARKET_MAX_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    MARKET_STATUS,
    MARKET_TAKER_FEE_PPM,
    MAX_MARKETS,
    MAX_POSITIONS,
    NONCE_WORD_BITS,
    ORACLE_ROUND,
    ORDER_CLIENT_ID,
    ORDER_EXPIRY_MS,
    ORDER_FLAGS,
    ORDER_MARKET,
    ORDER_PAIR_SLOT,
    ORDER_PRICE_TICKS,
    ORDER_REMAINING_LOTS,
    ORDER_SIDE,
    ORDER_TRIGGER_TICKS,
    PENDING_CHANGES,
    PENDING_EFFECTIVE_MS,
    PENDING_RULES,
    PRICE_INDEX_MS,
    PRICE_INDEX_TICKS,
    RISK_RISKMARKET_FUNDING_INDEX_PPM,
    RISK_RISKMARKET_INITIAL_PPM,
    RISK_RISKMARKET_MAINTENANCE_PPM,
    RISK_RISKMARKET_MARK_TICKS,
    RISK_RISKMARKET_MULTIPLIER,
    RISK_RISKMARKET_WORDS,
)
from tallystick.state.state import State
from tallystick_operator.api.ladder import levels, order_is_dead, prices
from tallystick_operator.sequencer.readmodel import ReadModel

AGENT_SLOTS = 15
SCOPES = ("none", "place", "cancel", "both")


_STAGES: Final[dict[int, MarketStatus]] = {
    Outcome.ACCEPTED: "live",
    Outcome.STALE_INDEX: "halted",
    Outcome.POST_ONLY_STAGE: "post-only",
}


def markets(state: State) -> list[Market]:
    """Return every listed market."""
    return [found for found in (market(state, number) for number in range(MAX_MARKETS)) if found]


def market(state: State, number: int) -> Market | None:
    """Return a market, None when it is not listed."""
    base = state.markets.rows.get(number)
    if base is None or state.markets.words[base + MARKET_STATUS] == 0:
        return None
    rules = state.markets.words
    risk = state.risk.words
    entry = state.risk.rows[0] + number * RISK_RISKMARKET_WORDS
    oracle = state.oracles.rows.get(number)
    price = state.prices.rows.get(number)
    return Market(
        market=number,
        mark_ticks=risk[entry + RISK_RISKMARKET_MARK_TICKS],
        best_bid_ticks=next(prices(state, number, BUY), None),
        best_ask_ticks=next(prices(state, number, 1 - BUY), None),
        round=state.oracles.words[oracle + ORACLE_ROUND] if oracle is not None else 0,
        multiplier=risk[entry + RISK_RISKMARKET_MULTIPLIER],
        initial_ppm=risk[entry + RISK_RISKMARKET_INITIAL_PPM],
        maintenance_ppm=risk[entry + RISK_RISKMARKET_MAINTENANCE_PPM],
        taker_fee_ppm=rules[base + MARKET_TAKER_FEE_PPM],
        maker_fee_ppm=rules[base + MARKET_MAKER_FEE_PPM],
        max_lots=rules[base + MARKET_MAX_LOTS],
        open_interest_lots=rules[base + MARKET_OPEN_INTEREST_LOTS],
        kind=rules[base + MARKET_KIND],
        expiry_ms=rules[base + MARKET_EXPIRY_MS],
        rules=dict(zip(RULES, rules_in_force(state, base, entry), strict=True)),
        status=_status(state, rules[base + MARKET_STATUS], price),
        index_ticks=state.prices.words[price + PRICE_INDEX_TICKS] if price is not None else 0,
        index_ms=state.prices.words[price + PRICE_INDEX_MS] if price is not None else 0,
        funding_index=risk[entry + RISK_RISKMARKET_FUNDING_INDEX_PPM],
        change=_change(state, number),
    )


def _status(state: State, status: int, price: int | None) -> MarketStatus:
    if status != MARKET_LIVE:
        return "settled"
    return "halted" if price is None else _STAGES[check_order_stage(state, price, 0)]


def _change(state: State, number: int) -> Change:
    base = state.pendings.rows.get(number)
    if base is None:
        return Change()
    words = state.pendings.words
    effective = words[base + PENDING_EFFECTIVE_MS]
    rules = {name: words[base + PENDING_RULES + place] for place, name in enumerate(RULES)} if effective else {}
    return Change(proposed=words[base + PENDING_CHANGES], effective_ms=effective, rules=rules)


def book(state: State, number: int, depth: int) -> Book:
    """Return the best `depth` prices of either side that hold a living order."""
    entry = state.risk.rows[0] + number * RISK_RISKMARKET_WORDS
    return Book(
        market=number,
        mark_ticks=state.risk.words[entry + RISK_RISKMARKET_MARK_TICKS],
        bids=levels(state, number, BUY, depth),
        asks=levels(state, number, 1 - BUY, depth),
    )


def account(state: State, read_model: ReadModel, number: int) -> Account | None:
    """Return an account, None when nobody owns it."""
    base = state.accounts.rows.get(number)
    if base is None:
        return None
    words = state.accounts.words
    owner = read_address(words, base + ACCOUNT_OWNER)
    if not any(owner):
        return None
    measured = health(state, base, state.risk.open(0))
    return Account(
        account=number,
        owner="0x" + owner.hex(),
        cash_units=words[base + ACCOUNT_CASH_UNITS],
        value_units=measured.value,
        initial_units=measured.initial,
        maintenance_units=measured.maintenance,
        withdrawable_units=withdrawable(state, measured),
        next_nonce=next_nonce(words, base),
        dead_man_ms=words[base + ACCOUNT_DEAD_MAN_MS],
        positions=_positions(state, base),
        orders=orders(state, read_model, number),
    )


def agents(state: State, number: int) -> list[Agent]:
    """Return an account's agents, those that are revoked left out."""
    found: list[Agent] = []
    for slot in range(1, AGENT_SLOTS + 1):
        base = state.agents.rows.get(number << 4 | slot)
        if base is None or not any(address := read_address(state.agents.words, base + AGENT_KEY)):
            continue
        expiry = state.agents.words[base + AGENT_EXPIRY_MS]
        found.append(
            Agent(
                slot=slot,
                address="0x" + address.hex(),
                scope=SCOPES[state.agents.words[base + AGENT_SCOPE]],
                expiry_ms=expiry,
                expired=0 < expiry <= state.registers.clock_ms,
            )
        )
    return found


def orders(state: State, read_model: ReadModel, number: int) -> list[Order]:
    """Return an account's resting orders, oldest first."""
    words = state.orders.words
    found: list[Order] = []
    for slot in read_model.slots_of(number):
        base = state.orders.rows[slot]
        found.append(
            Order(
                market=words[base + ORDER_MARKET],
                side=words[base + ORDER_SIDE],
                price_ticks=words[base + ORDER_PRICE_TICKS],
                remaining_lots=words[base + ORDER_REMAINING_LOTS],
                client_id=words[base + ORDER_CLIENT_ID],
                record_number=read_model.orders[slot].record,
                expiry_ms=words[base + ORDER_EXPIRY_MS],
                slot=slot,
                dead=order_is_dead(state, slot),
                flags=words[base + ORDER_FLAGS],
                trigger_ticks=words[base + ORDER_TRIGGER_TICKS],
                above=words[base + ORDER_FLAGS] & FLAG_TRIGGER_ABOVE != 0,
                pair=_pair(state, base),
            )
        )
    return found


def next_nonce(words: vec[i64], base: int) -> int:
    """Return the smallest nonce above every nonce the account has used."""
    used: int = 0
    for limb in range(NONCE_LIMBS):
        used = used << 32 | words[base + ACCOUNT_NONCE_CURRENT + limb]
    return words[base + ACCOUNT_NONCE_WORD] * NONCE_WORD_BITS + used.bit_length()


def _pair(state: State, order: int) -> int:
    other = state.orders.rows.get(state.orders.words[order + ORDER_PAIR_SLOT])
    return 0 if other is None else state.orders.words[other + ORDER_CLIENT_ID]


def _positions(state: State, base: int) -> list[Position]:
    found: list[Position] = []
    words = state.accounts.words
    for slot in range(MAX_POSITIONS):
        position = base + ACCOUNT_POSITIONS + slot * ACCOUNT_POSITION_WORDS
        size = words[position + ACCOUNT_POSITION_SIZE_LOTS]
        if size == 0:
            continue
        number = words[position + ACCOUNT_POSITION_MARKET]
        entry = state.risk.rows[0] + number * RISK_RISKMARKET_WORDS
        mark = state.risk.words[entry + RISK_RISKMARKET_MARK_TICKS]
        worth = size * mark * state.risk.words[entry + RISK_RISKMARKET_MULTIPLIER]
        found.append(Position(market=number, size_lots=size, mark_ticks=mark, worth_units=worth))
    return found
