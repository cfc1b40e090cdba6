"""What each kind of channel has to tell: all of it once, and from then on what has changed.

`begin` and `read` are called while the sequencer stands still, and read as little as they can. `whole` and `change` work
on what was read, while it goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from tallystick.shapes.accounts import Account, AccountFill, Fills, Order
from tallystick.shapes.market_data import Level, Market, Trade, Trades
from tallystick.shapes.progress import ACCOUNT_FIELDS, Feed
from tallystick.shapes.streaming import BookPart, ClockPart, OrdersPart, checksum_of
from tallystick.state.layout import BUY, SELL
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick_operator.api import views
from tallystick_operator.api.past import account_fill, feed_event
from tallystick_operator.push.mirror import Look, Mirror
from tallystick_operator.remembered import EVENT_FIELDS, Happening
from tallystick_operator.sequencer.core import Core

NEWEST: Final = 100
"""Trades, and fills, that a snapshot begins with."""
CHECKSUM_BITS: Final = 32

_ACCOUNTS_AT: Final = {
    name: [at for at, each in enumerate(fields) if each in ACCOUNT_FIELDS] for name, fields in EVENT_FIELDS.items()
}
FILLS: Final = frozenset({"fill", "block"})


class Content(Protocol):
    """What one channel has to tell."""

    def begin(self, core: Core) -> bool:
        """Read all of it; False when there is no such market or account."""
        ...

    def read(self, core: Core, look: Look) -> None:
        """Read what a look has found to be new, where more than the look is needed."""
        ...

    def whole(self) -> msgspec.Struct:
        """Return all of it as it is."""
        ...

    def change(self, look: Look, about: list[Happening]) -> msgspec.Struct | None:
        """Take in a look, and the events of it that are about this market or account; return what is to be told."""
        ...


class BookContent:
    """A market's book, by price."""

    def __init__(self, number: int, mirror: Mirror) -> None:
        self._market = MarketId(number)
        self._mirror = mirror
        self._levels: dict[int, dict[int, tuple[int, int]]] = {BUY: {}, SELL: {}}
        self._checksum = 0

    def begin(self, core: Core) -> bool:
        """Say whether the market is listed; the mirror has its book."""
        return views.market(core.executor.state, self._market) is not None

    def read(self, core: Core, look: Look) -> None:
        """Read nothing: the look has it."""

    def whole(self) -> BookPart:
        """Return every price."""
        self._checksum = 0
        for side, known in self._levels.items():
            known.clear()
            for price, level in self._mirror.levels(self._market, side).items():
                self._set(side, price, level)
        return self._part({side: list(known) for side, known in self._levels.items()})

    def change(self, look: Look, about: list[Happening]) -> BookPart | None:
        """Return the prices that are other than they were."""
        changed: dict[int, list[int]] = {BUY: [], SELL: []}
        for side in (BUY, SELL):
            shown = self._mirror.levels(self._market, side)
            for market, of, price in look.levels:
                level = shown.get(price, (0, 0))
                if market == self._market and of == side and level != self._levels[side].get(price, (0, 0)):
                    self._set(side, price, level)
                    changed[side].append(price)
        return self._part(changed) if changed[BUY] or changed[SELL] else None

    def _set(self, side: int, price: int, level: tuple[int, int]) -> None:
        before = self._levels[side].pop(price, None)
        if before is not None:
            self._checksum -= checksum_of(side, price, *before)
        if level[1]:
            self._levels[side][price] = level
            self._checksum += checksum_of(side, price, *level)

    def _part(self, prices: dict[int, list[int]]) -> BookPart:
        return BookPart(
            series=self._mirror.series(self._market),
            bids=[self._level(BUY, price) for price in sorted(prices[BUY], reverse=True)],
            asks=[self._level(SELL, price) for price in sorted(prices[SELL])],
            checksum=self._checksum % (1 << CHECKSUM_BITS),
        )

    def _level(self, side: int, price: int) -> Level:
        lots, orders = self._levels[side].get(price, (0, 0))
        return Level(price_ticks=price, lots=lots, orders=orders)


