"""The client gives typed values and typed errors."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tallystick.errors import BadEncoding, BadInput, L1Error, L1Reverted, L1Unreachable
from tallystick.l1.abi import decode_revert
from tallystick.l1.client.access import Contract
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.dev.dev_server import DevServer
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.handclock import HandClock

Send = Callable[..., bytes]
SOMEBODY = bytes.fromhex("00000000000000000000000000000000000a11ce")


@contextmanager
def endpoint(answers: list[tuple[int, object]]) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """An endpoint that gives these answers in turn, the last one for ever, and what it was asked."""
    asked: list[dict[str, object]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret-key", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_structs_and_arrays_travel_both_ways(client: L1Client, probe: Contract, send: Send) -> None:
    pair = {"number": 7, "owner": SOMEBODY}
    send(probe.address, probe.encode("setPair", pair, [1, 2]))
    assert probe.call("getPair") == pair
    (event,) = probe.events(BlockNumber(0), client.head().number, "Paired")
    assert event.args == {"pair": pair, "list": [1, 2]}
    assert probe.call("divide", 17, 5) == (3, 2)


def test_events_are_decoded_by_name(client: L1Client, probe: Contract, send: Send) -> None:
    transaction = send(probe.address, probe.encode("note", 12, b"hello"))
    (event,) = probe.events(BlockNumber(0), client.head().number)
    assert event.name == "Noted"
    assert event.log.transaction_hash == transaction
    assert event.args["number"] == 12
    assert event.args["data"] == b"hello"
    assert len(event.args["sender"]) == 20


def test_a_custom_error_is_shown_with_its_arguments(probe: Contract) -> None:
    with pytest.raises(L1Reverted) as caught:
        probe.call("note", 9, b"")
    data = bytes.fromhex(probe.abi.errors[_selector(probe)].digest[:4].hex())
    words = (9).to_bytes(32, "big") + (10).to_bytes(32, "big")
    assert str(decode_revert(data + words, probe.abi.errors)) == "TooLow(actual=9, least=10)"
    assert caught.value.data["error"] == "Reverted"  # Probe is none of the compiled contracts


def test_messages_and_panics_are_shown_in_words(probe: Contract) -> None:
    with pytest.raises(L1Reverted, match="too early"):
        probe.call("onlyAfter", 10**9, 0)
    with pytest.raises(L1Reverted, match="division by zero"):
        probe.call("divide", 1, 0)


def test_unreadable_revert_data_is_shown_as_it_is(probe: Contract) -> None:
    broken = _selector(probe) + b"\1"
    assert str(decode_revert(broken, probe.abi.errors)) == f"Reverted(data=0x{broken.hex()})"


def test_arguments_that_do_not_fit_are_refused_before_anything_is_sent(probe: Contract) -> None:
    for function, args in (
        ("note", (1,)),
        ("no_such", ()),
        ("note", (-1, b"")),
        ("setPair", ({"number": 1}, [])),
        ("setPair", ({"number": 2**64, "owner": SOMEBODY}, [])),
    ):
        with pytest.raises(BadInput):
            probe.encode(function, *args)


def test_an_address_without_code_returns_nothing_that_decodes(client: L1Client, probe: Contract) -> None:
    empty = Contract(client=client, abi=probe.abi, address=SOMEBODY)
    with pytest.raises(BadEncoding):
        empty.call("total")
    assert client.code_hash(SOMEBODY).hex().startswith("c5d24601")


def test_old_states_can_be_asked(client: L1Client, probe: Contract, send: Send) -> None:
    before = client.head()
    send(probe.address, probe.encode("note", 12, b""))
    assert probe.call("total", block=before.number) == 5
    assert probe.call("total", block=before.hash) == 5
    assert probe.call("total") == 17


def test_a_dead_endpoint_is_asked_again_and_then_given_up() -> None:
    clock = HandClock()
    client = L1Client("http://127.0.0.1:9/secret-key", retries=3, clock=clock)
    with pytest.raises(L1Unreachable) as caught:
        client.chain_id()
    assert clock.pauses == [0.1, 0.2, 0.4]
    assert "secret" not in str(caught.value)
    assert caught.value.data["method"] == "eth_chainId"


def test_a_busy_endpoint_is_asked_again() -> None:
    answers: list[tuple[int, object]] = [(503, {}), (429, {}), (200, {"id": 1, "result": "0x5"})]
    with endpoint(answers) as (url, asked):
        assert L1Client(url, clock=HandClock()).chain_id() == 5
        assert len(asked) == 3


def test_a_refusal_is_not_asked_again() -> None:
    with endpoint([(200, {"id": 1, "error": {"code": -32000, "message": "no"}})]) as (url, asked):
        with pytest.raises(L1Error, match="L1 refused: no") as caught:
            L1Client(url, clock=SystemClock()).chain_id()
        assert not isinstance(caught.value, L1Unreachable)
        assert len(asked) == 1
        assert "secret" not in str(caught.value)


def test_what_is_no_json_rpc_endpoint_is_called_so() -> None:
    with endpoint([(401, "who are you?")]) as (url, asked):
        with pytest.raises(L1Unreachable):
            L1Client(url, clock=SystemClock()).chain_id()
        assert len(asked) == 1
    for url in ("ws://127.0.0.1", "localhost:8545", ""):
        with pytest.raises(BadInput):
            L1Client(url, clock=SystemClock())


@pytest.mark.parametrize("opening", [b"[", b'{"result":', b'{"result":[{"x":'])
def test_an_answer_nested_without_end_is_none(opening: bytes) -> None:
    with endpoint([(200, opening * 1_000_000)]) as (url, asked):
        client = L1Client(url, clock=SystemClock())
        with pytest.raises(L1Unreachable, match="no answer from L1"):
            client.chain_id()
        with pytest.raises(L1Unreachable, match="no answer from L1"):
            client.request_many("eth_getBlockByNumber", [["0x1", False], ["0x2", False]])
        assert len(asked) == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[::1", "http://a:1,http://b:2", "http://:1", "//x"])
def test_F10_a_url_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        L1Client(url.replace("127", "user:secret@127"), clock=SystemClock())
    assert "secret" not in str(caught.value) and "--rpc URL --rpc URL" in caught.value.hint


def test_F10_an_endpoint_that_repeats_its_key_is_not_repeated() -> None:
    told = {
        "id": 1,
        "error": {"code": -32000, "message": "no such app at https://me:secret@host/v2/secret?k=secret, sorry"},
    }
    with endpoint([(200, told)]) as (url, _), pytest.raises(L1Error) as caught:
        L1Client(url, clock=SystemClock()).chain_id()
    assert "secret" not in str(caught.value) and "https://host, sorry" in str(caught.value)


def test_log_ranges_shrink_until_the_endpoint_takes_them() -> None:
    too_many = {
        "id": 1,
        "error": {"code": -32005, "message": "query returns more than 10000 results"},
    }
    answers: list[tuple[int, object]] = [
        (200, too_many),
        (200, too_many),
        (200, {"id": 1, "result": []}),
    ]
    with endpoint(answers) as (url, asked):
        assert L1Client(url, clock=SystemClock()).logs(SOMEBODY, BlockNumber(0), BlockNumber(4_999)) == []
        ranges = [(q["params"][0]["fromBlock"], q["params"][0]["toBlock"]) for q in asked]  # type: ignore[index]
    assert ranges[:3] == [("0x0", hex(4_999)), ("0x0", hex(2_499)), ("0x0", hex(1_249))]
    assert ranges[3:] == [(hex(1_250 * i), hex(1_250 * i + 1_249)) for i in (1, 2, 3)]


def test_a_client_serves_many_threads(server: DevServer) -> None:
    client = L1Client(server.url, clock=SystemClock())
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(client.chain_id())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [31337] * 16


def _selector(probe: Contract) -> bytes:
    (selector,) = probe.abi.errors
    return selector
