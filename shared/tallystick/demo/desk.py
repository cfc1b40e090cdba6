"""The demo's traders: they turn the flow's intents into records signed with their own keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tallystick.demo.flow import Intent, Quote
from tallystick.records.codec import Record
from tallystick.records.signing import address_of, make, sign
from tallystick.state.hashing import keccak
from tallystick.state.layout import FLAG_IOC, SCOPE_CANCEL, SCOPE_PLACE

AGENT_SLOT = 1


@dataclass(slots=True, kw_only=True)
class Trader:
    """One trader: an owner key for money, an agent key for orders. `account` is given by the Vault."""

    name: str
    maker: bool
    owner_key: bytes
    agent_key: bytes
    account: int = 0
    deposit_units: int = 0
    nonce: int = 0
    client_id: int = 0
    quotes: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The owner's L1 address."""
        return address_of(self.owner_key)

    def next_nonce(self) -> int:
        """Return an unused nonce."""
        self.nonce += 1
        return self.nonce - 1

    def approve_agent(self, domain: bytes) -> Record:
        """Let the agent key place and cancel orders."""
        record = make(
            "approve_agent",
            account=self.account,
            nonce=self.next_nonce(),
            slot=AGENT_SLOT,
            key=int(address_of(self.agent_key), 16),
            scope=SCOPE_PLACE | SCOPE_CANCEL,
        )
        return sign(record, domain, self.owner_key)

    def order(self, domain: bytes, market: int, side: int, price_ticks: int, lots: int, flags: int = 0) -> Record:
        """Return an order signed by the agent."""
        self.client_id += 1
        record = make(
            "order",
            account=self.account,
            agent=AGENT_SLOT,
            nonce=self.next_nonce(),
            market=market,
            side=side,
            flags=flags,
            price_ticks=price_ticks,
            lots=lots,
            client_id=self.client_id,
        )
        return sign(record, domain, self.agent_key)

    def cancel(self, domain: bytes, client_id: int) -> Record:
        """Return a cancel signed by the agent; the operator fills in where the order rests."""
        record = make("cancel", account=self.account, agent=AGENT_SLOT, nonce=self.next_nonce(), client_id=client_id)
        return sign(record, domain, self.agent_key)

    def withdraw(self, domain: bytes, amount_units: int) -> Record:
        """Return a withdrawal to the owner's L1 address, signed by the owner."""
        record = make(
            "withdraw",
            account=self.account,
            nonce=self.next_nonce(),
            amount_units=amount_units,
            recipient=int(self.address, 16),
        )
        return sign(record, domain, self.owner_key)


def trader(name: str, maker: bool, seed: int) -> Trader:
    """Return a trader whose keys come from its name and the demo's seed."""
    return Trader(
        name=name,
        maker=maker,
        owner_key=keccak(f"{seed}/{name}/owner".encode()),
        agent_key=keccak(f"{seed}/{name}/agent".encode()),
    )


class Desk:
    """Deals intents to traders in turn: quotes to makers, takes to takers."""

    def __init__(self, traders: list[Trader], domain: bytes) -> None:
        self.makers = [each for each in traders if each.maker]
        self.takers = [each for each in traders if not each.maker]
        self.domain = domain
        self.turns: Counter[str] = Counter()

    def records(self, intent: Intent) -> list[Record]:
        """Return what the trader whose turn it is sends: a cancel of its old quote, an order."""
        if isinstance(intent, Quote):
            key = intent.market, intent.side
            maker = self._next(self.makers, f"quote {key}")
            old = maker.quotes.get(key)
            order = maker.order(self.domain, intent.market, intent.side, intent.price_ticks, intent.lots)
            maker.quotes[key] = maker.client_id
            return [maker.cancel(self.domain, old), order] if old is not None else [order]
        taker = self._next(self.takers, "take")
        return [taker.order(self.domain, intent.market, intent.side, intent.price_ticks, intent.lots, FLAG_IOC)]

    def _next(self, of: list[Trader], what: str) -> Trader:
        self.turns[what] += 1
        return of[self.turns[what] % len(of)]
