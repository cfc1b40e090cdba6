"""Measures an operator's whole path in one process, and how fast what it published is replayed.

The path: a submission's form and signature at the door, then the sequencer's thread with its checks, the executor, the
log with a disk sync a group, a signed receipt a record, and a root a batch. What is left out is HTTP.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from tallystick.errors import TallystickError
from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.machine.engine import run
from tallystick.machine.machine import Machine
from tallystick.native import how
from tallystick.records.codec import Record, encode
from tallystick.records.items import ITEM_PLACE, Item, pack_items, pack_pairs
from tallystick.records.signing import make, sign
from tallystick.rollup.genesis import genesis_state
from tallystick.shapes.submitting import Answer, Submission
from tallystick.state.layout import MESSAGE_DEPOSIT
from tallystick.state.ordinals import MarketId, UnixSeconds
from tallystick.testing.handclock import HandClock
from tallystick.testing.published import Published
from tallystick.testing.world import START, address, key, listed, message, world_genesis
from tallystick_operator.intake.door import Refused, check_signature, to_record
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.executor import Executor
from tallystick_operator.sequencer.record_log import RecordLog
from tallystick_operator.sequencer.sealing import CorePolicy
from tallystick_operator.sequencer.sequencer import Sequencer

Result = dict[str, Any]
TRADERS: Final = 6
MARKETS: Final = 4
LISTED: Final = tuple(listed(number, multiplier=10) for number in range(MARKETS))
PRICE: Final = 10_000
CASH: Final = 10**13
AHEAD: Final = 2_048
"""Submissions that wait at most: what a busy door has."""


def measure(*, orders: int, bulk: int, seed: int) -> Result:
    """Send signed orders, `bulk` of them a record (1: each by itself), and replay the batches they came into.

    Shape: `replay_over_operator` is how many times as fast the replay is; `ok` says that every order was taken, and
    that the replay came to the operator's root after every batch. Signing is the trader's, and not timed.
    """
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        genesis = world_genesis(markets=LISTED)
        with RecordLog(Path(folder) / "records.log", genesis_state(genesis).hash()) as log:
            clock = ExchangeClock(HandClock(), most_ahead_seconds=0)
            core = Core(
                new_executor=lambda keep_from: Executor(genesis, keep_from),
                log=log,
                clock=clock,
                receipt_key=key("receipts"),
                policy=CorePolicy(root_seconds=0),
            )
            clock.observe(UnixSeconds(START))
            messages = [message(MESSAGE_DEPOSIT, address(f"trader {n}"), n, CASH) for n in range(1, TRADERS + 1)]
            _open_markets(core, messages)
            opened = len(core.executor.sealed)
            flow = [Submission(raw=encode(each).hex()) for each in _records(core.domain, orders, bulk, seed)]
            began = time.perf_counter()
            taken = _send(core, flow)
            seconds = time.perf_counter() - began
            replayed, same = _replay(core, messages, opened)
            batches = len(core.executor.sealed) - opened
    return {
        "how": how(),
        "ok": same and taken == len(flow),
        "orders": orders,
        "orders_a_record": bulk,
        "batches": batches,
        "fills": core.executor.read_model.fills,
        "operator_seconds": round(seconds, 3),
        "operator_orders_per_second": round(orders / seconds),
        "replay_seconds": round(replayed, 3),
        "replay_orders_per_second": round(orders / replayed),
        "replay_over_operator": round(seconds / replayed, 2),
    }


def _open_markets(core: Core, messages: list[bytes]) -> None:
    """Give the markets prices and open accounts in a batch of their own.

    Raises: TallystickError when something of it is refused.
    """
    core.learn_messages(0, messages)
    records: list[Record] = []
    pairs = pack_pairs(dict.fromkeys(map(MarketId, range(MARKETS)), PRICE))
    for n in range(3):
        report = make("report_prices", pairs, signer=n, time_ms=core.clock.now_ms())
        records.append(sign(report, core.domain, key(f"signer {n}")))
    answers = core.process([check_signature(each, core.domain) for each in records])
    if not all(isinstance(each, Answer) and each.outcome == "ACCEPTED" for each in answers):
        raise TallystickError("the markets to measure did not open")
    core.seal_now()


def _records(domain: bytes, orders: int, bulk: int, seed: int) -> Iterator[Record]:
    """Yield signed records around one price, by accounts that take turns."""
    chance = random.Random(seed)
    for number, first in enumerate(range(0, orders, bulk)):
        account, nonce = 1 + number % TRADERS, number // TRADERS
        market = chance.randrange(MARKETS)
        found: list[dict[str, Any]] = [
            {
                "market": market,
                "side": chance.randrange(2),
                "price_ticks": round(chance.gauss(PRICE, 20)),
                "lots": chance.randint(1, 10),
                "client_id": at,
            }
            for at in range(first, min(first + bulk, orders))
        ]
        if bulk == 1:
            record = make("order", account=account, nonce=nonce, **found[0])
        else:
            items = pack_items([Item(what=ITEM_PLACE, **each) for each in found])
            record = make("bulk", items, b"", account=account, nonce=nonce)
        yield sign(record, domain, key(f"trader {account}"))


def _send(core: Core, flow: list[Submission]) -> int:
    """Send everything through the door and the sequencer, seal, and return how many records were sequenced."""
    sequencer = Sequencer(core, on_sealed=lambda batch: None, on_failure=lambda error: None)
    sequencer.start()
    waiting: deque[Future[list[Answer | Refused]]] = deque()
    taken = 0
    for each in flow:
        waiting.append(sequencer.submit([check_signature(to_record(each), core.domain)]))
        if len(waiting) == AHEAD:
            taken += _taken(waiting.popleft())
    while waiting:
        taken += _taken(waiting.popleft())
    sequencer.close()
    return taken


def _taken(future: Future[list[Answer | Refused]]) -> int:
    return sum(isinstance(each, Answer) for each in future.result())


def _replay(core: Core, messages: list[bytes], opened: int) -> tuple[float, bool]:
    """Replay all that was sealed; return the seconds for what came behind the opening, and whether all roots agree."""
    sealed = core.executor.sealed
    published = Published(messages=messages)
    machine = Machine(genesis_state(world_genesis(markets=LISTED)), published)
    seconds, same = 0.0, True
    for number, batch in enumerate(sealed):
        published.publish(list(batch.chunks), batch.time, batch.message_limit, batch.until)
        began = time.perf_counter()
        run(machine, 1 << 40)
        same = machine.state.hash() == batch.state_hash and same
        if number >= opened:
            seconds += time.perf_counter() - began
    return seconds, same
