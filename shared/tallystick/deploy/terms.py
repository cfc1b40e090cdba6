"""What the terms of a deployment have to keep to each other: the reason in a sentence where they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from eth_utils.address import is_address, to_canonical_address

from tallystick.deploy.inbox_terms import check_inbox
from tallystick.errors import ConfigError, L1Error
from tallystick.l1.abi import ContractAbi
from tallystick.l1.client.access import L1, Contract
from tallystick.l1.deployment import CONTESTED_GENERATIONS, DeployConfig
from tallystick.records.codec import BY_NAME
from tallystick.records.market_terms import listing
from tallystick.state.layout import CHANGE_DELAY_MS, LIST_DELAY_MS

LEAST_HEIGHT: Final = 16
MOST_HEIGHT: Final = 28
LEAST_LIVE_HEIGHT: Final = 20
"""Below it what a block may ask of the machine does not fit into one assertion a block."""
BONDS_RATIO: Final = 10
"""A to R at least: what a false branch costs over what its refutation costs."""
DEVELOPMENT_CHAINS: Final = frozenset((1337, 31337))
DEVELOPMENT_DEFAULTS: Final = {"answer_blocks": 1, "censored_blocks": 0}
"""A development chain's blocks come when there is something to put into them, and nobody censors them."""
UNIT_DECIMALS: Final = 6
MOST_UNITS: Final = 1 << 58
"""What the Vault takes in all."""
LEAST_TOKENS: Final = 10**6
"""Whole tokens that must fit below `MOST_UNITS`: a cap below that is a mistake of units."""
TABLES: Final = ("contracts", "genesis")
GENESIS_KEYS: Final = ("governance", "quorum", "signers", "markets")
HELP: Final = "`tallystick l1 deploy --help` shows a whole file"
DECIMALS_ABI: Final = [
    {
        "type": "function",
        "name": "decimals",
        "inputs": [],
        "outputs": [{"name": "", "type": "uint8"}],
        "stateMutability": "view",
    }
]


def is_development(chain_id: int) -> bool:
    """Whether a chain is one for development, where nothing is at stake."""
    return chain_id in DEVELOPMENT_CHAINS


def check_terms(config: DeployConfig, *, development: bool) -> tuple[str, ...]:
    """Refuses terms under which money could be stolen or stuck; returns doubts about those it lets pass.

    Raises: ConfigError, with the reason and the numbers.
    """
    _check_height(config, development=development)
    for name in ("atoms_per_unit", "roots_per_second", "assertion_bond_wei", "challenge_bond_wei"):
        if getattr(config, name) == 0:
            raise ConfigError(f"{name} cannot be nothing", hint="leave it out to have the default")
    _check_bonds(config)
    check_inbox(config, development=development)
    doubts = (*_doubts_of_rewards(config), *_check_period(config))
    check_exit(config)
    return doubts


def check_exit(config: DeployConfig) -> None:
    """Refuses terms under which a market could begin, or its rules change, before everybody who wants to is out.

    Raises: ConfigError.
    """
    delay_seconds = min(CHANGE_DELAY_MS, LIST_DELAY_MS) // 1000
    if config.longest_exit_seconds > delay_seconds:
        raise ConfigError(
            "leaving through L1 may take longer than it takes until new rules count",
            hint="shorten the delays or the challenge period",
            exit_seconds=config.longest_exit_seconds,
            change_delay_seconds=delay_seconds,
        )


def _check_height(config: DeployConfig, *, development: bool) -> None:
    if not LEAST_HEIGHT <= config.root_height <= MOST_HEIGHT:
        raise ConfigError(
            "no contract takes a trace of that height",
            hint=f"root_height goes from {LEAST_HEIGHT} to {MOST_HEIGHT}",
            root_height=config.root_height,
        )
    if config.root_height < LEAST_LIVE_HEIGHT and not development:
        raise ConfigError(
            "assertions of so few steps cannot keep up with what a block may ask of the machine",
            hint=f"root_height below {LEAST_LIVE_HEIGHT} is for development chains",
            root_height=config.root_height,
        )


def _check_bonds(config: DeployConfig) -> None:
    least_wei = BONDS_RATIO * config.challenge_bond_wei
    if config.assertion_bond_wei < least_wei:
        raise ConfigError(
            "attacking with assertions would be as cheap as defending with roots",
            hint=f"an assertion's bond is {BONDS_RATIO} times a root's at least",
            assertion_bond_wei=config.assertion_bond_wei,
            least_wei=least_wei,
        )
    rewards_wei = config.open_reward_wei + config.prove_reward_wei + config.root_height * config.bisect_reward_wei
    if rewards_wei > config.challenge_bond_wei // 2:
        raise ConfigError(
            "the moves against one false root would be repaid with more than half of its bond",
            hint="lower the rewards or raise challenge_bond_wei: one opening, one proof and root_height bisections",
            rewards_wei=rewards_wei,
            most_wei=config.challenge_bond_wei // 2,
        )


def _doubts_of_rewards(config: DeployConfig) -> tuple[str, ...]:
    moves = {
        "opening": config.open_reward_wei,
        "bisecting": config.bisect_reward_wei,
        "proving": config.prove_reward_wei,
    }
    unpaid = ", ".join(name for name, reward_wei in moves.items() if reward_wei == 0)
    if not unpaid:
        return ()
    return (f"nobody is repaid for {unpaid}: the gas of those moves stays with whoever defends the truth",)


