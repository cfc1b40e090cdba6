"""The feed without a gap: what was before is asked for, what comes is pushed."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Final

from tallystick.errors import Refused
from tallystick.records.market_names import MarketName
from tallystick.shapes.progress import Feed, FeedEvent
from tallystick.state.ordinals import AccountId
from tallystick.trader.client import TraderClient
from tallystick.trader.stream.following import follow
from tallystick.trader.stream.listening import Of, Problem, Tracker

PATIENCE_SECONDS: Final = 60.0
PAGE: Final = 1_000


def events_behind(
    client: TraderClient, url: str, sequence: int, account: AccountId | None, market: MarketName | None
) -> Generator[FeedEvent, None, None]:
    """Yield the events behind a number as they happen, for ever: those about an account and a market, None for any.

    Raises: OperatorUnreachable when nobody has answered for a minute, OperatorRefused when some are not kept any more.
    """
    updates = follow(url, Tracker([Of("feed")]), patience_seconds=PATIENCE_SECONDS)
    named = (None, None) if market is None else market
    at = sequence
    with asyncio.Runner() as runner:
        try:
            while True:
                update = runner.run(anext(updates))
                if isinstance(update, Problem):
                    raise Refused(update.denied.message, error=update.denied.error)
                assert isinstance(update.data, Feed)
                found = update.data.events
                if update.snapshot:
                    found = _missed(client, at, update.data.latest)
                for each in found:
                    if each.sequence > at and each.concerns(account, *named):
                        yield each
                at = max(at, update.data.next)
        finally:
            runner.run(updates.aclose())


def _missed(client: TraderClient, at: int, latest: int) -> list[FeedEvent]:
    """Return all events from behind one number up to another. Raises: OperatorRefused."""
    found: list[FeedEvent] = []
    while True:
        # Asked once at least: an operator that has not come so far is another one than before.
        page = client.feed(at, limit=PAGE)
        found += [each for each in page.events if each.sequence <= latest]
        at = page.next
        if at >= latest:
            return found
