"""Those who follow a stream over the wire: they come back by themselves, poll where they must, and miss nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from itertools import islice
from typing import Any

import pytest

from tallystick.shapes.progress import FeedEvent
from tallystick.state.ordinals import AccountId
from tallystick.trader.client import TraderClient
from tallystick.trader.stream.following import follow
from tallystick.trader.stream.happened import events_behind
from tallystick.trader.stream.listening import Of, Tracker, Update
from tallystick.transport import OperatorRefused, OperatorUnreachable
from tests.operator.listeners import login_of
from tests.operator.rig import Rig
from tests.operator.test_api import Served

BUY, SELL = 0, 1


@pytest.fixture
def served(rig: Rig) -> Iterator[Served]:
    served = Served(rig)
    yield served
    served.close()
    assert not served.failures


async def read_until(
    url: str, tracker: Tracker, enough: Callable[[], bool], at_first: Callable[[], Any], **options: Any
) -> list[Update]:
    """Follow a stream until there is enough; call something, in a thread, when the first update is there."""
    seen: list[Update] = []
    async with aclosing(follow(url, tracker, **options)) as updates:
        async for each in updates:
            assert isinstance(each, Update), each
            seen.append(each)
            if len(seen) == 1:
                await asyncio.to_thread(at_first)
            if enough():
                return seen
    raise AssertionError


@pytest.mark.parametrize("sockets", [True, False])
def test_a_reader_is_told_everything_over_either_way(served: Served, sockets: bool) -> None:
    rig = served.rig
    tracker = Tracker([Of("book", 0), Of("orders", 1), Of("fills", 2)], login_of(rig, 1, "alice"))
    tracker.unwant(Of("fills", 2))
    tracker.outgoing.clear()

    async def read() -> None:
        async with aclosing(follow(served.server.url, tracker, sockets=sockets)) as updates:
            seen: list[Update] = []
            async for each in updates:
                assert isinstance(each, Update), each
                seen.append(each)
                if len(seen) == 2:
                    await asyncio.to_thread(served.post, rig.order(1, SELL, 618_010, 5, client_id=7))
                if len(tracker.copies[Of("book", 0)].asks) and tracker.copies[Of("orders", 1)].by_slot:  # type: ignore[attr-defined]
                    return

    asyncio.run(asyncio.wait_for(read(), 20))


def test_a_reader_gives_up_when_nobody_answers_for_as_long_as_it_is_told_to() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    async def read() -> None:
        async for _ in follow(url, Tracker([Of("clock")]), patience_seconds=0.3):
            raise AssertionError

    with pytest.raises(OperatorUnreachable):
        asyncio.run(read())


def test_a_reader_comes_back_to_an_operator_that_was_started_again(rig: Rig) -> None:
    first = Served(rig)
    tracker = Tracker([Of("book", 0)])
    again: list[Served] = []

    def restart() -> None:
        first.close()
        again.append(Served(rig, port=first.server.port))
        again[0].post(rig.order(1, SELL, 618_010, 5, client_id=7))

    copy: Any = tracker.copies[Of("book", 0)]
    seen = asyncio.run(asyncio.wait_for(read_until(first.server.url, tracker, lambda: bool(copy.asks), restart), 60))
    assert len({each.push.epoch for each in seen}) == 2 and tracker.greetings >= 2
    again[0].close()
    assert not again[0].failures


class Proxy:
    """What lets no WebSocket through: it answers an upgrade as if it were nothing, and hands on the rest."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.refused = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._hand_on, args=(connection,), daemon=True).start()

    def _hand_on(self, connection: socket.socket) -> None:
        with connection, socket.create_connection(("127.0.0.1", self.port)) as there:
            back = threading.Thread(target=copy_bytes, args=(there, connection), daemon=True)
            back.start()
            while data := connection.recv(1 << 16):
                if b"upgrade: websocket" in data.lower():
                    self.refused += 1
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                there.sendall(data)

    def close(self) -> None:
        self.listening.close()


def copy_bytes(here: socket.socket, there: socket.socket) -> None:
    try:
        while data := here.recv(1 << 16):
            there.sendall(data)
    except OSError:
        return


def test_a_reader_polls_where_no_websocket_gets_through(served: Served) -> None:
    proxy = Proxy(served.server.port)
    tracker = Tracker([Of("book", 0)])
    copy: Any = tracker.copies[Of("book", 0)]

    def trade() -> None:
        served.post(served.rig.order(1, SELL, 618_010, 5, client_id=7))

    asyncio.run(asyncio.wait_for(read_until(proxy.url, tracker, lambda: bool(copy.asks), trade), 30))
    assert (proxy.refused, tracker.greetings) == (1, 0)
    proxy.close()


def test_the_feed_has_no_gap_between_what_was_and_what_comes(served: Served) -> None:
    rig = served.rig
    begin = rig.core.executor.read_model.history.sequence
    for at in range(10):
        served.post(rig.order(1, BUY, 617_000 - at, 1))
    with closing(TraderClient(served.server.url)) as client:
        events = events_behind(client, served.server.url, begin, None, None)
        found: list[FeedEvent] = list(islice(events, 30))
        for at in range(10):
            served.post(rig.order(2, BUY, 616_000 - at, 1))
            found += islice(events, 3)
        events.close()
        assert [each.sequence for each in found] == list(range(begin + 1, begin + 61))
        own = events_behind(client, served.server.url, begin, AccountId(2), None)
        assert [each.event for each in islice(own, 4)] == ["order", "rested", "order", "rested"]
        own.close()


def test_who_has_seen_more_than_there_is_is_told_so(served: Served) -> None:
    with closing(TraderClient(served.server.url)) as client:
        events = events_behind(client, served.server.url, 1_000_000, None, None)
        with pytest.raises(OperatorRefused, match="ask for the state anew"):
            next(events)
