"""The ladder: the book, the fund, candidates who rank and give way, funds that unwind and are deleveraged themselves."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tallystick.testing.ledger.ledger_model import INSURANCE_FUNDS
from tallystick.testing.stateful.block_offers import Blocks
from tallystick.testing.stateful.strategies import CANDIDATES, MARKETS, POORER, RICH

WAITS = st.sampled_from((0, 0, 999, 1_000, 4_999, 5_000, 10_000, 60_000, 120_000))
TAKEN = st.sampled_from((1, 1, 2, 5, 20, 60))


class Closing(Blocks):
    """Rules for positions that their accounts cannot carry; account 0 stands for the market's own fund."""

    def move_clock(self, ahead: int) -> None:
        """Send a clock record that is so much ahead. Units: ms."""
        raise AssertionError

    @rule(
        account=st.one_of(POORER, st.sampled_from((0, 0, RICH, 77))),
        market=MARKETS,
        lots=st.lists(TAKEN, max_size=3),
        wait=st.sampled_from((0, 0, 0, 999, 1_000)),
    )
    def liquidate(self, account: int, market: int, lots: list[int], wait: int) -> None:
        """To the book, and what it leaves to the fund, one part after another."""
        account = account or INSURANCE_FUNDS[market]
        self.same(self.world.liquidate(account, market), self.ledger.liquidate(account, market))
        if wait:
            self.move_clock(wait)
        for each in lots:
            self.same(self.world.take_over(account, market, each), self.ledger.take_over(account, market, each))

    @rule(
        account=st.one_of(POORER, st.just(0)),
        market=MARKETS,
        candidates=st.lists(CANDIDATES, min_size=1, max_size=3),
        wait=WAITS,
        asks_the_book=st.booleans(),
    )
    def deleverage(self, account: int, market: int, candidates: list[int], wait: int, asks_the_book: bool) -> None:
        """Nominate one after another, wait, and close against whoever is left."""
        account = account or INSURANCE_FUNDS[market]
        for each in (*candidates, RICH):
            self._ask_book(account, market, asks_the_book)
            expected = self.ledger.nominate(account, market, each)
            self.same(self.world.nominate(account, market, each), expected)
        self.move_clock(wait)
        self._ask_book(account, market, asks_the_book)
        self.same(self.world.deleverage(account), self.ledger.deleverage(account))

    @rule(market=st.integers(0, 1), wait=WAITS)
    def unwind(self, market: int, wait: int) -> None:
        """A slice of what a fund holds, sooner or later."""
        self.move_clock(wait)
        fund = INSURANCE_FUNDS[market]
        self.same(self.world.liquidate(fund, market), self.ledger.liquidate(fund, market))

    def _ask_book(self, account: int, market: int, asks: bool) -> None:
        if asks:
            self.same(self.world.liquidate(account, market), self.ledger.liquidate(account, market))
