"""Health at two prices: what a position is worth where mark and index differ, and while the index is stale (I3, I18)."""

from __future__ import annotations

import pytest

from tallystick.machine.market.instrument import price_of
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_POST_ONLY,
    LEAN_BEST,
    LEAN_INDEX,
    LEAN_MARKED,
    LEAN_WORST,
    MESSAGE_FORCE_WITHDRAW,
    STALE_MS,
    WIND_DOWN_MS,
)
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Units
from tallystick.testing.byhand import endow, hold, write_rules
from tallystick.testing.ledger.look import cash, position
from tallystick.testing.world import World, address, message

BUY, SELL = 0, 1
ACCEPTED = Outcome.ACCEPTED
LOTS = 10
"""Ten lots are worth 1,000,000 units at 1,000 ticks, 1,000 a tick."""


@pytest.fixture
def venue(unreplayed: World) -> World:
    """A world without fees, whose prices are written by hand; account 4 has no money yet."""
    write_rules(unreplayed.state, 0, {"taker_fee_ppm": 0, "maker_fee_ppm": 0})
    unreplayed.deposit("dave", 4, 1)
    return unreplayed


def lean(world: World, mark: int, index: int, market: int = 0) -> None:
    """Let mark and index of a market stand apart."""
    write_rules(world.state, market, {"mark_ticks": mark, "index_ticks": index})


@pytest.mark.parametrize(
    ("name", "of_long", "of_short"),
    [(LEAN_WORST, 990, 1010), (LEAN_BEST, 1010, 990), (LEAN_INDEX, 1010, 1010), (LEAN_MARKED, 990, 990)],
)
@pytest.mark.parametrize("size", [1, -1, LOTS, -LOTS])
def test_a_position_is_measured_at_the_price_that_its_lean_names(
    venue: World, name: int, of_long: int, of_short: int, size: int
) -> None:
    lean(venue, 990, 1010)
    found = price_of(venue.state.risk.words, venue.state.risk.open(0), MarketId(0), size, name)
    assert found == (of_long if size > 0 else of_short)
    lean(venue, 1010, 990)
    found = price_of(venue.state.risk.words, venue.state.risk.open(0), MarketId(0), size, name)
    turned = 2000 if name in (LEAN_INDEX, LEAN_MARKED) else 0
    assert found == (turned - (of_long if size > 0 else of_short) if turned else (of_long if size > 0 else of_short))


@pytest.mark.parametrize(
    ("side", "mark", "index", "needed"),
    [(BUY, 1000, 990, 59_500), (BUY, 990, 1000, 59_500), (SELL, 1000, 1010, 60_500), (SELL, 1010, 1000, 60_500)],
)
@pytest.mark.parametrize("way", ["order", "block"])
def test_who_opens_is_measured_at_the_worse_price(
    venue: World, side: int, mark: int, index: int, needed: int, way: str
) -> None:
    """I3: the loss against the worse price, and 5 % of the notional there."""
    lean(venue, mark, index)

    def trade() -> Outcome:
        if way == "block":
            return venue.block(1, 4, 1 - side, 1000, LOTS)
        venue.order(1, 0, 1 - side, 1000, LOTS)
        return venue.order(4, 0, side, 1000, LOTS, flags=FLAG_IOC)

    venue.deposit("dave", 4, needed - 2)
    assert trade() is Outcome.MARGIN
    venue.deposit("dave", 4, 1)
    assert trade() is ACCEPTED


def test_a_maker_is_measured_at_the_worse_price_too(venue: World) -> None:
    """I3."""
    venue.deposit("dave", 4, 59_498)
    venue.order(4, 0, BUY, 1000, LOTS)
    lean(venue, 1000, 990)
    assert venue.order(1, 0, SELL, 1000, LOTS, flags=FLAG_IOC) is Outcome.UNFILLED
    venue.deposit("dave", 4, 1)
    lean(venue, 1000, 1000)
    venue.order(4, 0, BUY, 1000, LOTS)
    lean(venue, 1000, 990)
    assert venue.order(1, 0, SELL, 1000, LOTS, flags=FLAG_IOC) is ACCEPTED


