"""All that an operator has before it leads: L1, its keys, the log, and the exchange as the log gives it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.deploy.deploy import check_deployment
from tallystick.errors import ConfigError, StateError
from tallystick.journal import Journal
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.deployment import Deployment, load_deployment
from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.ports import Clock, Disk
from tallystick.ports.system import SystemDisk
from tallystick.rollup.genesis import Genesis, decode_genesis, genesis_state
from tallystick_operator.config import Config, check_confirmations
from tallystick_operator.identity import receipt_key
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.executor import BATCHES_KEPT, Executor
from tallystick_operator.sequencer.record_log import RecordLog
from tallystick_operator.sequencer.sealing import CorePolicy
from tallystick_operator.standby.leases import FolderLease, Lease
from tallystick_operator.standby.turns import Followed, FollowedFiles
from tallystick_operator.storage.logfiles import Frames, LogFiles
from tallystick_operator.storage.on_disk import LOG, RECEIPT_KEY, snapshot_maker
from tallystick_operator.terminal import TOLD

MOST_AHEAD_SECONDS: Final = 30.0
"""How far the clock runs ahead of L1's newest block, at most, and never as far as a batch's time may."""
LOCK: Final = "operator.lock"
LOOK_SECONDS: Final = 0.1
COPY_KEY: Final = f"copy the leader's {RECEIPT_KEY} into this directory, readable by you alone"


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs receipts, and its address as it is told."""

    secret: bytes
    address: str

    @property
    def signer(self) -> bytes:
        """The address in bytes."""
        return bytes.fromhex(self.address[2:])


