"""Settings every test shares."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tallystick.native import is_stale
from tests.pace import pytest_sessionfinish, tell_slow_files

__all__ = ["pytest_configure", "pytest_sessionfinish", "pytest_terminal_summary"]

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
