"""The event reader gives every event once, and says what a reorganisation took back."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from tallystick.errors import L1Error, L1Unreachable
from tallystick.l1.client.access import Contract
from tallystick.l1.client.events import ContractReader, Cursor, EventBatch
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.client.values import BlockRef
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber

Send = Callable[..., bytes]


@pytest.fixture
def reader(client: L1Client, probe: Contract) -> ContractReader:
    return ContractReader(client, [probe], BlockNumber(0))


def numbers(batch: EventBatch) -> list[int]:
    return [event.args["number"] for event in batch]


def test_each_event_comes_once_and_in_order(
    client: L1Client, probe: Contract, reader: ContractReader, send: Send
) -> None:
    send(probe.address, probe.encode("note", 10, b""))
    transaction = send(probe.address, probe.encode("note", 11, b""))
    batch = reader.poll()
    assert numbers(batch) == [10, 11]
    assert batch.rolled_back_to is None
    assert batch.complete
    last = batch.events[-1]
    assert (last.contract, last.name, last.tx_hash) == ("Probe", "Noted", transaction)
    assert (last.block, last.block_hash) == (client.head().number, client.head().hash)
    assert len(reader.poll()) == 0
    client.request("anvil_mine", 5)
    assert reader.poll().read_to == client.head()
    send(probe.address, probe.encode("note", 12, b""))
    assert numbers(reader.poll()) == [12]


def test_a_long_history_comes_in_pieces(client: L1Client, probe: Contract, send: Send) -> None:
    for number in (10, 11, 12):
        send(probe.address, probe.encode("note", number, b""))
        client.request("anvil_mine", 9)
    reader = ContractReader(client, [probe], BlockNumber(0), max_blocks=10)
    pieces = [reader.poll() for _ in range(4)]
    assert [numbers(piece) for piece in pieces] == [[10], [11], [12], []]
    assert [piece.complete for piece in pieces] == [False, False, False, True]


def test_confirmations_hold_events_back(client: L1Client, probe: Contract, send: Send) -> None:
    reader = ContractReader(client, [probe], BlockNumber(0), confirmations=2)
    send(probe.address, probe.encode("note", 10, b""))
    assert numbers(reader.poll()) == []
    client.request("anvil_mine", 2)
    assert numbers(reader.poll()) == [10]


def test_a_reorganisation_is_told_and_read_again(
    client: L1Client, probe: Contract, reader: ContractReader, send: Send
) -> None:
    send(probe.address, probe.encode("note", 10, b""))
    kept = client.head().number
    reader.poll()
    send(probe.address, probe.encode("note", 11, b""))
    send(probe.address, probe.encode("note", 12, b""))
    assert numbers(reader.poll()) == [11, 12]
    client.request("anvil_rollback", 2)
    send(probe.address, probe.encode("note", 13, b""))
    batch = reader.poll()
    assert batch.rolled_back_to == kept
    assert numbers(batch) == [13]
    assert reader.poll().rolled_back_to is None


def test_a_reorganisation_to_a_shorter_chain_is_told(
    client: L1Client, probe: Contract, reader: ContractReader, send: Send
) -> None:
    send(probe.address, probe.encode("note", 10, b""))
    reader.poll()
    client.request("anvil_rollback", 1)
    batch = reader.poll()
    assert batch.rolled_back_to is not None
    assert batch.rolled_back_to <= client.head().number
    assert numbers(batch) == []


def test_a_stored_cursor_notices_what_happened_meanwhile(
    client: L1Client, probe: Contract, reader: ContractReader, send: Send
) -> None:
    send(probe.address, probe.encode("note", 10, b""))
    reader.poll()
    stored = Cursor(blocks=reader.cursor.blocks)
    send(probe.address, probe.encode("note", 11, b""))
    assert numbers(ContractReader(client, [probe], BlockNumber(0), cursor=stored).poll()) == [11]
    client.request("anvil_rollback", 2)
    send(probe.address, probe.encode("note", 12, b""))
    batch = ContractReader(client, [probe], BlockNumber(0), cursor=stored).poll()
    assert batch.rolled_back_to is not None
    assert numbers(batch) == [12]


def test_a_reader_can_be_told_to_go_back(client: L1Client, probe: Contract, reader: ContractReader, send: Send) -> None:
    send(probe.address, probe.encode("note", 10, b""))
    first = client.head().number
    send(probe.address, probe.encode("note", 11, b""))
    reader.poll()
    reader.rewind(first)
    assert numbers(reader.poll()) == [11]


@pytest.mark.parametrize("seed", range(6))
def test_what_the_reader_told_is_what_the_chain_says(
    client: L1Client, probe: Contract, reader: ContractReader, send: Send, seed: int
) -> None:
    chance = random.Random(seed)
    start = client.head().number
    told: list[tuple[int, int]] = []
    for number in range(10, 50):
        move = chance.random()
        if move < 0.5:
            send(probe.address, probe.encode("note", number, b""))
        elif move < 0.65:
            client.request("evm_mine")
        elif move < 0.8 and client.head().number > start:
            depth = chance.randint(1, min(5, client.head().number - start))
            client.request(chance.choice(("anvil_rollback", "anvil_reorg")), depth)
        else:
            apply(reader.poll(), told)
    apply(reader.poll(), told)
    events = probe.events(BlockNumber(0), client.head().number)
    assert told == [(event.log.block_number, event.args["number"]) for event in events]


def apply(batch: EventBatch, told: list[tuple[int, int]]) -> None:
    if batch.rolled_back_to is not None:
        told[:] = [entry for entry in told if entry[0] <= batch.rolled_back_to]
    told.extend((event.block, event.args["number"]) for event in batch)


class MovingClient(L1Client):
    """An endpoint whose chain changes between a range's logs and its last block."""

    moves = 0

    def block(self, tag: int | bytes | str) -> BlockRef | None:
        if isinstance(tag, int) and self.moves:
            self.moves -= 1
            self.request("anvil_reorg", 1)
        return super().block(tag)


def test_a_chain_that_moves_while_it_is_read_is_read_again(client: L1Client, probe: Contract, send: Send) -> None:
    moving = MovingClient(client.url, clock=SystemClock())
    reader = ContractReader(moving, [probe], BlockNumber(0))
    send(probe.address, probe.encode("note", 10, b""))
    send(probe.address, probe.encode("note", 11, b""))
    moving.moves = 1
    assert numbers(reader.poll()) == [10]
    moving.moves = 10**6
    with pytest.raises(L1Error, match="changes faster"):
        ContractReader(moving, [probe], BlockNumber(0)).poll()


def test_a_failed_poll_leaves_the_reader_where_it_was(probe: Contract, flaky: Any, send: Send) -> None:
    reader = ContractReader(flaky, [probe], BlockNumber(0))
    send(probe.address, probe.encode("note", 10, b""))
    reader.poll()
    before = reader.cursor
    send(probe.address, probe.encode("note", 11, b""))
    flaky.down = True
    with pytest.raises(L1Unreachable):
        reader.poll()
    assert reader.cursor == before
    flaky.down = False
    assert numbers(reader.poll()) == [11]
