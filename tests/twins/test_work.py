"""Steps are bounded by bytes: no record leads to more than WORK_PPM allows of its frame, nor a chunk of its header.

Amortised: an order in a book is owed the steps that take it out again, and pays for them when it comes. What L1's messages
lead to is not counted; L1's gas bounds it. Nor are the steps of a sample, at most 514 a market and five seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tallystick.machine.engine import advance, halted, run
from tallystick.machine.machine import Machine
from tallystick.records.items import Item, pack_items
from tallystick.records.signing import make, sign
from tallystick.schema.names import Phase
from tallystick.state.cells import order_remaining_lots, order_trigger_ticks
from tallystick.state.layout import (
    CHUNK_HEADER_BYTES,
    ITEM_CANCEL,
    ITEM_PLACE,
    ITEM_REPLACE,
    ITEM_SLOT_BYTES,
    PPM,
    WORK_PPM,
)
from tallystick.state.state import State
from tallystick.testing import scenarios
from tallystick.testing.ledger.look import pages_of
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import key

REMOVED, FIRED = 1, 5
"""Steps owed to an order in the book, and to a parked one: it fires, is placed, meets its last and rests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a frame, or a chunk with its frames left out, led to. Units: steps with what is owed more or less, bytes."""

    phase: Phase
    steps: int
    size: int


def owed(state: State) -> int:
    """Return the steps that taking everything out of the books takes: an order each, a page each, and what parked ones do."""
    steps = state.registers.page_count - sum(1 for _ in pages_of(state, state.registers.free_page))
    words = state.orders.words
    for _, order in state.orders.every():
        if order_remaining_lots(words, order):
            steps += FIRED if order_trigger_ticks(words, order) else REMOVED
    return steps


def costs(machine: Machine) -> Iterator[Cost]:
    """Run a machine and yield what each frame of its batches costs, and what opening and closing chunks and batches does."""
    registers = machine.state.registers
    while not halted(machine):
        phase, offset, before = Phase(registers.phase), registers.chunk_offset, owed(machine.state)
        from_l1 = phase is Phase.CONSUME_MESSAGE or registers.forced_ms != 0
        counted = registers.record_count
        advance(machine)
        steps = 1
        if registers.record_count > counted:
            length = int.from_bytes(machine.step_input[offset : offset + 2], "big")
            while registers.phase not in (Phase.FETCH_RECORD, Phase.OPEN_CHUNK):
                sampled = registers.phase == Phase.QUOTE
                advance(machine)
                steps += not sampled
            yield Cost(phase=phase, steps=steps + owed(machine.state) - before, size=2 + length)
        elif not from_l1:
            yield Cost(phase=phase, steps=steps, size=0)


def exceeds(cost: Cost) -> bool:
    return cost.steps * PPM > WORK_PPM * cost.size


@pytest.mark.parametrize("name", [*scenarios.NAMED, *scenarios.SEEDED_STEPPED])
def test_neither_a_frame_nor_all_batches_cost_more_steps_than_their_bytes_allow_in(name: str) -> None:
    scene = scenarios.play(name).scene
    machine = scene.machine_at_start()
    posted = scene.published.chunks[machine.state.registers.batch_cursor :]
    found = list(costs(machine))
    # The Inbox takes no batch without a chunk; a scenario may.
    size = sum(len(chunk) for chunks in posted for chunk in chunks) + CHUNK_HEADER_BYTES * posted.count([])
    assert not exceeds(Cost(phase=Phase.OPEN_BATCH, steps=sum(cost.steps for cost in found), size=size))
    assert not [cost for cost in found if cost.size and exceeds(cost)]


def test_what_a_chunk_leads_to_without_its_records_is_bounded_by_its_header() -> None:
    scene = Scene()
    scene.clock()
    for tail in (b"", b"\0", b"\xff\xff", b"\0\x0c" + bytes(11)):
        scene.post(scene.header() + tail)
        machine = Machine(scene.state.copy(), scene.published)
        scene.published.publish([scene.header() + tail, bytes(81)], scene.time, 0)
        steps = run(machine, 100)
        # Open and close the batch, open the first chunk, break off, leave it, skip the second. One byte is no frame.
        assert steps == (6 if len(tail) > 1 else 5)
        assert not exceeds(Cost(phase=Phase.OPEN_CHUNK, steps=steps, size=2 * CHUNK_HEADER_BYTES + 1))
        run(scene.machine, 100)


@pytest.mark.parametrize("slots", [0, 1])
@pytest.mark.parametrize("what", [ITEM_PLACE, ITEM_CANCEL, ITEM_REPLACE])
def test_the_largest_bulks_keep_within_what_their_bytes_allow(what: int, slots: int) -> None:
    scene = Scene()
    scene.trading("alice", "bob")
    assert scene.bulk(1, [place(i) for i in range(190)], []).name == "ACCEPTED"
    rested = [values[2] for name, values in scene.events if name == "rested"]
    items = [Item(what=what, client_id=i, side=0, price_ticks=900 + i, lots=1) for i in range(150)]
    packed = b"".join(slot.to_bytes(ITEM_SLOT_BYTES, "big") for slot in rested[: 150 * slots])
    record = make("bulk", pack_items(items), packed, account=1, nonce=scene.next_nonce(1))
    scene.send(sign(record, scene.state.registers.domain, key("alice")))
    scene.finish()
    worst = max(costs(scene.machine_at_start()), key=lambda cost: cost.steps / cost.size if cost.size else 0)
    assert worst.size > 1000
    assert not exceeds(worst)


def place(number: int) -> Item:
    return Item(what=ITEM_PLACE, client_id=number, side=0, price_ticks=500 + number, lots=1)
