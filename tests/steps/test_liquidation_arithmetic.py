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
from tallystick.machine.market.funds import fund_of
from tallystick.machine.market.ladder import Rank, Transfer, candidate_takes, closing_quote, outranks, zero_quote
from tallystick.machine.market.liquidation import Case, measure, open_case, sale_limit, sufficient_lots
from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_cash_units, set_account_position_market, set_account_position_size_lots
from tallystick.state.layout import BUY, LEAN_INDEX, SELL
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Lots, Units
from tallystick.state.state import State
from tallystick.testing.byhand import hold, write_rules
from tallystick.testing.exact import Stand, margin
from tallystick.testing.ledger.look import cash, position
from tallystick.testing.world import World

I64 = st.integers(-(1 << 63), (1 << 63) - 1)
LARGEST = (1 << 24) - 1


def case_of(stand: Stand, fee_ppm: int = 0) -> Case:
    """Return the machine's case of an account, with the rest of it as a position in market 1 at 1 tick."""
    state = State()
    state.make_room()
    rules = {"status": 1, "mark_ticks": stand.mark, "index_ticks": stand.mark}
    rules |= {"multiplier": stand.tick, "liquidation_fee_ppm": fee_ppm}
    for at, (begin, ppm) in enumerate(stand.tiers):
        suffix = "" if at == 0 else str(at + 1)
        rules |= {f"maintenance{suffix}_ppm": ppm, f"initial{suffix}_ppm": ppm}
        if at:
            rules[f"tier{at + 1}_from_millions"] = begin // 1_000_000
    write_rules(state, 0, rules)
    write_rules(
        state, 1, {"status": 1, "mark_ticks": 1, "index_ticks": 1, "multiplier": 1, "maintenance_ppm": 1_000_000}
    )
    account = state.accounts.open(AccountId(7))
    words = state.accounts.words
    set_account_cash_units(words, account, Units(stand.cash))
    for slot, (market, size) in enumerate(((1, stand.other_value), (0, stand.size))):
        set_account_position_market(words, account, slot, MarketId(market if size else 0))
        set_account_position_size_lots(words, account, slot, Lots(size))
    return open_case(Machine(state, NoInputs()), AccountId(7), MarketId(0))


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
    assume(case.measured.value_units < case.measured.maintenance_units)
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
    assume(case.measured.value_units < case.measured.maintenance_units)
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