def _check_period(config: DeployConfig) -> tuple[str, ...]:
    if config.min_interval_blocks > config.challenge_period_blocks:
        raise ConfigError(
            "assertions would be confirmed before anything could follow them",
            hint="min_interval_blocks is not longer than challenge_period_blocks",
            min_interval_blocks=config.min_interval_blocks,
            challenge_period_blocks=config.challenge_period_blocks,
        )
    least = config.least_period_blocks(1)
    if config.challenge_period_blocks < least:
        raise ConfigError(
            "a lie could be confirmed before an honest party, censored and late as declared, has answered it",
            hint="lengthen challenge_period_blocks, or declare less of answer_blocks, censored_blocks or root_height",
            challenge_period_blocks=config.challenge_period_blocks,
            least_blocks=least,
            trace_blocks=config.trace_blocks(1),
        )
    least = config.least_period_blocks(CONTESTED_GENERATIONS)
    if config.challenge_period_blocks >= least:
        return ()
    doubt = (
        f"with {CONTESTED_GENERATIONS} generations contested at once a party needs "
        f"{config.trace_blocks(CONTESTED_GENERATIONS):,} blocks for its traces, and the challenge period would have to "
        f"be {least:,} blocks, not {config.challenge_period_blocks:,}"
    )
    return (doubt,)


def with_defaults(client: L1, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file's terms with those that the chain and the token decide, where the file leaves them out.

    Units: a unit is a millionth of a token, or an atom where the token has fewer decimals.
    Raises: ConfigError, when the token says nothing of decimals, or its whole supply would not fit.
    """
    found = dict(DEVELOPMENT_DEFAULTS if is_development(client.chain_id()) else {}) | dict(fields)
    token = found.get("token")
    if not isinstance(token, str):
        return found
    try:
        decimals = int(
            Contract(client=client, abi=ContractAbi("Token", DECIMALS_ABI), address=_plain(token)).call("decimals")
        )
    except (L1Error, ValueError) as error:
        if "atoms_per_unit" in found:
            return found
        raise ConfigError(
            "the token does not say how many decimals it has",
            hint="set atoms_per_unit: the token's atoms in one unit of the exchange",
            token=token,
        ) from error
    atoms = found.setdefault("atoms_per_unit", 10 ** max(0, decimals - UNIT_DECIMALS))
    if isinstance(atoms, int) and MOST_UNITS * atoms < LEAST_TOKENS * 10**decimals:
        raise ConfigError(
            "with so few atoms a unit the exchange could hold next to nothing of that token",
            hint=f"atoms_per_unit = {10 ** max(0, decimals - UNIT_DECIMALS)} makes a unit a millionth of a token",
            atoms_per_unit=atoms,
            decimals=decimals,
        )
    return found


def terms_of(fields: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a file's `[contracts]` as they stand there, and its `[genesis]` as the arguments of a genesis.

    Raises: ConfigError, which names what is missing, unknown or malformed.
    """
    tables = {name: _table(fields, name, path) for name in TABLES}
    _all_known("", fields, TABLES, path)
    given = tables["genesis"]
    _all_known("[genesis] ", given, GENESIS_KEYS, path)
    missing = [name for name in GENESIS_KEYS[:3] if name not in given]
    if missing:
        raise ConfigError(f"[genesis] lacks {', '.join(missing)}", hint=HELP, path=str(path))
    quorum, signers, markets = given["quorum"], given["signers"], given.get("markets", [])
    if not isinstance(quorum, int) or isinstance(quorum, bool) or not isinstance(signers, list):
        raise ConfigError("quorum is a number, and signers a list of addresses", hint=HELP, path=str(path))
    if not isinstance(markets, list):
        raise ConfigError("markets are tables of their own: [[genesis.markets]]", hint=HELP, path=str(path))
    return tables["contracts"], {
        "governance": _address("governance", given["governance"], path),
        "quorum": quorum,
        "signers": tuple(_address("a signer", each, path) for each in signers),
        "markets": tuple(_listing(each, path) for each in markets),
    }


def _table(fields: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    if not isinstance(fields.get(name), dict):
        raise ConfigError(f"the configuration has no [{name}]", hint=HELP, path=str(path))
    return dict(fields[name])


def _all_known(where: str, fields: Mapping[str, Any], known: Sequence[str], path: Path) -> None:
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise ConfigError(f"{where}{', '.join(unknown)}: unknown", hint=f"known: {', '.join(known)}", path=str(path))


def _listing(given: Any, path: Path) -> tuple[int, ...]:
    """Return a market's listing as a `[[genesis.markets]]` has it: `market`, `multiplier`, and what is not ordinary."""
    where = "[[genesis.markets]] "
    if not isinstance(given, dict) or not {"market", "multiplier"} <= given.keys():
        raise ConfigError(f"{where}needs market and multiplier", hint=HELP, path=str(path))
    _all_known(where, given, [field.name for field in BY_NAME["list_market"].fields], path)
    for name, value in given.items():
        if type(value) is not int:
            raise ConfigError(f"{where}{name} is a whole number", path=str(path), value=value)
    return listing(given)


def _address(what: str, value: Any, path: Path) -> bytes:
    if not is_address(value):
        raise ConfigError(f"{what} is an address: 0x and 40 digits", path=str(path), value=value)
    return bytes(to_canonical_address(value))


def _plain(token: str) -> bytes:
    return bytes.fromhex(token.removeprefix("0x"))
