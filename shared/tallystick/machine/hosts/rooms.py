"""Which accounts are due, kept up to date by what has changed: no look at all of them when a price moves.

An account that can carry its positions has slack: what it is worth beyond its maintenance margin. It is split over its
positions, and says of each how far the price may move against it: its room. As long as no price has left its room there
the account is not due, whatever the others do; where one has, it is measured again. What is found is what a look at all
accounts finds (`scouting.py`).
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final

from mypy_extensions import i64

from tallystick.machine.arith import div_down, mul_div_down
from tallystick.machine.hosts.scouting import Want, scout, settled_markets
from tallystick.machine.market.funds import is_fund
from tallystick.machine.market.margin import maintenance_fraction, tier_begins
from tallystick.machine.market.risk import health
from tallystick.state.cells import (
    Account,
    Risk,
    account_position_market,
    account_position_size_lots,
    risk_market_funding_index_ppm,
    risk_market_index_ticks,
    risk_market_mark_ticks,
    risk_market_multiplier_units,
)
from tallystick.state.layout import LEAN_BEST, MAX_MARKETS, MAX_POSITIONS, PPM, SETTLE_WAIT_MS
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick.state.quantities import Ppm, TickPpm, Units, UnitsPerTick
from tallystick.state.state import State

ROUNDED: Final[i64] = 8
"""Units of slack that rounding may take from a position: its margin's tiers, and its funding."""
SPARE: Final[i64] = 64
"""Entries of a heap that may be outdated before it is built anew."""

Entry = tuple[int, AccountId, int]
"""(how far the price may go, account, how often it had been measured then)"""
Terms = tuple[TickPpm, UnitsPerTick, Ppm, Ppm, Ppm, Units, Units]
"""What a room was worked out with, beside the price: funding, multiplier, tiers."""


