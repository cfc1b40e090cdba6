"""REPORT_PRICE."""

from __future__ import annotations

import pytest

from tallystick.records.items import pack_pairs
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FORCED_AGE_MS,
    MAX_MARKETS,
    ORACLE_PRICES_TICKS,
    ORACLE_TIMES_MS,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
    REPORT_PAIR_BYTES,
    REPORT_STEP_MS,
    STALE_MS,
    WORK,
)
from tallystick.state.ordinals import MarketId
from tallystick.testing.ledger.look import index, mark, word
from tallystick.testing.world import START, World

NOW = START * 1000


def report(world: World, signer: int, price: int = 1000, ahead: int = 0, market: int = 0) -> Outcome:
    return world.prices({market: price}, signer, ahead)


def kept(world: World, market: int = 0) -> list[tuple[int, int]]:
    """Return price and time of the first five signers' newest reports, times from now on."""
    oracles = world.state.oracles
    times = [word(oracles, market, ORACLE_TIMES_MS + i) for i in range(5)]
    return [(word(oracles, market, ORACLE_PRICES_TICKS + i), time and time - NOW) for i, time in enumerate(times)]


@pytest.fixture
def listed(world: World) -> World:
    """A world with market 0 and no report yet."""
    world.list_market(0)
    return world


@pytest.mark.parametrize("length", [0, 1, 3, 5, MAX_MARKETS * REPORT_PAIR_BYTES - 1])
def test_no_pairs_and_parts_of_one_are_malformed_and_nothing_of_them_counts(listed: World, length: int) -> None:
    pairs = (
        pack_pairs({MarketId(0): 7}) + bytes(length - REPORT_PAIR_BYTES)
        if length > REPORT_PAIR_BYTES
        else bytes(length)
    )
    assert listed.send(listed.reported(pairs, 0, NOW)) is Outcome.MALFORMED
    assert kept(listed)[0] == (0, 0)
    registers = listed.state.registers
    assert (registers.bulk_at, registers.bulk_end, registers.bulk_item) == (0, 0, 0)


def test_a_report_for_a_market_nobody_listed_is_rejected(listed: World) -> None:
    assert report(listed, 0, market=1) is Outcome.NO_MARKET
    assert listed.send(listed.reported(bytes([64, 0, 0, 9]), 0, NOW)) is Outcome.NO_MARKET
    assert listed.send(listed.reported(bytes([255, 0, 0, 9]), 0, NOW)) is Outcome.NO_MARKET


def test_a_price_of_zero_is_out_of_range(listed: World) -> None:
    assert report(listed, 0, price=0) is Outcome.OUT_OF_RANGE


def test_a_report_too_old_is_stale_and_at_the_bound_is_not(listed: World) -> None:
    assert report(listed, 0, ahead=-REPORT_AGE_MS - 1) is Outcome.STALE_REPORT
    assert report(listed, 0, ahead=-REPORT_AGE_MS) is Outcome.ACCEPTED


def test_a_report_too_far_ahead_is_stale_and_at_the_bound_is_not(listed: World) -> None:
    assert report(listed, 0, ahead=REPORT_AHEAD_MS + 1) is Outcome.STALE_REPORT
    assert listed.send(listed.reported({0: 5}, 0, 2**62 - 1)) is Outcome.STALE_REPORT
    assert report(listed, 0, ahead=REPORT_AHEAD_MS) is Outcome.ACCEPTED


def test_through_l1_a_report_may_be_older_than_in_a_batch(listed: World) -> None:
    for age, expected in ((FORCED_AGE_MS + 1, Outcome.STALE_REPORT), (FORCED_AGE_MS, Outcome.ACCEPTED)):
        assert listed.force(listed.reported({0: 5}, 0, listed.time * 1000 - age)) is expected


def test_a_signers_reports_of_a_market_are_a_second_apart(listed: World) -> None:
    assert report(listed, 0, price=1000) is Outcome.ACCEPTED
    assert report(listed, 0, price=1001) is Outcome.OLD_REPORT
    assert report(listed, 0, price=1002, ahead=REPORT_STEP_MS - 1) is Outcome.OLD_REPORT
    assert report(listed, 0, price=1003, ahead=-1) is Outcome.OLD_REPORT
    assert kept(listed)[0] == (1000, 0)
    assert report(listed, 1, price=1004) is Outcome.ACCEPTED
    assert report(listed, 0, price=1005, ahead=REPORT_STEP_MS) is Outcome.ACCEPTED
    assert kept(listed)[:2] == [(1005, REPORT_STEP_MS), (1004, 0)]


