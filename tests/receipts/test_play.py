"""Plays: an honest operator keeps its bond whatever anybody does, and a liar in the same surroundings loses it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.receipts.liar import LIES, play_liar
from tests.receipts.play import play_honest

PLAYS = 12 if find_spec("pyrevm") else 2


@pytest.mark.parametrize("seed", range(PLAYS))
def test_no_honest_bond_is_ever_lost(seed: int) -> None:
    assert len(play_honest(seed).receipts) > 5


@pytest.mark.parametrize("seed", range(PLAYS // 3 or 1))
@pytest.mark.parametrize("lie", LIES)
def test_a_liar_always_loses_its_bond(lie: str, seed: int) -> None:
    play_liar(lie, seed)
