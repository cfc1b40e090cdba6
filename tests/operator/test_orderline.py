"""Orders over a WebSocket as a trader's program sends them: many at once, through gateways that die and lie."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tallystick.errors import DataMismatch, Refused
from tallystick.records.codec import Record, encode
from tallystick.records.signing import make
from tallystick.shapes.order_entry import MAX_MESSAGE_BYTES, packed_replies, packed_reply, requests
from tallystick.shapes.routes import INFO
from tallystick.shapes.submitting import Answer
from tallystick.testing.world import key
from tallystick.trader.client import TraderClient
from tallystick.trader.orderline import OrderLine, Unanswered
from tallystick.transport import OperatorRefused, OperatorUnreachable
from tests.operator.rig import Rig
from tests.operator.scene import Running, Scene

ORDERS = 40
SECONDS = 60


def trading(scene: Scene) -> Running:
    scene.stage.deposit("alice")
    running = scene.start(gateways=1)
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    return running


def order(client: TraderClient, number: int) -> Record:
    return client.signed("order", market=0, price_ticks=600_000, lots=1, client_id=number)


def play(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, SECONDS))


def test_many_are_under_way_in_their_order_refusals_are_raised_and_a_dead_gateway_is_outlived(scene: Scene) -> None:
    running = trading(scene)
    client = scene.client(running, "alice")
    placed: dict[int, Answer] = {}

    async def place(line: OrderLine, first: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        asked = {at: line.ask(order(client, at)) for at in range(first, first + ORDERS)}
        await asked[first]
        meanwhile()
        for at, answered in asked.items():
            placed[at] = await answered

    async def trade() -> None:
        async with OrderLine(client) as line:
            await place(line, 1)
            client.next_nonce = client.fresh_nonce() - 1
            with pytest.raises(OperatorRefused) as refused:
                await line.send(client.signed("cancel", client_id=1))
            assert refused.value.code == "nonce_used"
            assert client.fresh_nonce() == ORDERS, "the operator was asked again"
            fleet = running.operator._gateways
            assert fleet is not None
            await place(line, 101, fleet.processes[0].kill)
            assert (await line.send(order(client, 201))).accepted

    play(trade())
    assert all(each.accepted for each in placed.values())
    numbers = [each.record_number for each in placed.values()]
    assert numbers == sorted(set(numbers)), "in the order of asking, each once"
    assert {each.client_id for each in client.orders()} == {*placed, 201}
    client.close()
    running.stop()


def test_without_gateways_it_says_so_and_without_an_operator_it_gives_up_in_time(scene: Scene) -> None:
    scene.stage.deposit("alice")
    running = scene.start()
    client = scene.client(running)
    record = make("sweep")

    async def ask(expected: type[Exception], text: str) -> None:
        async with OrderLine(client, patience_seconds=0.3) as line:
            with pytest.raises(expected, match=text):
                await line.send(record)
            with pytest.raises(expected, match=text):
                await line.send(record)

    play(ask(Refused, "no gateways"))
    running.stop()
    play(ask(OperatorUnreachable, "no answer"))
    client.close()


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (b"junk", "no message of a gateway"),
        (packed_replies([packed_reply(77, b"\xcc\xc8\x80")]), "no message of a gateway"),
        (packed_replies([packed_reply(77, b"\xcd\x01\xf4\x82\xa5error\xa1e\xa7message\xa1m")]), "what nobody asked"),
    ],
    ids=["no replies", "an answer without fields", "a number nobody gave"],
)
def test_a_gateway_that_says_what_it_cannot_ends_the_line(
    told: bytes, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lie(socket: ServerConnection) -> None:
        assert len(requests(bytes(await socket.recv()))) == 1  # type: ignore[arg-type]
        await socket.send(told)
        await socket.wait_closed()

    async def ask() -> None:
        async with serve(lie, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            client = TraderClient("http://127.0.0.1:1", key("alice"))
            monkeypatch.setattr(client, "info", lambda: type("Info", (), {"orders_url": f"ws://127.0.0.1:{port}"}))
            async with OrderLine(client) as line:
                with pytest.raises(DataMismatch, match=text):
                    await line.send(make("sweep"))
            client.close()

    play(ask())


def test_messages_are_no_larger_than_a_gateway_takes_and_what_is_lost_goes_first_again(shared_rig: Rig) -> None:
    record = shared_rig.order(1, 0, 600_000, 1)
    length = len(encode(record)) + 6
    many = MAX_MESSAGE_BYTES // length * 2 + 1

    async def ask() -> None:
        waiting, loop = Unanswered(), asyncio.get_running_loop()
        for _ in range(many):
            waiting.ask(record, loop.create_future())
        messages = list(waiting.messages())
        assert len(messages) == 3 and max(len(each) for each in messages) <= MAX_MESSAGE_BYTES
        assert list(waiting.messages()) == []
        waiting.ask(record, loop.create_future())
        waiting.lost()
        again = [number for each in waiting.messages() for number, _ in requests(each)]
        assert again == list(range(1, many + 2))
        waiting.give_up(OperatorUnreachable("gone"))
        assert len(waiting) == 0

    play(ask())
