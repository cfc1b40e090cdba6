"""No single endpoint is trusted: what it makes up, hides or holds back is never used, and it is named."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from eth_hash.auto import keccak

from tallystick.errors import BadInput, L1Error, L1Reverted, L1Unreachable
from tallystick.l1.client.access import L1, Contract
from tallystick.l1.client.events import ContractReader
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.dev.dev_server import DevServer, ServerConfig
from tallystick.l1.proofs.headers import prove_header
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.handclock import HandClock
from tests.l1.relay import Relay

Send = Callable[..., bytes]
NewClient = Callable[..., QuorumClient]
SOMEBODY = bytes.fromhex("00000000000000000000000000000000000a11ce")


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def ticking() -> HandClock:
    return HandClock()


@pytest.fixture
def new_client(relays: list[Relay], told: list[tuple[str, str]], ticking: HandClock) -> NewClient:
    def make(**options: Any) -> QuorumClient:
        def report(endpoint: str, problem: str) -> None:
            if problem:
                told.append((endpoint, problem))

        urls = options.pop("urls", [relay.url for relay in relays])
        return QuorumClient(urls, report=report, clock=options.pop("clock", ticking), **options)

    return make


def emit(probe: Contract, send: Send, numbers: range) -> None:
    for number in numbers:
        send(probe.address, probe.encode("note", number, b"x" * number))


def noted(client: L1, probe: Contract) -> list[int]:
    """What a reader of this client's finds."""
    seen = Contract(client=client, abi=probe.abi, address=probe.address)
    reader = ContractReader(client, [seen], BlockNumber(0))
    found: list[int] = []
    while True:
        batch = reader.poll()
        found += [event.args["number"] for event in batch if event.name == "Noted"]
        if batch.complete:
            return found


def header_lie(change: Callable[[dict[str, Any]], None]) -> Callable[[str, list[Any], Any], Any]:
    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method.startswith("eth_getBlockBy") and result is not None:
            change(result)
        return result

    return lie


