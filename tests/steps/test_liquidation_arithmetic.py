"""How many lots, and at which price: the machine's closed forms against fractions and search (I18)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tallystick.machine.arith import mul_div_down
from tallystick.machine.machine import Machine, NoInputs
from tallystick.machine.market.liquidation import Case, outranks, sufficient_lots, zero_price, zero_quote
from tallystick.machine.market.risk import Health
from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_cash_units, set_account_position_market, set_account_position_size_lots
from tallystick.state.layout import BUY, SELL
from tallystick.state.state import State
from tallystick.testing.byhand import hold
from tallystick.testing.exact import Stand, margin
from tallystick.testing.ledger.look import cash, position
from tallystick.testing.world import World, write_rules

I64 = st.integers(-(1 << 63), (1 << 63) - 1)
LARGEST = (1 << 24) - 1


def case_of(stand: Stand, fee_ppm: int = 0) -> Case:
    """Return the machine's case of an account, with the rest of it as a position in market 1 at 1 tick."""
    state = State()
    state.make_room()
    rules = {"status": 1, "mark_ticks": stand.mark, "multiplier": stand.tick, "liquidation_fee_ppm": fee_ppm}
    for at, (begin, ppm) in enumerate(stand.tiers):
        suffix = "" if at == 0 else str(at + 1)
        rules |= {f"maintenance{suffix}_ppm": ppm, f"initial{suffix}_ppm": ppm}
        if at:
            rules[f"tier{at + 1}_from_millions"] = begin // 1_000_000
    write_rules(state, 0, rules)
    write_rules(state, 1, {"status": 1, "mark_ticks": 1, "multiplier": 1, "maintenance_ppm": 1_000_000})
    account = state.accounts.open(7)
    words = state.accounts.words
    set_account_cash_units(words, account, stand.cash)
    for slot, (market, size) in enumerate(((1, stand.other_value), (0, stand.size))):
        set_account_position_market(words, account, slot, market if size else 0)
        set_account_position_size_lots(words, account, slot, size)
    return Case(Machine(state, NoInputs()), 7, 0)


