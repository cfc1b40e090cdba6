"""Each rule of the markets is missed when it is dropped, and the table says by what.

`make campaign` drops all of them; the histories among what misses them are played here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.errors import BadInput
from tallystick.machine.steps import set_clock
from tallystick.native import is_compiled
from tallystick.testing.campaigns.rules_campaign import read_place
from tallystick.testing.markets.game import play, play_late
from tallystick.testing.markets.mutants import RULES, dropped, mutated
from tallystick.testing.markets.rule_table import SECTIONS, TABLE, table

ROOT = Path(__file__).parents[2]
DROPPED = [] if is_compiled() else list(RULES.values())
"""A compiled machine holds its code for good."""
HISTORIES = [(rule.name, seed) for rule in DROPPED for seed in rule.seeds]
LATE = [(rule.name, seed) for rule in DROPPED for seed in rule.late]
CLOCK = "no clock goes backwards"
ONE = [rule.name for rule in DROPPED if rule.name == CLOCK]


@pytest.mark.parametrize(("rule", "seed"), HISTORIES)
def test_a_rule_that_is_dropped_is_missed_by_a_history(rule: str, seed: int) -> None:
    with dropped(rule):
        assert play(seed).faults


@pytest.mark.parametrize(("rule", "seed"), LATE)
def test_a_rule_that_is_dropped_is_missed_by_a_late_history(rule: str, seed: int) -> None:
    with dropped(rule):
        assert play_late(seed).faults


def test_every_rule_is_where_its_row_says_and_has_a_section() -> None:
    for rule in DROPPED:
        with dropped(rule.name):
            assert rule.section in SECTIONS


def test_a_rule_that_is_not_there_is_told() -> None:
    with pytest.raises(BadInput, match="not where its row says"):
        mutated(set_clock.step, replace(RULES[CLOCK], before="no such text"))


def test_every_test_that_is_named_is_there() -> None:
    for rule in RULES.values():
        for test in rule.tests:
            file, _, name = test.partition("::")
            source = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), test


def test_the_table_says_what_finds_each_rule() -> None:
    assert TABLE.read_text(encoding="utf-8") == table()


def campaign(state: Path, rule: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the campaign of the rules over one of them."""
    command = [sys.executable, "-m", "tallystick.testing.campaigns.rules_campaign", "--state", str(state)]
    return subprocess.run([*command, "--rule", rule, *more], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("rule", ONE)
def test_the_campaign_drops_a_rule_and_says_what_has_missed_it(tmp_path: Path, rule: str) -> None:
    state = tmp_path / "rules.json"
    said = campaign(state, rule)
    assert said.returncode == 0, said.stdout + said.stderr
    assert json.loads(state.read_text(encoding="utf-8"))[rule].startswith("found tests/steps/test_set_clock.py::")
    assert "1 rules dropped, 1 found" in said.stdout


@pytest.mark.parametrize("rule", ONE)
def test_the_campaign_says_so_when_nothing_misses_a_rule(tmp_path: Path, rule: str) -> None:
    said = campaign(tmp_path / "rules.json", rule, "--among", "tests/steps/test_sweep.py")
    assert said.returncode == 1
    assert f"NOT FOUND {rule}: nothing fails" in said.stdout


def test_a_file_that_is_no_campaigns_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "rules.json"
    assert read_place(state) == {}
    state.write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match="not a campaign's"):
        read_place(state)
