"""Where a log may be kept, each with its ways to fail: files on a disk, a stream with a copy, a real server's stream."""

from __future__ import annotations

import random
from typing import Protocol

from tallystick.ports.system import SystemClock
from tallystick.testing.disks.simulated_disk import SimulatedDisk
from tallystick.testing.disks.simulated_stream import SimulatedStream, StreamEnd
from tallystick_operator.standby.natswire import Address, NatsWire
from tallystick_operator.standby.streamed import StreamedLog
from tallystick_operator.storage.logfiles import Frames, LogFiles

GENESIS = bytes(range(32))
SMALL = 600
"""Bytes of a file here: some groups each."""
SIGNER = bytes(range(20))


class Store(Protocol):
    """Where a log is kept, as a process that opens it has it."""

    def open(self) -> Frames:
        """Open it to be written."""
        ...

    def restarted(self) -> Store:
        """Return it as the next process has it when the machine goes on."""
        ...

    def after_power_cut(self) -> Store:
        """Return it as it is after the machine has lost its power."""
        ...


class Mortal(Store, Protocol):
    """One whose process may be killed at any moment."""

    def strike(self, chance: random.Random, whole: Store) -> None:
        """Have the process killed at some moment of those that it had where nothing happened."""
        ...


class FileStore:
    def __init__(self, disk: SimulatedDisk | None = None) -> None:
        self.disk = disk or SimulatedDisk()

    def open(self) -> LogFiles:
        return LogFiles(self.disk, "log", GENESIS, SMALL)

    def strike(self, chance: random.Random, whole: Store) -> None:
        assert isinstance(whole, FileStore)
        self.disk.kill_at = chance.randrange(whole.disk.moments)

    def restarted(self) -> FileStore:
        return FileStore(self.disk.restarted())

    def after_power_cut(self) -> FileStore:
        return FileStore(self.disk.power_cut())


class StreamStore:
    def __init__(self, disk: SimulatedDisk | None = None, stream: SimulatedStream | None = None) -> None:
        self.disk = disk or SimulatedDisk()
        self.end = StreamEnd(stream or SimulatedStream())

    def open(self) -> StreamedLog:
        log = self.follow()
        assert log.lead(SIGNER)
        return log

    def follow(self, name: bytes = bytes(8)) -> StreamedLog:
        return StreamedLog(self.end, LogFiles(self.disk, "log", GENESIS, SMALL), GENESIS, lambda: True, name)

    def strike(self, chance: random.Random, whole: Store) -> None:
        assert isinstance(whole, StreamStore)
        if chance.random() < 0.5:
            self.disk.kill_at = chance.randrange(whole.disk.moments)
        else:
            self.end.arrives = chance.random() < 0.5
            self.end.kill_at = chance.randrange(whole.end.moments)

    def restarted(self) -> StreamStore:
        return StreamStore(self.disk.restarted(), self.end.stream)

    def after_power_cut(self) -> StreamStore:
        return StreamStore(self.disk.power_cut(), self.end.stream)

    def elsewhere(self) -> StreamStore:
        """Return the stream as a machine has it that had nothing yet."""
        return StreamStore(None, self.end.stream)


class NatsStore:
    """A real server's stream, with a copy on a simulated disk."""

    def __init__(self, url: str, disk: SimulatedDisk | None = None) -> None:
        self.url = url
        self.disk = disk or SimulatedDisk()
        self.wires: list[NatsWire] = []

    def open(self) -> StreamedLog:
        log = self.follow()
        wire = self.wires[-1]
        assert wire.take() and log.lead(SIGNER)
        return log

    def follow(self) -> StreamedLog:
        wire = NatsWire(Address(self.url), 2.0, SystemClock(), lambda: None)
        self.wires.append(wire)
        copy = LogFiles(self.disk, "log", GENESIS, SMALL)
        return StreamedLog(wire, copy, GENESIS, wire.holds, wire.holder)

    def restarted(self) -> NatsStore:
        self.close()
        return NatsStore(self.url, self.disk.restarted())

    def after_power_cut(self) -> NatsStore:
        self.close()
        return NatsStore(self.url, self.disk.power_cut())

    def close(self) -> None:
        for each in self.wires:
            each.close()
        self.wires.clear()
