"""The queue in bad weather: dear gas, stuck and racing transactions, lost nonces, dead endpoints, power cuts."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount

from tallystick.errors import L1Unreachable
from tallystick.l1.client.access import Contract
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.dev.dev_server import DevServer
from tallystick.l1.sending.fees import GWEI, PPM, FeePolicy, Fees, Window, most_urgent, urgency_ppm
from tallystick.l1.sending.queuestore import TxState
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.handclock import HandClock
from tests.l1.relay import Relay

NewQueue = Callable[..., TxQueue]
Send = Callable[..., bytes]
SOMEBODY = bytes.fromhex("00000000000000000000000000000000000a11ce")
BLOCK_SECONDS = 12
DEAR = FeePolicy(cap_wei=5 * GWEI, urgent_cap_wei=1_000 * GWEI)


def noted(client: L1Client, probe: Contract) -> list[int]:
    return [event.args["number"] for event in probe.events(BlockNumber(0), client.head().number, "Noted")]


def mine_at(client: L1Client, clock: HandClock, base_fee_wei: int) -> None:
    """The next block, at this base fee."""
    client.request("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))
    client.request("evm_mine")
    clock.passed += BLOCK_SECONDS


def state_of(queue: TxQueue, key: str) -> TxState:
    entry = queue.get(key)
    assert entry is not None
    return entry.state


def test_a_move_lands_before_its_deadline_while_gas_costs_a_hundredfold(
    new_queue: NewQueue, probe: Contract, client: L1Client, clock: HandClock
) -> None:
    """Signed at 1 gwei, then a day's worth of blocks at 100: the cap for what has no deadline is 5."""
    client.request("evm_setAutomine", False)
    queue = new_queue(SenderConfig(fees=DEAR))
    start = client.head().number
    queue.enqueue("pay", SOMEBODY, b"", value_wei=1)
    queue.pump()
    queue.enqueue(
        "move",
        probe.address,
        probe.encode("note", 10, b""),
        window=Window(first_block=start, deadline_block=BlockNumber(start + 100)),
    )
    queue.pump()
    landed = 0
    for block in range(1, 101):
        mine_at(client, clock, 100 * GWEI)
        queue.pump()
        if not landed and noted(client, probe):
            landed = block
    assert 10 < landed < 90, "not at any price, and not too late"
    assert noted(client, probe) == [10]
    assert client.balance_wei(SOMEBODY) == 1, "what stands before it in the account's order is dragged along"
    assert client.nonce(queue.address) == 3, "nothing landed twice"


def test_a_version_that_the_key_cannot_pay_for_is_never_signed_and_what_it_can_pay_for_lands_when_gas_is_cheap_again(
    new_queue: NewQueue, probe: Contract, client: L1Client, send: Send, clock: HandClock
) -> None:
    """Gas costs more than the key holds until long behind the deadline, and the nodes forget what does not pay that: a
    version that no node would take must not be all that is left of a nonce, for everything else stands behind it.
    """
    queue = new_queue(SenderConfig(fees=DEAR))
    send(SOMEBODY, value=client.balance_wei(queue.address) - 10**16)
    client.request("evm_setAutomine", False)
    start = client.head().number
    move = probe.encode("note", 10, b"")
    queue.enqueue(
        "move",
        probe.address,
        move,
        gas=100_000,
        window=Window(first_block=start, deadline_block=BlockNumber(start + 20)),
    )
    problems = set(queue.pump().problems)
    for _ in range(30):
        mine_at(client, clock, 500 * GWEI)
        problems |= set(queue.pump().problems)
    assert any("cannot pay for a dearer version" in each for each in problems)
    entry = queue.get("move")
    assert entry is not None
    offered = queue._store.attempts(entry)[0].fees.max_fee_wei * 100_000
    assert 8 * 10**15 < offered <= client.balance_wei(queue.address), "what the key holds is offered, but for a bump"
    for waiting in client.request("tallystick_pool"):
        client.request("anvil_dropTransaction", waiting)
    queue.enqueue("next", probe.address, probe.encode("note", 11, b""), gas=100_000)
    for _ in range(8):
        mine_at(client, clock, GWEI)
        queue.pump()
    assert noted(client, probe) == [10, 11]


