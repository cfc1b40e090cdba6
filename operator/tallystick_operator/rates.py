"""What anybody may send a second, as it is declared; `intake.allowances` holds them to it."""

from __future__ import annotations

import msgspec


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What may be sent a second. Units: bytes as they come, of a key's the record's; a step is a record, or an item of a bulk."""

    steps: int
    bytes: int


class Allowances(msgspec.Struct, frozen=True, kw_only=True):
    """What a key, a connection and an address may send.

    An account's share of L1 is a blob a second, 1,350 single orders or 6,300 actions in bulks. A key is an owner's or an
    agent's: were it the account that a record names, anybody could use up another's with records that are refused.
    """

    account: Rate = Rate(steps=5_000, bytes=128 << 10)
    connection: Rate = Rate(steps=5_000, bytes=512 << 10)
    address: Rate = Rate(steps=10_000, bytes=1 << 20)
