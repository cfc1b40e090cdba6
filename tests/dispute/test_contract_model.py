"""The same adversaries against the compiled Challenge, for small trees, and against it with a rule dropped.

`node tests/dispute/compile.js` compiles the contracts in Small.json.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from tallystick import artifacts
from tallystick.dispute.rules import Rule
from tests.dispute.adversary import START, MakeRules, Match, Terms, python_rules
from tests.dispute.contract_game import (
    SMALL,
    Chain,
    ContractGame,
    PyEvmChain,
    RevmChain,
    TwinGame,
    facts_of,
    fastest_chain,
)

FAST = find_spec("pyrevm") is not None
SEEDS = 1000 if FAST else 8
"""For a height of 1; fewer for larger ones."""
HOLES = 400 if FAST else 60
IN_CONTRACT = [rule for rule in Rule if rule is not Rule.START_FROM_PARENT]
"""The first state is no argument of the contract's: nobody can lie about it."""


def contract(variant: str = "", make_chain: Callable[[], Chain] | None = None) -> MakeRules:
    """Return a maker of games of a compiled Challenge."""

    def make(terms: Terms, heads: dict[bytes, int], ends: dict[bytes, bytes]) -> ContractGame:
        return ContractGame(
            height=terms.height,
            start=START,
            period=terms.period,
            head_starts=heads,
            ends=ends,
            variant=variant,
            dropped=terms.dropped,
            make_chain=make_chain,
        )

    return make


def twins(make_chain: Callable[[], Chain] | None = None) -> MakeRules:
    """Return a maker of games in which both must agree."""
    deployed = contract(make_chain=make_chain)

    def make(terms: Terms, heads: dict[bytes, int], ends: dict[bytes, bytes]) -> TwinGame:
        game = deployed(terms, heads, ends)
        assert isinstance(game, ContractGame)
        return TwinGame(game, python_rules(terms, heads, ends))

    return make


def play(seed: int, terms: Terms, make: MakeRules) -> tuple[str, int]:
    """Play a match in both; return who has won, and how many moves were compared."""
    match = Match(seed, terms, make)
    winner = match.play()
    game = match.game
    assert isinstance(game, TwinGame)
    assert facts_of(game.contract.view) == facts_of(game.rules.view)
    assert match.refused == [], "the honest side makes no move that the contract refuses"
    return winner, game.compared


def test_the_small_contracts_are_the_deployed_one_but_for_the_height() -> None:
    """Compiled in the same run, the unchanged source gives the committed bytecode."""
    assert SMALL["original"] == hashlib.sha256(artifacts.load("Challenge").bytecode).hexdigest()


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_the_contract_takes_what_the_rules_take_and_the_honest_player_wins(height: int, delay: int) -> None:
    results: Counter[str] = Counter()
    moves = 0
    for seed in range(max(1, SEEDS // height)):
        winner, compared = play(seed, Terms(height=height, delay=delay, censored=seed % 3), twins())
        results[winner] += 1
        moves += compared
    assert set(results) == {"honest"}
    assert moves > 100


@pytest.mark.parametrize("make_chain", [RevmChain, PyEvmChain] if FAST else [PyEvmChain])
def test_it_does_not_matter_which_evm_runs_the_contract(make_chain: Callable[[], Chain]) -> None:
    for seed in range(3):
        winner, _ = play(seed, Terms(height=2, delay=1, censored=1), twins(make_chain))
        assert winner == "honest"


@pytest.mark.parametrize("rule", IN_CONTRACT, ids=lambda rule: rule.name.lower())
def test_without_any_one_of_the_rules_the_contract_lets_somebody_honest_lose(rule: Rule) -> None:
    terms = Terms(height=3, delay=1, censored=0, dropped=frozenset({rule}))
    make = contract(rule.name.lower(), fastest_chain())
    assert any(Match(seed, terms, make).play() != "honest" for seed in range(HOLES))
