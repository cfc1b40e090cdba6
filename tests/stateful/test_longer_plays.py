"""The same play as in `test_exchange`, fewer times and twice as long: markets end, and funds have a history."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

from tallystick.testing.stateful.play import Exchange
from tests.stateful.test_exchange import USUAL

TestLongerPlays: Any = type("Longer", (Exchange.TestCase,), {})
TestLongerPlays.settings = settings(USUAL, max_examples=12, stateful_step_count=120)