@pytest.mark.parametrize(("mark", "index"), [(1000, 990), (990, 1000)])
def test_an_order_rests_on_what_its_account_is_worth_at_the_worse_price(venue: World, mark: int, index: int) -> None:
    """I3: 990,000 of long position need 49,500, the order 45,000."""
    hold(venue.state, 4, 0, LOTS, 104_499)
    lean(venue, mark, index)
    assert venue.order(4, 0, BUY, 900, LOTS, flags=FLAG_POST_ONLY) is Outcome.MARGIN
    venue.deposit("dave", 4, 1)
    assert venue.order(4, 0, BUY, 900, LOTS, flags=FLAG_POST_ONLY) is ACCEPTED


@pytest.mark.parametrize(("size", "mark", "index"), [(LOTS, 990, 1000), (LOTS, 1000, 990), (-LOTS, 1000, 1010)])
@pytest.mark.parametrize("way", ["withdraw", "transfer"])
def test_money_leaves_by_the_worse_price(venue: World, size: int, mark: int, index: int, way: str) -> None:
    """I3: a tenth of the notional at the worse price stays, and what is lost up to there."""
    hold(venue.state, 4, 0, size, 300_000)
    venue.state.registers.deposited_units = Units(10**10)
    lean(venue, mark, index)
    free = 290_000 - (99_000 if size > 0 else 101_000)

    def leave(amount: int) -> Outcome:
        return venue.withdraw(4, amount) if way == "withdraw" else venue.transfer(4, 0, amount)

    assert leave(free + 1) is Outcome.NOT_WITHDRAWABLE
    assert leave(free) is ACCEPTED


@pytest.mark.parametrize(
    ("size", "mark", "index"), [(LOTS, 990, 1000), (LOTS, 1000, 990), (-LOTS, 1010, 1000), (-LOTS, 1000, 1010)]
)
def test_a_forced_withdrawal_pays_what_the_worse_price_leaves_free(
    venue: World, size: int, mark: int, index: int
) -> None:
    hold(venue.state, 4, 0, size, 300_000)
    venue.state.registers.deposited_units = Units(10**10)
    lean(venue, mark, index)
    before = cash(venue.state, 4)
    venue.published.messages.append(message(MESSAGE_FORCE_WITHDRAW, address("dave"), 4, 2**62, venue.time))
    assert venue.consume() is ACCEPTED
    assert before - cash(venue.state, 4) == 290_000 - (99_000 if size > 0 else 101_000)


@pytest.mark.parametrize("way", ["withdraw", "transfer"])
def test_all_of_a_position_stays_while_its_markets_index_is_stale(venue: World, way: str) -> None:
    """A long that owes 400,000 by now cannot leave with 1,900,000 of 2,100,000 in a market silent for 31 seconds."""
    hold(venue.state, 4, 0, 2 * LOTS, 2_100_000)
    venue.state.registers.deposited_units = Units(10**10)

    def leave(amount: int) -> Outcome:
        return venue.withdraw(4, amount) if way == "withdraw" else venue.transfer(4, 0, amount)

    venue.later(STALE_MS)
    assert leave(1_000) is ACCEPTED
    venue.later(1)
    assert leave(99_001) is Outcome.NOT_WITHDRAWABLE
    assert leave(99_000) is ACCEPTED


def test_a_stale_position_counts_twice_when_another_one_is_opened(venue: World) -> None:
    """I3: 100,000 for the position whose market is silent, 50,000 for the new one."""
    venue.list_market(1, taker_fee_ppm=0)
    venue.report(1, 1000)
    hold(venue.state, 4, 0, LOTS, 149_999)
    venue.later(STALE_MS)
    venue.report(1, 1000)
    venue.order(1, 1, SELL, 1000, 2 * LOTS)
    venue.later(1)
    assert venue.order(4, 1, BUY, 1000, LOTS, flags=FLAG_IOC) is Outcome.MARGIN
    venue.deposit("dave", 4, 1)
    assert venue.order(4, 1, BUY, 1000, LOTS, flags=FLAG_IOC) is ACCEPTED


