"""What the embedded chain shows, anvil shows as well."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from tallystick.bench.disputes.battle import INCLUSION_BLOCKS, Battle
from tallystick.bench.disputes.sybils import Timing, attacks
from tallystick.dispute.trace_tree import History
from tallystick.l1.client.events import DEEPEST_REORGANISATION_BLOCKS, EventReader
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.dev.dev_server import dev_accounts
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.l1_stage import PERIOD_BLOCKS, trade_a_little
from tests.adversaries.reorganised import play_through_reorganisation, publish_through_reorganisation
from tests.anvil.conftest import Anvil, AnvilStage, CrowdedStage, until

pytestmark = pytest.mark.anvil

LOGGER = bytes.fromhex("6009600c60003960096000f3" + "600060006000a10000")
"""Deploys nine bytes that log one topic and nothing else."""
WRITER = bytes.fromhex("6006600c60003960066000f3" + "600160005500")
"""Deploys six bytes that write one slot."""
FIRST_WRITE_GAS = 41_000
FEES: dict[str, Any] = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}


def fields_of(kind: int, to: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {"gas": 200_000, "to": to, "value": 0, "data": b"\1"}
    if kind == 0:
        return fields | {"gasPrice": 10**10}
    if kind == 1:
        return fields | {
            "type": 1,
            "gasPrice": 10**10,
            "accessList": [{"address": to, "storageKeys": ["0x" + "11" * 32]}],
        }
    if kind == 2:
        return fields | FEES | {"type": 2}
    signed = Account.from_key(b"\7" * 32).sign_authorization({"chainId": 31337, "address": to, "nonce": 0})
    return fields | FEES | {"type": 4, "authorizationList": [signed]}


def send(client: L1Client, fields: dict[str, Any]) -> bytes:
    account = dev_accounts(1)[0]
    nonce = client.nonce(bytes.fromhex(account.address[2:]))
    signed = account.sign_transaction(fields | {"nonce": nonce, "chainId": 31337})
    return client.send_raw(bytes(signed.raw_transaction))


def test_blocks_with_transactions_of_every_type_prove_themselves(anvil: Anvil) -> None:
    client, node = QuorumClient([anvil.url], clock=SystemClock()), L1Client(anvil.url, clock=SystemClock())
    created = send(node, {"gas": 200_000, "to": "", "value": 0, "data": LOGGER} | FEES)
    until(lambda: client.receipt(created) is not None)
    receipt = client.receipt(created)
    assert receipt is not None and receipt.succeeded
    logger = receipt.contract_address
    assert logger is not None
    node.request("evm_setAutomine", False)
    nonce = client.nonce(bytes.fromhex(dev_accounts(1)[0].address[2:]))
    sent: list[bytes] = []
    for at, kind in enumerate((0, 1, 2, 4)):
        fields = fields_of(kind, logger) | {"nonce": nonce + at, "chainId": 31337}
        sent.append(client.send_raw(bytes(dev_accounts(1)[0].sign_transaction(fields).raw_transaction)))
    node.request("evm_mine")
    until(lambda: client.receipt(sent[-1]) is not None)
    receipts = [client.receipt(each) for each in sent]
    assert all(each is not None and each.succeeded for each in receipts)
    assert len({each.block_number for each in receipts if each}) == 1, "one trie with all types"
    logs = client.logs(logger, BlockNumber(0), client.head().number)
    assert [log.log_index for log in logs] == [0, 1, 2, 3]
    assert [log.transaction_hash for log in logs] == sent


def test_a_transaction_that_waits_makes_another_one_with_its_effect_look_no_cheaper(anvil: Anvil) -> None:
    """A storage slot is written for the first time, or a second time: whoever sent that may never get it mined."""
    node = L1Client(anvil.url, clock=SystemClock())
    created = send(node, {"gas": 200_000, "to": "", "value": 0, "data": WRITER} | FEES)
    until(lambda: node.receipt(created) is not None)
    receipt = node.receipt(created)
    assert receipt is not None and receipt.contract_address is not None
    node.request("evm_setAutomine", False)
    send(node, {"gas": 200_000, "to": receipt.contract_address, "value": 0, "data": b""} | FEES)
    (_, somebody) = dev_accounts(2)
    for client in (node, QuorumClient([anvil.url], clock=SystemClock())):
        estimate = client.estimate_gas(receipt.contract_address, b"", sender=bytes.fromhex(somebody.address[2:]))
        assert estimate > FIRST_WRITE_GAS


def test_the_tags_are_followed(anvil: Anvil) -> None:
    client = QuorumClient([anvil.url], clock=SystemClock())
    L1Client(anvil.url, clock=SystemClock()).request("anvil_mine", hex(200))
    numbers = [client.head(tag).number for tag in ("finalized", "safe", "latest")]
    assert numbers == sorted(numbers) and numbers[-1] == 200 and numbers[0] < 200


@pytest.mark.parametrize("when", ["assertion", "opening", "bisection", "proof", "decision", "payout", 4, 12])
def test_a_dispute_survives_blocks_taken_back(empty: AnvilStage, when: str | int) -> None:
    trade_a_little(empty)
    empty.publish()
    play_through_reorganisation(empty, when, DEEPEST_REORGANISATION_BLOCKS)


@pytest.mark.parametrize("phase", ["deposit", "batch", "root", "confirmation"])
def test_what_comes_before_a_dispute_survives_blocks_taken_back(empty: AnvilStage, phase: str) -> None:
    publish_through_reorganisation(empty, phase, DEEPEST_REORGANISATION_BLOCKS)


def test_a_chain_that_grows_shorter_is_followed_down_and_up_again(empty: AnvilStage) -> None:
    reader = EventReader(empty.client, empty.deployment)
    empty.mine(DEEPEST_REORGANISATION_BLOCKS)
    empty.deposit("alice")
    assert [event.name for event in reader.poll()].count("MessageQueued") == 1
    empty.chain.request("anvil_rollback", DEEPEST_REORGANISATION_BLOCKS)
    head = empty.client.head().number
    batch = reader.poll()
    assert batch.rolled_back_to is not None and batch.rolled_back_to <= head
    assert not [event for event in batch if event.name == "MessageQueued"]
    names: list[str] = []

    def comes_again() -> bool:
        empty.queues["alice"].pump()
        names.extend(event.name for event in reader.poll())
        return "MessageQueued" in names

    until(comes_again)
    assert names.count("MessageQueued") == 1


@pytest.mark.parametrize("count", [1, 8, pytest.param(64, marks=[pytest.mark.campaign, pytest.mark.timeout(3_600)])])
def test_attackers_with_different_histories_lose_on_anvil_too(crowded: CrowdedStage, count: int) -> None:
    fresh = crowded.world.fresh()
    true = History(fresh.state, fresh.inputs, height=crowded.deployment.config.root_height)
    battle = Battle(stage=crowded, true=true, attacks=attacks(true, count, timings=tuple(Timing)))
    result = battle.play()
    assert result.won
    assert result.liars_time < PERIOD_BLOCKS
    assert result.decided <= PERIOD_BLOCKS + INCLUSION_BLOCKS
    assert result.profit_wei == result.repaid_wei - result.fees_wei
    assert result.gas <= result.most_gas
