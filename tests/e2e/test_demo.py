"""The demo as a user runs it: a process, its processes, one JSON object."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.demo.cli import LIES
from tallystick.testing.rogues.lies import LIES as LIES_OF_OPERATORS
from tests.e2e.demo import caught


def test_the_demo_tells_every_lie_of_an_operator_and_that_of_a_stranger() -> None:
    assert {*LIES} == {*LIES_OF_OPERATORS, "nested"}


@pytest.mark.parametrize("lie", ["worse-fill", "nested"])
def test_a_lie_is_caught_and_everybody_has_what_is_theirs(lie: str, tmp_path: Path) -> None:
    caught(lie, tmp_path)
