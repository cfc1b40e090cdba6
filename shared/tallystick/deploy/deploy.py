"""Deploying the contracts. They name each other, so their addresses are predicted first.

A constructor's arguments are found by their names in the ABI, in `_arguments`: one table for all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from tallystick import artifacts
from tallystick.artifacts import Artifact
from tallystick.deploy.fingerprint import check_probe
from tallystick.deploy.terms import check_terms, is_development, terms_of, with_defaults
from tallystick.deploy.unfinished import Plan, begun, spelled
from tallystick.errors import BadInput, L1Error, StateError
from tallystick.l1.abi import ContractAbi, Parameter
from tallystick.l1.client.access import L1, gas_with_margin
from tallystick.l1.client.values import Receipt
from tallystick.l1.deployment import Addresses, DeployConfig, Deployment, config_from
from tallystick.l1.dev.blocks import rlp_int, rlp_list
from tallystick.records.signing import domain_separator
from tallystick.rollup.genesis import Genesis, decode_genesis, genesis_state
from tallystick.schema.names import Phase
from tallystick.schema.version import machine_version
from tallystick.state.ordinals import BlockNumber
from tallystick.tomlfile import read_toml

TEST_TOKEN = "TestToken"
Load = Callable[[str], Artifact]
"""Where compiled contracts come from, by name."""

POLL_ATTEMPTS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Where the contracts will be if the account's next transactions deploy them."""

    nonce: int
    addresses: Addresses
    first_block: int
    """No contract of them is in a block before it."""


def _silent(_name: str, _address: bytes) -> None:
    """Tells nobody how far the deployment is."""


def _unheard(_warning: str) -> None:
    """Tells nobody of doubts."""


def step_names() -> tuple[str, ...]:
    """The step contracts in the Referee's order, which is that of the phases."""
    return tuple(phase.name.title().replace("_", "") for phase in Phase)


def create_address(sender: bytes, nonce: int) -> bytes:
    """The address of the contract that the sender's transaction of this nonce creates."""
    return keccak(rlp_list(b"\x94" + sender + rlp_int(nonce)))[12:]


def predict(
    client: L1, deployer: bytes, config: DeployConfig, steps: Sequence[str], plan: Plan | None = None
) -> Prediction:
    """The addresses before the deployment, for what has to name them (a genesis, say), or those of one that has begun.

    Rests on the deployer sending nothing else in between; `deploy` checks it.
    """
    nonce = client.nonce(deployer, "pending") if plan is None else plan.nonce
    order = _order(config, steps)
    at = {name: create_address(deployer, nonce + index) for index, name in enumerate(order)}
    return Prediction(
        nonce=nonce,
        first_block=client.head().number + 1 if plan is None else plan.first_block,
        addresses=Addresses(
            token=config.token or at[TEST_TOKEN],
            inbox=at["Inbox"],
            vault=at["Vault"],
            referee=at["Referee"],
            challenge=at["Challenge"],
            rollup=at["Rollup"],
            bond_pool=at["BondPool"],
            receipts=at["Receipts"],
            steps={name: at[name] for name in steps},
        ),
    )


def deploy(
    client: L1,
    account: LocalAccount,
    *,
    genesis_state_hash: bytes,
    genesis: bytes,
    config: DeployConfig,
    steps: Sequence[str],
    prediction: Prediction | None = None,
    load: Load = artifacts.load,
    progress: Callable[[str, bytes], None] = _silent,
    warn: Callable[[str], None] = _unheard,
) -> Deployment:
    """Deploys every contract and returns the record. What the account has sent already, by its nonce, is not sent again.

    Raises: ConfigError, when the terms do not go together; StateError, when a contract is not where it was predicted;
    L1Error, when one fails.
    """
    for warning in check_terms(config, development=is_development(client.chain_id())):
        warn(warning)
    deployer = bytes.fromhex(account.address[2:])
    expected = prediction or predict(client, deployer, config, steps)
    addresses = expected.addresses
    arguments = _arguments(addresses, config, genesis_state_hash, genesis)
    places = addresses.all() | {TEST_TOKEN: addresses.token}
    code_hashes: dict[str, bytes] = {}
    for index, name in enumerate(_order(config, steps)):
        nonce, artifact = expected.nonce + index, load(name)
        if client.nonce(deployer, "pending") > nonce:
            _await_sent(client, (deployer, nonce), name, places[name], artifact)
        else:
            receipt = _create(client, account, nonce, _initcode(name, artifact, arguments))
            if receipt.contract_address != places[name]:
                raise StateError(
                    "a contract is not where it was predicted",
                    hint="did the account send something else meanwhile?",
                    contract=name,
                    address=receipt.contract_address or b"",
                )
        if name != TEST_TOKEN:
            code_hashes[name] = client.code_hash(places[name])
        progress(name, places[name])
    return Deployment(
        chain_id=client.chain_id(),
        first_block=BlockNumber(expected.first_block),
        addresses=addresses,
        code_hashes=code_hashes,
        genesis_state_hash=genesis_state_hash,
        genesis=genesis,
        config=config,
    )