def test_what_a_stale_market_asks_for_liquidates_nobody(venue: World) -> None:
    """I18: the stale margin is an initial one; the maintenance margin stays what it was."""
    venue.list_market(1)
    venue.report(1, 1000)
    hold(venue.state, 4, 0, LOTS, 60_000)
    set_second_position(venue, 4)
    venue.later(STALE_MS)
    venue.report(1, 1000)
    venue.later(1)
    assert venue.liquidate(4, 1) is Outcome.HEALTHY


def set_second_position(world: World, account: int) -> None:
    """Buy a lot in market 1 for an account."""
    world.order(1, 1, SELL, 1000, 1)
    world.order(account, 1, BUY, 1000, 1, flags=FLAG_IOC)


def test_the_last_prices_of_a_settled_market_are_never_stale(venue: World) -> None:
    hold(venue.state, 4, 0, LOTS, 300_000)
    venue.state.registers.deposited_units = Units(10**10)
    write_rules(venue.state, 0, {"index_ms": 0})
    venue.later(STALE_MS + 1)
    assert venue.withdraw(4, 200_001) is Outcome.NOT_WITHDRAWABLE
    assert venue.withdraw(4, 200_000) is ACCEPTED


@pytest.mark.parametrize("size", [LOTS, -LOTS])
def test_an_account_that_is_worth_less_than_nothing_does_not_trade(venue: World, size: int) -> None:
    """I3: not even to its own good; the ladder closes it."""
    side, price = (SELL, 1001) if size > 0 else (BUY, 999)
    hold(venue.state, 4, 0, size, -1)
    venue.order(1, 0, 1 - side, price, LOTS)
    assert venue.order(4, 0, side, price, LOTS // 2, flags=FLAG_IOC) is Outcome.MARGIN
    assert venue.block(1, 4, 1 - side, price, LOTS // 2) is Outcome.MARGIN
    hold(venue.state, 4, 0, size, 0)
    assert venue.order(4, 0, side, price, LOTS // 2, flags=FLAG_IOC) is ACCEPTED


@pytest.mark.parametrize("turned", [False, True], ids=["index better", "mark better"])
@pytest.mark.parametrize(
    ("size", "still_due", "healthy"), [(LOTS, 1005, 1006), (-LOTS, 996, 995)], ids=["long", "short"]
)
def test_who_is_liquidated_fails_at_both_prices(
    venue: World, size: int, still_due: int, healthy: int, turned: bool
) -> None:
    """I18: 20,000 at 1,000 ticks are too little, and the other price may make up for it."""
    hold(venue.state, 4, 0, size, 20_000)
    lean(venue, *((healthy, 1000) if turned else (1000, healthy)))
    assert venue.liquidate(4, 0) is Outcome.HEALTHY
    assert venue.take_over(4, 0, 1) is Outcome.HEALTHY
    assert venue.nominate(4, 0, 1) is Outcome.HEALTHY
    lean(venue, *((still_due, 1000) if turned else (1000, still_due)))
    assert venue.liquidate(4, 0) is Outcome.UNFILLED


@pytest.mark.parametrize("size", [LOTS, -LOTS])
def test_who_is_worth_less_than_nothing_at_the_worse_price_alone_is_sold_in_the_book(venue: World, size: int) -> None:
    """The limit stands for the margin check."""
    hold(venue.state, 4, 0, size, 5_000)
    lean(venue, 1000, 990 if size > 0 else 1010)
    assert venue.order(1, 0, BUY if size > 0 else SELL, 1000, LOTS) is ACCEPTED
    assert venue.liquidate(4, 0) is ACCEPTED
    assert abs(position(venue.state, 4, 0)) < LOTS


@pytest.mark.parametrize(("mark", "index"), [(1000, 1004), (1004, 1000)])
def test_what_is_liquidated_is_counted_at_the_better_price(venue: World, mark: int, index: int) -> None:
    """I18: one lot suffices at 1,004 ticks, where two would be needed at 1,000."""
    hold(venue.state, 4, 0, LOTS, 20_000)
    venue.order(1, 0, BUY, 1004, LOTS)
    lean(venue, mark, index)
    assert venue.liquidate(4, 0) is ACCEPTED
    assert position(venue.state, 4, 0) == LOTS - 1


@pytest.mark.parametrize(("mark", "index", "quote"), [(980, 1000, 995_000), (1000, 980, 979_011)])
def test_the_fund_takes_over_at_the_index(venue: World, mark: int, index: int, quote: int) -> None:
    """I18: an account with two long positions, of which the first changes hands for the fee, or for its share of the value."""
    venue.list_market(1, taker_fee_ppm=0)
    venue.report(1, 1000)
    endow(venue.state, 0, 10**9)
    write_rules(venue.state, 0, {"insurance_lots": LOTS, "liquidation_fee_ppm": 5_000})
    hold(venue.state, 4, 0, LOTS, 10**7)
    venue.order(1, 1, SELL, 1000, LOTS)
    venue.order(4, 1, BUY, 1000, LOTS, flags=FLAG_IOC)
    venue.withdraw(4, 0)
    give(venue, 4, -(10**7) + 22_000)
    lean(venue, mark, index)
    assert venue.liquidate(4, 0) is Outcome.UNFILLED
    before = cash(venue.state, 4)
    assert venue.take_over(4, 0, LOTS) is ACCEPTED
    assert cash(venue.state, 4) - before == quote


def give(world: World, account: int, units: int) -> None:
    """Add to an account's cash by hand."""
    from tallystick.state.cells import account_cash_units, set_account_cash_units

    base, words = world.state.accounts.open(AccountId(account)), world.state.accounts.words
    set_account_cash_units(words, base, Units(account_cash_units(words, base) + units))


@pytest.mark.parametrize(("units", "outcome"), [(145_000, Outcome.INSURANCE_LIMIT), (145_001, ACCEPTED)])
@pytest.mark.parametrize(("mark", "index"), [(900, 1000)])
def test_the_fund_carries_what_it_takes_at_the_worse_price(
    venue: World, mark: int, index: int, units: int, outcome: Outcome
) -> None:
    """I3: for 1,000,001 a position that is worth 900,000 at the mark and needs 45,000 there."""
    endow(venue.state, 0, units)
    write_rules(venue.state, 0, {"insurance_lots": LOTS})
    hold(venue.state, 4, 0, LOTS, -1)
    lean(venue, mark, index)
    assert venue.take_over(4, 0, LOTS) is outcome


@pytest.mark.parametrize(("value", "outcome"), [(999, Outcome.NOT_ELIGIBLE), (1_000, ACCEPTED)])
def test_a_candidate_is_worth_what_the_index_says(venue: World, value: int, outcome: Outcome) -> None:
    """I18: a lot costs it 1,000, and at the mark it would have 100,000 more."""
    hold(venue.state, 4, 0, LOTS, -10_000)
    hold(venue.state, 3, 0, -LOTS, value)
    lean(venue, 900, 1000)
    assert venue.nominate(4, 0, 3) is outcome


@pytest.mark.parametrize(("mark", "index"), [(1000, 900), (900, 1000)])
def test_a_claim_of_a_wind_down_is_counted_at_the_mark(venue: World, mark: int, index: int) -> None:
    """I21."""
    hold(venue.state, 4, 0, LOTS, 300_000)
    lean(venue, mark, index)
    venue.later(WIND_DOWN_MS)
    assert venue.settle_account(4) is ACCEPTED
    claim = next(values[1] for name, values in reversed(venue.events) if name == "claim")
    assert claim == 300_000 - (1000 - mark) * LOTS * 100
