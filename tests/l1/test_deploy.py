"""A deployment puts every contract where the others expect it, and its record is checked."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3

from tallystick.artifacts import Artifact
from tallystick.errors import BadInput, ConfigError, L1Reverted, StateError
from tallystick.l1.abi import ContractAbi
from tallystick.l1.client import Contract, L1Client
from tallystick.l1.deploy import (
    check_code,
    check_exit,
    create_address,
    deploy,
    deploy_from_file,
    predict,
    step_names,
)
from tallystick.l1.deployment import DeployConfig, Deployment, config_from, load_deployment
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.schema.names import Phase

STUBS = json.loads(Path(__file__).with_name("Stubs.json").read_text())
SEQUENCER = bytes.fromhex("00000000000000000000000000000000005e9e0a")
STEPS = ("OpenBatch", "OpenChunk")


def load_stub(name: str) -> Artifact:
    fields = STUBS.get(name, STUBS["Step"])
    return Artifact(
        contract=name,
        abi=fields["abi"],
        bytecode=bytes.fromhex(fields["bytecode"]),
        deployed_bytecode=bytes.fromhex(fields["deployedBytecode"]),
        immutable_references=tuple((at, size) for at, size in fields["immutableReferences"]),
        code_size=len(fields["deployedBytecode"]) // 2,
    )


def stub(client: L1Client, name: str, address: bytes) -> Contract:
    return Contract(client=client, abi=ContractAbi(name, STUBS[name]["abi"]), address=address)


@pytest.fixture
def deployment(client: L1Client, account: LocalAccount) -> Deployment:
    return deploy(
        client,
        account,
        genesis_state_hash=b"\x11" * 32,
        genesis=b"genesis",
        config=DeployConfig(sequencer=SEQUENCER, grace_blocks=7),
        steps=STEPS,
        load=load_stub,
    )


def test_the_contracts_name_each_other(client: L1Client, deployment: Deployment) -> None:
    at = deployment.addresses
    assert stub(client, "Inbox", at.inbox).call("sequencer") == SEQUENCER
    assert stub(client, "Inbox", at.inbox).call("vault") == at.vault
    assert stub(client, "Vault", at.vault).call("token") == at.token
    assert stub(client, "Vault", at.vault).call("rollup") == at.rollup
    assert stub(client, "Referee", at.referee).call("steps", 1) == at.steps["OpenChunk"]
    challenge = stub(client, "Challenge", at.challenge)
    assert challenge.call("rollup") == at.rollup
    assert challenge.call("config")["graceBlocks"] == 7
    (event,) = stub(client, "Rollup", at.rollup).events(deployment.first_block, client.head().number)
    assert event.args == {"stateHash": b"\x11" * 32, "data": b"genesis"}


def test_addresses_are_known_before_the_deployment(client: L1Client, account: LocalAccount) -> None:
    config = DeployConfig(sequencer=SEQUENCER, token=b"\x22" * 20)
    deployer = bytes.fromhex(account.address[2:])
    prediction = predict(client, deployer, config, STEPS)
    record = deploy(
        client,
        account,
        genesis_state_hash=bytes(32),
        genesis=prediction.addresses.rollup,
        config=config,
        steps=STEPS,
        prediction=prediction,
        load=load_stub,
    )
    assert record.addresses == prediction.addresses
    assert record.addresses.token == b"\x22" * 20


def test_a_create_address_is_what_ethereum_says() -> None:
    sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert create_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert create_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"


def test_the_steps_are_those_of_the_machine_in_the_order_of_its_phases() -> None:
    assert step_names()[:3] == ("OpenBatch", "OpenChunk", "FetchRecord")
    assert len(step_names()) == len(set(step_names())) == len(Phase)


def test_a_constructor_that_refuses_is_shown(client: L1Client, account: LocalAccount) -> None:
    with pytest.raises(L1Reverted):
        deploy(
            client,
            account,
            genesis_state_hash=bytes(32),
            genesis=b"",
            config=DeployConfig(sequencer=bytes(20)),
            steps=STEPS,
            load=load_stub,
        )


def test_a_record_is_read_back_as_it_was(tmp_path: Path, deployment: Deployment) -> None:
    path = tmp_path / "deployment.json"
    deployment.save(path)
    assert load_deployment(path) == deployment
    assert Web3.is_checksum_address(json.loads(path.read_text())["addresses"]["rollup"])


def _set(fields: dict[str, Any], *path: str, value: Any) -> None:
    for name in path[:-1]:
        fields = fields[name]
    fields[path[-1]] = value


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.update(extra=1),
        lambda f: f.pop("chain_id"),
        lambda f: f.update(format=2),
        lambda f: f.update(chain_id="x"),
        lambda f: f.update(chain_id=-1),
        lambda f: _set(f, "addresses", "inbox", value="0x12"),
        lambda f: _set(f, "addresses", "other", value="0x" + "00" * 20),
        lambda f: _set(f, "addresses", "steps", value=[1]),
        lambda f: _set(f, "config", "grace", value=1),
        lambda f: _set(f, "code_hashes", "Inbox", value="0x00"),
        lambda f: f.update(genesis="zz"),
    ],
)
def test_a_record_with_a_mistake_is_refused(
    tmp_path: Path, deployment: Deployment, change: Callable[[dict[str, Any]], Any]
) -> None:
    path = tmp_path / "deployment.json"
    deployment.save(path)
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))
    with pytest.raises(ConfigError):
        load_deployment(path)


def test_a_configuration_refuses_unknown_keys() -> None:
    sequencer = "0x" + SEQUENCER.hex()
    assert config_from({"sequencer": sequencer, "grace_blocks": 3}).grace_blocks == 3
    for fields in ({}, {"sequencer": sequencer, "graceBlocks": 3}, {"sequencer": "0x00"}):
        with pytest.raises(ConfigError):
            config_from(fields)


def test_rules_cannot_change_before_everybody_is_out(client: L1Client, account: LocalAccount) -> None:
    terms = DeployConfig(sequencer=b"\1" * 20)
    check_exit(terms)
    slow = replace(terms, takeover_delay_seconds=terms.takeover_delay_seconds + 5 * 86_400)
    before = client.head().number
    with pytest.raises(ConfigError, match="new rules count"):
        deploy(client, account, genesis_state_hash=bytes(32), genesis=b"", config=slow, steps=step_names())
    assert client.head().number == before
    for longer in (replace(terms, challenge_period_blocks=70_000), replace(terms, force_delay_seconds=6 * 86_400)):
        with pytest.raises(ConfigError):
            check_exit(longer)


def test_the_right_code_passes(client: L1Client, deployment: Deployment) -> None:
    check_code(client, deployment, load=load_stub)


def test_other_code_is_refused(client: L1Client, deployment: Deployment) -> None:
    with pytest.raises(StateError, match="not the code in the record") as caught:
        check_code(
            client,
            replace(deployment, addresses=replace(deployment.addresses, vault=SEQUENCER)),
            load=load_stub,
        )
    assert caught.value.data["contract"] == "Vault"

    def load_changed(name: str) -> Artifact:
        artifact = load_stub(name)
        if name != "Rollup":
            return artifact
        return replace(artifact, deployed_bytecode=artifact.deployed_bytecode[:-1] + b"\0")

    with pytest.raises(StateError, match="not this version's code"):
        check_code(client, deployment, load=load_changed)
    with pytest.raises(StateError, match="another chain"):
        check_code(client, replace(deployment, chain_id=1), load=load_stub)


FILE = """
[contracts]
sequencer = "0x00000000000000000000000000000000005e9e0a"
challenge_period_blocks = 100

