"""Measures how long an operator takes to start from a snapshot and the tail of a long log, and what making one costs.

What lies before the snapshot is not read by a start but for the newest of the log's files, so that those records are
written and never run: the log is as long as it says, the state is that of the accounts and orders that are named.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tallystick.errors import TallystickError
from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.native import how
from tallystick.ports.system import SystemClock, SystemDisk
from tallystick.records.codec import Record, encode
from tallystick.records.items import pack_pairs
from tallystick.records.signing import make, sign
from tallystick.rollup.genesis import genesis_state
from tallystick.shapes.submitting import Answer
from tallystick.state.layout import MESSAGE_DEPOSIT
from tallystick.state.ordinals import MarketId, UnixSeconds
from tallystick.testing.handclock import HandClock
from tallystick.testing.world import START, address, key, listed, message, world_genesis
from tallystick_operator.intake.door import check_signature
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.executor import Executor
from tallystick_operator.sequencer.record_log import Entry, EntryKind, RecordLog
from tallystick_operator.sequencer.sealing import CorePolicy
from tallystick_operator.storage.forked import forked
from tallystick_operator.storage.operator_snapshots import Snapshots
from tallystick_operator.storage.snapshot_making import EVERY_RECORDS, SnapshotMaker

Result = dict[str, Any]
PRICE: Final = 10_000
CASH: Final = 10**12
GROUP: Final = 512
TRADERS: Final = 64
"""Keys that sign: the other accounts hold money and nothing else."""
WAIT_SECONDS: Final = 0.01


def measure(*, records: int, accounts: int, orders: int, tail: int) -> Result:
    """Fill a log with so many records, make a snapshot behind them, send more records, and start again.

    Shape: `accounts` have money, and `orders` rest, when the snapshot is made; `tail` orders come behind it.
    `restart_seconds` is measured; `restart_seconds_at_most` has the most records that come behind a snapshot instead, at
    what each of the tail took. Units: processor seconds of one core for a start; for the rest what the clock shows, so
    that `held_up_ms` is how long the sequencer waited. `ok`: the state is the same.
    """
    genesis = world_genesis(markets=(listed(0, multiplier=10),))
    state_hash = genesis_state(genesis).hash()
    told: list[tuple[str, dict[str, Any]]] = []

    def opened(folder: Path, log: RecordLog) -> Core:
        snapshots = Snapshots(SystemDisk(folder / "snapshots"), state_hash, lambda *each: told.append(each))
        return Core(
            new_executor=lambda keep_from: Executor(genesis, keep_from),
            log=log,
            clock=ExchangeClock(HandClock(), most_ahead_seconds=0),
            receipt_key=key("receipts"),
            policy=CorePolicy(),
            maker=SnapshotMaker(
                snapshots,
                SystemClock(),
                lambda *each: told.append(each),
                forked,
                every_records=1 << 40,
                every_seconds=1e9,
            ),
        )

    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as name:
        folder = Path(name)
        with RecordLog(folder / "records.log", state_hash) as log:
            core = opened(folder, log)
            nonces = _populate(core, accounts, orders)
            began = time.perf_counter()
            _fill(log, records, encode(_order(core.domain, 1, 0, PRICE)))
            filling = time.perf_counter() - began
            snapshot = _snapshot(core, told)
            _send(core, _orders(core.domain, tail, nonces))
            core.seal_now()
            expected, size = core.executor.state.hash(), log.size
        began = time.process_time()
        with RecordLog(folder / "records.log", state_hash) as log:
            opening = time.process_time() - began
            again = opened(folder, log)
            rebuilt = again.replay()
            seconds = time.process_time() - began
            loading = _load_seconds(again)
            same = again.executor.state.hash() == expected and rebuilt.snapshot is not None
        snapshot_bytes = sum(path.stat().st_size for path in (folder / "snapshots").iterdir())
    each = max(0.0, seconds - opening - loading) / max(1, tail)
    return {
        "how": how(),
        "ok": same,
        "records": records + tail,
        "accounts": accounts,
        "orders": orders,
        "log_bytes": size,
        "fill_seconds": round(filling, 1),
        "snapshot_bytes": snapshot_bytes,
        "snapshot_seconds": snapshot["seconds"],
        "held_up_ms": snapshot["held_up_ms"],
        "open_seconds": round(opening, 2),
        "load_seconds": round(loading, 2),
        "tail_records": tail,
        "tail_us_a_record": round(each * 1e6, 1),
        "restart_seconds": round(seconds, 2),
        "restart_seconds_at_most": round(opening + loading + each * EVERY_RECORDS, 1),
    }


def _populate(core: Core, accounts: int, orders: int) -> list[int]:
    """Open accounts and a market, and have orders rest; return the next nonce of each trader."""
    core.clock.observe(UnixSeconds(START))
    names = [f"trader {1 + number % TRADERS}" if number < TRADERS else f"holder {number}" for number in range(accounts)]
    core.learn_messages(
        0, [message(MESSAGE_DEPOSIT, _owner(name), number, CASH) for number, name in enumerate(names, start=1)]
    )
    reports = [
        make("report_prices", pack_pairs({MarketId(0): PRICE}), signer=number, time_ms=core.clock.now_ms())
        for number in range(3)
    ]
    _send(core, [sign(each, core.domain, key(f"signer {number}")) for number, each in enumerate(reports)])
    nonces = [0] * TRADERS
    _send(core, _orders(core.domain, orders, nonces))
    core.seal_now()
    return nonces


def _owner(name: str) -> bytes:
    """Return an owner's address; who never signs needs no key."""
    return address(name) if name.startswith("trader") else name.encode().rjust(20, b"\x01")[:20]


