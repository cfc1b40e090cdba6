"""What is measured of the machine, in a process of its own: compiled or interpreted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from tallystick.bench.workload import open_exchange, packed, seeded_orders
from tallystick.machine.drive import Quotes, drive
from tallystick.machine.machine import Machine
from tallystick.native import how
from tallystick.proof.tracer import Tracer
from tallystick.rollup.invariants import broken
from tallystick.schema.names import Phase
from tallystick.state.state import State

Result = dict[str, Any]
TRACED_INPUT_STEPS: Final = 20_000


def machine(*, seed: int, orders: int, markets: int, accounts: int, repeat: int) -> Result:
    """Run the seeded orders on a fresh state, `repeat` times, and give the best time."""
    given = seeded_orders(seed=seed, count=orders, markets=markets, accounts=accounts)
    inputs = packed(given)
    world = open_exchange(markets, accounts)
    best, steps, ran = _best(repeat, lambda: _run(world.state.copy(), world.published, inputs, orders))
    return {
        "how": how(),
        "orders": orders,
        "steps": steps,
        "fills": int(ran.fills),
        "seconds": best,
        "orders_per_second": round(orders / best),
        "steps_per_second": round(steps / best),
        "solvent": not broken(ran.state),
        "state_hash": ran.state.hash().hex(),
    }


def root(*, seed: int, orders: int, markets: int, accounts: int, repeat: int) -> Result:
    """Hash what a batch of orders left dirty, and trace steps with a root after each."""
    inputs = packed(seeded_orders(seed=seed, count=2 * orders, markets=markets, accounts=accounts))
    world = open_exchange(markets, accounts)
    warm = Machine(world.state, world.published)
    quotes = Quotes(1)
    drive(warm, inputs, 0, orders, quotes)
    warm.state.commit()
    drive(warm, inputs, orders, 2 * orders, quotes)
    dirty = sum(int(table.dirty_count) for table in warm.state.tables)
    times: list[float] = []
    for _ in range(repeat):
        state = warm.state.copy()
        began = time.process_time()
        state.commit()
        times.append(time.process_time() - began)
    traced = _trace(warm, inputs, orders)
    return {
        "how": how(),
        "orders": orders,
        "dirty_cells": dirty,
        "seconds": min(times),
        "microseconds_per_dirty_cell": round(1e6 * min(times) / dirty, 3),
        "traced_steps": TRACED_INPUT_STEPS,
        "traced_roots_per_second": round(TRACED_INPUT_STEPS / traced),
        "state_hash": warm.state.hash().hex(),
    }


def _trace(machine: Machine, inputs: Any, orders: int) -> float:
    """Step through the workload again with the root after each step, and return the seconds it took."""
    registers = machine.state.registers
    tracer = Tracer(machine)
    number = 0
    began = time.process_time()
    for _ in range(TRACED_INPUT_STEPS):
        if registers.phase == Phase.FETCH_RECORD:
            at = number % orders * 8
            number += 1
            registers.record_count += 1
            registers.arg_account, registers.arg_market, registers.arg_side = inputs[at], inputs[at + 1], inputs[at + 2]
            registers.arg_price_ticks, registers.arg_lots = inputs[at + 4], inputs[at + 5]
            registers.phase = Phase.PLACE_ORDER
        tracer.advance()
    return time.process_time() - began


def _run(state: State, published: Any, inputs: Any, orders: int) -> tuple[float, int, Machine]:
    ran = Machine(state, published)
    quotes = Quotes(1)
    began = time.process_time()
    steps = drive(ran, inputs, 0, orders, quotes)
    return time.process_time() - began, int(steps), ran


def _best(repeat: int, run: Callable[[], tuple[float, int, Machine]]) -> tuple[float, int, Machine]:
    return min((run() for _ in range(repeat)), key=lambda each: each[0])
