"""CONSUME_MESSAGE, kind 5: any record through L1, run as if sequenced and judged by the time it was queued (P06)."""

from __future__ import annotations

import pytest

from tallystick.machine.engine import step
from tallystick.records.codec import Record, encode
from tallystick.records.items import Item, pack_items
from tallystick.records.signing import make, sign
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import (
    BUY,
    CLAIM_MS,
    FLAG_TRIGGER_ABOVE,
    FORCED_AGE_MS,
    ITEM_CANCEL,
    ITEM_PLACE,
    KIND_DATED,
    MAX_ACCOUNT,
    MESSAGE_BYTES,
    MESSAGE_RECORD,
    PRICE_INDEX_MS,
    REPORT_AHEAD_MS,
    SELL,
    SETTLE_WAIT_MS,
    WIND_DOWN_MS,
)
from tallystick.state.ordinals import NEVER, UnixMs
from tallystick.testing.ledger.look import book, cash, index, mark, parked, position, word
from tallystick.testing.world import World, address, key, message, ordinary_rules, record_message

ACCEPTED = Outcome.ACCEPTED


def signed(world: World, kind: str, account: int = 1, /, **values: int) -> Record:
    nonce = world.next_nonce(account)
    return world.signed(kind, world.owners[account], account=account, nonce=nonce, **values)


def order(world: World, account: int, side: int, price: int, lots: int, **more: int) -> Record:
    return signed(world, "order", account, side=side, price_ticks=price, lots=lots, **more)


def queue(world: World, time: int, *records: Record | bytes) -> None:
    world.published.messages += [record_message(record, time) for record in records]


def reports(world: World, time: int, price: int, market: int = 0) -> list[Record]:
    """Return three signers' reports of a market."""
    return [world.reported({market: price}, i, time * 1000) for i in range(3)]


def now(world: World) -> int:
    return world.state.registers.clock_ms // 1000


# What may come, and what becomes of it


def test_a_forced_record_is_in_no_chain_of_records_and_leaves_nothing_in_the_registers(market: World) -> None:
    market.seal()
    registers = market.state.registers
    before = registers.record_count, registers.record_accumulator, registers.promised_count
    assert market.force(order(market, 1, BUY, 990, 3)) is ACCEPTED
    assert (registers.record_count, registers.record_accumulator, registers.promised_count) == before
    assert (registers.forced_ms, registers.record_source, registers.resume, registers.arg_record_end) == (
        NEVER,
        0,
        0,
        0,
    )
    assert [(each.account, each.remaining_lots) for each in book(market.state, 0, BUY)] == [(1, 3)]


def test_while_a_forced_record_runs_the_registers_say_where_it_lies_and_when_it_was_queued(market: World) -> None:
    market.seal()
    queue(market, 1_600_000_000, order(market, 1, BUY, 990, 3))
    market.consume()
    market.seal()
    machine = market.fresh()
    registers = machine.state.registers
    while registers.phase != Phase.PLACE_ORDER:
        step(machine)
    size = len(market.published.messages[-1])
    assert (registers.record_source, registers.forced_ms) == (1, UnixMs(1_600_000_000_000))
    assert (registers.arg_record_at, registers.arg_record_end) == (MESSAGE_BYTES, size)


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        pytest.param(b"", Outcome.UNKNOWN_RECORD, id="nothing"),
        pytest.param(b"\x02\xc1\x01", Outcome.UNKNOWN_RECORD, id="a kind that is none"),
        pytest.param(b"\x10\xc0", Outcome.MALFORMED, id="too few fields"),
        pytest.param(b"\x10\xc1\x05" + bytes(9), Outcome.MALFORMED, id="zeros behind it"),
        pytest.param(b"\x01\xc0", Outcome.MALFORMED, id="a clock that does not decode"),
        pytest.param(b"\x11\xc2\x01\x40", Outcome.OUT_OF_RANGE, id="a number out of range"),
        pytest.param(encode(make("clock", clock_ms=1 << 50)), Outcome.UNKNOWN_MESSAGE, id="a clock"),
    ],
)
def test_bytes_that_are_no_record_for_a_message_only_set_the_outcome(
    market: World, data: bytes, outcome: Outcome
) -> None:
    clock = market.state.registers.clock_ms
    assert market.force(data) is outcome
    assert market.state.registers.clock_ms == clock
    assert market.force(data, order(market, 1, BUY, 990, 3)) is ACCEPTED


