"""Gaps by chance: a hand that has both sides of one brings out no more than it put in."""

from __future__ import annotations

import pytest

from tallystick.native import is_compiled
from tallystick.testing.markets import mutants
from tallystick.testing.markets.onlooker import Fault
from tallystick.testing.markets.straddles import play_gap

GAPS = 16
BROUGHT_OUT = 2
"""A gap whose winner brings somebody else's money out where no brake holds it."""


@pytest.mark.parametrize("seed", range(GAPS))
def test_through_a_gap_no_hand_takes_out_more_than_it_put_in(seed: int) -> None:
    assert play_gap(seed).faults == []


@pytest.mark.parametrize("seed", [] if is_compiled() else [BROUGHT_OUT])
def test_without_the_brake_a_hand_takes_out_more_than_it_put_in(seed: int) -> None:
    with mutants.dropped("a brake holds who gained by a jump"):
        assert [fault for fault, _ in play_gap(seed).faults] == [Fault.GAP_GAIN]
