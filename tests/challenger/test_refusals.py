"""A challenger that would harm itself refuses to play, and says why."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tallystick import artifacts
from tallystick.deploy import fingerprint as probe
from tallystick.deploy.deploy import check_deployment
from tallystick.errors import ConfigError, DataMismatch, DataMissing, L1Error, StateError, TallystickError
from tallystick.journal import Journal
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.dev.dev_server import DevServer
from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.ports.system import SystemClock
from tallystick.schema.names import Phase
from tallystick.state.ordinals import BatchNumber
from tallystick.testing import probe as probe_writer
from tallystick.testing.l1_stage import Stage, Told, account
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger import daemon
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.telling.teller import Telling
from tallystick_challenger.watching.complete import check_complete
from tests.l1.relay import Relay


@pytest.fixture
def config(stage: Stage, tmp_path: Path) -> ChallengerConfig:
    key_path = tmp_path / "key"
    save_key(account("challenger"), key_path)
    return ChallengerConfig(
        rpc=(stage.server.url,),
        deployment=tmp_path / "deployment.json",
        data_dir=tmp_path / "data",
        mode=Mode.RESOLVE,
        key=KeyFile(path=key_path),
        poll_seconds=0.05,
        tag="latest",
    )


def refusal(config: ChallengerConfig, error: type[TallystickError]) -> dict[str, Any]:
    """Run it until it refuses; the last line of its log before the end."""
    config.data_dir.mkdir(exist_ok=True)
    path = config.data_dir / "events.jsonl"
    journal = Journal(path, clock=SystemClock())
    try:
        with pytest.raises(error):
            daemon.run(config, journal, Event())
    finally:
        journal.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    (told,) = [line for line in lines if line["event"] == "refused"]
    assert told["alarm"] and told["reason"] and told["exit_code"] == error.exit_code
    assert not [line for line in lines if line["event"] in ("queued", "moved", "asserted")]
    found: dict[str, Any] = told
    return found


# The machine


def test_the_fingerprint_is_what_this_machine_does() -> None:
    assert probe_writer.PATH.read_text() == probe_writer.render(), "python -m tallystick.testing.probe"
    probe.check_probe()


def test_the_fingerprint_leads_through_every_step() -> None:
    met: set[int] = set()

    def step(machine: Machine) -> None:
        met.add(machine.state.registers.phase)
        engine.step(machine)

    probe.check_probe(step=step)
    assert met == set(Phase)


@pytest.mark.parametrize("lie", LIES)
def test_a_machine_that_is_wrong_once_is_refused(lie: str) -> None:
    with pytest.raises(StateError, match="does not do what this version's machine does"):
        probe.check_probe(step=LIES[lie](bytes(20)).step)


def test_a_machine_that_raises_is_refused() -> None:
    def step(machine: Machine) -> None:
        if machine.state.registers.phase == Phase.MATCH_MAKER:
            raise IndexError("out of range")
        engine.step(machine)

    with pytest.raises(StateError, match="IndexError"):
        probe.check_probe(step=step)


def test_a_machine_that_never_halts_is_refused() -> None:
    case = probe.load()[0]
    with pytest.raises(StateError):
        probe.check_probe([case], step=lambda machine: None)


@pytest.mark.parametrize("text", ["", "{}\n", "no json\n", '{"name": "x"}\n'])
def test_a_damaged_fingerprint_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    (tmp_path / probe.FILE).write_text(text)
    monkeypatch.setattr("tallystick.deploy.fingerprint.resources.files", lambda _: tmp_path)
    with pytest.raises(StateError, match="fingerprint"):
        probe.load()


def test_a_challenger_with_another_machine_does_not_start(
    config: ChallengerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(probe.load()[0], digest=bytes(32))
    monkeypatch.setattr("tallystick.deploy.deploy.check_probe", lambda: probe.check_probe([other]))
    told = refusal(config, StateError)
    assert "machine here does not do" in told["reason"] and "make native" in told["hint"]


def test_a_challenger_of_another_declaration_does_not_start(
    config: ChallengerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "machine_version", lambda: "00" * 32)
    assert "compiled for another machine" in refusal(config, StateError)["reason"]


# The contracts


def test_contracts_with_other_code_are_not_played_with(stage: Stage, config: ChallengerConfig) -> None:
    hashes = {**stage.deployment.code_hashes, "Challenge": bytes(32)}
    replace(stage.deployment, code_hashes=hashes).save(config.deployment)
    assert "code on chain" in refusal(config, StateError)["reason"]


def test_another_chain_is_not_played_on(stage: Stage, config: ChallengerConfig) -> None:
    replace(stage.deployment, chain_id=stage.deployment.chain_id + 1).save(config.deployment)
    config.data_dir.mkdir()
    journal = Journal(config.data_dir / "events.jsonl", clock=SystemClock())
    with pytest.raises(TallystickError, match="chain"):
        daemon.run(config, journal, Event())
    journal.close()


def test_another_genesis_is_not_played_with(stage: Stage, config: ChallengerConfig) -> None:
    replace(stage.deployment, genesis_state_hash=bytes(32)).save(config.deployment)
    assert "genesis" in refusal(config, StateError)["reason"]


# The settings


def test_a_port_that_is_taken_is_refused(config: ChallengerConfig) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = refusal(replace(config, telling=Telling(metrics=port)), ConfigError)
    assert "port" in told["reason"] and "--metrics" in told["hint"]


def test_a_webhook_that_cannot_be_is_refused_and_not_repeated(config: ChallengerConfig) -> None:
    told = refusal(replace(config, telling=Telling(webhook="gopher://secret")), ConfigError)
    assert "webhook" in told["reason"] and "secret" not in str(told)


# The data


def test_a_record_that_begins_too_late_is_refused(stage: Stage, config: ChallengerConfig) -> None:
    """Without the Rollup's first event nothing can be judged: better to end than to watch nothing for ever."""
    stage.mine(3)
    replace(stage.deployment, first_block=stage.client.head().number).save(config.deployment)
    told = refusal(config, DataMissing)
    assert "not all there is" in told["reason"] and "first_block" in told["hint"]


