"""What has happened lately: every event with its number, and by account and market its orders, fills and funding.

Built from the machine's events alone, so that replaying the log gives every event the same number again. It decides
nothing, and remembers a bounded past: L1 has all of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Final

from tallystick.machine.machine import Event
from tallystick.schema.names import Outcome
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick_operator.remembered import MARKET_AT, Happening, HeldHistory, KeptOrder

EVENTS_KEPT = 20_000
"""Events of the feed: about a minute at full speed, so that who reads on from a number misses none."""
FILLS_KEPT: Final = 1_000
ORDERS_KEPT: Final = 1_000
FUNDING_KEPT: Final = 1_000
"""Hours of funding remembered of each market: six weeks."""
SERIES_KEPT: Final = 2
"""Series of a market of which trades and funding are remembered: the one that is listed, and the one before."""

OUTCOME_NAMES: Final = {int(outcome): outcome.name for outcome in Outcome}


class History:
    """What has happened lately. `series` is that of each market, by its id, when this begins."""

    def __init__(self, series: Mapping[MarketId, int]) -> None:
        self.sequence = 0
        self._series = dict(series)
        self._events: deque[Happening] = deque(maxlen=EVENTS_KEPT)
        self._fills: dict[AccountId, deque[Happening]] = {}
        self._funding: dict[tuple[MarketId, int], deque[Happening]] = {}
        self._orders: dict[AccountId, deque[KeptOrder]] = {}
        self._by_slot: dict[int, KeptOrder] = {}
        self._placing: KeptOrder | None = None

    def take(self, event: Event, record: int, clock_ms: UnixMs) -> None:
        """Take in one event of a record."""
        name, values = event
        at = MARKET_AT.get(name)
        if at is None:
            return
        self.sequence += 1
        if name == "listed":
            self._series[MarketId(values[0])] = values[1]
            self._funding.pop((MarketId(values[0]), values[1] - SERIES_KEPT), None)
        happening = Happening(
            sequence=self.sequence,
            record=record,
            clock_ms=clock_ms,
            name=name,
            values=values,
            series=self._series.get(MarketId(values[at]), 0) if at >= 0 else 0,
        )
        self._events.append(happening)
        self._mean(name, happening, values)

    def _mean(self, name: str, happening: Happening, values: tuple[int, ...]) -> None:
        """Do what an event means for what is kept by account and market; those that come most often first."""
        if name == "order":
            self._place(happening, values)
        elif name == "outcome":
            self._finish(values)
        elif name == "fill":
            self._fill(happening, values)
        elif name == "rested":
            self._rest(values[2], values[3], "open")
        elif name == "removed":
            self._end(values[2], "cancelled")
        elif name == "parked":
            self._rest(values[2], values[3], "waiting")
        elif name in ("shrunk", "amended"):
            self._resize(values)
        elif name == "fired":
            self._end(values[2], "fired")
        elif name == "block":
            self._keep_fill(happening, values[4], values[5])
        elif name == "funding":
            self._fund(happening, values)

    def rewind(self, told: int, record: int, clock_ms: UnixMs) -> None:
        """Take back all that was told of a record and of those behind it; the numbers go on behind the newest one told.

        Whoever has read that far reads on; who has not begins anew.
        """
        self._events.clear()
        self.sequence = told
        self.take(("rewound", (record,)), record, clock_ms)

    def held(self) -> HeldHistory:
        """Return what a snapshot keeps of it, between two records."""
        fills = {each.sequence: each for known in self._fills.values() for each in known}
        funding = [each for known in self._funding.values() for each in known]
        shown = {id(each) for known in self._orders.values() for each in known}
        return HeldHistory(
            sequence=self.sequence,
            series=self._series,
            events=list(self._events),
            fills=[fills[each] for each in sorted(fills)],
            funding=sorted(funding, key=lambda each: each.sequence),
            orders=[list(known) for known in self._orders.values()],
            apart={slot: each for slot, each in self._by_slot.items() if id(each) not in shown},
        )

    def put_back(self, held: HeldHistory) -> None:
        """Become what was held."""
        self.sequence = held.sequence
        self._series = dict(held.series)
        self._events.extend(held.events)
        for each in held.fills:
            self._keep_fill(each, each.values[4], each.values[5])
        for each in held.funding:
            self._fund(each, each.values)
        for known in held.orders:
            self._orders[known[0].account] = deque(known, maxlen=ORDERS_KEPT)
            self._by_slot.update({each.slot: each for each in known if each.slot is not None})
        self._by_slot.update(held.apart)

    @property
    def oldest(self) -> int:
        """The number of the oldest event remembered, or that of the next one."""
        return self._events[0].sequence if self._events else self.sequence + 1

    def after(self, sequence: int) -> list[Happening]:
        """Return the events behind a number, oldest first. It takes as long as they are many, not as all are."""
        found = list(islice(reversed(self._events), max(self.sequence - sequence, 0)))
        found.reverse()
        return found

    def fills(self, account: AccountId) -> list[Happening]:
        """Return an account's fills, oldest first."""
        return list(self._fills.get(account, ()))

    def orders(self, account: AccountId) -> list[KeptOrder]:
        """Return the orders an account has placed, oldest first."""
        return list(self._orders.get(account, ()))

    def series_of(self, market: MarketId) -> int:
        """Return the series of a market that its newest events are of."""
        return self._series.get(market, 0)

    def funding(self, market: MarketId, series: int) -> list[Happening]:
        """Return the hours of funding of a market's series, oldest first."""
        return list(self._funding.get((market, series), ()))

    def _fund(self, happening: Happening, values: tuple[int, ...]) -> None:
        self._funding.setdefault((MarketId(values[0]), happening.series), deque(maxlen=FUNDING_KEPT)).append(happening)

    def _resize(self, values: tuple[int, ...]) -> None:
        resting = self._by_slot.get(values[2])
        if resting is not None:
            resting.remaining_lots = values[3]

    def _place(self, happening: Happening, values: tuple[int, ...]) -> None:
        account, client_id, market, side, price, lots, flags = values
        placed = KeptOrder(
            record_number=happening.record,
            clock_ms=happening.clock_ms,
            account=AccountId(account),
            client_id=client_id,
            market=MarketId(market),
            series=happening.series,
            side=side,
            price_ticks=price,
            lots=lots,
            flags=flags,
        )
        kept = self._orders.get(placed.account)
        if kept is None:
            kept = self._orders[placed.account] = deque(maxlen=ORDERS_KEPT)
        kept.append(placed)
        self._placing = placed

    def _fill(self, happening: Happening, values: tuple[int, ...]) -> None:
        _, _, lots, _, taker, maker, _, _, slot = values
        self._keep_fill(happening, taker, maker)
        if self._placing is not None:
            self._placing.filled_lots += lots
        resting = self._by_slot.get(slot)
        if resting is not None:
            resting.filled_lots += lots
            resting.remaining_lots -= lots
            if resting.remaining_lots == 0:
                self._end(slot, "filled")

    def _keep_fill(self, happening: Happening, taker: int, maker: int) -> None:
        for account in (taker, maker) if taker != maker else (taker,):
            kept = self._fills.get(AccountId(account))
            if kept is None:
                kept = self._fills[AccountId(account)] = deque(maxlen=FILLS_KEPT)
            kept.append(happening)

    def _rest(self, slot: int, lots: int, status: str) -> None:
        if self._placing is not None:
            self._placing.slot = slot
            self._placing.status = status
            self._placing.remaining_lots = lots
            self._by_slot[slot] = self._placing

    def _end(self, slot: int, status: str) -> None:
        resting = self._by_slot.pop(slot, None)
        if resting is not None:
            resting.status = status
            resting.slot = None
            resting.remaining_lots = 0

    def _finish(self, values: tuple[int, ...]) -> None:
        placed, self._placing = self._placing, None
        if placed is None:
            return
        (outcome,) = values
        placed.outcome = OUTCOME_NAMES[outcome]
        if placed.slot is not None:
            return
        if placed.filled_lots == placed.lots:
            placed.status = "filled"
        else:
            placed.status = "cancelled" if outcome == Outcome.ACCEPTED or placed.filled_lots else "rejected"
