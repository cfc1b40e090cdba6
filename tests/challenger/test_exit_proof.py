"""Leaving without the operator: from L1's data alone to the money on L1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tallystick.errors import BadInput, DataMissing, Disputed
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import TxQueue
from tallystick.party.duties import Mode
from tallystick.ports.system import SystemClock
from tallystick.schema.names import Outcome
from tallystick.state.state import state_hash
from tallystick.state.tree import root_from_proof
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, account, trade_a_little
from tallystick.testing.rogues.lies import LIES
from tallystick.testing.world import address
from tallystick_challenger.cli import app

ALICE, BOB = 1, 2


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    trade_a_little(made)
    assert made.world.order(ALICE, 0, 1, 618_100, 20, client_id=10) == Outcome.ACCEPTED
    assert made.world.order(BOB, 0, 1, 619_000, 5, client_id=11) == Outcome.ACCEPTED
    made.publish()
    made.deployment.save(tmp_path / "deployment.json")
    yield made
    made.close()


def confirm(stage: Stage, step: Any = None) -> None:
    """Have what is published asserted and confirmed."""
    more = {} if step is None else {"step": step}
    party = stage.party("operator", Mode.PROPOSE, Told(), **more)
    for _ in range(stage.posted):
        party.tick()
        stage.mine(PERIOD_BLOCKS + 1)
        party.tick()
        stage.mine(1)


def command(stage: Stage, folder: Path, who: str, *more: str) -> Result:
    l1 = ["--deployment", str(folder / "deployment.json"), "--rpc", stage.server.url]
    return CliRunner().invoke(app, ["exit-proof", who, *l1, *more])


def facts(stage: Stage, folder: Path, who: str) -> dict[str, Any]:
    result = command(stage, folder, who, "--json")
    assert result.exit_code == 0, repr(result.exception)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def send(stage: Stage, who: str, call: dict[str, str]) -> None:
    """Send a call as printed, with another wallet."""
    store = QueueStore(stage.folder / f"exit-{who}.sqlite")
    queue = TxQueue(client=stage.client, account=account(who), store=store, clock=SystemClock())
    queue.send(call["data"], bytes.fromhex(call["to"][2:]), bytes.fromhex(call["data"][2:]))
    store.close()


def balance(stage: Stage, who: str) -> int:
    return int(stage.call("TestToken", "balanceOf", "0x" + address(who).hex()))


def test_the_cell_is_proven_under_the_last_confirmed_root(stage: Stage, tmp_path: Path) -> None:
    confirm(stage)
    found = facts(stage, tmp_path, str(ALICE))
    proof = {key: bytes.fromhex(value[2:]) for key, value in found["proof"].items() if isinstance(value, str)}
    assert root_from_proof(found["proof"]["key"], proof["cell"], proof["proof"]) == proof["state_root"]
    latest = stage.call("Rollup", "latestConfirmed")
    assert proof["assertion"] == latest
    assert stage.call("Rollup", "stateHashOf", latest) == stage.world.machine.state.hash()
    registers = stage.world.machine.state.registers.pack()
    assert state_hash(proof["state_root"], registers) == stage.world.machine.state.hash()
    assert found["owner"] == "0x" + address("alice").hex()
    assert found["confirmed"] == {key: value for key, value in found["newest"].items() if key != "batches"}
    assert [each["size_lots"] for each in found["newest"]["positions"]] == [20]
    assert sorted(each["remaining_lots"] for each in found["newest"]["orders"]) == [20, 30, 50]


def test_a_confirmed_withdrawal_is_claimed_with_the_calldata_by_anybody(stage: Stage, tmp_path: Path) -> None:
    confirm(stage)
    (withdrawal,) = facts(stage, tmp_path, "0x" + address("alice").hex())["withdrawals"]
    assert withdrawal["status"] == "can be claimed by anybody"
    before = balance(stage, "alice")
    send(stage, "challenger", withdrawal["call"])
    assert balance(stage, "alice") == before + withdrawal["amount_units"]
    assert facts(stage, tmp_path, str(ALICE))["withdrawals"] == []


def test_what_is_not_confirmed_yet_is_listed_and_waits(stage: Stage, tmp_path: Path) -> None:
    found = facts(stage, tmp_path, str(ALICE))
    (withdrawal,) = found["withdrawals"]
    assert withdrawal["call"] is None and withdrawal["status"].startswith("waits")
    assert found["proof"]["cell"] == "0x"
    proof = bytes.fromhex(found["proof"]["proof"][2:])
    assert root_from_proof(found["proof"]["key"], b"", proof).hex() == found["proof"]["state_root"][2:]
    assert found["confirmed"]["cash_units"] == 0 < found["newest"]["cash_units"]


def test_an_account_leaves_with_what_the_command_prints_and_no_operator(stage: Stage, tmp_path: Path) -> None:
    """Orders killed, position closed, all that may leave withdrawn and paid: with the printed calldata alone."""
    found = facts(stage, tmp_path, str(BOB))
    assert [each["function"] for each in found["force"]] == ["forceCancelAll", "forceClose", "forceWithdraw"]
    for each in found["force"]:
        send(stage, "bob", each["call"])
    stage.read_messages()
    stage.begin()
    stage.consume()
    stage.publish()
    confirm(stage)
    left = facts(stage, tmp_path, str(BOB))
    assert left["newest"]["orders"] == [] and left["newest"]["positions"] == []
    (withdrawal,) = left["withdrawals"]
    before = balance(stage, "bob")
    send(stage, "bob", withdrawal["call"])
    assert balance(stage, "bob") == before + withdrawal["amount_units"] > before
    assert facts(stage, tmp_path, str(BOB))["newest"]["cash_units"] == 0


def test_the_page_says_it_all(stage: Stage, tmp_path: Path) -> None:
    confirm(stage)
    page = command(stage, tmp_path, str(ALICE)).stdout
    for part in ("Proof under the last confirmed", "can be claimed by anybody", "forceClose", "anybody may post"):
        assert part in page


def test_a_confirmed_lie_is_said_and_nothing_is_proven_from_it(stage: Stage, tmp_path: Path) -> None:
    confirm(stage, LIES["mint-deposit"](bytes(20)).step)
    assert isinstance(command(stage, tmp_path, str(ALICE)).exception, Disputed)


@pytest.mark.parametrize("who", ["alice", "0x12", "-1", "0x" + "zz" * 20, "0x" + "11" * 20])
def test_what_is_no_account_is_bad_input(stage: Stage, tmp_path: Path, who: str) -> None:
    result = command(stage, tmp_path, who) if who != "-1" else command(stage, tmp_path, "--", who)
    assert isinstance(result.exception, BadInput) or result.exit_code == 2


def test_an_account_that_no_batch_has_seen_has_nothing_to_prove(stage: Stage, tmp_path: Path) -> None:
    assert isinstance(command(stage, tmp_path, "77").exception, DataMissing)
