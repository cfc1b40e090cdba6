"""Gateways as processes: started, killed, started again, and nothing that was acknowledged is lost or doubled."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tallystick.bench.hotpath.pipes import WebSocketWire
from tallystick.errors import ConfigError
from tallystick.records.codec import encode
from tallystick.shapes.order_entry import PATH
from tallystick.shapes.submitting import Answer, Refusal
from tallystick_operator.gateway.fleet import Fleet
from tallystick_operator.rates import Allowances, Rate
from tallystick_operator.sequencer.sequencer import Sequencer
from tests.operator.rig import Rig
from tests.operator.websocket import Trader

BUY = 0
HOST = "127.0.0.1"


@contextmanager
def serving(rig: Rig, gateways: int, allowances: Allowances | None = None) -> Iterator[Fleet]:
    sequencer = Sequencer(rig.core, on_sealed=lambda batch: None, on_failure=lambda error: None)
    fleet = Fleet(sequencer, HOST, 0, gateways, allowances=allowances)
    sequencer.start()
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.stop()
        sequencer.close()


def orders(rig: Rig, count: int, first: int = 1) -> list[tuple[int, bytes]]:
    return [(at, encode(rig.order(1, BUY, 600_000, 1, client_id=at))) for at in range(first, first + count)]


def resting(rig: Rig) -> dict[int, int]:
    """Return the record number of each order that rests, by its client id."""
    return {each.client_id: each.record for each in rig.core.executor.read_model.orders.values()}


def test_orders_over_a_websocket_are_acknowledged_and_in_the_log(rig: Rig) -> None:
    with serving(rig, 1) as fleet, Trader(fleet.port) as trader:
        trader.send(*orders(rig, 50))
        answers = trader.answers(50)
        assert all(isinstance(each, Answer) and each.accepted for each in answers.values())
    told = {number: each.record_number for number, each in answers.items() if isinstance(each, Answer)}
    assert list(told.values()) == sorted(told.values()), "a connection's records keep their order"
    rig.log.close()
    rig.open()
    assert resting(rig) == told


def test_what_is_no_request_of_ours_ends_the_connection(rig: Rig) -> None:
    with serving(rig, 1) as fleet:
        for junk in (b"\x82\x83\0\0\0\0abc", b"\x81\x83\0\0\0\0abc", b"\x88\x82\0\0\0\0\x03\xe8"):
            with Trader(fleet.port) as trader:
                trader.send_raw(junk)
                with pytest.raises(ConnectionError):
                    trader.hear()
        with socket.create_connection((HOST, fleet.port), timeout=20) as other:
            other.sendall(f"GET {PATH}x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n".encode())
            assert b" 404 " in other.recv(4096).splitlines()[0]


def test_a_slow_reader_is_dropped_and_others_are_served(rig: Rig) -> None:
    order = orders(rig, 1)[0][1]
    with serving(rig, 1) as fleet, Trader(fleet.port) as slow, Trader(fleet.port) as quick:
        slow._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def flood() -> None:
            try:
                for at in range(100_000):
                    slow.send(*((at, order) for _ in range(50)))
            except OSError:
                dropped.set()

        dropped = threading.Event()
        flooding = threading.Thread(target=flood, daemon=True)
        flooding.start()
        quick.send((1, order))
        assert isinstance(quick.answers(1)[1], Answer | Refusal)
        assert dropped.wait(60)
        flooding.join()


def test_a_gateway_that_is_killed_comes_back_and_nothing_acknowledged_is_lost_or_doubled(rig: Rig) -> None:
    told: dict[int, int] = {}
    with serving(rig, 2) as fleet:
        asked = orders(rig, 120)
        at = 0
        for life in range(4):
            killer = threading.Timer(0.02 * life, _kill, (fleet, life % 2))
            killer.start()
            try:
                with _connected(fleet.port) as trader:
                    while at < len(asked):
                        trader.send(asked[at])
                        answer = trader.answers(1)[asked[at][0]]
                        assert isinstance(answer, Answer), answer
                        told[asked[at][0]] = answer.record_number
                        at += 1
            except ConnectionError:
                pass
            killer.join()
        with _connected(fleet.port) as trader:
            trader.send(*asked)
            again = trader.answers(len(asked))
        for number, answer in again.items():
            assert isinstance(answer, Answer)
            assert told.setdefault(number, answer.record_number) == answer.record_number
    assert resting(rig) == told and len(told) == len(asked)


def test_ten_times_more_than_it_can_take_is_answered_or_refused_each_and_at_once(rig: Rig) -> None:
    order = orders(rig, 1)[0][1]
    connections, each = 10, 1_500
    heard: list[dict[int, Answer | Refusal]] = []

    def flood(port: int) -> None:
        with Trader(port) as trader:
            sender = threading.Thread(target=lambda: trader.send(*((at, order) for at in range(each))))
            sender.start()
            heard.append(trader.answers(each))
            sender.join()

    with serving(rig, 1) as fleet:
        clients = [threading.Thread(target=flood, args=(fleet.port,)) for _ in range(connections)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(120)
        with Trader(fleet.port) as trader:
            trader.send((1, order))
            assert isinstance(trader.answers(1)[1], Answer), "it takes records again when the flood is over"
    assert [len(found) for found in heard] == [each] * connections
    told = {
        type(body).__name__ if isinstance(body, Answer) else body.error for found in heard for body in found.values()
    }
    assert told == {"Answer", "busy"}
    assert len({body.record_number for found in heard for body in found.values() if isinstance(body, Answer)}) == 1


def test_behind_a_proxy_on_this_machine_each_address_that_it_names_has_its_own_limit(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = Rate(steps=10**6, bytes=10**9)
    narrow = Allowances(account=wide, connection=wide, address=Rate(steps=1, bytes=10**9))
    asked, hello = orders(rig, 12), WebSocketWire.hello
    with serving(rig, 1, narrow) as fleet:
        for address, told in (
            ("10.0.0.1", {"rate_limited"}),
            ("6.6.6.6, 10.0.0.2", set()),
            ("10.0.0.1", {"rate_limited"}),
        ):
            named = hello.replace(b"Host: x", b"Host: x\r\nX-Forwarded-For: " + address.encode())
            monkeypatch.setattr(WebSocketWire, "hello", named)
            with Trader(fleet.port) as trader:
                for each in asked[: 12 if told else 1]:
                    trader.send(each)
                found = trader.answers(12 if told else 1)
            assert {each.error for each in found.values() if isinstance(each, Refusal)} == told


def test_two_operators_never_share_a_port(rig: Rig) -> None:
    with serving(rig, 1) as fleet, pytest.raises(ConfigError, match="cannot listen"):
        Fleet(fleet._sequencer, HOST, fleet.port, 1)


def test_a_gateway_without_a_sequencer_ends(rig: Rig) -> None:
    with serving(rig, 1) as fleet, Trader(fleet.port) as trader:
        process = fleet.processes[0]
        fleet._stopping.set()
        process.terminate()
        with pytest.raises(ConnectionError):
            trader.hear()
        assert process.wait(20) == 0


@contextmanager
def _connected(port: int) -> Iterator[Trader]:
    """Connect as soon as somebody listens."""
    deadline = time.monotonic() + 30
    trader = None
    while trader is None:
        try:
            trader = Trader(port)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    with trader:
        yield trader


def _kill(fleet: Fleet, place: int) -> None:
    process = fleet.processes.get(place)
    if process is not None:
        os.kill(process.pid, signal.SIGKILL)
