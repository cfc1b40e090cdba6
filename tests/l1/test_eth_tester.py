"""The development chain gives what eth-tester, which nobody here wrote, gives for the same transactions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_tester import EthereumTester, PyEVMBackend
from web3 import HTTPProvider, Web3
from web3.providers.eth_tester import EthereumTesterProvider

from tallystick import artifacts
from tallystick.l1.dev.dev_server import DevServer

OWNER = Account.from_key(b"\x11" * 32)
OTHER = Account.from_key(b"\x22" * 32)
ETHER = 10**18


@pytest.fixture
def chains() -> Iterator[tuple[Web3, Web3]]:
    genesis = PyEVMBackend.generate_genesis_params({"gas_limit": 30_000_000})
    tester = EthereumTester(PyEVMBackend(genesis_parameters=genesis))
    reference = Web3(EthereumTesterProvider(tester))
    rich = reference.eth.accounts[0]
    reference.eth.send_transaction({"from": rich, "to": OWNER.address, "value": 100 * ETHER, "gas": 21_000})
    with DevServer() as server:
        ours = Web3(HTTPProvider(server.url))
        ours.provider.make_request("tallystick_fund", [OWNER.address, hex(100 * ETHER)])
        yield ours, reference


def send(chain: Web3, transaction: dict[str, Any]) -> Any:
    """Sign, send, and return the receipt."""
    filled = {
        "chainId": chain.eth.chain_id,
        "nonce": chain.eth.get_transaction_count(OWNER.address),
        "gas": 5_000_000,
        "maxFeePerGas": 50 * 10**9,
        "maxPriorityFeePerGas": 10**9,
        "value": 0,
        **transaction,
    }
    signed = OWNER.sign_transaction(filled)
    return chain.eth.wait_for_transaction_receipt(chain.eth.send_raw_transaction(signed.raw_transaction))


def story(chain: Web3, now: int) -> list[tuple[Any, ...]]:
    """Deploy a token and an Inbox and use both, well and badly; return what each receipt says."""
    token_code = artifacts.load("TestToken")
    token = chain.eth.contract(abi=token_code.abi, bytecode=token_code.bytecode)
    inbox_code = artifacts.load("Inbox")
    inbox = chain.eth.contract(abi=inbox_code.abi, bytecode=inbox_code.bytecode)
    receipts = [send(chain, {"data": token.constructor().data_in_transaction})]
    at = token(receipts[0]["contractAddress"])
    settings = (OWNER.address, OWNER.address, (360, 360, 300, 12, 131_072, 131_072, 0))
    receipts.append(send(chain, {"data": inbox.constructor(*settings).data_in_transaction}))
    box = inbox(receipts[1]["contractAddress"])
    calls = [
        (at, "mint", (OWNER.address, 1_000)),
        (at, "transfer", (OTHER.address, 400)),
        (at, "transfer", (OTHER.address, 4_000)),
        (box, "enqueueDeposit", (OWNER.address, 1, 5)),
        (box, "forceWithdraw", (1, 5)),
        (box, "postBatch", (0, now + 8, now + 8, 1, [bytes(range(1, 256)) * 4])),
        (box, "postBatch", (0, now + 8, now + 8, 1, [bytes(100)])),
    ]
    for contract, function, arguments in calls:
        data = contract.encode_abi(function, args=list(arguments))
        receipts.append(send(chain, {"to": contract.address, "data": data}))
    return [(each["status"], each["gasUsed"], [log["topics"][0] for log in each["logs"]]) for each in receipts]


def test_the_same_transactions_have_the_same_receipts(chains: tuple[Web3, Web3]) -> None:
    ours, reference = chains

    now = reference.eth.get_block("latest")["timestamp"]

    told, expected = story(ours, now), story(reference, now)

    assert [status for status, _, _ in expected] == [1, 1, 1, 1, 0, 1, 1, 1, 0]
    assert told == expected
