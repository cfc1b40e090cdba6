"""CHANGE_MARKET and APPLY_CHANGE."""

from __future__ import annotations

from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    CHANGE_DELAY_MS,
    MARKET_MAX_LOTS,
    MARKET_TAKER_FEE_PPM,
    PENDING_CHANGES,
    PENDING_EFFECTIVE_MS,
    RISK_RISKMARKET_MAINTENANCE_PPM,
)
from tallystick.testing.ledger.look import position, word
from tallystick.testing.world import World


def wait(world: World, ms: int) -> None:
    """Let the clock go on by going on with the batches' times."""
    world.seal()
    world.time += ms // 1000
    world.clock()


def apply(world: World, market: int = 0) -> Outcome:
    return world.send(make("apply_change", pending=market))


def test_a_change_of_a_market_that_is_not_listed_is_refused(world: World) -> None:
    assert world.change_market(0, 1) is Outcome.NO_MARKET
    assert apply(world) is Outcome.NO_MARKET


def test_only_governance_proposes(market: World) -> None:
    """O32."""
    assert market.change_market(0, 1, "alice") is Outcome.NOT_AUTHORISED
    assert word(market.state.pendings, 0, PENDING_CHANGES) == 0


def test_proposals_are_numbered_so_that_none_is_repeated(market: World) -> None:
    """I12."""
    for number in (0, 2, 2**32 - 1):
        assert market.change_market(0, number) is Outcome.OLD_CHANGE
    assert market.change_market(0, 1) is Outcome.ACCEPTED
    assert market.change_market(0, 1) is Outcome.OLD_CHANGE
    assert market.change_market(0, 2) is Outcome.ACCEPTED


def test_rules_that_may_not_be_listed_may_not_be_proposed(market: World) -> None:
    """I4."""
    bads: tuple[dict[str, int], ...] = (
        {"max_lots": 2**24},
        {"maintenance_ppm": 0},
        {"rebate_ppm": 501},
        {"tier3_from_millions": 1},
    )
    for bad in bads:
        assert market.change_market(0, 1, "governance", **bad) is Outcome.BAD_PARAMETERS


def test_a_change_is_in_force_only_behind_its_delay(market: World) -> None:
    """I14, O32."""
    before = market.state.markets.pack(0), market.state.risk.pack(0)
    assert apply(market) is Outcome.NO_CHANGE
    assert market.change_market(0, 1, taker_fee_ppm=700, maintenance_ppm=30_000) is Outcome.ACCEPTED
    assert apply(market) is Outcome.TOO_EARLY
    wait(market, CHANGE_DELAY_MS - 2000)
    assert apply(market) is Outcome.TOO_EARLY
    assert (market.state.markets.pack(0), market.state.risk.pack(0)) == before
    wait(market, 2000)
    assert apply(market) is Outcome.ACCEPTED
    assert word(market.state.markets, 0, MARKET_TAKER_FEE_PPM) == 700
    assert word(market.state.risk, 0, RISK_RISKMARKET_MAINTENANCE_PPM) == 30_000
    assert word(market.state.pendings, 0, PENDING_EFFECTIVE_MS) == 0
    assert apply(market) is Outcome.NO_CHANGE


def test_a_newer_proposal_replaces_the_older_and_waits_anew(market: World) -> None:
    market.change_market(0, 1, taker_fee_ppm=700)
    wait(market, CHANGE_DELAY_MS // 2)
    market.change_market(0, 2, taker_fee_ppm=800)
    wait(market, CHANGE_DELAY_MS // 2 + 1000)
    assert apply(market) is Outcome.TOO_EARLY
    wait(market, CHANGE_DELAY_MS // 2)
    assert apply(market) is Outcome.ACCEPTED
    assert word(market.state.markets, 0, MARKET_TAKER_FEE_PPM) == 800


def test_a_position_beyond_a_lowered_limit_may_get_smaller_but_not_larger(market: World) -> None:
    market.order(1, 0, 0, 1000, 100)
    market.order(2, 0, 1, 1000, 100)
    market.change_market(0, 1, max_lots=50)
    wait(market, CHANGE_DELAY_MS)
    assert apply(market) is Outcome.ACCEPTED
    assert word(market.state.markets, 0, MARKET_MAX_LOTS) == 50
    market.reopen(0, 1000)
    market.order(3, 0, 0, 1000, 10)
    market.order(1, 0, 1, 1000, 10, flags=1)
    assert position(market.state, 1, 0) == 90
    market.order(3, 0, 1, 1000, 10)
    assert market.order(1, 0, 0, 1000, 10, flags=1) is Outcome.POSITION_LIMIT
    assert position(market.state, 1, 0) == 90
