"""Lies in the state transition: how they are told, and what it means that they are refuted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tallystick.dispute.trace_tree import History
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.proof.tracer import Tracer
from tallystick.referee.runner import TwinRunner
from tallystick.rollup.genesis import genesis_state
from tallystick.schema.names import Phase
from tallystick.state.table import Table
from tallystick.testing.world import World

RICH = 1_000_000_000
MARK = 1000
HEIGHT = 10
"""A trace of 2^10 steps is enough for these worlds, and a lie that stands still ends there."""
Tamper = Callable[[Machine], None]


class Liar(Protocol):
    """Whoever steps a machine wrongly."""

    def step(self, machine: Machine) -> None:
        """Run one step."""
        ...


def always(machine: Machine) -> bool:
    """Any step of the kind will do."""
    return True


@dataclass(slots=True, kw_only=True)
class LieAt:
    """Runs `tamper` in place of one step: the first of its kind, or the first of a record, `when` that holds.

    Deterministic, so that a party may replay and defend it: told once, and again only from the same registers.
    """

    phase: Phase
    tamper: Tamper
    record: int | None = None
    when: Callable[[Machine], bool] = always
    told: bytes | None = field(default=None, init=False)

    def step(self, machine: Machine) -> None:
        """Run one step, wrongly if this is the one."""
        registers = machine.state.registers
        packed = registers.pack()
        machine.step_input = b""
        fetches = self.phase is Phase.FETCH_RECORD
        counted = registers.record_count + fetches
        # Behind a chunk's last record the step takes none: it leaves the chunk.
        leaves = fetches and registers.chunk_offset == registers.chunk_length
        here = registers.phase == self.phase and self.record in (None, counted) and not leaves and self.when(machine)
        if not here or engine.halted(machine) or self.told not in (None, packed):
            engine.step(machine)
            return
        self.told = packed
        self.tamper(machine)


def pretending(cells: Callable[[Machine], Table], index: int, at: int, value: int) -> Tamper:
    """Return a lie that runs an honest step while one word of a cell holds another value."""

    def tamper(machine: Machine) -> None:
        table = cells(machine)
        base = table.row(index)
        true = table.words[base + at]
        table.words[base + at] = value
        engine.step(machine)
        if table.words[base + at] == value:
            table.words[base + at] = true
        table.mark(index)

    return tamper


def pretending_register(name: str, value: int) -> Tamper:
    """Return a lie that runs an honest step while one register holds another value."""

    def tamper(machine: Machine) -> None:
        registers = machine.state.registers
        true = getattr(registers, name)
        setattr(registers, name, value)
        engine.step(machine)
        if getattr(registers, name) == value:
            setattr(registers, name, true)

    return tamper


def afterwards(change: Tamper) -> Tamper:
    """Return a lie that runs an honest step and changes what it left."""

    def tamper(machine: Machine) -> None:
        engine.step(machine)
        change(machine)

    return tamper


def nothing(machine: Machine) -> None:
    """Stand still, as if the machine were stuck or at its end."""


def add(table: Table, index: int, at: int, amount: int) -> None:
    """Change one word of a cell."""
    base = table.row(index)
    table.words[base + at] += amount
    table.mark(index)


def exchange() -> World:
    """Return a world with market 0 marked at 1000 ticks and the rich accounts 1, 2 and 3.

    One lot is worth 100,000 units at the mark and costs the taker 50 and the maker 10.
    """
    world = World()
    world.clock()
    world.list_market(0)
    world.report(0, MARK)
    for account, name in enumerate(("alice", "bob", "carol"), start=1):
        world.deposit(name, account, RICH)
    return world


def newest(world: World) -> int:
    """Return the number of the newest record."""
    return world.state.registers.record_count


def refuted(world: World, liar: Liar) -> Phase:
    """Seal the world, let the liar step through its history, and have the Referee judge the first wrong step.

    Returns: the kind of step that is wrong. The Referee comes to the honest state with the honest witness, and with the
    liar's own witness to the same or to none. So the liar's leaf is never proven, and the lie cannot be confirmed.
    """
    world.seal()
    start, published = genesis_state(world.genesis), world.published
    truth = History(start, published, height=HEIGHT)
    lie = History(start, published, height=HEIGHT, step=liar.step)
    index = next(i for i, (a, b) in enumerate(zip(truth.states, lie.states, strict=False)) if a != b) - 1
    assert truth.last_state == world.state.hash()
    assert lie.last_state != truth.last_state
    referee = TwinRunner(published)
    proof = truth.prove(index).step
    referee.check(proof, published.batch_limit)
    machine = world.fresh()
    engine.run(machine, index)
    own = Tracer(machine, liar.step).prove()
    assert own.pre_hash == proof.pre_hash
    assert own.post_hash == lie.states[index + 1] != proof.post_hash
    answer = referee.call(own.pre_hash, published.batch_limit, own.witness)
    assert answer.returned in (None, proof.post_hash)
    return Phase(proof.phase)
