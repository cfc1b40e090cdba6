"""Disputes listed, shown and played by hand, against a real L1 with the real contracts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tallystick.errors import BadInput, DataMissing
from tallystick.l1.sending.keys import save_key
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.testing.l1_stage import Stage, Told, account
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger.cli import app

MOST_MOVES = 60


@pytest.fixture
def stage(stage: Stage, tmp_path: Path) -> Stage:
    save_key(account("challenger"), tmp_path / "key")
    return stage


class Hand:
    """The commands, on one stage."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.common = ["--deployment", str(folder / "deployment.json"), "--rpc", stage.server.url]
        self.key = ["--key-file", str(folder / "key")]

    def call(self, verb: str, *more: str) -> Result:
        return CliRunner().invoke(app, ["dispute", verb, *more, *self.common])

    def json(self, verb: str, *more: str) -> dict[str, Any]:
        result = self.call(verb, *more, "--json")
        assert result.exit_code == 0, result.output or repr(result.exception)
        found: dict[str, Any] = json.loads(result.stdout)
        return found


@pytest.fixture
def hand(stage: Stage, tmp_path: Path) -> Hand:
    return Hand(stage, tmp_path)


@pytest.fixture
def liar(stage: Stage) -> Party:
    made = stage.party("operator", Mode.DEFEND, Told(), LIES["worse-fill"](bytes(20)).step)
    stage.party("proposer", Mode.PROPOSE, Told()).tick()
    made.tick()
    return made


def test_without_a_rival_there_is_no_dispute(stage: Stage, hand: Hand) -> None:
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    assert hand.json("list")["disputes"] == []
    for verb in ("show", "move"):
        assert isinstance(hand.call(verb, *(["--dry-run"] if verb == "move" else [])).exception, DataMissing)


def test_the_list_tells_right_from_wrong_and_what_is_to_be_done(stage: Stage, hand: Hand, liar: Party) -> None:
    (found,) = hand.json("list")["disputes"]
    assert [each["right"] for each in found["sides"]] == [True, False]
    assert found["dispute"] is None and found["due"] == ["open"]
    page = hand.call("list").stdout
    assert "WRONG" in page and "to be done: open" in page


def test_a_dry_run_tells_calldata_gas_and_effect_and_sends_nothing(stage: Stage, hand: Hand, liar: Party) -> None:
    before = stage.client.head().number
    dry = hand.json("move", "--dry-run", *hand.key)
    assert stage.client.head().number == before
    assert dry["function"] == "openRoot" and dry["value_wei"] == stage.deployment.config.challenge_bond_wei
    assert dry["from"] == "0x" + account("challenger").address[2:].lower()
    assert 100_000 < dry["gas"] < 500_000
    assert (
        bytes.fromhex(dry["data"][2:])[:4]
        == stage.client.contract("Challenge", stage.place("Challenge")).abi.encode_call(
            "openRoot", bytes(32), bytes(32), 0, bytes(32), []
        )[:4]
    )
    poor = hand.json("move", "--dry-run", "--from", "0x" + "11" * 20)
    assert poor["gas"] is None and poor["refusal"]
    assert "nothing was sent" in hand.call("move", "--dry-run", *hand.key).stdout
    sent = hand.json("move", *hand.key)
    assert sent["move"] == "open" and sent["gas"] <= dry["gas"]
    assert stage.client.head().number == before + 1


def test_a_dispute_is_won_move_by_move_from_an_empty_disk(stage: Stage, hand: Hand, liar: Party) -> None:
    made: list[str] = []
    for _ in range(MOST_MOVES):
        liar.tick()
        result = hand.call("move", "--json", *hand.key)
        if isinstance(result.exception, DataMissing):
            stage.mine(10)
            continue
        assert result.exit_code == 0, result.output or repr(result.exception)
        made.append(json.loads(result.stdout)["move"])
        if made[-1] == "prove":
            shown = hand.json("show")
            assert any(each["proven"] and each["own"] for each in shown["edges"])
            assert "proven" in hand.call("show").stdout
        if made[-1] == "reject":
            break
    assert [made[0], *made[-5:]] == ["open", "prove", "decide", "settle", "confirm", "reject"]
    assert made.count("bisect") == len(made) - 6
    (found,) = hand.json("list")["disputes"]
    assert found["settled"] and found["winner"] == found["sides"][0]["assertion"]


def test_what_is_named_must_be_due(stage: Stage, hand: Hand, liar: Party) -> None:
    assert hand.json("move", "--move", "open", "--dry-run")["move"] == "open"
    for arguments in (
        ["--move", "prove", "--dry-run"],
        ["--move", "castle", "--dry-run"],
        ["--edge", "0x1234", "--dry-run"],
        ["ffffffffffffffff", "--dry-run"],
        ["--dry-run", "--from", "0x12"],
        [],
    ):
        assert isinstance(hand.call("move", *arguments).exception, BadInput), arguments


def test_a_dispute_is_found_by_the_beginning_of_any_of_its_names(stage: Stage, hand: Hand, liar: Party) -> None:
    hand.json("move", *hand.key)
    shown = hand.json("show")
    for name in (shown["dispute"], shown["parent"], shown["sides"][1]["assertion"]):
        assert hand.json("show", name[:14])["dispute"] == shown["dispute"]


def test_the_help_shows_an_example() -> None:
    for verb in ("list", "show", "move"):
        assert "Example:" in CliRunner().invoke(app, ["dispute", verb, "--help"]).stdout