def test_a_report_older_than_the_index_by_more_than_its_age_is_old(listed: World) -> None:
    """Nobody can put it there but through L1."""
    listed.later(FORCED_AGE_MS + 10_000)
    queued = listed.time
    listed.report(0, 1000)
    newest = listed.state.registers.clock_ms
    for age, expected in ((FORCED_AGE_MS + 1, Outcome.OLD_REPORT), (FORCED_AGE_MS, Outcome.ACCEPTED)):
        record = listed.reported({0: 900}, 4, newest - age)
        listed.time = queued - 9
        assert listed.force(record) is expected


def test_the_rejections_come_in_the_order_of_the_checks(listed: World) -> None:
    report(listed, 0)
    for market, price, ahead, expected in (
        (1, 0, -NOW, Outcome.NO_MARKET),
        (0, 0, -NOW, Outcome.OUT_OF_RANGE),
        (0, 5, -NOW, Outcome.STALE_REPORT),
        (0, 5, 0, Outcome.OLD_REPORT),
    ):
        assert listed.prices({market: price}, 0, ahead) is expected


def test_reports_below_the_quorum_are_kept_and_move_no_mark(listed: World) -> None:
    assert report(listed, 3, price=990) is Outcome.ACCEPTED
    assert report(listed, 1, price=1010, ahead=-5) is Outcome.ACCEPTED
    assert kept(listed) == [(0, 0), (1010, -5), (0, 0), (990, 0), (0, 0)]
    assert mark(listed.state, 0) == 0


def test_one_report_says_the_prices_of_many_markets_each_with_its_own_outcome(listed: World) -> None:
    listed.list_market(2)
    listed.list_market(63)
    told = len(listed.events)
    for signer in range(3):
        assert listed.prices({63: 5, 1: 6, 0: 0, 2: 7}, signer) is Outcome.ACCEPTED
    assert [mark(listed.state, market) for market in (0, 1, 2, 63)] == [0, 0, 7, 5]
    said = [values[0] for name, values in listed.events[told:] if name == "outcome"]
    assert said == [Outcome.ACCEPTED, Outcome.NO_MARKET, Outcome.OUT_OF_RANGE, Outcome.ACCEPTED] * 3


def test_a_market_named_twice_has_the_first_of_its_prices(listed: World) -> None:
    pairs = pack_pairs({MarketId(0): 1000}) + pack_pairs({MarketId(0): 900})
    for signer in range(3):
        assert listed.send(listed.reported(pairs, signer, NOW)) is Outcome.OLD_REPORT
    assert index(listed.state, 0) == 1000


def test_all_markets_fit_into_one_report_and_it_leaves_nothing_behind(listed: World) -> None:
    for market in range(1, MAX_MARKETS):
        listed.list_market(market)
    for signer in range(3):
        assert listed.prices({market: 1000 + market for market in range(MAX_MARKETS)}, signer) is Outcome.ACCEPTED
    assert [mark(listed.state, market) for market in range(MAX_MARKETS)] == [1000 + i for i in range(MAX_MARKETS)]
    registers = listed.state.registers
    assert (registers.resume, registers.bulk_at, registers.bulk_end, registers.bulk_item) == (0, 0, 0, 0)


def test_each_pair_has_work_of_its_own_and_fires_its_markets_triggers(market: World) -> None:
    market.list_market(1)
    market.report(1, 1000)
    for number in (0, 1):
        market.order(1, number, 0, 950, 1)
        assert market.conditional(2, number, 1, 900, 1, 960) is Outcome.ACCEPTED
    market.later(STALE_MS // 2)
    for signer in range(3):
        assert market.prices({0: 955, 1: 955}, signer) is Outcome.ACCEPTED
    fired = [values[0] for name, values in market.events if name == "fired"]
    assert len(fired) == 2
    # Behind the last pair, each of whose four books has taken one run.
    assert market.state.registers.work == WORK - 4


def test_one_signer_alone_never_moves_the_mark(listed: World) -> None:
    """I15."""
    listed.report(0, 1000)
    for _ in range(8):
        assert listed.report(0, 1, (4,)) is Outcome.ACCEPTED
        assert mark(listed.state, 0) == 1000
    assert kept(listed)[4][0] == 1
