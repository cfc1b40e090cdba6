"""Random trading, the machine against the independent ledger, and every run replayed at its end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tallystick.testing.stateful.play import Exchange

USUAL = settings(
    max_examples=25,
    stateful_step_count=60,
    deadline=None,
    derandomize=False,
    # Shrinking a failing run takes minutes: add Phase.shrink when you hunt one.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TestExchange = Exchange.TestCase
TestExchange.settings = USUAL


TestExchangeForLong: Any = pytest.mark.campaign(pytest.mark.timeout(7_200)(type("ForLong", (Exchange.TestCase,), {})))
TestExchangeForLong.settings = settings(USUAL, max_examples=2_000)
