"""Series: an id that is listed again, and records that name the series they are for (I25)."""

from __future__ import annotations

import pytest

from tallystick.machine.foresight import foresee
from tallystick.records.items import ITEM_PLACE, ITEM_REPLACE, Item
from tallystick.records.signing import make
from tallystick.schema.market_rules import RULES
from tallystick.schema.names import Outcome
from tallystick.schema.structs import MARKET
from tallystick.state import layout
from tallystick.state.layout import (
    BUY,
    DELIST_DELAY_MS,
    LIST_DELAY_MS,
    MARKET_SERIES,
    MAX_SERIES,
    ORACLE_TIMES_MS,
    RISK_RISKMARKET_WORDS,
    SELL,
    SERIES_SHIFT,
    SETTLE_WAIT_MS,
)
from tallystick.state.ordinals import SignedMarket
from tallystick.testing.ledger.look import book, positions, word
from tallystick.testing.scenarios.refused_records import to_rlp
from tallystick.testing.world import World
from tests.steps.conftest import MARK

RULES_OF_A_LISTING = {
    *("status", "taker_fee_ppm", "maker_fee_ppm", "max_lots", "max_open_interest_lots"),
    *("band_ppm", "quote_lots", "live_ms", "series"),
}


def settle(world: World) -> None:
    """Have market 0 traded, delisted, settled and left by everybody."""
    world.order(1, 0, SELL, MARK, 5)
    world.order(2, 0, BUY, MARK, 5)
    world.change_market(0, 1, taker_fee_ppm=7)
    assert world.send(world.signed("delist", "governance", market=0)) is Outcome.ACCEPTED
    world.later(DELIST_DELAY_MS)
    world.report(0, MARK + 9)
    world.later(SETTLE_WAIT_MS)
    for account in (1, 2):
        assert world.send(make("settle_position", account=account, market=0)) is Outcome.ACCEPTED


@pytest.fixture
def second(market: World) -> World:
    """A world in which market 0 is in its series 1, and takes orders."""
    settle(market)
    assert market.list_by_record(0) is Outcome.ACCEPTED
    market.later(LIST_DELAY_MS)
    market.report(0, MARK)
    return market


@pytest.mark.parametrize("orders_first", [True, False])
def test_a_settled_market_is_listed_again_once_nobody_holds_any_of_it(market: World, orders_first: bool) -> None:
    """Its positions and orders go first, whichever of them, and MARKET_EXISTS comes before BAD_PARAMETERS."""
    market.order(3, 0, BUY, MARK - 9, 4)
    slot = book(market.state, 0, BUY)[0].slot
    market.order(3, 0, SELL, MARK, 2)
    market.order(1, 0, BUY, MARK, 2)
    settle(market)
    assert market.list_by_record(0, band_ppm=0) is Outcome.MARKET_EXISTS
    if orders_first:
        market.clean(slot)
    for account in (1, 3):
        assert market.list_by_record(0) is Outcome.MARKET_EXISTS
        market.send(make("settle_position", account=account, market=0))
    if not orders_first:
        assert market.list_by_record(0) is Outcome.MARKET_EXISTS
        market.clean(slot)
    assert market.list_by_record(0, band_ppm=0) is Outcome.BAD_PARAMETERS
    assert market.list_by_record(0) is Outcome.ACCEPTED


@pytest.mark.parametrize("series", [0, 2, MAX_SERIES])
def test_a_listing_begins_the_next_series_and_no_other(market: World, series: int) -> None:
    settle(market)
    rules = fields_of_a_listing(market)
    del rules["market"]
    record = market.signed("list_market", "governance", market=series << SERIES_SHIFT, **rules)
    assert market.send(record) is Outcome.BAD_PARAMETERS
    again = market.signed("list_market", "governance", market=1 << SERIES_SHIFT, **rules)
    assert market.send(again) is Outcome.ACCEPTED
    assert market.send(again) is Outcome.MARKET_EXISTS


def test_a_market_that_was_never_listed_begins_with_series_0(world: World) -> None:
    rules = fields_of_a_listing(world)
    record = world.signed("list_market", "governance", **{**rules, "market": 3 | 1 << SERIES_SHIFT})
    assert world.send(record) is Outcome.BAD_PARAMETERS
    assert world.list_by_record(3) is Outcome.ACCEPTED
    assert word(world.state.markets, 3, MARKET_SERIES) == 0


def fields_of_a_listing(world: World) -> dict[str, int]:
    """Return a listing's fields."""
    kind = world.signed("list_market", "governance").kind
    given = {"multiplier": 100, "initial_ppm": 50_000, "maintenance_ppm": 25_000, "band_ppm": 10_000}
    given |= {"max_lots": 100, "max_open_interest_lots": 100}
    return {field.name: given.get(field.name, 0) for field in kind.fields}


