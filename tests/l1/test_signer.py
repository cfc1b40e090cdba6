"""A remote signer keeps the key; what it gives is used only when it is what was asked for."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tallystick.errors import ConfigError, L1Error, L1Unreachable
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.sending.queuestore import QueueStore, TxState
from tallystick.l1.sending.sender import TxQueue
from tallystick.l1.sending.signer import RemoteKey, RemoteSigner
from tallystick.ports.system import SystemClock
from tallystick.testing.handclock import HandClock

SOMEBODY = bytes.fromhex("00000000000000000000000000000000000a11ce")
NUMBERS = ("chainId", "nonce", "gas", "value", "maxFeePerGas", "maxPriorityFeePerGas")


class SigningServer:
    """A JSON-RPC signer over HTTP with accounts of its own."""

    def __init__(self, accounts: list[LocalAccount]) -> None:
        self.accounts = accounts
        self.change: Callable[[dict[str, Any]], dict[str, Any]] = lambda fields: fields
        self.wrap: Callable[[str], Any] = lambda raw: raw
        signer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps({"jsonrpc": "2.0", "id": request["id"]} | signer.answer(request)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_accounts":
            return {"result": [account.address for account in self.accounts]}
        (asked,) = request["params"]
        account = next((each for each in self.accounts if each.address == asked["from"]), None)
        if account is None:
            return {"error": {"code": -32000, "message": "unknown account"}}
        fields = {name: int(asked[name], 16) for name in NUMBERS} | {"type": 2, "data": asked["data"]}
        if "to" in asked:
            fields["to"] = asked["to"]
        signed = account.sign_transaction(self.change(fields))
        return {"result": self.wrap("0x" + bytes(signed.raw_transaction).hex())}

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def signing(account: LocalAccount) -> Iterator[SigningServer]:
    server = SigningServer([account])
    yield server
    server.close()


@pytest.fixture
def queue(signing: SigningServer, client: L1Client, tmp_path: Any) -> Iterator[TxQueue]:
    store = QueueStore(tmp_path / "queue.sqlite")
    yield TxQueue(
        client=client,
        account=RemoteSigner(RemoteKey(url=signing.url), clock=SystemClock()),
        store=store,
        clock=SystemClock(),
    )
    store.close()


@pytest.mark.parametrize("wrap", [lambda raw: raw, lambda raw: {"raw": raw, "tx": {}}])
def test_a_queue_sends_what_a_remote_signer_signed(
    queue: TxQueue, signing: SigningServer, client: L1Client, account: LocalAccount, wrap: Callable[[str], Any]
) -> None:
    signing.wrap = wrap
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    assert queue.wait("pay").state is TxState.DONE
    receipt = queue.send("create", None, bytes.fromhex("600d600c600039600d6000f3") + b"\0" * 13)
    assert receipt.contract_address is not None
    assert client.balance_wei(SOMEBODY) == 5
    assert client.nonce(bytes.fromhex(account.address[2:])) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"to": "0x" + "66" * 20},
        {"value": 10**18},
        {"nonce": 7},
        {"data": "0x01"},
        {"maxFeePerGas": 10**12},
        {"chainId": 1},
    ],
)
def test_what_was_not_asked_for_is_not_sent(
    queue: TxQueue, signing: SigningServer, client: L1Client, change: dict[str, Any]
) -> None:
    signing.change = lambda fields: fields | change
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    with pytest.raises(L1Error, match="signed something else"):
        queue.pump()
    assert client.head().number == 0
    signing.change = lambda fields: fields
    assert queue.wait("pay").state is TxState.DONE


def test_a_signature_of_another_account_is_not_sent(queue: TxQueue, signing: SigningServer, client: L1Client) -> None:
    stranger = Account.create()
    signing.accounts[0] = type("Mixed", (), {"address": queue.signer, "sign_transaction": stranger.sign_transaction})()
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    with pytest.raises(L1Error, match="signed something else"):
        queue.pump()
    signing.accounts[0] = stranger
    with pytest.raises(L1Error, match="refused: unknown account"):
        queue.pump()
    signing.wrap = lambda raw: "0x1234"


def test_a_signer_must_have_the_account(signing: SigningServer, account: LocalAccount) -> None:
    assert (
        RemoteSigner(RemoteKey(url=signing.url, address=account.address.lower()), clock=SystemClock()).address
        == account.address
    )
    with pytest.raises(ConfigError, match="does not have this account"):
        RemoteSigner(RemoteKey(url=signing.url, address="0x" + "11" * 20), clock=SystemClock())
    signing.accounts = [account, Account.create()]
    with pytest.raises(ConfigError, match="which of the signer's accounts"):
        RemoteSigner(RemoteKey(url=signing.url), clock=SystemClock())
    for key in (RemoteKey(url="localhost"), RemoteKey(url=signing.url, address="bob")):
        with pytest.raises(ConfigError):
            RemoteSigner(key, clock=SystemClock())
    with pytest.raises(L1Unreachable, match="remote signer"):
        RemoteSigner(RemoteKey(url="http://127.0.0.1:9"), clock=HandClock())
