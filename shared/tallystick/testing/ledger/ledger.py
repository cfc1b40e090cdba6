"""An independent set of books: the exchange again, as plain objects, lists and fractions, slow and obvious on purpose.

It shares no code with `tallystick.machine`, only the names of outcomes and the limits of the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import Market
from tallystick.testing.ledger.ledger_model import (
    ABOVE,
    BUY,
    CLOCK_LAG_MS,
    INSURANCE_FUNDS,
    IOC,
    MARKET_ORDER,
    NONCE_WORDS_AHEAD,
    NONCES_PER_WORD,
    REDUCE_ONLY,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
    REPORT_PAUSE_MS,
    STP_BOTH,
    STP_TAKER,
    TREASURY,
    WORK,
    Account,
    Agent,
    Order,
)
from tallystick.testing.ledger.ledger_price import commit
from tallystick.testing.ledger.ledger_quote import Quotes

__all__ = ["Account", "Agent", "Ledger", "Market", "Order"]

MAIN_ACCOUNTS = 2**28


class Ledger(Quotes):
    """The whole exchange, one method a record or message; each returns the outcome it must have."""

    # Records

    def junk(self, outcome: Outcome) -> Outcome:
        """Count bytes that are no record."""
        self.records += 1
        return outcome

    def open_batch(self, time_s: int) -> None:
        """Raise the clock to a batch's time, but for a while."""
        self.clock_ms = max(self.clock_ms, 1000 * time_s - CLOCK_LAG_MS)

    def clock(self, clock_ms: int, until_s: int) -> Outcome:
        """Move the clock."""
        self.records += 1
        if clock_ms < self.clock_ms:
            return Outcome.CLOCK_BACKWARDS
        if clock_ms > until_s * 1000:
            return Outcome.CLOCK_OUT_OF_BOUND
        self.clock_ms = clock_ms
        return Outcome.ACCEPTED

    def report(self, signer: str, slot: int, pairs: Sequence[tuple[int, int]], time_ms: int) -> Outcome:
        """Take one signer's prices, in pairs of a market and a price; what became of the last one is the outcome."""
        self.records += 1
        if slot >= len(self.signers) or self.signers[slot] != signer:
            return Outcome.NOT_AUTHORISED
        outcomes = [self._report(slot, number, price, time_ms) for number, price in pairs]
        return outcomes[-1] if outcomes else Outcome.MALFORMED

    def _report(self, slot: int, number: int, price: int, time_ms: int) -> Outcome:
        market = self.markets.get(number)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        if price == 0:
            return Outcome.OUT_OF_RANGE
        if not self.clock_ms - REPORT_AGE_MS <= time_ms <= self.clock_ms + REPORT_AHEAD_MS:
            return Outcome.STALE_REPORT
        too_soon = slot in market.reports and time_ms < market.reports[slot][0] + REPORT_PAUSE_MS
        if too_soon or time_ms < market.index_ms - REPORT_AGE_MS:
            return Outcome.OLD_REPORT
        market.reports[slot] = (time_ms, price)
        both = lambda: (self.impact(number, BUY), self.impact(number, 1 - BUY))  # noqa: E731
        moved = commit(market, self.quorum, self.clock_ms, both, self.sequence)
        if moved and not market.settled:
            self._fire(number)
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
        """Move cash within a family of accounts, or into an insurance fund or the treasury."""
        self.records += 1
        rejection = self._authenticate(signer, number, nonce, 0, 0)
        if rejection:
            return rejection
        if amount == 0 or to == number:
            return Outcome.OUT_OF_RANGE
        nobodys = to == TREASURY or to in INSURANCE_FUNDS
        if not nobodys and (to - number) % MAIN_ACCOUNTS:
            return Outcome.NOT_AUTHORISED
        if amount > self.withdrawable(number):
            return Outcome.NOT_WITHDRAWABLE
        self.accounts[number].cash -= amount
        self.accounts.setdefault(to, Account(owner="" if nobodys else self.accounts[number].owner)).cash += amount
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
        order = self.find(number, client_id, sequence)
        if order is None:
            return Outcome.NO_SUCH_ORDER
        (self.parked if order.trigger else self.orders).remove(order)
        return Outcome.ACCEPTED

    def amend(self, number: int, sequence: int, wanted: Order) -> bool:
        """Make an order smaller in its place, when that is all that a replace of it comes to; say whether it was."""
        order = self.find(number, wanted.client_id, sequence)
        if order is None or order.trigger or self._is_dead(order) or not 0 < wanted.lots <= order.lots:
            return False
        if replace(wanted, sequence=order.sequence, lots=order.lots) != order:
            return False
        if self._too_small(wanted):
            return False
        order.lots = wanted.lots
        return True

    def find(self, number: int, client_id: int, sequence: int) -> Order | None:
        """Return a resting or parked order."""
        wanted = (sequence, number, client_id)
        known = self.orders + self.parked
        return next((each for each in known if (each.sequence, each.account, each.client_id) == wanted), None)

    def cancel_all(self, signer: str, number: int, agent: int, nonce: int, sequence: int | None = None) -> Outcome:
        """Make every order placed so far dead, or of these the ones before a number."""
        self.records += 1
        rejection = self._authenticate(signer, number, nonce, agent, 2)
        if rejection:
            return rejection
        account = self.accounts[number]
        if sequence is None or sequence >= self.sequence:
            account.dead_before = self.sequence
        elif sequence > account.dead_before:
            account.dead_before = sequence
        return Outcome.ACCEPTED

    def dead_man(self, signer: str, number: int, agent: int, nonce: int, time_ms: int) -> Outcome:
        """Arm the dead-man switch, or disarm it with 0."""
        self.records += 1
        rejection = self._authenticate(signer, number, nonce, agent, 2)
        if rejection:
            return rejection
        if 0 < time_ms <= self.clock_ms:
            return Outcome.EXPIRED
        account = self.accounts[number]
        if self._switch_fired(account):
            account.dead_before = self.sequence
        account.dead_man_ms = time_ms
        return Outcome.ACCEPTED

    def clean(self, *named: Order | None) -> Outcome:
        """Remove the orders that nobody can fill, or that nothing stands behind; return what became of the last one."""
        self.records += 1
        outcome = Outcome.MALFORMED
        for order in named:
            there = order is not None and any(each is order for each in self.orders + self.parked)
            if order is None or not there:
                outcome = Outcome.NO_SUCH_ORDER
            elif not self._is_dead(order) and self._may_stay(order):
                outcome = Outcome.NOT_DEAD
            else:
                if self._is_dead(order):
                    (self.parked if order.trigger else self.orders).remove(order)
                else:
                    self._give_up(order)
                outcome = Outcome.ACCEPTED
        return outcome

    def _may_stay(self, order: Order) -> bool:
        """Whether an order that lives is its market's and its account's; while prices have stopped nobody asks for margin."""
        market = self.markets[order.market]
        return not market.settled and (market.is_stale(self.clock_ms) or self.is_carried(order))

    def order(self, signer: str, agent: int, nonce: int, wanted: Order) -> Outcome:
        """Place an order: check it, trade it, rest what is left. Its sequence is filled in here."""
        self.begin_record()
        rejection = self._authenticate(signer, wanted.account, nonce, agent, 1) or self.find_market(wanted)
        return rejection or self.place(self._bound(wanted, agent))

    def conditional(
        self, signer: str, agent: int, nonce: int, wanted: Order, pair_id: int, hinted: Order | None
    ) -> Outcome:
        """Place an order with a trigger or a pair; the operator has pointed at the pair, or at nothing."""
        self.begin_record()
        rejection = self._authenticate(signer, wanted.account, nonce, agent, 3 if pair_id else 1)
        rejection = rejection or self.find_market(wanted)
        return rejection or self.place(self._bound(wanted, agent), pair_id, hinted)

    def begin_bulk(self, signer: str, agent: int, nonce: int, number: int) -> Outcome | None:
        """Authenticate a bulk; `find_market`, `place` and `remove` run its items."""
        self.begin_record()
        return self._authenticate(signer, number, nonce, agent, 3)

    def place(self, wanted: Order, pair_id: int = 0, hinted: Order | None = None, *, fired: bool = False) -> Outcome:
        """Place an order, alone, as an item of a bulk, or because it has fired."""
        wanted.sequence = self.sequence
        rejection = self._check_order(wanted, pairs=pair_id != 0, fired=fired)
        if rejection:
            return rejection
        if wanted.trigger:
            return self._settle_down(wanted, pair_id, hinted)
        if wanted.flags & MARKET_ORDER:
            wanted.flags |= IOC
            market = self.markets[wanted.market]
            wanted.price = wanted.price or market.bound(buys=wanted.side == BUY, around=market.mark)
        while self.work:
            self.work -= 1
            if wanted.flags & REDUCE_ONLY:
                wanted.lots = min(wanted.lots, self._reducible(wanted))
                if not wanted.lots:
                    return Outcome.NOTHING_TO_REDUCE
            maker = self._best_against(wanted)
            if maker is None:
                wanted.put_off = self.markets[wanted.market].brakes.run(self.clock_ms)
                return Outcome.UNFILLED if wanted.flags & IOC else self._settle_down(wanted, pair_id, hinted)
            ended = self._meet(wanted, maker)
            if ended or not wanted.lots:
                return ended or Outcome.ACCEPTED
        return Outcome.WORK_LIMIT

    def _settle_down(self, wanted: Order, pair_id: int, hinted: Order | None) -> Outcome:
        """Rest or park an order, and pair it with another one."""
        if pair_id:
            mine = hinted is not None and (hinted.account, hinted.client_id) == (wanted.account, pair_id)
            if hinted is None or not mine or hinted.pair is not None:
                return Outcome.NO_SUCH_ORDER
        outcome = self._rest(wanted)
        other = hinted if pair_id else self._left(wanted)
        if other is not None and outcome is Outcome.ACCEPTED:
            wanted.pair, other.pair = other, wanted
        return outcome

    def _fire(self, number: int) -> None:
        """Place the parked orders that the mark has reached: those above first, then those that sell, then the nearest."""
        market = self.markets[number]
        done: list[tuple[int, int]] = []
        for _ in range(WORK):
            due = [order for order in self.parked if order.market == number and order.is_due(market.mark)]
            due = [order for order in due if (order.flags & ABOVE, order.side) not in done]
            due = [order for order in due if not self._side_waits(market, order)]
            if not due:
                return
            fired = min(due, key=lambda o: (0, -o.side, o.trigger) if o.flags & ABOVE else (1, -o.side, -o.trigger))
            dead = self._is_dead(fired)
            self.parked.remove(fired)
            self.work = WORK
            if not dead:
                again = replace(fired, flags=fired.flags & ~ABOVE, trigger=0, pair=None, had=fired.pair)
                if again.had is not None:
                    again.had.pair = None
                ended = self.place(again, fired=True)
                stop = fired.flags & MARKET_ORDER and fired.flags & REDUCE_ONLY and not fired.price
                if ended is Outcome.WORK_LIMIT or (again.put_off and ended is Outcome.UNFILLED and stop):
                    done.append((fired.flags & ABOVE, fired.side))
                    fired.lots, fired.pair = again.lots, self._left(again)
                    if fired.pair is not None:
                        fired.pair.pair = fired
                    self.parked.append(fired)

    def _side_waits(self, market: Market, order: Order) -> bool:
        """Whether triggers of the order's side wait, which would close what a brake holds."""
        return market.brakes.of(-1 if order.side == BUY else 1).holds(market.index, self.clock_ms)

    # Messages from L1

    def message(self) -> None:
        """Count a message."""
        self.messages += 1

    def came_through_l1(self, outcome: Outcome) -> Outcome:
        """Count the newest record as a message instead: it is judged in the same way."""
        self.records -= 1
        self.messages += 1
        return outcome

    def deposit(self, sender: str, number: int, amount: int) -> Outcome:
        """Credit an account, and give it to its first depositor, unless it is never anybody's."""
        nobodys = number == TREASURY or number in INSURANCE_FUNDS
        self.accounts.setdefault(number, Account(owner="" if nobodys else sender)).cash += amount
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
        self.accounts[number].dead_before = self.sequence
        return Outcome.ACCEPTED

    # Inside

    def _bound(self, wanted: Order, agent: int) -> Order:
        """Have an order of a key that may not cancel give way to the own orders it meets."""
        if agent and not self.accounts[wanted.account].agents[agent].scope & 2:
            wanted.flags = wanted.flags & ~STP_BOTH | STP_TAKER
        return wanted

    def _pay(self, number: int, amount: int) -> None:
        self.accounts[number].cash -= amount
        self.outbox.append((number, amount))

    def _authenticate(
        self, signer: str, number: int, nonce: int, slot: int, scope: int, *, spends: bool = True
    ) -> Outcome | None:
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
        if spends:
            account.nonces.add(nonce)
        return None