def test_an_account_that_cannot_be_is_found_before_the_record_is_read(market: World) -> None:
    strange = message(MESSAGE_RECORD, address("anybody"), MAX_ACCOUNT + 1, 0) + b"\xff"
    market.published.messages.append(strange)
    assert market.consume() is Outcome.NO_ACCOUNT


def test_who_queued_a_record_does_not_matter_who_signed_it_does(market: World) -> None:
    market.published.messages.append(record_message(order(market, 1, BUY, 990, 3), sender="mallory"))
    assert market.consume() is ACCEPTED
    forged = market.signed("order", "mallory", account=1, nonce=99, price_ticks=990, lots=1)
    market.published.messages.append(record_message(forged, sender="alice"))
    assert market.consume() is Outcome.NOT_AUTHORISED


def test_authority_is_checked_in_the_order_of_a_sequenced_record(market: World) -> None:
    expired, scopeless = (
        {"nonce": market.next_nonce(1), "slot": slot, "key": int.from_bytes(address("agent"), "big"), **more}
        for slot, more in ((1, {"scope": 0, "expiry_ms": 1}), (2, {"scope": 2, "expiry_ms": 0}))
    )
    for values in (expired, scopeless):
        assert market.force(market.signed("approve_agent", "alice", account=1, **values)) is ACCEPTED
    far, used = 1 << 60, 0
    fields = {"price_ticks": 990, "lots": 1}
    good = market.signed("order", "alice", account=1, nonce=50, **fields)
    for record, outcome in (
        (Record(kind=good.kind, values=good.values, signature=bytes(64)), Outcome.BAD_SIGNATURE),
        (market.signed("order", "agent", account=99, nonce=far, **fields), Outcome.NO_ACCOUNT),
        (market.signed("order", "mallory", account=1, agent=1, nonce=far, **fields), Outcome.NOT_AUTHORISED),
        (market.signed("order", "agent", account=1, agent=1, nonce=far, **fields), Outcome.AGENT_EXPIRED),
        (market.signed("order", "agent", account=1, agent=2, nonce=far, **fields), Outcome.AGENT_SCOPE),
        (market.signed("order", "alice", account=1, nonce=far, **fields), Outcome.NONCE_RANGE),
        (market.signed("order", "alice", account=1, nonce=used, **fields), Outcome.NONCE_USED),
        (good, ACCEPTED),
    ):
        assert market.force(record) is outcome


def test_a_nonce_used_through_l1_is_used_in_a_chunk_and_the_other_way_round(market: World) -> None:
    first, second = order(market, 1, BUY, 990, 1), order(market, 1, BUY, 990, 1)
    assert [market.force(first), market.send(first)] == [ACCEPTED, Outcome.NONCE_USED]
    assert [market.send(second), market.force(second)] == [ACCEPTED, Outcome.NONCE_USED]


def test_P06_a_bulk_that_no_sequencer_takes_runs_through_l1_item_by_item(market: World) -> None:
    items = [Item(what=ITEM_PLACE, client_id=i, side=BUY, price_ticks=990, lots=1 + i) for i in range(3)]
    items.append(Item(what=ITEM_CANCEL, client_id=0))
    record = make("bulk", pack_items(items), (64).to_bytes(5, "big"), account=1, nonce=market.next_nonce(1))
    record = sign(record, market.state.registers.domain, key("alice"))
    assert market.force(record, order(market, 2, BUY, 989, 7)) is ACCEPTED
    assert [each.remaining_lots for each in book(market.state, 0, BUY)] == [2, 3, 7]


def test_P06_governance_lists_and_changes_markets_through_l1_alone(market: World) -> None:
    rules = ordinary_rules(max_lots=7)
    assert market.force(market.signed("list_market", "governance", market=5, **rules)) is ACCEPTED
    assert market.force(market.signed("list_market", "governance", market=5, **rules)) is Outcome.MARKET_EXISTS
    changed = {name: value for name, value in rules.items() if name != "multiplier"}
    change = market.signed("change_market", "governance", market=5, change=1, **changed)
    assert [market.force(change), market.force(change)] == [ACCEPTED, Outcome.OLD_CHANGE]


