"""Rules that change, fees that are paid out, futures that expire: the rest of the independent ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import TypeVar

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_liquidation import LiquidatingLedger
from tallystick.testing.ledger.ledger_market import MAX_EXPOSURE, Market
from tallystick.testing.ledger.ledger_model import (
    BUY,
    INSURANCE_FUNDS,
    IOC,
    LIST_DELAY_MS,
    MAX_CASH,
    REDUCE_ONLY,
    TREASURY,
    Account,
    Lean,
    Order,
)
from tallystick.testing.ledger.ledger_price import charge, order_stage

DAY_MS = 86_400_000
DELAY_MS = 21 * DAY_MS
LADDER_MS = 600_000
CHANGED = (
    *("initial_ppm", "maintenance_ppm", "taker_fee_ppm", "maker_fee_ppm", "max_lots"),
    *("rebate_ppm", "liquidation_fee_ppm", "insurance_lots", "fund_units", "band_ppm"),
    *("tiers", "surcharge", "quote_lots", "max_open_interest", "min_order_units"),
)


Kept = TypeVar("Kept")


def without(kept: dict[int, Kept], number: int) -> dict[int, Kept]:
    """Return all but what is kept of one market."""
    return {each: of for each, of in kept.items() if each != number}


@dataclass(slots=True)
class Proposal:
    """The rules a market is to have, None once they are in force. `number` counts a market's proposals."""

    number: int
    rules: Market | None
    effective_ms: int


class WindingLedger(LiquidatingLedger):
    """The exchange, and how it ends. Only what a wind-down takes is asked of it once that has begun."""

    def __init__(self, *, governance: str, signers: tuple[str, ...], quorum: int) -> None:
        super().__init__(governance=governance, signers=signers, quorum=quorum)
        self.began_ms = 0
        self.claims: dict[int, int] = {}
        self.paid: set[int] = set()
        self.shares: dict[int, int] | None = None
        self.left = 0

    def settle_account(self, number: int) -> Outcome:
        """Count an account's claim, or pay it."""
        self.records += 1
        if number not in self.accounts or not self.accounts[number].owner:
            return Outcome.NO_ACCOUNT
        if not self.began_ms:
            newest = max((market.index_ms for market in self.markets.values()), default=0)
            if not newest or self.clock_ms - newest < 7 * DAY_MS:
                return Outcome.TOO_EARLY
            self.began_ms = self.clock_ms
        if number in self.paid:
            return Outcome.NO_CLAIM
        worth = max(0, self.worth(self.accounts[number], Lean.MARKED).value)
        if self.clock_ms < self.began_ms + 7 * DAY_MS:
            if number in self.claims:
                return Outcome.TOO_EARLY
            self.claims[number] = worth
            return Outcome.ACCEPTED
        shares = self._share_out()
        amount = shares[number] if number in shares else min(worth, self.left)
        if number not in shares:
            self.left -= amount
        self.paid.add(number)
        if amount:
            self._pay(number, amount)
        return Outcome.ACCEPTED

    def _share_out(self) -> dict[int, int]:
        """Return what everybody who was counted gets: all of it, or the same part of it as everybody else."""
        if self.shares is None:
            held = self.deposited - sum(amount for _, amount in self.outbox)
            total = sum(self.claims.values())
            part = min(Fraction(1), Fraction(held, total)) if total else Fraction(1)
            self.shares = {number: int(claim * part) for number, claim in self.claims.items()}
            self.left = max(0, held - total)
        return self.shares


