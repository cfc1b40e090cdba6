"""Full accounts with extreme cash, lots, marks and funding: Python, the compiled libraries and fractions agree (I4)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.machine import Machine, NoInputs
from tallystick.machine.market.ladder import closing_quote, zero_quote
from tallystick.machine.market.liquidation import (
    Case,
    bankrupt,
    debt_of,
    liquidation_fee,
    measure,
    open_case,
    sale_limit,
    share_of,
    slice_limit,
    slice_lots,
    sufficient_lots,
)
from tallystick.machine.market.margin import maintenance_fraction, surcharge, tier_begins
from tallystick.machine.market.risk import Health, health, surplus, withdrawable
from tallystick.machine.market.trade import Fill, Terms, apply_fill, move_totals, undo_fill
from tallystick.state import cells, layout
from tallystick.state.cells import (
    Account,
    Risk,
    account_cash_units,
    account_position_cost_units,
    account_position_extra_units,
    account_position_funding_index_ppm,
    account_position_market,
    account_position_size_lots,
    market_insurance_lots,
    market_liquidation_fee_ppm,
    market_max_lots,
    market_surcharge_from_units,
    market_surcharge_to_units,
    set_account_cash_units,
    set_market_fund_budget_units,
    set_market_fund_ms,
    set_market_open_interest_lots,
)
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick.state.quantities import Lots, Ticks, Units, UnitsPerTick
from tallystick.state.state import State
from tallystick.testing import exact
from tallystick.testing.extremes import brake_by_hand, extreme, fill_account, list_by_hand, settle_by_hand
from tests.arithmetic.harness import FAST, I64_LEAST, I64_MOST, solidity

EXAMPLES = 1500 if FAST else 20
SEEDS = st.integers(0, 1 << 32)
MANY = settings(max_examples=EXAMPLES)
NUMBER = 7
WORD = bytes(32)
"""What lies behind a cell in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A state with one extreme account, and its cells as the witness packs them."""

    state: State
    account: Account
    markets: list[int]

    @property
    def risk(self) -> Risk:
        return self.state.risk.open(0)

    def packed(self, market: int = 0) -> tuple[bytes, bytes, bytes, bytes]:
        """Registers, market, account, risk."""
        state = self.state
        packed = (state.markets.pack(market), state.accounts.pack(NUMBER), state.risk.pack(0))
        market_cell, account, risk = (
            (cell or bytes(layout.CELL_BYTES[table.tag])) + WORD
            for cell, table in zip(packed, (state.markets, state.accounts, state.risk), strict=True)
        )
        return state.registers.pack() + WORD, market_cell, account, risk

    def measured(self, lean: int) -> Health:
        return health(self.state, self.account, self.risk, lean)

    def rule(self, market: int, name: str) -> int:
        value: int = getattr(cells, f"risk_market_{name.lower()}")(self.state.risk.words, self.risk, market)
        return value

    def holdings(self, lean: int) -> list[exact.Holding]:
        found = []
        words = self.state.accounts.words
        for slot in range(layout.MAX_POSITIONS):
            market = int(account_position_market(words, self.account, slot))
            since = account_position_funding_index_ppm(words, self.account, slot)
            size = account_position_size_lots(words, self.account, slot)
            index = self.rule(market, "INDEX_TICKS")
            told = self.rule(market, "INDEX_MS")
            silent = self.state.registers.clock_ms - told if told else 0
            if size:
                found.append(
                    exact.Holding(
                        size=int(size),
                        price=exact.leaning(self.rule(market, "MARK_TICKS"), index, int(size))[lean],
                        tick=self.rule(market, "MULTIPLIER_UNITS"),
                        change=self.rule(market, "FUNDING_INDEX_PPM") - since,
                        initial=tiers_of(self, market, "INITIAL"),
                        maintenance=tiers_of(self, market, "MAINTENANCE"),
                        cost=int(account_position_cost_units(words, self.account, slot)),
                        extra=int(account_position_extra_units(words, self.account, slot)),
                        stale=lean == layout.LEAN_WORST and silent > layout.STALE_MS,
                        braked=lean == layout.LEAN_WORST and self.rule(market, "BRAKED") & (2 if size > 0 else 1) != 0,
                        index=index,
                    )
                )
        return found


def tiers_of(full: Full, market: int, kind: str) -> exact.Tiers:
    """Return a market's tiers as they are meant: as many as begin somewhere."""
    tiers = [(0, full.rule(market, f"{kind}_PPM"))]
    for number in (2, 3):
        begin = full.rule(market, f"TIER{number}_FROM_MILLIONS") * 10**6
        if begin > tiers[-1][0]:
            tiers.append((begin, full.rule(market, f"{kind}{number}_PPM")))
    return tuple(tiers)


