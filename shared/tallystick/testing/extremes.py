"""States at the ends of every range that listings and limits let through, by seeded chance.

All 64 markets are listed, accounts hold 16 positions, cash, marks and funding are as large as they get; the books still
balance, so that what a step does to them can be held against the invariants.
"""

from __future__ import annotations

import random
from typing import Final

from tallystick.state import layout
from tallystick.state.cells import (
    account_cash_units,
    account_position_funding_index_ppm,
    account_position_market,
    account_position_size_lots,
    market_max_lots,
    price_index_ms,
    risk_market_mark_ticks,
    risk_market_multiplier_units,
    set_account_cash_units,
    set_account_position_cost_units,
    set_account_position_extra_units,
    set_account_position_funding_index_ppm,
    set_account_position_market,
    set_account_position_size_lots,
    set_price_settle_sum_ticks_ms,
)
from tallystick.state.layout import (
    KIND_DATED,
    MARKET_LIVE,
    MARKET_SETTLED,
    MAX_CASH_UNITS,
    MAX_DEPOSITED_UNITS,
    MAX_EXPOSURE,
    MAX_FUNDING_INDEX_PPM,
    MAX_MARKETS,
    MAX_OPEN_EXPOSURE,
    MAX_OPEN_INTEREST_LOTS,
    MAX_POSITIONS,
    MAX_PRICE_TICKS,
    MIN_INITIAL_PPM,
    MIN_MAINTENANCE_PPM,
    PPM,
)
from tallystick.state.ordinals import AccountId, MarketId, Number
from tallystick.state.quantities import Lots, TickPpm, Units
from tallystick.state.state import State
from tallystick.testing.byhand import write_rules

TIER_MOST: Final = (1 << 32) - 1
FAR_MARKETS: Final = 2
"""Markets of a state whose funding is as far from 0 as it gets: more of them together would need cash beyond 2^63."""
NEAR_FUNDING: Final = 1 << 40
"""Millionths of a tick: how far the others' funding is from 0."""
BANK: Final = 1000
"""The first of the accounts that hold the other side of everything."""


def extreme(chance: random.Random, least: int, most: int) -> int:
    """Return a number of a range, mostly at an end of it, else of any number of bits."""
    place = chance.random()
    if place < 0.3:
        return min(most, least + chance.randrange(3))
    if place < 0.6:
        return max(least, most - chance.randrange(3))
    if place < 0.8:
        return least + chance.getrandbits(chance.randint(0, (most - least).bit_length())) % (most - least + 1)
    return chance.randint(least, most)


