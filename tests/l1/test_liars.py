"""One endpoint of three that lies about what cannot be proven: it keeps nothing from landing or from being read."""

from collections.abc import Callable

import pytest

from tallystick.l1.client.access import TRANSACTION_GAS_CAP, Contract, gas_with_margin
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.dev.dev_server import DevServer
from tallystick.l1.sending.fees import GWEI
from tallystick.l1.sending.sender import TxQueue
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.handclock import HandClock
from tests.l1.relay import Relay

NewQueue = Callable[..., TxQueue]


def noted(client: L1Client, probe: Contract) -> list[int]:
    return [event.args["number"] for event in probe.events(BlockNumber(0), client.head().number, "Noted")]


@pytest.mark.parametrize("told", [0, 1 << 24, 1 << 60])
def test_an_endpoint_that_lies_of_gas_and_of_tips_keeps_nothing_from_landing_and_makes_nothing_dear(
    told: int,
    new_queue: NewQueue,
    relays: list[Relay],
    server: DevServer,
    probe: Contract,
    client: L1Client,
    clock: HandClock,
) -> None:
    """It is asked first of three. Gas of nothing would run out, and with more than a transaction may have no node takes it."""
    amounts = ("eth_estimateGas", "eth_maxPriorityFeePerGas")
    relays[0].lie = lambda method, params, result: hex(told) if method in amounts else result
    queue = new_queue(through=QuorumClient([relay.url for relay in relays], clock=clock))
    balance = client.balance_wei(queue.address)
    queue.enqueue("note", probe.address, probe.encode("note", 10, b""))
    queue.wait("note")
    entry = queue.get("note")
    assert entry is not None
    (signed,) = queue._store.attempts(entry)
    assert (noted(client, probe), signed.gas < 100_000) == ([10], True)
    assert client.balance_wei(queue.address) < balance
    assert GWEI // 2 <= signed.fees.tip_wei <= 2 * GWEI


def test_an_only_endpoint_that_estimates_too_much_of_gas_makes_nothing_dearer_than_a_transaction_may_be(
    new_queue: NewQueue, relays: list[Relay], probe: Contract, client: L1Client
) -> None:
    relays[0].lie = lambda method, params, result: hex(1 << 24) if method == "eth_estimateGas" else result
    queue = new_queue(through=QuorumClient([relays[0].url], clock=SystemClock()))
    queue.enqueue("note", probe.address, probe.encode("note", 10, b""))
    queue.wait("note")
    assert noted(client, probe) == [10], "a fifth more is no transaction"
    assert gas_with_margin(1 << 24) == TRANSACTION_GAS_CAP, "nor is it one that deploys"


def test_no_estimate_is_more_than_a_transaction_may_take_whoever_says_so(relays: list[Relay], probe: Contract) -> None:
    for relay in relays:
        relay.lie = lambda method, params, result: hex(1 << 60) if method == "eth_estimateGas" else result
    through = QuorumClient([relay.url for relay in relays], clock=HandClock())
    asked = through.estimate_gas(probe.address, probe.encode("note", 10, b""), sender=bytes(20))
    assert asked == TRANSACTION_GAS_CAP


def test_an_endpoint_that_calls_every_question_a_revert_hides_no_log_and_no_block(
    relays: list[Relay], probe: Contract, client: L1Client, send: Callable[..., bytes]
) -> None:
    """That a call reverts is an answer where a contract is called, and nowhere else: the next endpoint is asked."""
    for number in (10, 11):
        send(probe.address, probe.encode("note", number, b""))
    relays[0].reverting = {"eth_getBlockReceipts", "eth_getBlockByHash", "eth_getTransactionReceipt"}
    through = QuorumClient([relay.url for relay in relays], clock=HandClock())
    seen = Contract(client=through, abi=probe.abi, address=probe.address)
    head = client.head()
    assert [each.args["number"] for each in seen.events(BlockNumber(0), head.number, "Noted")] == [10, 11]
    relays[0].reverting = {"eth_getBlockByHash", "eth_getTransactionCount"}
    fresh = QuorumClient([relay.url for relay in relays], clock=HandClock())
    assert fresh.block(head.hash) == head
    assert fresh.nonce(probe.address, "pending") == 1
