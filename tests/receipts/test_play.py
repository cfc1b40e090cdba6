"""Plays: an honest operator keeps its bond whatever anybody does, and a liar in the same surroundings loses it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.receipts.court import BOND, OPERATOR
from tests.receipts.liar import LIES, Liar
from tests.receipts.play import Play

PLAYS = 12 if find_spec("pyrevm") else 2
STEPS = 50


@pytest.mark.parametrize("seed", range(PLAYS))
def test_no_honest_bond_is_ever_lost(seed: int) -> None:
    play = Play(seed)
    play.court.post([])
    play.court.wait(600)
    for _ in range(STEPS):
        play.step()
        assert play.court.ask("slashedAt") == 0
        play.court.check_money()
    play.end()
    play.court.check_money()
    assert play.court.ask("bondWei") == 0
    assert play.court.ask("credit", OPERATOR) >= BOND
    assert len(play.receipts) > 5


@pytest.mark.parametrize("seed", range(PLAYS // 3 or 1))
@pytest.mark.parametrize("lie", LIES)
def test_a_liar_always_loses_its_bond(lie: str, seed: int) -> None:
    play = Play(1000 + seed)
    play.court.post([])
    play.court.wait(600)
    for _ in range(STEPS // 3):
        play.step()
    liar = Liar(play, lie)
    liar.deceive()
    assert liar.hunt() is not None
    assert play.court.ask("slashedAt") > 0
    assert play.court.ask("bondWei") == 0
    play.court.check_money()
