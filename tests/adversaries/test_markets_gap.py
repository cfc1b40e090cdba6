"""A straddle through a gap: who won it does not leave before it has paid for who lost, whichever way it tries."""

from __future__ import annotations

import pytest

from tallystick.native import is_compiled
from tallystick.testing.markets import gaps, mutants
from tallystick.testing.markets.gaps import START, Gap

DOWN = pytest.mark.parametrize("to", [925, 850, 730])
"""Units: ticks, where the index jumps to from 1,000."""
LONG_WINDED = 45
"""Seconds that 30 deleveragings take, and the brake behind the last one."""


@DOWN
def test_X10_the_winner_of_a_gap_does_not_cover_in_the_book(to: int) -> None:
    gap = Gap(to)
    assert gap.play(gaps.cover) <= gap.put_in


@DOWN
def test_X10_the_winner_of_a_gap_hands_nothing_to_a_friend(to: int) -> None:
    gap = Gap(to)
    assert gap.play(gaps.wash) <= gap.put_in


@DOWN
def test_X10_the_winner_of_a_gap_is_not_let_out_by_a_forced_close(to: int) -> None:
    gap = Gap(to)
    assert gap.play(gaps.force_close) <= gap.put_in


@DOWN
def test_X10_the_winner_of_a_gap_is_not_let_out_by_an_order_through_l1(to: int) -> None:
    gap = Gap(to)
    assert gap.play(gaps.record_through_l1) <= gap.put_in


@DOWN
def test_X10_the_winner_of_a_gap_is_not_met_where_it_rests(to: int) -> None:
    gap = Gap(to)
    assert gap.play(gaps.rest) <= gap.put_in


@DOWN
def test_X10_the_trigger_of_who_won_a_gap_waits(to: int) -> None:
    gap = Gap(to)
    assert gap.play(gaps.trigger) <= gap.put_in


@DOWN
def test_X10_in_the_first_moment_behind_a_brake_nothing_is_left_to_take(to: int) -> None:
    gap = Gap(to)
    assert gap.play(gaps.first_moment) <= gap.put_in


def test_X10_through_a_gap_upwards_it_is_the_long_that_does_not_leave() -> None:
    gap = Gap(1_150)
    assert gap.play(gaps.cover) <= gap.put_in


def test_X10_many_winners_do_not_outlast_the_brake() -> None:
    gap = Gap(730, winners=30)
    assert gap.play(gaps.cover, LONG_WINDED) <= gap.put_in


OUT = (gaps.cover, gaps.wash, gaps.force_close, gaps.record_through_l1, gaps.rest, gaps.trigger)
"""What lets the gain out without the brake; the moment behind it is one like any then."""


@pytest.mark.parametrize("way", [] if is_compiled() else OUT)
def test_X10_without_the_brake_each_way_brings_somebody_elses_money(way: gaps.Way) -> None:
    gap = Gap(850)
    with mutants.dropped("a brake holds who gained by a jump"):
        assert gap.play(way) > gap.put_in


@pytest.mark.parametrize("winners", [] if is_compiled() else [30])
def test_X10_a_brake_that_does_not_last_on_is_outlasted(winners: int) -> None:
    gap = Gap(730, winners=winners)
    with mutants.dropped("a brake lasts on while who owes is deleveraged"):
        assert gap.play(gaps.cover, LONG_WINDED) > gap.put_in


def test_X10_who_was_on_neither_side_of_a_gap_is_not_asked_for_it() -> None:
    """The honest holders, long and short of a little with much behind it, keep what the index has made of them."""
    gap = Gap(850)
    gap.play(gaps.cover)
    assert gap.holders() == {gaps.HOLDER: (START - 850) * 300, gaps.OTHER: (850 - START) * 300}
