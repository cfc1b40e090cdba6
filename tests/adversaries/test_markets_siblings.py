"""Attacks beside the known ones: halts and brakes together, funds at the wrong moment, expiries, caps, rebates, relisting."""

from __future__ import annotations

import random

import pytest

from tallystick.machine.market.funds import fund_of
from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state import cells
from tallystick.state.layout import (
    BEAR_MS,
    BRAKE_MS,
    BUY,
    DELIST_DELAY_MS,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    KIND_DATED,
    LIST_DELAY_MS,
    MESSAGE_FORCE_CLOSE,
    SELL,
    SETTLE_WAIT_MS,
    STALE_MS,
    TREASURY_ACCOUNT,
)
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.testing.ledger.look import cash, mark, position
from tallystick.testing.world import World, address, message
from tests.adversaries.test_markets_joint_gaps import (
    DONOR,
    LOSER,
    LOT,
    MAKER,
    RICH,
    RULES,
    START,
    THIRD,
    WINNER,
    Joint,
    nothing,
    played,
)
from tests.steps.conftest import check_replay

ACCEPTED = Outcome.ACCEPTED
FOURTH = 7
FUND = int(fund_of(MarketId(0)))


def straddled(to: int = 730, fund: int = 0) -> Joint:
    """The hand has both sides of 100 lots of a market that jumps."""
    joint = Joint((to,), fund)
    for account in (LOSER, WINNER):
        joint.stake(account, 100)
    joint.trade(LOSER, WINNER, 100, 0)
    return joint


def orders_of(world: World, account: int) -> int:
    return int(cells.account_orders(world.state.accounts.words, world.state.accounts.open(AccountId(account))))


# Halts and brakes together


def test_X10_a_block_trade_in_a_halt_behind_a_gap_lets_nobody_take_more_than_was_put_in() -> None:
    """Two more of the hand hold the other sides: the winner leaves through L1, and they are there in its place."""
    joint = Joint((730,))
    for account in (LOSER, WINNER, THIRD, FOURTH):
        joint.stake(account, 100)
    joint.trade(LOSER, WINNER, 100, 0)
    joint.trade(THIRD, FOURTH, 100, 0)
    joint.jump()
    world = joint.world
    trade = world.accepted(world.offer(WINNER, 0, BUY, 730, 100), THIRD)
    assert world.force(trade) is Outcome.BRAKE
    world.later(STALE_MS + 1_000)
    outcomes = {world.force(world.accepted(world.offer(WINNER, 0, BUY, at, 100), THIRD)) for at in (1, 365, 730, 2_000)}
    assert outcomes == {Outcome.MARGIN}
    joint.pass_by(1_000)
    for _ in range(16):
        joint.keep(FOURTH, WINNER)
        world.nominate(THIRD, 0, WINNER)
        world.deleverage(THIRD)
        joint.pass_by(1_000)
    assert sum(max(0, joint.worth(each)) for each in (LOSER, WINNER, THIRD, FOURTH)) <= joint.put_in
    check_replay(world)


def test_X06_prices_that_blink_in_a_brake_neither_end_it_nor_let_a_held_gain_out() -> None:
    joint = straddled()
    joint.jump()
    for _ in range(3):
        joint.world.later(5_000)
        assert joint.leave(WINNER) == 0
        assert joint.held(WINNER, 0) == -100
        joint.pass_by(1_000)
    check_replay(joint.world)


def test_X10_a_second_jump_back_holds_whoever_gains_by_either() -> None:
    """Down and a part of it up again: who was short from above is held still, who came below is held by the rise."""
    joint = straddled(850)
    joint.jump()
    joint.stake(THIRD, 50)
    joint.stake(FOURTH, 50)
    assert joint.world.block(THIRD, FOURTH, BUY, 850, 50) is ACCEPTED
    joint.now = [880]
    joint.pass_by(1_000)
    order = {"flags": FLAG_IOC | FLAG_REDUCE_ONLY}
    assert joint.world.order(WINNER, 0, BUY, 890, 100, **order) is Outcome.UNFILLED
    joint.world.order(MAKER, 0, SELL, 880, 100)
    joint.world.order(MAKER, 0, BUY, 879, 100)
    assert joint.world.order(WINNER, 0, BUY, 890, 100, **order) is Outcome.BRAKE
    assert joint.world.order(THIRD, 0, SELL, 870, 50, **order) is Outcome.BRAKE
    assert joint.world.order(FOURTH, 0, BUY, 890, 50, **order) is ACCEPTED
    check_replay(joint.world)


