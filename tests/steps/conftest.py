"""The worlds the step tests start from. Every one of them is replayed at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.machine.engine import halted, run
from tallystick.proof.tracer import Tracer
from tallystick.referee.runner import TwinRunner
from tallystick.rollup.invariants import broken, imbalance
from tallystick.testing.ledger.look import check_book
from tallystick.testing.world import World

RICH = 1_000_000_000
MARK = 1000


@pytest.fixture
def world() -> Iterator[World]:
    """A world whose clock is set, nothing else in it."""
    made = World()
    made.clock()
    yield made
    check_replay(made)


@pytest.fixture
def market(world: World) -> World:
    """A world with market 0 marked at 1000 ticks and the rich accounts 1, 2 and 3.

    One lot is worth 100,000 units at the mark, needs 5,000 of initial and 2,500 of maintenance margin, and costs the
    taker 50 and the maker 10.
    """
    open_market(world)
    return world


@pytest.fixture
def unreplayed() -> World:
    """The same world for tests that write into the state by hand, which no replay can follow."""
    made = World()
    made.clock()
    open_market(made)
    return made


def open_market(world: World) -> None:
    """List and mark market 0 and fund three accounts."""
    world.list_market(0)
    world.report(0, MARK)
    for account, name in enumerate(("alice", "bob", "carol"), start=1):
        world.deposit(name, account, RICH)


def check_replay(world: World) -> None:
    """Replay the published history in both modes, and each of its steps in the deployed Referee, and compare."""
    world.seal()
    final = world.state.hash()
    fast = world.fresh()
    run(fast, 1 << 20)
    assert fast.state.hash() == final
    traced = world.fresh()
    tracer = Tracer(traced)
    referee = TwinRunner(world.published)
    while not halted(traced):
        referee.check(tracer.prove(), world.published.batch_limit)
        assert imbalance(traced.state) == 0
    assert tracer.state_hash == final
    registers = world.state.registers
    assert broken(world.state) == ()
    assert registers.withdrawn_units <= registers.deposited_units
    check_book(world.state, range(64))