def test_nothing_of_the_series_before_is_left_but_its_signers_times(market: World) -> None:
    settle(market)
    times = [word(market.state.oracles, 0, ORACLE_TIMES_MS + signer) for signer in range(3)]
    assert market.list_by_record(0) is Outcome.ACCEPTED
    state = market.state
    kept = {
        field.name for field in MARKET.fields if word(state.markets, 0, getattr(layout, f"MARKET_{field.name.upper()}"))
    }
    assert kept == RULES_OF_A_LISTING
    assert state.prices.pack(0) == b""
    assert state.pendings.pack(0) == b""
    for name in ("MARK_TICKS", "INDEX_TICKS", "FUNDING_INDEX_PPM", "INDEX_MS", "RESUMED_SEQUENCE", "BRAKED"):
        assert word(state.risk, 0, 0 * RISK_RISKMARKET_WORDS + getattr(layout, f"RISK_RISKMARKET_{name}")) == 0
    assert all(times)
    assert [word(state.oracles, 0, ORACLE_TIMES_MS + signer) for signer in range(3)] == times


@pytest.mark.parametrize("series", [0, 2, MAX_SERIES])
def test_I25_an_order_of_another_series_is_no_markets_and_its_nonce_is_used(second: World, series: int) -> None:
    values = {"account": 1, "market": series << SERIES_SHIFT, "price_ticks": MARK, "lots": 1}
    order = second.signed("order", "alice", nonce=second.next_nonce(1), **values)
    assert second.send(order) is Outcome.NO_MARKET
    assert second.send(order) is Outcome.NONCE_USED
    forced = second.signed("order", "alice", nonce=second.next_nonce(1), **values)
    assert second.force(forced) is Outcome.NO_MARKET
    assert second.force(forced) is Outcome.NONCE_USED
    assert not book(second.state, 0, BUY)


def test_I25_of_a_bulk_the_items_of_another_series_come_to_nothing_and_the_others_run(second: World) -> None:
    now = 1 << SERIES_SHIFT

    def item(what: int, client_id: int, price: int, lots: int, market: int) -> Item:
        return Item(what=what, client_id=client_id, market=SignedMarket(market), side=BUY, price_ticks=price, lots=lots)

    second.bulk(1, [item(ITEM_PLACE, number, MARK - number, 5, now) for number in (1, 2)], [])
    slots = {each.client_id: each.slot for each in book(second.state, 0, BUY)}
    items = [
        item(ITEM_PLACE, 3, MARK, 1, 0),
        item(ITEM_REPLACE, 1, MARK - 1, 4, 2 << SERIES_SHIFT),
        item(ITEM_REPLACE, 2, MARK - 2, 4, now),
        item(ITEM_PLACE, 4, MARK - 4, 1, now),
    ]
    assert second.bulk(1, items, [slots[1], slots[2]]) is Outcome.ACCEPTED
    assert [(each.client_id, each.remaining_lots) for each in book(second.state, 0, BUY)] == [(1, 5), (2, 4), (4, 1)]


def test_I25_a_block_trade_of_another_series_is_no_markets_and_spends_no_nonce(second: World) -> None:
    nonces = {"nonce": second.next_nonce(1), "taker_nonce": second.next_nonce(2)}
    for series, expected in ((0, Outcome.NO_MARKET), (2, Outcome.NO_MARKET), (1, Outcome.ACCEPTED)):
        values = {"account": 1, "nonce": nonces["nonce"], "market": series << SERIES_SHIFT, "lots": 2}
        offer = second.signed("block_trade", "alice", side=SELL, price_ticks=MARK, **values)
        record = second.accepted(offer, 2, taker_nonce=nonces["taker_nonce"])
        assert foresee(second.state, record) is expected
        assert second.send(record) is expected
    assert positions(second.state, 1) == {0: -2}


def test_I25_what_governance_signed_for_another_series_changes_nothing(second: World) -> None:
    rules = {name: value for name, value in fields_of_a_listing(second).items() if name in RULES}
    for series in (0, 2):
        change = second.signed("change_market", "governance", market=series << SERIES_SHIFT, change=1, **rules)
        delist = second.signed("delist", "governance", market=series << SERIES_SHIFT)
        assert [second.send(change), second.send(delist)] == [Outcome.NO_MARKET] * 2
    assert second.change_market(0, 1) is Outcome.ACCEPTED
    assert second.send(second.signed("delist", "governance", market=1 << SERIES_SHIFT)) is Outcome.ACCEPTED


@pytest.mark.parametrize("record", ["liquidate", "settle_position", "take_over", "nominate_adl", "top_up"])
def test_a_market_that_nobody_signs_has_no_series(second: World, record: str) -> None:
    """It names the market alone, and 64 and above is out of range."""
    kind = make(record).kind
    number = kind.number.to_bytes(1, "big")
    fields = [b"\x40" if field.name == "market" else b"\x01" for field in kind.fields]
    assert second.send(number + to_rlp(fields)) is Outcome.OUT_OF_RANGE