class TradesContent:
    """A market's fills, newest first."""

    def __init__(self, number: int, mirror: Mirror) -> None:
        self._market = MarketId(number)
        self._mirror = mirror
        self._newest: deque[Trade] = deque(maxlen=NEWEST)

    def begin(self, core: Core) -> bool:
        """Read the newest ones."""
        series = self._mirror.series(self._market)
        self._newest.clear()
        self._newest.extend(core.executor.read_model.trades(self._market, series))
        return views.market(core.executor.state, self._market) is not None

    def read(self, core: Core, look: Look) -> None:
        """Read nothing: the look has it."""

    def whole(self) -> Trades:
        """Return the newest ones."""
        return self._trades(list(self._newest))

    def change(self, look: Look, about: list[Happening]) -> Trades | None:
        """Return the new ones."""
        found = [_trade(each) for each in about if each.name == "fill"]
        self._newest.extend(found)
        return self._trades(found) if found else None

    def _trades(self, found: list[Trade]) -> Trades:
        return Trades(market=self._market, series=self._mirror.series(self._market), trades=found[::-1])


class MarketContent:
    """A market's rules, prices and state."""

    def __init__(self, number: int, mirror: Mirror) -> None:
        self._market = MarketId(number)
        self._told: Market | None = None
        self._now: Market | None = None

    def begin(self, core: Core) -> bool:
        """Read it."""
        self._told = self._now = views.market(core.executor.state, self._market)
        return self._now is not None

    def read(self, core: Core, look: Look) -> None:
        """Read it again."""
        self._now = views.market(core.executor.state, self._market)

    def whole(self) -> Market:
        """Return it."""
        assert self._now is not None
        self._told = self._now
        return self._now

    def change(self, look: Look, about: list[Happening]) -> Market | None:
        """Return it when anything of it has changed."""
        return self.whole() if self._now != self._told else None


class ClockContent:
    """The exchange's clock."""

    def __init__(self, number: int, mirror: Mirror) -> None:
        self._now = self._told = ClockPart(clock_ms=UnixMs(0), records=0)

    def begin(self, core: Core) -> bool:
        """Read it."""
        registers = core.executor.state.registers
        self._now = ClockPart(clock_ms=registers.clock_ms, records=registers.record_count)
        return True

    def read(self, core: Core, look: Look) -> None:
        """Read it again."""
        self.begin(core)

    def whole(self) -> ClockPart:
        """Return it."""
        self._told = self._now
        return self._now

    def change(self, look: Look, about: list[Happening]) -> ClockPart | None:
        """Return it when it has moved."""
        return self.whole() if self._now != self._told else None


class EventsContent:
    """Events, of an account or all; whoever begins knows those before from elsewhere."""

    def __init__(self, number: int, mirror: Mirror) -> None:
        self._mirror = mirror

    def begin(self, core: Core) -> bool:
        """Read nothing."""
        return True

    def read(self, core: Core, look: Look) -> None:
        """Read nothing: the look has it."""

    def whole(self) -> Feed:
        """Return none, and the number behind which they begin."""
        return Feed(events=[], next=self._mirror.feed, latest=self._mirror.feed)

    def change(self, look: Look, about: list[Happening]) -> Feed | None:
        """Return the new ones."""
        told = [feed_event(each) for each in about]
        return Feed(events=told, next=look.feed, latest=look.feed) if told else None