def test_P06_cancels_of_every_kind_go_through_l1_alone(market: World) -> None:
    market.order(1, 0, BUY, 990, 1, client_id=7)
    market.order(1, 0, BUY, 991, 2, client_id=8)
    assert market.force(signed(market, "cancel", client_id=7, slot=64)) is ACCEPTED
    assert market.force(signed(market, "cancel_all")) is ACCEPTED
    market.order(2, 0, SELL, 990, 5)
    assert position(market.state, 2, 0) == 0


# The order of what happens


def test_a_forced_order_behind_a_forced_cancel_of_all_lives_and_no_two_share_a_sequence(market: World) -> None:
    market.seal()
    queue(market, now(market), order(market, 1, BUY, 990, 1), signed(market, "cancel_all"))
    queue(market, now(market), order(market, 1, BUY, 990, 2), order(market, 1, BUY, 990, 4))
    assert market.consume() is ACCEPTED
    sequences = [each.sequence for each in book(market.state, 0, BUY)]
    assert sequences == sorted(set(sequences))
    market.order(2, 0, SELL, 990, 9)
    assert position(market.state, 1, 0) == 6


def test_forced_records_run_in_order_between_other_messages_and_before_the_batchs_records(market: World) -> None:
    market.seal()
    queue(market, now(market), order(market, 1, SELL, 1000, 5), order(market, 2, BUY, 1000, 3))
    market.deposit("dave", 4, 5)
    assert position(market.state, 2, 0) == 3
    assert market.order(3, 0, BUY, 1000, 9) is ACCEPTED
    assert position(market.state, 3, 0) == 2


# Prices


@pytest.mark.parametrize(
    ("away_ms", "outcome"),
    [
        (-FORCED_AGE_MS - 1, Outcome.STALE_REPORT),
        (-FORCED_AGE_MS, ACCEPTED),
        (REPORT_AHEAD_MS, ACCEPTED),
        (REPORT_AHEAD_MS + 1, Outcome.STALE_REPORT),
    ],
)
def test_a_forced_report_is_as_old_as_it_was_when_it_was_queued(market: World, away_ms: int, outcome: Outcome) -> None:
    market.seal()
    queued = now(market) + 120
    queue(market, queued, market.reported({0: 1000}, 0, queued * 1000 + away_ms))
    market.time = queued + 800
    assert market.consume() is outcome


def test_P06_the_index_of_forced_reports_is_of_their_time_so_that_nobody_trades_on_it_late(market: World) -> None:
    market.seal()
    queued = now(market) + 100
    queue(market, queued, *reports(market, queued, 1010))
    market.time = queued + 800
    assert market.consume() is ACCEPTED
    assert (index(market.state, 0), mark(market.state, 0)) == (1010, 1010)
    assert word(market.state.prices, 0, PRICE_INDEX_MS) == queued * 1000
    assert market.state.registers.last_index_ms == queued * 1000
    assert market.order(1, 0, BUY, 1000, 1) is Outcome.STALE_INDEX
    assert market.report(0, 1010) is ACCEPTED
    assert market.order(1, 0, BUY, 1000, 1) is ACCEPTED


def test_a_forced_report_that_is_ahead_of_the_clock_makes_an_index_of_the_clocks_time(market: World) -> None:
    market.seal()
    queued = now(market) + 4
    queue(market, queued, *reports(market, queued, 1010))
    assert market.consume() is ACCEPTED
    assert word(market.state.prices, 0, PRICE_INDEX_MS) == market.state.registers.clock_ms


def test_forced_reports_of_a_minority_move_no_newer_index(market: World) -> None:
    """Those of the others are newer than the message, and two are no quorum."""
    market.seal()
    begun = now(market)
    market.later(30_000)
    market.report(0, 1005)
    clock = market.state.registers.clock_ms
    queue(market, begun, *(market.reported({0: 1010}, i, begun * 1000) for i in (3, 4)))
    assert market.consume() is ACCEPTED
    assert index(market.state, 0) == 1005
    assert word(market.state.prices, 0, PRICE_INDEX_MS) == market.state.registers.last_index_ms == clock


