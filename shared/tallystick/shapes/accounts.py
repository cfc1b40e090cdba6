"""Accounts: what they hold, what they have asked for, what became of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from tallystick.state.ordinals import AccountId, BatchNumber, MarketId, UnixMs

WithdrawalStatus = Literal["open", "sealed", "posted", "asserted", "claimable", "claimed"]


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The account of an owner's address."""

    owner: str
    account: AccountId


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position, below 0 when it is short.

    Units: `worth_units` is size x mark, `cost_units` what its lots have cost, `extra_units` the margin asked for them beyond
    the market's, while open interest was high. Until `held_until_ms` no fill changes it, for it gained by a jump of the
    index; 0 when no brake holds it.
    """

    market: MarketId
    series: int
    size_lots: int
    mark_ticks: int
    worth_units: int
    cost_units: int
    extra_units: int
    held_until_ms: UnixMs


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A resting order, or one that waits for its trigger. `dead` ones leave when they are touched. Units: ticks, lots.

    `sequence` is its place among all records and messages: of two orders the older one has the smaller, though all of a
    bulk have the same. `trigger_ticks` is the mark at which it fires, `above` whether at it or above, else below; 0 for one in the book.
    `pair` is the client id of the order of which one cancels the other, 0 for none.
    """

    market: MarketId
    series: int
    side: int
    price_ticks: int
    remaining_lots: int
    client_id: int
    record_number: int
    sequence: int
    expiry_ms: UnixMs
    slot: int
    dead: bool
    flags: int
    trigger_ticks: int
    above: bool
    pair: int


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """An account's resting orders, oldest first."""

    account: AccountId
    orders: list[Order]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account against the marks. Units: units, milliseconds; `dead_man_ms` is 0 when the switch is not armed.

    `free_units` is what new positions may need: value less initial margin, each position at mark or index, whichever is
    worse for it. `spare_units` is value less maintenance margin at the better of the two: below 0 positions are closed.
    `gain_units` is what its open positions have gained, at the worse: it may leave once they are closed.
    """

    account: AccountId
    owner: str
    cash_units: int
    value_units: int
    initial_units: int
    maintenance_units: int
    free_units: int
    spare_units: int
    gain_units: int
    withdrawable_units: int
    next_nonce: int
    dead_man_ms: UnixMs
    positions: list[Position]
    orders: list[Order]


class PlacedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was placed: `status` is open, waiting, dead, fired, filled, cancelled or rejected.

    A dead one is in the book, and nobody can fill it any more. Units: ticks, lots.
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
    filled_lots: int
    remaining_lots: int
    status: str
    outcome: str


class PlacedOrders(msgspec.Struct, frozen=True, kw_only=True):
    """The orders an account has placed, newest first, whatever became of them."""

    account: AccountId
    orders: list[PlacedOrder]


class AccountFill(msgspec.Struct, frozen=True, kw_only=True):
    """A fill from one account's side: `side` is its own, `role` maker or taker; `block` when it met no book.

    Units: ticks, lots.
    """

    sequence: int
    record: int
    clock_ms: UnixMs
    market: MarketId
    series: int
    side: int
    price_ticks: int
    lots: int
    role: str
    client_id: int
    counterparty: int
    block: bool = False


class Fills(msgspec.Struct, frozen=True, kw_only=True):
    """An account's fills, newest first."""

    account: AccountId
    fills: list[AccountFill]


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A key that may trade for an account. `scope` is place, cancel or both; `expired` when its time is over."""

    slot: int
    address: str
    scope: str
    expiry_ms: UnixMs
    expired: bool


class Agents(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that may trade for an account."""

    account: AccountId
    agents: list[Agent]


class WithdrawalProof(msgspec.Struct, frozen=True, kw_only=True):
    """What the Vault's `claim` takes, besides the withdrawal itself; `proof` are the siblings of its cell, in hex."""

    assertion: str
    state_root: str
    registers_hash: str
    proof: str


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawal on its way. `claim` is there once the Vault would pay it. Units: units of the ledger."""

    index: int
    account: AccountId
    amount_units: int
    batch: BatchNumber
    status: WithdrawalStatus
    recipient: str = ""
    claim: WithdrawalProof | None = None


class Withdrawals(msgspec.Struct, frozen=True, kw_only=True):
    """An account's withdrawals, in their order."""

    account: AccountId
    withdrawals: list[Withdrawal]
