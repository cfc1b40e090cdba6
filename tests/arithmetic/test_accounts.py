"""Full accounts with extreme cash, lots, marks and funding: Python, the compiled libraries and fractions agree (I4)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.machine import Machine, NoInputs
from tallystick.machine.market import liquidation
from tallystick.machine.market.liquidation import Case, bankrupt, liquidation_fee, open_case, outranks
from tallystick.machine.market.margin import maintenance_fraction, tier_begins
from tallystick.machine.market.risk import Health, health, may_change, withdrawable
from tallystick.machine.market.rules import rules_stand
from tallystick.machine.market.trade import Fill, Terms, apply_fill, move_totals, undo_fill
from tallystick.schema.market_rules import RULES
from tallystick.state import cells, layout
from tallystick.state.cells import (
    Account,
    Risk,
    account_cash_units,
    account_position_funding_index_ppm,
    account_position_market,
    account_position_size_lots,
    market_liquidation_fee_ppm,
    market_max_lots,
    set_account_cash_units,
    set_market_open_interest_lots,
)
from tallystick.state.state import State
from tallystick.testing import exact
from tallystick.testing.extremes import extreme, fill_account, list_by_hand, listing
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

    def measured(self) -> Health:
        return health(self.state, self.account, self.risk)

    def rule(self, market: int, name: str) -> int:
        value: int = getattr(cells, f"risk_market_{name.lower()}")(self.state.risk.words, self.risk, market)
        return value

    def holdings(self) -> list[exact.Holding]:
        found = []
        words = self.state.accounts.words
        for slot in range(layout.MAX_POSITIONS):
            market = account_position_market(words, self.account, slot)
            since = account_position_funding_index_ppm(words, self.account, slot)
            if account_position_size_lots(words, self.account, slot):
                found.append(
                    exact.Holding(
                        size=account_position_size_lots(words, self.account, slot),
                        mark=self.rule(market, "MARK_TICKS"),
                        tick=self.rule(market, "MULTIPLIER"),
                        change=self.rule(market, "FUNDING_INDEX_PPM") - since,
                        initial=tiers_of(self, market, "INITIAL"),
                        maintenance=tiers_of(self, market, "MAINTENANCE"),
                        surcharge_ppm=self.rule(market, "SURCHARGE_PPM"),
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
    chance = random.Random(seed)
    state = State()
    state.make_room()
    state.registers.clock_ms = 1_700_000_000_000
    markets = chance.sample(range(layout.MAX_MARKETS), chance.choice((16, 16, 1, 5)))
    for market in markets:
        list_by_hand(state, market, chance, far=True)
    fill_account(state, NUMBER, markets, chance, far=markets)
    made = Full(state=state, account=state.accounts.open(NUMBER), markets=markets)
    if chance.random() < 0.7:
        measured = made.measured()
        target = extreme(chance, 0, measured.maintenance)
        cash = account_cash_units(state.accounts.words, made.account) + target - measured.value
        most = layout.MAX_CASH_UNITS
        set_account_cash_units(state.accounts.words, made.account, max(-most, min(most, cash)))
    state.registers.deposited_units = extreme(chance, 0, layout.MAX_DEPOSITED_UNITS)
    state.registers.withdrawn_units = extreme(chance, 0, state.registers.deposited_units)
    return made, chance


def numbers(measured: Health) -> tuple[int, int, int, int]:
    return measured.value, measured.initial, measured.maintenance, measured.notional


@MANY
@given(SEEDS)
def test_a_full_accounts_health_and_what_it_may_withdraw(seed: int) -> None:
    """I3, I4, I5."""
    made, _ = full(seed)
    registers, _, account, risk = made.packed()
    measured = numbers(made.measured())
    cash = account_cash_units(made.state.accounts.words, made.account)
    assert measured == solidity("healthOf", account, risk) == exact.account_health(cash, made.holdings())
    value, initial, maintenance, notional = measured
    assert abs(value) < 1 << 62 | 1 << 61
    assert 0 <= maintenance <= (1 << 58) + 16 and 0 <= initial <= (1 << 59) + 32 and notional <= 1 << 58
    held = made.state.registers.deposited_units - made.state.registers.withdrawn_units
    free = withdrawable(made.state, made.measured())
    assert free == solidity("withdrawableOf", registers, measured) == exact.withdrawable(measured, held)


@MANY
@given(SEEDS)
def test_tiers_begin_and_weigh_the_same(seed: int) -> None:
    """I3."""
    made, chance = full(seed)
    market, tier = chance.choice(made.markets), chance.randint(0, 3)
    words = made.state.risk.words
    found = (tier_begins(words, made.risk, market, tier), maintenance_fraction(words, made.risk, market, tier))
    assert found == solidity("tierOf", made.packed()[3], market, tier)


@MANY
@given(SEEDS)
def test_how_much_is_closed_and_at_which_price(seed: int) -> None:
    """I4, I18."""
    made, chance = full(seed)
    market = chance.choice(made.markets)
    case = open_case(Machine(made.state, NoInputs()), NUMBER, market)
    if case.measured.value >= case.measured.maintenance:
        return
    lots = extreme(chance, 1, case.lots)
    _, rules, account, risk = made.packed(market)
    share, quote = liquidation.value_share(case, lots), liquidation.zero_quote(case, lots)
    enough = 0 if bankrupt(case) else liquidation.sufficient_lots(case)
    price = 0 if bankrupt(case) else liquidation.zero_price(case, lots)
    assert (enough, share, quote, price) == solidity("closingOf", rules, account, risk, market, lots)
    assert all(I64_LEAST <= each <= I64_MOST for each in (enough, share, quote, price))
    tiers, worth = tiers_of(made, market, "MAINTENANCE"), case.worth
    margins = [ceil(exact.margin(left * worth, tiers)) for left in (case.lots, case.lots - lots)]
    behind = exact.value_share(case.measured.value, margins[0] - margins[1], case.measured.maintenance)
    assert share == floor(behind)
    side = 1 if case.size > 0 else -1
    assert quote == max(lots * worth - side * floor(behind), lots * case.tick)
    if not bankrupt(case):
        assert enough == fewest(case, tiers, market_liquidation_fee_ppm(made.state.markets.words, case.market))


def fewest(case: Case, tiers: exact.Tiers, fee_ppm: int) -> int:
    """Return the fewest sufficient lots by bisection; the whole position when a lot's fee outweighs what it frees.

    From the top tier down a lot frees less and less margin, so what is missing falls and then, if ever, rises.
    """
    own = ceil(exact.margin(case.lots * case.worth, tiers))
    others = case.measured.maintenance - own - case.measured.value

    def missing(lots: int) -> Fraction:
        fee = Fraction(lots * case.worth * fee_ppm, 10**6)
        return others + exact.margin((case.lots - lots) * case.worth, tiers) + fee

    low, high = 1, case.lots
    while low < high:
        middle = (low + high) // 2
        if missing(middle) <= 0:
            high = middle
        elif missing(middle + 1) >= missing(middle):
            return case.lots
        else:
            low = middle + 1
    return low


@MANY
@given(SEEDS)
def test_what_a_liquidation_pays_the_fund(seed: int) -> None:
    """I4."""
    made, chance = full(seed)
    market = chance.choice(made.markets)
    state = made.state
    state.registers.arg_account = 1
    state.registers.arg_flags = layout.FLAG_LIQUIDATION
    state.registers.arg_price_ticks = extreme(chance, 1, layout.MAX_PRICE_TICKS)
    tick = extreme(chance, 1, layout.MAX_EXPOSURE)
    price, limit = extreme(chance, 1, layout.MAX_PRICE_TICKS), int(state.registers.arg_price_ticks)
    cell = state.markets.open(market)
    fee = liquidation_fee(Machine(state, NoInputs()), cell, made.account, tick * price, tick, price)
    registers, rules, fund, _ = made.packed(market)
    assert fee == solidity("liquidationFeeOf", registers, rules, fund, tick * price, tick, price)
    room = layout.MAX_CASH_UNITS - account_cash_units(state.accounts.words, made.account)
    ppm = market_liquidation_fee_ppm(state.markets.words, cell)
    improvement = abs(price - limit) * tick
    assert fee == exact.liquidation_fee(tick * price, ppm, improvement, room)


@MANY
@given(SEEDS)
def test_one_side_of_a_fill_and_its_way_back(seed: int) -> None:
    """I1, I4."""
    made, chance = full(seed)
    market = chance.choice((*made.markets, 0))
    if market not in made.markets:
        list_by_hand(made.state, market, chance, far=True)
    state = made.state
    cell = state.markets.open(market)
    most = market_max_lots(state.markets.words, cell)
    set_market_open_interest_lots(state.markets.words, cell, extreme(chance, most, layout.MAX_OPEN_INTEREST_LOTS))
    lots, side = extreme(chance, 1, most), chance.randint(0, 1)
    quote = lots * extreme(chance, 1, layout.MAX_PRICE_TICKS) * made.rule(market, "MULTIPLIER")
    fee = extreme(chance, -quote, quote)
    before = made.packed(market)
    found = solidity("fillOf", before, (market, lots, quote, most), side, fee)
    fill, terms = Fill(), Terms()
    terms.market, terms.lots, terms.quote_units, terms.max_lots = market, lots, quote, most
    outcome = apply_fill(state, made.account, made.risk, terms, side, fee, fill)
    filled = made.packed(market)[2]
    if outcome == 0:
        undo_fill(state, made.account, terms, fill)
        assert made.packed(market)[2] == before[2]
        outcome = move_totals(state, cell, fill, Fill())
    registers, rules, _, risk = made.packed(market)
    assert found == (outcome, (registers, rules, filled, risk), True)


I62 = st.integers(-(1 << 62) - (1 << 61), (1 << 62) + (1 << 61))
MARGINS = st.integers(0, (1 << 59) + 32)
HEALTHS = st.builds(Health, I62, MARGINS, MARGINS, st.integers(0, 1 << 58))


@MANY
@given(before=HEALTHS, after=HEALTHS, reduces=st.booleans())
def test_what_a_trade_may_leave_and_who_goes_first(before: Health, after: Health, reduces: bool) -> None:
    """I3, I18."""
    pair = numbers(before), numbers(after)
    assert may_change(before, after, reduces) == solidity("mayChangeTo", *pair, reduces)
    assert outranks(before, after) == solidity("outranksIt", *pair)
    if before.value > 0 < after.value:
        ranks = [exact.leverage(each.notional, each.value) for each in (before, after)]
        assert outranks(before, after) == (ranks[0] > ranks[1])


@MANY
@given(SEEDS)
def test_which_rules_may_stand(seed: int) -> None:
    """I4, I14."""
    chance = random.Random(seed)
    rules = listing(chance)
    values = [rules.get(name, 0) for name in RULES]
    assert rules_stand(values, rules["multiplier"])
    place, name = chance.choice(list(enumerate(RULES)))
    values[place] = chance.choice((0, values[place] + 1, extreme(chance, 0, RULES[name])))
    multiplier = chance.choice((rules["multiplier"], 0, extreme(chance, 0, (1 << 32) - 1)))
    assert rules_stand(values, multiplier) == solidity("rulesStandOf", values, multiplier)


@pytest.mark.parametrize("size", [1, -1, 5, -5, 100, -100])
def test_the_fund_takes_what_its_cap_leaves_room_for(size: int) -> None:
    """I18."""
    for held in range(-12, 13):
        for cap in range(12):
            room = cap - (held if size > 0 else -held)
            assert exact.insured_lots(size, held, cap) == max(0, min(abs(size), room))
