"""What the state does not index: orders by client id and account, recent trades, withdrawals by account.

Built from the machine's events alone, so that replaying the log rebuilds it. It decides nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from tallystick.machine.machine import Event
from tallystick.records.codec import Record
from tallystick.shapes.market_data import Trade
from tallystick.shapes.progress import ACCOUNT_FIELDS
from tallystick.state.cells import account_owner, market_series, outbox_recipient
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick.state.state import State
from tallystick_operator.remembered import EVENT_FIELDS, HeldReadModel, HeldTrades, OpenOrder, Withdrawal
from tallystick_operator.sequencer.recent import SERIES_KEPT, History
from tallystick_operator.sequencer.sweeping import Deaths, makes_room

TRADES_KEPT: Final = 1_000
"""Trades remembered of each market: a page of history, not an archive; L1 has all of it."""

MOVED: Final = {
    name: tuple(at for at, field in enumerate(EVENT_FIELDS[name]) if field in ACCOUNT_FIELDS)
    for name in ("fill", "block", "takeover", "deposit", "withdrawal", "transfer", "settlement", "covered", "claim")
}
"""Events by which cash or positions move, and where they name whose."""


IGNORED: Final = frozenset({"item", "order", "outcome"})
"""Events of every order that say nothing of where orders rest."""


class ReadModel:
    """Indices over the live state."""

    def __init__(self, state: State) -> None:
        self.orders: dict[int, OpenOrder] = {}
        self._trades: dict[tuple[MarketId, int], deque[Trade]] = {}
        self.owners: dict[bytes, AccountId] = {}
        self.fills = 0
        self.withdrawals: dict[AccountId, list[Withdrawal]] = {}
        markets = state.markets
        self.history = History({number: market_series(markets.words, market) for number, market in markets.every()})
        self._state = state
        self._moved: set[AccountId] = set()
        self._by_client: dict[tuple[AccountId, int], list[int]] = {}
        self._by_account: dict[AccountId, dict[int, None]] = {}
        self._deaths = Deaths(state)

    def slot_of(self, account: AccountId, client_id: int) -> int | None:
        """Return where the account's oldest order with a client id rests, None when there is none."""
        slots = self._by_client.get((account, client_id))
        return slots[0] if slots else None

    def slots_with(self, account: AccountId, client_id: int) -> list[int]:
        """Return where the account's orders with a client id rest, oldest first."""
        return list(self._by_client.get((account, client_id), ()))

    def slots_of(self, account: AccountId) -> list[int]:
        """Return where the account's orders rest, oldest first."""
        return list(self._by_account.get(account, ()))

    def makes_room(self, record: Record) -> list[bytes]:
        """Return the records that have to come before another one, so that the account's dead orders do not count."""
        return makes_room(self._state, self._deaths, self._by_account, record)

    def trades(self, market: MarketId, series: int) -> list[Trade]:
        """Return the newest fills of a market's series, oldest first."""
        return list(self._trades.get((market, series), ()))

    def take_moved(self) -> set[AccountId]:
        """Return whose cash or positions have moved since this was last asked."""
        moved, self._moved = self._moved, set()
        return moved

    def held(self) -> HeldReadModel:
        """Return what a snapshot keeps of it, between two records."""
        withdrawals = [each for known in self.withdrawals.values() for each in known]
        return HeldReadModel(
            orders=list(self.orders.items()),
            trades=[
                HeldTrades(market=market, series=series, trades=list(known))
                for (market, series), known in self._trades.items()
            ],
            owners=list(self.owners.items()),
            fills=self.fills,
            withdrawals=sorted(withdrawals, key=lambda each: each.index),
            history=self.history.held(),
        )

    def put_back(self, held: HeldReadModel) -> None:
        """Become what was held, over a state that has been put back."""
        self._deaths = Deaths(self._state)
        for slot, order in held.orders:
            self._index(slot, order)
        for each in held.trades:
            self._trades[each.market, each.series] = deque(each.trades, maxlen=TRADES_KEPT)
        self.owners = dict(held.owners)
        self.fills = held.fills
        for withdrawal in held.withdrawals:
            self.withdrawals.setdefault(withdrawal.account, []).append(withdrawal)
        self.history.put_back(held.history)

    def apply(self, events: tuple[Event, ...], record: int, clock_ms: UnixMs) -> None:
        """Take in what one record did."""
        for event in events:
            self.history.take(event, record, clock_ms)
            name, values = event
            if name in IGNORED:
                continue
            if name in MOVED:
                self._moved.update(moved_by(event))
            if name in ("rested", "parked"):
                self._rest(AccountId(values[0]), values[1], values[2], values[3], record)
            elif name == "fill":
                self._fill(values, record, clock_ms)
            elif name in ("shrunk", "amended"):
                changed = self.orders[values[2]]
                changed.remaining_lots = values[3]
                self._deaths.touched(changed.account, values[2])
            elif name in ("removed", "fired"):
                self._remove(values[2])
            elif name == "deposit":
                self._deposit(AccountId(values[0]))
            elif name == "withdrawal":
                self._withdraw(values)
            elif name == "listed":
                self._trades.pop((MarketId(values[0]), values[1] - SERIES_KEPT), None)

    def _fill(self, values: tuple[int, ...], record: int, clock_ms: UnixMs) -> None:
        market, price, lots, side, taker, maker, _, _, slot = values
        trade = Trade(
            sequence=self.history.sequence,
            record=record,
            clock_ms=clock_ms,
            price_ticks=price,
            lots=lots,
            side=side,
            taker=taker,
            maker=maker,
        )
        key = MarketId(market), self.history.series_of(MarketId(market))
        trades = self._trades.get(key)
        if trades is None:
            trades = self._trades[key] = deque(maxlen=TRADES_KEPT)
        trades.append(trade)
        self.fills += 1
        order = self.orders[slot]
        order.remaining_lots -= lots
        self._deaths.touched(order.account, slot)
        if order.remaining_lots == 0:
            self._remove(slot)

    def _rest(self, account: AccountId, client_id: int, slot: int, lots: int, record: int) -> None:
        self._index(slot, OpenOrder(account=account, client_id=client_id, remaining_lots=lots, record=record))

    def _index(self, slot: int, order: OpenOrder) -> None:
        account, key = order.account, (order.account, order.client_id)
        self.orders[slot] = order
        with_id = self._by_client.get(key)
        if with_id is None:
            self._by_client[key] = [slot]
        else:
            with_id.append(slot)
        slots = self._by_account.get(account)
        if slots is None:
            slots = self._by_account[account] = {}
        slots[slot] = None
        self._deaths.rested(account, slot, slots)

    def _remove(self, slot: int) -> None:
        order = self.orders.pop(slot)
        key = (order.account, order.client_id)
        self._by_client[key].remove(slot)
        if not self._by_client[key]:
            del self._by_client[key]
        del self._by_account[order.account][slot]
        self._deaths.removed(order.account, slot)
        if not self._by_account[order.account]:
            del self._by_account[order.account]

    def _deposit(self, account: AccountId) -> None:
        accounts = self._state.accounts
        self.owners[account_owner(accounts.words, accounts.known(account))] = account

    def _withdraw(self, values: tuple[int, ...]) -> None:
        index, number, amount = values
        account = AccountId(number)
        outbox = self._state.outbox
        withdrawal = Withdrawal(
            index=index,
            account=account,
            recipient=outbox_recipient(outbox.words, outbox.known(index)),
            amount_units=amount,
            batch=self._state.registers.batch_cursor,
        )
        self.withdrawals.setdefault(account, []).append(withdrawal)


def moved_by(event: Event) -> list[AccountId]:
    """Return whose cash or positions an event has moved."""
    name, values = event
    return [AccountId(values[at]) for at in MOVED.get(name, ())]
