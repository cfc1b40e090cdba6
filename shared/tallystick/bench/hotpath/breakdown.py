"""What each stage of an operator's path takes of a processor for one record, in one process: no sockets, no threads.

The path is the real one, group by group: a gateway's desk, its parcel, the core, the log, the promises, and the way
back. What is said of a stage is processor time, the mean and that of the tenth of groups that took the least: the latter
is nearly the same whatever else the machine does.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from tallystick.bench.hotpath.bare_operator import open_exchange, opened_core
from tallystick.bench.hotpath.signed_flow import BULK, Flow, genesis
from tallystick.drawing import Cell, Page, Title, figures, table
from tallystick.errors import TallystickError
from tallystick.native import how
from tallystick.ports.system import SystemClock
from tallystick.records.codec import Record, decode
from tallystick.records.signing import digest, recover
from tallystick.rollup.genesis import genesis_state
from tallystick.shapes.order_entry import packed_request, replies
from tallystick_operator.gateway.frontdesk import Desk
from tallystick_operator.gateway.parcels import LENGTH_BYTES, answered, packed, unframed, unpacked_batch
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.record_log import RecordLog
from tallystick_operator.tuning import tune

T = TypeVar("T")
Result = dict[str, Any]
SINGLES_A_GROUP: Final = 128
BULKS_A_GROUP: Final = 4
STAGES: Final = ("recover", "gateway in", "parcel", "execute", "log", "promise", "answer", "gateway out")
"""`recover` is part of `gateway in`, measured apart."""
OF_THE_SEQUENCER: Final = ("parcel", "execute", "log", "promise", "answer")


def measure(*, orders: int, bulks: int, accounts: int) -> Result:
    """Send signed orders and bulks through every stage. Shape: `singles` and `bulks` say of each stage its microseconds a record.

    Raises: TallystickError when something is not accepted.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder,
        RecordLog(Path(folder) / "records.log", genesis_state(genesis()).hash()) as log,
    ):
        core = opened_core(log)
        open_exchange(core, accounts)
        flow = Flow(core.domain, range(1, 1 + accounts), seed=7)
        singles, bulk = flow.singles(orders), flow.bulks(bulks)
        tune()
        told = {
            "singles": _Path(core).run([data for _, data in singles], SINGLES_A_GROUP),
            "bulks": _Path(core).run([data for _, data in bulk], BULKS_A_GROUP),
        }
    return {"ok": True, "how": how(), "actions_a_bulk": BULK, **told}


def page(result: Result) -> Page:
    """Return a measurement for people."""
    titles: list[Title] = [f"µs a record, {result['how']}: least tenth / mean"]
    titles += [figures("single order"), figures(f"bulk of {result['actions_a_bulk']}")]
    rows: list[tuple[Cell, ...]] = []
    for stage in (*STAGES, "sequencer"):
        each = [result[what][stage] for what in ("singles", "bulks")]
        rows.append((stage, *(f"{one['least_tenth']:,} / {one['mean']:,}" for one in each)))
    return [table(titles, rows)]


class _Path:
    """Every stage, and what each group took there in seconds a record."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._desk = Desk(core.domain, SystemClock())
        self._took: dict[str, list[float]] = {stage: [] for stage in STAGES}
        self._records = 0

    def run(self, records: list[bytes], at_once: int) -> Result:
        """Send all of them, so many a group; return what was found of each stage and of the sequencer's together."""
        self._desk.connected(1, "")
        rest = iter(records)
        while group := list(islice(rest, at_once)):
            self._records = len(group)
            self._send(group)
        sums = [sum(each, 0.0) for each in zip(*(self._took[stage] for stage in OF_THE_SEQUENCER), strict=True)]
        return {name: _told(took) for name, took in (*self._took.items(), ("sequencer", sums))}

    def _send(self, group: list[bytes]) -> None:
        core, desk = self._core, self._desk
        signed = [(digest(record, core.domain), record.signature) for record in _decoded(group)]
        self._timed("recover", lambda: [recover(*each) for each in signed])
        message = b"".join(packed_request(number, data) for number, data in enumerate(group))
        parcel = self._timed("gateway in", lambda: desk.take(1, message) and desk.work(len(group)))
        assert isinstance(parcel, bytes)
        batch = unpacked_batch(parcel[LENGTH_BYTES:])
        checked = self._timed(
            "parcel", lambda: [unframed(each) for each in unpacked_batch(parcel[LENGTH_BYTES:]).frames]
        )
        results = self._timed("execute", lambda: core.execute(checked))
        self._timed("log", lambda: core.log.append(core.taken()))
        results = self._timed("promise", lambda: core.promised(results))
        told = self._timed("answer", lambda: packed(answered(batch.number, results)))
        outgoing = self._timed("gateway out", lambda: self._back(told))
        if not all(getattr(each.body, "accepted", False) for _, sent in outgoing for each in replies(sent)):
            raise TallystickError("what is measured was not accepted")
        core.executor.sealed.clear()
        core.newly_sealed.clear()
        core.learn_posted(core.executor.batch_count)

    def _back(self, told: bytes) -> list[tuple[int, bytes]]:
        self._desk.heard(told[LENGTH_BYTES:])
        return list(self._desk.outgoing())

    def _timed(self, stage: str, duty: Callable[[], T]) -> T:
        decode.cache_clear()  # each stage is another process's, or has decoded nothing before
        began = time.process_time()
        found = duty()
        self._took[stage].append((time.process_time() - began) / self._records)
        return found


def _decoded(group: list[bytes]) -> Iterator[Record]:
    for data in group:
        record = decode(data)
        assert isinstance(record, Record)
        yield record


def _told(took: list[float]) -> Result:
    """Return microseconds."""
    least = sorted(took)[len(took) // 10]
    return {"least_tenth": round(1e6 * least, 1), "mean": round(1e6 * sum(took) / len(took), 1)}
