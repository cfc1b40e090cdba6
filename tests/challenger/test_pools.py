"""Pools by hand: watchers who together hold a bond post the truth beside a lie, and have their money back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tallystick.errors import BadInput, DataMissing
from tallystick.l1.sending.keys import save_key
from tallystick.numbers import ether, wei_of
from tallystick.party.bonds.bond_pools import Stage as PoolStage
from tallystick.party.bonds.bond_pools import homecoming, instead, purpose_of, read_pools
from tallystick.party.duties import Mode
from tallystick.party.planner import Planner
from tallystick.testing.l1_stage import Stage, Told, account
from tallystick.testing.rogues.lies import LIES
from tallystick.testing.world import address
from tallystick_challenger.cli import app

ETHER = 10**18


@pytest.fixture
def stage(stage: Stage, tmp_path: Path) -> Stage:
    """A stage on which nobody has contradicted a lie yet."""
    for name in ("alice", "bob"):
        stage.fund(name)
        save_key(account(name), tmp_path / name)
    stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step).tick()
    return stage


class Hand:
    """The commands, on one stage."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.folder = folder
        self.common = ["--deployment", str(folder / "deployment.json"), "--rpc", stage.server.url]

    def call(self, verb: str, *more: str, who: str = "") -> Result:
        key = ["--key-file", str(self.folder / who)] if who else []
        return CliRunner().invoke(app, ["pool", verb, *more, *key, *self.common])

    def json(self, verb: str, *more: str, who: str = "") -> dict[str, Any]:
        result = self.call(verb, *more, "--json", who=who)
        assert result.exit_code == 0, result.output or repr(result.exception)
        found: dict[str, Any] = json.loads(result.stdout)
        return found


@pytest.fixture
def hand(stage: Stage, tmp_path: Path) -> Hand:
    return Hand(stage, tmp_path)


def test_two_watchers_post_the_truth_together_and_have_their_bond_back(stage: Stage, hand: Hand) -> None:
    bond = stage.deployment.config.assertion_bond_wei
    missing = hand.json("list")
    assert missing["pools"] == []
    (wanted,) = missing["without_pool"]
    assert wanted["does"] == "assert" and wanted["sum_wei"] == str(bond)
    assert "nobody has joined yet" in hand.call("list").stdout

    first = hand.json("join", "--ether", "20", who="alice")
    assert not first["made"] and first["pool"] == wanted["pool"]
    (pool,) = hand.json("list", "--account", "0x" + address("alice").hex())["pools"]
    assert pool["true"] is True and pool["stage"] == "gathering"
    assert int(pool["stakes_wei"]) == int(pool["due_wei"]) == 20 * ETHER
    assert "20 of 32 ether, 20 ether to fetch" in hand.call("list", "--account", "0x" + address("alice").hex()).stdout

    second = hand.json("join", pool["pool"][:8], who="bob")
    assert second["made"] and int(second["joined_wei"]) == bond - 20 * ETHER
    planner = Planner(stage.client, stage.deployment)
    planner.plans()
    truth = planner.rollup.assertions[bytes.fromhex(pool["assertion"][2:])]
    assert planner.is_right(truth.id) and truth.bonded == stage.deployment.addresses.bond_pool
    assert hand.json("list")["pools"][0]["stage"] == "made"
    assert isinstance(hand.call("leave", who="alice").exception, DataMissing)

    # its dispute wants a root, which one of them pays alone, from a pool of its own
    opened = hand.json("join", who="alice")
    assert opened["made"] and int(opened["joined_wei"]) == stage.deployment.config.challenge_bond_wei

    stage.begin()
    stage.publish()
    stage.mine(2)
    proposer = stage.party("challenger", Mode.PROPOSE, Told())
    for _ in range(3):
        proposer.tick()
        stage.mine(1)
    for who, part in (("bob", bond - 20 * ETHER), ("alice", 20 * ETHER)):
        left = hand.json("leave", pool["pool"][:8], who=who)
        assert int(left["paid_wei"]) == part
    assert stage.call("BondPool", "status", bytes.fromhex(pool["pool"][2:])) == PoolStage.HOME
    assert stage.client.balance_wei(stage.deployment.addresses.bond_pool) == 0


