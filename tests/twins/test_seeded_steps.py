"""The Referee takes every step of histories made by chance that Python takes, to the same state."""

from __future__ import annotations

from functools import cache

import pytest

from tallystick.testing import scenarios
from tallystick.testing.gas import Measured, measure

LEAST_STEPS = 13_000


@cache
def checked(name: str) -> Measured:
    return measure(name)


@pytest.mark.parametrize("name", scenarios.SEEDED_STEPPED)
def test_the_referee_comes_to_the_same_state_in_every_step_of(name: str) -> None:
    assert checked(name).costs


def test_chance_leads_through_many_steps() -> None:
    assert sum(len(checked(name).costs) for name in scenarios.SEEDED_STEPPED) >= LEAST_STEPS
