"""The record of a deployment: what every node must know of the contracts, in one JSON file."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from tallystick.errors import BadInput, ConfigError
from tallystick.l1.backlog import assertion_blocks
from tallystick.numbers import whole
from tallystick.state.ordinals import BlockNumber

FORMAT = 1
WHOSE_RECORD = "--deployment FILE: what `tallystick l1 deploy` of this version wrote, or whoever deployed gave out"
BLOCK_SECONDS = 12
"""L1's pace, as far as blocks have to be held against hours."""
CONTESTED_GENERATIONS = 24
"""Generations that are reckoned to be contested at once: ten minutes of assertions at 25 blocks each would be two, and
an attacker buys each at an assertion's bond."""
ROOTS_PER_SECOND = 10_000
"""State roots of a trace a second, on two cores, the machine compiled: `tallystick bench capacity` measures them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployConfig:
    """What is fixed for good when the contracts are deployed.

    Units: `_seconds` of L1 time, `_blocks` of L1, `_wei` of ether; `atoms_per_unit` token atoms. The last three are no
    contract's: they say what the others were chosen for, and what every party has to keep to.
    """

    sequencer: bytes
    token: bytes | None = None
    """None deploys a test token that anyone may mint."""
    atoms_per_unit: int = 1
    force_delay_seconds: int = 900
    takeover_delay_seconds: int = 24 * 3600
    past_bound_seconds: int = 300
    future_bound_seconds: int = 12
    rate_bytes: int = 8_000_000
    """What leaves the bucket of posted bytes each block."""
    burst_bytes: int = 16_000_000
    most_blobs: int = 0
    """Blobs that a batch may be in; 0 when all is in calldata, which L1 keeps for good."""
    root_height: int = 22
    """K: an assertion covers 2^K steps at most."""
    challenge_period_blocks: int = 50_400
    min_interval_blocks: int = 25
    assertion_bond_wei: int = 32 * 10**18
    challenge_bond_wei: int = 10**18
    open_reward_wei: int = 20 * 10**15
    bisect_reward_wei: int = 12 * 10**15
    prove_reward_wei: int = 192 * 10**15
    """One opening, 24 bisections and a proof make half a bond, the most that there is: it pays for all the gas of a
    dispute, deciding and settling included, up to some 100 gwei."""
    answer_blocks: int = 50
    """Delta: from an event on L1 to the answer being in a block, confirmations and polling included."""
    censored_blocks: int = 25_200
    """C: blocks in which an attacker can keep everybody else out of L1, in all."""
    roots_per_second: int = ROOTS_PER_SECOND
    """How fast a party makes traces."""

    def trace_blocks(self, generations: int) -> int:
        """X: blocks to trace so many generations that are contested at once."""
        return -(-(generations << self.root_height) // (self.roots_per_second * BLOCK_SECONDS))

    def defence_blocks(self, generations: int) -> int:
        """D: blocks that the honest moves on one path take, the trace before them included."""
        return (self.answer_blocks + 1) * (self.root_height + 2) + self.trace_blocks(generations)

    def least_period_blocks(self, generations: int) -> int:
        """The shortest challenge period in which no lie can be confirmed: T > C + D + delta + 1."""
        return self.censored_blocks + self.defence_blocks(generations) + self.answer_blocks + 2

    def confirmation_blocks(self, generations: int) -> int:
        """The most blocks from a true assertion's posting to its confirmation, whatever the number of its rivals."""
        answered = self.censored_blocks + self.defence_blocks(generations) + 2 * (self.answer_blocks + 1)
        return self.challenge_period_blocks + answered

    @property
    def longest_exit_seconds(self) -> int:
        """How long leaving through L1 may take with everybody against it: a silent sequencer, a message held back as
        long as can be, as much posted before it as can be while the proposer is shut out, and as many generations
        contested as are bargained for.
        """
        # the blocks in which an attacker shuts others out are so many in all: before the assertion, or behind it
        blocks = self.confirmation_blocks(CONTESTED_GENERATIONS) + self.assertion_blocks - self.censored_blocks
        return self.silent_seconds + blocks * BLOCK_SECONDS

    @property
    def silent_seconds(self) -> int:
        """The longest that a message waits for a batch, if somebody posts one as soon as everybody may."""
        return self.takeover_delay_seconds + self.force_delay_seconds

    @property
    def assertion_blocks(self) -> int:
        """The most blocks from a batch's posting to the assertion that takes it in, those without the proposer in them
        included.
        """
        return assertion_blocks(
            root_height=self.root_height,
            burst_bytes=self.burst_bytes,
            silent_blocks=-(-self.silent_seconds // BLOCK_SECONDS),
            wait_blocks=self.min_interval_blocks + self.answer_blocks + 1,
            lost_blocks=self.censored_blocks,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the contracts are. Shape: 20 bytes each."""

    token: bytes
    inbox: bytes
    vault: bytes
    referee: bytes
    challenge: bytes
    rollup: bytes
    bond_pool: bytes
    receipts: bytes
    steps: Mapping[str, bytes]
    """The step contracts by name, in the Referee's order."""

    def all(self) -> dict[str, bytes]:
        """Every contract by its compiled name, the token's aside."""
        return {
            "Inbox": self.inbox,
            "Vault": self.vault,
            "Referee": self.referee,
            "Challenge": self.challenge,
            "Rollup": self.rollup,
            "BondPool": self.bond_pool,
            "Receipts": self.receipts,
        } | dict(self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The record that every node needs: addresses, hashes of code, terms and the genesis."""

    chain_id: int
    first_block: BlockNumber
    """The block before which no event of these contracts can be."""
    addresses: Addresses
    code_hashes: Mapping[str, bytes]
    """keccak of the runtime code on chain, by contract name."""
    genesis_state_hash: bytes
    genesis: bytes
    config: DeployConfig

    @property
    def config_hash(self) -> bytes:
        """What the Challenge names its disputes by: chain, contracts and terms, hashed as words."""
        at, terms = self.addresses, self.config
        places = [each.rjust(32, b"\0") for each in (at.challenge, at.rollup, at.inbox, at.referee)]
        numbers = (
            terms.root_height,
            terms.challenge_period_blocks,
            terms.challenge_bond_wei,
            terms.open_reward_wei,
            terms.bisect_reward_wei,
            terms.prove_reward_wei,
        )
        words = [self.chain_id.to_bytes(32, "big"), *places, *(number.to_bytes(32, "big") for number in numbers)]
        return keccak(b"".join(words))

    def save(self, path: Path) -> None:
        """Writes the record, whole or not at all."""
        fields = {"format": FORMAT, **_to_json(dataclasses.asdict(self))}
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)


def load_deployment(path: Path) -> Deployment:
    """Reads the record.

    Raises: ConfigError, when it is missing, or any field is unknown, missing or malformed.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            "the deployment record cannot be read", hint=WHOSE_RECORD, path=str(path), reason=error.strerror
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError("the deployment record is no JSON", hint=WHOSE_RECORD, path=str(path)) from error
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise ConfigError("not a deployment record of this version", hint=WHOSE_RECORD, path=str(path), format=FORMAT)
    try:
        addresses = _exactly(fields.get("addresses"), Addresses, "addresses")
        config = _exactly(fields.get("config"), DeployConfig, "config")
        record = _exactly(fields, Deployment, "deployment")
        return Deployment(
            chain_id=_whole(record["chain_id"]),
            first_block=BlockNumber(_whole(record["first_block"])),
            addresses=Addresses(
                steps=_addresses(addresses.pop("steps")),
                **{name: _bytes(value, 20) for name, value in addresses.items()},
            ),
            code_hashes={name: _bytes(h, 32) for name, h in dict(record["code_hashes"]).items()},
            genesis_state_hash=_bytes(record["genesis_state_hash"], 32),
            genesis=_bytes(record["genesis"]),
            config=config_from(config),
        )
    except (ConfigError, BadInput) as error:
        raise ConfigError(str(error), path=str(path)) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"malformed deployment record: {error}", path=str(path)) from error


def config_from(fields: Mapping[str, Any]) -> DeployConfig:
    """The configuration of plain values, as JSON and TOML give them.

    Raises: ConfigError, when a key is unknown, the sequencer is missing, or a value is malformed.
    """
    known = {field.name for field in dataclasses.fields(DeployConfig)}
    unknown = set(fields) - known
    if unknown:
        raise ConfigError(f"unknown keys: {', '.join(sorted(unknown))}", hint=f"known: {', '.join(sorted(known))}")
    if "sequencer" not in fields:
        raise ConfigError("the sequencer is missing", hint="sequencer is the address whose key posts batches")
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("sequencer", "token"):
            values[name] = None if value is None and name == "token" else _bytes(value, 20)
        else:
            try:
                values[name] = _whole(value)
            except (ConfigError, BadInput) as error:
                raise ConfigError(f"{name}: {error.message}", value=value) from error
    return DeployConfig(**values)


def _exactly(fields: Any, shape: type, what: str) -> dict[str, Any]:
    wanted = {field.name for field in dataclasses.fields(shape)}
    if not isinstance(fields, dict):
        raise ConfigError("a part of the deployment record is missing", part=what)
    if set(fields) != wanted:
        raise ConfigError(
            "unknown or missing keys",
            part=what,
            unknown=sorted(set(fields) - wanted),
            missing=sorted(wanted - set(fields)),
        )
    return dict(fields)


def _addresses(fields: Any) -> dict[str, bytes]:
    return {str(name): _bytes(value, 20) for name, value in dict(fields).items()}


def _bytes(value: Any, length: int | None = None) -> bytes:
    if isinstance(value, str) and value.startswith("0x"):
        parsed = bytes.fromhex(value[2:])
        if length is None or len(parsed) == length:
            return parsed
    raise ConfigError("expected 0x data", value=value, bytes=length or "any")


def _whole(value: Any) -> int:
    if isinstance(value, str):
        value = whole(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ConfigError("expected a whole number", value=value)


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return to_checksum_address(value) if len(value) == 20 else "0x" + value.hex()
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    # JSON readers other than Python's lose digits above 2^53
    return str(value) if isinstance(value, int) and value > 2**53 else value
