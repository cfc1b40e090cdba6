"""Gaps of several markets by chance: a hand in all of them brings out no more than it put in, but for what is named."""

from __future__ import annotations

import pytest

from tallystick.native import is_compiled
from tallystick.testing.markets import mutants
from tallystick.testing.markets.onlooker import Fault
from tallystick.testing.markets.straddles import play_gaps

GAPS = 4
BROUGHT_OUT = 8
"""A gap of one market of two, whose winner brings somebody else's money out where no brake holds it."""


@pytest.mark.parametrize("seed", range(GAPS))
def test_through_gaps_of_several_markets_no_hand_takes_out_more_than_it_put_in_and_lost_elsewhere(seed: int) -> None:
    assert play_gaps(seed).faults == []


@pytest.mark.parametrize("seed", [] if is_compiled() else [BROUGHT_OUT])
def test_without_the_brakes_a_hand_takes_out_more_through_several_markets(seed: int) -> None:
    with mutants.dropped("a brake holds who gained by a jump"):
        assert [fault for fault, _ in play_gaps(seed).faults] == [Fault.GAP_GAIN]
