"""REPORT_PRICE."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    ORACLE_PRICES,
    ORACLE_ROUND,
    ORACLE_SEEN,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
)
from tallystick.testing.ledger.look import mark, word
from tallystick.testing.world import START, World

NOW = START * 1000


def report(world: World, signer: int, number: int, price: int = 1000, **more: int) -> Outcome:
    values = {"market": 0, "time_ms": NOW, **more}
    return world.send(
        world.signed(
            "report_price",
            f"signer {signer}",
            signer=signer,
            round=number,
            price_ticks=price,
            **values,
        )
    )


@pytest.fixture
def listed(world: World) -> World:
    """A world with market 0 and no report yet."""
    world.list_market(0)
    return world


def test_a_report_for_a_market_nobody_listed_is_rejected(listed: World) -> None:
    assert report(listed, 0, 1, market=1) is Outcome.NO_MARKET


def test_a_price_of_zero_is_out_of_range(listed: World) -> None:
    assert report(listed, 0, 1, price=0) is Outcome.OUT_OF_RANGE


def test_a_round_beyond_its_reports_time_is_out_of_range_and_at_it_is_not(listed: World) -> None:
    assert report(listed, 0, 2**62 - 1) is Outcome.OUT_OF_RANGE
    assert report(listed, 0, NOW + 1) is Outcome.OUT_OF_RANGE
    assert report(listed, 0, NOW) is Outcome.ACCEPTED


def test_a_report_too_old_is_stale_and_at_the_bound_is_not(listed: World) -> None:
    assert report(listed, 0, 1, time_ms=NOW - REPORT_AGE_MS - 1) is Outcome.STALE_REPORT
    assert report(listed, 0, 1, time_ms=NOW - REPORT_AGE_MS) is Outcome.ACCEPTED


def test_a_report_too_far_ahead_is_stale_and_at_the_bound_is_not(listed: World) -> None:
    assert report(listed, 0, 1, time_ms=NOW + REPORT_AHEAD_MS + 1) is Outcome.STALE_REPORT
    assert report(listed, 0, 1, time_ms=2**62 - 1) is Outcome.STALE_REPORT
    assert report(listed, 0, 1, time_ms=NOW + REPORT_AHEAD_MS) is Outcome.ACCEPTED


def test_a_report_of_an_older_round_is_rejected(listed: World) -> None:
    report(listed, 0, 5)
    assert report(listed, 1, 4) is Outcome.OLD_ROUND
    assert report(listed, 1, 5) is Outcome.ACCEPTED


def test_a_second_report_of_a_signer_in_one_round_is_a_duplicate(listed: World) -> None:
    report(listed, 0, 5)
    assert report(listed, 0, 5, price=1001) is Outcome.DUPLICATE_REPORT
    assert word(listed.state.oracles, 0, ORACLE_PRICES) == 1000


def test_round_zero_is_a_round_like_any_other(listed: World) -> None:
    assert report(listed, 0, 0) is Outcome.ACCEPTED
    assert report(listed, 0, 0) is Outcome.DUPLICATE_REPORT


def test_the_rejections_come_in_the_order_of_the_checks(listed: World) -> None:
    report(listed, 0, 5)
    assert report(listed, 0, 5, market=1, price=0, time_ms=0) is Outcome.NO_MARKET
    assert report(listed, 0, 5, price=0, time_ms=9) is Outcome.OUT_OF_RANGE
    assert report(listed, 0, 5, time_ms=9) is Outcome.STALE_REPORT
    assert report(listed, 0, 4) is Outcome.OLD_ROUND
    assert report(listed, 0, 5) is Outcome.DUPLICATE_REPORT


def test_reports_below_the_quorum_are_kept_and_move_no_mark(listed: World) -> None:
    assert report(listed, 3, 5, price=990) is Outcome.ACCEPTED
    assert report(listed, 1, 5, price=1010) is Outcome.ACCEPTED
    oracles = listed.state.oracles
    assert word(oracles, 0, ORACLE_ROUND) == 5
    assert word(oracles, 0, ORACLE_SEEN) == 0b1010
    assert [word(oracles, 0, ORACLE_PRICES + i) for i in range(5)] == [0, 1010, 0, 990, 0]
    assert mark(listed.state, 0) == 0


def test_a_newer_round_discards_the_reports_of_the_older_one(listed: World) -> None:
    report(listed, 0, 5)
    report(listed, 1, 5)
    assert report(listed, 2, 6, price=7) is Outcome.ACCEPTED
    oracles = listed.state.oracles
    assert word(oracles, 0, ORACLE_SEEN) == 0b100
    assert [word(oracles, 0, ORACLE_PRICES + i) for i in range(5)] == [0, 0, 7, 0, 0]
    assert mark(listed.state, 0) == 0


def test_one_signer_alone_never_moves_the_mark(listed: World) -> None:
    """I15."""
    listed.report(0, 1000)
    for number in range(2, 9):
        assert report(listed, 4, number, price=1) is Outcome.ACCEPTED
    assert mark(listed.state, 0) == 1000


def test_markets_have_rounds_of_their_own(listed: World) -> None:
    listed.list_market(1)
    report(listed, 0, 9)
    assert report(listed, 0, 1, market=1) is Outcome.ACCEPTED
