"""What the independent ledger keeps: accounts and orders as plain objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

BUY = 0
IOC, POST_ONLY, REDUCE_ONLY, FOK, STP_TAKER, STP_BOTH, MARKET_ORDER, ABOVE = 1, 2, 4, 8, 16, 32, 64, 128
MAX_POSITIONS = 16
MAX_PRICE = 2**24 - 1
MAX_CASH = 2**60
MAX_EXPOSURE = 2**30
NONCES_PER_WORD = 128
NONCE_WORDS_AHEAD = 1024
CLOCK_LAG_MS = 10_000
REPORT_AGE_MS = 60_000
REPORT_AHEAD_MS = 5_000


@dataclass(slots=True)
class Agent:
    """A key that trades for an account."""

    key: str
    scope: int
    expiry_ms: int


@dataclass(slots=True)
class Account:
    """An account in plain objects. Units: units, lots by market, funding in ticks by market when it last paid."""

    owner: str
    cash: int = 0
    positions: dict[int, int] = field(default_factory=dict)
    nonces: set[int] = field(default_factory=set)
    dead_before: int = 0
    dead_man_ms: int = 0
    agents: dict[int, Agent] = field(default_factory=dict)
    paid: dict[int, Fraction] = field(default_factory=dict)


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

    def is_due(self, mark: int) -> bool:
        """Whether its trigger fires at a mark."""
        return mark >= self.trigger if self.flags & ABOVE else mark <= self.trigger


@dataclass(frozen=True, slots=True)
class Worth:
    """What an account is worth and must hold."""

    value: int
    initial: int
    maintenance: int
    notional: int
