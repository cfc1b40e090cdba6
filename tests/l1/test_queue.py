"""The transaction queue mines each entry once: through crashes, reorganisations and price rises."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from tallystick.errors import BadInput, L1Error, L1Reverted, L1Unreachable, StateError
from tallystick.l1.client.access import Contract
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.sending.fees import GWEI, FeePolicy
from tallystick.l1.sending.queuestore import QueueStore, TxState
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.handclock import HandClock

NewQueue = Callable[..., TxQueue]
Send = Callable[..., bytes]
SOMEBODY = bytes.fromhex("00000000000000000000000000000000000a11ce")


class Crash(BaseException):
    """The process ends here."""


WRITES = (
    "add",
    "add_attempt",
    "set_mined",
    "set_unmined",
    "set_ended",
    "set_reason",
    "requeue",
    "bind",
)


def crashing_store(at: int) -> type[QueueStore]:
    """A store that crashes before (even) or after (odd) its at/2-th write."""
    calls = 0

    def wrap(name: str) -> Callable[..., Any]:
        original = getattr(QueueStore, name)

        def write(self: QueueStore, *args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls * 2 == at:
                raise Crash
            result = original(self, *args)
            if calls * 2 + 1 == at:
                raise Crash
            return result

        return write

    return type("CrashingStore", (QueueStore,), {name: wrap(name) for name in WRITES})


class CrashingClient(L1Client):
    """Crashes before or after the endpoint takes a transaction."""

    crash_before = False
    crash_after = False

    def send_raw(self, raw: bytes) -> bytes:
        if self.crash_before:
            raise Crash
        sent = super().send_raw(raw)
        if self.crash_after:
            raise Crash
        return sent


def run(queue: TxQueue, probe: Contract) -> None:
    for number in (10, 11, 12):
        queue.enqueue(f"note {number}", probe.address, probe.encode("note", number, b""))
    for number in (10, 11, 12):
        queue.wait(f"note {number}")


def noted(client: L1Client, probe: Contract) -> list[int]:
    return [event.args["number"] for event in probe.events(BlockNumber(0), client.head().number, "Noted")]


def test_entries_are_mined_in_order(new_queue: NewQueue, probe: Contract, client: L1Client) -> None:
    run(new_queue(), probe)
    assert noted(client, probe) == [10, 11, 12]


@pytest.mark.parametrize("at", range(2, 28))
def test_a_crash_around_any_write_neither_loses_nor_doubles(
    new_queue: NewQueue, probe: Contract, client: L1Client, at: int
) -> None:
    with pytest.raises(Crash):
        run(new_queue(store_type=crashing_store(at)), probe)
    run(new_queue(), probe)
    assert noted(client, probe) == [10, 11, 12]


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
def test_a_crash_around_a_broadcast_neither_loses_nor_doubles(
    new_queue: NewQueue, probe: Contract, client: L1Client, moment: str
) -> None:
    crashing = CrashingClient(client.url, clock=SystemClock())
    setattr(crashing, moment, True)
    with pytest.raises(Crash):
        run(new_queue(through=crashing), probe)
    run(new_queue(), probe)
    assert noted(client, probe) == [10, 11, 12]


def test_the_same_key_is_the_same_transaction(new_queue: NewQueue, probe: Contract) -> None:
    queue = new_queue()
    first = queue.enqueue("a", probe.address, b"\1")
    assert queue.enqueue("a", probe.address, b"\1") == first
    with pytest.raises(BadInput, match="another transaction"):
        queue.enqueue("a", probe.address, b"\2")


def test_what_would_revert_is_refused_with_the_reason_and_costs_no_nonce(
    new_queue: NewQueue, probe: Contract, client: L1Client
) -> None:
    queue = new_queue()
    queue.enqueue("early", probe.address, probe.encode("onlyAfter", 10, 0))
    with pytest.raises(L1Reverted, match="refused: too early"):
        queue.wait("early")
    queue.send("fine", probe.address, probe.encode("note", 10, b""))
    client.request("anvil_mine", 10)
    queue.retry("early")
    assert queue.wait("early").state is TxState.DONE
    assert probe.call("total") == 16


def test_what_reverts_in_a_block_ends_with_the_reason(new_queue: NewQueue, probe: Contract, client: L1Client) -> None:
    queue = new_queue()
    queue.enqueue("early", probe.address, probe.encode("onlyAfter", 10**6, 0), gas=100_000)
    with pytest.raises(L1Reverted, match="reverted: too early"):
        queue.wait("early")
    entry = queue.get("early")
    assert entry is not None
    assert entry.state is TxState.REVERTED


def test_an_entry_waits_for_the_one_it_rests_on(new_queue: NewQueue, probe: Contract, client: L1Client) -> None:
    client.request("evm_setAutomine", False)
    queue = new_queue()
    queue.enqueue("first", SOMEBODY, b"", value_wei=1)
    queue.enqueue("second", probe.address, probe.encode("onlyAfter", client.head().number + 2, 0))
    assert queue.pump().queued == 1
    client.request("evm_mine")
    queue.pump()
    client.request("evm_mine")
    assert queue.wait("second").state is TxState.DONE


def test_a_deployment_can_be_queued(new_queue: NewQueue, client: L1Client) -> None:
    receipt = new_queue().send("create", None, bytes.fromhex("600d600c600039600d6000f3") + b"\0" * 13)
    assert receipt.contract_address is not None
    assert client.code(receipt.contract_address) == b"\0" * 13


def test_an_old_transaction_is_replaced_by_a_dearer_one(
    new_queue: NewQueue, client: L1Client, clock: HandClock
) -> None:
    client.request("evm_setAutomine", False)
    queue = new_queue(SenderConfig())
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    queue.pump()
    (old,) = _waiting(client)
    clock.passed += 59
    queue.pump()
    assert _waiting(client) == [old]
    clock.passed += 1
    queue.pump()
    (new,) = _waiting(client)
    assert new != old
    client.request("evm_mine")
    queue.wait("pay")
    assert client.balance_wei(SOMEBODY) == 5


def test_the_older_version_may_win(new_queue: NewQueue, client: L1Client, clock: HandClock) -> None:
    client.request("evm_setAutomine", False)
    queue = new_queue(SenderConfig())
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    queue.pump()
    snapshot = client.request("evm_snapshot")
    clock.passed += 60
    queue.pump()
    client.request("evm_revert", snapshot)
    client.request("evm_mine")
    assert queue.wait("pay").state is TxState.DONE
    assert client.balance_wei(SOMEBODY) == 5


def test_no_version_is_dearer_than_the_cap(new_queue: NewQueue, client: L1Client, clock: HandClock) -> None:
    client.request("evm_setAutomine", False)
    queue = new_queue(SenderConfig(fees=FeePolicy(cap_wei=3 * GWEI)))
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    queue.pump()
    waiting = _waiting(client)
    clock.passed += 60
    assert "fee cap" in queue.pump().problems[0]
    assert _waiting(client) == waiting


def test_a_transaction_a_node_forgot_is_sent_again(new_queue: NewQueue, client: L1Client) -> None:
    client.request("evm_setAutomine", False)
    queue = new_queue()
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    queue.pump()
    waiting = _waiting(client)
    client.request("anvil_dropTransaction", waiting[0])
    queue.pump()
    assert _waiting(client) == waiting


def test_a_mined_transaction_is_final_only_after_its_confirmations(new_queue: NewQueue, client: L1Client) -> None:
    queue = new_queue(SenderConfig(confirmations=3))
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    queue.pump()
    states = []
    for _ in range(3):
        queue.pump()
        entry = queue.get("pay")
        assert entry is not None
        states.append(entry.state)
        client.request("evm_mine")
    assert states == [TxState.MINED, TxState.MINED, TxState.DONE]


def test_a_transaction_lost_in_a_reorganisation_is_mined_again(
    new_queue: NewQueue, probe: Contract, client: L1Client
) -> None:
    queue = new_queue(SenderConfig(confirmations=3))
    queue.enqueue("note", probe.address, probe.encode("note", 10, b""))
    queue.pump()
    assert queue.pump().mined == 1
    client.request("anvil_reorg", 1)
    assert noted(client, probe) == []
    queue.pump()
    client.request("anvil_mine", 3)
    assert queue.wait("note").state is TxState.DONE
    assert noted(client, probe) == [10]


def overtaken(new_queue: NewQueue, client: L1Client, send: Send, *, confirmations: int) -> tuple[TxQueue, str]:
    """Return a queue whose payment lost its nonce to a stranger's, and a snapshot of L1 from before that."""
    client.request("evm_setAutomine", False)
    queue = new_queue(SenderConfig(confirmations=confirmations))
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    queue.pump()
    snapshot = client.request("evm_snapshot")
    client.request("anvil_dropTransaction", _waiting(client)[0])
    send(SOMEBODY, value=100, nonce=0)
    client.request("evm_mine")
    return queue, snapshot


