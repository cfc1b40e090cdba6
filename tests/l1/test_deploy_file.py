"""A deployment from a file of terms: what it says, what is refused, and going on where one was broken off."""

from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from tallystick.deploy.deploy import check_code, deploy_from_file, step_names
from tallystick.deploy.unfinished import plan_path
from tallystick.errors import BadInput, ConfigError, StateError
from tallystick.l1.client.http_client import L1Client
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tests.l1.stubs import FILE, SEQUENCER, load_stub


def test_a_file_says_all_that_a_deployment_needs(client: L1Client, account: LocalAccount, tmp_path: Path) -> None:
    path = tmp_path / "deploy.toml"
    path.write_text(FILE)
    record = deploy_from_file(client, account, path, load=load_stub)
    genesis = decode_genesis(record.genesis)
    assert genesis.rollup == record.addresses.rollup
    assert record.genesis_state_hash == genesis_state(genesis).hash()
    assert record.config.challenge_period_blocks == 100
    assert (record.config.answer_blocks, record.config.censored_blocks) == (1, 0), "a development chain's"
    assert tuple(record.addresses.steps) == step_names()


class BrokenOff(Exception):
    """The process is killed."""


@pytest.mark.parametrize("after", [0, 1, 7])
def test_N04_a_deployment_that_was_broken_off_goes_on_where_it_was(
    client: L1Client, account: LocalAccount, tmp_path: Path, after: int
) -> None:
    path, record_path = tmp_path / "deploy.toml", tmp_path / "deployment.json"
    path.write_text(FILE)
    seen: list[str] = []

    def stop(name: str, _: bytes) -> None:
        seen.append(name)
        if len(seen) > after:
            raise BrokenOff

    whole = len(step_names()) + len(
        ("TestToken", "Inbox", "Vault", "Referee", "Challenge", "Rollup", "BondPool", "Receipts")
    )
    with pytest.raises(BrokenOff):
        deploy_from_file(client, account, path, unfinished=plan_path(record_path), load=load_stub, progress=stop)
    first = client.nonce(bytes.fromhex(account.address[2:]))
    record = deploy_from_file(client, account, path, unfinished=plan_path(record_path), load=load_stub)
    assert client.nonce(bytes.fromhex(account.address[2:])) == whole, "nothing was deployed twice"
    assert 0 < first < whole
    assert record.first_block == 1
    assert decode_genesis(record.genesis).rollup == record.addresses.rollup
    check_code(client, record, load=load_stub)


def test_N04_what_was_broken_off_is_not_taken_for_another_deployment(
    client: L1Client, account: LocalAccount, tmp_path: Path, send: Any
) -> None:
    path, plan = tmp_path / "deploy.toml", tmp_path / "plan"
    path.write_text(FILE)

    def stop(name: str, _: bytes) -> None:
        raise BrokenOff(name)

    def again() -> None:
        deploy_from_file(client, account, path, unfinished=plan, load=load_stub)

    with pytest.raises(BrokenOff):
        deploy_from_file(client, account, path, unfinished=plan, load=load_stub, progress=stop)
    sent = client.nonce(bytes.fromhex(account.address[2:]))
    path.write_text(FILE.replace("= 100", "= 101"))
    with pytest.raises(StateError, match="another deployment was broken off"):
        again()
    path.write_text(FILE)
    text = plan.read_text()
    plan.write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        again()
    plan.write_text(text)
    assert client.nonce(bytes.fromhex(account.address[2:])) == sent, "nothing was sent meanwhile"
    send(SEQUENCER)  # the account sends something else where the next contract should be
    with pytest.raises(StateError, match="not this contract"):
        again()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[genesis]", "[other]"),
        ("quorum = 3", ""),
        ("quorum = 3", "quorum = 3\nextra = 2"),
        ("quorum = 3", "quorum = 4"),
        ("quorum = 3", "quorum = 2"),
        ("quorum = 3", "quorum = ["),
        ("b055", "b0"),
        ("challenge_period_blocks", "challengePeriodBlocks"),
        ("= 100", "= 1.5"),
        ("= 100", "= 60"),
        ("= 100", "= 100\ncensored_blocks = 50"),
        ("= 100", "= 100\ntoken = '0x2222222222222222222222222222222222222222'"),
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


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[genesis]", "", r"the configuration has no \[genesis\]"),
        ("quorum = 3", "", "lacks quorum"),
        ("quorum = 3", "quorum = 3\nqourum = 2", "qourum: unknown"),
        ("quorum = 3", "quorum = '1'", "quorum is a number"),
        ("quorum = 3", "quorum = 4", "needs that many different price signers"),
        ("quorum = 3", "quorum = 2", "give 3 at least"),
        ("b055", "b0", "governance is an address"),
        ("challenge_period_blocks", "period", "unknown keys: period"),
        ("sequencer", "sequencer_key", "sequencer_key"),
        ("= 100", "= '1_00'", "challenge_period_blocks: not a whole number"),
        ("= 100", "= '²'", "challenge_period_blocks: not a whole number"),
    ],
)
def test_N06_F11_a_mistake_in_the_terms_is_named(
    client: L1Client, account: LocalAccount, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "deploy.toml"
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises((ConfigError, BadInput), match=said):
        deploy_from_file(client, account, path, load=load_stub)