def listing(chance: random.Random) -> dict[str, int]:
    """Return rules that a market may be listed with."""
    multiplier = extreme(chance, 1, MAX_EXPOSURE)
    max_lots = extreme(chance, 1, MAX_EXPOSURE // multiplier)
    taker = extreme(chance, 0, PPM)
    rules = {
        "multiplier": multiplier,
        "max_lots": max_lots,
        "max_open_interest_lots": extreme(chance, 1, min(MAX_OPEN_INTEREST_LOTS, MAX_OPEN_EXPOSURE // multiplier)),
        "insurance_lots": extreme(chance, 0, max_lots),
        "fund_units": extreme(chance, 0, MAX_CASH_UNITS),
        "taker_fee_ppm": taker,
        "maker_fee_ppm": extreme(chance, 0, PPM),
        "rebate_ppm": extreme(chance, 0, taker),
        "liquidation_fee_ppm": extreme(chance, 0, PPM),
        "quote_lots": chance.choice((0, 1, extreme(chance, 1, max_lots), extreme(chance, 1, (1 << 62) - 1))),
        "min_order_units": chance.choice((0, 0, extreme(chance, 0, MAX_CASH_UNITS))),
        **margins(chance),
    }
    rules["band_ppm"] = extreme(chance, 1, rules["maintenance_ppm"] // 2)
    if chance.random() < 0.5:
        begins = extreme(chance, 1, 1 << 56)
        rules |= {"surcharge_from_units": begins, "surcharge_to_units": extreme(chance, begins + 1, (1 << 62) - 1)}
    return rules


def margins(chance: random.Random) -> dict[str, int]:
    """Return margin fractions of one to three tiers."""
    tiers = chance.randint(1, 3)
    initial = sorted(extreme(chance, MIN_INITIAL_PPM, PPM) for _ in range(tiers))
    kept = sorted(extreme(chance, MIN_MAINTENANCE_PPM, PPM) for _ in range(tiers))
    rules: dict[str, int] = {}
    for suffix, most, least in zip(("", "2", "3"), initial, kept, strict=False):
        rules |= {f"initial{suffix}_ppm": most, f"maintenance{suffix}_ppm": min(2 * most // 3, least)}
    if tiers > 1:
        rules["tier2_from_millions"] = extreme(chance, 1, chance.choice((40, TIER_MOST - 1)))
    if tiers > 2:
        rules["tier3_from_millions"] = extreme(chance, rules["tier2_from_millions"] + 1, TIER_MOST)
    return rules


def list_by_hand(state: State, market: int, chance: random.Random, *, far: bool) -> None:
    """Write an extreme market with its mark, funding and samples, as if it had traded for long."""
    rules = listing(chance)
    reach = MAX_FUNDING_INDEX_PPM if far else NEAR_FUNDING
    index = extreme(chance, 1, MAX_PRICE_TICKS)
    write_rules(
        state,
        market,
        {
            **rules,
            "status": MARKET_LIVE,
            "mark_ticks": extreme(chance, 1, MAX_PRICE_TICKS),
            "index_ticks": index,
            "funding_index_ppm": extreme(chance, -reach, reach),
        },
    )
    clock_ms = state.registers.clock_ms
    samples = extreme(chance, 1, layout.HOUR_MS)
    most = samples * PPM
    values = {
        "index_ticks": index,
        "index_ms": _index_ms(chance, int(clock_ms)),
        "resumed_ms": chance.choice((0, 0, _index_ms(chance, int(clock_ms)))),
        "basis_ppm": extreme(chance, -index * rules["band_ppm"], index * rules["band_ppm"]),
        "sample_ms": extreme(chance, max(0, clock_ms - 2 * layout.SAMPLE_MOST_MS), int(clock_ms)),
        "premium_ms": samples,
        "premium_sum_ppm": extreme(chance, -most, most),
        "tick_hour": clock_ms // layout.HOUR_MS,
    }
    base = state.prices.open(MarketId(market))
    for name, value in values.items():
        state.prices.words[base + getattr(layout, f"PRICE_{name.upper()}")] = value
    state.prices.mark(market)
    write_rules(state, market, {"index_ms": values["index_ms"]})


def brake_by_hand(state: State, market: int, chance: random.Random) -> None:
    """Write what jumps of a market are measured from, brakes of which some are over, and what the newest index found held."""
    clock_ms, rules = state.registers.clock_ms, {"braked": chance.randrange(4)}
    for name in ("anchor", "down", "up"):
        rules[f"{name}_ticks"] = extreme(chance, 1, MAX_PRICE_TICKS)
    rules["anchor_ms"] = extreme(chance, max(0, clock_ms - 2 * layout.BRAKE_WINDOW_MS), int(clock_ms))
    for name in ("down", "up"):
        rules[f"{name}_jump_ms"] = extreme(chance, max(0, clock_ms - layout.BRAKE_MOST_MS), int(clock_ms))
        rules[f"{name}_ms"] = rules[f"{name}_jump_ms"] + chance.choice((0, layout.BRAKE_MS, layout.BRAKE_MOST_MS))
    write_rules(state, market, rules)


def settle_by_hand(state: State, market: int) -> None:
    """Make a market's prices final: its mark is all there is, nothing of it is stale and no brake holds."""
    risk = state.risk.open(0)
    final = risk_market_mark_ticks(state.risk.words, risk, MarketId(market))
    write_rules(state, market, {"status": MARKET_SETTLED, "index_ticks": int(final), "index_ms": 0, "braked": 0})


def _index_ms(chance: random.Random, clock_ms: int) -> int:
    """Return a time of the newest index, mostly one that is not stale."""
    return extreme(chance, max(1, clock_ms - layout.STALE_MS - 2), clock_ms) if chance.random() < 0.9 else 1


def expire(state: State, market: int, expiry_ms: int, chance: random.Random) -> None:
    """Make a market a dated future, whose indices have stood for what had gone of its settlement window at its newest."""
    write_rules(state, market, {"kind": KIND_DATED, "expiry_ms": expiry_ms})
    words, price = state.prices.words, state.prices.open(MarketId(market))
    ahead = min(max(expiry_ms - price_index_ms(words, price), 0), layout.SETTLE_WINDOW_MS)
    most = MAX_PRICE_TICKS * (layout.SETTLE_WINDOW_MS - ahead)
    set_price_settle_sum_ticks_ms(words, price, extreme(chance, 0, most))
    state.prices.mark(market)


def fill_account(state: State, account: Number, markets: list[int], chance: random.Random, *, far: list[int]) -> None:
    """Give an account a position in each of up to 16 markets, and cash from end to end of its range."""
    base = state.accounts.open(AccountId(account))
    words = state.accounts.words
    for slot, market in enumerate(markets[:MAX_POSITIONS]):
        most = market_max_lots(state.markets.words, state.markets.open(MarketId(market)))
        reach = MAX_FUNDING_INDEX_PPM if market in far else NEAR_FUNDING
        set_account_position_market(words, base, slot, MarketId(market))
        size = extreme(chance, 1, int(most)) * chance.choice((1, -1))
        tick: int = int(risk_market_multiplier_units(state.risk.words, state.risk.open(0), MarketId(market)))
        worth = size * tick * MAX_PRICE_TICKS
        set_account_position_size_lots(words, base, slot, Lots(size))
        set_account_position_cost_units(words, base, slot, Units(extreme(chance, min(worth, 0), max(worth, 0))))
        set_account_position_extra_units(words, base, slot, Units(extreme(chance, 0, abs(worth))))
        set_account_position_funding_index_ppm(words, base, slot, TickPpm(extreme(chance, -reach, reach)))
    set_account_cash_units(words, base, Units(extreme(chance, -MAX_CASH_UNITS, MAX_CASH_UNITS)))
    state.accounts.mark(account)


def settle_books(state: State) -> None:
    """Make every total what the accounts say, and let banks hold the other side, so that all invariants hold."""
    net, since = _totals(state)
    for number, market in enumerate(sorted(market for market in net if net[market])):
        account, slot = BANK + number // MAX_POSITIONS, number % MAX_POSITIONS
        base, words = state.accounts.open(AccountId(account)), state.accounts.words
        set_account_position_market(words, base, slot, MarketId(market))
        set_account_position_size_lots(words, base, slot, Lots(-net[market]))
        set_account_position_funding_index_ppm(words, base, slot, TickPpm(since[market]))
        state.accounts.mark(account)
    owed = _write_totals(state)
    registers = state.registers
    registers.funding_dust_ppm = -owed % PPM
    registers.deposited_units = Units(MAX_DEPOSITED_UNITS)
    wanted = registers.deposited_units - registers.withdrawn_units - registers.fees_units - (owed + -owed % PPM) // PPM
    bank = state.accounts.open(AccountId(BANK))
    cash = sum(account_cash_units(state.accounts.words, account) for _, account in state.accounts.every())
    set_account_cash_units(
        state.accounts.words, bank, Units(account_cash_units(state.accounts.words, bank) + wanted - cash)
    )
    state.accounts.mark(BANK)
    registers.cash_units = Units(wanted)


def _positions(state: State) -> list[tuple[int, int, int]]:
    """Return (market, size, funding index) of every position."""
    words = state.accounts.words
    found: list[tuple[int, int, int]] = []
    for _, base in state.accounts.every():
        for slot in range(MAX_POSITIONS):
            size = account_position_size_lots(words, base, slot)
            if size:
                market = account_position_market(words, base, slot)
                found.append((int(market), int(size), int(account_position_funding_index_ppm(words, base, slot))))
    return found


def _totals(state: State) -> tuple[dict[int, int], dict[int, int]]:
    """Return by market what its positions sum to, and the funding index of one of them."""
    net: dict[int, int] = {}
    since: dict[int, int] = {}
    for market, size, index in _positions(state):
        net[market] = net.get(market, 0) + size
        since[market] = index
    return net, since


def _write_totals(state: State) -> int:
    """Write the markets' totals; return what their positions have paid to each other. Units: millionths of a unit."""
    totals = {market: [0, 0, 0] for market in range(MAX_MARKETS)}
    for market, size, index in _positions(state):
        totals[market][0] += max(size, 0)
        totals[market][1] += size * (index // PPM)
        totals[market][2] += size * (index % PPM)
    owed = 0
    risk = state.risk.open(0)
    for market, (longs, whole, part) in totals.items():
        write_rules(
            state,
            market,
            {"open_interest_lots": longs, "net_lots": 0, "funding_whole_ticks": whole, "funding_part_ppm": part},
        )
        owed += risk_market_multiplier_units(state.risk.words, risk, MarketId(market)) * (PPM * whole + part)
    return owed
