"""Which channels have something to read or to tell after a look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tallystick_operator.push.contents import accounts_of, market_of
from tallystick_operator.push.mirror import Look
from tallystick_operator.push.sessions import Key
from tallystick_operator.remembered import Happening

TICK_SECONDS: Final = 0.25
"""How often markets, accounts and the clock are looked at, whether anything has happened or not: a halt, an expiry and a
switch come by the clock alone."""
ACCOUNTS_A_LOOK: Final = 50
"""Accounts measured in one look: a few milliseconds. The rest have their turn in the next ones."""


class Touched:
    """The events of a look by account and by market, and what else it is about."""

    def __init__(self, look: Look) -> None:
        self.all = look.happenings
        self.by_account: dict[int, list[Happening]] = {int(number): [] for number in look.slots}
        self.by_market: dict[int, list[Happening]] = {level[0]: [] for level in look.levels}
        for each in look.happenings:
            for account in accounts_of(each):
                self.by_account.setdefault(int(account), []).append(each)
            market = market_of(each)
            if market is not None:
                self.by_market.setdefault(market, []).append(each)

    def keys(self) -> Iterator[tuple[Key, list[Happening]]]:
        """Yield every channel that a look may have changed by its events, each with those about it."""
        if self.all:
            yield Key("feed", 0), self.all
        for market, about in self.by_market.items():
            yield Key("book", market), about
            yield Key("trades", market), about
        for account, about in self.by_account.items():
            yield Key("orders", account), about
            yield Key("fills", account), about
            yield Key("events", account), about


class Due:
    """Which channels are to be read in a look. Units: seconds of the machine's clock."""

    def __init__(self) -> None:
        self._tick_at = 0.0
        self._accounts: dict[Key, None] = {}
        self._others: list[Key] = []

    def is_due(self, now: float) -> bool:
        """Whether anything is to be read although nothing has happened."""
        return now >= self._tick_at or bool(self._accounts)

    def note(self, touched: Touched, known: Iterable[Key], now: float) -> None:
        """Take in what a look found, and how late it is; `known` are the channels there are."""
        for number in touched.by_account:
            self._accounts[Key("account", number)] = None
            self._others.append(Key("orders", number))
        if now < self._tick_at:
            return
        self._tick_at = now + TICK_SECONDS
        for key in known:
            if key.name == "account":
                self._accounts[key] = None
            elif key.name in ("market", "clock"):
                self._others.append(key)

    def take(self) -> list[Key]:
        """Return which are to be read now."""
        found = [*self._others, *list(self._accounts)[:ACCOUNTS_A_LOOK]]
        for key in found[len(self._others) :]:
            del self._accounts[key]
        self._others = []
        return found
