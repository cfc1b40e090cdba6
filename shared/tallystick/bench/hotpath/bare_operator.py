"""The operator's process of the measurement: sequencer, keeper, doors and log as ever, over an L1 that takes everything.

What is left out is what follows L1, posts batches and asserts: each of these is a process or a thread that no order
waits for, and its cost is measured elsewhere. Batches are sealed, roots included, and then count as posted.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tallystick.bench.hotpath.signed_flow import deposits, first_positions, genesis, reports
from tallystick.errors import TallystickError
from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.native import how
from tallystick.ports.system import SystemClock
from tallystick.rollup.genesis import genesis_state
from tallystick.shapes.submitting import Answer
from tallystick.state.ordinals import UnixSeconds
from tallystick.testing.world import key
from tallystick_operator.api.api import Api, Identity
from tallystick_operator.api.api_server import ApiServer
from tallystick_operator.config import gateways
from tallystick_operator.gateway.fleet import Fleet
from tallystick_operator.intake.door import check_signature
from tallystick_operator.intake.keeper import Keeper
from tallystick_operator.noticeboard import Board
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.executor import Executor
from tallystick_operator.sequencer.record_log import RecordLog
from tallystick_operator.sequencer.sealing import CorePolicy
from tallystick_operator.sequencer.sequencer import Sequencer
from tallystick_operator.standing import Metrics
from tallystick_operator.tuning import tune

HOST: Final = "127.0.0.1"
GROUP: Final = 512
NEWS_SECONDS: Final = 0.25
REPORT_SECONDS: Final = 5.0
KEEPER_SECONDS: Final = 0.25
MOST_AHEAD_SECONDS: Final = 30.0


def run(asked: dict[str, Any]) -> None:
    """Say on stdout where the doors are, and for each line of stdin what has been used of processors; end with stdin."""
    with RecordLog(Path(asked["folder"]) / "records.log", genesis_state(genesis()).hash()) as log:
        core = opened_core(log)
        open_exchange(core, asked["accounts"])
        with _serving(core) as (ports, fleet):
            _tell({"how": how(), "domain": core.domain.hex(), **ports})
            for _ in sys.stdin:
                gateways = sum(_seconds_of(process.pid) for process in fleet.processes.values())
                _tell({"sequencer": time.process_time(), "gateways": gateways})


def opened_core(log: RecordLog) -> Core:
    """Return the core of the exchange that is measured, over an empty log."""
    clock = ExchangeClock(SystemClock(), MOST_AHEAD_SECONDS)
    clock.observe(UnixSeconds(int(time.time())))
    return Core(
        new_executor=lambda keep_from: Executor(genesis(), keep_from),
        log=log,
        clock=clock,
        receipt_key=key("receipts"),
        policy=CorePolicy(),
    )


def open_exchange(core: Core, accounts: int) -> None:
    """Give the markets prices and every account cash and a position.

    Raises: TallystickError when something of it is refused.
    """
    core.learn_messages(0, deposits(accounts, core.clock.now_ms() // 1000))
    opening = iter([*reports(core.domain, core.clock.now_ms()), *first_positions(core.domain, accounts)])
    while group := list(islice(opening, GROUP)):
        answers = core.process([check_signature(each, core.domain) for each in group])
        if not all(isinstance(each, Answer) and each.outcome == "ACCEPTED" for each in answers):
            raise TallystickError("the exchange to measure did not open", answer=str(answers[0]))
        core.learn_posted(core.executor.batch_count)
    core.seal_now()
    core.executor.sealed.clear()
    core.newly_sealed.clear()


@contextmanager
def _serving(core: Core) -> Iterator[tuple[dict[str, int], Fleet]]:
    """Run everything an order may meet; say where the doors are."""
    stop = threading.Event()
    sequencer = Sequencer(core, on_sealed=lambda _: None, on_failure=lambda _: stop.set())
    keeper = Keeper(sequencer, SystemClock())
    identity = Identity(chain_id=1337, rollup="0x" + genesis().rollup.hex(), contracts={}, receipt_signer="")
    fleet = Fleet(sequencer, HOST, 0, gateways())
    server = ApiServer(Api(sequencer, Board(), identity, Metrics()).app(), HOST, 0)
    workers = [
        _again(stop, NEWS_SECONDS, lambda: _news(sequencer)),
        _again(stop, REPORT_SECONDS, lambda: _report(sequencer)),
        _again(stop, KEEPER_SECONDS, keeper.tick),
    ]
    tune()
    sequencer.start()
    server.start()
    fleet.start()
    for worker in workers:
        worker.start()
    try:
        yield {"http": server.port, "ws": fleet.port}, fleet
    finally:
        stop.set()
        for worker in workers:
            worker.join()
        server.stop()
        fleet.stop()
        sequencer.close()


def _seconds_of(pid: int) -> float:
    """Return the processor time of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _again(stop: threading.Event, seconds: float, duty: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        while not stop.wait(seconds):
            duty()

    return threading.Thread(target=run, daemon=True)


def _news(sequencer: Sequencer) -> None:
    """Say that L1 goes on and has every batch; a publisher would have taken them."""

    def posted(core: Core) -> tuple[int, int]:
        core.executor.sealed.clear()
        return core.executor.batch_count, core.executor.messages.count

    batches, messages = sequencer.read(posted)
    sequencer.l1_news(UnixSeconds(int(time.time())), messages, [], batches)


def _report(sequencer: Sequencer) -> None:
    """Have the price signers say once more what they said."""
    core = sequencer.core
    sequencer.submit([check_signature(each, core.domain) for each in reports(core.domain, core.clock.now_ms())])


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