def test_a_nonce_taken_by_a_stranger_is_replaced_once_that_is_final(
    new_queue: NewQueue, client: L1Client, send: Send
) -> None:
    queue, _ = overtaken(new_queue, client, send, confirmations=2)
    assert queue.pump().pending == 1
    client.request("evm_mine")
    queue.pump()
    client.request("evm_mine")
    client.request("evm_mine")
    assert queue.wait("pay").nonce == 1
    assert client.balance_wei(SOMEBODY) == 105


def test_a_nonce_that_a_stranger_has_is_seen_at_once_and_the_transaction_waits_again_where_that_block_is_gone(
    new_queue: NewQueue, client: L1Client, send: Send
) -> None:
    queue, snapshot = overtaken(new_queue, client, send, confirmations=10)
    report = queue.pump()
    (entry,) = queue.idle("pay")
    assert (entry.state, entry.block_number, report.pending) == (TxState.OVERTAKEN, client.head().number, 1)
    client.request("evm_revert", snapshot)
    queue.pump()
    assert queue.idle("") == []
    client.request("anvil_mine", 10)
    assert queue.wait("pay").nonce == 0
    assert client.balance_wei(SOMEBODY) == 5


def test_what_was_overtaken_and_withdrawn_is_not_sent_anew_but_where_its_nonce_is_free_again(
    new_queue: NewQueue, client: L1Client, send: Send
) -> None:
    queue, snapshot = overtaken(new_queue, client, send, confirmations=2)
    queue.pump()
    assert queue.withdraw("pay")
    client.request("anvil_mine", 4)
    assert (queue.pump().pending, _waiting(client)) == (0, [])
    client.request("evm_revert", snapshot)
    assert queue.pump().pending == 1
    client.request("anvil_mine", 2)
    assert queue.wait("pay").state is TxState.DONE


