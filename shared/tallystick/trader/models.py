"""What an operator answers, as typed values. Fields this version does not know are passed over."""

from __future__ import annotations

import msgspec


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of an own record. Units: ticks, lots."""

    price_ticks: int
    lots: int
    maker: int


class ItemResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item of a bulk."""

    outcome: str
    fills: list[Fill]
    slot: int | None = None
    resting_lots: int = 0


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """A record's receipt and what it did; `outcome` is ACCEPTED or why the exchange rejected it."""

    record_number: int
    accumulator: str
    record_hash: str
    signature: str
    outcome: str
    clock_ms: int
    fills: list[Fill]
    slot: int | None = None
    resting_lots: int = 0
    withdrawal: int | None = None
    repeated: bool = False
    items: list[ItemResult] = []

    @property
    def accepted(self) -> bool:
        """Whether the exchange did what the record asked for."""
        return self.outcome == "ACCEPTED"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What the door says of a record that it did not let in."""

    error: str
    message: str
    field: str = ""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """What rests at one price."""

    price_ticks: int
    lots: int
    orders: int


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A book, best prices first."""

    market: int
    mark_ticks: int
    bids: list[Level]
    asks: list[Level]
    sequence: int = 0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of a market's rules: how many were proposed, and the newest if it is not in force yet."""

    proposed: int = 0
    effective_ms: int = 0
    rules: dict[str, int] = {}


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """A market's rules and prices."""

    market: int
    mark_ticks: int
    best_bid_ticks: int | None
    best_ask_ticks: int | None
    round: int
    multiplier: int
    initial_ppm: int
    maintenance_ppm: int
    taker_fee_ppm: int
    maker_fee_ppm: int
    max_lots: int
    open_interest_lots: int
    kind: int
    expiry_ms: int
    rules: dict[str, int]
    status: str = ""
    index_ticks: int = 0
    index_ms: int = 0
    funding_index: int = 0
    change: Change = Change()


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position. Units: `worth_units` is size x mark."""

    market: int
    size_lots: int
    mark_ticks: int
    worth_units: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A resting order, or one that waits for its trigger; `pair` is the client id of the order it is paired with."""

    market: int
    side: int
    price_ticks: int
    remaining_lots: int
    client_id: int
    record_number: int
    expiry_ms: int
    slot: int
    dead: bool
    flags: int = 0
    trigger_ticks: int = 0
    above: bool = False
    pair: int = 0


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account against the marks."""

    account: int
    owner: str
    cash_units: int
    value_units: int
    initial_units: int
    maintenance_units: int
    withdrawable_units: int
    next_nonce: int
    positions: list[Position]
    orders: list[Order]
    dead_man_ms: int = 0


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of a market. `side` is the taker's: 0 buy, 1 sell."""

    record: int
    clock_ms: int
    price_ticks: int
    lots: int
    side: int
    taker: int
    maker: int
    sequence: int = 0


class PlacedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was placed: `status` is open, waiting, fired, filled, cancelled or rejected."""

    record_number: int
    clock_ms: int
    account: int
    client_id: int
    market: int
    side: int
    price_ticks: int
    lots: int
    flags: int
    filled_lots: int
    remaining_lots: int
    status: str
    outcome: str


class AccountFill(msgspec.Struct, frozen=True, kw_only=True):
    """A fill from one account's side; `role` is maker or taker, `block` that it was a block trade, of no order."""

    sequence: int
    record: int
    clock_ms: int
    market: int
    side: int
    price_ticks: int
    lots: int
    role: str
    client_id: int
    counterparty: int
    block: bool = False


class Funding(msgspec.Struct, frozen=True, kw_only=True):
    """One hour's funding. Units: `rate_ppm` is what longs pay, in millionths of the index."""

    sequence: int
    clock_ms: int
    rate_ppm: int
    index_ticks: int
    funding_index: int


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A key that may trade for an account."""

    slot: int
    address: str
    scope: str
    expiry_ms: int
    expired: bool


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the feed."""

    sequence: int
    record: int
    clock_ms: int
    event: str
    values: dict[str, int | str]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the feed; go on after `next`."""

    events: list[Happening]
    next: int
    latest: int


class ClaimProof(msgspec.Struct, frozen=True, kw_only=True):
    """What the Vault takes to pay a withdrawal."""

    assertion: str
    state_root: str
    registers_hash: str
    proof: str


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawal on its way: open, sealed, posted, asserted, claimable, claimed."""

    index: int
    account: int
    amount_units: int
    batch: int
    status: str
    recipient: str = ""
    claim: ClaimProof | None = None
