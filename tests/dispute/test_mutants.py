"""Rollup and Challenge with one line each broken: the model's matches tell every one of them from what is deployed.

`node tests/dispute/mutants.js` compiles them; Killers.json names the match in which each was found, and whether a vandal
plays along in it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tallystick.dispute.challenge_rules import Edge, leaf
from tallystick.dispute.history import Prefix
from tallystick.dispute.rules import Ground
from tallystick.errors import BadInput, DataMismatch
from tallystick.schema.names import Phase
from tallystick.testing.generations.attacker import ATTACKER
from tallystick.testing.generations.machine import Machine, State, Tree
from tallystick.testing.generations.match import Match, python_rules
from tallystick.testing.generations.setup import Terms
from tallystick.testing.generations.twin import Twin
from tallystick.testing.generations.vandal import vandalised

HERE = Path(__file__).parent
MUTANTS = json.loads((HERE / "Mutants.json").read_text(encoding="utf-8"))
KILLERS = json.loads((HERE / "Killers.json").read_text(encoding="utf-8"))


def played(seed: int, make: Callable[..., Twin]) -> None:
    Match(seed, make=make).play()


@pytest.mark.parametrize("mutant", KILLERS)
def test_a_broken_line_is_found_in_a_match(mutant: str) -> None:
    seed, with_vandal = KILLERS[mutant]
    code = {name: zlib.decompress(base64.b64decode(each)) for name, each in MUTANTS[mutant].items()}
    make = partial(Twin, code=code)
    play: Callable[[], object] = partial(vandalised, seed, make=make)
    if not with_vandal:
        play = partial(played, seed, make)
    with pytest.raises((DataMismatch, BadInput)):
        play()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A protocol in both languages, with nothing on it."""

    twin: Twin
    machine: Machine

    def refused(self, name: str, *arguments: object) -> None:
        """Make a call that both must refuse."""
        with pytest.raises(BadInput):
            self.twin.make(ATTACKER, name, *arguments)

    def lie(self, number: int) -> bytes:
        """Return the name of a state that is not true."""
        return self.machine.name(State(number, 4, Phase.OPEN_BATCH, 1))


def staged(code: dict[str, bytes]) -> Stage:
    machine = Machine([4, 4])
    terms = Terms(height=2, delay=0, censored=0, interval=15).rules()
    ground = Ground(terms=terms, step=machine.step, halted=machine.halted)
    twin = Twin(ground, machine.genesis, machine, code=code)
    ground.block, ground.batch_count = 1, 1
    return Stage(twin=twin, machine=machine)


def to_the_block(stage: Stage) -> None:
    """What waits is refused a block before its time and taken in it; who comes at the period's end comes too late."""
    ground, genesis = stage.twin.ground, stage.twin.rollup.genesis
    ground.block = ground.terms.interval - 1
    stage.refused("post", genesis, stage.lie(1), None)
    ground.block += 1
    stage.twin.make(ATTACKER, "post", genesis, stage.lie(1), None)
    ground.block += ground.terms.period - 1
    stage.refused("confirm", genesis.children)
    ground.block += 1
    stage.refused("post", genesis, stage.lie(2), None)
    stage.twin.make(ATTACKER, "confirm", genesis.children)


def a_node_for_a_step(stage: Stage) -> None:
    """A root whose left half is said to be the leaf of the first step: it proves no half of a trace."""
    ground, genesis, machine = stage.twin.ground, stage.twin.rollup.genesis, stage.machine
    ground.block = ground.terms.interval
    true = Tree(machine.trace(genesis.state, 1, 4))
    first = leaf(true.states[1])
    false = Tree([*true.states[:-1], stage.lie(1)], garbage=first)
    for tree in (true, false):
        stage.twin.make(ATTACKER, "post", genesis, tree.end, None)
    for one, tree in zip(genesis.children, (true, false), strict=True):
        stage.twin.make(ATTACKER, "open_root", one, tree.span, tree.siblings())
    for tree in (true, false):
        left, right = tree.levels[-2]
        stage.twin.make(ATTACKER, "bisect", genesis, tree.root, left, right)
    half = Edge(1, 0, leaf(genesis.state), first)
    stage.refused("prove", genesis, half, Prefix(pre=genesis.state, base_prev=bytes(32), siblings=()))


SCRIPTS: dict[str, Callable[[Stage], None]] = {
    "no child waits": to_the_block,
    "the first child is alone a block late": to_the_block,
    "time is over a block late": to_the_block,
    "a step proves a node": a_node_for_a_step,
}
"""What no match comes to, played by hand."""


@pytest.mark.parametrize("mutant", SCRIPTS)
def test_a_broken_line_that_no_match_comes_to_is_found_by_hand(mutant: str) -> None:
    SCRIPTS[mutant](staged({}))
    code = {name: zlib.decompress(base64.b64decode(each)) for name, each in MUTANTS[mutant].items()}
    with pytest.raises(DataMismatch):
        SCRIPTS[mutant](staged(code))


def test_vandals_do_not_harm_anybody() -> None:
    for seed in range(60):
        assert vandalised(seed, make=python_rules)[0].faults == [], f"seed {seed}"


def test_the_contracts_refuse_what_the_rules_refuse_to_vandals() -> None:
    for seed in range(6):
        assert vandalised(seed, make=Twin)[0].faults == [], f"seed {seed}"