def check_deployment(client: L1, deployment: Deployment) -> None:
    """Refuses contracts that are not this version's, or that are not connected as the record says.

    Raises: StateError, naming the first difference; BadInput when the record's genesis is none.
    """
    at, config = deployment.addresses, deployment.config
    check_machine(artifacts.machine_version())
    check_probe()
    if tuple(at.steps) != step_names():
        raise StateError("the record's steps are not this version's", actual=list(at.steps), expected=step_names())
    genesis = genesis_state(decode_genesis(deployment.genesis)).hash()
    if genesis != deployment.genesis_state_hash:
        raise StateError("the record's genesis is not this version's", actual=genesis)
    check_code(client, deployment)
    head = client.head().number
    if deployment.first_block > head:
        raise StateError("the record is of a later block", first_block=deployment.first_block, head=head)
    expected: list[tuple[str, bytes, str, tuple[int, ...], object]] = [
        ("Inbox", at.inbox, "sequencer", (), config.sequencer),
        ("Inbox", at.inbox, "vault", (), at.vault),
        ("Inbox", at.inbox, "forceDelaySeconds", (), config.force_delay_seconds),
        ("Inbox", at.inbox, "takeoverDelaySeconds", (), config.takeover_delay_seconds),
        ("Inbox", at.inbox, "pastBoundSeconds", (), config.past_bound_seconds),
        ("Inbox", at.inbox, "futureBoundSeconds", (), config.future_bound_seconds),
        ("Inbox", at.inbox, "rateBytes", (), config.rate_bytes),
        ("Inbox", at.inbox, "burstBytes", (), config.burst_bytes),
        ("Inbox", at.inbox, "mostBlobs", (), config.most_blobs),
        ("Vault", at.vault, "token", (), at.token),
        ("Vault", at.vault, "inbox", (), at.inbox),
        ("Vault", at.vault, "rollup", (), at.rollup),
        ("Vault", at.vault, "atomsPerUnit", (), config.atoms_per_unit),
        ("Referee", at.referee, "inbox", (), at.inbox),
        ("Challenge", at.challenge, "configHash", (), deployment.config_hash),
        ("Challenge", at.challenge, "rollup", (), at.rollup),
        ("Challenge", at.challenge, "inbox", (), at.inbox),
        ("Challenge", at.challenge, "referee", (), at.referee),
        ("Challenge", at.challenge, "rootHeight", (), config.root_height),
        ("Challenge", at.challenge, "challengePeriodBlocks", (), config.challenge_period_blocks),
        ("Challenge", at.challenge, "bondWei", (), config.challenge_bond_wei),
        ("Challenge", at.challenge, "openRewardWei", (), config.open_reward_wei),
        ("Challenge", at.challenge, "bisectRewardWei", (), config.bisect_reward_wei),
        ("Challenge", at.challenge, "proveRewardWei", (), config.prove_reward_wei),
        ("BondPool", at.bond_pool, "rollup", (), at.rollup),
        ("Receipts", at.receipts, "inbox", (), at.inbox),
        ("Receipts", at.receipts, "rollup", (), at.rollup),
        ("Receipts", at.receipts, "sequencer", (), config.sequencer),
        ("Receipts", at.receipts, "domain", (), domain_separator(deployment.chain_id, at.rollup.hex())),
        ("Rollup", at.rollup, "inbox", (), at.inbox),
        ("Rollup", at.rollup, "challenge", (), at.challenge),
        ("Rollup", at.rollup, "challengePeriodBlocks", (), config.challenge_period_blocks),
        ("Rollup", at.rollup, "minIntervalBlocks", (), config.min_interval_blocks),
        ("Rollup", at.rollup, "assertionBondWei", (), config.assertion_bond_wei),
    ]
    expected += [("Referee", at.referee, "steps", (i,), step) for i, step in enumerate(at.steps.values())]
    for contract, address, name, arguments, value in expected:
        actual = client.contract(contract, address).call(name, *arguments)
        if actual != value:
            raise StateError(
                "a contract is not connected as the record says",
                contract=contract,
                name=name,
                actual=actual,
                expected=value,
            )


