"""Markets that honest and hostile traders share: nothing happens that must never happen, and each rule is missed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from tallystick.errors import BadInput
from tallystick.native import is_compiled
from tallystick.testing.campaigns import market_campaign
from tallystick.testing.markets import mutants
from tallystick.testing.markets.game import play

SEEDS = 10
KILLERS = {
    "who opens is measured at the worse price": 11,
    "money is withdrawn at the worse price": 2,
    "money is transferred at the worse price": 4,
    "a stale position needs twice its initial margin": 2,
    "a fund unwinds for no more than half of what it gained": 3,
    "a fund carries what it takes over": 80,
    "a trade that reduces leaves the account no less safe": 22,
    "a brake holds who gained by a jump": 2,
    "a gain that a brake holds carries nothing": 2,
}
"""A history that misses the rule."""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_hostile_hand_takes_what_is_not_its_own(seed: int) -> None:
    assert play(seed).faults == []


@pytest.mark.parametrize("rule", [] if is_compiled() else KILLERS)
def test_a_rule_that_is_dropped_is_missed(rule: str) -> None:
    with mutants.dropped(rule):
        assert play(KILLERS[rule]).faults


def test_each_rule_has_a_history_that_misses_it() -> None:
    assert set(KILLERS) == set(mutants.RULES)


def test_a_history_plays_again_as_it_was() -> None:
    first, second = play(3), play(3)
    assert (first.records, first.counts, first.faults) == (second.records, second.counts, second.faults)


def test_a_campaign_goes_on_where_it_kept_its_place(tmp_path: Path) -> None:
    app = Typer()
    app.command()(market_campaign.main)
    state = tmp_path / "markets.json"
    for seeds in ("1", "2"):
        told = CliRunner().invoke(app, ["--seeds", seeds, "--state", str(state), "--jobs", "1"])
        assert told.exit_code == 0
        assert f"{seeds} histories" in told.output and "nothing happened" in told.output
    state.write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match="not a campaign's"):
        market_campaign.read_place(state)
