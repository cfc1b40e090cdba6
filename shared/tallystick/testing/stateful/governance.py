"""Rules that change after their delay, a future that expires, positions closed through L1."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import Market
from tallystick.testing.ledger.ledger_model import INSURANCE_FUNDS, Order
from tallystick.testing.ledger.ledger_rules import DAY_MS, DELAY_MS
from tallystick.testing.stateful.index_reports import Prices
from tallystick.testing.stateful.strategies import (
    ACCOUNTS,
    FLAGS,
    LOTS,
    NAMES,
    PRICES,
    RICH,
    SELDOM,
    SIDES,
    fields_of,
)
from tallystick.testing.stateful.strategies import MARKETS as TRADED
from tallystick.testing.stateful.strategies import RULES as TRADED_RULES
from tallystick.testing.world import address, message, ordinary_rules

DATED = 3
MARKETS = st.sampled_from((0, 1, DATED))
MESSAGE_FORCE_CLOSE = 4
RULES = (
    Market(0, 60_000, 30_000, 400, 50, 60, rebate_ppm=300, liquidation_fee_ppm=4_000, insurance_lots=5),
    Market(0, 40_000, 10_000, 600, 0, 40, band_ppm=5_000, fund_units=10**9, min_order_units=10**6),
    Market(0, 50_000, 25_000, 500, 0, 60, tiers=((2, 90_000, 40_000),), surcharge=(10**6, 10**7), quote_lots=17),
    Market(0, 10_000, 20_000, 0, 0, 60),
    Market(0, 50_000, 25_000, 0, 0, 2**31),
)


class Governance(Prices):
    """Rules for what governance, time and L1 do to markets."""

    def batch_time(self) -> int:
        """Return the time of the open batch, or of the next one."""
        headers = self.world.published.headers
        return self.world.state.registers.batch_time_seconds or max(
            self.world.time, headers[-1].until if headers else 0
        )

    def seal(self) -> None:
        """Close the batch; whoever plays knows how."""
        raise AssertionError

    def gamble(self, poor: int, market: int, side: int, lots: int) -> None:
        """Have an account lose more than it has; whoever plays knows how."""
        raise AssertionError

    @rule(
        number=st.integers(0, 3),
        next_change=st.sampled_from((1, 1, 1, 0, 2)),
        rules=st.sampled_from(RULES),
        honest=SELDOM,
    )
    def propose_rules(self, number: int, next_change: int, rules: Market, honest: bool) -> None:
        """Propose other rules of a market: the next change, an old one, or one too many."""
        by = "mallory" if honest else "governance"
        before = self.ledger.proposals.get(number)
        change = (before.number if before else 0) + next_change
        values = {name: value for name, value in fields_of(rules).items() if name != "multiplier"}
        multiplier = self.ledger.markets[number].multiplier if number in self.ledger.markets else 100
        wanted = {
            name: value
            for name, value in ordinary_rules(multiplier=multiplier, **values).items()
            if name != "multiplier"
        }
        named = self.named(number)
        record = self.world.signed("change_market", by, market=named, change=change, **wanted)
        self.same(self.world.send(record), self.ledger.change_market(by, named, change, rules))

    @rule(number=st.integers(0, 3), waits=SELDOM)
    def apply_rules(self, number: int, waits: bool) -> None:
        """Put proposed rules in force, in time or too early."""
        if waits:
            self.skip(DELAY_MS)
        self.same(self.world.send(make("apply_change", pending=number)), self.ledger.apply_change(number))
        if waits:
            self.report_marks()

    @rule(
        number=st.sampled_from((0, 1, 1, 2, 6, 77, INSURANCE_FUNDS[0])),
        next_change=st.sampled_from((1, 1, 1, 0, 2)),
        honest=SELDOM,
        waits=st.booleans(),
    )
    def name_fee_account(self, number: int, next_change: int, honest: bool, waits: bool) -> None:
        """Propose where fees are to go, an owner's account, nobody's or none, and put it in force, in time or too early."""
        by = "mallory" if honest else "governance"
        change = self.ledger.fee_accounts_proposed + next_change
        record = self.world.signed("change_fee_account", by, account=number, change=change)
        self.same(self.world.send(record), self.ledger.change_fee_account(by, number, change))
        if waits:
            self.skip(DELAY_MS)
        self.same(self.world.send(make("apply_change", pending=80)), self.ledger.apply_fee_account())
        if waits:
            self.report_marks()

    @rule(number=st.integers(0, 3), again_ms=st.sampled_from((0, DAY_MS - 1, DAY_MS)))
    def pay_fees_out(self, number: int, again_ms: int) -> None:
        """Sweep the fees, and top a fund up, twice."""
        self.same(self.world.send(make("sweep")), self.ledger.sweep())
        for ms in (0, again_ms):
            if ms:
                self.skip(ms)
            self.same(self.world.send(make("top_up", market=number)), self.ledger.top_up(number))
        if again_ms:
            self.report_marks()

    @rule(side=st.integers(0, 1), lots=st.integers(1, 20))
    def trade_a_future(self, side: int, lots: int) -> None:
        """Trade in the dated future, if it has not settled yet."""
        if not self.ledger.markets[DATED].mark:
            self.report_round(DATED, 1000, (0, 1, 2))
        self.gamble(1 + lots % 4, DATED, side, lots)

    @rule(
        price=st.one_of(st.integers(950, 1050), st.just(500)),
        wait=st.sampled_from((0, 1_000, 50_000, 1_700_000)),
        paid_ms=st.sampled_from((0, 599_999, 600_000)),
    )
    def expire(self, price: int, wait: int, paid_ms: int) -> None:
        """Report the future's price, before or after its expiry, and settle everybody, at once or a while later."""
        self.skip(wait)
        self.report_marks()
        self.report_round(DATED, price, (0, 1, 2))
        if paid_ms:
            self.skip(paid_ms)
            self.report_marks()
        for number in (*range(7), INSURANCE_FUNDS[DATED]):
            found = self.world.send(make("settle_position", account=number, market=DATED))
            self.same(found, self.ledger.settle_position(number, DATED))

    @rule(number=st.sampled_from((1, 1, 2, DATED)), honest=SELDOM, ends=st.booleans(), price=st.integers(990, 1010))
    def delist(self, number: int, honest: bool, ends: bool, price: int) -> None:
        """Let a perpetual expire, and sometimes see it settled."""
        by = "mallory" if honest else "governance"
        named = self.named(number)
        found = self.world.send(self.world.signed("delist", by, market=named))
        self.same(found, self.ledger.delist(by, named))
        for before_ms in (900_000, 0, -600_000) if ends else ():
            known = self.ledger.markets.get(number)
            if known is None or not known.dated:
                return
            self.skip(max(1, known.expiry_ms - before_ms - self.ledger.clock_ms))
            self.report_round(number, price, (0, 1, 2))
        self.report_marks()

    @rule(number=st.sampled_from((1, 2, DATED)), price=st.integers(990, 1010), lives=st.booleans())
    def list_again(self, number: int, price: int, lives: bool) -> None:
        """Have a market expire, everybody paid and every order taken out, and begin its next series."""
        known = self.ledger.markets.get(number)
        if known is None:
            return
        if not known.dated and not known.settled:
            named = number + 64 * known.series
            found = self.world.send(self.world.signed("delist", "governance", market=named))
            self.same(found, self.ledger.delist("governance", named))
        while not known.settled:
            self.skip(max(1, known.expiry_ms - self.ledger.clock_ms))
            self.report_round(number, price, (0, 1, 2))
        self.skip(600_000)
        for account in [each for each, of in self.ledger.accounts.items() if number in of.positions]:
            found = self.world.send(make("settle_position", account=account, market=number))
            self.same(found, self.ledger.settle_position(account, number))
        for order in [each for place in range(3) for each in self.resting(number, place)]:
            listed = self.ledger.find(order.account, order.client_id, order.sequence)
            self.same(self.world.clean(order.slot), self.ledger.clean(listed))
        named = number + 64 * (known.series + 1)
        rules = TRADED_RULES[number % len(TRADED_RULES)]
        expected = self.ledger.list_market("governance", named, deepcopy(rules))
        assert expected is Outcome.ACCEPTED
        record = self.world.signed("list_market", "governance", market=named, **ordinary_rules(**fields_of(rules)))
        self.same(self.world.send(record), expected)
        if lives:
            self.skip(DELAY_MS)
            self.report_round(number, price, (0, 1, 2))
        self.report_marks()

    @rule(number=st.sampled_from((1, 2, DATED)), wait=st.sampled_from((DAY_MS - 1, DAY_MS)), comes_back=SELDOM)
    def let_die(self, number: int, wait: int, comes_back: bool) -> None:
        """Have no prices of one market for days, and have it found dead; sometimes prices come back."""
        known = self.ledger.markets.get(number)
        self.skip(3 * DAY_MS)
        self.report_round(0, self.mark(0), (0, 1, 2))
        for pause in (0, 1_000, wait):
            if pause:
                self.skip(pause)
                self.report_round(0, self.mark(0), (0, 1, 2))
            if pause == wait and comes_back and known:
                self.report_round(number, known.mark or 1000, (0, 1, 2))
            for account in (3, RICH):
                found = self.world.send(make("settle_position", account=account, market=number))
                self.same(found, self.ledger.settle_position(account, number))
        self.report_marks()

    @rule(account=ACCOUNTS, market=MARKETS, away=st.integers(-5, 5), lots=st.integers(0, 8), honest=SELDOM)
    def force_close(self, account: int, market: int, away: int, lots: int, honest: bool) -> None:
        """Close a position through L1, near the mark."""
        by = "mallory" if honest else NAMES[account]
        known = self.ledger.markets.get(market)
        price = max(1, (known.mark if known else 0) + away)
        self.seal()
        self.ledger.message()
        self.world.published.messages.append(
            message(MESSAGE_FORCE_CLOSE, address(by), account, market << 56 | price << 32 | lots)
        )
        expected = self.ledger.force_close(by, account, market, price, lots)
        self.same(self.world.consume(), expected)

    @rule(account=ACCOUNTS, market=TRADED, side=SIDES, price=PRICES, lots=LOTS, flags=FLAGS, honest=SELDOM)
    def force_order(
        self, account: int, market: int, side: int, price: int, lots: int, flags: int, honest: bool
    ) -> None:
        """Place an order through L1: it is an order like any other, but in no chain of records."""
        self.seal()
        nonce, by = self.nonce(account, False), "mallory" if honest else NAMES[account]
        named = self.named(market)
        wanted = Order(0, account, named, side, price, lots, 7, 0, flags)
        expected = self.ledger.came_through_l1(self.ledger.order(by, 0, nonce, wanted))
        values = {"account": account, "nonce": nonce, "market": named, "side": side, "flags": flags, "client_id": 7}
        record = self.world.signed("order", by, **values, price_ticks=price, lots=lots)
        self.same(self.world.force(record), expected)
