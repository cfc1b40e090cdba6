"""What must hold after every record, whoever is in the market.

At a constant index, without funding: no honest account loses more than the prices it signed, and no insurance fund ends
lower than it began; so nobody else can have gained more than honest accounts gave away by those prices. Through moves:
nobody healthy is closed, nothing that opens and nothing that leaves takes an account below its initial margin at the
worse price, no fill changes what a brake holds, and who has no position loses nothing; a forced close costs half of the
maintenance margin at most, and at a settlement a fund pays only what an account without a position is short of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from tallystick.machine.market.funds import fund_of, is_nobodys
from tallystick.schema.names import Outcome
from tallystick.state import cells
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.testing.ledger.ledger_model import Lean
from tallystick.testing.markets.purse import Purse, held_in, index_of, is_stale, prices_of, purse_of, row_of
from tallystick.testing.world import World

ACCEPTED = Outcome.ACCEPTED
ROUNDED = 16
"""What rounding takes from a forced close at most: margins, quote and fee, position by position. Units: units."""


class Fault(Enum):
    """What must never happen."""

    HONEST_LOSS = "an honest account lost more than the prices it signed"
    FUND_LOSS = "an insurance fund lost more, at a constant index, than its unwinding may of what it gained"
    HEALTHY_CLOSED = "a healthy account's position was closed"
    OPENED_BELOW_INITIAL = "an order that opens left an account below its initial margin"
    LEFT_TOO_MUCH = "more left an account than its margin at the worse price, and what it has realised, leave free"
    LESS_SAFE = "a trade that only reduces left an account below initial margin less safe than it was"
    HELD_CHANGED = "a fill changed a position that a brake held"
    FLAT_LOSS = "an account without a position lost money"
    DEAR_CLOSE = "a forced close cost more than half of the maintenance margin"
    COVERED = "a fund paid more at a settlement than an account without a position was short of"
    GAP_GAIN = "through a gap a hand brought out more than it put in, honest accounts signed away and a fund may lose"
    DISHONEST_INDEX = "an index lies beyond all that honest signers have lately signed"


@dataclass(frozen=True, slots=True)
class Act:
    """A record: its kind, the account and the market it names, what it moves. Units: units."""

    kind: str
    account: int = 0
    market: int = 0
    amount_units: int = 0


@dataclass(slots=True)
class Watch:
    """Compares every account before and after each record."""

    world: World
    accounts: tuple[int, ...]
    honest: frozenset[int]
    markets: tuple[int, ...]
    constant: bool = False
    faults: list[tuple[Fault, Act]] = field(default_factory=list)
    before: dict[int, Purse] = field(default_factory=dict)
    funds: dict[int, int] = field(default_factory=dict)
    seen: int = 0
    told: int = 0
    marks: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    prices: tuple[int, ...] = ()
    purses: dict[int, Purse] = field(default_factory=dict)

    def begin(self) -> None:
        """Note what everybody has."""
        self.seen = len(self.world.events)
        self._note_prices()
        self.before = {each: self._purse(each) for each in self.everybody()}
        self.funds = {
            each: self.before[int(fund_of(MarketId(each)))].worth[Lean.INDEX] - self._budget(each)
            for each in self.markets
        }

    def everybody(self) -> list[int]:
        """Return the accounts, the funds among them."""
        return [*self.accounts, *(fund_of(MarketId(each)) for each in self.markets)]

    def _budget(self, market: int) -> int:
        """Return what a fund may still lose of what it gained by what it holds. Units: units."""
        markets = self.world.state.markets
        return max(0, int(cells.market_fund_budget_units(markets.words, markets.open(MarketId(market)))))

    def _purse(self, account: int) -> Purse:
        """Return what an account has, worked out anew only where it, or a price, is another."""
        known = (row_of(self.world.state, account), self.prices)
        if self.marks.get(account) != known:
            self.marks[account] = known
            self.purses[account] = purse_of(self.world.state, account)
        return self.purses[account]

    def _note_prices(self) -> None:
        """Note what all purses are measured with; where funding was charged, money has moved without anybody's doing."""
        self.prices = prices_of(self.world.state, self.markets)
        if any(name == "funding" for name, _ in self.world.events[self.told :]):
            self.constant = False
        self.told = len(self.world.events)

    def after(self, act: Act, outcome: Outcome) -> None:
        """Look at what a record has done, whatever it ended with."""
        fills = self._fills()
        self._note_prices()
        now = {each: self._purse(each) for each in self.everybody()}
        for account, after in now.items():
            self._judge(act, outcome, account, self.before[account], after, fills.get(account, (0, 0)))
        if self.constant:
            for market, least in self.funds.items():
                if now[int(fund_of(MarketId(market)))].worth[Lean.INDEX] < least:
                    self.faults.append((Fault.FUND_LOSS, act))
        self.before = now

    def _judge(
        self, act: Act, outcome: Outcome, account: int, before: Purse, after: Purse, signed: tuple[int, int]
    ) -> None:
        lost, fills = signed
        named = act.account == account
        grew = any(abs(size) > abs(before.sizes.get(market, 0)) for market, size in after.sizes.items())
        turned = any(size * before.sizes.get(market, size) < 0 for market, size in after.sizes.items())
        low = after.worth[Lean.WORST] < after.initial
        if act.kind != "report" and (grew or turned) and low:
            self.faults.append((Fault.OPENED_BELOW_INITIAL, act))
        beside = act.kind == "block" and is_stale(self.world.state, act.market)
        shrunk = act.kind in ("order", "block") and fills and not (grew or turned) and (low or beside)
        if shrunk and not is_nobodys(AccountId(account)) and not _no_less_safe(before, after):
            self.faults.append((Fault.LESS_SAFE, act))
        left = act.kind in ("withdraw", "transfer") and named and outcome is ACCEPTED
        if left and act.amount_units > before.free:
            self.faults.append((Fault.LEFT_TOO_MUCH, act))
        if act.kind in ("order", "block", "liquidate") and fills and self._held_changed(before, after):
            self.faults.append((Fault.HELD_CHANGED, act))
        closed = act.kind in ("liquidate", "take_over", "deleverage") and named and after.sizes != before.sizes
        if closed and not before.due and not is_nobodys(AccountId(account)):
            self.faults.append((Fault.HEALTHY_CLOSED, act))
        lost_cash = not before.sizes and not after.sizes and after.cash < before.cash
        if lost_cash and not left and not fills and not (act.kind == "settle" and is_nobodys(AccountId(account))):
            self.faults.append((Fault.FLAT_LOSS, act))
        brought = after.worth[Lean.INDEX] - before.worth[Lean.INDEX]
        if closed and before.worth[Lean.INDEX] >= 0 and -brought > max(before.kept, before.maintenance) // 2 + ROUNDED:
            self.faults.append((Fault.DEAR_CLOSE, act))
        if act.kind == "settle" and named and brought > 1 and (after.sizes or after.cash > 0):
            self.faults.append((Fault.COVERED, act))
        if self.constant and account in self.honest and not left and brought < -lost:
            self.faults.append((Fault.HONEST_LOSS, act))

    def _held_changed(self, before: Purse, after: Purse) -> bool:
        """Whether a position is another that a brake held: no record but a report moves a brake, or the index."""
        held = held_in(self.world.state, before)
        return any(after.sizes.get(each, 0) != before.sizes[each] for each in held)

    def _fills(self) -> dict[int, tuple[int, int]]:
        """Return by account what its new fills may have cost it against the index, fees included, and how many they were."""
        found: dict[int, tuple[int, int]] = {}
        for name, values in self.world.events[self.seen :]:
            if name not in ("fill", "block"):
                continue
            market, price, lots, side, taker, maker = values[:6]
            for account, way in ((taker, 1 if side == 0 else -1), (maker, -1 if side == 0 else 1)):
                cost, many = found.get(account, (0, 0))
                found[account] = (cost + self._cost(market, price, lots, way), many + 1)
        self.seen = len(self.world.events)
        return found

    def _cost(self, market: int, price: int, lots: int, way: int) -> int:
        state = self.world.state
        multiplier = cells.risk_market_multiplier_units(state.risk.words, state.risk.open(0), MarketId(market))
        base, rules = state.markets.open(MarketId(market)), state.markets.words
        dearest = max(cells.market_taker_fee_ppm(rules, base), cells.market_maker_fee_ppm(rules, base))
        against = way * (price - index_of(state, market)) * lots * multiplier
        return max(0, against) + -(-price * lots * multiplier * dearest // 1_000_000)


def _no_less_safe(before: Purse, after: Purse) -> bool:
    """Whether an account was worth something, and its value against its maintenance margin has not got worse."""
    value, later = before.worth[Lean.WORST], after.worth[Lean.WORST]
    return value >= 0 and value * after.maintenance <= later * before.maintenance