def check_machine(compiled_for: str) -> None:
    """Refuses contracts that were compiled for another machine than the one that runs here.

    Raises: StateError.
    """
    if compiled_for != machine_version():
        raise StateError(
            "the contracts of this package were compiled for another machine",
            hint="`make contracts` compiles them anew; contracts on chain stay what they are",
            compiled_for=compiled_for,
            running=machine_version(),
        )


def check_code(client: L1, deployment: Deployment, *, load: Load = artifacts.load) -> None:
    """Refuses contracts whose code is not the code this package was built with.

    Raises: StateError, naming the first contract that differs from the record or the package.
    """
    chain_id = client.chain_id()
    if chain_id != deployment.chain_id:
        raise StateError("the endpoint is another chain", actual=chain_id, expected=deployment.chain_id)
    for name, address in deployment.addresses.all().items():
        code = client.code(address)
        where = {"contract": name, "address": to_checksum_address(address)}
        if keccak(code) != deployment.code_hashes.get(name):
            raise StateError("the code on chain is not the code in the record", **where)
        if _without_immutables(load(name), code) != load(name).deployed_bytecode:
            raise StateError("the code on chain is not this version's code", **where)


def _order(config: DeployConfig, steps: Sequence[str]) -> list[str]:
    """The order of deployment: a contract that asks another in its constructor comes after it."""
    token = [TEST_TOKEN] if config.token is None else []
    return [*token, "Inbox", "Vault", *steps, "Referee", "Challenge", "Rollup", "BondPool", "Receipts"]


def _arguments(addresses: Addresses, config: DeployConfig, genesis_state_hash: bytes, genesis: bytes) -> dict[str, Any]:
    """Every constructor's arguments by name; a struct's fields count as arguments."""
    return {
        "token": addresses.token,
        "inbox": addresses.inbox,
        "vault": addresses.vault,
        "referee": addresses.referee,
        "challenge": addresses.challenge,
        "rollup": addresses.rollup,
        "steps": list(addresses.steps.values()),
        "sequencer": config.sequencer,
        "forceDelaySeconds": config.force_delay_seconds,
        "takeoverDelaySeconds": config.takeover_delay_seconds,
        "pastBoundSeconds": config.past_bound_seconds,
        "futureBoundSeconds": config.future_bound_seconds,
        "rateBytes": config.rate_bytes,
        "burstBytes": config.burst_bytes,
        "mostBlobs": config.most_blobs,
        "atomsPerUnit": config.atoms_per_unit,
        "genesisStateHash": genesis_state_hash,
        "genesis": genesis,
        "rootHeight": config.root_height,
        "challengePeriodBlocks": config.challenge_period_blocks,
        "minIntervalBlocks": config.min_interval_blocks,
        "assertionBondWei": config.assertion_bond_wei,
        "bondWei": config.challenge_bond_wei,
        "openRewardWei": config.open_reward_wei,
        "bisectRewardWei": config.bisect_reward_wei,
        "proveRewardWei": config.prove_reward_wei,
    }


def _initcode(name: str, artifact: Artifact, arguments: Mapping[str, Any]) -> bytes:
    abi = ContractAbi(name, artifact.abi)
    values = [_argument(name, parameter, arguments) for parameter in abi.constructor.inputs]
    return artifact.bytecode + abi.encode_constructor(*values)