@given(stand=stands(bankrupt=False), fee_ppm=st.sampled_from((0, 1, 5_000, 20_000)))
def test_one_fill_of_what_suffices_at_the_limit_makes_the_account_healthy(stand: Stand, fee_ppm: int) -> None:
    """I3, I16: where no part suffices all is offered, and the account ends no less safe."""
    case = case_of(stand, fee_ppm)
    assume(case.measured.value_units < case.measured.maintenance_units)
    lots = sufficient_lots(case)
    price = sale_limit(case, lots)
    side = 1 if stand.size > 0 else -1
    assert 1 <= price <= LARGEST and side * (stand.mark - price) >= 0
    value, _ = stand.closed(lots, lots * price * stand.tick)
    left = stand.other_margin + ceil(margin((abs(stand.size) - lots) * stand.mark * stand.tick, stand.tiers))
    if lots < abs(stand.size) and stand.tiers[0][1] > fee_ppm:
        assert value >= left
    assert safety(stand, lots, lots * price * stand.tick) >= 0
    yields = side * lots * (stand.mark - price) * stand.tick
    assert yields <= min(int(stand.value()), lots * stand.mark * stand.tick * fee_ppm // 10**6)


@given(
    stand=st.one_of(stands(bankrupt=False), stands(bankrupt=True)), fee_ppm=st.sampled_from((0, 5_000)), data=st.data()
)
def test_beyond_the_book_nobody_who_does_not_owe_gives_more_than_the_fee_or_its_share(
    stand: Stand, fee_ppm: int, data: st.DataObject
) -> None:
    """I16: who takes lots up gains the fee or the share, whichever is less; of who owes it loses its share."""
    case = case_of(stand, fee_ppm)
    assume(case.measured.value_units < case.measured.maintenance_units)
    lots = data.draw(st.integers(1, abs(stand.size)))
    quote, zero, at_index = closing_quote(case, lots), zero_quote(case, lots), lots * stand.mark * stand.tick
    gain, most = (at_index - quote, at_index - zero) if stand.size > 0 else (quote - at_index, zero - at_index)
    if stand.value() < 0:
        assert quote == zero
    else:
        assert gain == min(most, at_index * fee_ppm // 10**6) >= 0


@given(stand=stands(bankrupt=True), worth=st.integers(1, 1 << 58), share=st.integers(1, 120))
def test_a_candidate_is_left_with_nothing_at_least_and_a_lot_more_would_be_too_much(
    stand: Stand, worth: int, share: int
) -> None:
    """I4, I16: found by halving, held against the loss of one lot more."""
    case = case_of(stand)
    opposite = max(1, abs(stand.size) * share // 100)
    if opposite * stand.tick > 1 << 30:
        opposite = abs(stand.size)
    hold(case.machine.state, 8, 0, -opposite if stand.size > 0 else opposite, worth)
    measure(case, LEAN_INDEX)
    candidate, moved = case.machine.state.accounts.open(AccountId(8)), Transfer()
    takes = candidate_takes(case, AccountId(8), candidate, moved)
    lots, most = (
        (int(moved.terms.lots), min(abs(stand.size), opposite)) if takes else (0, min(abs(stand.size), opposite))
    )

    def lost(closed: int) -> int:
        beyond = zero_quote(case, closed) - closed * stand.mark * stand.tick
        return int(beyond if stand.size > 0 else -beyond)

    assert lots == 0 or lost(lots) <= worth
    assert lots == most or lost(lots + 1) > worth


@given(a=I64, b=st.integers(0, 1 << 62), divisor=st.integers(1, 1 << 62))
def test_a_product_is_divided_down_also_below_zero(a: int, b: int, divisor: int) -> None:
    assume(b <= divisor)
    assert mul_div_down(a, b, divisor) == floor(Fraction(a * b, divisor))


@given(
    gains=st.tuples(st.booleans(), st.booleans()),
    lots=st.tuples(st.integers(1, 1 << 30), st.integers(1, 1 << 30)),
    notionals=st.tuples(st.integers(0, 1 << 58), st.integers(0, 1 << 58)),
    values=st.tuples(st.integers(1, 1 << 61), st.integers(1, 1 << 61)),
)
def test_who_gains_and_then_who_is_leveraged_more_with_more_lots_ranks_first(
    gains: tuple[bool, bool], lots: tuple[int, int], notionals: tuple[int, int], values: tuple[int, int]
) -> None:
    first, second = (Rank(*each) for each in zip(gains, lots, notionals, values, strict=True))
    ranks = [
        (won, Fraction(count * notional, value))
        for won, count, notional, value in zip(gains, lots, notionals, values, strict=True)
    ]
    assert outranks(first, second) == (ranks[0] > ranks[1])


@pytest.mark.parametrize("side", [BUY, SELL])
def test_at_the_ends_of_the_ranges_nothing_overflows(unreplayed: World, side: int) -> None:
    """I4: the largest position at the highest price, worth the least and the most the machine knows."""
    world = unreplayed
    world.list_market(1, multiplier=1, max_lots=1 << 30, insurance_lots=1 << 30)
    write_rules(world.state, 1, {"maintenance_ppm": 1, "initial_ppm": 1})
    world.report(1, LARGEST)
    for value in (0, -1, -(1 << 58)):
        hold(world.state, 1, 1, (1 << 30) if side == BUY else -(1 << 30), value)
        hold(world.state, 2, 1, -(1 << 30) if side == BUY else 1 << 30, 1 << 58)
        hold(world.state, fund_of(MarketId(1)), 1, 0, 1 << 59)
        expected = Outcome.UNFILLED if value == 0 else Outcome.BANKRUPT
        assert world.liquidate(1, 1) is expected
        before = cash(world.state, 1) + cash(world.state, fund_of(MarketId(1)))
        # Of who owes so much the fund bears a tenth of what it is worth; what a short owes ends at the lowest price.
        lots = 1 << (27 if value < -1 and side == BUY else 30)
        assert world.take_over(1, 1, 2 * lots) is Outcome.INSURANCE_LIMIT
        assert world.take_over(1, 1, lots) is Outcome.ACCEPTED
        assert abs(position(world.state, 1, 1)) == (1 << 30) - lots
        write_rules(world.state, 1, {"bear_ms": 0})
        assert cash(world.state, 1) + cash(world.state, fund_of(MarketId(1))) == before
        if side == BUY and value >= -1:
            assert cash(world.state, 1) == 0
