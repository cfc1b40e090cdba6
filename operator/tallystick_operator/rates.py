"""What anybody may send a second, as it is declared; `intake.allowances` holds them to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What may be sent a second. Units: bytes as they come, of a key's the record's; a step is a record, or an item of a bulk."""

    steps: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The same by the names that people give them. Units: a second."""

    account_steps: int = 5_000
    account_bytes: int = 128 << 10
    connection_steps: int = 5_000
    connection_bytes: int = 512 << 10
    address_steps: int = 10_000
    address_bytes: int = 1 << 20


ORDINARY: Final = Limits()


class Allowances(msgspec.Struct, frozen=True, kw_only=True):
    """What a key, a connection and an address may send.

    An account's share of L1 is a blob a second, 1,350 single orders or 6,300 actions in bulks. A key is an owner's or an
    agent's: were it the account that a record names, anybody could use up another's with records that are refused.
    """

    account: Rate
    connection: Rate
    address: Rate


def allowances_of(limits: Limits) -> Allowances:
    """Return what the limits allow."""
    return Allowances(
        account=Rate(steps=limits.account_steps, bytes=limits.account_bytes),
        connection=Rate(steps=limits.connection_steps, bytes=limits.connection_bytes),
        address=Rate(steps=limits.address_steps, bytes=limits.address_bytes),
    )
