"""An id that is listed again and again, and everything of the series before that could still be about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tallystick.records.codec import Record
from tallystick.records.items import ITEM_PLACE, ITEM_REPLACE, Item, pack_items, pack_pairs, pack_slots
from tallystick.records.signing import make, sign
from tallystick.rollup.invariants import broken, imbalance
from tallystick.schema.names import Outcome
from tallystick.state.cells import (
    set_deleverage_candidate,
    set_deleverage_market,
    set_deleverage_since_ms,
    set_market_series,
)
from tallystick.state.layout import (
    BUY,
    FLAG_TRIGGER_ABOVE,
    KIND_DATED,
    LIST_DELAY_MS,
    MARKET_SERIES,
    MAX_MARKETS,
    MAX_SERIES,
    MESSAGE_FORCE_CLOSE,
    PENDING_CHANGES,
    PENDING_EFFECTIVE_MS,
    SELL,
    SERIES_SHIFT,
    SETTLE_WAIT_MS,
)
from tallystick.state.ordinals import AccountId, MarketId, SignedMarket
from tallystick.testing.ledger.look import book, cash, mark, named, parked, positions, word
from tallystick.testing.world import World, address, key, message

MARKET = 5
PRICE = 1000
RICH = 10**12
ALICE, BOB = 1, 2
DAY_MS = 86_400_000
NAMES = {ALICE: "alice", BOB: "bob"}
AGENT = 4

Late = Callable[[World], Record]


def exchange() -> World:
    """Market 5 expires in ten minutes, for the first time; two rich accounts."""
    world = World()
    world.clock()
    world.list_market(MARKET, kind=KIND_DATED, expiry_ms=world.state.registers.clock_ms + 600_000)
    world.report(MARKET, PRICE)
    for number, name in NAMES.items():
        world.deposit(name, number, RICH)
    return world


def trade(world: World, price: int, lots: int = 3) -> None:
    for account, side in ((ALICE, SELL), (BOB, BUY)):
        assert world.order(account, MARKET, side, price, lots) is Outcome.ACCEPTED


def end(world: World, price: int, wait_ms: int = 600_000) -> None:
    """Have the market expire and settle at a price, and everybody paid."""
    world.later(wait_ms)
    assert world.report(MARKET, price) is Outcome.ACCEPTED
    world.later(SETTLE_WAIT_MS)
    for account in NAMES:
        if MARKET in positions(world.state, account):
            assert world.send(make("settle_position", account=account, market=MARKET)) is Outcome.ACCEPTED


def begin(world: World, price: int) -> None:
    """List the next series, a future of 22 days, and wait until it takes orders."""
    expiry = world.state.registers.clock_ms + LIST_DELAY_MS + DAY_MS
    assert world.list_by_record(MARKET, kind=KIND_DATED, expiry_ms=expiry) is Outcome.ACCEPTED
    world.later(LIST_DELAY_MS)
    assert world.report(MARKET, price) is Outcome.ACCEPTED


def again(world: World, price: int = 2 * PRICE) -> None:
    end(world, PRICE)
    begin(world, price)


def test_X13_an_exchange_with_all_its_ids_listed_lists_one_of_them_thirty_times_more() -> None:
    world = exchange()
    for number in range(MAX_MARKETS):
        expected = Outcome.MARKET_EXISTS if number == MARKET else Outcome.ACCEPTED
        assert world.list_by_record(number) is expected
    money = sum(cash(world.state, account) for account in NAMES) + world.state.registers.fees_units
    for series in range(30):
        assert word(world.state.markets, MARKET, MARKET_SERIES) == series
        trade(world, PRICE)
        end(world, PRICE + series, DAY_MS if series else 600_000)
        begin(world, PRICE)
    assert sum(cash(world.state, account) for account in NAMES) + world.state.registers.fees_units == money
    assert imbalance(world.state) == 0
    assert not broken(world.state)


def test_X13_the_last_series_is_followed_by_none() -> None:
    world = exchange()
    end(world, PRICE)
    base = world.state.markets.known(MarketId(MARKET))
    set_market_series(world.state.markets.words, base, MAX_SERIES)
    record = world.signed("list_market", "governance", market=MARKET, multiplier=100)
    assert world.send(record) is Outcome.BAD_PARAMETERS
    assert named(world.state, MARKET) == (1 << 16) - MAX_MARKETS + MARKET


def order(world: World) -> Record:
    values = {"account": ALICE, "market": MARKET, "price_ticks": PRICE, "lots": 1}
    return world.signed("order", "alice", nonce=world.next_nonce(ALICE), **values)


def agents_order(world: World) -> Record:
    values = {"slot": AGENT, "key": int.from_bytes(address("agent"), "big"), "scope": 3}
    world.send(world.signed("approve_agent", "alice", account=ALICE, nonce=world.next_nonce(ALICE), **values))
    values = {"account": ALICE, "agent": AGENT, "market": MARKET, "price_ticks": PRICE, "lots": 1}
    return world.signed("order", "agent", nonce=world.next_nonce(ALICE), **values)


def stop(world: World) -> Record:
    values = {"account": ALICE, "market": MARKET, "price_ticks": PRICE, "lots": 1, "trigger_ticks": PRICE - 50}
    return world.signed("conditional", "alice", nonce=world.next_nonce(ALICE), **values)


def bulk(world: World, what: int = ITEM_PLACE) -> Record:
    items = pack_items([Item(what=what, client_id=9, market=SignedMarket(MARKET), side=BUY, price_ticks=PRICE, lots=1)])
    record = make("bulk", items, pack_slots(64), account=ALICE, nonce=world.next_nonce(ALICE))
    return sign(record, world.state.registers.domain, key("alice"))


def replacing(world: World) -> Record:
    return bulk(world, ITEM_REPLACE)


def block(world: World) -> Record:
    return world.accepted(world.offer(ALICE, MARKET, BUY, PRICE, 1), BOB)


@pytest.mark.parametrize("late", [order, agents_order, stop, bulk, replacing, block])
@pytest.mark.parametrize("through_l1", [False, True])
def test_X13_what_nobody_has_used_of_one_series_does_nothing_in_the_next(late: Late, through_l1: bool) -> None:
    """At another price, of another thing: who signed it then would pay half or twice of what it is worth now."""
    world = exchange()
    record = late(world)
    again(world)
    before = [cash(world.state, account) for account in NAMES]
    outcome = world.force(record) if through_l1 else world.send(record)
    assert outcome is (Outcome.ACCEPTED if record.kind.name == "bulk" else Outcome.NO_MARKET)
    assert [cash(world.state, account) for account in NAMES] == before
    assert not any(positions(world.state, account) for account in NAMES)
    assert not book(world.state, MARKET, BUY) and not parked(world.state, MARKET)
    used = Outcome.NO_MARKET if record.kind.spares_nonce else Outcome.NONCE_USED
    assert world.send(record) is used


def test_X13_an_offer_of_one_series_is_not_to_be_accepted_in_the_next() -> None:
    world = exchange()
    offer = world.offer(ALICE, MARKET, BUY, PRICE, 1)
    again(world)
    assert world.send(world.accepted(offer, BOB)) is Outcome.NO_MARKET
    assert world.block(ALICE, BOB, BUY, 2 * PRICE, 1, market=MARKET) is Outcome.ACCEPTED


def test_X13_what_is_signed_for_a_series_to_come_waits_for_it_or_is_used_up() -> None:
    world = exchange()
    values = {"account": ALICE, "market": MARKET | 1 << SERIES_SHIFT, "price_ticks": 2 * PRICE, "lots": 1}
    early, kept = (world.signed("order", "alice", nonce=world.next_nonce(ALICE), **values) for _ in range(2))
    assert world.send(early) is Outcome.NO_MARKET
    again(world)
    assert world.send(early) is Outcome.NONCE_USED
    assert world.send(kept) is Outcome.ACCEPTED


def test_X13_a_listing_is_not_played_again_nor_what_governance_said_of_the_series_before() -> None:
    world = exchange()
    end(world, PRICE)
    listing = world.signed("list_market", "governance", market=named(world.state, MARKET, 1), **rules())
    assert world.send(listing) is Outcome.ACCEPTED
    assert world.send(listing) is Outcome.MARKET_EXISTS
    change = world.signed("change_market", "governance", market=named(world.state, MARKET), change=1, **rules(False))
    delist = world.signed("delist", "governance", market=named(world.state, MARKET))
    world.later(LIST_DELAY_MS)
    world.report(MARKET, PRICE)
    assert world.send(delist) is Outcome.ACCEPTED
    world.later(7 * DAY_MS)
    world.report(MARKET, PRICE)
    assert world.list_by_record(MARKET) is Outcome.ACCEPTED
    for record in (listing, change, delist):
        assert world.send(record) is (Outcome.MARKET_EXISTS if record is listing else Outcome.NO_MARKET)
    world.later(LIST_DELAY_MS)
    world.report(MARKET, PRICE)
    assert world.order(ALICE, MARKET, BUY, PRICE, 1) is Outcome.ACCEPTED


def rules(listed: bool = True) -> dict[str, int]:
    given = {"initial_ppm": 50_000, "maintenance_ppm": 25_000, "band_ppm": 10_000, "max_lots": 100}
    given["max_open_interest_lots"] = 400
    return given | ({"multiplier": 100} if listed else {})


def test_X13_a_change_proposed_for_one_series_is_never_in_force_in_the_next() -> None:
    world = exchange()
    assert world.change_market(MARKET, 1, taker_fee_ppm=999) is Outcome.ACCEPTED
    again(world)
    for field in (PENDING_CHANGES, PENDING_EFFECTIVE_MS):
        assert word(world.state.pendings, MARKET, field) == 0
    assert world.send(make("apply_change", pending=MARKET)) is Outcome.NO_CHANGE
    assert world.change_market(MARKET, 1, taker_fee_ppm=1) is Outcome.ACCEPTED


def test_X13_no_order_of_one_series_is_left_to_the_next_whatever_it_waits_for() -> None:
    """In the book, dead in it, at its ends, or parked for a trigger on any side: all of them go first."""
    world = exchange()
    for price in (1, PRICE):
        world.order(ALICE, MARKET, BUY, price, 200)
    world.order(BOB, MARKET, SELL, PRICE + 9, 5, expiry_ms=world.state.registers.clock_ms + 1)
    for side in (BUY, SELL):
        world.conditional(BOB, MARKET, side, PRICE, 5, PRICE + 90, flags=FLAG_TRIGGER_ABOVE)
        world.conditional(BOB, MARKET, side, PRICE, 5, PRICE - 90)
    end(world, PRICE)
    waiting = [*book(world.state, MARKET, BUY), *book(world.state, MARKET, SELL), *parked(world.state, MARKET)]
    assert len(waiting) == 7
    for each in waiting:
        assert world.list_by_record(MARKET) is Outcome.MARKET_EXISTS
        assert world.clean(each.slot) is Outcome.ACCEPTED
    begin(world, 2 * PRICE)
    assert world.state.registers.orders_total == 0


def test_X13_a_report_of_the_series_before_makes_no_price_of_the_next() -> None:
    """Signed then and forced now it is older than its signer's newest, which outlives the series."""
    world = exchange()
    time = world.state.registers.clock_ms - 2_000
    old = [world.reported(pack_pairs({MarketId(MARKET): 7 * PRICE}), signer, time) for signer in range(3)]
    end(world, PRICE)
    assert world.list_by_record(MARKET) is Outcome.ACCEPTED
    for record in old:
        assert world.force(record) in (Outcome.STALE_REPORT, Outcome.OLD_REPORT)
    assert mark(world.state, MARKET) == 0