@st.composite
def stands(draw: st.DrawFn, *, bankrupt: bool) -> Stand:
    """Accounts below their maintenance margin, above or below nothing, of any size the machine knows."""
    large = draw(st.booleans())
    tick = draw(st.integers(1, 1 << 12 if large else 20))
    size = draw(st.integers(1, (1 << 30) // tick if large else 60)) * draw(st.sampled_from((1, -1)))
    mark = draw(st.integers(1, LARGEST if large else 50_000))
    ppms = sorted(draw(st.lists(st.integers(1, 1_000_000), min_size=3, max_size=3)))
    notional = abs(size) * mark * tick
    places = st.lists(st.integers(1, notional // 1_000_000), min_size=2, max_size=2, unique=True)
    begins = sorted(draw(places)) if notional > 4_000_000 else []
    tiers = tuple(zip((0, *(each * 1_000_000 for each in begins)), ppms, strict=False))
    other = draw(st.sampled_from((0, 1, 1000, (1 << 30) if large else 5)))
    stand = Stand(cash=0, size=size, mark=mark, tick=tick, tiers=tiers, other_value=other, other_margin=other)
    most = int(stand.maintenance())
    low, high = (-(1 << 59), -1) if bankrupt else (0, most)
    value = draw(st.one_of(st.integers(low, high), st.sampled_from((low, high))))
    made = replace(stand, cash=value - stand.value())
    assume(made.value() < made.maintenance())
    return made


@given(stand=stands(bankrupt=False), fee_ppm=st.sampled_from((0, 1, 5_000, 20_000, 300_000)))
def test_the_smallest_sufficient_liquidation_is_sufficient_and_smallest(stand: Stand, fee_ppm: int) -> None:
    """I3, I16."""
    case = case_of(stand, fee_ppm)
    assume(case.measured.value < case.measured.maintenance)
    lots = sufficient_lots(case)
    assert 1 <= lots <= abs(stand.size)
    if lots < abs(stand.size) and stand.tiers[0][1] > fee_ppm:
        assert stand.suffices(lots, fee_ppm)
    if lots > 1:
        assert not stand.suffices(lots - 1, fee_ppm)


@given(stand=stands(bankrupt=False), data=st.data())
def test_small_positions_agree_with_a_search_lot_by_lot(stand: Stand, data: st.DataObject) -> None:
    """I16."""
    assume(abs(stand.size) <= 60)
    fee_ppm = data.draw(st.integers(0, stand.tiers[0][1] - 1))
    case = case_of(stand, fee_ppm)
    found = [lots for lots in range(1, abs(stand.size)) if stand.suffices(lots, fee_ppm)]
    assert sufficient_lots(case) == (found[0] if found else abs(stand.size))


@given(stand=st.one_of(stands(bankrupt=False), stands(bankrupt=True)), data=st.data())
def test_the_zero_quote_makes_the_account_no_less_safe_and_a_unit_less_would(stand: Stand, data: st.DataObject) -> None:
    """I4, I16."""
    case = case_of(stand)
    assume(case.measured.value < case.measured.maintenance)
    lots = data.draw(st.one_of(st.just(abs(stand.size)), st.integers(1, abs(stand.size))))
    quote = zero_quote(case, lots)
    assert lots * stand.tick <= quote < 1 << 62
    side = 1 if stand.size > 0 else -1
    if quote > lots * stand.tick:
        assert safety(stand, lots, quote) >= 0 > safety(stand, lots, quote - side)
    else:
        assert stand.size < 0 or stand.mark == 1 or safety(stand, lots, quote) >= 0


def safety(stand: Stand, lots: int, quote: int) -> int:
    """Return V' x M - V x M', with margins rounded up position by position: not negative when no less safe."""
    before, after = (
        stand.other_margin + ceil(margin((abs(stand.size) - closed) * stand.mark * stand.tick, stand.tiers))
        for closed in (0, lots)
    )
    value, _ = stand.closed(lots, quote)
    return int(value * before - stand.value() * after)


@given(stand=stands(bankrupt=False), data=st.data())
def test_a_limit_at_the_zero_price_is_the_zero_quote_to_the_tick(stand: Stand, data: st.DataObject) -> None:
    """I16."""
    case = case_of(stand)
    assume(case.measured.value < case.measured.maintenance)
    lots = data.draw(st.integers(1, abs(stand.size)))
    price, quote = zero_price(case, lots), zero_quote(case, lots)
    assert 1 <= price <= 2 * stand.mark
    off = price * lots * stand.tick - quote
    assert 0 <= (off if stand.size > 0 else -off) < lots * stand.tick or price == 1


@given(a=I64, b=st.integers(0, 1 << 62), divisor=st.integers(1, 1 << 62))
def test_a_product_is_divided_down_also_below_zero(a: int, b: int, divisor: int) -> None:
    assume(b <= divisor)
    assert mul_div_down(a, b, divisor) == floor(Fraction(a * b, divisor))


@given(
    notionals=st.tuples(st.integers(0, 1 << 58), st.integers(0, 1 << 58)),
    values=st.tuples(st.integers(1, 1 << 61), st.integers(1, 1 << 61)),
)
def test_who_is_leveraged_more_ranks_first(notionals: tuple[int, int], values: tuple[int, int]) -> None:
    first, second = (Health(value, 0, 0, notional) for value, notional in zip(values, notionals, strict=True))
    leverages = [Fraction(notional, value) for value, notional in zip(values, notionals, strict=True)]
    assert outranks(first, second) == (leverages[0] > leverages[1])


@pytest.mark.parametrize("side", [BUY, SELL])
def test_at_the_ends_of_the_ranges_nothing_overflows(unreplayed: World, side: int) -> None:
    """I4: the largest position at the highest price, worth the least and the most the machine knows."""
    world = unreplayed
    world.list_market(1, multiplier=1, max_lots=1 << 30, maintenance_ppm=1, initial_ppm=1, insurance_lots=1 << 30)
    world.report(1, LARGEST)
    for value in (0, -1, -(1 << 58)):
        hold(world.state, 1, 1, (1 << 30) if side == BUY else -(1 << 30), value)
        hold(world.state, 2, 1, -(1 << 30) if side == BUY else 1 << 30, 1 << 58)
        hold(world.state, 0, 1, 0, 1 << 59)
        expected = Outcome.UNFILLED if value == 0 else Outcome.BANKRUPT
        assert world.liquidate(1, 1) is expected
        before = cash(world.state, 1) + cash(world.state, 0)
        assert world.take_over(1, 1) is Outcome.ACCEPTED
        assert position(world.state, 1, 1) == 0
        assert cash(world.state, 1) + cash(world.state, 0) == before
        if side == BUY:
            assert cash(world.state, 1) == 0
