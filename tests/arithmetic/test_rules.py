"""Which rules a market may be listed with: Python and the compiled libraries agree."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.market.rules import rules_stand
from tallystick.schema.market_rules import RULES
from tallystick.testing.extremes import extreme, listing
from tests.arithmetic.harness import FAST, solidity


@settings(max_examples=1500 if FAST else 20)
@given(st.integers(0, 1 << 32))
def test_which_rules_may_stand(seed: int) -> None:
    """I4, I14."""
    chance = random.Random(seed)
    rules = listing(chance)
    values = [rules.get(name, 0) for name in RULES]
    assert rules_stand(values, rules["multiplier"])
    place, name = chance.choice(list(enumerate(RULES)))
    values[place] = chance.choice((0, values[place] + 1, extreme(chance, 0, RULES[name])))
    multiplier = chance.choice((rules["multiplier"], 0, extreme(chance, 0, (1 << 32) - 1)))
    assert rules_stand(values, multiplier) == solidity("rulesStandOf", values, multiplier)
