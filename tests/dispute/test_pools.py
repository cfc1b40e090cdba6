"""Pools beside disputes of many generations: nothing that must never happen, unless a rule is dropped, in both languages.

`node tests/dispute/mutants.js` compiles BondPool with a rule dropped each; see tallystick.testing.pools.
"""

from __future__ import annotations

import base64
import json
import zlib
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from tallystick.testing.generations.match import Fault
from tallystick.testing.pools.pool_match import PoolFault, play
from tallystick.testing.pools.pool_rules import PoolRule
from tallystick.testing.pools.pool_twin import PoolTwin

FAST = find_spec("pyrevm") is not None
SEEDS = 200
BEHIND = 2_810
"""A match in which the attacker, bringing home what it can when nobody plays any more, comes to its meddling."""
BESIDE = 20 if FAST else 2
"""Matches in the contracts, too."""
HOLES = 60
"""Matches within which a dropped rule is found: most of them in the first ones."""
DROPPED = json.loads(Path(__file__).with_name("DroppedPools.json").read_text(encoding="utf-8"))
FAULTS: dict[PoolRule, set[Fault | PoolFault]] = {
    PoolRule.STATE_PAID_FOR: {PoolFault.LOSS, Fault.SAFETY},
    PoolRule.MEMBERS_PAY: {PoolFault.MONEY},
    PoolRule.NOT_VOID: {PoolFault.WASTED},
    PoolRule.NOT_LOST: {PoolFault.WASTED},
    PoolRule.LEAVE_BEFORE: {PoolFault.HELD},
    PoolRule.NOBODY_PUT_OUT: {PoolFault.STARVED},
    PoolRule.HOME_ONCE: {PoolFault.MONEY},
    PoolRule.SETTLED_FIRST: {PoolFault.LOSS},
    PoolRule.LOST_BRINGS_NOTHING: {PoolFault.MONEY},
    PoolRule.REWARD_SHARED: {PoolFault.DUST},
    PoolRule.DUST_TO_LAST: {PoolFault.MONEY},
    PoolRule.SPARE_BACK: {PoolFault.DUST},
    PoolRule.PAID_ONCE: {PoolFault.HELD, PoolFault.MONEY},
    PoolRule.TINY_PARTS: {PoolFault.HELD},
    PoolRule.SHARE_KEPT: {PoolFault.LOSS},
}


def found(rule: PoolRule) -> tuple[int, list[Fault | PoolFault]]:
    """Return the first match that shows a rule to be needed, and how."""
    played = ((seed, play(seed, dropped=frozenset({rule})).faults) for seed in range(HOLES))
    return next((seed, faults) for seed, faults in played if FAULTS[rule] & set(faults))


def test_members_of_pools_defend_every_generation_and_have_their_money_back() -> None:
    gathered = 0
    for seed in (*range(SEEDS), BEHIND):
        result = play(seed)
        assert result.faults == [], f"seed {seed}"
        gathered += result.gathered
    assert gathered > SEEDS


def test_the_contract_takes_what_the_rules_take_and_owes_what_they_owe() -> None:
    for seed in range(BESIDE):
        assert play(seed, make=PoolTwin).faults == [], f"seed {seed}"


@pytest.mark.parametrize("rule", FAULTS, ids=lambda rule: rule.name.lower())
def test_without_any_one_of_the_rules_something_happens_in_the_contract_too(rule: PoolRule) -> None:
    seed, faults = found(rule)
    code = zlib.decompress(base64.b64decode(DROPPED[rule.name]))
    assert play(seed, dropped=frozenset({rule}), make=partial(PoolTwin, code=code)).faults == faults


def test_every_rule_is_dropped_in_both_languages() -> None:
    assert set(FAULTS) == set(PoolRule) == {PoolRule[name] for name in DROPPED}
