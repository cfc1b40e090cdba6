"""The development chain behaves as an Ethereum node does, as web3 sees it."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth_account.signers.local import LocalAccount
from eth_typing import Address
from trie.hexary import HexaryTrie
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractCustomError, ContractLogicError

from tallystick.errors import L1Error, L1Reverted
from tallystick.l1.client.access import Contract
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.dev.dev_server import DevServer, ServerConfig
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber

Send = Callable[..., bytes]
SOMEBODY = bytes.fromhex("00000000000000000000000000000000000a11ce")


def post(url: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    request = urllib.request.Request(url, body, headers or {})
    with urllib.request.urlopen(request, timeout=5) as response:
        text = response.read()
        return response.status, json.loads(text) if text else None


@pytest.fixture
def w3(server: DevServer) -> Web3:
    return Web3(HTTPProvider(server.url))


def test_web3_deploys_calls_and_reads_events(w3: Web3, account: LocalAccount, probe: Contract) -> None:
    contract = w3.eth.contract(address=Address(probe.address), abi=_abi())
    transaction: Any = contract.functions.note(11, b"abc").build_transaction(
        {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address)}
    )
    signed = account.sign_transaction(transaction)
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(signed.raw_transaction))
    assert receipt["status"] == 1
    assert contract.functions.total().call() == 16
    (event,) = contract.events.Noted().get_logs(from_block=0)
    assert event["args"] == {"number": 11, "sender": account.address, "data": b"abc"}
    assert event["blockHash"] == receipt["blockHash"]
    found: Any = w3.eth.get_transaction(receipt["transactionHash"])
    assert found["input"] == signed_input(contract)
    assert found["blockNumber"] == receipt["blockNumber"]
    for full, shown in ((False, found["hash"]), (True, found)):
        block: Any = w3.eth.get_block(receipt["blockNumber"], full)
        assert block["transactions"] == [shown]


def signed_input(contract: Any) -> bytes:
    return bytes.fromhex(contract.encode_abi("note", args=[11, b"abc"])[2:])


def test_web3_decodes_custom_errors_and_messages(w3: Web3, probe: Contract) -> None:
    contract = w3.eth.contract(address=Address(probe.address), abi=_abi())
    with pytest.raises(ContractCustomError):
        contract.functions.note(9, b"").call()
    with pytest.raises(ContractCustomError):
        contract.functions.note(9, b"").estimate_gas()
    with pytest.raises(ContractLogicError, match="too early"):
        contract.functions.onlyAfter(10**6, 0).call()


def test_web3_fills_in_fees(w3: Web3, account: LocalAccount) -> None:
    assert w3.eth.max_priority_fee > 0
    assert w3.eth.gas_price > 0
    history = w3.eth.fee_history(4, "latest", [10.0])
    assert len(history["baseFeePerGas"]) == len(history["gasUsedRatio"]) + 1
    assert w3.eth.chain_id == 31337
    assert w3.net.version == "31337"
    assert w3.client_version.startswith("tallystick-l1/")
    assert w3.eth.get_balance(account.address) == 10_000 * 10**18


def test_a_block_hashes_to_the_hash_of_its_header(server: DevServer, probe: Contract, send: Send) -> None:
    send(probe.address, probe.encode("note", 10, b"x"))
    send(SOMEBODY, value=1)
    for number in range(server.chain.head.number + 1):
        block = server.chain.block(number)
        assert block is not None
        header = block.header
        fields: dict[str, Any] = {
            "difficulty": 0,
            "block_number": header.number,
            "gas_limit": header.gas_limit,
            "timestamp": header.timestamp,
            "coinbase": header.coinbase,
            "parent_hash": header.parent_hash,
            "state_root": header.state_root,
            "transaction_root": header.transactions_root,
            "receipt_root": header.receipts_root,
            "bloom": header.bloom,
            "gas_used": header.gas_used,
            "extra_data": header.extra_data,
            "mix_hash": header.parent_hash,
            "nonce": bytes(8),
            "base_fee_per_gas": header.base_fee_wei,
        }
        header_type: Any = PragueBlockHeader
        assert block.hash == header_type(**fields).hash


def test_receipts_match_the_root_in_the_header(client: L1Client, probe: Contract, send: Send) -> None:
    client.request("evm_setAutomine", False)
    send(probe.address, probe.encode("note", 10, b"x"))
    send(probe.address, probe.encode("note", 9, b"x"))
    client.request("evm_mine")
    number = hex(client.head().number)
    receipts = client.request("eth_getBlockReceipts", number)
    assert [int(receipt["status"], 16) for receipt in receipts] == [1, 0]
    trie = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        logs = [
            [_raw(log["address"]), [_raw(topic) for topic in log["topics"]], _raw(log["data"])]
            for log in receipt["logs"]
        ]
        fields = [
            int(receipt["status"], 16),
            int(receipt["cumulativeGasUsed"], 16),
            _raw(receipt["logsBloom"]),
            logs,
        ]
        trie[rlp.encode(index)] = b"\x02" + rlp.encode(fields)
    block = client.request("eth_getBlockByNumber", number, False)
    assert trie.root_hash == _raw(block["receiptsRoot"])
    assert int(block["gasUsed"], 16) == int(receipts[1]["cumulativeGasUsed"], 16)


def test_logs_are_found_by_address_topics_and_range(client: L1Client, probe: Contract, send: Send) -> None:
    first = client.head().number + 1
    for number in (10, 11, 12):
        send(probe.address, probe.encode("note", number, b""))
    noted = probe.abi.topic("Noted")
    words = [number.to_bytes(32, "big") for number in (10, 11, 12)]
    assert [log.topics[1] for log in client.logs(probe.address, BlockNumber(first), BlockNumber(first + 2))] == words
    assert [
        log.topics[1] for log in client.logs(probe.address, BlockNumber(first + 1), BlockNumber(first + 1))
    ] == words[1:2]
    picked = client.logs(probe.address, BlockNumber(0), BlockNumber(first + 2), [noted, [words[0], words[2]]])
    assert [log.topics[1] for log in picked] == [words[0], words[2]]
    assert client.logs(probe.address, BlockNumber(0), BlockNumber(first + 2), [None, words[1]])[0].topics[1] == words[1]
    assert client.logs(SOMEBODY, BlockNumber(0), BlockNumber(first + 2)) == []
    assert len(client.logs([], BlockNumber(0), BlockNumber(first + 2))) == 3
    assert client.logs(probe.address, BlockNumber(0), BlockNumber(first + 2), [words[0]]) == []


def test_thousands_of_blocks_are_mined_at_once(client: L1Client, probe: Contract) -> None:
    before = client.head()
    client.request("anvil_mine", hex(10_000), hex(12))
    after = client.head()
    assert after.number == before.number + 10_000
    assert after.timestamp == before.timestamp + 1 + 9_999 * 12
    old = client.block(after.number - 200)
    assert old is not None
    assert probe.call("oldHash", old.number) == old.hash
    assert probe.call("oldHash", after.number - 257) == bytes(32)


def test_time_moves_as_it_is_told(client: L1Client) -> None:
    start = client.head().timestamp
    client.request("evm_increaseTime", 100)
    client.request("evm_mine")
    assert client.head().timestamp == start + 100
    client.request("evm_setNextBlockTimestamp", start + 500)
    client.request("evm_mine")
    client.request("evm_mine")
    assert client.head().timestamp == start + 501
    with pytest.raises(L1Error, match="not after the head"):
        client.request("evm_setNextBlockTimestamp", start)


def test_an_estimate_sees_the_next_block(client: L1Client, probe: Contract, account: LocalAccount) -> None:
    head = client.head()
    data = probe.encode("onlyAfter", head.number + 1, head.timestamp + 1000)
    sender = bytes.fromhex(account.address[2:])
    with pytest.raises(L1Reverted):
        client.estimate_gas(probe.address, data, sender=sender)
    client.request("evm_increaseTime", 1000)
    assert client.estimate_gas(probe.address, data, sender=sender) > 21_000


def test_an_estimate_is_enough_gas(client: L1Client, probe: Contract, send: Send, account: LocalAccount) -> None:
    sender = bytes.fromhex(account.address[2:])
    for data in (
        probe.encode("burnGas", 300),
        probe.encode("note", 10, bytes(range(256)) * 16),
        probe.encode("setPair", (1, SOMEBODY), [1, 2, 3]),
    ):
        gas = client.estimate_gas(probe.address, data, sender=sender)
        receipt = client.receipt(send(probe.address, data, gas=gas))
        assert receipt is not None
        assert receipt.succeeded
        assert receipt.gas_used <= gas <= receipt.gas_used * 1.3


def test_a_snapshot_brings_everything_back(client: L1Client, probe: Contract, send: Send) -> None:
    snapshot = client.request("evm_snapshot")
    head = client.head()
    transaction = send(probe.address, probe.encode("note", 10, b""))
    client.request("anvil_mine", 50)
    assert client.request("evm_revert", snapshot) is True
    assert client.head() == head
    assert probe.call("total") == 5
    assert client.receipt(transaction) is None
    assert client.logs(probe.address, BlockNumber(0), head.number) == []
    assert client.request("evm_revert", snapshot) is False
    assert send(probe.address, probe.encode("note", 10, b"")) == transaction


def test_a_reorganisation_changes_the_hashes_and_loses_the_transactions(
    client: L1Client, probe: Contract, send: Send
) -> None:
    transaction = send(probe.address, probe.encode("note", 10, b""))
    old = client.head()
    client.request("anvil_reorg", 1)
    new = client.head()
    assert new.number == old.number
    assert new.hash != old.hash
    assert client.block(old.hash) is None
    assert client.receipt(transaction) is None


def test_the_pool_keeps_order_and_takes_only_dearer_replacements(
    client: L1Client, send: Send, account: LocalAccount
) -> None:
    sender = bytes.fromhex(account.address[2:])
    second = send(SOMEBODY, value=2, nonce=1)
    assert client.receipt(second) is None
    first = send(SOMEBODY, value=1, nonce=0)
    assert client.receipt(first) is not None
    assert client.receipt(second) is not None
    client.request("evm_setAutomine", False)
    waiting = send(SOMEBODY, value=3)
    assert client.nonce(sender) == 2
    assert client.nonce(sender, "pending") == 3
    with pytest.raises(L1Error, match="replacement transaction underpriced"):
        send(SOMEBODY, value=4, nonce=2, max_fee=10**10 + 1)
    with pytest.raises(L1Error, match="already known"):
        send(SOMEBODY, value=3, nonce=2)
    dearer = send(SOMEBODY, value=4, nonce=2, max_fee=2 * 10**10, tip=2 * 10**9)
    client.request("evm_mine")
    assert client.receipt(waiting) is None
    assert client.receipt(dearer) is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nonce": 0, "value": 1}, "nonce too low"),
        ({"value": 10**30}, "insufficient funds"),
        ({"gas": 20_000}, "intrinsic gas too low"),
        ({"gas": 30_000, "data": b"\1" * 1_000}, "intrinsic gas too low"),
        ({"gas": (1 << 24) + 1}, "gas limit too high"),
    ],
)
def test_a_transaction_that_cannot_be_included_is_refused_with_the_reason(
    send: Send, change: dict[str, Any], words: str
) -> None:
    send(SOMEBODY)
    with pytest.raises(L1Error, match=words):
        send(SOMEBODY, **change)


def test_the_faucet_pays(client: L1Client) -> None:
    client.request("tallystick_fund", "0x" + SOMEBODY.hex(), hex(7 * 10**18))
    assert client.balance_wei(SOMEBODY) == 7 * 10**18


def test_blocks_come_by_themselves_at_intervals() -> None:
    with DevServer(ServerConfig(accounts=1, block_seconds=0.02)) as server:
        client = L1Client(server.url, clock=SystemClock())
        while client.head().number < 3:
            client.pause()


def test_batches_are_answered_in_order(server: DevServer) -> None:
    batch = [{"jsonrpc": "2.0", "id": i, "method": "eth_chainId", "params": []} for i in range(3)]
    batch.insert(1, {"jsonrpc": "2.0", "id": 9, "method": "no_such", "params": []})
    status, answers = post(server.url, json.dumps(batch).encode())
    assert status == 200
    assert [answer["id"] for answer in answers] == [0, 9, 1, 2]
    assert answers[1]["error"]["code"] == -32601


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b'{"id":1}', -32600),
        (b'{"id":1,"method":5}', -32600),
        (b'{"id":1,"method":"eth_call","params":{}}', -32602),
        (b'{"id":1,"method":"eth_call","params":[]}', -32602),
        (b'{"id":1,"method":"eth_call","params":[{"to":"0x12"}]}', -32602),
        (b'{"id":1,"method":"eth_getBalance","params":["zz"]}', -32602),
        (b'{"id":1,"method":"eth_getBlockByNumber","params":["newest",false]}', -32602),
        (b'{"id":1,"method":"eth_getLogs","params":[{"topics":["0x01"]}]}', -32602),
        (b'{"id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x9","toBlock":"0x1"}]}', -32602),
        (b'{"id":1,"method":"eth_sendRawTransaction","params":["0x"]}', -32000),
        (b'{"id":1,"method":"eth_sendRawTransaction","params":["0x02c0"]}', -32000),
        (b'{"id":1,"method":"eth_sendRawTransaction","params":["0x03c0"]}', -32000),
        (b'{"id":1,"method":"eth_getBalance","params":["0x%s","0x99"]}' % (b"00" * 20), -32000),
        (b'{"id":1,"method":"anvil_mine","params":["0xffffffffff"]}', -32000),
        (b'{"id":1,"method":"anvil_rollback","params":["0x5"]}', -32000),
    ],
)
def test_a_bad_request_gets_an_error_and_the_server_lives(server: DevServer, body: bytes, code: int) -> None:
    status, answer = post(server.url, body)
    assert status == 200
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]
    assert post(server.url, b'{"id":1,"method":"eth_chainId"}')[1]["result"] == "0x7a69"


def test_what_is_not_json_rpc_gets_an_http_error(server: DevServer) -> None:
    with (
        pytest.raises(urllib.error.HTTPError) as caught,
        urllib.request.urlopen(server.url, timeout=5),
    ):
        pass
    with caught.value as error:
        assert error.code == 405
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(server.url, b"", {"Content-Length": "99999999999"})
    with caught.value as error:
        assert error.code == 413


def _abi() -> Any:
    return json.loads(Path(__file__).with_name("Probe.json").read_text())["Probe"]["abi"]


def _raw(value: str) -> bytes:
    return bytes.fromhex(value[2:])
