"""A copy of what rests, kept up by what has happened: what follows reads neither book nor account again to tell it.

A look is taken between two groups, and reads as many orders as have changed since the last one, whatever rests beside
them. Whether an order lives is the machine's own word for it. What changes that without an event, the clock, is kept by
time: expiries and dead-man switches.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Final

from tallystick.state.cells import (
    account_dead_man_ms,
    order_account,
    order_expiry_ms,
    order_market,
    order_pair_slot,
    order_price_ticks,
    order_remaining_lots,
    order_side,
    order_trigger_ticks,
)
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick_operator.api.views import is_over
from tallystick_operator.remembered import Happening
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.recent import History
from tallystick_operator.sequencer.sweeping import order_is_dead

SLOTS_A_LOOK: Final = 2_000
"""Orders read in one look while the copy is made first: a few milliseconds."""
STALE_DUE: Final = 10_000
"""Times remembered of orders that are gone already, beside as many as there are of those that rest."""
SLOT_OF: Final = {
    "rested": 2,
    "parked": 2,
    "paired": 2,
    "shrunk": 2,
    "amended": 2,
    "fired": 2,
    "removed": 2,
    "fill": 8,
}
"""Where the events that name a resting order have its slot."""
OF_ALL: Final = frozenset({"cancelled_all", "dead_man"})
"""Events that may end all orders of an account at once."""

LevelKey = tuple[int, int, int]
"""A market, a side and a price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """What is known of an order. `lots` is 0 of one that is parked or that nobody can fill any more."""

    account: AccountId
    level: LevelKey
    lots: int
    pair: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found.

    `anew` tells that all that was known counts no more: this is the first look, or the history is another one, or too
    much was missed. `ready` tells that the copy is whole. `slots` are those whose orders may have changed, by account,
    `levels` the prices that have, `turned` the markets whose books have opened, ended, or been listed again.
    """

    anew: bool
    ready: bool
    feed: int
    clock_ms: UnixMs
    records: int
    happenings: list[Happening]
    slots: dict[AccountId, dict[int, None]]
    levels: dict[LevelKey, tuple[int, int]]
    turned: list[int]


@dataclass(slots=True, kw_only=True)
class _Changes:
    slots: dict[AccountId, dict[int, None]] = field(default_factory=dict)
    levels: dict[LevelKey, None] = field(default_factory=dict)


class Mirror:
    """What rests, by slot and by price."""

    def __init__(self) -> None:
        self._history: History | None = None
        self._begin()

    @property
    def feed(self) -> int:
        """The number of the newest event that was taken in."""
        return self._feed

    def levels(self, market: MarketId, side: int) -> dict[int, tuple[int, int]]:
        """Return a book side: by price its lots and how many orders they are in. One that is over has none."""
        return {} if self._over.get(int(market), True) else self._levels.get((int(market), side), {})

    def series(self, market: MarketId) -> int:
        """Return the series of a market."""
        return 0 if self._history is None else self._history.series_of(market)

    def look(self, core: Core) -> Look:
        """Take in what has happened since the last look; the sequencer stands still meanwhile."""
        anew = self._must_begin_anew(core)
        if anew:
            self._begin()
            self._history = core.executor.read_model.history
            self._feed = self._history.sequence
            self._unread.extend(reversed(core.executor.read_model.orders))
        assert self._history is not None
        happenings = self._history.after(self._feed)
        self._feed = self._history.sequence
        clock_ms = core.executor.state.registers.clock_ms
        slots = self._touched(core, happenings, clock_ms)
        for _ in range(min(SLOTS_A_LOOK, len(self._unread))):
            slots.setdefault(self._unread.pop())
        turned = self._turned(core, happenings)
        changes = _Changes()
        self._read_all(core, slots, changes)
        for market in turned:
            self._touch_market(MarketId(market), changes)
        return Look(
            anew=anew,
            ready=not self._unread,
            feed=self._feed,
            clock_ms=clock_ms,
            records=int(core.executor.state.registers.record_count),
            happenings=happenings,
            slots=changes.slots,
            levels={level: self._at(level) for level in changes.levels},
            turned=turned,
        )

    def _begin(self) -> None:
        self._feed = 0
        self._orders: dict[int, Resting] = {}
        self._levels: dict[tuple[int, int], dict[int, tuple[int, int]]] = {}
        self._due: list[tuple[UnixMs, int, bool]] = []
        self._switches: dict[AccountId, UnixMs] = {}
        self._expiries: dict[int, UnixMs] = {}
        self._unread: list[int] = []
        self._over: dict[int, bool] = {}

    def _must_begin_anew(self, core: Core) -> bool:
        history = core.executor.read_model.history
        return history is not self._history or not history.oldest - 1 <= self._feed <= history.sequence

    def _touched(self, core: Core, happenings: list[Happening], clock_ms: UnixMs) -> dict[int, None]:
        """Return the slots whose orders may be other than they were, in the order in which that was seen."""
        slots: dict[int, None] = {}
        slots_of = core.executor.read_model.slots_of
        for each in happenings:
            place = SLOT_OF.get(each.name)
            if place is not None:
                slots.setdefault(each.values[place])
            elif each.name in OF_ALL:
                slots.update(dict.fromkeys(slots_of(AccountId(each.values[0]))))
        while self._due and self._due[0][0] <= clock_ms:
            _, number, is_switch = heapq.heappop(self._due)
            if is_switch:
                self._switches.pop(AccountId(number), None)
                slots.update(dict.fromkeys(slots_of(AccountId(number))))
            else:
                self._expiries.pop(number, None)
                slots.setdefault(number)
        return slots

    def _turned(self, core: Core, happenings: list[Happening]) -> list[int]:
        state = core.executor.state
        found = {each.values[0] for each in happenings if each.name == "listed"}
        for listed, _ in state.markets.every():
            market, over = int(listed), is_over(state, listed)
            if self._over.get(market) is not over:
                self._over[market] = over
                found.add(market)
        return sorted(found)

    def _read_all(self, core: Core, slots: dict[int, None], changes: _Changes) -> None:
        """Read what is in these slots, and in those of the orders that they are, or were, paired with."""
        waiting = list(slots)
        for slot in waiting:  # which grows meanwhile
            before = self._orders.pop(slot, None)
            after = self._read(core, slot)
            if after is not None:
                self._orders[slot] = after
            for each, sign in ((before, -1), (after, 1)):
                if each is None:
                    continue
                changes.slots.setdefault(each.account, {})[slot] = None
                self._add(each, sign, changes)
                if each.pair and each.pair not in slots:
                    slots[each.pair] = None
                    waiting.append(each.pair)

    def _read(self, core: Core, slot: int) -> Resting | None:
        state = core.executor.state
        if slot not in core.executor.read_model.orders:
            self._expiries.pop(slot, None)
            return None
        base, words = state.orders.known(slot), state.orders.words
        number = AccountId(order_account(words, base))
        parked = order_trigger_ticks(words, base) != 0
        self._note_due(state.registers.clock_ms, slot, order_expiry_ms(words, base), number, _switch(core, number))
        return Resting(
            account=number,
            level=(int(order_market(words, base)), order_side(words, base), int(order_price_ticks(words, base))),
            lots=int(0 if parked or order_is_dead(state, slot) else order_remaining_lots(words, base)),
            pair=order_pair_slot(words, base),
        )

    def _note_due(self, clock_ms: UnixMs, slot: int, expiry_ms: UnixMs, account: AccountId, switch_ms: UnixMs) -> None:
        """Remember when an order is to be looked at again though nothing happens to it."""
        if expiry_ms > clock_ms and self._expiries.get(slot) != expiry_ms:
            self._expiries[slot] = expiry_ms
            heapq.heappush(self._due, (expiry_ms, slot, False))
        if switch_ms > clock_ms and self._switches.get(account) != switch_ms:
            self._switches[account] = switch_ms
            heapq.heappush(self._due, (switch_ms, int(account), True))
        if len(self._due) > 2 * (len(self._expiries) + len(self._switches)) + STALE_DUE:
            self._due = [(time, each, False) for each, time in self._expiries.items()]
            self._due += [(time, int(each), True) for each, time in self._switches.items()]
            heapq.heapify(self._due)

    def _add(self, order: Resting, sign: int, changes: _Changes) -> None:
        if not order.lots:
            return
        market, side, price = order.level
        book = self._levels.setdefault((market, side), {})
        lots, orders = book.get(price, (0, 0))
        lots, orders = lots + sign * order.lots, orders + sign
        if orders:
            book[price] = (lots, orders)
        else:
            del book[price]
        changes.levels[order.level] = None

    def _touch_market(self, market: MarketId, changes: _Changes) -> None:
        """Tell of all orders of a market: whether anybody can fill them has changed with it."""
        for slot, each in self._orders.items():
            if each.level[0] == market:
                changes.slots.setdefault(each.account, {})[slot] = None

    def _at(self, level: LevelKey) -> tuple[int, int]:
        market, side, price = level
        return self._levels.get((market, side), {}).get(price, (0, 0))


def _switch(core: Core, number: AccountId) -> UnixMs:
    accounts = core.executor.state.accounts
    return account_dead_man_ms(accounts.words, accounts.known(number))
