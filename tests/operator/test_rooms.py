"""Whom the rooms find due is whom a look at all accounts finds, after every record of whatever happens."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tallystick.machine.hosts.rooms import Rooms
from tallystick.machine.hosts.scouting import accounts_of, scout
from tallystick.schema.names import Outcome
from tallystick.state import cells
from tallystick.state.ordinals import AccountId, MarketId, Number, UnixMs
from tallystick.testing.handclock import HandClock
from tallystick.testing.ledger.look import positions
from tallystick.testing.markets.game import Game
from tallystick.testing.world import World
from tallystick_operator.intake import keeper as keeping
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.readmodel import moved_by
from tests.operator.rig import Rig
from tests.operator.test_keeper import POOR, WORTH, keeper, troubled

BUY, SELL = 0, 1
MANY = 300
START = 1_000


def same(rooms: Rooms, world: World, seen: int) -> int:
    """Bring the rooms up to date by the events behind a number, compare, and return how many there are."""
    for event in world.events[seen:]:
        rooms.changed(set(moved_by(event)))
    while not rooms.follow(3):
        pass
    state = world.state
    accounts = accounts_of(state)
    for ahead_ms in (0, 700_000):
        clock_ms = UnixMs(state.registers.clock_ms + ahead_ms)
        assert sorted(rooms.wants(clock_ms)) == sorted(scout(state, accounts, 0, len(accounts), clock_ms))
    return len(world.events)


class Watched(Game):
    """A game in which the rooms are asked after every record."""

    def __init__(self, seed: int, *, is_late: bool) -> None:
        super().__init__(seed, constant=False, is_late=is_late)
        self.rooms = Rooms(self.world.state)
        self.seen = self.looks = 0

    def done(self, kind: str, outcome: Outcome, account: Number = 0, market: int = 0, amount_units: int = 0) -> None:
        super().done(kind, outcome, account, market, amount_units)
        self.seen = same(self.rooms, self.world, self.seen)
        self.looks += 1


@pytest.mark.parametrize(("seed", "late"), [(1, False), (2, False), (5, False), (4, True), (8, True)])
def test_the_rooms_find_whom_a_look_at_all_accounts_finds(seed: int, late: bool) -> None:
    """Gaps, liquidations, takeovers and deleveragings, halts, an expiry and its settlements among them."""
    game = Watched(seed, is_late=late)
    assert game.play().faults == []
    assert game.looks > 300


def crowd(world: World, chance: random.Random) -> None:
    """Open two markets in which many hold something with scarce margins, in tiers in the second."""
    world.clock()
    tiers = {"tier2_from_millions": 1, "initial2_ppm": 80_000, "maintenance2_ppm": 40_000}
    for market, more in ((0, {}), (1, tiers)):
        world.list_market(market, band_ppm=12_500, max_lots=10**6, max_open_interest_lots=4 * 10**6, **more)
        world.report(market, START)
    world.deposit("rich", 1, 10**13)
    for account in range(2, MANY):
        world.deposit(f"trader {account}", account, chance.randint(30_000, 900_000))
    for account in range(2, MANY):
        side = chance.randrange(2)
        for market in range(chance.choice((1, 2, 2))):
            world.order(1, market, 1 - side, START, 40)
            world.order(account, market, side, START, chance.randint(1, 30), flags=1)
            world.cancel_all(1)


def test_few_are_measured_again_when_a_price_moves_a_little() -> None:
    chance = random.Random(3)
    world = World()
    crowd(world, chance)
    assert sum(bool(positions(world.state, each)) for each in range(2, MANY)) > MANY // 2
    rooms = Rooms(world.state)
    seen = same(rooms, world, 0)
    price, due = START, 0
    for _ in range(40):
        price = price * (1_000 + chance.choice((-12, -8, -1, 0, 4))) // 1_000
        world.later(2_000)
        for market in (0, 1):
            world.report(market, price)
        seen = same(rooms, world, seen)
        due = max(due, len(rooms.wants(world.state.registers.clock_ms)))
    assert due > 5, "some could not carry what they held"
    world.later(2_000)
    world.report(0, price + 1)
    assert rooms.follow(MANY // 10 + due), "a tick leaves hardly anybody without room"


@pytest.mark.parametrize("term", ["funding_index_ppm", "maintenance_ppm"])
def test_whoever_holds_some_of_a_market_is_measured_again_when_its_funding_or_its_rules_change(term: str) -> None:
    world = World()
    crowd(world, random.Random(4))
    rooms, state = Rooms(world.state), world.state
    seen = same(rooms, world, 0)
    assert rooms.wants(state.registers.clock_ms) == []
    change = getattr(cells, f"set_risk_market_{term}")
    change(state.risk.words, state.risk.known(0), 0, {"funding_index_ppm": 40_000_000, "maintenance_ppm": 60_000}[term])
    same(rooms, world, seen)
    assert rooms.wants(state.registers.clock_ms) != []


def test_F01_accounts_are_measured_a_few_at_a_time_and_only_where_something_has_changed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sequencer waits for none of it longer than a few accounts take."""
    troubled(rig, WORTH // 80)
    watch, sequencer = keeper(rig, HandClock())
    monkeypatch.setattr(keeping, "MEASURED_AT_ONCE", 1)
    reads, read = [], sequencer.read

    def counted(question: Callable[[Core], bool]) -> bool:
        reads.append(question)
        return read(question)

    monkeypatch.setattr(sequencer, "read", counted)
    assert [each[1:] for each in watch.scout()] == [(AccountId(POOR), MarketId(0))]
    assert len(reads) >= len(accounts_of(rig.core.executor.state))
    reads.clear()
    assert [each[1:] for each in watch.scout()] == [(AccountId(POOR), MarketId(0))]
    assert len(reads) == 1, "nobody had to be measured again"
    sequencer.close()
