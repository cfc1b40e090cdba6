"""What a perpetual and a dated future are is answered in one place, the same in both languages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.machine.market import instrument
from tallystick.state.layout import KIND_DATED, KIND_PERPETUAL
from tallystick.state.ordinals import UnixMs
from tallystick.state.quantities import Units
from tests.meta.tree import ROOT, files, shown

PYTHON = ROOT / "shared/tallystick/machine/market/instrument.py"
SOLIDITY = ROOT / "contracts/src/libraries/market/Instrument.sol"
CLOCK_MS = 1_000


@pytest.mark.parametrize(
    ("kind", "expiry_ms", "stands"),
    [
        (KIND_PERPETUAL, 0, True),
        (KIND_PERPETUAL, CLOCK_MS + 1, False),
        (KIND_DATED, 0, False),
        (KIND_DATED, CLOCK_MS, False),
        (KIND_DATED, CLOCK_MS + 1, True),
    ],
)
def test_a_perpetual_never_ends_and_a_dated_future_ends_ahead(kind: int, expiry_ms: int, stands: bool) -> None:
    assert instrument.term_stands(kind, UnixMs(expiry_ms), UnixMs(CLOCK_MS)) is stands


@given(st.integers(-(1 << 61), 1 << 61))
def test_a_position_weighs_the_size_of_its_worth(worth: int) -> None:
    assert instrument.weight_of(Units(worth)) == abs(worth)


def test_both_languages_ask_the_same_questions_in_the_same_order() -> None:
    python = re.findall(r"^def (\w+)", PYTHON.read_text(encoding="utf-8"), re.MULTILINE)
    solidity = re.findall(r"^function (\w+)", SOLIDITY.read_text(encoding="utf-8"), re.MULTILINE)
    assert [re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name) for name in solidity] == python


ASKED_ELSEWHERE = re.compile(r"KIND_(?:DATED|PERPETUAL)|[mM]arket\.(?:kind|expiryMs)\(|\bmarketFundingIndexPpm\(")
"""The kinds, and in Solidity the fields of a market and of its entry of the risk cell that depend on its kind."""


def test_nobody_else_asks_what_kind_a_market_is() -> None:
    asking = [
        f"{shown(path)}: {found}"
        for path in (*files(".py", under="shared/tallystick/machine"), *files(".sol", under="contracts/src"))
        if path not in (PYTHON, SOLIDITY) and "generated" not in path.parts
        for found in ASKED_ELSEWHERE.findall(path.read_text(encoding="utf-8"))
    ]
    assert asking == []
