"""What a fired order has left when its work is done waits again, as it was (I20)."""

from __future__ import annotations

import dataclasses

import pytest

from tallystick.machine.by_record import begin
from tallystick.machine.engine import advance
from tallystick.proof.tracer import Tracer
from tallystick.records.codec import encode
from tallystick.referee.runner import TwinRunner
from tallystick.schema.names import Outcome, Phase
from tallystick.state.cells import set_account_cash_units, set_account_orders
from tallystick.state.layout import (
    FLAG_MARKET,
    FLAG_REDUCE_ONLY,
    MAX_ORDERS,
    REPORT_AGE_MS,
)
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Ticks, Units
from tallystick.testing.ledger.look import book, check_book, parked, position
from tallystick.testing.world import World
from tests.steps.waiting import BUY, SELL, bracket, wait_for


def report_with(world: World, price: int, works: list[int]) -> list[str]:
    """Report a price whose fired orders, one after the other, have so much work left; return what they end with."""
    world.later(REPORT_AGE_MS + 1)
    world.report(0, price, signers=(0, 1))
    begin(world.machine, encode(world.reported({0: price}, 2, int(world.state.registers.clock_ms))))
    advance(world.machine)
    world.machine.live_record = b""
    registers = world.state.registers
    tracer, referee = Tracer(world.machine), TwinRunner(world.published)
    phase = Phase.FETCH_RECORD
    ends: list[str] = []
    while registers.phase != Phase.FETCH_RECORD:
        if (phase, registers.phase) == (Phase.PLACE_ORDER, Phase.MATCH_MAKER) and works:
            registers.work = works.pop(0)
        phase = Phase(registers.phase)
        fired = registers.fired_trigger_ticks != 0
        referee.check(tracer.prove(), world.published.batch_limit)
        if fired and registers.phase == Phase.FIRE_TRIGGER != phase:
            ends.append(Outcome(registers.outcome).name)
    return ends


STOP = FLAG_MARKET | FLAG_REDUCE_ONLY


def holding(world: World, stops: int) -> None:
    """Give account 2 nine lots and stops of three each, all at one trigger, and bid for it lot by lot."""
    world.order(1, 0, SELL, 1000, 9)
    world.order(2, 0, BUY, 1000, 9)
    for client_id in range(stops):
        wait_for(world, 2, SELL, 990, price=0, lots=3, flags=STOP, client_id=client_id)
    for _ in range(9):
        world.order(3, 0, BUY, 989, 1)


def test_what_a_fired_order_has_left_when_its_work_is_done_is_parked_again_as_it_was(unreplayed: World) -> None:
    world = unreplayed
    holding(world, 2)
    before = parked(world.state, 0)
    assert report_with(world, 990, [2]) == ["WORK_LIMIT"]
    again, other = parked(world.state, 0)[1], parked(world.state, 0)[0]
    assert other == before[1]
    assert again == dataclasses.replace(before[0], slot=again.slot, remaining_lots=1)
    assert again.slot != before[0].slot
    assert position(world.state, 2, 0) == 7
    registers = world.state.registers
    assert (registers.fired_trigger_ticks, registers.fired_price_ticks, registers.fired_flags) == (
        Ticks(0),
        Ticks(0),
        0,
    )
    assert (registers.fired_sequence, registers.pair_work, registers.firing_book) == (0, 0, 0)
    check_book(world.state, [0])


@pytest.mark.parametrize(("work", "ends"), [(3, ["ACCEPTED", "ACCEPTED"]), (2, ["WORK_LIMIT"]), (0, ["WORK_LIMIT"])])
def test_a_report_fires_nothing_more_of_a_book_whose_order_was_parked_again(
    unreplayed: World, work: int, ends: list[str]
) -> None:
    world = unreplayed
    holding(world, 2)
    assert report_with(world, 990, [work]) == ends
    assert report_with(world, 990, []) == ["ACCEPTED"] * (0 if work == 3 else 2)
    assert (position(world.state, 2, 0), parked(world.state, 0)) == (3, [])


def test_the_other_books_fire_while_one_waits(unreplayed: World) -> None:
    world = unreplayed
    holding(world, 1)
    wait_for(world, 1, BUY, 990, price=900, client_id=7)
    assert report_with(world, 990, [0]) == ["WORK_LIMIT", "ACCEPTED"]
    assert [each.client_id for each in book(world.state, 0, BUY) if each.account == 1] == [7]


def test_an_order_of_the_last_book_that_is_parked_again_ends_the_report(unreplayed: World) -> None:
    world = unreplayed
    world.order(1, 0, SELL, 1001, 1)
    wait_for(world, 2, BUY, 990, price=1001)
    assert report_with(world, 990, [0]) == ["WORK_LIMIT"]
    assert [each.price_ticks for each in parked(world.state, 0)] == [1001]


def test_what_is_parked_again_finds_its_pair_again(unreplayed: World) -> None:
    world = unreplayed
    profit, _ = bracket(world)
    for _ in range(5):
        world.order(3, 0, BUY, 989, 1)
    assert report_with(world, 990, [2]) == ["WORK_LIMIT"]
    stop = next(each for each in parked(world.state, 0) if each.client_id == 2)
    assert (stop.remaining_lots, stop.pair_slot) == (3, profit)
    assert [each.remaining_lots for each in parked(world.state, 0) if each.slot == profit] == [3]
    for slot in (stop.slot, profit):
        assert world.clean(slot) is Outcome.NOT_DEAD


@pytest.mark.parametrize("way", ["margin", "orders"])
def test_nothing_is_asked_of_what_is_parked_again(unreplayed: World, way: str) -> None:
    world = unreplayed
    holding(world, 1)
    accounts = world.state.accounts
    if way == "margin":
        set_account_cash_units(accounts.words, accounts.known(AccountId(2)), Units(0))
    else:
        set_account_orders(accounts.words, accounts.known(AccountId(2)), MAX_ORDERS + 1)
    assert report_with(world, 990, [0]) == ["WORK_LIMIT"]
    assert len(parked(world.state, 0)) == 1


def test_nor_of_what_would_open_a_position_that_its_account_cannot_carry(unreplayed: World) -> None:
    world = unreplayed
    holding(world, 0)
    wait_for(world, 2, SELL, 990, price=0, lots=12, flags=FLAG_MARKET)
    set_account_cash_units(world.state.accounts.words, world.state.accounts.known(AccountId(2)), Units(-890_000))
    assert report_with(world, 990, [0]) == ["WORK_LIMIT"]
    assert [each.remaining_lots for each in parked(world.state, 0)] == [12]


def test_it_dies_with_all_that_was_placed_when_it_was(unreplayed: World) -> None:
    world = unreplayed
    holding(world, 1)
    world.cancel_all(1)
    assert report_with(world, 990, [0]) == ["WORK_LIMIT"]
    nonce = world.next_nonce(2)
    older = world.signed("cancel_before", "bob", account=2, nonce=nonce, sequence=world.state.registers.record_count)
    assert world.send(older) is Outcome.ACCEPTED
    assert world.clean(parked(world.state, 0)[0].slot) is Outcome.ACCEPTED