class Prepared:
    """Everything of an operator that does not lead yet. `closing` lets go of all of it, the lease last.

    `lost` is what is called when the lease is lost, `led` the exchange of one who has followed and leads now,
    `posted` how many batches L1 had when it was looked at.
    """

    def __init__(self, config: Config, clock: Clock, *, to_follow: bool) -> None:
        """Open it all, to lead at once or `to_follow` who does.

        Raises: ConfigError, StateError, L1Error.
        """
        self.config, self.clock = config, clock
        self.data_dir = Path(config.data_dir)
        self.lost: Callable[[], None] = _nothing
        self.led: Core | None = None
        self.posted = 0
        self._to_follow = to_follow
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError("the data directory cannot be made", data_dir=config.data_dir) from error
        self.closing = contextlib.ExitStack()
        try:
            self._open()
        except BaseException:
            self.closing.close()
            raise

    def lead_at_once(self) -> None:
        """Become the one who leads, having waited for a lease that nobody keeps any more.

        Raises: StateError when somebody keeps it.
        """
        deadline = self.clock.monotonic() + 2 * self.config.lease_seconds
        while not (self._asked(self.lease.take) and self._asked(lambda: self.frames.lead(self.keys.signer))):
            if self.clock.monotonic() >= deadline or isinstance(self.lease, FolderLease):
                raise StateError(
                    "another operator leads",
                    hint="`tallystick operator standby` follows it and takes over when it ends",
                    log=self.config.log.rpartition("@")[2] or str(self.data_dir),
                )
            self.clock.sleep(LOOK_SECONDS)

    def new_core(self) -> Core:
        """Return an exchange at its genesis, on this log."""
        genesis = self.genesis
        ahead = min(MOST_AHEAD_SECONDS, self.deployment.config.future_bound_seconds / 2)
        return Core(
            new_executor=lambda keep_from: Executor(genesis, keep_from),
            keep_from=max(0, self.posted - BATCHES_KEPT),
            log=self.log,
            clock=ExchangeClock(self.clock, ahead),
            receipt_key=self.keys.secret,
            policy=self._policy(),
            maker=self.maker,
        )

    def look_at_l1(self) -> None:
        """Ask how many batches are on L1. Raises: L1Error."""
        self.posted = int(self.client.contract("Inbox", self.deployment.addresses.inbox).call("batchCount"))

    @property
    def is_shared(self) -> bool:
        """Whether its directory is that of whoever leads, too."""
        return not self.config.log

    def _open(self) -> None:
        config = self.config
        self.deployment: Deployment = load_deployment(Path(config.deployment))
        self.journal = Journal(self.data_dir / "events.jsonl", people=not config.json_log, only=TOLD, clock=self.clock)
        self.closing.callback(self.journal.close)
        self.client = QuorumClient(
            config.rpc,
            quorum=config.quorum or None,
            chain_id=self.deployment.chain_id,
            report=lambda endpoint, problem: self.journal.write("endpoint", endpoint=endpoint, problem=problem),
            clock=self.clock,
        )
        check_deployment(self.client, self.deployment)
        terms = self.deployment.config
        check_confirmations(config.confirmation_blocks, self.deployment.chain_id, terms.force_delay_seconds)
        self.genesis: Genesis = decode_genesis(self.deployment.genesis)
        self._hash = genesis_state(self.genesis).hash()
        if self._hash != self.deployment.genesis_state_hash:
            raise StateError("the deployment's genesis is not this version's", actual=self._hash)
        self.look_at_l1()
        self._open_log()
        self.closing.callback(self.log.close)
        self.maker = snapshot_maker(self.data_dir, self._hash, config, self.clock, self.journal)
        self.closing.callback(self.maker.end)

    def _open_log(self) -> None:
        path, streamed = self.data_dir / LOG, bool(self.config.log)
        folder = FolderLease(self.data_dir / LOCK)
        if streamed or not self._to_follow:
            if not folder.take():
                raise StateError("another process uses this data directory", path=str(self.data_dir))
            self.closing.callback(folder.release)
        if self._to_follow and not (self.config.receipt_key_file or (self.data_dir / RECEIPT_KEY).exists()):
            raise ConfigError(
                "a standby signs with the key of who leads, and has none",
                hint=COPY_KEY,
                data_dir=str(self.data_dir),
            )
        self.keys = Keys(*receipt_key(self.config))
        self.lease: Lease = folder
        frames = self._streamed if streamed else self._files
        self.log = RecordLog(path, self._hash, frames=frames)
        if self._to_follow and self.frames.signer not in (b"", self.keys.signer):
            raise ConfigError(
                "this receipt key is not that of who leads",
                hint=COPY_KEY,
                leader="0x" + self.frames.signer.hex(),
                here=self.keys.address,
            )

    def _files(self, disk: Disk) -> Frames:
        def to_write() -> LogFiles:
            return LogFiles(disk, LOG, self._hash)

        def to_read() -> LogFiles:
            return LogFiles(SystemDisk(self.data_dir, to_read=True), LOG, self._hash, to_read=True)

        self.frames: Followed = FollowedFiles(to_read if self._to_follow else None, to_write)
        return self.frames

    def _streamed(self, disk: Disk) -> Frames:
        try:
            from tallystick_operator.standby.natswire import Address, NatsWire  # noqa: PLC0415  an extra has it
        except ModuleNotFoundError as error:
            raise ConfigError(
                "a log in a stream needs a package that is not installed", hint="pip install 'tallystick[nats]'"
            ) from error
        from tallystick_operator.standby.streamed import StreamedLog  # noqa: PLC0415

        address = Address(self.config.log)
        wire = NatsWire(address, self.config.lease_seconds, self.clock, self._lost)
        self.closing.callback(wire.close)
        self.lease = wire
        copy = LogFiles(disk, LOG, self._hash)
        try:
            self.frames = StreamedLog(wire, copy, self._hash, wire.holds, wire.holder)
        except BaseException:
            copy.close()
            raise
        return self.frames

    def _asked(self, question: Callable[[], bool]) -> bool:
        try:
            return question()
        except OSError as error:
            raise StateError(f"the log cannot be led: {error}", log=self.config.log.rpartition("@")[2]) from error

    def _lost(self) -> None:
        self.lost()

    def _policy(self) -> CorePolicy:
        """Return when to seal; a heartbeat comes long before others might take the Inbox over."""
        config = self.config
        takeover = self.deployment.config.takeover_delay_seconds
        return CorePolicy(
            batch_seconds=config.batch_seconds,
            quiet_seconds=max(config.batch_seconds, config.quiet_seconds),
            heartbeat_seconds=min(config.heartbeat_seconds, max(1, takeover // 4)),
            clock_every_ms=config.clock_every_ms,
        )


def _nothing() -> None:
    """Nobody is to be told."""