class RulesLedger(WindingLedger):
    """The whole exchange with everything governance and time do to its markets."""

    def __init__(self, *, governance: str, signers: tuple[str, ...], quorum: int) -> None:
        super().__init__(governance=governance, signers=signers, quorum=quorum)
        self.proposals: dict[int, Proposal] = {}
        self.fee_account = TREASURY
        self.proposed_fee_account: tuple[int, int] | None = None
        self.fee_accounts_proposed = 0

    def list_market(self, signer: str, named: int, market: Market) -> Outcome:
        """List a market: a new one, or the next series of one that is over for everybody."""
        self.records += 1
        if signer != self.governance:
            return Outcome.NOT_AUTHORISED
        series, number = divmod(named, 64)
        known = self.markets.get(number)
        if known is not None and not self._is_left(number):
            return Outcome.MARKET_EXISTS
        if series != (known.series + 1 if known else 0):
            return Outcome.BAD_PARAMETERS
        sane = market.multiplier > 0 < market.max_lots and market.margins_stand()
        if not sane or market.multiplier * market.max_lots > MAX_EXPOSURE:
            return Outcome.BAD_PARAMETERS
        live_ms = self.clock_ms + LIST_DELAY_MS
        if market.dated and market.expiry_ms <= live_ms:
            return Outcome.BAD_PARAMETERS
        reports = known.reports if known else {}
        self.markets[number] = replace(market, live_ms=live_ms, series=series, reports=reports)
        self.proposals.pop(number, None)
        return Outcome.ACCEPTED

    def _is_left(self, number: int) -> bool:
        """Whether a market has settled, and nobody has a position or an order in it any more."""
        held = any(number in account.positions for account in self.accounts.values())
        waits = any(order.market == number for order in self.orders + self.parked)
        return self.markets[number].settled and not held and not waits

    def change_market(self, signer: str, named: int, change: int, rules: Market) -> Outcome:
        """Propose a market's next rules; its multiplier stays."""
        self.records += 1
        number = named % 64
        if signer != self.governance:
            return Outcome.NOT_AUTHORISED
        if not self.is_named(named):
            return Outcome.NO_MARKET
        market = self.markets.get(number)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        before = self.proposals.get(number)
        if change != (before.number if before else 0) + 1:
            return Outcome.OLD_CHANGE
        sane = rules.max_lots > 0 and rules.margins_stand() and rules.rebate_ppm <= rules.taker_fee_ppm
        if not sane or market.multiplier * rules.max_lots > MAX_EXPOSURE:
            return Outcome.BAD_PARAMETERS
        self.proposals[number] = Proposal(change, rules, self.clock_ms + DELAY_MS)
        return Outcome.ACCEPTED

    def apply_change(self, number: int) -> Outcome:
        """Put a market's proposed rules in force."""
        self.records += 1
        market = self.markets.get(number)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        proposal = self.proposals.get(number)
        if proposal is None or proposal.rules is None:
            return Outcome.NO_CHANGE
        if proposal.effective_ms > self.clock_ms:
            return Outcome.TOO_EARLY
        self.markets[number] = replace(market, **{name: getattr(proposal.rules, name) for name in CHANGED})
        proposal.rules = None
        return Outcome.ACCEPTED

    def change_fee_account(self, signer: str, number: int, change: int) -> Outcome:
        """Propose the account that fees go to."""
        self.records += 1
        if signer != self.governance:
            return Outcome.NOT_AUTHORISED
        known = self.accounts.get(number)
        if number != TREASURY and (known is None or not known.owner):
            return Outcome.NO_ACCOUNT
        if change != self.fee_accounts_proposed + 1:
            return Outcome.OLD_CHANGE
        self.fee_accounts_proposed = change
        self.proposed_fee_account = (number, self.clock_ms + DELAY_MS)
        return Outcome.ACCEPTED

    def apply_fee_account(self) -> Outcome:
        """Let fees go to the account that was proposed."""
        self.records += 1
        if self.proposed_fee_account is None:
            return Outcome.NO_CHANGE
        number, effective_ms = self.proposed_fee_account
        if effective_ms > self.clock_ms:
            return Outcome.TOO_EARLY
        self.fee_account, self.proposed_fee_account = number, None
        return Outcome.ACCEPTED

    def sweep(self) -> Outcome:
        """Pay the fees out: a fifth to the treasury, which has all of them while no account is named."""
        self.records += 1
        if self.fees <= 0:
            return Outcome.OUT_OF_RANGE
        parts = {TREASURY: self.fees}
        if self.fee_account != TREASURY:
            parts = {TREASURY: self.fees // 5, self.fee_account: self.fees - self.fees // 5}
        paid = {number: self.accounts.setdefault(number, Account("")).cash + part for number, part in parts.items()}
        if max(paid.values()) > MAX_CASH:
            return Outcome.POSITION_LIMIT
        for number, cash in paid.items():
            self.accounts[number].cash = cash
        self.fees = 0
        return Outcome.ACCEPTED

    def top_up(self, number: int) -> Outcome:
        """Give a market's fund what it lacks and the treasury has."""
        self.records += 1
        market = self.markets.get(number)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        if market.topped_ms and self.clock_ms < market.topped_ms + DAY_MS:
            return Outcome.TOO_EARLY
        treasury = self.accounts.setdefault(TREASURY, Account(""))
        fund = self.accounts.setdefault(INSURANCE_FUNDS[number], Account(""))
        moved = min(treasury.cash, market.fund_units - self.worth(fund, Lean.WORST).value)
        if moved <= 0:
            return Outcome.OUT_OF_RANGE
        if fund.cash + moved > MAX_CASH:
            return Outcome.POSITION_LIMIT
        treasury.cash -= moved
        fund.cash += moved
        market.topped_ms = self.clock_ms
        return Outcome.ACCEPTED

    def delist(self, signer: str, named: int) -> Outcome:
        """Let a perpetual expire in a week."""
        self.records += 1
        if signer != self.governance:
            return Outcome.NOT_AUTHORISED
        market = self.markets.get(named % 64)
        if not self.is_named(named) or market is None or market.settled:
            return Outcome.NO_MARKET
        if market.dated:
            return Outcome.BAD_PARAMETERS
        charge(market)
        market.dated, market.expiry_ms = True, self.clock_ms + 7 * DAY_MS
        return Outcome.ACCEPTED

    def settle_position(self, number: int, market_number: int) -> Outcome:
        """Turn a position in a settled market into cash; who is then left with nothing but debt is helped by its fund."""
        self.records += 1
        market = self.markets.get(market_number)
        if market is not None and not market.settled and self._is_abandoned(market):
            return self._bury(market)
        if market is None or not market.settled:
            return Outcome.NOT_SETTLED
        account = self.accounts.get(number)
        if account is None or market_number not in account.positions:
            return Outcome.NO_POSITION
        if self.clock_ms < market.settled_ms + LADDER_MS:
            return Outcome.TOO_EARLY
        brings = account.positions[market_number] * market.mark * market.multiplier
        lost = account.costs[market_number] - brings
        cash = account.cash + brings - ceil(self._funding(account, market_number))
        paid = replace(
            account,
            cash=cash,
            positions=without(account.positions, market_number),
            paid=without(account.paid, market_number),
            costs=without(account.costs, market_number),
            extras=without(account.extras, market_number),
        )
        self._change(market_number, {number: paid})
        if number != INSURANCE_FUNDS[market_number] and not paid.positions:
            fund = self._fund(market_number)
            worth = self.worth(fund, Lean.WORST)
            covered = max(0, min(-cash, lost, worth.value - worth.initial))
            paid.cash, fund.cash = cash + covered, fund.cash - covered
        return Outcome.ACCEPTED

    def _is_abandoned(self, market: Market) -> bool:
        newest = max(each.index_ms for each in self.markets.values())
        return bool(market.indices) and newest - self._served_ms(market) > 3 * DAY_MS

    @staticmethod
    def _served_ms(market: Market) -> int:
        return max(market.index_ms, market.live_ms)

    def _bury(self, market: Market) -> Outcome:
        """Find a market dead, or end it a day later at what its margins are measured with."""
        if market.dead_ms <= self._served_ms(market) + 3 * DAY_MS:
            market.dead_ms = self.clock_ms
            return Outcome.ACCEPTED
        if self.clock_ms < market.dead_ms + DAY_MS:
            return Outcome.TOO_EARLY
        charge(market)
        market.mark = market.index
        market.settled, market.settled_ms = True, self.clock_ms
        market.brakes.forget()
        return Outcome.ACCEPTED

    def force_close(self, sender: str, number: int, market_number: int, price: int, lots: int) -> Outcome:
        """Close a position, or a part of it, against the book; return how the order, or the message, ends."""
        account = self.accounts.get(number)
        if account is None or account.owner != sender:
            return Outcome.NOT_AUTHORISED
        market = self.markets.get(market_number)
        if market is None or market.settled:
            return Outcome.NO_MARKET
        if market.has_expired(self.clock_ms):
            return Outcome.MARKET_EXPIRED
        held = account.positions.get(market_number, 0)
        if not held:
            return Outcome.NO_POSITION
        size = abs(held)
        side = 1 - BUY if held > 0 else BUY
        flags = IOC | REDUCE_ONLY
        wanted = Order(self.sequence, number, market_number, side, price, min(lots or size, size), 0, 0, flags)
        waits = order_stage(market, self.clock_ms)
        if waits:
            return waits
        while wanted.lots:
            maker = self._best_against(wanted)
            if maker is None:
                return Outcome.UNFILLED
            ended = self._meet(wanted, maker)
            if ended:
                return ended
        return Outcome.ACCEPTED