[genesis]
governance = "0x000000000000000000000000000000000000b055"
quorum = 1
signers = ["0x0000000000000000000000000000000000000001"]
"""


def test_a_file_says_all_that_a_deployment_needs(client: L1Client, account: LocalAccount, tmp_path: Path) -> None:
    path = tmp_path / "deploy.toml"
    path.write_text(FILE)
    record = deploy_from_file(client, account, path, load=load_stub)
    genesis = decode_genesis(record.genesis)
    assert genesis.rollup == record.addresses.rollup
    assert record.genesis_state_hash == genesis_state(genesis).hash()
    assert record.config.challenge_period_blocks == 100
    assert tuple(record.addresses.steps) == step_names()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[genesis]", "[other]"),
        ("quorum = 1", ""),
        ("quorum = 1", "quorum = 1\nextra = 2"),
        ("quorum = 1", "quorum = 2"),
        ("quorum = 1", "quorum = ["),
        ("b055", "b0"),
        ("challenge_period_blocks", "challengePeriodBlocks"),
        ("= 100", "= 1.5"),
    ],
)
def test_a_file_with_a_mistake_is_refused_before_anything_is_sent(
    client: L1Client, account: LocalAccount, tmp_path: Path, old: str, new: str
) -> None:
    path = tmp_path / "deploy.toml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises((ConfigError, BadInput)):
        deploy_from_file(client, account, path, load=load_stub)
    assert client.head().number == 0
