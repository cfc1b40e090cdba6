"""Runs a recording through the machine, in a process of its own: compiled or interpreted."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from tallystick.bench.workload import Order, open_exchange, packed
from tallystick.errors import BadInput
from tallystick.machine.drive import Quotes, drive
from tallystick.machine.engine import run
from tallystick.native import how
from tallystick.recordings.feed import orders, tape
from tallystick.rollup.invariants import broken
from tallystick.testing.world import World

Result = dict[str, Any]
PART: Final = 10_000
"""Inputs between two looks at the marks and the progress."""
SIGNED_BATCH: Final = 250
"""Signed orders of one batch: with their cancels they fit into its chunks."""
CASH: Final = 10**13
ALL_STEPS: Final = 1 << 62


def unsigned(*, file: str, markets: int, accounts: int, most: int, cut: int) -> Result:
    """Feed orders straight to their step. Units: `cut` in orders, where the state hash is noted on the way."""
    flow = list(orders(tape(Path(file), -(-most // markets)), markets, accounts))[:most]
    world = _exchange(flow, markets, accounts)
    machine = world.machine
    inputs = packed(flow)
    quotes = Quotes(1 + max(order.quote for order in flow))
    at_cut, seconds, steps, number = "", 0.0, 0, 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"{how()}, {len(flow):,} orders", total=len(flow))
        while number < len(flow):
            after = min(number + PART, cut if number < cut else len(flow), len(flow))
            began = time.process_time()
            steps += drive(machine, inputs, number, after, quotes)
            seconds += time.process_time() - began
            number = after
            _follow(world, flow[number - 1], markets)
            progress.update(bar, completed=number)
            if number == cut:
                at_cut = world.state.hash().hex()
    return {"how": how(), "hash_at_cut": at_cut, **_result(world, len(flow), steps, seconds)}


def signed(*, file: str, markets: int, accounts: int, most: int) -> Result:
    """Send every order as a signed record, publish the batches, and replay them from genesis."""
    flow = list(orders(tape(Path(file), -(-most // markets)), markets, accounts))[:most]
    world = _exchange(flow, markets, accounts)
    resting: dict[int, tuple[int, int]] = {}
    world.machine.events = world.events
    records, seconds = 0, 0.0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"{how()}, {len(flow):,} orders, signed", total=len(flow))
        for number, order in enumerate(flow):
            began = time.process_time()
            records += _send(world, order, number, resting)
            seconds += time.process_time() - began
            if number % SIGNED_BATCH == SIGNED_BATCH - 1:
                world.seal()
                world.clock()
                progress.update(bar, completed=number)
    world.seal()
    began = time.process_time()
    again = world.fresh()
    steps = run(again, ALL_STEPS)
    replayed = time.process_time() - began
    result = _result(world, len(flow), int(steps), replayed)
    same = again.state.hash() == world.state.hash()
    return {
        "how": how(),
        **result,
        "ok": result["ok"] and same,
        "records": records,
        "live_orders_per_second": round(len(flow) / seconds),
    }


def _exchange(flow: list[Order], markets: int, accounts: int) -> World:
    if not flow:
        raise BadInput("no orders to replay")
    return open_exchange(markets, accounts, price=flow[0].price_ticks, cash=CASH)


def _follow(world: World, order: Order, markets: int) -> None:
    """Report the price the flow has come to as every market's mark, a second later, in a batch of its own."""
    world.seal()
    world.clock()
    for market in range(markets):
        world.report(market, order.price_ticks)
    world.seal()
    world.clock()


def _send(world: World, order: Order, number: int, resting: dict[int, tuple[int, int]]) -> int:
    """Send an order, and before it the cancel of the quote it replaces; return how many records that took."""
    records = 1
    if order.quote in resting:
        client_id, slot = resting.pop(order.quote)
        world.cancel(order.account, client_id, slot)
        records += 1
    world.machine.rested = -1
    world.order(
        order.account, order.market, order.side, order.price_ticks, order.lots, flags=order.flags, client_id=number
    )
    if order.quote >= 0 and world.machine.rested >= 0:
        resting[order.quote] = number, world.machine.rested
    world.events.clear()
    return records


def _result(world: World, count: int, steps: int, seconds: float) -> Result:
    found = broken(world.state)
    for sentence in found:
        sys.stderr.write(f"broken: {sentence}\n")
    return {
        "ok": not found,
        "solvent": not found,
        "orders": count,
        "fills": int(world.machine.fills),
        "steps": int(steps),
        "orders_per_second": round(count / seconds),
        "steps_per_second": round(steps / seconds),
        "state_hash": world.state.hash().hex(),
    }
