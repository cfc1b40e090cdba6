"""What a history of the exchange keeps of itself, and how a snapshot holds it: shapes, and no more.

They stand apart from what fills them, which is compiled where the machine is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import msgspec

from tallystick.records.chunks import BatchHeader, chunks_hash
from tallystick.shapes.market_data import Trade
from tallystick.shapes.progress import ACCOUNT_FIELDS
from tallystick.shapes.submitting import Answer
from tallystick.state.ordinals import AccountId, BatchNumber, MarketId, SignerNumber, UnixMs, UnixSeconds
from tallystick_operator.intake.inputs import HeldInputs
from tallystick_operator.sequencer.record_log import Entry, EntryKind

NOBODY: Final = bytes(20)
UNTOLD: Final = 0xFFFF
"""The outcome of a record of which it is no longer known what was told."""
OWED: Final = struct.Struct(">QQH")
Terms = tuple[int | bytes, ...]

EVENT_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "order": ("account", "client_id", "market", "side", "price_ticks", "lots", "flags"),
    "fill": (
        "market",
        "price_ticks",
        "lots",
        "side",
        "taker",
        "maker",
        "taker_client_id",
        "maker_client_id",
        "slot",
    ),
    "block": ("market", "price_ticks", "lots", "side", "taker", "maker"),
    "rested": ("account", "client_id", "slot", "lots"),
    "parked": ("account", "client_id", "slot", "lots"),
    "shrunk": ("account", "client_id", "slot", "lots"),
    "amended": ("account", "client_id", "slot", "lots"),
    "fired": ("account", "client_id", "slot"),
    "paired": ("account", "client_id", "slot"),
    "claim": ("account", "amount_units"),
    "removed": ("account", "client_id", "slot"),
    "cancelled_all": ("account", "dead_before"),
    "dead_man": ("account", "time_ms"),
    "deposit": ("account", "amount_units"),
    "transfer": ("account", "to", "amount_units"),
    "withdrawal": ("index", "account", "amount_units"),
    "listed": ("market", "series"),
    "index": ("market", "index_ticks"),
    "mark": ("market", "mark_ticks"),
    "funding": ("market", "rate_ppm", "index_ticks", "funding_index"),
    "takeover": ("market", "quote_units", "lots", "side", "account", "by"),
    "nominated": ("account", "market", "candidate"),
    "settled": ("market", "price_ticks"),
    "settlement": ("market", "price_ticks", "size_lots", "account"),
    "covered": ("market", "amount_units", "account"),
    "rewound": ("record",),
    "changed": ("account", "was_record", "was_outcome", "outcome"),
    "lost": ("account", "was_record"),
    "outcome": ("outcome",),
}
"""What the values of an event are called. Events that are not here are the machine's own affair."""

MARKET_AT: Final = {name: fields.index("market") if "market" in fields else -1 for name, fields in EVENT_FIELDS.items()}
"""Where the values of an event have its market, -1 for nowhere."""


