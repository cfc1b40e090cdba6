"""Liquidations in the independent ledger: by search where the machine has a closed form."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger import Ledger
from tallystick.testing.ledger.ledger_market import MILLION, Market, debt_shares
from tallystick.testing.ledger.ledger_model import BUY, INSURANCE_FUNDS, Account, Lean, Order
from tallystick.testing.ledger.ledger_price import liquidation_stage

SELL = 1
NOMINATED_MS = 5_000
NEXT_MS = 1_000
LAPSES_MS = 60_000
MAX_PRICE = 2**24 - 1
TRIED_MS = 1_000
SLICE_MS = 5_000
SLICES = 16
STEP_MS = 10_000
STEPS_MOST = 100
STEP = Fraction(1, 10_000)
BEARS_MS = 120_000
BEARS = Fraction(1, 10)


@dataclass(slots=True)
class Nomination:
    """Who is to take up an account's position; 0 behind a deleveraging, when nobody is nominated."""

    market: int
    candidate: int
    since_ms: int


class LiquidatingLedger(Ledger):
    """The ledger with the insurance funds, one for each market."""

    def __init__(self, *, governance: str, signers: tuple[str, ...], quorum: int) -> None:
        super().__init__(governance=governance, signers=signers, quorum=quorum)
        self.nominations: dict[int, Nomination] = {}
        self.tried = (0, 0, 0)

    def liquidate(self, number: int, market_number: int) -> Outcome:
        """Sell, or buy back, the fewest lots that suffice; of a fund a slice."""
        self.begin_record()
        unwinds = number in INSURANCE_FUNDS
        refused = self._closable(number, market_number, slices=unwinds)
        if refused is None and not unwinds:
            refused = self._failing(number, market_number)
            if refused is None and self.worth(self.accounts[number], Lean.BEST).value < 0:
                refused = Outcome.BANKRUPT
            elif refused is None and self._is_held(number, market_number):
                refused = Outcome.BRAKE
        if refused:
            return refused
        size = self.accounts[number].positions[market_number]
        lots, limit = (self._slice if unwinds else self._sale)(number, market_number)
        limit = min(MAX_PRICE, max(1, limit))
        wanted = Order(self.sequence, number, market_number, SELL if size > 0 else BUY, limit, lots, 0, 0)
        ended = self._sell_out(wanted)
        if ended is not Outcome.ACCEPTED and not unwinds:
            self.tried = (number, market_number, self.clock_ms)
        return ended

    def take_over(self, number: int, market_number: int, lots: int) -> Outcome:
        """Let the market's fund take up lots of a position that the book does not."""
        self.records += 1
        refused = Outcome.HEALTHY if number in INSURANCE_FUNDS else self._beyond_book(number, market_number)
        if refused:
            return refused
        changed = self._fund_takes(number, market_number, lots)
        if changed is None:
            return Outcome.INSURANCE_LIMIT
        market, fund = self.markets[market_number], INSURANCE_FUNDS[market_number]
        gain = self._gain(number, market_number, lots, self._quote(number, market_number, lots))
        if gain < 0:
            since, borne, most = self._window(market_number)
            market.borne = [(since, borne - gain, most)]
        was, now = (of.positions.get(market_number, 0) for of in (self._fund(market_number), changed[fund]))
        market.slack = (market.slack if was * now > 0 else 0) + Fraction(gain // 2 if gain > 0 else gain)
        market.slack *= now != 0
        market.fund_traded_ms = self.clock_ms
        self._change(market_number, changed)
        return Outcome.ACCEPTED

    def nominate(self, number: int, market_number: int, candidate: int) -> Outcome:
        """Name who takes up a position that nobody else takes."""
        self.records += 1
        refused = self._last_resort(number, market_number)
        if refused or self._spares(number, market_number, candidate):
            return refused or Outcome.BRAKE
        if self._candidate_takes(number, market_number, candidate) is None:
            return Outcome.NOT_ELIGIBLE
        before = self.nominations.get(number)
        if before is None or self.clock_ms - before.since_ms >= LAPSES_MS:
            self.nominations[number] = Nomination(market_number, candidate, self.clock_ms)
        elif before.candidate == 0:
            earlier = NOMINATED_MS - NEXT_MS if before.market == market_number else 0
            self.nominations[number] = Nomination(market_number, candidate, self.clock_ms - earlier)
        elif before.market != market_number:
            weights = [self._weight(self.accounts[number], each) for each in (market_number, before.market)]
            if weights[0] <= weights[1]:
                return Outcome.OUTRANKED
            self.nominations[number] = Nomination(market_number, candidate, self.clock_ms)
        elif self._candidate_takes(number, market_number, before.candidate) is None:
            before.candidate = candidate
        else:
            ranks = [self._rank(number, market_number, each) for each in (candidate, before.candidate)]
            if self.clock_ms - before.since_ms >= NOMINATED_MS or ranks[0] <= ranks[1]:
                return Outcome.OUTRANKED
            before.candidate = candidate
        return Outcome.ACCEPTED

    def deleverage(self, number: int) -> Outcome:
        """Close a position against the nominee's."""
        self.records += 1
        standing = self.nominations.get(number)
        if standing is None or standing.candidate == 0:
            return Outcome.NO_NOMINATION
        waited = self.clock_ms - standing.since_ms
        if not NOMINATED_MS <= waited < LAPSES_MS:
            return Outcome.TOO_EARLY if waited < NOMINATED_MS else Outcome.EXPIRED
        refused = self._last_resort(number, standing.market)
        if refused or self._spares(number, standing.market, standing.candidate):
            return refused or Outcome.BRAKE
        changed = self._candidate_takes(number, standing.market, standing.candidate)
        if changed is None:
            return Outcome.NOT_ELIGIBLE
        if self._owes(number):
            for lots in (1, -1):
                self.markets[standing.market].brakes.of(lots).prolong(self.clock_ms)
        self._change(standing.market, changed)
        if number in INSURANCE_FUNDS and standing.market not in self.accounts[number].positions:
            self.markets[standing.market].slack = Fraction(0)
        self.nominations[number] = Nomination(standing.market, 0, self.clock_ms)
        return Outcome.ACCEPTED

    # Inside

    def _sell_out(self, wanted: Order) -> Outcome:
        market = self.markets[wanted.market]
        while wanted.lots:
            if not self.work:
                return Outcome.WORK_LIMIT
            self.work -= 1
            maker = self._best_against(wanted)
            if maker is None or market.has_expired(self.clock_ms):
                return Outcome.UNFILLED
            if maker.account == wanted.account or self._is_dead(maker):
                self.orders.remove(maker)
            elif market.too_dear(maker.price, buys=maker.side == BUY):
                self._give_up(maker)
            elif failed := self._liquidate_against(wanted, maker):
                return failed
        return Outcome.ACCEPTED

    def _closable(self, number: int, market_number: int, *, slices: bool) -> Outcome | None:
        """Return why a position cannot be closed in the book, whoever holds it."""
        market = self.markets.get(market_number)
        if market is None or market.settled or not market.mark:
            return Outcome.NO_MARKET
        account = self.accounts.get(number)
        if not account or market_number not in account.positions:
            return Outcome.NO_POSITION
        owes = slices or self.worth(account, Lean.BEST).value < 0
        refused = liquidation_stage(market, self.clock_ms, owes=owes)
        if refused is None and slices and self.clock_ms - market.fund_traded_ms < SLICE_MS:
            refused = Outcome.SLICE_WAITS
        return refused

    def _failing(self, number: int, market_number: int) -> Outcome | None:
        worth = self.worth(self.accounts[number], Lean.BEST)
        return Outcome.HEALTHY if worth.value >= worth.maintenance else None

    def _beyond_book(self, number: int, market_number: int) -> Outcome | None:
        """Return why only the book closes a position, if it may be closed at all."""
        settled = market_number in self.markets and self.markets[market_number].settled
        if not settled:
            refused = self._closable(number, market_number, slices=False)
        else:
            account = self.accounts.get(number)
            refused = None if account and market_number in account.positions else Outcome.NO_POSITION
        refused = refused or self._failing(number, market_number)
        if refused or self._owes(number):
            return refused
        if settled:
            return Outcome.HEALTHY
        if self._is_held(number, market_number):
            return Outcome.BRAKE
        worth = self.worth(self.accounts[number], Lean.INDEX)
        account_tried, market_tried, at_ms = self.tried
        tried = (account_tried, market_tried) == (number, market_number) and self.clock_ms < at_ms + TRIED_MS
        spent = Fraction(worth.value, worth.maintenance) < Fraction(1, 2)
        return None if number in INSURANCE_FUNDS or (tried and spent) else Outcome.BOOK_FIRST

    def _owes(self, number: int) -> bool:
        return self.worth(self.accounts[number], Lean.INDEX).value < 0

    def _spares(self, number: int, market_number: int, candidate: int) -> bool:
        """Whether a brake keeps a candidate from taking lots of an account that does not owe."""
        return not self._owes(number) and self._is_held(candidate, market_number)

    def _last_resort(self, number: int, market_number: int) -> Outcome | None:
        refused = self._beyond_book(number, market_number)
        if refused or number in INSURANCE_FUNDS:
            return refused
        return None if self._fund_takes(number, market_number, 1) is None else Outcome.INSURANCE_FIRST

    def _sufficient(self, account: Account, market_number: int, lean: Lean) -> int:
        market, held = self.markets[market_number], account.positions[market_number]
        size, lot = abs(held), market.price(held, lean) * market.multiplier
        worth = self.worth(account, lean)
        others = worth.maintenance - market.maintenance(size * lot)
        for lots in range(1, size):
            value = worth.value - Fraction(lots * lot * market.liquidation_fee_ppm, MILLION)
            if value >= others + market.exact_maintenance((size - lots) * lot):
                return lots
        return size

    def _behind(self, account: Account, market_number: int, lots: int, lean: Lean, amount: int) -> int:
        """Return the part of an amount that stands behind lots, as margin does."""
        market, held = self.markets[market_number], account.positions[market_number]
        size, lot = abs(held), market.price(held, lean) * market.multiplier
        whole = market.maintenance(size * lot)
        freed = whole - market.maintenance((size - lots) * lot)
        if amount < 0 and (borne := debt_shares(account.positions, account.costs, self.markets)):
            return floor(Fraction(floor(amount * borne.get(market_number, Fraction(0))) * freed, whole))
        return floor(Fraction(amount * freed, self.worth(account, lean).maintenance))

    def _sale(self, number: int, market_number: int) -> tuple[int, int]:
        """Return how much of a position the book is offered, and down to which price."""
        account, market = self.accounts[number], self.markets[market_number]
        held, worth = account.positions[market_number], self.worth(account, Lean.BEST)
        price = market.price(held, Lean.BEST)
        lots = self._sufficient(account, market_number, Lean.BEST)
        yields = min(
            self._behind(account, market_number, lots, Lean.BEST, min(worth.value, worth.maintenance - worth.value)),
            floor(Fraction(lots * price * market.multiplier * market.liquidation_fee_ppm, MILLION)),
        )
        away = floor(Fraction(yields, lots * market.multiplier))
        return lots, price - away if held > 0 else price + away

    def _slice(self, number: int, market_number: int) -> tuple[int, int]:
        """Return how much a fund offers at once, and down to which price: the longer it has waited, the lower."""
        market, fund = self.markets[market_number], self.accounts[number]
        held = fund.positions[market_number]
        lots = min(abs(held), max(1, market.insurance_lots // SLICES))
        steps = min(STEPS_MOST, (self.clock_ms - market.fund_traded_ms) // STEP_MS)
        away = min(floor(market.index * steps * STEP), floor(market.slack / (lots * market.multiplier)))
        if market.slack <= 0 or self.worth(fund, Lean.BEST).value < 0:
            away = 0
        return lots, market.index - away if held > 0 else market.index + away

    def _quote(self, number: int, market_number: int, lots: int) -> int:
        """Return what changes hands for lots beyond the book."""
        account, market = self.accounts[number], self.markets[market_number]
        held, value = account.positions[market_number], self.worth(account, Lean.INDEX).value
        behind = self._behind(account, market_number, lots, Lean.INDEX, value)
        at_index = lots * market.index * market.multiplier
        zero = max(at_index - behind if held > 0 else at_index + behind, lots * market.multiplier)
        if value < 0:
            return zero
        fee = 0 if number in INSURANCE_FUNDS else at_index * market.liquidation_fee_ppm // MILLION
        return max(zero, at_index - fee) if held > 0 else min(zero, at_index + fee)

    def _gain(self, number: int, market_number: int, lots: int, quote: int) -> int:
        """Return what who takes lots up for a quote gains against the index."""
        market = self.markets[market_number]
        gain = lots * market.index * market.multiplier - quote
        return gain if self.accounts[number].positions[market_number] > 0 else -gain

    def _due(self, number: int, market_number: int) -> int:
        account = self.accounts[number]
        if self._owes(number):
            return abs(account.positions[market_number])
        return self._sufficient(account, market_number, Lean.INDEX)

    def _moved(self, number: int, market_number: int, other: int, lots: int, quote: int) -> dict[int, Account] | None:
        """Return both accounts as moving lots between them for a quote would leave them."""
        side = SELL if self.accounts[number].positions[market_number] > 0 else BUY
        changed: dict[int, Account] = {}
        for each, its_side in ((number, side), (other, 1 - side)):
            after = self._after(each, Order(0, each, market_number, its_side, 0, lots, 0, 0), lots, quote, 0)
            if isinstance(after, Outcome):
                return None
            changed[each] = after
        return changed

    def _fund(self, market_number: int) -> Account:
        """Return a market's fund, which is there from the beginning."""
        return self.accounts.setdefault(INSURANCE_FUNDS[market_number], Account(""))

    def _window(self, market_number: int) -> tuple[int, int, int]:
        """Return since when the fund bears what it now does, how much that is, and how much it may become."""
        market = self.markets[market_number]
        if market.borne and self.clock_ms - market.borne[0][0] < BEARS_MS:
            return market.borne[0]
        value = self.worth(self._fund(market_number), Lean.WORST).value
        return self.clock_ms, 0, floor(max(0, value) * BEARS)

    def _fund_takes(self, number: int, market_number: int, lots: int) -> dict[int, Account] | None:
        size, fund = self.accounts[number].positions[market_number], self._fund(market_number)
        held = fund.positions.get(market_number, 0)
        room = self.markets[market_number].insurance_lots - (held if size > 0 else -held)
        if not 1 <= lots <= min(room, self._due(number, market_number)):
            return None
        quote = self._quote(number, market_number, lots)
        changed = self._moved(number, market_number, INSURANCE_FUNDS[market_number], lots, quote)
        if changed is None:
            return None
        _, borne, most = self._window(market_number)
        if self._owes(number) and borne + max(0, -self._gain(number, market_number, lots, quote)) > most:
            return None
        later = changed[INSURANCE_FUNDS[market_number]]
        new = later.positions.get(market_number, 0)
        shrinks = abs(new) < abs(held) and held * new >= 0
        before, after = self.worth(fund, Lean.WORST), self.worth(later, Lean.WORST)
        return changed if self._stands(before, after, shrinks=shrinks) else None

    def _against(self, number: int, market_number: int, candidate: int) -> int:
        """Return how many of the lots that are due a candidate holds on the other side."""
        other = self.accounts.get(candidate)
        if candidate == number or candidate in INSURANCE_FUNDS or other is None:
            return 0
        size, opposite = self.accounts[number].positions[market_number], other.positions.get(market_number, 0)
        return min(self._due(number, market_number), abs(opposite)) if size * opposite < 0 else 0

    def _candidate_takes(self, number: int, market_number: int, candidate: int) -> dict[int, Account] | None:
        """Find the most lots after which the candidate does not owe; two who owe both meet at the index."""
        lots, market = self._against(number, market_number, candidate), self.markets[market_number]
        if not lots or self._spares(number, market_number, candidate):
            return None
        value = self.worth(self.accounts[candidate], Lean.INDEX).value
        if value <= 0:
            at_index = lots * market.index * market.multiplier
            return self._moved(number, market_number, candidate, lots, at_index) if self._owes(number) else None
        for fewer in range(lots, 0, -1):
            quote = self._quote(number, market_number, fewer)
            if value + self._gain(number, market_number, fewer, quote) >= 0:
                return self._moved(number, market_number, candidate, fewer, quote)
        return None

    def _rank(self, number: int, market_number: int, candidate: int) -> tuple[bool, Fraction]:
        """Rank a candidate: one that makes a profit by closing at the quote, then by leverage times lots."""
        other = self.accounts[candidate]
        worth = self.worth(other, Lean.INDEX)
        if worth.value <= 0:
            return False, Fraction(0)
        lots = self._against(number, market_number, candidate)
        held, each = other.positions[market_number], Fraction(self._quote(number, market_number, lots), lots)
        cost = Fraction(other.costs[market_number], held)
        profits = each >= cost if held > 0 else cost >= each
        return profits, Fraction(lots * worth.notional, worth.value)

    def _weight(self, account: Account, market_number: int) -> tuple[bool, int]:
        """Return whether a position has lost by a jump, and what it must keep at the index, 0 when it is closed."""
        market, size = self.markets[market_number], account.positions.get(market_number, 0)
        return market.has_jumped(size), market.maintenance(abs(size) * market.index * market.multiplier)

    def _liquidate_against(self, taker: Order, maker: Order) -> Outcome | None:
        market: Market = self.markets[taker.market]
        lots = self._tradable(taker, maker)
        if lots == 0:
            self._give_up(maker)
            return None
        if self._is_held(taker.account, taker.market):
            return Outcome.BRAKE
        quote = lots * maker.price * market.multiplier
        better = abs(maker.price - taker.price) * lots * market.multiplier
        fee = 0 if taker.account in INSURANCE_FUNDS else min(quote * market.liquidation_fee_ppm // MILLION, better)
        maker_fee = ceil(Fraction(quote * market.maker_fee_ppm, MILLION))
        taker_after = self._after(taker.account, taker, lots, quote, fee)
        if isinstance(taker_after, Outcome):
            return taker_after
        maker_after = self._after(maker.account, maker, lots, quote, maker_fee)
        if isinstance(maker_after, Outcome):
            self._give_up(maker)
            return None
        changed = {taker.account: taker_after, maker.account: maker_after}
        self._ask_more(taker.market, changed)
        if not self._carries(maker.account, maker_after, taker.market):
            self._give_up(maker)
            return None
        if taker.account in INSURANCE_FUNDS:
            better = lots * (maker.price - market.index) * market.multiplier
            market.slack += better if taker.side == SELL else -better
            market.slack *= taker.market in taker_after.positions
            market.fund_traded_ms = self.clock_ms
        self._change(taker.market, changed)
        self._fund(taker.market).cash += fee
        self.fees += maker_fee
        taker.lots -= lots
        self._fill_maker(maker, lots)
        return None