def test_what_has_no_deadline_waits_for_better_times(new_queue: NewQueue, client: L1Client, clock: HandClock) -> None:
    client.request("evm_setAutomine", False)
    queue = new_queue(SenderConfig(fees=DEAR))
    mine_at(client, clock, 100 * GWEI)
    queue.enqueue("pay", SOMEBODY, b"", value_wei=1)
    for _ in range(10):
        mine_at(client, clock, 100 * GWEI)
        assert "above the fee cap" in queue.pump().problems[0]
    mine_at(client, clock, 2 * GWEI)
    queue.pump()
    mine_at(client, clock, 2 * GWEI)
    assert queue.wait("pay").state is TxState.DONE


def test_what_has_no_deadline_leaves_the_reserve_alone(new_queue: NewQueue, probe: Contract, client: L1Client) -> None:
    balance = client.balance_wei(bytes.fromhex(new_queue()._account.address[2:]))
    queue = new_queue(SenderConfig(reserve_wei=balance - 10**15))
    queue.enqueue("pay", SOMEBODY, b"", value_wei=10**15)
    assert "reserved" in queue.pump().problems[0]
    queue.enqueue(
        "move",
        probe.address,
        probe.encode("note", 10, b""),
        window=Window(first_block=BlockNumber(0), deadline_block=BlockNumber(100)),
    )
    queue.pump()
    assert noted(client, probe) == [10]
    assert state_of(queue, "pay") is TxState.QUEUED


def test_a_version_that_loses_the_race_in_a_reorganisation_gives_way(
    new_queue: NewQueue, client: L1Client, clock: HandClock
) -> None:
    """The dearer version is mined; on the branch that wins it is the older one. One effect, and the queue knows which."""
    client.request("evm_setAutomine", False)
    queue = new_queue(SenderConfig(confirmations=3))
    queue.enqueue("pay", SOMEBODY, b"", value_wei=5)
    queue.pump()
    clock.passed += 60
    queue.pump()
    entry = queue.get("pay")
    assert entry is not None
    newer, older = queue._store.attempts(entry)
    client.request("evm_mine")
    queue.pump()
    entry = queue.get("pay")
    assert entry is not None and entry.mined_hash == newer.hash
    client.request("anvil_reorg", hex(1))
    client.send_raw(older.raw)
    client.request("anvil_mine", hex(3))
    done = queue.wait("pay")
    assert (done.state, done.mined_hash) == (TxState.DONE, older.hash)
    assert client.balance_wei(SOMEBODY) == 5


def test_a_reorganisation_below_what_was_final_is_mended(
    new_queue: NewQueue, probe: Contract, client: L1Client
) -> None:
    """Deeper than anybody was prepared for: the entry had ended, and its nonce would block all later ones for ever."""
    queue = new_queue(SenderConfig(confirmations=3))
    client.request("anvil_mine", hex(5))
    queue.enqueue("note", probe.address, probe.encode("note", 10, b""))
    queue.pump()
    client.request("anvil_mine", hex(70))
    assert queue.wait("note").state is TxState.DONE
    client.request("anvil_reorg", hex(75))
    assert noted(client, probe) == []
    queue.enqueue("next", probe.address, probe.encode("note", 11, b""))
    queue.pump()
    client.request("anvil_mine", hex(5))
    assert queue.wait("next").state is TxState.DONE
    assert noted(client, probe) == [10, 11]


def test_a_nonce_that_a_stranger_used_on_a_lost_branch_is_used_up(
    new_queue: NewQueue, probe: Contract, client: L1Client, send: Send, clock: HandClock
) -> None:
    """The key was used elsewhere; the queue went on from there; then that transaction is gone, and its nonce is free."""
    queue = new_queue(SenderConfig(confirmations=3))
    send(SOMEBODY, value=7)
    queue.enqueue("note", probe.address, probe.encode("note", 10, b""))
    queue.pump()
    client.request("anvil_reorg", hex(2))
    queue.pump()
    assert noted(client, probe) == [], "it waits for a nonce that nobody has"
    clock.passed += 60
    queue.pump()
    client.request("anvil_mine", hex(5))
    assert queue.wait("note").state is TxState.DONE
    assert noted(client, probe) == [10]


@pytest.fixture
def relays(server: DevServer) -> Iterator[list[Relay]]:
    made = [Relay(server.rpc) for _ in range(2)]
    yield made
    for relay in made:
        relay.close()