class Rooms:
    """The rooms of all accounts of one state. Whoever runs records says which accounts they have changed.

    Nothing here opens a cell. It is asked between two records: a room that was worked out of a step that is half done would
    stay wrong.
    """

    def __init__(self, state: State) -> None:
        """Begin with every account to be measured."""
        self.state: Final = state
        self._changed: set[AccountId] = {AccountId(each) for each in state.accounts.indices()}
        self._due: set[AccountId] = set()
        self._holders: list[set[AccountId]] = [set() for _ in range(MAX_MARKETS)]
        self._falls: list[list[Entry]] = [[] for _ in range(MAX_MARKETS)]
        self._rises: list[list[Entry]] = [[] for _ in range(MAX_MARKETS)]
        self._markets: dict[AccountId, list[MarketId]] = {}
        self._measured: dict[AccountId, int] = {}
        self._terms: dict[MarketId, Terms] = {}

    def changed(self, accounts: set[AccountId]) -> None:
        """Take in which accounts' cash or positions are others than they were."""
        self._changed |= accounts

    def follow(self, most: i64) -> bool:
        """Measure again whom prices have left without room, and who has changed: so many at most; False when more are left."""
        risk = self.state.risk.find(0)
        if risk is None:
            return True
        for market, _ in self.state.markets.every():
            self._follow_market(risk, market)
        while most > 0 and self._changed:
            self._measure(risk, self._changed.pop())
            most -= 1
        return not self._changed

    def wants(self, clock_ms: UnixMs) -> list[Want]:
        """Return what should be asked for, as `scout` says it of all accounts while the exchange is not wound down."""
        found = set(self._due)
        paying = settled_markets(self.state, SETTLE_WAIT_MS, clock_ms)
        for market in range(MAX_MARKETS):
            if paying[market]:
                found |= self._holders[market]
        accounts = sorted(found)
        return scout(self.state, accounts, 0, len(accounts), clock_ms)

    def _follow_market(self, risk: Risk, market: MarketId) -> None:
        """Note whom a market's prices have left without room, or all that hold some of it where its terms are others."""
        marks = self.state.risk.words
        terms = self._terms_of(risk, market)
        if self._terms.get(market) != terms:
            self._terms[market] = terms
            self._changed |= self._holders[market]
        mark, index = risk_market_mark_ticks(marks, risk, market), risk_market_index_ticks(marks, risk, market)
        low, high = (mark, index) if mark < index else (index, mark)
        falls, rises = self._falls[market], self._rises[market]
        while falls and -falls[0][0] > high:
            self._wake(heappop(falls))
        while rises and rises[0][0] < low:
            self._wake(heappop(rises))

    def _wake(self, entry: Entry) -> None:
        _, account, measured = entry
        if self._measured.get(account, 0) == measured:
            self._changed.add(account)

    def _measure(self, risk: Risk, number: AccountId) -> None:
        """Work out an account's rooms, or note that it is due; a fund's positions always are."""
        for each in self._markets.pop(number, ()):
            self._holders[each].discard(number)
        self._measured[number] = self._measured.get(number, 0) + 1
        self._due.discard(number)
        account = self.state.accounts.find(number)
        if account is None:
            return
        markets = self._positions(account)
        if not markets:
            return
        self._markets[number] = markets
        for each in markets:
            self._holders[each].add(number)
        found = health(self.state, account, risk, LEAN_BEST)
        slack = found.value_units - found.maintenance_units
        if slack < 0 or is_fund(number):
            self._due.add(number)
            return
        self._give_room(risk, number, account, div_down(slack, len(markets)) - ROUNDED)

    def _positions(self, account: Account) -> list[MarketId]:
        """Return the markets in which an account has a position, in the order of its slots."""
        words = self.state.accounts.words
        return [
            account_position_market(words, account, slot)
            for slot in range(MAX_POSITIONS)
            if account_position_size_lots(words, account, slot) != 0
        ]

    def _give_room(self, risk: Risk, number: AccountId, account: Account, share: i64) -> None:
        """Enter how far each price may go. Units: `share` in units, of each position. Rounding: down, so that it is less."""
        words, marks = self.state.accounts.words, self.state.risk.words
        measured = self._measured[number]
        slot: i64
        for slot in range(MAX_POSITIONS):
            size = account_position_size_lots(words, account, slot)
            if size == 0:
                continue
            market = account_position_market(words, account, slot)
            mark, index = risk_market_mark_ticks(marks, risk, market), risk_market_index_ticks(marks, risk, market)
            tick = risk_market_multiplier_units(marks, risk, market)
            if size > 0:
                # the price falls, and with it the margin, which is not counted
                falls = self._falls[market]
                best = mark if mark > index else index
                room = div_down(share, size * tick) if share > 0 else -1
                heappush(falls, (-int(best - room), number, measured))
                self._tidy(falls, market)
            else:
                rises = self._rises[market]
                best = mark if mark < index else index
                a_tick = -int(size) * int(tick) * (int(PPM) + self._dearest(risk, market))
                room = mul_div_down(share, PPM, a_tick) if share > 0 else -1
                heappush(rises, (int(best) + int(room), number, measured))
                self._tidy(rises, market)

    def _tidy(self, heap: list[Entry], market: MarketId) -> None:
        """Build a heap anew once most of it is outdated."""
        if len(heap) > 2 * len(self._holders[market]) + SPARE:
            heap[:] = [each for each in heap if self._measured.get(each[1], 0) == each[2]]
            heapify(heap)

    def _dearest(self, risk: Risk, market: MarketId) -> int:
        """Return the maintenance fraction of the tier that asks for most. Units: millionths."""
        return int(max(self._terms_of(risk, market)[2:5]))

    def _terms_of(self, risk: Risk, market: MarketId) -> Terms:
        marks = self.state.risk.words
        return (
            risk_market_funding_index_ppm(marks, risk, market),
            risk_market_multiplier_units(marks, risk, market),
            maintenance_fraction(marks, risk, market, 0),
            maintenance_fraction(marks, risk, market, 1),
            maintenance_fraction(marks, risk, market, 2),
            tier_begins(marks, risk, market, 1),
            tier_begins(marks, risk, market, 2),
        )