def _argument(contract: str, parameter: Parameter, arguments: Mapping[str, Any]) -> Any:
    if parameter.fields and not parameter.type.endswith("]"):
        return {f.name: _argument(contract, f, arguments) for f in parameter.fields}
    name = parameter.name.strip("_")
    if name not in arguments:
        raise BadInput("a constructor wants what nobody gives", contract=contract, argument=name)
    return arguments[name]


def _create(client: L1, account: LocalAccount, nonce: int, initcode: bytes) -> Receipt:
    sender = bytes.fromhex(account.address[2:])
    tip = client.tip_wei()
    estimate = client.estimate_gas(None, initcode, sender=sender)
    signed = account.sign_transaction(
        {
            "type": 2,
            "chainId": client.chain_id(),
            "nonce": nonce,
            "data": initcode,
            "value": 0,
            "gas": gas_with_margin(estimate),
            "maxFeePerGas": 2 * client.head().base_fee_wei + tip,
            "maxPriorityFeePerGas": tip,
        }
    )
    transaction_hash = client.send_raw(bytes(signed.raw_transaction))
    for _ in range(POLL_ATTEMPTS):
        receipt = client.receipt(transaction_hash)
        if receipt is None:
            client.pause()
            continue
        if not receipt.succeeded:
            raise L1Error("a deployment reverted", transaction=transaction_hash)
        return receipt
    raise L1Error("a deployment is not mined", transaction=transaction_hash)


def _await_sent(client: L1, sent: tuple[bytes, int], name: str, place: bytes, artifact: Artifact) -> None:
    """Waits for a contract that was sent before.

    Raises: StateError, when that transaction made another or none; L1Error, when it is not mined.
    """
    deployer, nonce = sent
    for _ in range(POLL_ATTEMPTS):
        is_mined = client.nonce(deployer) > nonce
        code = client.code(place)
        if code and _without_immutables(artifact, code) == artifact.deployed_bytecode:
            return
        if code or is_mined:
            raise StateError(
                "what the account sent before is not this contract",
                hint="did the account send something else meanwhile? Delete the unfinished file and deploy anew",
                contract=name,
                address=to_checksum_address(place),
            )
        client.pause()
    raise L1Error("a deployment is not mined", nonce=nonce)


def _without_immutables(artifact: Artifact, code: bytes) -> bytes:
    """The code with zeros where the constructor filled values in, as the compiler emitted it."""
    plain = bytearray(code)
    for at, length in artifact.immutable_references:
        plain[at : at + length] = bytes(length)
    return bytes(plain)


def deploy_from_file(
    client: L1,
    account: LocalAccount,
    path: Path,
    *,
    unfinished: Path | None = None,
    load: Load = artifacts.load,
    progress: Callable[[str, bytes], None] = _silent,
    warn: Callable[[str], None] = _unheard,
) -> Deployment:
    """Deploys what a TOML file describes: `[contracts]` as DeployConfig, `[genesis]` with
    `governance`, `quorum` and `signers`. With an `unfinished` file one that was broken off goes on.

    Raises: ConfigError, when the file is malformed; as `deploy` and `begun`.
    """
    contracts, given = terms_of(read_toml(path), path)
    config = config_from(with_defaults(client, contracts))
    deployer, steps, chain_id = bytes.fromhex(account.address[2:]), step_names(), client.chain_id()
    prediction = predict(client, deployer, config, steps)
    wanted = Plan(
        chain_id=chain_id,
        deployer=account.address,
        nonce=prediction.nonce,
        first_block=prediction.first_block,
        terms=spelled({"contracts": contracts, "genesis": given}),
    )
    plan = wanted if unfinished is None else begun(unfinished, wanted)
    if plan != wanted:
        prediction = predict(client, deployer, config, steps, plan)
    genesis = Genesis(chain_id=chain_id, rollup=prediction.addresses.rollup, **given)
    record = deploy(
        client,
        account,
        genesis_state_hash=genesis_state(genesis).hash(),
        genesis=genesis.encode(),
        config=config,
        steps=steps,
        prediction=prediction,
        load=load,
        progress=progress,
        warn=warn,
    )
    if plan != wanted:
        check_code(client, record, load=load)
    return record