def test_an_hour_without_any_endpoint_loses_and_doubles_nothing(
    new_queue: NewQueue, relays: list[Relay], probe: Contract, client: L1Client, clock: HandClock
) -> None:
    """They die with one transaction signed and unmined and one unsigned, and come back an hour later, one by one."""
    client.request("evm_setAutomine", False)
    through = QuorumClient([relay.url for relay in relays], quorum=1, clock=clock)
    queue = new_queue(SenderConfig(max_pending=1), through=through)
    queue.enqueue("first", probe.address, probe.encode("note", 10, b""))
    queue.enqueue("second", probe.address, probe.encode("note", 11, b""))
    queue.pump()
    for relay in relays:
        relay.down = True
    for _ in range(60):
        clock.passed += 60
        with pytest.raises(L1Unreachable, match="too few L1 endpoints"):
            queue.pump()
    for number in range(10):
        relays[0].down = number % 2 == 0
        relays[1].down = number % 2 == 1
        clock.passed += BLOCK_SECONDS
        queue.pump()
        client.request("evm_mine")
    queue.pump()
    assert state_of(queue, "first") is state_of(queue, "second") is TxState.DONE
    assert noted(client, probe) == [10, 11]
    assert client.nonce(queue.address) == 3


def test_a_queue_of_the_version_before_is_taken_over(new_queue: NewQueue, tmp_path: Path) -> None:
    queue = new_queue()
    queue.enqueue("pay", SOMEBODY, b"", value_wei=1)
    database = queue._store._db
    for column in ("first_block", "deadline_block"):
        database.execute(f"ALTER TABLE entries DROP COLUMN {column}")
    database.execute("PRAGMA user_version = 1")
    queue = new_queue()
    queue.enqueue(
        "move", SOMEBODY, b"", value_wei=2, window=Window(first_block=BlockNumber(3), deadline_block=BlockNumber(9))
    )
    assert [entry.window for entry in queue._store.in_state(TxState.QUEUED)] == [
        None,
        Window(first_block=BlockNumber(3), deadline_block=BlockNumber(9)),
    ]
    assert queue.wait("pay").state is queue.wait("move").state is TxState.DONE


def test_killed_at_every_boundary_it_neither_loses_nor_doubles(
    client: L1Client, probe: Contract, account: LocalAccount, tmp_path: Path
) -> None:
    """SIGKILL before each statement that writes, and on either side of each broadcast; then a restart."""
    command = [sys.executable, "-m", "tests.l1.killed", client.url, str(tmp_path), probe.address.hex()]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 30


@pytest.mark.parametrize("base_gwei", [1, 20, 400, 15_000])
def test_the_offer_grows_with_the_clock_and_never_above_its_cap(base_gwei: int) -> None:
    policy = FeePolicy()
    window = Window(first_block=BlockNumber(1_000), deadline_block=BlockNumber(2_000))
    offers: list[Fees | None] = []
    for block in range(900, 2_100, 50):
        urgency = urgency_ppm(window, BlockNumber(block))
        offer = policy.price(base_gwei * GWEI, GWEI, urgency, None)
        offers.append(offer)
        if offer is not None:
            assert base_gwei * GWEI <= offer.max_fee_wei <= policy.cap_at(urgency)
            assert offer.tip_wei <= offer.max_fee_wei
    assert offers[-1] is not None, "at its deadline it is sent, up to the highest cap"
    known = [offer.max_fee_wei for offer in offers if offer is not None]
    assert known == sorted(known)
    assert (offers[0] is None) == (base_gwei * GWEI > policy.cap_wei)


def test_a_replacement_is_an_eighth_dearer_in_both_parts_or_is_not_made() -> None:
    policy = FeePolicy(cap_wei=100 * GWEI)
    fees: Fees | None = policy.price(10 * GWEI, GWEI, 0, None)
    made = 0
    while fees is not None:
        dearer = policy.price(10 * GWEI, GWEI, 0, fees)
        if dearer is not None:
            assert dearer.max_fee_wei * 8 >= fees.max_fee_wei * 9 and dearer.tip_wei * 8 >= fees.tip_wei * 9
            made += 1
        fees = dearer
    assert made > 10


def test_patience_shrinks_to_a_block_and_the_most_urgent_window_counts() -> None:
    policy = FeePolicy(replace_after_seconds=600)
    window = Window(first_block=BlockNumber(0), deadline_block=BlockNumber(100))
    assert policy.patience_seconds(None, BlockNumber(50)) == 600
    assert [policy.patience_seconds(window, BlockNumber(block)) for block in (0, 50, 92, 99, 150)] == [
        150,
        75,
        12,
        12,
        12,
    ]
    later = Window(first_block=BlockNumber(0), deadline_block=BlockNumber(1_000))
    assert most_urgent([None, later, window, None], BlockNumber(50)) == window
    assert most_urgent([None], BlockNumber(50)) is None
    assert urgency_ppm(window, BlockNumber(150)) == PPM
