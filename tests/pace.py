"""How long a file of tests may take, and which files took longer.

Two workers share the files, a whole file each: one that takes long keeps a core waiting at the end. What is longer goes
to the campaign.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final, Protocol

import pytest

FILE_SECONDS: Final = 60.0
"""Seconds of all of a file's tests together, fixtures included."""

SHARE: Final = FILE_SECONDS / 1_200
"""Of what all files of a run took together, a file may take as much on a machine so slow that a minute is too short."""


class Timed(Protocol):
    """What pytest reports of a phase of a test."""

    nodeid: str
    duration: float


def seconds_by_file(reports: Iterable[Timed]) -> dict[str, float]:
    """Return how long each file took, the longest first."""
    seconds: dict[str, float] = {}
    for report in reports:
        file = report.nodeid.partition("::")[0]
        seconds[file] = seconds.get(file, 0.0) + report.duration
    return dict(sorted(seconds.items(), key=lambda each: -each[1]))


def too_slow(seconds: dict[str, float], most: float = FILE_SECONDS) -> list[str]:
    """Return a sentence for each file that took too long: more than `most`, and more than its share of the run."""
    allowed = max(most, SHARE * sum(seconds.values()))
    return [
        f"{file} took {taken:.0f} s, more than {allowed:.0f}: make it faster, split it, or move it to the campaign"
        for file, taken in seconds.items()
        if taken > allowed
    ]


def _slow_files(config: pytest.Config) -> list[str]:
    """Return what took too long, in the process that has all reports: the workers of a parallel run have a part each."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return []
    reports: list[Any] = [each for kind in ("", "passed", "failed") for each in reporter.stats.get(kind, [])]
    most = float(os.environ.get("TALLYSTICK_FILE_SECONDS", FILE_SECONDS))
    return too_slow(seconds_by_file(each for each in reports if hasattr(each, "duration")), most)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a run that passed into one that failed when a file took too long."""
    if session.exitstatus == pytest.ExitCode.OK and _slow_files(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def tell_slow_files(terminalreporter: Any) -> None:
    """Name the files that took too long at the end of a run."""
    slow = _slow_files(terminalreporter.config)
    if slow:
        terminalreporter.write_sep("!", "files that take too long")
        for sentence in slow:
            terminalreporter.write_line(sentence, red=True)
