"""The libraries' arithmetic on an EVM: the compiled Arithmetic.sol, called by name."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import decode, encode

from tallystick.referee.two_evms import Evm, fastest
from tallystick.state.hashing import keccak

HERE: Final = Path(__file__).parent
COMPILED: Final[dict[str, Any]] = json.loads((HERE / "Arithmetic.json").read_text(encoding="utf-8"))
FAST: Final = find_spec("pyrevm") is not None
"""Without pyrevm every call takes py-evm some hundred times as long."""

I64_MOST: Final = (1 << 63) - 1
I64_LEAST: Final = -(1 << 63)
INT_MOST: Final = (1 << 255) - 1
INT_LEAST: Final = -(1 << 255)
UINT_MOST: Final = (1 << 256) - 1

NUMBERS: Final = (
    *(0, 1, 2, 999_999, 1_000_000, 1_000_001),
    *((1 << bits) + by for bits in (31, 32, 62, 63, 64, 128, 255) for by in (-1, 0, 1)),
    UINT_MOST - 1,
    UINT_MOST,
)
EDGES: Final = tuple(sorted({number * sign for number in NUMBERS for sign in (1, -1)} | {INT_LEAST}))
"""The edges of every range the machine or its contracts compute in, both signs."""


@cache
def _deployed() -> tuple[Evm, bytes]:
    evm = fastest()()
    return evm, evm.deploy(bytes.fromhex(COMPILED["bytecode"]))


def _type(item: dict[str, Any]) -> str:
    if not item["type"].startswith("tuple"):
        return str(item["type"])
    return f"({','.join(map(_type, item['components']))}){item['type'][5:]}"


@cache
def _function(name: str) -> tuple[bytes, tuple[str, ...], tuple[str, ...]]:
    entry = next(each for each in COMPILED["abi"] if each.get("name") == name)
    takes, gives = (tuple(map(_type, entry[key])) for key in ("inputs", "outputs"))
    return keccak(f"{name}({','.join(takes)})".encode())[:4], takes, gives


def solidity(name: str, *arguments: object) -> Any:
    """Return what a function of the harness returns, as a tuple when that is several values; None when it reverts."""
    selector, takes, gives = _function(name)
    evm, address = _deployed()
    answer = evm.call(address, selector + encode(takes, arguments))
    if answer.returned is None:
        return None
    values = decode(gives, answer.returned)
    return values[0] if len(values) == 1 else values


class Narrow(int):
    """A number that must stay within 64 signed bits, as must all that is computed from it.

    Raises: OverflowError where a compiled machine would wrap round.
    """

    def __new__(cls, value: int) -> Narrow:
        """Take a number in."""
        if not I64_LEAST <= value <= I64_MOST:
            raise OverflowError(value)
        return super().__new__(cls, value)

    def __add__(self, other: int) -> Narrow:
        return Narrow(int(self) + int(other))

    def __sub__(self, other: int) -> Narrow:
        return Narrow(int(self) - int(other))

    def __mul__(self, other: int) -> Narrow:
        return Narrow(int(self) * int(other))

    def __floordiv__(self, other: int) -> Narrow:
        return Narrow(int(self) // int(other))

    def __mod__(self, other: int) -> Narrow:
        return Narrow(int(self) % int(other))

    def __neg__(self) -> Narrow:
        return Narrow(-int(self))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int) -> Narrow:
        return Narrow(int(other) - int(self))
