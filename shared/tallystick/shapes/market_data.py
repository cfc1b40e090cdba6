"""Markets, their books, and what was traded in them."""

from __future__ import annotations

from typing import Literal

import msgspec

from tallystick.state.ordinals import NEVER, MarketId, UnixMs

MarketStatus = Literal["listed", "live", "halted", "expired", "settled"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of a market's rules: how many were proposed, and the newest if it is not in force yet.

    `effective_ms` is the clock from which anybody may put it in force; 0 when there is none.
    """

    proposed: int = 0
    effective_ms: UnixMs = NEVER
    rules: dict[str, int] = {}


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """A market's rules and prices. Units: ticks, lots; fees and margins in millionths.

    `status` is listed (no orders before `live_ms`, 0 for a market of the genesis), live, halted (its prices have stopped: only
    cancels), expired (nobody trades, and its last price is not there yet) or settled. The best prices are those of living
    orders. In the last half hour of a dated future `margin_index_ticks`, by which margins go, is what it would settle at
    by its index. `series` is how often the id was listed before: what is signed for it names both. Until `down_ms` the
    brake holds who gained by a fall of the index, until `up_ms` who gained by a rise.
    """

    market: MarketId
    series: int
    mark_ticks: int
    best_bid_ticks: int | None
    best_ask_ticks: int | None
    multiplier: int
    initial_ppm: int
    maintenance_ppm: int
    taker_fee_ppm: int
    maker_fee_ppm: int
    max_lots: int
    open_interest_lots: int
    kind: int
    expiry_ms: UnixMs
    live_ms: UnixMs
    rules: dict[str, int]
    status: MarketStatus
    index_ticks: int
    margin_index_ticks: int
    index_ms: UnixMs
    funding_index: int
    down_ms: UnixMs
    up_ms: UnixMs
    change: Change


class Markets(msgspec.Struct, frozen=True, kw_only=True):
    """Every listed market, by number."""

    markets: list[Market]


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """What rests at one price. Units: ticks, lots; `orders` counts them."""

    price_ticks: int
    lots: int
    orders: int


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A book, best prices first. `sequence` is that of the newest event in it: read the feed on from there."""

    market: MarketId
    series: int
    mark_ticks: int
    bids: list[Level]
    asks: list[Level]
    sequence: int = 0


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One fill. Units: ticks, lots, milliseconds. `side` is the taker's: 0 buy, 1 sell; `sequence` is the feed's."""

    sequence: int
    record: int
    clock_ms: UnixMs
    price_ticks: int
    lots: int
    side: int
    taker: int
    maker: int


class Trades(msgspec.Struct, frozen=True, kw_only=True):
    """A market's newest fills, newest first."""

    market: MarketId
    series: int
    trades: list[Trade]


class Funding(msgspec.Struct, frozen=True, kw_only=True):
    """One hour's funding.

    Units: `rate_ppm` is the share of the index, in millionths, that longs pay; `funding_index` in millionths of a tick
    per lot and multiplier since listing.
    """

    sequence: int
    clock_ms: UnixMs
    rate_ppm: int
    index_ticks: int
    funding_index: int


class FundingHours(msgspec.Struct, frozen=True, kw_only=True):
    """A market's funding, newest hour first."""

    market: MarketId
    series: int
    funding: list[Funding]
