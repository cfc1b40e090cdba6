"""The evidence of one dispute in one file, with which anybody judges it without L1 and without this exchange.

Shape: JSON; bytes are 0x and digits. Nothing in it is believed for being there: `tallystick.referee.judge` recomputes
every hash, and runs the step itself.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from tallystick.errors import BadEncoding
from tallystick.l1.proofs.logproof import LogProof

FORMAT: Final = 2


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown fields are refused."""


class Place(_Part, frozen=True, kw_only=True):
    """Which contracts on which chain. `config_hash` is the Challenge's, part of every dispute's name; `height` that of
    its roots.
    """

    chain_id: int
    rollup: bytes
    challenge: bytes
    inbox: bytes
    config_hash: bytes
    height: int


class Origin(_Part, frozen=True, kw_only=True):
    """The assertion whose children contradict each other. `parent` is zeros for the genesis."""

    parent: bytes
    state_hash: bytes


class Side(_Part, frozen=True, kw_only=True):
    """One of the children."""

    assertion: bytes
    state_root: bytes
    registers: bytes


class Claim(_Part, frozen=True, kw_only=True):
    """A root edge and the openings below it that lead to the disputed leaf.

    Shape: `openings` are (left, right) from the root down, one a level. `siblings` prove that the tree ends in the
    asserted state; empty where they are not known, then only the log of its opening ties the root to the assertion.
    """

    assertion: bytes
    span: bytes
    siblings: tuple[bytes, ...]
    openings: tuple[tuple[bytes, bytes], ...]


class Step(_Part, frozen=True, kw_only=True):
    """What the Referee gets: the agreed state before the leaf, its place in the prefix, and the witness."""

    index: int
    pre: bytes
    base_prev: bytes
    siblings: tuple[bytes, ...]
    witness: bytes


class Header(_Part, frozen=True, kw_only=True):
    """A batch as the Inbox commits to it."""

    index: int
    time: int
    until: int
    message_limit: int
    source: int
    poster: bytes
    chunk_count: int
    chunks_hash: bytes


class Accumulator(_Part, frozen=True, kw_only=True):
    """The chain of L1 messages after `count` of them."""

    count: int
    value: bytes


class Bundle(_Part, frozen=True, kw_only=True):
    """Everything. `machine` names the version of the step contracts the dispute is played with."""

    format: int
    machine: str
    place: Place
    origin: Origin
    limit: int
    sides: tuple[Side, ...]
    claims: tuple[Claim, ...]
    step: Step
    batches: tuple[Header, ...]
    messages: tuple[Accumulator, ...]
    logs: tuple[LogProof, ...]


def encode(bundle: Bundle) -> bytes:
    """Return the file."""
    fields = msgspec.to_builtins(bundle, builtin_types=(bytes,))
    return (json.dumps(_written(fields), indent=1) + "\n").encode()


def decode(data: bytes) -> Bundle:
    """Read a file.

    Raises: BadEncoding when it is no bundle of this version.
    """
    try:
        fields = json.loads(data)
        version = fields.get("format") if isinstance(fields, dict) else None
        if version != FORMAT:
            raise BadEncoding("no bundle of this version", format=repr(version), expected=FORMAT)
        return msgspec.convert(_read(fields), Bundle, builtin_types=(bytes,))
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise BadEncoding(f"no bundle: {error}") from error


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {key: _written(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    return value


def _read(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("0x"):
        return bytes.fromhex(value[2:])
    if isinstance(value, dict):
        return {key: _read(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_read(each) for each in value]
    return value