@pytest.mark.parametrize("way", ["cover", "force close", "trigger"])
def test_X10_a_dated_future_whose_mark_is_away_from_its_index_lets_no_winner_out(way: str) -> None:
    """Its collar lies around the mark, which makers have moved as far from the index as it goes before the gap."""
    world = World()
    world.clock()
    expiry = world.state.registers.clock_ms + 10**9
    world.list_market(0, kind=KIND_DATED, expiry_ms=expiry, **RULES)
    world.report(0, START)
    for name, account, units in (("hand", LOSER, 102 * LOT), ("hand", WINNER, 102 * LOT), ("maker", MAKER, RICH)):
        world.deposit(name, account, units)
    assert world.block(LOSER, WINNER, BUY, START, 100) is ACCEPTED
    world.order(MAKER, 0, BUY, 1_010, 100)
    world.order(MAKER, 0, SELL, 1_012, 100)
    for _ in range(12):
        world.later(5_000)
        world.report(0, START)
    assert mark(world.state, 0) > START + 2
    world.cancel_all(MAKER)
    above = FLAG_MARKET | FLAG_REDUCE_ONLY
    if way == "trigger":
        assert world.conditional(WINNER, 0, BUY, 0, 100, 900, flags=above) is ACCEPTED
    world.later(1_000)
    world.report(0, 850)
    while position(world.state, WINNER, 0):
        assert world.block(WINNER, MAKER, BUY, 850, 100) is Outcome.BRAKE
        world.order(MAKER, 0, SELL, 850, 100)
        if way == "cover":
            assert world.order(WINNER, 0, BUY, 900, 100, flags=FLAG_IOC | FLAG_REDUCE_ONLY) is Outcome.BRAKE
        elif way == "force close":
            world.published.messages.append(message(MESSAGE_FORCE_CLOSE, address("hand"), WINNER, 100, world.time))
            world.consume()
        world.nominate(LOSER, 0, WINNER)
        world.deleverage(LOSER)
        world.cancel_all(MAKER)
        world.later(1_000)
        world.report(0, 850)
    assert position(world.state, LOSER, 0) == 0
    assert cash(world.state, WINNER) + cash(world.state, LOSER) <= 204 * LOT
    check_replay(world)


# Funds at the wrong moment


def test_X02_what_is_put_into_a_fund_behind_a_gap_is_not_borne_by_it() -> None:
    """A top-up and a gift between two takeovers: what the fund bears was fixed by the first, for two minutes."""
    joint = straddled(fund=10**6)
    world = joint.world
    joint.jump()
    taken = next(lots for lots in range(100, 0, -1) if world.take_over(LOSER, 0, lots) is ACCEPTED)
    assert taken < 100
    assert world.transfer(DONOR, fund_of(MarketId(0)), 5 * 10**7) is ACCEPTED
    assert world.take_over(LOSER, 0, 1) is Outcome.INSURANCE_LIMIT
    assert played(joint, nothing) <= joint.put_in + 10**5
    assert joint.worth(FUND) >= 5 * 10**7 + 9 * 10**5
    check_replay(world)


def test_X02_a_top_up_just_before_a_gap_gives_a_hand_no_more_than_a_tenth_of_it() -> None:
    joint = Joint((730,), more={"fund_units": 5 * 10**6})
    world = joint.world
    assert world.transfer(DONOR, TREASURY_ACCOUNT, 10**7) is ACCEPTED
    for account in (LOSER, WINNER):
        joint.stake(account, 100)
    joint.trade(LOSER, WINNER, 100, 0)
    joint.jump()
    assert world.send(make("top_up", market=0)) is ACCEPTED
    assert world.send(make("top_up", market=0)) is Outcome.TOO_EARLY
    assert played(joint, nothing) <= joint.put_in + 5 * 10**5
    assert joint.worth(FUND) >= 45 * 10**5
    check_replay(world)