def test_why_a_transaction_had_no_effect_is_known_before_that_is_final(
    new_queue: NewQueue, probe: Contract, client: L1Client
) -> None:
    queue = new_queue(SenderConfig(confirmations=10))
    queue.enqueue("early", probe.address, probe.encode("onlyAfter", 10**6, 0), gas=100_000)
    queue.pump()
    queue.pump()
    entry = queue.get("early")
    assert entry is not None
    assert (entry.state, entry.succeeded, entry.reason) == (TxState.MINED, False, "too early")


def test_what_the_key_cannot_pay_for_is_a_problem_and_costs_no_nonce_until_it_can(
    new_queue: NewQueue, client: L1Client, account: LocalAccount
) -> None:
    queue = new_queue()
    queue.enqueue("much", SOMEBODY, b"", value_wei=10**22 + 5 * 10**18, gas=21_000)
    assert "cannot pay" in queue.pump().problems[0]
    queue.enqueue("little", SOMEBODY, b"", value_wei=1, gas=21_000)
    assert queue.wait("little").nonce == 0, "nothing that waits holds up what is behind it"
    client.request("tallystick_fund", account.address, hex(10**19))
    assert queue.wait("much").state is TxState.DONE


def test_an_unreachable_endpoint_leaves_everything_in_place(
    new_queue: NewQueue, client: L1Client, flaky: Any, probe: Contract
) -> None:
    queue = new_queue(through=flaky)
    queue.enqueue("note", probe.address, probe.encode("note", 10, b""))
    flaky.down = True
    with pytest.raises(L1Unreachable):
        queue.pump()
    flaky.down = False
    queue.wait("note")
    assert noted(client, probe) == [10]


def test_waiting_ends_when_time_is_up(new_queue: NewQueue, client: L1Client) -> None:
    client.request("evm_setAutomine", False)
    queue = new_queue()
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    with pytest.raises(L1Error, match="not final yet"):
        queue.wait("pay", timeout_seconds=0.02)


def test_a_queue_has_one_owner_and_one_chain(new_queue: NewQueue, client: L1Client, tmp_path: Path) -> None:
    new_queue()
    with pytest.raises(StateError, match="another process"):
        QueueStore(tmp_path / "queue.sqlite")
    store = QueueStore(tmp_path / "other.sqlite")
    store.bind((("chain id", "1"), ("genesis", ""), ("account", "")))
    with pytest.raises(StateError, match="another chain"):
        store.bind((("chain id", "2"), ("genesis", ""), ("account", "")))
    store.close()


def _waiting(client: L1Client) -> list[str]:
    """Hashes of the transactions in the chain's pool."""
    return [str(transaction) for transaction in client.request("tallystick_pool")]