def party(stage: Stage, told: Told) -> Party:
    made = Party(stage.client, stage.deployment, stage_identity(), told)
    while not made.read():
        pass
    return made


def stage_identity() -> Any:
    from tallystick.party.duties import DUTIES
    from tallystick.party.party import Identity

    return Identity(duties=DUTIES[Mode.WATCH])


def test_what_is_all_there_passes_at_the_block_that_was_read(stage: Stage) -> None:
    told = Told()
    made = party(stage, told)
    stage.deposit("alice")
    check_complete(made)
    assert told.events == []


@pytest.mark.parametrize("what", ["batches", "messages", "latest_confirmed"])
def test_a_batch_a_message_or_a_confirmation_that_was_not_read_is_found(stage: Stage, what: str) -> None:
    made = party(stage, Told())
    if what == "batches":
        made.inbox.headers.pop()
    elif what == "messages":
        made.inbox.messages.pop()
    else:
        made.rollup.latest_confirmed = bytes(32)
    with pytest.raises(DataMissing, match="not all there is") as caught:
        check_complete(made)
    assert set(caught.value.data) == {"block", what}


def test_a_chain_that_moved_meanwhile_is_no_reason_to_give_up(stage: Stage) -> None:
    made = party(stage, Told())
    made.inbox.headers.pop()
    number, _ = made.reader.cursor.blocks[-1]
    made.reader._seen[-1] = (number, bytes(32))
    with pytest.raises(L1Error, match="the chain moved"):
        check_complete(made)


def test_an_endpoint_without_old_states_is_told_and_no_reason_to_give_up(stage: Stage) -> None:
    assert isinstance(stage.server, DevServer)
    relay = Relay(stage.server.rpc)
    relay.refused = {"eth_call"}
    told = Told()
    made = party(stage, told)
    made.client = QuorumClient([relay.url], clock=SystemClock())
    try:
        check_complete(made)
        assert [name for name, _ in told.events] == ["data_unchecked"]
    finally:
        relay.close()


def test_nobody_is_challenged_from_half_of_the_data(stage: Stage, config: ChallengerConfig) -> None:
    """A liar posts; a batch behind it was not understood here: the challenger ends before its first move."""
    told = Told()
    tower = daemon.make_party(config, told, SystemClock())
    tower.tick()
    stage.begin()
    stage.publish()
    stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step).tick()
    forget = tower.inbox.on_BatchPosted
    tower.inbox.on_BatchPosted = lambda event: None  # type: ignore[method-assign]
    try:
        with pytest.raises(DataMissing, match="not all there is"):
            tower.tick()
        assert told.named("assertion_wrong")
        assert not told.named("queued") and tower.under_way == 0
        tower.inbox.on_BatchPosted = forget  # type: ignore[method-assign]
    finally:
        tower.close()


def test_chunks_that_are_not_what_their_batch_commits_to_are_refused(stage: Stage) -> None:
    made = party(stage, Told())
    chunk = made.inbox._chunks[0, 0]
    made.inbox._chunks[0, 0] = chunk[:-1] + bytes([chunk[-1] ^ 1])
    with pytest.raises(DataMismatch, match="not what it commits to"):
        made.inbox.chunk(BatchNumber(0), 0)
    del made.inbox._chunks[0, 0]
    with pytest.raises(DataMissing, match="chunks of a batch are missing"):
        made.inbox.chunk(BatchNumber(0), 0)


def test_the_deployed_contracts_and_this_machine_pass(stage: Stage) -> None:
    check_deployment(stage.client, stage.deployment)