def _orders(domain: bytes, count: int, nonces: list[int]) -> list[Record]:
    """Return signed orders of the traders in turn: pairs of them meet, so that the book does not grow without end."""
    found: list[Record] = []
    for at in range(count):
        trader = at % TRADERS
        found.append(_order(domain, trader + 1, nonces[trader], PRICE - 50 + at % 101, at % 2))
        nonces[trader] += 1
    return found


def _order(domain: bytes, account: int, nonce: int, price: int, side: int = 0) -> Record:
    order = make("order", account=account, nonce=nonce, market=0, side=side, price_ticks=price, lots=1)
    return sign(order, domain, key(f"trader {account}"))


def _send(core: Core, records: Sequence[Record]) -> None:
    """Raises: TallystickError when one is refused."""
    for first in range(0, len(records), GROUP):
        answers = core.process([check_signature(each, core.domain) for each in records[first : first + GROUP]])
        refused = next((each for each in answers if not isinstance(each, Answer)), None)
        if refused is not None:
            raise TallystickError("an order to measure was refused", reason=str(refused))


def _fill(log: RecordLog, records: int, data: bytes) -> None:
    """Write records that nobody runs: a start that reads them has failed."""
    entries = [Entry(kind=EntryKind.RECORD, body=data)] * GROUP
    for _ in range(records // GROUP):
        log.append(entries)


def _snapshot(core: Core, told: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Make a snapshot as a running operator does, and return what is told of it."""
    assert core.maker is not None
    core.maker.make(core.branch, core.log.end)
    while not any(event in ("snapshot_written", "snapshot_failed") for event, _ in told):
        time.sleep(WAIT_SECONDS)
        core.maker.is_due(0)
    event, facts = told[-1]
    if event != "snapshot_written":
        raise TallystickError("the snapshot was not written", **facts)
    return facts


def _load_seconds(core: Core) -> float:
    """Return how long loading the snapshot takes."""
    assert core.maker is not None
    snapshots = core.maker.snapshots
    began = time.process_time()
    snapshots.load(snapshots.heads()[0])
    return time.process_time() - began