def full(seed: int) -> tuple[Full, random.Random]:
    """Return an account of up to 16 positions in a state of 64 extreme markets."""
    chance, state = random.Random(seed), State()
    state.make_room()
    state.registers.clock_ms = UnixMs(1_700_000_000_000)
    markets = chance.sample(range(layout.MAX_MARKETS), chance.choice((16, 16, 1, 5)))
    for market in markets:
        list_by_hand(state, market, chance, far=True)
        brake_by_hand(state, market, chance)
        if chance.random() < 0.1:
            settle_by_hand(state, market)
    fill_account(state, NUMBER, markets, chance, far=markets)
    made = Full(state=state, account=state.accounts.open(AccountId(NUMBER)), markets=markets)
    if chance.random() < 0.7:
        measured = made.measured(chance.choice((layout.LEAN_BEST, layout.LEAN_INDEX)))
        target = extreme(chance, 0, measured.maintenance_units)
        cash = account_cash_units(state.accounts.words, made.account) + target - measured.value_units
        most = layout.MAX_CASH_UNITS
        set_account_cash_units(state.accounts.words, made.account, Units(max(-most, min(most, cash))))
    state.registers.deposited_units = Units(extreme(chance, 0, layout.MAX_DEPOSITED_UNITS))
    state.registers.withdrawn_units = Units(extreme(chance, 0, int(state.registers.deposited_units)))
    return made, chance


def numbers(measured: Health) -> tuple[int, int, int, int, int, int]:
    values = measured.value_units, measured.initial_units, measured.maintenance_units, measured.notional_units
    return *values, measured.staying_units, measured.gain_units


@MANY
@given(SEEDS)
def test_a_full_accounts_health_by_how_much_it_covers_its_margin_and_what_it_may_withdraw(seed: int) -> None:
    """I3, I4, I5."""
    made, _ = full(seed)
    registers, _, account, risk = made.packed()
    cash = account_cash_units(made.state.accounts.words, made.account)
    for lean in (layout.LEAN_MARKED, layout.LEAN_INDEX, layout.LEAN_BEST, layout.LEAN_WORST):
        measured = numbers(made.measured(lean))
        assert measured == solidity("healthOf", registers, account, risk, lean)
        assert measured == exact.account_health(int(cash), made.holdings(lean))
        value, initial, maintenance, notional, staying, gain = measured
        left = surplus(made.state, made.account, made.risk, lean)
        assert left == value - initial == solidity("surplusOf", registers, account, risk, lean)
        parts = [part for each in made.holdings(lean) for part in (each.brings(), -each.needs())]
        assert all(I64_LEAST <= each <= I64_MOST for each in accumulate(parts, initial=cash))
        assert abs(value) < 1 << 62 | 1 << 61
        assert 0 <= maintenance <= (1 << 58) + 16 and notional <= 1 << 58
        assert 0 <= initial <= (1 << 59) + (1 << 58) + 48 and 0 <= staying <= (1 << 59) + 32
        assert 0 <= gain < (1 << 62) + (1 << 60)
    held = made.state.registers.deposited_units - made.state.registers.withdrawn_units
    worst = made.measured(layout.LEAN_WORST)
    free = withdrawable(made.state, worst)
    assert free == solidity("withdrawableOf", registers, numbers(worst)) == exact.withdrawable(numbers(worst), held)


@MANY
@given(SEEDS)
def test_tiers_begin_and_weigh_the_same(seed: int) -> None:
    """I3."""
    made, chance = full(seed)
    market, tier = chance.choice(made.markets), chance.randint(0, 3)
    place = (made.state.risk.words, made.risk, MarketId(market), tier)
    assert (tier_begins(*place), maintenance_fraction(*place)) == solidity("tierOf", made.packed()[3], market, tier)