def test_X02_a_fund_bears_a_tenth_again_no_sooner_than_two_minutes_later_and_of_what_is_left() -> None:
    joint = straddled(fund=10**6)
    world = joint.world
    joint.jump()
    before = joint.worth(FUND)
    for wait, least in ((0, 90), (BEAR_MS - 10_000, 90), (20_000, 81)):
        for _ in range(wait // 10_000):
            joint.pass_by(10_000)
        while world.take_over(LOSER, 0, 1) is ACCEPTED:
            pass
        assert joint.worth(FUND) >= least * before // 100
    assert 81 * before // 100 <= joint.worth(FUND) < 9 * before // 10
    check_replay(world)


def test_X14_the_fees_go_to_no_fund_and_dust_in_a_fund_keeps_nobody_from_its_ladder() -> None:
    joint = straddled()
    world = joint.world
    change = world.signed("change_fee_account", "governance", account=FUND, change=1)
    assert world.send(change) is Outcome.NO_ACCOUNT
    joint.jump()
    for _ in range(8):
        assert world.transfer(DONOR, fund_of(MarketId(0)), 1) is ACCEPTED
        joint.keep(WINNER)
        joint.pass_by(1_000)
    assert joint.held(LOSER, 0) == joint.held(WINNER, 0) == 0
    check_replay(world)


# Several losers, sub-accounts, caps, rebates


def test_X10_many_losers_of_one_winner_are_all_closed_within_the_brake() -> None:
    """Each has a nomination of its own, so they wait side by side."""
    joint = Joint((730,))
    losers = (LOSER, THIRD, FOURTH, 8, 9)
    for account in (*losers, WINNER):
        joint.stake(account, 100 if account == WINNER else 20)
    for account in losers:
        joint.trade(account, WINNER, 20, 0)
    joint.jump()
    for _ in range(BRAKE_MS // 2_000):
        for account in losers:
            joint.world.nominate(account, 0, WINNER)
            joint.world.deleverage(account)
        joint.pass_by(1_000)
    assert joint.held(WINNER, 0) == 0
    assert sum(max(0, joint.worth(each)) for each in (*losers, WINNER)) <= joint.put_in
    check_replay(joint.world)


def test_X14_washes_at_a_rebate_as_large_as_the_fee_earn_nothing_whatever_is_rounded() -> None:
    world = World()
    world.clock()
    rules = {"taker_fee_ppm": 450, "maker_fee_ppm": 0, "rebate_ppm": 450, "multiplier": 7}
    world.list_market(0, **rules)
    world.report(0, 1_003)
    for account in (LOSER, WINNER):
        world.deposit("hand", account, RICH)
    chance, fees = random.Random(1), 0
    for number in range(40):
        one, other = (LOSER, WINNER) if number % 2 else (WINNER, LOSER)
        price, lots = 1_003 + chance.randint(-12, 12), chance.randint(1, 999)
        world.order(one, 0, number % 2, price, lots)
        world.order(other, 0, 1 - number % 2, price, lots, flags=FLAG_IOC)
        assert world.state.registers.fees_units >= fees
        fees = int(world.state.registers.fees_units)
    assert cash(world.state, LOSER) + cash(world.state, WINNER) <= 2 * RICH
    check_replay(world)


def test_X11_at_the_cap_a_position_is_handed_on_and_turned_round_and_nothing_is_added() -> None:
    world = World()
    world.clock()
    world.list_market(0, **{**RULES, "max_open_interest_lots": 100, "max_lots": 100, "insurance_lots": 100})
    world.report(0, START)
    for account in (LOSER, WINNER, THIRD, FOURTH):
        world.deposit("hand", account, RICH)
    assert world.block(LOSER, WINNER, BUY, START, 100) is ACCEPTED
    assert world.block(LOSER, THIRD, BUY, START, 1) is Outcome.POSITION_LIMIT
    assert world.block(THIRD, WINNER, BUY, START, 1) is Outcome.POSITION_LIMIT
    assert world.block(THIRD, LOSER, BUY, START, 60) is ACCEPTED
    assert world.block(LOSER, THIRD, SELL, START, 40) is ACCEPTED
    assert world.block(WINNER, LOSER, BUY, START, 100) is ACCEPTED
    assert world.block(FOURTH, WINNER, BUY, START, 1) is Outcome.OPEN_INTEREST
    assert [position(world.state, each, 0) for each in (LOSER, WINNER, THIRD)] == [-100, 0, 100]
    check_replay(world)


# Expiries, delistings, relistings


def test_X05_an_expiry_in_a_halt_settles_at_what_stood_and_lets_nobody_trade_before() -> None:
    world = World()
    world.clock()
    expiry = world.state.registers.clock_ms + 60_000
    world.list_market(0, kind=KIND_DATED, expiry_ms=expiry, **RULES)
    world.list_market(1, **RULES)
    world.report(0, START)
    for account in (LOSER, WINNER):
        world.deposit("hand", account, 102 * LOT)
    assert world.block(LOSER, WINNER, BUY, START, 100) is ACCEPTED
    world.later(61_000)
    offer = world.accepted(world.offer(WINNER, 0, BUY, 1, 100), LOSER)
    assert world.force(offer) is Outcome.MARKET_EXPIRED
    assert world.order(WINNER, 0, BUY, START, 100, flags=FLAG_IOC | FLAG_REDUCE_ONLY) is Outcome.MARKET_EXPIRED
    assert world.take_over(LOSER, 0, 1) is Outcome.STALE_INDEX
    assert world.withdraw(WINNER, 3 * LOT) is Outcome.NOT_WITHDRAWABLE
    world.report(0, 500)
    assert mark(world.state, 0) == START
    world.later(SETTLE_WAIT_MS)
    for account in (LOSER, WINNER):
        assert world.send(make("settle_position", account=account, market=0)) is ACCEPTED
        assert cash(world.state, account) == 102 * LOT
    check_replay(world)


def test_X05_the_open_stops_of_a_delisted_market_end_with_it_and_keep_no_id_taken() -> None:
    world = World()
    world.clock()
    world.list_market(0, **RULES)
    world.report(0, START)
    world.deposit("hand", LOSER, RICH)
    world.deposit("maker", MAKER, RICH)
    assert world.block(LOSER, MAKER, BUY, START, 10) is ACCEPTED
    flags = FLAG_MARKET | FLAG_REDUCE_ONLY
    slots = []
    for at, above in ((900, 0), (1_100, FLAG_TRIGGER_ABOVE)):
        assert world.conditional(LOSER, 0, SELL, 0, 10, at, flags=flags | above) is ACCEPTED
        slots.append(world.machine.rested)
    assert world.send(world.signed("delist", "governance", market=0)) is ACCEPTED
    world.later(DELIST_DELAY_MS + 1_000)
    world.report(0, 890)
    assert mark(world.state, 0) == START
    assert position(world.state, LOSER, 0) == 10
    world.later(SETTLE_WAIT_MS)
    for account in (LOSER, MAKER):
        assert world.send(make("settle_position", account=account, market=0)) is ACCEPTED
    assert world.list_by_record(0, **RULES) is Outcome.MARKET_EXISTS
    assert world.send(make("clean", pack_slots(*slots))) is ACCEPTED
    assert orders_of(world, LOSER) == 0
    assert world.list_by_record(0, **RULES) is ACCEPTED
    check_replay(world)


def test_X13_a_series_begins_no_sooner_than_its_fund_has_been_paid_for_what_it_held() -> None:
    """And its budget, its brakes and what it bears begin anew."""
    world = World()
    world.clock()
    expiry = world.state.registers.clock_ms + 2_000_000
    world.list_market(0, kind=KIND_DATED, expiry_ms=expiry, **RULES)
    world.report(0, START)
    world.deposit("maker", MAKER, RICH)
    world.deposit("hand", LOSER, 102 * LOT)
    world.deposit("donor", DONOR, RICH)
    world.transfer(DONOR, fund_of(MarketId(0)), 10**7)
    assert world.block(LOSER, MAKER, BUY, START, 100) is ACCEPTED
    world.later(1_000)
    world.report(0, 930)
    assert world.take_over(LOSER, 0, 10) is ACCEPTED
    world.later(2_000_000)
    world.report(0, 930)
    world.later(SETTLE_WAIT_MS)
    for account in (LOSER, MAKER):
        assert world.send(make("settle_position", account=account, market=0)) is ACCEPTED
    assert world.list_by_record(0, **RULES) is Outcome.MARKET_EXISTS
    assert world.send(make("settle_position", account=FUND, market=0)) is ACCEPTED
    assert world.list_by_record(0, **RULES) is ACCEPTED
    rules, market = world.state.markets.words, world.state.markets.open(MarketId(0))
    assert cells.market_fund_budget_units(rules, market) == cells.market_bear_ms(rules, market) == 0
    assert cells.market_down_ms(rules, market) == 0
    world.later(LIST_DELAY_MS)
    check_replay(world)
