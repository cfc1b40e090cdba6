"""The webhook against a real HTTP server: well, slow, failing, gone, and back again."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from tallystick.errors import ConfigError
from tallystick.ports.system import SystemClock
from tallystick.telling.alerting import Alert
from tallystick.telling.webhook import Webhook
from tallystick_challenger.telling.alerts import Kind

PATIENCE_SECONDS = 20.0


class Receiver:
    """A server that keeps what it is sent and answers as it is told to."""

    def __init__(self, port: int = 0) -> None:
        self.messages: list[dict[str, Any]] = []
        self.statuses: dict[str, int] = {}
        self.status = 200
        self.hang = Event()
        self.hanging = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["Content-Type"] == "application/json"
                outer.messages.append(message)
                if outer.hanging:
                    outer.hang.wait(PATIENCE_SECONDS)
                    self.close_connection = True
                    return
                self.send_response(outer.statuses.get(message["key"], outer.status))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-token"
        self.thread = Thread(target=self.server.serve_forever)
        self.thread.start()

    def told(self, state: str) -> list[str]:
        return [each["key"] for each in self.messages if each["state"] == state]

    def close(self) -> None:
        self.hang.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def failures() -> list[tuple[str, str, float]]:
    return []


@pytest.fixture
def start(failures: list[tuple[str, str, float]]) -> Iterator[Callable[[str], Webhook]]:
    made: list[Webhook] = []

    def start_one(url: str) -> Webhook:
        def failed(key: str, reason: str, pause: float) -> None:
            failures.append((key, reason, pause))

        made.append(
            Webhook(
                url,
                {"version": "1"},
                role="challenger",
                clock=SystemClock(),
                failed=failed,
                first_pause=0.02,
                timeout=0.5,
            )
        )
        return made[-1]

    yield start_one
    for each in made:
        each.close()


Start = Callable[[str], Webhook]


def alert(subject: str, kind: Kind = Kind.WRONG_ROOT, **facts: Any) -> Alert:
    return Alert(kind=kind, subject=subject, text=f"{subject} is wrong", facts=facts)


def until(happens: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_alert_that_goes_on_is_told_once_and_once_more_when_it_is_over(receiver: Receiver, start: Start) -> None:
    webhook = start(receiver.url)
    webhook.describe(mode="watch")
    for block in range(50):
        webhook.hold([alert("a", block=block)], [Kind.WRONG_ROOT])
    until(lambda: receiver.told("firing"))
    for _ in range(50):
        webhook.hold([alert("a")], [Kind.WRONG_ROOT])
    webhook.hold([], [Kind.LAG])
    webhook.hold([], [Kind.WRONG_ROOT])
    until(lambda: receiver.told("resolved"))
    assert webhook.waiting == 0
    first, last = receiver.messages
    assert first["key"] == last["key"] == "wrong_root/a"
    assert first["alert"] == "wrong_root" and first["severity"] == "critical"
    assert first["text"] == "[firing] a is wrong" and last["text"] == "[resolved] a is wrong"
    assert first["since"] <= first["time"] <= last["time"]
    assert last["challenger"] == {"version": "1", "mode": "watch"}


def test_it_comes_again_when_it_begins_again(receiver: Receiver, start: Start) -> None:
    def reached(state: str, times: int) -> bool:
        return len(receiver.told(state)) == times

    webhook = start(receiver.url)
    for times in (1, 2):
        webhook.hold([alert("a")], [Kind.WRONG_ROOT])
        until(partial(reached, "firing", times))
        webhook.hold([], [Kind.WRONG_ROOT])
        until(partial(reached, "resolved", times))
    assert len(receiver.messages) == 4


@pytest.mark.parametrize("status", [500, 503, 429, 404, 302])
def test_what_is_not_taken_is_tried_again_later_and_later(
    receiver: Receiver, start: Start, failures: list[tuple[str, str, float]], status: int
) -> None:
    receiver.status = status
    webhook = start(receiver.url)
    webhook.hold([alert("a")], [Kind.WRONG_ROOT])
    until(lambda: len(failures) >= 4)
    receiver.status = 204
    until(lambda: webhook.waiting == 0)
    assert [pause for _, _, pause in failures[:4]] == [0.02, 0.04, 0.08, 0.16]
    assert {reason for _, reason, _ in failures} == {f"status {status}"}
    assert "secret" not in str(failures)
    time.sleep(0.1)
    assert len(receiver.messages) == len(failures) + 1, "nothing more once it is taken"


def test_an_alert_a_receiver_refuses_does_not_hold_up_the_others(receiver: Receiver, start: Start) -> None:
    receiver.statuses["wrong_root/a"] = 400
    webhook = start(receiver.url)
    webhook.hold([alert("a"), alert("b"), alert("c")], [Kind.WRONG_ROOT])
    until(lambda: {"wrong_root/b", "wrong_root/c"} <= set(receiver.told("firing")))
    until(lambda: webhook.waiting == 1)
    receiver.statuses.clear()


def test_a_receiver_that_hangs_holds_up_nobody_and_is_given_up(
    receiver: Receiver, start: Start, failures: list[tuple[str, str, float]]
) -> None:
    receiver.hanging = True
    webhook = start(receiver.url)
    began = time.monotonic()
    for subject in range(200):
        webhook.hold([alert(str(subject))], [])
    assert time.monotonic() - began < 0.4, "it never waits for the network"
    until(lambda: failures)
    assert failures[0][1] == "ReadTimeout"
    receiver.hanging = False
    receiver.hang.set()
    until(lambda: webhook.waiting == 0)
    assert len(set(receiver.told("firing"))) == 200


def test_a_receiver_that_was_gone_learns_what_is_the_case_when_it_is_back(
    start: Start, failures: list[tuple[str, str, float]]
) -> None:
    port = free_port()
    webhook = start(f"http://127.0.0.1:{port}/")
    webhook.hold([alert("stays"), alert("goes")], [Kind.WRONG_ROOT])
    until(lambda: len(failures) >= 2)
    assert {reason for _, reason, _ in failures} == {"ConnectError"}
    webhook.hold([alert("stays")], [Kind.WRONG_ROOT])
    receiver = Receiver(port)
    try:
        until(lambda: webhook.waiting == 0)
        assert receiver.told("firing") == ["wrong_root/stays"]
        assert receiver.told("resolved") == ["wrong_root/goes"]
    finally:
        receiver.close()


def test_the_end_waits_for_the_last_words_but_not_for_ever(receiver: Receiver) -> None:
    webhook = Webhook(receiver.url, {}, role="challenger", clock=SystemClock())
    webhook.hold([alert("a")], [])
    assert webhook.close() == 0
    assert receiver.told("firing") == ["wrong_root/a"]
    gone = Webhook(f"http://127.0.0.1:{free_port()}/", {}, role="challenger", clock=SystemClock(), first_pause=0.5)
    gone.hold([alert("a")], [])
    began = time.monotonic()
    assert gone.close() == 1
    assert time.monotonic() - began < 8


def test_a_log_that_takes_nothing_more_does_not_end_the_telling(receiver: Receiver) -> None:
    receiver.status = 500

    def failed(key: str, reason: str, pause: float) -> None:
        receiver.status = 200
        raise OSError("no space left")

    webhook = Webhook(receiver.url, {}, role="challenger", clock=SystemClock(), failed=failed, first_pause=0.01)
    webhook.hold([alert("a")], [])
    until(lambda: webhook.waiting == 0)
    webhook.close()


@pytest.mark.parametrize("url", ["secret", "ftp://host/secret", "http:///secret", "http://host:port/secret", ""])
def test_a_url_where_no_webhook_can_be_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Webhook(url, {}, role="challenger", clock=SystemClock())
    assert "secret" not in str(caught.value)
