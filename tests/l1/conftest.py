"""A development chain for each test, and a small contract on it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from tallystick.errors import L1Unreachable
from tallystick.l1.abi import ContractAbi
from tallystick.l1.client.access import Contract
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.dev.dev_server import DevServer, ServerConfig
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.ports.system import SystemClock
from tallystick.testing.handclock import HandClock
from tests.l1.relay import Relay

PROBE = json.loads(Path(__file__).with_name("Probe.json").read_text())["Probe"]


class FlakyClient(L1Client):
    """A client whose endpoint can be made to answer no more."""

    down = False

    def request(self, method: str, *params: Any) -> Any:
        if self.down:
            raise L1Unreachable("no answer from L1", method=method)
        return super().request(method, *params)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def server(clock: HandClock) -> Iterator[DevServer]:
    with DevServer(ServerConfig(accounts=3), clock) as running:
        yield running


@pytest.fixture
def client(server: DevServer) -> L1Client:
    return L1Client(server.url, retries=0, clock=SystemClock())


@pytest.fixture
def flaky(server: DevServer) -> FlakyClient:
    return FlakyClient(server.url, clock=SystemClock())


@pytest.fixture
def account(server: DevServer) -> LocalAccount:
    return server.accounts[0]


@pytest.fixture
def new_queue(
    client: L1Client, account: LocalAccount, tmp_path: Path, clock: HandClock
) -> Iterator[Callable[..., TxQueue]]:
    """Opens the account's queue; opening it again stands for a restart of the process."""
    stores: list[QueueStore] = []

    def open_queue(
        config: SenderConfig | None = None,
        store_type: type[QueueStore] = QueueStore,
        through: L1Client | None = None,
    ) -> TxQueue:
        while stores:
            stores.pop().close()
        store = store_type(tmp_path / "queue.sqlite")
        stores.append(store)
        return TxQueue(client=through or client, account=account, store=store, config=config, clock=clock)

    yield open_queue
    for store in stores:
        store.close()


@pytest.fixture
def probe(client: L1Client, account: LocalAccount) -> Contract:
    abi = ContractAbi("Probe", PROBE["abi"])
    initcode = bytes.fromhex(PROBE["bytecode"]) + abi.encode_constructor(5)
    signed = account.sign_transaction(
        {
            "type": 2,
            "chainId": client.chain_id(),
            "nonce": client.nonce(bytes.fromhex(account.address[2:])),
            "data": initcode,
            "value": 0,
            "gas": 2_000_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
        }
    )
    receipt = client.receipt(client.send_raw(bytes(signed.raw_transaction)))
    assert receipt is not None
    assert receipt.succeeded
    assert receipt.contract_address is not None
    return Contract(client=client, abi=abi, address=receipt.contract_address)


@pytest.fixture
def send(client: L1Client, account: LocalAccount) -> Callable[..., bytes]:
    """Signs and sends one transaction; its hash."""

    def send_one(
        to: bytes,
        data: bytes = b"",
        *,
        value: int = 0,
        gas: int = 200_000,
        nonce: int | None = None,
        max_fee: int = 10**10,
        tip: int = 10**9,
        signer: LocalAccount = account,
    ) -> bytes:
        sender = bytes.fromhex(signer.address[2:])
        signed = signer.sign_transaction(
            {
                "type": 2,
                "chainId": client.chain_id(),
                "nonce": client.nonce(sender, "pending") if nonce is None else nonce,
                "to": to,
                "data": data,
                "value": value,
                "gas": gas,
                "maxFeePerGas": max_fee,
                "maxPriorityFeePerGas": tip,
            }
        )
        return client.send_raw(bytes(signed.raw_transaction))

    return send_one


@pytest.fixture
def relays(server: DevServer) -> Iterator[list[Relay]]:
    """Three endpoints of one chain. The first is asked first, and is the one that misbehaves."""
    made = [Relay(server.rpc) for _ in range(3)]
    yield made
    for relay in made:
        relay.close()
