"""The development chain behind HTTP on the loopback interface."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, RLock, Thread
from typing import Any, cast

from eth_account import Account
from eth_account.hdaccount import seed_from_mnemonic
from eth_account.hdaccount.deterministic import HDPath
from eth_account.signers.local import LocalAccount

from tallystick.l1.dev.blocks import next_base_fee_wei
from tallystick.l1.dev.devchain import (
    DEFAULT_BLOCK_GAS_LIMIT,
    DEFAULT_CHAIN_ID,
    DevChain,
    DevChainConfig,
)
from tallystick.l1.dev.rpc import Rpc
from tallystick.ports import Clock
from tallystick.ports.system import SystemClock

MNEMONIC = "test test test test test test test test test test test junk"
ACCOUNT_BALANCE_WEI = 10_000 * 10**18
FAUCET_BALANCE_WEI = 10**12 * 10**18
FAUCET_KEY = bytes.fromhex("fa" * 32)
MAX_BODY_BYTES = 32 << 20
IDLE_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Settings of a development chain. A `block_seconds` of 0 mines each transaction at once."""

    host: str = "127.0.0.1"
    port: int = 0
    chain_id: int = DEFAULT_CHAIN_ID
    accounts: int = 10
    block_seconds: float = 0.0
    block_gas_limit: int = DEFAULT_BLOCK_GAS_LIMIT


def dev_accounts(count: int) -> list[LocalAccount]:
    """The accounts of the customary test mnemonic, worthless anywhere else."""
    seed = seed_from_mnemonic(MNEMONIC, "")
    return [cast(LocalAccount, Account.from_key(HDPath(f"m/44'/60'/0'/0/{at}").derive(seed))) for at in range(count)]


class DevServer:
    """A running chain: `start()`, use `url`, `close()`; also a context manager. One that is given goes on."""

    def __init__(
        self,
        config: ServerConfig | None = None,
        clock: Clock | None = None,
        chain: DevChain | None = None,
    ) -> None:
        self.config = config or ServerConfig()
        self.accounts = dev_accounts(self.config.accounts)
        self._faucet = cast(LocalAccount, Account.from_key(FAUCET_KEY))
        balances = {bytes.fromhex(account.address[2:]): ACCOUNT_BALANCE_WEI for account in self.accounts}
        balances[bytes.fromhex(self._faucet.address[2:])] = FAUCET_BALANCE_WEI
        self.chain = chain or DevChain(
            DevChainConfig(
                chain_id=self.config.chain_id,
                block_gas_limit=self.config.block_gas_limit,
                auto_mine=self.config.block_seconds == 0,
                balances_wei=balances,
            ),
            clock or SystemClock(),
        )
        self.rpc = Rpc(self.chain, self._fund, RLock())
        self._stopping = Event()
        self._http = _Http((self.config.host, self.config.port), self.rpc)
        self._threads = [Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)]
        if self.config.block_seconds:
            self._threads.append(Thread(target=self._mine_at_intervals, daemon=True))

    @property
    def port(self) -> int:
        """Return the port it listens on, also where a free one was asked for."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Return where it answers."""
        return f"http://{self.config.host}:{self.port}"

    def start(self) -> "DevServer":
        """Begin to answer, and to mine where blocks come at intervals; return itself."""
        for thread in self._threads:
            thread.start()
        return self

    def close(self) -> None:
        """Stop mining and answering, and hang up on everybody."""
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> "DevServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mine_at_intervals(self) -> None:
        while not self._stopping.wait(self.config.block_seconds):
            with self.rpc.alone:
                self.chain.mine()

    def _fund(self, address: bytes, wei: int) -> bytes:
        sender = bytes.fromhex(self._faucet.address[2:])
        signed = self._faucet.sign_transaction(
            {
                "type": 2,
                "chainId": self.config.chain_id,
                "nonce": self.chain.pending_nonce(sender),
                "to": address,
                "value": wei,
                "gas": 100_000,
                "maxFeePerGas": 2 * next_base_fee_wei(self.chain.head.header) + 10**9,
                "maxPriorityFeePerGas": 10**9,
            }
        )
        return bytes(signed.raw_transaction)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], rpc: Rpc) -> None:
        self.rpc = rpc
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        # it closes itself when it cannot listen
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and hang up on whoever keeps a connection open: a closed chain answers nobody."""
        super().server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits for the client's delayed acknowledgement
    wbufsize = -1
    timeout = IDLE_SECONDS

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._respond(411, b"Content-Length required")
            return
        if int(length) > MAX_BODY_BYTES:
            self._respond(413, f"a request has at most {MAX_BODY_BYTES} bytes".encode())
            return
        answer = cast(_Http, self.server).rpc.handle(self.rfile.read(int(length)))
        self._respond(200 if answer else 204, answer or b"", "application/json")

    def do_GET(self) -> None:
        self._respond(405, b"JSON-RPC 2.0: send POST requests")

    def _respond(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if status in (411, 413):
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Requests are not logged: a node polls many times a second."""
