"""What a deployment may begin with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.errors import BadInput
from tallystick.records.market_terms import listing
from tallystick.rollup.genesis import Genesis, decode_genesis, genesis_state
from tallystick.state.cells import market_expiry_ms, market_live_ms, market_status, risk_market_multiplier_units
from tallystick.state.layout import MARKET_LIVE
from tallystick.state.ordinals import MarketId

DATED = {"market": 9, "multiplier": 1, "expiry_ms": 1_900_000_000_000}
Markets = tuple[tuple[int, ...], ...]


def genesis(quorum: int, signers: int) -> Genesis:
    return Genesis(
        chain_id=1,
        rollup=bytes(20),
        governance=bytes(20),
        quorum=quorum,
        signers=tuple(bytes([at]) * 20 for at in range(signers)),
    )


@pytest.mark.parametrize(("quorum", "signers"), [(3, 3), (3, 5), (4, 7), (9, 16), (16, 16)])
def test_a_quorum_of_more_than_half_of_the_signers_and_three_at_least_is_one(quorum: int, signers: int) -> None:
    made = genesis(quorum, signers)
    assert decode_genesis(made.encode()) == made


@pytest.mark.parametrize(("quorum", "signers"), [(0, 3), (1, 1), (2, 2), (2, 3), (3, 6), (8, 16), (3, 2), (17, 17)])
def test_a_quorum_that_one_liar_or_half_of_the_signers_could_be_is_refused(quorum: int, signers: int) -> None:
    """I15."""
    with pytest.raises(BadInput, match="quorum of"):
        genesis(quorum, signers)
    with pytest.raises(BadInput, match="quorum of"):
        decode_genesis(_encoded(quorum, signers))


def test_a_genesis_lists_markets_which_come_back_as_they_were() -> None:
    made = replace(genesis(3, 5), markets=(listing({"market": 5, "multiplier": 7}), listing(DATED)))
    assert decode_genesis(made.encode()) == made
    state = genesis_state(made)
    found = [market_status(state.markets.words, state.markets.open(MarketId(number))) for number in (0, 5, 9)]
    assert found == [0, MARKET_LIVE, MARKET_LIVE]
    assert market_live_ms(state.markets.words, state.markets.open(MarketId(5))) == 0
    assert market_expiry_ms(state.markets.words, state.markets.open(MarketId(9))) == DATED["expiry_ms"]
    assert risk_market_multiplier_units(state.risk.words, state.risk.open(0), MarketId(5)) == 7
    assert state.hash() != genesis_state(genesis(3, 5)).hash()


@pytest.mark.parametrize(
    ("markets", "says"),
    [
        ((listing(DATED), listing(DATED)), "each market once"),
        ((listing({"market": 1, "multiplier": 0}),), "market 1: these rules cannot stand together"),
        ((listing({"market": 1, "multiplier": 1, "maintenance_ppm": 9_999}),), "cannot stand together"),
        ((listing({"market": 64, "multiplier": 1}),), "series 0, and below 64"),
        ((listing({"market": 1, "multiplier": 1, "taker_fee_ppm": -1}),), "taker_fee_ppm is -1"),
        (((1, 2, 3),), "has 25 values"),
    ],
)
def test_a_genesis_with_a_market_that_could_not_be_listed_is_refused(markets: Markets, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        replace(genesis(3, 5), markets=markets)


def _encoded(quorum: int, signers: int) -> bytes:
    """Return the bytes of a genesis that nobody checked."""
    made = genesis(3, 3)
    object.__setattr__(made, "quorum", quorum)
    object.__setattr__(made, "signers", tuple(bytes([at]) * 20 for at in range(signers)))
    return made.encode()