def test_X13_a_close_queued_for_one_series_closes_nothing_in_the_next() -> None:
    world = exchange()
    trade(world, PRICE)
    again(world)
    trade(world, 2 * PRICE)
    for series, expected in ((0, Outcome.ACCEPTED), (1, Outcome.NO_MARKET)):
        amount = (MARKET | series << SERIES_SHIFT) << 56
        world.published.messages.append(message(MESSAGE_FORCE_CLOSE, address("alice"), ALICE, amount, world.time))
        # It names the market alone: within the force delay it finds the series that it was queued in.
        assert world.consume() is (Outcome.UNFILLED if expected is Outcome.ACCEPTED else expected)


def test_X13_a_deleveraging_nominated_in_one_series_is_none_of_the_next() -> None:
    world = exchange()
    trade(world, PRICE)
    nominations = world.state.deleverages
    cell = nominations.open(AccountId(ALICE))
    set_deleverage_market(nominations.words, cell, MarketId(MARKET))
    set_deleverage_candidate(nominations.words, cell, AccountId(BOB))
    set_deleverage_since_ms(nominations.words, cell, world.state.registers.clock_ms)
    nominations.mark(ALICE)
    again(world)
    trade(world, 2 * PRICE)
    assert world.deleverage(ALICE) is Outcome.EXPIRED
    assert world.take_over(ALICE, MARKET, 1) is Outcome.HEALTHY
    assert positions(world.state, ALICE)[MARKET] == -3
