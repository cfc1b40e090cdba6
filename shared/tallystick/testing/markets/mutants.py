"""Rules of the markets, each of which can be dropped: something that is named must then miss it.

It works on the interpreted machine alone: a compiled one holds its code for good.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from tallystick.errors import BadInput
from tallystick.state import layout

MACHINE: Final = "tallystick.machine."
CONSTANT: Final = "constant"
FILE: Final = Path(__file__).with_name("dropped_rules.toml")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the markets: where it stands, what stands there while it is dropped, and what then finds that.

    Shape: `place` is a module of the machine and a function in it, `before` what its source says once; or `constant`, whose
    name is `before`. `found_by` are `history n` and `late history n` of the game, and tests, between semicolons; empty when nothing finds it.
    """

    section: str
    name: str
    place: str
    before: str
    instead: str
    found_by: str

    @property
    def seeds(self) -> list[int]:
        """The histories by chance that miss it."""
        return self._numbers("history ")

    @property
    def late(self) -> list[int]:
        """The late histories that miss it."""
        return self._numbers("late history ")

    @property
    def tests(self) -> list[str]:
        """The tests that miss it, as pytest names them."""
        return [f"tests/{each.replace('::', '.py::')}" for each in self._finders() if "::" in each]

    def _numbers(self, kind: str) -> list[int]:
        return [int(each.removeprefix(kind)) for each in self._finders() if each.startswith(kind)]

    def _finders(self) -> list[str]:
        return self.found_by.split("; ")


def read_rules(file: Path = FILE) -> dict[str, Rule]:
    """Return the rules by name, in the order of their sections."""
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["rules"]
    return {row[1]: Rule(*row) for row in rows}


RULES: Final = read_rules()


@contextmanager
def dropped(name: str) -> Iterator[None]:
    """Play without a rule."""
    rule = RULES[name]
    with _other_constant(rule.before) if rule.place == CONSTANT else other_code(rule, MACHINE):
        yield


@contextmanager
def _other_constant(name: str) -> Iterator[None]:
    """Let a constant of the schema be twice what it is, wherever the machine minds it."""
    value: int = getattr(layout, name)
    holding = [each for key, each in list(sys.modules.items()) if key.startswith(MACHINE) and hasattr(each, name)]
    for module in holding:
        setattr(module, name, 2 * value)
    try:
        yield
    finally:
        for module in holding:
            setattr(module, name, value)


@contextmanager
def other_code(rule: Rule, package: str = "") -> Iterator[None]:
    """Let a function of a package do something else, for whoever has imported it, too."""
    module_name, _, path = rule.place.partition(":")
    module = import_module(package + module_name)
    function: Any = module
    for part in path.split("."):
        function = getattr(function, part)
    kept = function.__code__
    with ExitStack() as stack:
        for name, value in vars(layout).items():
            if not hasattr(module, name):
                setattr(module, name, value)
                stack.callback(delattr, module, name)
        stack.callback(setattr, function, "__code__", kept)
        function.__code__ = mutated(function, rule).__code__
        yield


def mutated(function: Callable[..., Any], rule: Rule) -> FunctionType:
    """Return a function with a part of its source replaced.

    Raises: BadInput when its source does not say that, or more than once.
    """
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(rule.before) != 1:
        raise BadInput(
            "a rule is not where its row says", rule=rule.name, place=rule.place, times=source.count(rule.before)
        )
    made: dict[str, Any] = dict(function.__globals__)
    exec(compile(source.replace(rule.before, rule.instead), rule.place, "exec"), made)
    new: FunctionType = made[function.__name__]
    return new
