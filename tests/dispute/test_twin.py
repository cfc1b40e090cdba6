"""The same matches in the compiled Rollup and Challenge, call by call, and in them with a rule dropped.

`node tests/dispute/compile.js` compiles what is played here; see tallystick.testing.generations.contracts_twin.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from tallystick import artifacts
from tallystick.errors import DataMismatch
from tallystick.testing.generations.attacker import STYLES
from tallystick.testing.generations.contracts_twin import COMPILED, Twin
from tallystick.testing.generations.evm_chain import EvmChain, PyEvmChain, RevmChain
from tallystick.testing.generations.match import Dropped, Match
from tallystick.testing.generations.setup import Terms, random_setup
from tallystick.testing.protocol.protocol_rules import Rule

FAST = find_spec("pyrevm") is not None
SEEDS = 60 if FAST else 4
"""For each of four parts."""
PARTS = 4
ONLY_IN_PYTHON = {Rule.START_FROM_PARENT, Rule.ALL_FORFEITED}
"""The first state is no argument of the contract's, and who posted an assertion is not stored."""
DROPPED = json.loads(Path(__file__).with_name("Dropped.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["Rollup", "Challenge"])
def test_the_contracts_played_are_compiled_from_the_deployed_source(name: str) -> None:
    """In the same run the unchanged source gives the committed bytecode; the Challenge played allows small trees too."""
    assert COMPILED[name] == hashlib.sha256(artifacts.load(name).bytecode).hexdigest()


@pytest.mark.parametrize("part", range(PARTS))
def test_the_contracts_take_what_the_rules_take_log_what_they_log_and_owe_what_they_owe(part: int) -> None:
    compared = 0
    for seed in range(part * SEEDS, (part + 1) * SEEDS):
        match = Match(seed, make=Twin)
        assert match.play().faults == [], f"seed {seed}"
        assert isinstance(match.chain, Twin)
        compared += match.chain.compared
    assert compared > SEEDS


@pytest.mark.parametrize("style", STYLES)
def test_trees_of_four_levels_are_played_in_the_contracts_too(style: str) -> None:
    setup = random_setup(random.Random(1), style, Terms(height=4, delay=1, censored=3))
    assert Match(1, setup, make=Twin).play().faults == []


@pytest.mark.parametrize("make_chain", [RevmChain, PyEvmChain] if FAST else [PyEvmChain])
def test_it_does_not_matter_which_evm_runs_the_contracts(make_chain: Callable[[Iterable[bytes]], EvmChain]) -> None:
    for seed in range(2):
        assert Match(seed, make=partial(Twin, make_chain=make_chain)).play().faults == []


@pytest.mark.parametrize("rule", DROPPED, ids=str.lower)
def test_without_a_rule_the_contracts_fall_to_the_match_that_the_python_rules_fall_to(rule: str) -> None:
    dropped = Dropped(rules=frozenset({Rule[rule]}))
    code = {name: bytes.fromhex(each) for name, each in DROPPED[rule].items()}
    seed, faults = next((seed, each) for seed in range(150) if (each := Match(seed, dropped=dropped).play().faults))
    match = Match(seed, dropped=dropped, make=partial(Twin, code=code))
    assert match.play().faults == faults


def test_every_rule_that_the_contracts_have_is_dropped_in_them() -> None:
    assert {*map(Rule.__getitem__, DROPPED), *ONLY_IN_PYTHON} == set(Rule)


def test_contracts_with_a_rule_that_the_python_rules_lack_do_not_agree_with_them() -> None:
    dropped = Dropped(rules=frozenset({Rule.BOND_HELD}))
    with pytest.raises(DataMismatch, match="only the contract refuses"):
        Match(0, dropped=dropped, make=Twin).play()