def receipts_lie(
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> Callable[[str, list[Any], Any], Any]:
    return lambda method, params, result: change(result) if method == "eth_getBlockReceipts" and result else result


def rehashed(block: dict[str, Any]) -> dict[str, Any]:
    """The block with the hash that fits its fields: a lie that is true to itself."""
    for _ in range(2):
        try:
            prove_header(block)
        except Exception as error:  # noqa: BLE001 -- the error says which hash would be right
            block["hash"] = "0x" + error.data["actual"].hex()  # type: ignore[attr-defined]
    return block


def without_logs(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [receipt | {"logs": []} for receipt in receipts]


def with_other_data(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made = copy.deepcopy(receipts)
    for receipt in made:
        for log in receipt["logs"]:
            log["data"] = "0x" + "00" * ((len(log["data"]) - 2) // 2)
    return made


def with_failure(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [receipt | {"status": "0x0"} for receipt in receipts]


RECEIPT_LIES = {
    "missing logs": without_logs,
    "missing receipts": lambda receipts: receipts[:-1],
    "no receipts": lambda receipts: [],
    "other data": with_other_data,
    "another status": with_failure,
    "malformed": lambda receipts: [{"blockHash": receipts[0]["blockHash"]}],
}


@pytest.mark.parametrize("lie", RECEIPT_LIES)
@pytest.mark.parametrize("count", [1, 3])
def test_false_receipts_are_never_used_and_their_teller_is_named(
    new_client: NewClient, relays: list[Relay], probe: Contract, send: Send, told: list[Any], lie: str, count: int
) -> None:
    emit(probe, send, range(10, 13))
    relays[0].lie = receipts_lie(RECEIPT_LIES[lie])
    client = new_client(urls=[relay.url for relay in relays[:count]])
    if count == 1:
        with pytest.raises(L1Unreachable, match="too few L1 endpoints"):
            noted(client, probe)
    else:
        assert noted(client, probe) == [10, 11, 12]
    assert told[0][0] == relays[0].url


HEADER_LIES: dict[str, Callable[[dict[str, Any]], None]] = {
    "another root": lambda block: block.update(receiptsRoot="0x" + "11" * 32),
    "an empty bloom": lambda block: block.update(logsBloom="0x" + "00" * 256),
    "another parent": lambda block: block.update(parentHash="0x" + "22" * 32),
    "another number": lambda block: block.update(number=hex(int(block["number"], 16) + 5)),
    "no hash": lambda block: block.pop("hash"),
}


@pytest.mark.parametrize("lie", HEADER_LIES)
def test_a_header_that_does_not_hash_to_its_hash_is_never_used(
    new_client: NewClient, relays: list[Relay], probe: Contract, send: Send, told: list[Any], lie: str
) -> None:
    emit(probe, send, range(10, 13))
    relays[0].lie = header_lie(HEADER_LIES[lie])
    assert noted(new_client(), probe) == [10, 11, 12]
    assert told[0][0] == relays[0].url


@pytest.mark.parametrize("lie", ["another root", "an empty bloom", "another parent", "another number"])
def test_a_chain_made_up_by_one_endpoint_finds_no_quorum(
    new_client: NewClient, relays: list[Relay], probe: Contract, send: Send, told: list[Any], lie: str
) -> None:
    """Each invented header is true to itself: only the others tell that it is not the chain's."""
    emit(probe, send, range(10, 13))

    def change(block: dict[str, Any]) -> None:
        HEADER_LIES[lie](block)
        rehashed(block)

    relays[0].lie = header_lie(change)
    assert noted(new_client(), probe) == [10, 11, 12]
    assert told[0][0] == relays[0].url


def test_an_endpoint_of_another_chain_is_named_and_left_out(
    new_client: NewClient, relays: list[Relay], probe: Contract, send: Send, told: list[Any]
) -> None:
    emit(probe, send, range(10, 12))
    with DevServer(ServerConfig(accounts=1, chain_id=5)) as other:
        client = new_client(urls=[other.url, relays[0].url, relays[1].url], chain_id=31337)
        assert noted(client, probe) == [10, 11]
        assert told == [(other.url, "it is of chain 5, not 31337")]
        alone = new_client(urls=[other.url], chain_id=31337)
        with pytest.raises(L1Unreachable, match="chain 5, not 31337"):
            alone.head()


def test_a_stale_head_is_not_followed_and_is_named(
    new_client: NewClient, relays: list[Relay], client: L1Client, told: list[Any]
) -> None:
    client.request("anvil_mine", hex(40))
    old = client.request("eth_getBlockByNumber", hex(3), False)
    relays[0].lie = lambda method, params, result: old if params[:1] == ["latest"] else result
    assert new_client().head().number == 40
    assert told == [(relays[0].url, "its head is stale")]


def test_a_head_that_only_one_endpoint_has_is_not_followed(
    new_client: NewClient, relays: list[Relay], client: L1Client, told: list[Any]
) -> None:
    client.request("anvil_mine", hex(40))

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if params[:1] == ["latest"] and method == "eth_getBlockByNumber":
            return rehashed(result | {"number": hex(10**6)})
        return result

    relays[0].lie = lie
    assert new_client().head().number == 40
    assert told == [(relays[0].url, "its head is above what the others have")]


def test_a_head_older_than_allowed_is_an_error(new_client: NewClient, client: L1Client) -> None:
    made = client.head().timestamp
    assert new_client(max_head_age_seconds=60, clock=HandClock(began=made + 60)).head().timestamp == made
    with pytest.raises(L1Error, match="newest block is old"):
        new_client(max_head_age_seconds=60, clock=HandClock(began=made + 61)).head()


def test_half_of_the_endpoints_is_no_quorum(new_client: NewClient, relays: list[Relay], client: L1Client) -> None:
    """Two that contradict each other, and nobody to decide: nothing is believed, and both are named."""
    client.request("anvil_mine", hex(3))

    def change(block: dict[str, Any]) -> None:
        block.update(rehashed(block | {"gasUsed": "0x7"}))

    relays[0].lie = header_lie(change)
    with pytest.raises(L1Error, match="different chains") as caught:
        new_client(urls=[relay.url for relay in relays[:2]]).head()
    assert relays[0].url in str(caught.value) and relays[1].url in str(caught.value)


def test_what_cannot_be_proven_is_what_the_quorum_says(
    new_client: NewClient, relays: list[Relay], probe: Contract, account: Any, told: list[Any]
) -> None:
    sender = bytes.fromhex(account.address[2:])
    false = {
        "eth_getTransactionCount": "0x63",
        "eth_getCode": "0x6001",
        "eth_call": "0x" + "00" * 31 + "63",
        "eth_getBalance": "0x0",
    }
    relays[0].lie = lambda method, params, result: false.get(method, result)
    client = new_client()
    assert client.nonce(sender) == 1
    assert len(client.code(probe.address)) > 2
    assert client.balance_wei(sender) > 0
    assert Contract(client=client, abi=probe.abi, address=probe.address).call("total") == 5
    assert {endpoint for endpoint, _ in told} == {relays[0].url}


def test_that_a_call_would_revert_is_believed_only_of_a_quorum(
    new_client: NewClient, relays: list[Relay], account: Any, told: list[Any]
) -> None:
    sender = bytes.fromhex(account.address[2:])
    relays[0].reverting = {"eth_estimateGas"}
    assert new_client().estimate_gas(SOMEBODY, b"", sender=sender) == 21_000
    relays[1].reverting = {"eth_estimateGas"}
    with pytest.raises(L1Reverted):
        new_client().estimate_gas(SOMEBODY, b"", sender=sender)


@pytest.mark.parametrize("lie", ["hidden", "made up", "of another block", "another status"])
def test_a_false_receipt_of_a_transaction_is_never_believed(
    new_client: NewClient, relays: list[Relay], client: L1Client, probe: Contract, send: Send, lie: str
) -> None:
    emit(probe, send, range(10, 12))
    sent = send(probe.address, probe.encode("note", 12, b""))
    true = client.request("eth_getTransactionReceipt", "0x" + sent.hex())
    made_up = keccak(b"never sent")

    def tell(method: str, params: list[Any], result: Any) -> Any:
        if method != "eth_getTransactionReceipt":
            return result
        return {
            "hidden": None,
            "made up": true | {"transactionHash": params[0]},
            "of another block": true | {"blockNumber": "0x1"},
            "another status": true | {"status": "0x0"},
        }[lie]

    relays[0].lie = tell
    asking = new_client()
    assert asking.receipt(made_up) is None
    found = asking.receipt(sent)
    assert found is not None and found.succeeded
    assert found.block_number == int(true["blockNumber"], 16)
    assert [log.transaction_hash for log in found.logs] == [sent]


def test_a_dead_endpoint_rests_and_the_next_is_asked(
    new_client: NewClient, relays: list[Relay], probe: Contract, send: Send, told: list[Any], ticking: HandClock
) -> None:
    emit(probe, send, range(10, 12))
    client = new_client(quorum=1)
    relays[0].down = True
    assert noted(client, probe) == [10, 11]
    assert told[0][0] == relays[0].url
    relays[0].down = False
    relays[0].asked.clear()
    ticking.passed = 100.0
    assert noted(client, probe) == [10, 11]
    assert relays[0].asked, "asked again once it has rested"


def test_with_all_endpoints_down_the_error_names_each(new_client: NewClient, relays: list[Relay]) -> None:
    client = new_client()
    for relay in relays:
        relay.down = True
    with pytest.raises(L1Unreachable) as caught:
        client.head()
    assert all(relay.url in str(caught.value) for relay in relays)
    for relay in relays[:2]:
        relay.down = False
    assert client.head().number == 0, "no rest keeps from asking when nobody else is left"


def test_a_flapping_endpoint_changes_nothing_but_the_alarm(
    new_client: NewClient, relays: list[Relay], probe: Contract, send: Send, ticking: HandClock
) -> None:
    client = new_client()
    reader = ContractReader(client, [Contract(client=client, abi=probe.abi, address=probe.address)], BlockNumber(0))
    found: list[int] = []
    for number in range(10, 30):
        relays[0].down = number % 2 == 0
        ticking.passed += 1
        emit(probe, send, range(number, number + 1))
        batch = reader.poll()
        assert batch.rolled_back_to is None
        found += [event.args["number"] for event in batch if event.name == "Noted"]
    assert found == list(range(10, 30))


def test_who_lies_again_is_left_out_for_longer(
    new_client: NewClient, relays: list[Relay], probe: Contract, send: Send, ticking: HandClock
) -> None:
    """Right heads in between change nothing: two minutes, then four, then eight."""
    emit(probe, send, range(10, 11))
    relays[0].lie = receipts_lie(without_logs)
    client = new_client()
    for seconds in (120, 240, 480):
        emit(probe, send, range(11, 12))
        assert noted(client, probe)[:1] == [10]
        relays[0].asked.clear()
        ticking.passed += seconds - 1
        client.head()
        assert not relays[0].asked
        ticking.passed += 1
        client.head()
        assert relays[0].asked


def test_receipts_are_fetched_one_by_one_where_there_is_no_other_way(
    new_client: NewClient, relays: list[Relay], probe: Contract, send: Send
) -> None:
    emit(probe, send, range(10, 13))

    for relay in relays:
        relay.refused = {"eth_getBlockReceipts"}
    assert noted(new_client(), probe) == [10, 11, 12]


def test_a_transaction_goes_to_every_endpoint_and_one_is_enough(
    new_client: NewClient, relays: list[Relay], client: L1Client, account: Any
) -> None:
    client.request("evm_setAutomine", False)
    fields = {"type": 2, "chainId": 31337, "nonce": 0, "to": SOMEBODY, "data": b"", "value": 1, "gas": 21_000}
    signed = account.sign_transaction(fields | {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1})
    relays[0].refused = relays[1].refused = {"eth_sendRawTransaction"}
    assert new_client().send_raw(bytes(signed.raw_transaction)) == bytes(signed.hash)
    relays[2].refused = {"eth_sendRawTransaction"}
    with pytest.raises(L1Error, match="refused here"):
        new_client().send_raw(bytes(signed.raw_transaction))


def test_long_ranges_are_linked_from_end_to_end(
    new_client: NewClient, relays: list[Relay], client: L1Client, probe: Contract, send: Send
) -> None:
    emit(probe, send, range(10, 11))
    client.request("anvil_mine", hex(4_500))
    emit(probe, send, range(11, 12))
    assert noted(new_client(), probe) == [10, 11]


def test_endpoints_and_quorum_must_make_sense() -> None:
    for urls, quorum in (([], None), (["http://a", "http://a"], None), (["http://a"], 2), (["http://a"], 0)):
        with pytest.raises(BadInput):
            QuorumClient(urls, quorum=quorum, clock=SystemClock())