def test_one_forced_report_of_many_markets_moves_all_of_them(market: World) -> None:
    market.list_market(1)
    market.list_market(63)
    market.seal()
    queued = now(market) + 60
    prices = {0: 1010, 1: 50, 2: 1, 63: 7}
    queue(market, queued, *(market.reported(prices, i, queued * 1000) for i in range(3)))
    market.time = queued + 800
    assert market.consume() is ACCEPTED
    assert [mark(market.state, number) for number in prices] == [1010, 50, 0, 7]
    registers = market.state.registers
    assert (registers.forced_ms, registers.record_source, registers.bulk_end) == (NEVER, 0, 0)


def test_newer_reports_make_forced_ones_of_their_signers_old(market: World) -> None:
    market.seal()
    late = reports(market, now(market), 900)
    market.report(0, 1010)
    queue(market, now(market), *late)
    assert market.consume() is Outcome.OLD_REPORT
    assert index(market.state, 0) == 1010


def test_triggers_wait_where_a_late_report_would_fire_orders_that_are_refused(market: World) -> None:
    record = signed(
        market, "conditional", side=BUY, price_ticks=1020, lots=1, trigger_ticks=1005, flags=FLAG_TRIGGER_ABOVE
    )
    assert market.send(record) is ACCEPTED
    market.seal()
    queued = now(market) + 20
    queue(market, queued, *reports(market, queued, 1010))
    market.time = queued + 800
    assert market.consume() is ACCEPTED
    assert len(parked(market.state, 0)) == 1
    market.reopen(0, 1010)
    assert parked(market.state, 0) == []
    assert [each.price_ticks for each in book(market.state, 0, BUY)] == [1020]


# The end


def test_P06_a_future_is_settled_and_paid_out_through_l1_alone_at_the_mean_of_what_was_queued(market: World) -> None:
    expiry = now(market) + 200
    market.list_market(1, kind=KIND_DATED, expiry_ms=expiry * 1000)
    market.report(1, 1000)
    market.order(1, 1, SELL, 1000, 9)
    assert market.order(2, 1, BUY, 1000, 9) is ACCEPTED
    market.seal()
    queue(market, expiry - 90, *reports(market, expiry - 90, 1200, market=1))
    queue(market, expiry, *reports(market, expiry, 1050, market=1))
    before = cash(market.state, 2)
    market.time = expiry + 900
    market.consume()
    market.time += SETTLE_WAIT_MS // 1000
    assert market.force(*[make("settle_position", account=number, market=1) for number in (1, 2)]) is ACCEPTED
    assert [position(market.state, number, 1) for number in (1, 2)] == [0, 0]
    assert cash(market.state, 2) - before == 9 * 1010 * 100


def test_P06_an_exchange_whose_prices_died_is_wound_down_through_l1_alone(market: World) -> None:
    market.seal()
    last = market.state.registers.last_index_ms // 1000
    market.time = last + WIND_DOWN_MS // 1000 + 9
    assert market.force(make("settle_account", account=1)) is Outcome.TOO_EARLY
    market.time += 1
    assert market.force(make("settle_account", account=1)) is ACCEPTED
    assert market.force(order(market, 1, BUY, 990, 1)) is Outcome.WINDING_DOWN
    market.time += CLAIM_MS // 1000
    assert market.force(make("settle_account", account=1)) is ACCEPTED
    assert cash(market.state, 1) == 0


def test_forced_reports_keep_an_exchange_open_whose_signers_live(market: World) -> None:
    market.seal()
    last = market.state.registers.last_index_ms // 1000
    queued = last + 5 * 86_400
    queue(market, queued, *reports(market, queued, 1000))
    market.time = last + WIND_DOWN_MS // 1000 + 60
    assert market.consume() is ACCEPTED
    assert market.force(make("settle_account", account=1)) is Outcome.TOO_EARLY
    assert market.state.registers.wind_down_ms == 0
