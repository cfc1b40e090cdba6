"""An operator with gateways, killed at any moment: what was acknowledged over a WebSocket is there, once."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from urllib.parse import urlsplit

from tallystick.records.codec import encode
from tallystick.shapes.routes import INFO
from tallystick.shapes.submitting import Answer
from tallystick.testing.world import key
from tallystick.trader.client import TraderClient
from tests.operator.scene import Scene
from tests.operator.websocket import Trader

BURST = 8
"""Orders that are under way at once."""
MOST = 168
"""Orders of one life at most: an account has 512."""


def test_killed_at_any_moment_it_keeps_every_order_that_a_gateway_acknowledged(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    running.stop()
    command = scene.command("--gateways", "2")
    acknowledged: dict[int, int] = {}
    unanswered: dict[int, bytes] = {}
    number = 0
    for life in range(3):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        client = TraderClient(json.loads(child.stdout.readline())["url"], key("alice"))
        port = urlsplit(client.info().orders_url).port
        assert port
        killer = threading.Timer(0.2 + 0.1 * life, child.send_signal, (signal.SIGKILL,))
        try:
            with Trader(port) as trader:
                _settle(trader, unanswered, acknowledged)
                client.next_nonce = client.account().next_nonce
                killer.start()
                while number < MOST * (life + 1):
                    for _ in range(BURST):
                        number += 1
                        order = client.signed("order", market=0, price_ticks=600_000, lots=1, client_id=number)
                        unanswered[number] = encode(order)
                    _settle(trader, unanswered, acknowledged)
                trader.hear()
        except ConnectionError:
            pass
        child.wait()
        child.stdout.close()
        killer.join()
        client.close()
    last = scene.start()
    alice = scene.client(last, "alice")
    resting = {order.client_id: order.record_number for order in alice.orders()}
    assert acknowledged.items() <= resting.items()
    assert set(resting) <= set(acknowledged) | set(unanswered)
    assert len(set(resting.values())) == len(resting) > 3 * BURST
    alice.close()
    last.stop()


def _settle(trader: Trader, unanswered: dict[int, bytes], acknowledged: dict[int, int]) -> None:
    """Send what has no answer, and wait for all of it. Raises: ConnectionError."""
    trader.send(*unanswered.items())
    while unanswered:
        for reply in trader.hear():
            assert isinstance(reply.body, Answer), reply
            assert acknowledged.setdefault(reply.number, reply.body.record_number) == reply.body.record_number
            del unanswered[reply.number]
