"""How far everything has come, and the feed of what happens."""

from __future__ import annotations

from typing import Final

import msgspec

from tallystick.state.ordinals import AccountId, BlockNumber, MarketId, UnixMs, UnixSeconds

ACCOUNT_FIELDS: Final = frozenset({"account", "taker", "maker", "to", "by", "candidate"})
"""Which values of an event are accounts that it is about."""


class L1Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far L1 has come. Units: `time` is its newest block's, in seconds.

    `behind_seconds` is the age of the oldest acknowledged record that is not on it; `disputes` counts the assertions beneath
    which several wait that cannot all be true.
    """

    block: BlockNumber = BlockNumber(0)
    time: UnixSeconds = UnixSeconds(0)
    batches_posted: int = 0
    messages: int = 0
    assertions_posted: int = 0
    assertions_confirmed: int = 0
    disputes: int = 0
    latest_confirmed: str = ""
    problem: str = ""
    behind_seconds: int = 0


class Promises(msgspec.Struct, frozen=True, kw_only=True):
    """Whether records are taken, and why not. `owed_records` were acknowledged and wait to be executed again."""

    open: bool
    reason: str = ""
    message: str = ""
    owed_records: int = 0


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """Who the operator is and how far everything has come. Units: milliseconds; what has no unit is counted.

    `orders_url` is where gateways take records over a WebSocket, empty without one;
    `sequence` is the number of the newest event, `state_hash` that behind the newest sealed batch, empty without one.
    """

    chain_id: int
    contracts: dict[str, str]
    domain: str
    receipt_signer: str
    orders_url: str = ""
    clock_ms: UnixMs
    last_index_ms: UnixMs
    wind_down_ms: UnixMs
    records: int
    sequence: int
    accumulator: str
    fills: int
    batches_sealed: int
    messages_consumed: int
    withdrawals: int
    state_hash: str
    promises: Promises
    l1: L1Status


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the operator is alive. `version` is its release's."""

    version: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """That the operator is ready. Units: `l1_read_ms` have gone by since L1 was read to its head, `behind_ms` is the age of
    the oldest acknowledged record that is not on L1.
    """

    l1_read_ms: int
    behind_ms: int
    gateways: int


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the feed; `sequence` counts from 1 without a gap, `record` is the number of what caused it."""

    sequence: int
    record: int
    clock_ms: UnixMs
    event: str
    values: dict[str, int | str]

    def concerns(self, account: AccountId | None, market: MarketId | None, series: int | None = None) -> bool:
        """Whether it is about an account, a market and a series of it; None for any."""
        about = any(name in ACCOUNT_FIELDS and value == account for name, value in self.values.items())
        of_market = self.values.get("market") == market and series in (None, self.values.get("series", 0))
        return (account is None or about) and (market is None or of_market)


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the feed, oldest first. Go on `after` its `next`; `latest` is the newest there is."""

    events: list[FeedEvent]
    next: int
    latest: int
