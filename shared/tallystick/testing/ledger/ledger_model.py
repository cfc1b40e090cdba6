"""What the independent ledger keeps: accounts and orders as plain objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

BUY = 0
IOC, POST_ONLY, REDUCE_ONLY, NO_FLAG, STP_TAKER, STP_BOTH, MARKET_ORDER, ABOVE = 1, 2, 4, 8, 16, 32, 64, 128
MAX_POSITIONS = 16
MAX_PRICE = 2**24 - 1
MAX_CASH = 2**60
MAX_EXPOSURE = 2**30
NONCES_PER_WORD = 128
NONCE_WORDS_AHEAD = 1024
CLOCK_LAG_MS = 10_000
REPORT_AGE_MS = 15_000
REPORT_AHEAD_MS = 5_000
REPORT_PAUSE_MS = 1_000
"""Between two reports of one signer."""
TREASURY = 0
INSURANCE_FUNDS = range(2**28 - 64, 2**28)
"""The accounts of the markets' insurance funds."""
LIST_DELAY_MS = 21 * 86_400_000
WORK = 1024
"""Makers that an order may meet, and parked orders that a report may touch; pages that were cancelled empty count as well."""


class Lean(Enum):
    """For whom a position is measured: at the price that is worse for its owner, better, at the index or the mark."""

    WORST = "worst"
    BEST = "best"
    INDEX = "index"
    MARKED = "marked"


@dataclass(slots=True)
class Agent:
    """A key that trades for an account."""

    key: str
    scope: int
    expiry_ms: int


@dataclass(slots=True)
class Account:
    """An account in plain objects. Units: units, lots by market, funding in ticks by market when it last paid.

    `costs` is what its positions have cost by market, less than nothing of a short; `extras` the margin asked for their
    lots when they came, beyond the market's.
    """

    owner: str
    cash: int = 0
    positions: dict[int, int] = field(default_factory=dict)
    nonces: set[int] = field(default_factory=set)
    dead_before: int = 0
    dead_man_ms: int = 0
    agents: dict[int, Agent] = field(default_factory=dict)
    paid: dict[int, Fraction] = field(default_factory=dict)
    costs: dict[int, int] = field(default_factory=dict)
    extras: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Order:
    """A resting or parked order, known by its place among all records and messages."""

    sequence: int
    account: int
    market: int
    side: int
    price: int
    lots: int
    client_id: int
    expiry_ms: int
    flags: int = 0
    trigger: int = 0
    pair: Order | None = field(default=None, compare=False, repr=False)
    """The other of a pair; itself, when that one has filled as much as this one had left."""
    had: Order | None = field(default=None, compare=False, repr=False)
    """What was the pair of one that has fired."""
    put_off: bool = field(default=False, compare=False, repr=False)
    """Whether it ended at a price that was further from the index than a fill may be, or found none in a brake."""

    def is_due(self, mark: int) -> bool:
        """Whether its trigger fires at a mark."""
        return mark >= self.trigger if self.flags & ABOVE else mark <= self.trigger


@dataclass(frozen=True, slots=True)
class Worth:
    """What an account is worth and must hold, what of its worth a withdrawal leaves, and gains it has not realised."""

    value: int
    initial: int
    maintenance: int
    notional: int
    staying: int
    gain: int
