"""The tree drawn over `tallystick.errors` is the tree there is."""

from __future__ import annotations

import re

import pytest

from tallystick import errors
from tallystick.errors import BadInput, DataError, L1Reverted, TallystickError

LINE = re.compile(r"^ {4}([│├└─ ]*)(\w+) +(\d+) {3}\S")
DEPTH_WIDTH = 4


def drawn() -> list[tuple[str, str, int]]:
    """(class, its base, its exit code), top down, as the docstring draws them."""
    above: list[str] = []
    rows = []
    for line in (errors.__doc__ or "").splitlines():
        if match := LINE.match(line):
            depth = len(match[1]) // DEPTH_WIDTH
            above[depth:] = [match[2]]
            rows.append((match[2], above[depth - 1] if depth else "Exception", int(match[3])))
    return rows


def defined() -> list[tuple[str, str, int]]:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    return [
        (kind.__name__, kind.__bases__[0].__name__, kind.exit_code)
        for kind in classes
        if issubclass(kind, TallystickError)
    ]


def test_the_drawn_tree_is_the_defined_one() -> None:
    assert drawn() == defined()


@pytest.mark.parametrize("name", [name for name, _, _ in drawn()])
def test_an_error_carries_its_values(name: str) -> None:
    error = getattr(errors, name)("it broke", hint="mend it", height=3, root=b"\x01\xff", who="x")
    assert str(error) == "it broke (height=3, root=0x01ff, who=x)"
    assert error.hint == "mend it"
    assert error.data == {"height": 3, "root": b"\x01\xff", "who": "x"}


def test_an_error_without_values_is_its_message() -> None:
    assert str(L1Reverted("no")) == "no"
    assert issubclass(BadInput, TallystickError)
    assert not issubclass(DataError, BadInput)
