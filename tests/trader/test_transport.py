"""Talking to operators that are not there, are not operators, or close the connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tallystick.errors import BadInput
from tallystick.shapes.routes import ACCOUNT, INFO, OWNER, RECORDS
from tallystick.shapes.submitting import Submission
from tallystick.transport import OperatorRefused, OperatorUnreachable, Transport

Serve = Callable[[list[bytes]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answer each connection with the next of the given bytes, then close it."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def start(answers: list[bytes]) -> str:
        def run() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for thread in threads:
        thread.join()
    listener.close()


def reply(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def test_a_url_that_is_none_is_refused() -> None:
    for url in ("", "localhost:1", "ftp://host", "http://"):
        with pytest.raises(BadInput):
            Transport(url)


def test_nobody_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OperatorUnreachable):
        Transport(f"http://127.0.0.1:{port}").ask(INFO)


@pytest.mark.parametrize(
    ("status", "body"),
    [("200 OK", b"<html>"), ("200 OK", b"[]"), ("200 OK", b'{"records":1}'), ("502 Bad Gateway", b"<html>")]
    + [(status, b'{"more":' * 1_000_000) for status in ("200 OK", "400 Bad Request")],
)
def test_something_that_is_no_operator_is_said_so(serve: Serve, status: str, body: bytes) -> None:
    transport = Transport(serve([reply(status, body)]))
    with pytest.raises(OperatorUnreachable, match="no operator"):
        transport.ask(INFO)
    transport.close()


def test_what_an_endpoint_does_not_take_is_not_sent() -> None:
    transport = Transport("http://127.0.0.1:9")
    for wrong in ({}, {"account": 1, "market": 0}, {"number": 1}):
        with pytest.raises(TypeError, match="takes"):
            transport.ask(ACCOUNT, **wrong)
    with pytest.raises(TypeError, match="takes"):
        transport.ask(RECORDS)
    with pytest.raises(TypeError, match="takes"):
        transport.ask(INFO, Submission())


def test_a_refusal_carries_code_field_and_message(serve: Serve) -> None:
    body = b'{"error":"nonce_used","message":"the nonce was used","field":"nonce"}'
    transport = Transport(serve([reply("409 Conflict", body)]))
    with pytest.raises(OperatorRefused) as caught:
        transport.ask(RECORDS, Submission())
    assert (caught.value.status, caught.value.code, caught.value.field) == (409, "nonce_used", "nonce")
    assert "the nonce was used" in str(caught.value)
    transport.close()


def test_a_kept_connection_that_was_closed_is_opened_anew(serve: Serve) -> None:
    bodies = [b'{"owner":"0x00","account":1}', b'{"owner":"0x00","account":2}']
    transport = Transport(serve([reply("200 OK", body) for body in bodies]))
    assert [transport.ask(OWNER, address="0x00").account for _ in bodies] == [1, 2]
    transport.close()


def test_an_answer_cut_short_is_no_answer(serve: Serve) -> None:
    transport = Transport(serve([b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{"]))
    with pytest.raises(OperatorUnreachable):
        transport.ask(INFO)
    transport.close()