class OrdersContent:
    """An account's resting orders, by slot."""

    def __init__(self, number: int, mirror: Mirror) -> None:
        self._account = AccountId(number)
        self._orders: dict[int, Order] = {}
        self._changed: dict[int, Order | None] = {}

    def begin(self, core: Core) -> bool:
        """Read them."""
        executor = core.executor
        self._changed.clear()
        self._orders = {each.slot: each for each in views.orders(executor.state, executor.read_model, self._account)}
        return executor.state.accounts.find(self._account) is not None

    def read(self, core: Core, look: Look) -> None:
        """Read those that may have changed."""
        executor = core.executor
        for slot in look.slots.get(self._account, ()):
            known = executor.read_model.orders.get(slot)
            own = known is not None and known.account == self._account
            self._changed[slot] = views.order(executor.state, executor.read_model, slot) if own else None

    def whole(self) -> OrdersPart:
        """Return all, oldest first."""
        return OrdersPart(orders=sorted(self._orders.values(), key=lambda each: each.sequence), gone=[])

    def change(self, look: Look, about: list[Happening]) -> OrdersPart | None:
        """Return those that are other than they were."""
        orders: list[Order] = []
        gone: list[int] = []
        for slot, order in self._changed.items():
            before = self._orders.get(slot)
            if order == before:
                continue
            if order is None:
                gone.append(slot)
                del self._orders[slot]
                continue
            if before is None or before.record_number != order.record_number:
                # Another order, in a slot that was somebody's before: it is the newest now.
                self._orders.pop(slot, None)
            self._orders[slot] = order
            orders.append(order)
        self._changed.clear()
        return OrdersPart(orders=orders, gone=gone) if orders or gone else None


class FillsContent:
    """An account's fills, newest first."""

    def __init__(self, number: int, mirror: Mirror) -> None:
        self._account = AccountId(number)
        self._newest: deque[AccountFill] = deque(maxlen=NEWEST)

    def begin(self, core: Core) -> bool:
        """Read the newest ones."""
        self._newest.clear()
        known = core.executor.read_model.history.fills(self._account)[-NEWEST:]
        self._newest.extend(account_fill(each, self._account) for each in known)
        return core.executor.state.accounts.find(self._account) is not None

    def read(self, core: Core, look: Look) -> None:
        """Read nothing: the look has it."""

    def whole(self) -> Fills:
        """Return the newest ones."""
        return self._fills(list(self._newest))

    def change(self, look: Look, about: list[Happening]) -> Fills | None:
        """Return the new ones."""
        found = [account_fill(each, self._account) for each in about if each.name in FILLS]
        self._newest.extend(found)
        return self._fills(found) if found else None

    def _fills(self, found: list[AccountFill]) -> Fills:
        return Fills(account=self._account, fills=found[::-1])


class AccountContent:
    """An account's cash, margins and positions; its orders have a channel of their own."""

    def __init__(self, number: int, mirror: Mirror) -> None:
        self._account = AccountId(number)
        self._told: Account | None = None
        self._now: Account | None = None

    def begin(self, core: Core) -> bool:
        """Read it."""
        self._told = self._now = self._look_up(core)
        return self._now is not None

    def read(self, core: Core, look: Look) -> None:
        """Read it again."""
        self._now = self._look_up(core)

    def whole(self) -> Account:
        """Return it."""
        assert self._now is not None
        self._told = self._now
        return self._now

    def change(self, look: Look, about: list[Happening]) -> Account | None:
        """Return it when anything of it has changed."""
        return self.whole() if self._now != self._told else None

    def _look_up(self, core: Core) -> Account | None:
        return views.account(core.executor.state, core.executor.read_model, self._account, with_orders=False)


CONTENTS: Final[Mapping[str, Callable[[int, Mirror], Content]]] = MappingProxyType(
    {
        "book": BookContent,
        "trades": TradesContent,
        "market": MarketContent,
        "clock": ClockContent,
        "feed": EventsContent,
        "orders": OrdersContent,
        "fills": FillsContent,
        "account": AccountContent,
        "events": EventsContent,
    }
)
"""What tells the content of each kind of channel."""


def accounts_of(each: Happening) -> Iterator[AccountId]:
    """Yield the accounts that an event is about, each once."""
    for number in dict.fromkeys(each.values[at] for at in _ACCOUNTS_AT[each.name] if at < len(each.values)):
        yield AccountId(number)


def market_of(each: Happening) -> int | None:
    """Return the market that an event is about."""
    fields = EVENT_FIELDS[each.name]
    return each.values[fields.index("market")] if "market" in fields else None


def _trade(each: Happening) -> Trade:
    _, price, lots, side, taker, maker = each.values[:6]
    return Trade(
        sequence=each.sequence,
        record=each.record,
        clock_ms=each.clock_ms,
        price_ticks=price,
        lots=lots,
        side=side,
        taker=taker,
        maker=maker,
    )
