"""Settings every test shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tallystick.native import is_stale
from tests.near import near_chains
from tests.pace import pytest_sessionfinish, tell_slow_files

__all__ = ["near", "pytest_configure", "pytest_sessionfinish", "pytest_terminal_summary"]

SUMMARY = "every kind of step and every outcome, and how often"
"""What a test may record as a property, to be printed at the end of the run."""

# Hypothesis sees CI and would there repeat the same hundred cases for ever: these profiles draw
# new ones on each run, and print what reproduces a failure.
_ALWAYS = settings(
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("default", _ALWAYS, max_examples=60)
settings.register_profile("thorough", _ALWAYS, max_examples=2_000)
settings.load_profile(os.environ.get("TALLYSTICK_HYPOTHESIS", "default"))


OVER_HTTP: Final = {"l1", "anvil", "bench"}
"""Folders of tests whose matter is the road over HTTP, or what it costs."""


@pytest.fixture(autouse=True, scope="module")
def near(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ask the chains of this process without HTTP, but in the tests of HTTP itself."""
    if request.path.parent.name in OVER_HTTP:
        yield
        return
    with near_chains():
        yield


def pytest_configure() -> None:
    """Refuse to test a compiled machine that is not what its source says."""
    if is_stale():
        raise pytest.UsageError("the compiled machine is older than its source: make native, or make interpreted")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests recorded for it."""
    for report in terminalreporter.getreports("passed"):
        for name, text in getattr(report, "user_properties", ()):
            if name == SUMMARY:
                terminalreporter.write_sep("-", name)
                terminalreporter.write_line(text)
    tell_slow_files(terminalreporter)
