"""Markets that honest and hostile traders share: nothing happens that must never happen."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from tallystick.errors import BadInput
from tallystick.testing.campaigns import market_campaign
from tallystick.testing.markets.game import play, play_late
from tallystick.testing.markets.straddles import play_gap

SEEDS = 10
LATE_SEEDS = 9


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_hostile_hand_takes_what_is_not_its_own(seed: int) -> None:
    assert play(seed).faults == []


@pytest.mark.parametrize("seed", range(LATE_SEEDS))
def test_nor_with_a_lying_signer_and_a_sequencer_of_its_own(seed: int) -> None:
    assert play_late(seed).faults == []


def test_a_history_plays_again_as_it_was() -> None:
    for game in (play, play_late, play_gap):
        first, second = game(4), game(4)
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
