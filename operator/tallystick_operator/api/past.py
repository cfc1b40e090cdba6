"""The part of the HTTP API that tells what has happened: orders, fills, funding, and the feed of all events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tallystick.records.market_names import MarketName
from tallystick.schema.names import Outcome
from tallystick.shapes.accounts import AccountFill, Fills, PlacedOrder, PlacedOrders
from tallystick.shapes.market_data import Funding, FundingHours
from tallystick.shapes.progress import Feed, FeedEvent
from tallystick.shapes.routes import FEED, FILLS, FUNDING, HISTORY, MAX_LIMIT
from tallystick.state.ordinals import AccountId, MarketId
from tallystick_operator.api import views
from tallystick_operator.api.parameters import (
    asked_account,
    asked_filter,
    asked_market,
    asked_number,
    path_account,
    path_market,
    path_number,
)
from tallystick_operator.intake.door import Refused
from tallystick_operator.intake.promises import REORDERING
from tallystick_operator.remembered import Happening, KeptOrder
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer

LOOK_SECONDS: Final = 0.02
"""How often a waiting poll looks for something new."""

S = TypeVar("S")
T = TypeVar("T")


class Past:
    """The routes over what a sequencer's operator remembers."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer

    async def orders(self, request: Request) -> PlacedOrders:
        """Return the orders an account has placed, newest first, whatever became of them."""
        number = path_account(request)
        limit = asked_number(request, HISTORY, "limit")

        def look(core: Core) -> list[PlacedOrder]:
            return _newest(core.executor.read_model.history.orders(number), limit, partial(placed, core))

        return PlacedOrders(account=number, orders=await self._read(look))

    async def order(self, request: Request) -> PlacedOrder:
        """Return the newest order of an account with a client id."""
        number = path_account(request)
        client_id = path_number(request, "client_id")

        def look(core: Core) -> PlacedOrder | None:
            known = reversed(core.executor.read_model.history.orders(number))
            found = next((placed(core, each) for each in known if each.client_id == client_id), None)
            if found is None and core.branch.owed:
                raise REORDERING
            return found

        found = await self._read(look)
        if found is None:
            raise Refused(404, "no_such_order", "none of the account's last orders has this client id", "client_id")
        return found

    async def fills(self, request: Request) -> Fills:
        """Return an account's fills, newest first; with `after`, those behind that number of the feed."""
        number = path_account(request)
        limit = asked_number(request, FILLS, "limit")
        after = asked_number(request, FILLS, "after")

        def look(core: Core) -> list[AccountFill]:
            known = [each for each in core.executor.read_model.history.fills(number) if each.sequence > after]
            return _newest(known, limit, lambda each: account_fill(each, number))

        return Fills(account=number, fills=await self._read(look))

    async def funding(self, request: Request) -> FundingHours:
        """Return a market's funding, newest hour first."""
        named = path_market(request, "market")
        limit = asked_number(request, FUNDING, "limit")

        def look(core: Core) -> FundingHours:
            market, series = views.find_series(core.executor.state, named, past=True)
            known = core.executor.read_model.history.funding(market, series)
            return FundingHours(market=market, series=series, funding=_newest(known, limit, _funding))

        return await self._read(look)

    async def feed(self, request: Request) -> Feed:
        """Return the events behind a number, oldest first; wait up to `wait_ms` for the first."""
        after = asked_filter(request, FEED, "after")
        limit = asked_number(request, FEED, "limit")
        wait_ms = asked_number(request, FEED, "wait_ms")
        account = asked_account(request, FEED)
        market = asked_market(request, "market")
        if limit == 0:
            raise Refused(400, "malformed", f"a whole number from 1 to {MAX_LIMIT}", "limit")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_ms / 1000
        if after is None:
            after = await self._read(lambda _: self._newest)
        while True:
            found = await self._read(partial(_feed, after=after, limit=limit, account=account, market=market))
            if found.events or request.app.state.stopping or loop.time() >= deadline:
                return found
            after = found.next
            # An integer is read whole without the sequencer's lock; the events themselves are read under it.
            while self._newest == after and loop.time() < deadline and not request.app.state.stopping:
                await asyncio.sleep(LOOK_SECONDS)

    @property
    def _newest(self) -> int:
        return self._sequencer.core.executor.read_model.history.sequence

    async def _read(self, question: Callable[[Core], T]) -> T:
        return await run_in_threadpool(self._sequencer.read, question)


def _newest(known: list[S], limit: int, view: Callable[[S], T]) -> list[T]:
    return [view(each) for each in known[::-1][:limit]]


def _feed(core: Core, *, after: int, limit: int, account: AccountId | None, market: MarketName | None) -> Feed:
    history = core.executor.read_model.history
    if after > history.sequence:
        raise Refused(409, "ahead", f"the newest event is {history.sequence}; ask for the state anew", "after")
    if after + 1 < history.oldest:
        raise Refused(410, "gone", f"the oldest event kept is {history.oldest}; ask for the state anew", "after")
    events: list[FeedEvent] = []
    last = after
    for each in history.after(after):
        if len(events) == limit:
            break
        last = each.sequence
        if each.concerns(account, *(market or (None, None))):
            events.append(feed_event(each))
    return Feed(events=events, next=last, latest=history.sequence)


def feed_event(each: Happening) -> FeedEvent:
    """Return an event as it is told."""
    outcomes = ("outcome", "was_outcome")
    values = {name: Outcome(value).name if name in outcomes else value for name, value in each.fields.items()}
    return FeedEvent(sequence=each.sequence, record=each.record, clock_ms=each.clock_ms, event=each.name, values=values)


def placed(core: Core, each: KeptOrder) -> PlacedOrder:
    """Return an order as it stands at the clock that the next record will meet."""
    shown = PlacedOrder(**{name: getattr(each, name) for name in PlacedOrder.__struct_fields__})
    if each.slot is None or each.status not in ("open", "waiting"):
        return shown
    return msgspec.structs.replace(shown, status="dead") if views.is_gone(core.executor.state, each.slot) else shown


def account_fill(each: Happening, account: AccountId) -> AccountFill:
    """Return a fill, or a block trade, from one account's side."""
    market, price, lots, side, taker, maker = each.values[:6]
    # A block trade is of no order.
    taker_client_id, maker_client_id = each.values[6:8] or (0, 0)
    took = account == taker
    return AccountFill(
        sequence=each.sequence,
        record=each.record,
        clock_ms=each.clock_ms,
        market=MarketId(market),
        series=each.series,
        side=side if took else 1 - side,
        price_ticks=price,
        lots=lots,
        role="taker" if took else "maker",
        client_id=taker_client_id if took else maker_client_id,
        counterparty=maker if took else taker,
        block=each.name == "block",
    )


def _funding(each: Happening) -> Funding:
    return Funding(
        sequence=each.sequence,
        clock_ms=each.clock_ms,
        rate_ppm=each.values[1],
        index_ticks=each.values[2],
        funding_index=each.values[3],
    )