@MANY
@given(SEEDS)
def test_what_open_interest_asks_of_what_is_added(seed: int) -> None:
    """I3, I4."""
    made, chance = full(seed)
    market, state = chance.choice(made.markets), made.state
    cell, rules = state.markets.open(MarketId(market)), state.markets.words
    tick, index = made.rule(market, "MULTIPLIER_UNITS"), made.rule(market, "INDEX_TICKS")
    added = extreme(chance, 1, layout.MAX_EXPOSURE // tick)
    lots = extreme(chance, added, (layout.MAX_OPEN_EXPOSURE + layout.MAX_EXPOSURE) // tick)
    begins, ends = market_surcharge_from_units(rules, cell), market_surcharge_to_units(rules, cell)
    ppm = ceil(exact.surcharge(lots * tick * index, made.rule(market, "INITIAL_PPM"), int(begins), int(ends)))
    asked = surcharge(rules, cell, state.risk.words, made.risk, MarketId(market), Lots(lots), Lots(added))
    assert asked == ceil(Fraction(added * tick * index * ppm, 10**6)) < 1 << 54
    _, packed, _, risk = made.packed(market)
    assert asked == solidity("surchargeOf", packed, risk, market, lots, added)


@MANY
@given(SEEDS)
def test_how_much_is_closed_and_at_which_price(seed: int) -> None:
    """I4, I18."""
    made, chance = full(seed)
    market = chance.choice(made.markets)
    case = open_case(Machine(made.state, NoInputs()), AccountId(NUMBER), MarketId(market))
    lean = chance.choice((layout.LEAN_BEST, layout.LEAN_INDEX))
    measure(case, lean)
    if case.measured.value_units >= case.measured.maintenance_units:
        return
    lots = extreme(chance, 1, case.lots)
    packed = made.packed(market)
    fee_ppm = market_liquidation_fee_ppm(made.state.markets.words, case.market)
    debts = bankrupt(case) and lean == layout.LEAN_INDEX
    share = debt_of(case, lots) if debts else share_of(case, lots, case.measured.value_units)
    quote = closing_quote(case, lots)
    enough = 0 if bankrupt(case) else sufficient_lots(case)
    price = 0 if bankrupt(case) else sale_limit(case, lots)
    assert (enough, share, quote, price) == solidity("closingOf", packed, market, lean, lots)
    assert all(I64_LEAST <= each <= I64_MOST for each in (enough, share, quote, price))
    tiers, worth = tiers_of(made, market, "MAINTENANCE"), case.lot_units
    margins = [ceil(exact.margin(left * worth, tiers)) for left in (case.lots, case.lots - lots)]
    behind = exact.value_share(case.measured.value_units, margins[0] - margins[1], case.measured.maintenance_units)
    if debts and (weights := jumped(made)):
        bears = floor(Fraction(case.measured.value_units * weights.get(market, 0), sum(weights.values())))
        behind = exact.value_share(bears, margins[0] - margins[1], margins[0])
    assert share == floor(behind)
    side, fee = 1 if case.size_lots > 0 else -1, floor(Fraction(lots * worth * fee_ppm, 10**6))
    zero = max(lots * worth - side * floor(behind), lots * case.tick_units)
    assert zero_quote(case, lots) == zero
    if bankrupt(case):
        assert quote == zero
        return
    assert quote == (max(zero, lots * worth - fee) if side == 1 else min(zero, lots * worth + fee))
    assert enough == fewest(case, tiers, int(fee_ppm))
    spare = min(case.measured.value_units, case.measured.maintenance_units - case.measured.value_units)
    share = floor(exact.value_share(spare, margins[0] - margins[1], case.measured.maintenance_units))
    away = floor(Fraction(min(share, fee), lots * case.tick_units))
    assert price == min(max(case.price_ticks - side * away, 1), layout.MAX_PRICE_TICKS)


def jumped(made: Full) -> dict[int, int]:
    """Return what the positions weigh that have lost by a jump: what they have lost against their cost, else their margin."""
    words, lost, kept = made.state.accounts.words, {}, {}
    for slot in range(layout.MAX_POSITIONS):
        market = int(account_position_market(words, made.account, slot))
        size = account_position_size_lots(words, made.account, slot)
        if size and made.rule(market, "BRAKED") & (1 if size > 0 else 2):
            worth = int(size) * made.rule(market, "INDEX_TICKS") * made.rule(market, "MULTIPLIER_UNITS")
            lost[market] = max(0, account_position_cost_units(words, made.account, slot) - worth)
            kept[market] = ceil(exact.margin(abs(worth), tiers_of(made, market, "MAINTENANCE")))
    return lost if any(lost.values()) else kept


@MANY
@given(SEEDS)
def test_how_much_a_fund_unwinds_and_down_to_which_price(seed: int) -> None:
    """I4, I18."""
    made, chance = full(seed)
    market = chance.choice(made.markets)
    rules = made.state.markets.words
    cell = made.state.markets.open(MarketId(market))
    now = made.state.registers.clock_ms
    waited = chance.choice((0, 5_000, 9_999, 10_000, 999_999, 1_000_000, extreme(chance, 0, 1 << 40)))
    budget = chance.choice((0, extreme(chance, 0, 1 << 60), -extreme(chance, 0, 1 << 60)))
    set_market_fund_ms(rules, cell, UnixMs(now - waited))
    set_market_fund_budget_units(rules, cell, Units(budget))
    case = open_case(Machine(made.state, NoInputs()), AccountId(NUMBER), MarketId(market))
    lots = slice_lots(case)
    price = slice_limit(case, lots)
    assert (lots, price) == solidity("sliceOf", made.packed(market), market)
    assert lots == min(case.lots, max(1, market_insurance_lots(rules, cell) // 16))
    index = made.rule(market, "INDEX_TICKS")
    ppm = 0 if bankrupt(case) else min(10_000, waited // 10_000 * 100)
    away = max(0, min(floor(Fraction(index * ppm, 10**6)), budget // (lots * case.tick_units)))
    assert price == min(max(index - away if case.size_lots > 0 else index + away, 1), layout.MAX_PRICE_TICKS)


def fewest(case: Case, tiers: exact.Tiers, fee_ppm: int) -> int:
    """Return the fewest sufficient lots by bisection; the whole position when a lot's fee outweighs what it frees.

    From the top tier down a lot frees less and less margin, so what is missing falls and then, if ever, rises.
    """
    own = ceil(exact.margin(case.lots * case.lot_units, tiers))
    others = case.measured.maintenance_units - own - case.measured.value_units

    def missing(lots: int) -> Fraction:
        fee = Fraction(lots * case.lot_units * fee_ppm, 10**6)
        return others + exact.margin((case.lots - lots) * case.lot_units, tiers) + fee

    low, high = 1, case.lots
    while low < high:
        middle = (low + high) // 2
        if missing(middle) <= 0 or missing(middle + 1) >= missing(middle):
            high = middle
        else:
            low = middle + 1
    return low if missing(low) <= 0 else case.lots


@MANY
@given(SEEDS)
def test_what_a_liquidation_pays_the_fund(seed: int) -> None:
    """I4."""
    made, chance = full(seed)
    market, state = chance.choice(made.markets), made.state
    state.registers.arg_account = AccountId(1)
    state.registers.arg_flags = layout.FLAG_LIQUIDATION
    state.registers.arg_price_ticks = Ticks(extreme(chance, 1, layout.MAX_PRICE_TICKS))
    tick = extreme(chance, 1, layout.MAX_EXPOSURE)
    price, limit = extreme(chance, 1, layout.MAX_PRICE_TICKS), int(state.registers.arg_price_ticks)
    cell = state.markets.open(MarketId(market))
    amounts = Units(tick * price), UnitsPerTick(tick), Ticks(price)
    fee = liquidation_fee(Machine(state, NoInputs()), cell, made.account, *amounts)
    assert fee == solidity("liquidationFeeOf", *made.packed(market)[:3], tick * price, tick, price)
    room = layout.MAX_CASH_UNITS - account_cash_units(state.accounts.words, made.account)
    ppm = market_liquidation_fee_ppm(state.markets.words, cell)
    assert fee == exact.liquidation_fee(tick * price, int(ppm), abs(price - limit) * tick, room)


@MANY
@given(SEEDS)
def test_one_side_of_a_fill_and_its_way_back(seed: int) -> None:
    """I1, I4."""
    made, chance = full(seed)
    market = chance.choice((*made.markets, 0))
    if market not in made.markets:
        list_by_hand(made.state, market, chance, far=True)
    state = made.state
    cell = state.markets.open(MarketId(market))
    most = market_max_lots(state.markets.words, cell)
    opened = Lots(extreme(chance, int(most), layout.MAX_OPEN_INTEREST_LOTS))
    set_market_open_interest_lots(state.markets.words, cell, opened)
    lots, side = extreme(chance, 1, int(most)), chance.randint(0, 1)
    quote = lots * extreme(chance, 1, layout.MAX_PRICE_TICKS) * made.rule(market, "MULTIPLIER_UNITS")
    fee = extreme(chance, -quote, quote)
    before = made.packed(market)
    found = solidity("fillOf", before, (market, lots, quote, most), side, fee)
    fill, terms = Fill(), Terms()
    terms.market, terms.lots, terms.quote_units, terms.max_lots = MarketId(market), Lots(lots), Units(quote), most
    outcome = apply_fill(state, made.account, made.risk, terms, side, fee, fill)
    filled = made.packed(market)[2]
    if outcome == 0:
        undo_fill(state, made.account, terms, fill)
        assert made.packed(market)[2] == before[2]
        outcome = move_totals(state, cell, fill, Fill())
    registers, rules, _, risk = made.packed(market)
    assert found == (outcome, (registers, rules, filled, risk), True)


@pytest.mark.parametrize("size", [1, -1, 5, -5, 100, -100])
def test_the_fund_takes_what_its_cap_leaves_room_for(size: int) -> None:
    """I18."""
    for held in range(-12, 13):
        for cap in range(12):
            room = cap - (held if size > 0 else -held)
            assert exact.insured_lots(size, held, cap) == max(0, min(abs(size), room))
