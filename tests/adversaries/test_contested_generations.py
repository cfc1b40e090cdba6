"""End to end: generations upon generations contested at once, and an honest party that is killed in the middle of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.testing.l1_stage import Stage, trade_a_little
from tests.adversaries.siege import most_censored, withstand

HEIGHT = 16


@pytest.mark.parametrize(
    ("attackers", "generations", "odds", "censored", "censorship"),
    [
        (2, 4, 0.06, 12, 0.7),
        pytest.param(3, 24, 0.01, most_censored(HEIGHT), 0.8, marks=[pytest.mark.campaign, pytest.mark.timeout(3_600)]),
    ],
)
def test_P02_generations_contested_at_once_end_in_time_though_the_party_is_killed_and_censored(
    tmp_path: Path, attackers: int, generations: int, odds: float, censored: int, censorship: float
) -> None:
    """Attackers contest every generation at once, with roots that idle, that move at the last block, that lead to the
    truth by a false trace, and that nobody can open. They censor, in the campaign as long as the period allows. The party is killed
    at random broadcasts, and started again without its disk. Every true assertion is confirmed within its bound, every
    honest bond comes home, and one is all that the honest party ever has on L1.
    """
    stage = Stage(tmp_path, root_height=HEIGHT)
    try:
        trade_a_little(stage)
        stage.publish()
        withstand(stage, attackers, generations, odds=odds, censored=censored, censorship=censorship)
    finally:
        stage.close()
