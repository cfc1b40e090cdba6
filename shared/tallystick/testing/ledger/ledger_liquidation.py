"""Liquidations in the independent ledger: by search where the machine has a closed form."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger import Ledger
from tallystick.testing.ledger.ledger_market import MILLION, Market
from tallystick.testing.ledger.ledger_model import BUY, Account, Order
from tallystick.testing.ledger.ledger_price import liquidation_stage, spares_holders

FUND = 0
SELL = 1
NOMINATED_MS = 10_000
LAPSES_MS = 60_000
MAX_PRICE = 2**24 - 1


@dataclass(slots=True)
class Nomination:
    """Who is to take up an account's position."""

    market: int
    candidate: int
    since_ms: int


class LiquidatingLedger(Ledger):
    """The ledger with an insurance fund, which is account 0."""

    def __init__(self, *, governance: str, signers: tuple[str, ...], quorum: int) -> None:
        super().__init__(governance=governance, signers=signers, quorum=quorum)
        self.accounts[FUND] = Account("nobody")
        self.nominations: dict[int, Nomination] = {}

    def liquidate(self, number: int, market_number: int) -> Outcome:
        """Sell, or buy back, the fewest lots that suffice, at the zero price or better."""
        self.records += 1
        refused = self._closable(number, market_number) if number == FUND else self._failing(number, market_number)
        if refused:
            return refused
        account, market = self.accounts[number], self.markets[market_number]
        size = account.positions[market_number]
        side = SELL if size > 0 else BUY
        if number == FUND:
            band = market.mark * market.band_ppm // MILLION
            lots, limit = abs(size), max(1, market.mark - band) if size > 0 else min(MAX_PRICE, market.mark + band)
        elif self.worth(account).value < 0:
            return Outcome.BANKRUPT
        else:
            lots = self._sufficient(account, market_number)
            limit = self._zero_limit(account, market_number, lots)
        wanted = Order(self.sequence, number, market_number, side, limit, lots, 0, 0)
        while wanted.lots:
            maker = self._best_against(wanted)
            if maker is None:
                return Outcome.UNFILLED
            if maker.account == number or self._is_dead(maker):
                self.orders.remove(maker)
                continue
            failed = self._liquidate_against(wanted, maker)
            if failed:
                return failed
        return Outcome.ACCEPTED

    def take_over(self, number: int, market_number: int) -> Outcome:
        """Let the fund take up a position that the book does not."""
        self.records += 1
        refused = Outcome.HEALTHY if number == FUND else self._failing(number, market_number)
        if refused is None and self._book_takes(number, market_number):
            refused = Outcome.BOOK_CROSSES
        if refused:
            return refused
        changed = self._fund_takes(number, market_number)
        if changed is None:
            return Outcome.INSURANCE_LIMIT
        self._change(market_number, changed)
        return Outcome.ACCEPTED

    def nominate(self, number: int, market_number: int, candidate: int) -> Outcome:
        """Name who takes up a position that nobody else takes."""
        self.records += 1
        refused = self._last_resort(number, market_number)
        if refused:
            return refused
        if self._candidate_takes(number, market_number, candidate) is None:
            return Outcome.NOT_ELIGIBLE
        standing = self.nominations.get(number)
        if standing and self.clock_ms - standing.since_ms < LAPSES_MS:
            if standing.market != market_number or self.clock_ms - standing.since_ms >= NOMINATED_MS:
                return Outcome.OUTRANKED
            eligible = self._candidate_takes(number, market_number, standing.candidate) is not None
            if eligible and self._leverage(candidate) <= self._leverage(standing.candidate):
                return Outcome.OUTRANKED
            standing.candidate = candidate
        else:
            self.nominations[number] = Nomination(market_number, candidate, self.clock_ms)
        return Outcome.ACCEPTED

    def deleverage(self, number: int) -> Outcome:
        """Close a position against the nominee's."""
        self.records += 1
        standing = self.nominations.get(number)
        if standing is None:
            return Outcome.NO_NOMINATION
        waited = self.clock_ms - standing.since_ms
        if waited < NOMINATED_MS:
            return Outcome.TOO_EARLY
        del self.nominations[number]
        if waited >= LAPSES_MS:
            return Outcome.EXPIRED
        refused = self._last_resort(number, standing.market)
        if refused:
            return refused
        changed = self._candidate_takes(number, standing.market, standing.candidate)
        if changed is None:
            return Outcome.NOT_ELIGIBLE
        self._change(standing.market, changed)
        return Outcome.ACCEPTED

    # Inside

    def _closable(self, number: int, market_number: int) -> Outcome | None:
        market = self.markets.get(market_number)
        if market is None or market.settled or not market.mark:
            return Outcome.NO_MARKET
        account = self.accounts.get(number)
        if not account or market_number not in account.positions:
            return Outcome.NO_POSITION
        return liquidation_stage(market, self.clock_ms)

    def _failing(self, number: int, market_number: int) -> Outcome | None:
        refused = self._closable(number, market_number)
        if refused:
            return refused
        account = self.accounts[number]
        worth = self.worth(account)
        if worth.value >= worth.maintenance:
            return Outcome.HEALTHY
        spared = any(spares_holders(self.markets[each], self.clock_ms) for each in account.positions)
        return Outcome.LIQUIDATIONS_WAIT if spared else None

    def _last_resort(self, number: int, market_number: int) -> Outcome | None:
        refused = Outcome.HEALTHY if number == FUND else self._failing(number, market_number)
        if refused:
            return refused
        if self._book_takes(number, market_number):
            return Outcome.BOOK_CROSSES
        return None if self._fund_takes(number, market_number) is None else Outcome.INSURANCE_FIRST

    def _sufficient(self, account: Account, market_number: int) -> int:
        market, size = self.markets[market_number], abs(account.positions[market_number])
        worth, lot = self.worth(account), market.mark * market.multiplier
        others = worth.maintenance - market.maintenance(size * lot)
        for lots in range(1, size):
            value = worth.value - Fraction(lots * lot * market.liquidation_fee_ppm, MILLION)
            if value >= others + market.exact_maintenance((size - lots) * lot):
                return lots
        return size

    def _value_behind(self, account: Account, market_number: int, lots: int) -> int:
        market, size = self.markets[market_number], abs(account.positions[market_number])
        lot, worth = market.mark * market.multiplier, self.worth(account)
        freed = market.maintenance(size * lot) - market.maintenance((size - lots) * lot)
        return floor(Fraction(worth.value * freed, worth.maintenance))

    def _zero_limit(self, account: Account, market_number: int, lots: int) -> int:
        market = self.markets[market_number]
        away = floor(Fraction(self._value_behind(account, market_number, lots), lots * market.multiplier))
        return market.mark - away if account.positions[market_number] > 0 else market.mark + away

    def _zero_quote(self, account: Account, market_number: int, lots: int) -> int:
        market, behind = self.markets[market_number], self._value_behind(account, market_number, lots)
        at_mark = lots * market.mark * market.multiplier
        quote = at_mark - behind if account.positions[market_number] > 0 else at_mark + behind
        return max(quote, lots * market.multiplier)

    def _book_takes(self, number: int, market_number: int) -> bool:
        account = self.accounts[number]
        if self.worth(account).value < 0:
            return False
        size = account.positions[market_number]
        limit = self._zero_limit(account, market_number, abs(size))
        wanted = Order(0, number, market_number, SELL if size > 0 else BUY, limit, abs(size), 0, 0)
        return self._best_against(wanted) is not None

    def _moved(self, number: int, market_number: int, other: int, lots: int) -> dict[int, Account] | None:
        """Return both accounts as moving lots between them at the zero price would leave them."""
        account = self.accounts[number]
        side = SELL if account.positions[market_number] > 0 else BUY
        quote = self._zero_quote(account, market_number, lots)
        changed: dict[int, Account] = {}
        for each, its_side in ((number, side), (other, 1 - side)):
            after = self._after(
                each, Order(0, each, market_number, its_side, 0, lots, 0, 0), lots, quote, 0, forced=True
            )
            if isinstance(after, Outcome):
                return None
            changed[each] = after
        return changed

    def _fund_takes(self, number: int, market_number: int) -> dict[int, Account] | None:
        size, fund = self.accounts[number].positions[market_number], self.accounts[FUND]
        held = fund.positions.get(market_number, 0)
        room = self.markets[market_number].insurance_lots - (held if size > 0 else -held)
        lots = min(abs(size), room)
        changed = self._moved(number, market_number, FUND, lots) if lots > 0 else None
        if changed is None:
            return None
        new = changed[FUND].positions.get(market_number, 0)
        shrinks = abs(new) < abs(held) and held * new >= 0
        return changed if self._stands(self.worth(fund), self.worth(changed[FUND]), shrinks=shrinks) else None

    def _candidate_takes(self, number: int, market_number: int, candidate: int) -> dict[int, Account] | None:
        other = self.accounts.get(candidate)
        if candidate in (number, FUND) or other is None or self.worth(other).value <= 0:
            return None
        size, opposite = self.accounts[number].positions[market_number], other.positions.get(market_number, 0)
        if size * opposite >= 0:
            return None
        changed = self._moved(number, market_number, candidate, min(abs(size), abs(opposite)))
        return changed if changed and self.worth(changed[candidate]).value >= 0 else None

    def _leverage(self, number: int) -> Fraction:
        worth = self.worth(self.accounts[number])
        return Fraction(worth.notional, worth.value)

    def _liquidate_against(self, taker: Order, maker: Order) -> Outcome | None:
        market: Market = self.markets[taker.market]
        lots = self._tradable(taker, maker)
        if lots == 0:
            self.orders.remove(maker)
            return None
        quote = lots * maker.price * market.multiplier
        better = abs(maker.price - taker.price) * lots * market.multiplier
        fee = 0 if taker.account == FUND else min(quote * market.liquidation_fee_ppm // MILLION, better)
        maker_fee = ceil(Fraction(quote * market.maker_fee_ppm, MILLION))
        taker_after = self._after(taker.account, taker, lots, quote, fee, forced=True)
        if isinstance(taker_after, Outcome):
            return taker_after
        maker_after = self._after(maker.account, maker, lots, quote, maker_fee)
        if isinstance(maker_after, Outcome):
            self.orders.remove(maker)
            return None
        self._change(taker.market, {taker.account: taker_after, maker.account: maker_after})
        self.accounts[FUND].cash += fee
        self.fees += maker_fee
        taker.lots -= lots
        maker.lots -= lots
        maker.pair = None
        if maker.lots == 0:
            self.orders.remove(maker)
        return None
