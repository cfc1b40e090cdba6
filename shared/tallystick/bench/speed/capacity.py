"""What can be asserted for ever, and what a party needs to trace one full generation of it."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from tallystick.bench.workload import FIRST_ACCOUNT, PRICE, SPREAD, open_exchange
from tallystick.dispute.traces.disktraces import DiskTraces
from tallystick.dispute.traces.schedule import HELD_BYTES, MEMORY_BYTES, SHARES, Bounds
from tallystick.dispute.traces.traceprocess import Process, cores
from tallystick.dispute.traces.traces import Source
from tallystick.l1.deployment import BLOCK_SECONDS, DeployConfig
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.native import how
from tallystick.records.items import ITEM_PLACE, Item
from tallystick.rollup.views.assertion_view import Assertion, Status
from tallystick.state.layout import PPM, QUEUE_STEPS, SAMPLE_STEPS, WORK_PPM
from tallystick.state.ordinals import BatchNumber, BlockNumber, SignedMarket
from tallystick.state.state import State
from tallystick.testing.world import World

Result = dict[str, Any]
HEIGHTS: Final = (20, 22, 24)
ORDER_BYTES: Final = 20
ORDER_STEPS: Final = 6
"""An order of a full bulk: its 19 bytes and a share of signature, frames and chunk; its steps and those of its removal."""
TRACERS: Final = 2
"""Cores a party is expected to have."""
LEAST_ORDERS: Final = 30_000
MOST_MIB: Final = MEMORY_BYTES >> 20
ASKED_HEIGHT: Final = 22
MARKETS: Final = 8
ACCOUNTS: Final = 10_000
BULK_ORDERS: Final = 100
BATCH_BULKS: Final = 58
"""Two bulks a chunk."""
MIB: Final = 1 << 20
MAX_HEIGHT: Final = max(HEIGHTS)
TRUE: Final = b"true"
FIRST_STATE: Final = "000000.state"


def derive(height: int, sample: Result) -> Result:
    """Return the capacity at a height of the dispute's tree, with one generation a block.

    What a block may ask of the machine fits one generation: RATE x c + QUEUE + SAMPLES = 2^height. Seconds and memory of
    a full trace are extrapolated from the sample: 2^height over its roots a second, and its memory with the inputs of a
    full block.
    """
    steps = 1 << height
    free = max(0, steps - QUEUE_STEPS - SAMPLE_STEPS)
    bytes_ = free * PPM // WORK_PPM
    orders = min(bytes_ // ORDER_BYTES, free // ORDER_STEPS) // BLOCK_SECONDS
    inputs = 2 * max(0, bytes_ - sample["bytes"])
    memory = sample["held_bytes"] + TRACERS * (sample["process_bytes"] + inputs)
    return {
        "steps_per_block": steps,
        "orders_per_second_asserted": orders,
        "bytes_per_block": bytes_,
        "bond_ether_locked": DeployConfig(sequencer=bytes(20)).assertion_bond_wei / 10**18,
        "trace_seconds_full": round((1 + SHARES) * sample["startup_seconds"] + steps / sample["roots_per_second"], 1),
        "trace_memory_mib": -(-memory // MIB),
    }


def sample(*, steps: int, seed: int = 7, accounts: int = ACCOUNTS) -> Result:
    """Trace so many steps of bulks of orders as a party does, by processes, on disk.

    Units: seconds of a processor, but for `clock_seconds`; `roots_per_second` of two processors together, what starting
    processes takes left out; bytes a process takes at most, the state included.
    """
    world, start, first = _trade(steps, seed, accounts)
    limit = len(world.published.headers)
    assertions = _generation(world, start, first)
    source = Source(
        assertion=assertions.__getitem__, state=lambda _: start, inputs=lambda _: world.published, height=MAX_HEIGHT
    )
    width = min(TRACERS, cores())
    segment = max(1, (steps // (8 * TRACERS)).bit_length() - 1)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        bounds = Bounds(cores=width, small_steps=0, segment=segment, bottom=min(8, segment))
        traces = DiskTraces(Path(folder), source, lambda name, facts: None, bounds, Process)
        startup = _startup()
        began, spent = time.perf_counter(), _spent()
        while (found := traces.trace(assertions[TRUE])) is None:
            time.sleep(0.01)
        seconds, spent = time.perf_counter() - began, _spent() - spent
        later = [path for path in Path(folder).glob("*/*.state") if path.name != FIRST_STATE]
        stored = sum(path.stat().st_size for path in [*later, *Path(folder).glob("*/*.part")])
        began = time.perf_counter()
        proof = found.prove((len(found.states) - 1) // 2)
        prove_seconds = time.perf_counter() - began
        traces.close()
    traced = len(found.states) - 1
    # the first process looks where the trace leads, the others make its parts
    starting = (1 + SHARES * width) * startup
    batches = world.published.chunks[first:limit]
    bytes_ = sum(len(chunk) for chunks in batches for chunk in chunks)
    return {
        "how": how(),
        "ok": found.last_state == world.state.hash() and proof.pre == found.prefix(traced // 2).pre,
        "cores": width,
        "steps": traced,
        "bytes": bytes_,
        "steps_per_byte": round(traced / bytes_, 3),
        "clock_seconds": round(seconds, 3),
        "startup_seconds": round(startup, 3),
        "roots_per_second": round(traced * TRACERS / max(spent - starting, spent / 2)),
        "prove_seconds": round(prove_seconds, 4),
        "stored_bytes_per_step": round(stored / traced, 3),
        "process_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10,
        "held_bytes": HELD_BYTES,
    }


def judge(measured: Result) -> tuple[dict[str, Result], bool]:
    """Return the capacity at every height, and whether a party bears what is asked of it."""
    found = {str(height): derive(height, measured) for height in HEIGHTS}
    asked = found[str(ASKED_HEIGHT)]
    bearable = asked["orders_per_second_asserted"] >= LEAST_ORDERS and asked["trace_memory_mib"] <= MOST_MIB
    return found, bool(measured["ok"]) and bearable


def _trade(steps: int, seed: int, accounts: int) -> tuple[World, State, int]:
    """Publish batches of bulks that take at least so many steps; return the state before them, and the first one."""
    world, chance = open_exchange(MARKETS, accounts), random.Random(seed)
    world.seal()
    start, first = world.state.copy(), len(world.published.headers)
    start.commit()
    shadow, done, orders = Machine(start.copy(), world.published), 0, 0
    while done < steps:
        world.clock()
        for _ in range(BATCH_BULKS):
            items = [
                Item(
                    what=ITEM_PLACE,
                    client_id=orders + i,
                    market=SignedMarket(chance.randrange(MARKETS)),
                    side=chance.randrange(2),
                    price_ticks=round(chance.gauss(PRICE, SPREAD)),
                    lots=chance.randint(1, 10),
                )
                for i in range(BULK_ORDERS)
            ]
            world.bulk(FIRST_ACCOUNT + chance.randrange(accounts), items, [])
            orders += BULK_ORDERS
        world.seal()
        done += int(engine.run(shadow, steps))
    return world, start, first


def _generation(world: World, start: State, first: int) -> dict[bytes, Assertion]:
    """Return the assertion before the traded batches and the true one behind them."""
    found: dict[bytes, Assertion] = {}
    limit = len(world.published.headers)
    for id_, parent, state, below in ((b"start", b"", start, first), (TRUE, b"start", world.state, limit)):
        found[id_] = Assertion(
            id=id_,
            parent=parent,
            state_hash=state.hash(),
            state_root=b"",
            registers=state.registers.pack(),
            limit=BatchNumber(below),
            next_limit=BatchNumber(limit),
            proposer=b"",
            bonded=b"",
            block=BlockNumber(0),
            status=Status.PENDING,
        )
    return found


def _startup() -> float:
    """Return the seconds a process takes to import what tracing takes."""
    spent = _spent()
    subprocess.run(
        [sys.executable, "-m", "tallystick.dispute.traces.tracework"], check=False, stderr=subprocess.DEVNULL
    )
    return _spent() - spent


def _spent() -> float:
    """Return the processor seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
