"""An operator without L1: real log, real sequencer, real signatures; L1's news are given by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.machine.engine import run
from tallystick.machine.machine import Machine
from tallystick.ports import Disk
from tallystick.ports.system import SystemDisk
from tallystick.records.codec import Record
from tallystick.records.items import pack_pairs
from tallystick.records.signing import make, sign
from tallystick.rollup.genesis import Genesis, genesis_state
from tallystick.shapes.submitting import Answer
from tallystick.state.cells import oracle_times_ms
from tallystick.state.layout import KIND_DATED, MESSAGE_DEPOSIT, REPORT_STEP_MS
from tallystick.state.ordinals import MarketId, SignerNumber, UnixSeconds
from tallystick.testing.handclock import HandClock
from tallystick.testing.published import Published
from tallystick.testing.world import START, address, key, listed, message, world_genesis
from tallystick_operator.intake.door import Checked, Refused, check_signature
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.executor import Executor
from tallystick_operator.sequencer.record_log import RecordLog
from tallystick_operator.sequencer.sealing import CorePolicy
from tallystick_operator.storage.logfiles import FILE_BYTES, Frames
from tallystick_operator.storage.operator_snapshots import Snapshots
from tallystick_operator.storage.snapshot_making import SnapshotMaker

RECEIPT_KEY = key("receipts")
ENDS_MS = (START + 20) * 1_000
"""When the dated future of a rig expires, which only tests that name it give a price."""
MARKETS = (listed(0), listed(1), listed(3, kind=KIND_DATED, expiry_ms=ENDS_MS))


@cache
def genesis() -> tuple[Genesis, bytes]:
    """Return the genesis of every rig, and the hash of its state."""
    made = world_genesis(markets=MARKETS)
    return made, genesis_state(made).hash()


@dataclass
class Rig:
    """One data directory and the time. `open` starts a core on it, as often as wanted."""

    path: Path
    policy: CorePolicy = field(default_factory=CorePolicy)
    hand: HandClock = field(default_factory=HandClock)
    messages: list[bytes] = field(default_factory=list)
    nonces: dict[int, int] = field(default_factory=dict)
    every_records: int = 0
    """Records between two snapshots; 0 for none."""
    file_bytes: int = FILE_BYTES
    disk: Disk | None = None
    """Where log and snapshots are, if not in its folder."""
    frames: Callable[[Disk], Frames] | None = None
    """Makes what keeps the log, if not files alone."""
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What was reported of snapshots."""

    @property
    def seconds(self) -> float:
        return self.hand.passed

    @seconds.setter
    def seconds(self, passed: float) -> None:
        self.hand.passed = passed

    def open(self) -> Core:
        """Start over from what is on disk."""
        self.open_log()
        core = self.new_core()
        self.rebuilt = core.replay()
        core.clock.observe(UnixSeconds(START + int(self.seconds)))
        self.core = core
        return core

    def open_log(self) -> None:
        """Open the log alone."""
        state_hash = genesis()[1]
        self.log = RecordLog(
            self.path / "records.log", state_hash, file_bytes=self.file_bytes, disk=self.disk, frames=self.frames
        )

    def new_core(self) -> Core:
        """Return a core at its genesis, on the log."""
        return Core(
            new_executor=lambda keep_from: Executor(genesis()[0], keep_from),
            log=self.log,
            clock=ExchangeClock(self.hand, most_ahead_seconds=30),
            receipt_key=RECEIPT_KEY,
            policy=self.policy,
            maker=self.maker() if self.every_records else None,
        )

    def maker(self) -> SnapshotMaker:
        """Return what makes snapshots beside the log."""

        def tell(event: str, facts: dict[str, Any]) -> None:
            self.told.append((event, facts))

        snapshots = Snapshots(self.disk or SystemDisk(self.path / "snapshots"), genesis()[1], tell)
        return SnapshotMaker(snapshots, self.hand, tell, every_records=self.every_records)

    def signed(self, kind: str, by: str, **values: int) -> Record:
        return sign(make(kind, **values), self.core.domain, key(by))

    def order(self, account: int, side: int, price: int, lots: int, **more: int) -> Record:
        values = {"nonce": self.next_nonce(account), "market": 0, **more}
        owner = {1: "alice", 2: "bob"}[account]
        return self.signed("order", owner, account=account, side=side, price_ticks=price, lots=lots, **values)

    def next_nonce(self, account: int) -> int:
        self.nonces[account] = self.nonces.get(account, -1) + 1
        return self.nonces[account]

    def checked(self, record: Record) -> Checked:
        return check_signature(record, self.core.domain)

    def send(self, *records: Record) -> list[Answer | Refused]:
        return self.core.process([self.checked(record) for record in records])

    def accept(self, record: Record) -> Answer:
        answer = self.send(record)[0]
        assert isinstance(answer, Answer), answer
        return answer

    def deposit(self, name: str, account: int, amount: int) -> None:
        self.messages.append(message(MESSAGE_DEPOSIT, address(name), account, amount))
        self.hear()

    def post(self) -> None:
        """Say that L1 has every batch that is sealed."""
        self.core.learn_posted(self.core.executor.batch_count)

    def hear(self) -> None:
        """Take in L1's messages, which the next batch begins with."""
        self.core.seal_now()
        self.core.learn_messages(0, self.messages)
        self.core.process([])

    def set_up(self) -> None:
        """Give the market a mark and fund alice (1) and bob (2)."""
        for i in range(3):
            self.accept(self.report(i, 618_000))
        self.deposit("alice", 1, 10**12)
        self.deposit("bob", 2, 10**12)

    def report(self, signer: int, price: int, market: int = 0) -> Record:
        """Return a signer's report of a price, a second behind its last one at least."""
        oracles = self.core.executor.state.oracles
        last = oracle_times_ms(oracles.words, oracles.open(MarketId(market)), SignerNumber(signer))
        time = max(self.core.clock.now_ms(), last + REPORT_STEP_MS if last else 0)
        report = make("report_prices", pack_pairs({MarketId(market): price}), signer=signer, time_ms=time)
        return sign(report, self.core.domain, key(f"signer {signer}"))

    def replayed(self) -> Machine:
        """Return a machine that has run what would be published, and nothing else."""
        published = Published(messages=self.messages)
        for batch in self.core.executor.sealed:
            published.publish(list(batch.chunks), batch.time, batch.message_limit, batch.until)
        machine = Machine(genesis_state(genesis()[0]), published)
        run(machine, 1 << 20)
        return machine


class MakeRig(Protocol):
    """Makes a rig in the test's folder."""

    def __call__(self, policy: CorePolicy | None = None) -> Rig: ...