class Happening(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event. `sequence` counts from 1 without a gap; `record` is the number of the record that caused it.

    `series` is that of its market at the time, 0 of one that is about none.
    """

    sequence: int
    record: int
    clock_ms: UnixMs
    name: str
    values: tuple[int, ...]
    series: int = 0

    @property
    def fields(self) -> dict[str, int]:
        """The values by name, and the series where it is not the first."""
        values = dict(zip(EVENT_FIELDS[self.name], self.values, strict=False))
        return values | {"series": self.series} if self.series else values

    def concerns(self, account: AccountId | None, market: MarketId | None, series: int | None = None) -> bool:
        """Whether it is about an account, a market and a series of it; None for any."""
        fields = self.fields
        about = any(fields.get(name) == account for name in ACCOUNT_FIELDS)
        of_market = market is None or (fields.get("market") == market and series in (None, self.series))
        return (account is None or about) and of_market


class KeptOrder(msgspec.Struct, kw_only=True, gc=False):
    """An order that was placed, whatever became of it; what is shown of it is a PlacedOrder.

    `status` is open, waiting (for its trigger), fired (a new order took its place), filled, cancelled (what was left
    of it is gone) or rejected (nothing of it ever was). `outcome` is that of placing it.
    """

    record_number: int
    clock_ms: UnixMs
    account: AccountId
    client_id: int
    market: MarketId
    series: int
    side: int
    price_ticks: int
    lots: int
    flags: int
    filled_lots: int = 0
    remaining_lots: int = 0
    status: str = "open"
    outcome: str = ""
    slot: int | None = None


class HeldHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A history as a snapshot keeps it. Shape: fills and funding in the order of their numbers, each once; `orders` by
    account, oldest first; `apart` are orders that rest and are too old for those, by slot.
    """

    sequence: int
    series: dict[MarketId, int]
    events: list[Happening]
    fills: list[Happening]
    funding: list[Happening]
    orders: list[list[KeptOrder]]
    apart: dict[int, KeptOrder]


class OpenOrder(msgspec.Struct, kw_only=True, gc=False):
    """An order in the book or parked, as its events tell it."""

    account: AccountId
    client_id: int
    remaining_lots: int
    record: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """One entry of the outbox. Units: `amount_units` in units."""

    index: int
    account: AccountId
    recipient: bytes
    amount_units: int
    batch: BatchNumber


class HeldTrades(msgspec.Struct, frozen=True, kw_only=True):
    """The newest trades of a market's series."""

    market: MarketId
    series: int
    trades: list[Trade]


class HeldReadModel(msgspec.Struct, frozen=True, kw_only=True):
    """A read model as a snapshot keeps it. Shape: `orders` by slot, oldest first; withdrawals in the order of their numbers."""

    orders: list[tuple[int, OpenOrder]]
    trades: list[HeldTrades]
    owners: list[tuple[bytes, AccountId]]
    fills: int
    withdrawals: list[Withdrawal]
    history: HeldHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What a closed batch stands on and says. `head` is that of the chain over the messages it consumed through."""

    content: bytes
    message_limit: int
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A batch as it will be published.

    Shape: `state_hash` is that behind it, empty where it was not taken. Units: `time` and `until` are L1 seconds.
    """

    index: int
    time: UnixSeconds
    until: UnixSeconds
    message_limit: int
    chunks: tuple[bytes, ...]
    state_hash: bytes
    records: int

    @property
    def header(self) -> BatchHeader:
        """What the Inbox will commit to, but for who posts it."""
        return BatchHeader(
            time=self.time,
            until=self.until,
            poster=NOBODY,
            message_limit=self.message_limit,
            chunk_count=len(self.chunks),
            chunks_hash=chunks_hash(list(self.chunks)),
        )


class HeldExecutor(msgspec.Struct, frozen=True, kw_only=True):
    """An executor as a snapshot keeps it beside the state, with no batch open. `recent` are its newest batches, oldest first."""

    inputs: HeldInputs
    read_model: HeldReadModel
    recent: list[SealedBatch]
    trail: list[Closed]
    batch_time: UnixSeconds


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """What an id was used for first. Shape: `key` is the submission's."""

    terms: Terms
    key: bytes


class HeldIds(msgspec.Struct, frozen=True, kw_only=True):
    """The ids as a snapshot keeps them, oldest first. Shape: each is an account, an id and the place of its use in `firsts`."""

    firsts: list[First]
    ids: list[tuple[AccountId, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A record that was acknowledged and has lost its place. Units: `time` is L1 seconds.

    `number` and `outcome` are what was told when it was acknowledged first; `time` is that of the batch it was in.
    """

    data: bytes
    time: int
    number: int = 0
    outcome: int = UNTOLD

    def entry(self) -> Entry:
        """Return the log's entry for it."""
        return Entry(kind=EntryKind.OWE, body=OWED.pack(self.time, self.number, self.outcome) + self.data)


class HeldReport(msgspec.Struct, frozen=True, kw_only=True):
    """A signer's newest report of a market's price."""

    market: MarketId
    signer: SignerNumber
    data: bytes


class HeldBranch(msgspec.Struct, frozen=True, kw_only=True):
    """A branch as a snapshot keeps it beside the state: all that follows from the log up to there."""

    executor: HeldExecutor
    answers: list[tuple[bytes, Answer]]
    ids: HeldIds
    owed: list[Owed]
    reports: list[HeldReport]
    settled: int
    changed: int
    lost: int
    first_kept: list[tuple[int, UnixMs]]
    loose: list[tuple[bytes, UnixMs]]