def test_what_the_own_replay_does_not_ask_for_is_not_joined(stage: Stage, hand: Hand) -> None:
    planner = Planner(stage.client, stage.deployment)
    (due,) = [each for each in planner.plans() if each.name == "assert"]
    purpose = purpose_of(due, planner.rollup)
    assert purpose is not None
    lie = purpose.argument() | {"stateHash": b"\x66" * 32}
    stage.transact("bob", "a lie's pool", "BondPool", "join", lie, value_wei=ETHER)
    (pool,) = hand.json("list")["pools"]
    assert pool["true"] is None
    assert isinstance(hand.call("join", pool["pool"][:8], who="alice").exception, BadInput)
    hand.json("join", "--ether", "32.5", who="alice")
    shown = {each["pool"]: each["true"] for each in hand.json("list")["pools"]}
    assert shown[pool["pool"]] is False
    assert sorted(shown.values()) == [False, True]
    left = hand.json("leave", pool["pool"][:8], who="bob")
    assert int(left["paid_wei"]) == ETHER


def test_until_the_call_is_made_everything_can_be_had_back(stage: Stage, hand: Hand) -> None:
    hand.json("join", "--ether", "0.000000000000000001", who="alice")
    assert int(hand.json("leave", who="alice")["paid_wei"]) == 1
    assert "ether fetched" not in hand.call("join", "--ether", "5", who="alice").stdout
    assert "5 ether fetched" in hand.call("leave", who="alice").stdout


def test_a_call_that_is_due_is_made_by_its_pool_when_the_sum_is_there(stage: Stage, hand: Hand) -> None:
    """What mode defend may do with a bond it cannot pay: the same call, with the same name, out of the pool."""
    planner = Planner(stage.client, stage.deployment)
    (due,) = [each for each in planner.plans() if each.name == "assert"]

    def offered() -> Any:
        pools = {each.id: each for each in read_pools(stage.client, stage.deployment, stage.client.head().number)}
        return instead(due, planner.rollup, pools, stage.deployment)

    assert offered() is due
    hand.json("join", "--ether", "31.999999999999999999", who="alice")
    assert offered() is due
    purpose = purpose_of(due, planner.rollup)
    assert purpose is not None
    stage.transact("bob", "the last wei", "BondPool", "join", purpose.argument(), value_wei=1)
    made = offered()
    assert (made.contract, made.call.function, made.call.value_wei) == ("BondPool", "makePost", 0)
    assert made.call.key == due.call.key
    stage.transact("challenger", "made", "BondPool", made.call.function, *made.call.arguments)
    assert offered() is due
    planner.plans()
    pools = read_pools(stage.client, stage.deployment, planner.head)
    assert pools[0].id == purpose.pool(stage.deployment.addresses.rollup)
    assert pools[0].stage is PoolStage.MADE
    assert homecoming(pools, planner.rollup, planner.challenge) == []


def test_without_a_key_nothing_is_joined_or_left(stage: Stage, hand: Hand) -> None:
    for verb in ("join", "leave"):
        assert isinstance(hand.call(verb).exception, BadInput)


@pytest.mark.parametrize(
    ("text", "wei"), [("1", ETHER), ("0.5", ETHER // 2), ("32", 32 * ETHER), ("0.000000000000000001", 1)]
)
def test_an_amount_of_ether_is_taken_to_the_wei(text: str, wei: int) -> None:
    assert wei_of(text) == wei
    assert wei_of(ether(str(wei))) == wei


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "abc", "1e-18", "1e999999999", "nan", "inf", "1_000", "\u0661", "0.0000000000000000001"]
)
def test_what_is_no_amount_of_ether_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        wei_of(text)
