"""A deployment puts every contract where the others expect it, and its record is checked."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3

from tallystick.artifacts import Artifact
from tallystick.deploy.deploy import (
    check_code,
    create_address,
    deploy,
    deploy_from_file,
    predict,
    step_names,
)
from tallystick.deploy.inbox_terms import blobs_wanted_blocks, check_confirmations, check_inbox
from tallystick.deploy.terms import check_exit, check_terms, is_development, terms_of
from tallystick.errors import ConfigError, L1Reverted, StateError
from tallystick.l1.abi import ContractAbi
from tallystick.l1.client.access import Contract
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.deployment import DeployConfig, Deployment, config_from, load_deployment
from tallystick.records.market_terms import listing
from tallystick.schema.names import Phase
from tests.l1.stubs import FILE, SEQUENCER, STEPS, STUBS, load_stub


def stub(client: L1Client, name: str, address: bytes) -> Contract:
    return Contract(client=client, abi=ContractAbi(name, STUBS[name]["abi"]), address=address)


@pytest.fixture
def deployment(client: L1Client, account: LocalAccount) -> Deployment:
    return deploy(
        client,
        account,
        genesis_state_hash=b"\x11" * 32,
        genesis=b"genesis",
        config=DeployConfig(sequencer=SEQUENCER, root_height=21),
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
    assert challenge.call("config")["rootHeight"] == 21
    assert stub(client, "BondPool", at.bond_pool).call("rollup") == at.rollup
    assert stub(client, "Receipts", at.receipts).call("rollup") == at.rollup
    assert stub(client, "Receipts", at.receipts).call("inbox") == at.inbox
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
    assert config_from({"sequencer": sequencer, "root_height": 23}).root_height == 23
    for fields in ({}, {"sequencer": sequencer, "rootHeight": 23}, {"sequencer": "0x00"}):
        with pytest.raises(ConfigError):
            config_from(fields)


def test_rules_cannot_change_before_everybody_is_out(client: L1Client, account: LocalAccount) -> None:
    terms = DeployConfig(sequencer=b"\1" * 20)
    check_exit(terms)
    slow = replace(terms, takeover_delay_seconds=terms.takeover_delay_seconds + 10 * 86_400)
    before = client.head().number
    with pytest.raises(ConfigError, match="new rules count"):
        deploy(client, account, genesis_state_hash=bytes(32), genesis=b"", config=slow, steps=step_names())
    assert client.head().number == before
    for longer in (replace(terms, challenge_period_blocks=120_000), replace(terms, force_delay_seconds=10 * 86_400)):
        with pytest.raises(ConfigError):
            check_exit(longer)


TERMS = DeployConfig(sequencer=SEQUENCER)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"root_height": 15}, "no contract takes"),
        ({"root_height": 29}, "no contract takes"),
        ({"root_height": 19}, "cannot keep up"),
        ({"assertion_bond_wei": 10**19 - 1}, "as cheap as defending"),
        ({"bisect_reward_wei": 14 * 10**15}, "more than half of its bond"),
        ({"challenge_period_blocks": TERMS.least_period_blocks(1) - 1}, "a lie could be confirmed"),
        ({"answer_blocks": 1_100}, "a lie could be confirmed"),
        ({"censored_blocks": 49_300}, "a lie could be confirmed"),
        ({"takeover_delay_seconds": 30 * 86_400}, "new rules count"),
        ({"future_bound_seconds": 58}, "every honest price report stale"),
        ({"force_delay_seconds": 503}, "waiting for its confirmations"),
        ({"past_bound_seconds": 697}, "waiting for its confirmations"),
        ({"takeover_delay_seconds": 899}, "could be taken over"),
        ({"takeover_delay_seconds": 25_199}, "may still have to be shown"),
        ({"past_bound_seconds": 1_741, "force_delay_seconds": 3_600}, "came too late could be made anew"),
        ({"burst_bytes": 131_071}, "never fit into the bucket"),
        ({"most_blobs": 1}, "without an answer"),
        ({"most_blobs": 7}, "carries so many blobs"),
        ({"rate_bytes": 0}, "never drains"),
        ({"rate_bytes": 511_999}, "more than the bucket drains"),
        ({"rate_bytes": 8_073_261}, "wait without a bound"),
        ({"root_height": 21}, "wait without a bound"),
        ({"past_bound_seconds": 119}, "too old before it could land"),
        ({"min_interval_blocks": 50_401}, "before anything could follow"),
        ({"challenge_bond_wei": 0}, "cannot be nothing"),
        ({"assertion_bond_wei": 0, "challenge_bond_wei": 0}, "cannot be nothing"),
        ({"roots_per_second": 0}, "cannot be nothing"),
        ({"atoms_per_unit": 0}, "cannot be nothing"),
    ],
)
def test_terms_that_do_not_go_together_are_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    assert check_terms(TERMS, development=False) == ()
    with pytest.raises(ConfigError, match=reason):
        check_terms(replace(TERMS, **change), development=False)


def test_rewards_of_nothing_are_taken_with_a_warning_of_who_pays_for_the_moves() -> None:
    free = replace(TERMS, open_reward_wei=0, bisect_reward_wei=0, prove_reward_wei=0)
    (doubt,) = check_terms(free, development=False)
    assert "opening, bisecting, proving" in doubt
    (doubt,) = check_terms(replace(TERMS, prove_reward_wei=0), development=False)
    assert "repaid for proving:" in doubt


def test_the_inboxs_terms_pass_up_to_their_edges() -> None:
    edges: tuple[dict[str, Any], ...] = (
        {"force_delay_seconds": 504},
        {"past_bound_seconds": 120},
        {"rate_bytes": 512_000},
        {"rate_bytes": 8_073_260},
        {"burst_bytes": 131_072},
    )
    for edge in edges:
        assert check_terms(replace(TERMS, **edge), development=False) == ()
    check_confirmations(TERMS, 45)
    with pytest.raises(ConfigError, match="waiting for its confirmations"):
        check_confirmations(TERMS, 46)


def test_blobs_are_taken_where_nodes_keep_them_for_as_long_as_they_may_be_disputed() -> None:
    blobs = replace(TERMS, most_blobs=6)
    assert check_terms(blobs, development=True) == ()
    assert blobs_wanted_blocks(blobs) == TERMS.confirmation_blocks(24) + (86_400 + 900 + 86_400) // 12
    at_the_edge = replace(blobs, challenge_period_blocks=50_400 + 131_072 - blobs_wanted_blocks(blobs))
    check_inbox(at_the_edge, development=True)
    longer = replace(at_the_edge, challenge_period_blocks=at_the_edge.challenge_period_blocks + 1)
    with pytest.raises(ConfigError, match="may still be disputed"):
        check_inbox(longer, development=True)
    check_inbox(replace(longer, most_blobs=0), development=True)
    check_inbox(replace(blobs, burst_bytes=786_432), development=True)
    with pytest.raises(ConfigError, match="the most blobs would never fit"):
        check_inbox(replace(blobs, burst_bytes=786_431), development=True)


def test_what_a_block_asks_for_is_no_development_chains_worry() -> None:
    assert check_terms(replace(TERMS, root_height=21), development=True) == ()


def test_the_shortest_challenge_period_is_as_derived_and_a_doubt_for_many_generations() -> None:
    assert TERMS.trace_blocks(24) == 839
    assert TERMS.defence_blocks(24) == 51 * 24 + 839
    assert TERMS.least_period_blocks(24) == 25_200 + 51 * 24 + 839 + 50 + 2
    shortest = replace(TERMS, challenge_period_blocks=TERMS.least_period_blocks(24))
    assert check_terms(shortest, development=False) == ()
    (doubt,) = check_terms(replace(shortest, challenge_period_blocks=TERMS.least_period_blocks(1)), development=False)
    assert "24 generations" in doubt
    assert replace(TERMS, root_height=28).trace_blocks(24) * 12 > 7.4 * 86_400


DECIMALS_18 = bytes.fromhex("600a80600b6000396000f3" + "601260005260206000f3")
"""A token that answers every question with 18."""


@pytest.mark.parametrize(
    ("line", "atoms"),
    [("", 10**12), ("atoms_per_unit = 1000000000", 10**9), ("atoms_per_unit = 1", None), ("atoms_per_unit = 3", None)],
)
def test_p13_a_token_of_18_decimals_gets_a_unit_of_a_millionth_and_no_cap_of_a_third_of_a_token(
    client: L1Client, account: LocalAccount, tmp_path: Path, line: str, atoms: int | None
) -> None:
    token = create_code(client, account, DECIMALS_18)
    path = tmp_path / "deploy.toml"
    path.write_text(FILE.replace("[genesis]", f'token = "0x{token.hex()}"\n{line}\n[genesis]'))
    if atoms is None:
        with pytest.raises(ConfigError, match="next to nothing"):
            deploy_from_file(client, account, path, load=load_stub)
    else:
        assert deploy_from_file(client, account, path, load=load_stub).config.atoms_per_unit == atoms


def test_a_file_lists_markets_whose_other_rules_are_ordinary(tmp_path: Path) -> None:
    path = tmp_path / "deploy.toml"
    market = "[[genesis.markets]]\nmarket = 3\nmultiplier = 50\nexpiry_ms = 7\ntaker_fee_ppm = 1\n"
    given = terms_of(tomllib.loads(FILE + market), path)[1]["markets"]
    assert given == (listing({"market": 3, "multiplier": 50, "expiry_ms": 7, "taker_fee_ppm": 1}),)
    assert terms_of(tomllib.loads(FILE), path)[1]["markets"] == ()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("multiplier = 1", "needs market and multiplier"),
        ("market = 1", "needs market and multiplier"),
        ("market = 1\nmultiplier = 1\nfee = 1", "fee: unknown"),
        ("market = 1\nmultiplier = 1.5", "multiplier is a whole number"),
        ("market = 1\nmultiplier = true", "multiplier is a whole number"),
    ],
)
def test_a_market_of_a_file_that_says_nothing_of_use_is_refused(tmp_path: Path, lines: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        terms_of(tomllib.loads(f"{FILE}[[genesis.markets]]\n{lines}\n"), tmp_path / "deploy.toml")
    one = FILE.replace("[genesis]", "[genesis]\nmarkets = 3")
    with pytest.raises(ConfigError, match="tables of their own"):
        terms_of(tomllib.loads(one), tmp_path / "deploy.toml")


def create_code(client: L1Client, account: LocalAccount, initcode: bytes) -> bytes:
    """Make a contract of bare code and return its address."""
    sender = bytes.fromhex(account.address[2:])
    signed = account.sign_transaction(
        {
            "type": 2,
            "chainId": client.chain_id(),
            "nonce": client.nonce(sender, "pending"),
            "value": 0,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 1,
            "gas": 200_000,
            "data": initcode,
        }
    )
    receipt = client.receipt(client.send_raw(bytes(signed.raw_transaction)))
    assert receipt is not None and receipt.contract_address is not None
    return receipt.contract_address


def test_short_traces_are_for_development_chains() -> None:
    assert is_development(31337) and not is_development(1)
    assert check_terms(replace(TERMS, root_height=16), development=True) == ()


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
