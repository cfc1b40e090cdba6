"""An independent set of books: the exchange again, as plain objects, lists and fractions, slow and obvious on purpose.

It shares no code with `tallystick.machine`, only the names of outcomes and the limits of the specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from statistics import median_low

from tallystick.schema.names import Outcome
from tallystick.testing.ledger_market import MILLION, Market, share

BUY = 0
MAX_POSITIONS = 16
MAX_CASH = 2**60
MAX_EXPOSURE = 2**30
MAIN_ACCOUNTS = 2**28
NONCES_PER_WORD = 128
NONCE_WORDS_AHEAD = 1024
CLOCK_DRIFT_MS = 600_000
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
    agents: dict[int, Agent] = field(default_factory=dict)
    paid: dict[int, Fraction] = field(default_factory=dict)


@dataclass(slots=True)
class Order:
    """A resting order, known by the number of the record that placed it."""

    sequence: int
    account: int
    market: int
    side: int
    price: int
    lots: int
    client_id: int
    expiry_ms: int


@dataclass(frozen=True, slots=True)
class Worth:
    """What an account is worth and must hold."""

    value: int
    initial: int
    maintenance: int
    notional: int


class Ledger:
    """The whole exchange, one method a record or message; each returns the outcome it must have."""

    def __init__(self, *, governance: str, signers: tuple[str, ...], quorum: int) -> None:
        self.governance = governance
        self.signers = signers
        self.quorum = quorum
        self.accounts: dict[int, Account] = {}
        self.markets: dict[int, Market] = {}
        self.orders: list[Order] = []
        self.clock_ms = 0
        self.records = 0
        self.deposited = 0
        self.fees = 0
        self.dust = Fraction(0)
        self.outbox: list[tuple[int, int]] = []

    # Records

    def junk(self, outcome: Outcome) -> Outcome:
        """Count bytes that are no record."""
        self.records += 1
        return outcome

    def clock(self, clock_ms: int, declared_s: int) -> Outcome:
        """Move the clock."""
        self.records += 1
        if clock_ms < self.clock_ms:
            return Outcome.CLOCK_BACKWARDS
        if abs(clock_ms - declared_s * 1000) > CLOCK_DRIFT_MS:
            return Outcome.CLOCK_OUT_OF_BOUND
        self.clock_ms = clock_ms
        return Outcome.ACCEPTED

    def list_market(self, signer: str, number: int, market: Market) -> Outcome:
        """List a market."""
        self.records += 1
        if signer != self.governance:
            return Outcome.NOT_AUTHORISED
        if number in self.markets:
            return Outcome.MARKET_EXISTS
        sane = market.multiplier > 0 < market.max_lots and market.maintenance_ppm > 0
        if not sane or market.maintenance_ppm > market.initial_ppm:
            return Outcome.BAD_PARAMETERS
        if market.multiplier * market.max_lots > MAX_EXPOSURE:
            return Outcome.BAD_PARAMETERS
        self.markets[number] = market
        return Outcome.ACCEPTED

    def report(self, signer: str, slot: int, number: int, round_: int, price: int, time_ms: int) -> Outcome:
        """Take one signer's price."""
        self.records += 1
        if slot >= len(self.signers) or self.signers[slot] != signer:
            return Outcome.NOT_AUTHORISED
        market = self.markets.get(number)
        if market is None:
            return Outcome.NO_MARKET
        if price == 0 or round_ > time_ms:
            return Outcome.OUT_OF_RANGE
        if not self.clock_ms - REPORT_AGE_MS <= time_ms <= self.clock_ms + REPORT_AHEAD_MS:
            return Outcome.STALE_REPORT
        if round_ < market.round:
            return Outcome.OLD_ROUND
        if round_ > market.round:
            market.round, market.reports = round_, {}
        if slot in market.reports:
            return Outcome.DUPLICATE_REPORT
        market.reports[slot] = price
        if len(market.reports) >= self.quorum:
            market.mark = median_low(market.reports.values())
        return Outcome.ACCEPTED

    def approve(self, signer: str, number: int, nonce: int, slot: int, agent: Agent) -> Outcome:
        """Approve an agent."""
        self.records += 1
        rejection = self._authenticate(signer, number, nonce, 0, 0)
        if rejection:
            return rejection
        if slot == 0:
            return Outcome.OUT_OF_RANGE
        self.accounts[number].agents[slot] = agent
        return Outcome.ACCEPTED

    def withdraw(self, signer: str, number: int, nonce: int, amount: int) -> Outcome:
        """Withdraw exactly an amount."""
        self.records += 1
        rejection = self._authenticate(signer, number, nonce, 0, 0)
        if rejection:
            return rejection
        if amount == 0:
            return Outcome.OUT_OF_RANGE
        if amount > self.withdrawable(number):
            return Outcome.NOT_WITHDRAWABLE
        self._pay(number, amount)
        return Outcome.ACCEPTED

    def transfer(self, signer: str, number: int, nonce: int, to: int, amount: int) -> Outcome:
        """Move cash within a family of accounts, or into the insurance fund."""
        self.records += 1
        rejection = self._authenticate(signer, number, nonce, 0, 0)
        if rejection:
            return rejection
        if amount == 0 or to == number:
            return Outcome.OUT_OF_RANGE
        if to and (to - number) % MAIN_ACCOUNTS:
            return Outcome.NOT_AUTHORISED
        if amount > self.withdrawable(number):
            return Outcome.NOT_WITHDRAWABLE
        self.accounts[number].cash -= amount
        self.accounts.setdefault(to, Account(owner=self.accounts[number].owner if to else "")).cash += amount
        return Outcome.ACCEPTED

    def cancel(self, signer: str, number: int, agent: int, nonce: int, client_id: int, sequence: int) -> Outcome:
        """Cancel the order the operator pointed at, if it is the one the trader meant."""
        self.records += 1
        rejection = self._authenticate(signer, number, nonce, agent, 2)
        if rejection:
            return rejection
        return self.remove(number, client_id, sequence)

    def remove(self, number: int, client_id: int, sequence: int) -> Outcome:
        """Cancel an order, alone or as an item of a bulk."""
        for order in self.orders:
            if (order.sequence, order.account, order.client_id) == (sequence, number, client_id):
                self.orders.remove(order)
                return Outcome.ACCEPTED
        return Outcome.NO_SUCH_ORDER

    def order(self, signer: str, agent: int, nonce: int, wanted: Order, *, ioc: bool) -> Outcome:
        """Place an order: check it, trade it, rest what is left. Its sequence is filled in here."""
        self.records += 1
        return self._authenticate(signer, wanted.account, nonce, agent, 1) or self.place(wanted, ioc=ioc)

    def begin_bulk(self, signer: str, agent: int, nonce: int, number: int) -> Outcome | None:
        """Authenticate a bulk; `place` and `remove` run its items."""
        self.records += 1
        return self._authenticate(signer, number, nonce, agent, 3)

    def place(self, wanted: Order, *, ioc: bool) -> Outcome:
        """Place an order, alone or as an item of a bulk."""
        wanted.sequence = self.records
        rejection = self._check_order(wanted)
        if rejection:
            return rejection
        while wanted.lots:
            maker = self._best_against(wanted)
            if maker is None:
                return Outcome.UNFILLED if ioc else self._rest(wanted)
            if maker.account == wanted.account or self._is_dead(maker):
                self.orders.remove(maker)
                continue
            failed = self._trade(wanted, maker)
            if failed:
                return failed
        return Outcome.ACCEPTED

    # Messages from L1

    def consume(self) -> None:
        """Count the record that consumes messages."""
        self.records += 1

    def deposit(self, sender: str, number: int, amount: int) -> Outcome:
        """Credit an account, and give it to its first depositor."""
        self.accounts.setdefault(number, Account(owner=sender)).cash += amount
        self.deposited += amount
        return Outcome.ACCEPTED

    def force_withdraw(self, sender: str, number: int, amount: int) -> Outcome:
        """Withdraw as much of an amount as may leave."""
        if number not in self.accounts or self.accounts[number].owner != sender:
            return Outcome.NOT_AUTHORISED
        paid = min(amount, self.withdrawable(number))
        if paid == 0:
            return Outcome.NOT_WITHDRAWABLE
        self._pay(number, paid)
        return Outcome.ACCEPTED

    def force_cancel_all(self, sender: str, number: int) -> Outcome:
        """Make every order placed so far dead."""
        if number not in self.accounts or self.accounts[number].owner != sender:
            return Outcome.NOT_AUTHORISED
        self.accounts[number].dead_before = self.records + 1
        return Outcome.ACCEPTED

    # Margin

    def worth(self, account: Account) -> Worth:
        """Measure an account against the marks."""
        value, initial, maintenance, notional = account.cash, 0, 0, 0
        for number, lots in account.positions.items():
            market = self.markets[number]
            value += lots * market.mark * market.multiplier - ceil(self._funding(account, number))
            exposure = abs(lots) * market.mark * market.multiplier
            notional += exposure
            initial += market.initial(exposure)
            maintenance += market.maintenance(exposure)
        return Worth(value, initial, maintenance, notional)

    def withdrawable(self, number: int) -> int:
        """Return what may leave an account."""
        worth = self.worth(self.accounts[number])
        kept = max(Fraction(worth.initial), Fraction(ceil(Fraction(worth.notional, 10))))
        held = self.deposited - sum(amount for _, amount in self.outbox)
        return max(0, min(worth.value - int(kept), held))

    # Inside

    def _pay(self, number: int, amount: int) -> None:
        self.accounts[number].cash -= amount
        self.outbox.append((number, amount))

    def _authenticate(self, signer: str, number: int, nonce: int, slot: int, scope: int) -> Outcome | None:
        account = self.accounts.get(number)
        if account is None or not account.owner:
            return Outcome.NO_ACCOUNT
        if slot == 0 and signer != account.owner:
            return Outcome.NOT_AUTHORISED
        if slot:
            agent = account.agents.get(slot)
            if agent is None or agent.key != signer:
                return Outcome.NOT_AUTHORISED
            if agent.expiry_ms and agent.expiry_ms <= self.clock_ms:
                return Outcome.AGENT_EXPIRED
            if agent.scope & scope != scope:
                return Outcome.AGENT_SCOPE
        newest = max(account.nonces, default=0) // NONCES_PER_WORD
        if not newest - 1 <= nonce // NONCES_PER_WORD <= newest + NONCE_WORDS_AHEAD:
            return Outcome.NONCE_RANGE
        if nonce in account.nonces:
            return Outcome.NONCE_USED
        account.nonces.add(nonce)
        return None

    def _check_order(self, wanted: Order) -> Outcome | None:
        market = self.markets.get(wanted.market)
        if market is None:
            return Outcome.NO_MARKET
        if not market.mark:
            return Outcome.NO_MARK
        if not wanted.lots or not wanted.price:
            return Outcome.OUT_OF_RANGE
        if wanted.lots > market.max_lots:
            return Outcome.TOO_LARGE
        return Outcome.EXPIRED if wanted.expiry_ms and wanted.expiry_ms <= self.clock_ms else None

    def _best_against(self, taker: Order) -> Order | None:
        """Return the best and oldest order on the other side, if it crosses."""
        others = [o for o in self.orders if o.market == taker.market and o.side != taker.side]
        if taker.side == BUY:
            crossing = [o for o in others if o.price <= taker.price]
            return min(crossing, key=lambda o: (o.price, o.sequence), default=None)
        crossing = [o for o in others if o.price >= taker.price]
        return min(crossing, key=lambda o: (-o.price, o.sequence), default=None)

    def _is_dead(self, maker: Order) -> bool:
        expired = maker.expiry_ms != 0 and maker.expiry_ms <= self.clock_ms
        return expired or maker.sequence < self.accounts[maker.account].dead_before

    def _after(self, number: int, order: Order, lots: int, quote: int, fee: int) -> Account | Outcome:
        """Return an account as a fill of `order` would leave it, or why it may not."""
        market = self.markets[order.market]
        old = self.accounts[number]
        size = old.positions.get(order.market, 0)
        if size == 0 and len(old.positions) == MAX_POSITIONS:
            return Outcome.NO_POSITION_SLOT
        new_size = size + (lots if order.side == BUY else -lots)
        funding = self._funding(old, order.market)
        new_cash = old.cash - ceil(funding) + (-quote if order.side == BUY else quote) - fee
        if abs(new_size) > market.max_lots or abs(new_cash) > MAX_CASH:
            return Outcome.POSITION_LIMIT
        positions = {m: s for m, s in {**old.positions, order.market: new_size}.items() if s}
        paid = {m: old.paid.get(m, Fraction(0)) if m != order.market else market.funding for m in positions}
        new = Account(old.owner, new_cash, positions, old.nonces, old.dead_before, old.agents, paid)
        shrinks = abs(new_size) < abs(size) and size * new_size >= 0
        return new if self._stands(self.worth(old), self.worth(new), shrinks=shrinks) else Outcome.MARGIN

    def _funding(self, account: Account, number: int) -> Fraction:
        """Return what an account's position owes in funding, unrounded."""
        market = self.markets[number]
        held = account.positions.get(number, 0)
        return held * market.multiplier * (market.funding - account.paid[number]) if held else Fraction(0)

    @staticmethod
    def _stands(before: Worth, after: Worth, *, shrinks: bool) -> bool:
        if after.value >= after.initial:
            return True
        if not shrinks or after.maintenance == 0:
            return False
        return Fraction(after.value, after.maintenance) >= Fraction(before.value, before.maintenance)

    def _trade(self, taker: Order, maker: Order) -> Outcome | None:
        market = self.markets[taker.market]
        lots = min(taker.lots, maker.lots)
        quote = lots * maker.price * market.multiplier
        taker_fee = share(quote, market.taker_ppm)
        maker_fee = share(quote, market.maker_ppm) - quote * market.rebate_ppm // MILLION
        taker_after = self._after(taker.account, taker, lots, quote, taker_fee)
        if isinstance(taker_after, Outcome):
            return taker_after
        maker_after = self._after(maker.account, maker, lots, quote, maker_fee)
        if isinstance(maker_after, Outcome):
            self.orders.remove(maker)
            return None
        if self._overfills(taker.market, {taker.account: taker_after, maker.account: maker_after}):
            return Outcome.OPEN_INTEREST
        for number in (taker.account, maker.account):
            funding = self._funding(self.accounts[number], taker.market)
            self.dust += ceil(funding) - funding
        self.accounts[taker.account], self.accounts[maker.account] = taker_after, maker_after
        self.fees += taker_fee + maker_fee + int(self.dust)
        self.dust -= int(self.dust)
        taker.lots -= lots
        maker.lots -= lots
        if maker.lots == 0:
            self.orders.remove(maker)
        return None

    def _overfills(self, number: int, changed: dict[int, Account]) -> bool:
        """Whether open interest would grow beyond the market's cap."""
        market = self.markets[number]

        def longs(accounts: dict[int, Account]) -> int:
            return sum(max(0, account.positions.get(number, 0)) for account in accounts.values())

        before, after = longs(self.accounts), longs({**self.accounts, **changed})
        return before < after and 0 < market.max_open_interest < after

    def _rest(self, wanted: Order) -> Outcome:
        account = self.accounts[wanted.account]
        market = self.markets[wanted.market]
        size = account.positions.get(wanted.market, 0)
        if size == 0 and len(account.positions) == MAX_POSITIONS:
            return Outcome.MARGIN
        reducible = max(0, -size if wanted.side == BUY else size)
        quote = wanted.lots * wanted.price * market.multiplier
        worth = self.worth(account)
        if wanted.lots > reducible and worth.value < worth.initial + market.initial(quote):
            return Outcome.MARGIN
        self.orders.append(wanted)
        return Outcome.ACCEPTED
