"""Random trading, the machine against the independent ledger, and every run replayed at its end."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

from tallystick.testing.stateful.exchange import Exchange

TestExchange = Exchange.TestCase
TestExchange.settings = settings(
    max_examples=250,
    stateful_step_count=60,
    deadline=None,
    derandomize=False,
    # Shrinking a failing run takes minutes: add Phase.shrink when you hunt one.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
