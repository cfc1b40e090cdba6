"""A disk that does what disks do at their worst: it is full, it loses what was not synced, it tears, it rots.

Every write, sync, cut, rename and removal is a moment at which a process may be killed or told that there is no room.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field


class Killed(BaseException):
    """The process ends here, as `kill -9` ends one: nothing may catch it."""


@dataclass
class _Body:
    """What a file holds: `synced` whatever happens, `now` for whoever reads it, `pending` in between."""

    synced: bytearray = field(default_factory=bytearray)
    now: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes]] = field(default_factory=list)


class SimulatedDisk:
    """A folder in memory.

    `moments` counts what may be interrupted. At the moment `kill_at` the process is killed, what it was writing there in
    part; from the moment `full_at` on nothing more is taken, for `full_for` of them. `watch` is given, at each moment, the
    disk as a kill there would leave it: that is a kill at every moment for one history.
    """

    def __init__(self, seed: int = 0, room: int = 1 << 40) -> None:
        self.moments = 0
        self.kill_at = -1
        self.full_at = -1
        self.full_for = 1 << 60
        self.room = room
        self.watch: Callable[[SimulatedDisk], None] | None = None
        self._chance = random.Random(seed)
        self._names: dict[str, _Body] = {}
        self._synced_names: dict[str, _Body] = {}

    def names(self) -> list[str]:
        """Return the names."""
        return sorted(self._names)

    def open(self, name: str) -> SimulatedFile:
        """Open or make a file; its name is not synced by that."""
        return SimulatedFile(self, self._names.setdefault(name, _Body()))

    def rename(self, name: str, to: str) -> None:
        """Rename a file."""
        self.moment()
        self._names[to] = self._names.pop(name)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self.moment()
        self._names.pop(name, None)

    def sync(self) -> None:
        """Keep the names."""
        self.moment()
        self._synced_names = dict(self._names)

    def free_bytes(self) -> int:
        """Return what is left."""
        return self.room - sum(len(body.now) for body in self._names.values())

    # What happens to it

    def moment(self, body: _Body | None = None, at: int = 0, data: bytes = b"") -> None:
        """Count a moment. Raises: Killed, OSError; part of what was being written is there then."""
        number, self.moments = self.moments, self.moments + 1
        if self.watch is not None:
            self.watch(self._interrupted(body, at, data))
        full = self.full_at <= number < self.full_at + self.full_for if self.full_at >= 0 else False
        if number == self.kill_at or (full and data):
            if body is not None and data:
                _put(body.now, at, data[: self._chance.randrange(len(data))])
            if number == self.kill_at:
                raise Killed
            raise OSError(errno.ENOSPC, "No space left on device")

    def _interrupted(self, body: _Body | None, at: int, data: bytes) -> SimulatedDisk:
        """Return a copy on which only part of what is being written has been."""
        bodies: dict[int, _Body] = {}
        for each in (*self._names.values(), *self._synced_names.values()):
            copied = _Body(bytearray(each.synced), bytearray(each.now), list(each.pending))
            bodies.setdefault(id(each), copied)
        after = SimulatedDisk(self._chance.randrange(1 << 30), self.room)
        after._names = {name: bodies[id(each)] for name, each in self._names.items()}
        after._synced_names = {name: bodies[id(each)] for name, each in self._synced_names.items()}
        if data and body is not None and id(body) in bodies:
            _put(bodies[id(body)].now, at, data[: after._chance.randrange(len(data))])
        return after

    def power_cut(self) -> SimulatedDisk:
        """Return what is there after a power cut: what was synced, and of the rest any part, in any order."""
        after = SimulatedDisk(self._chance.randrange(1 << 30), self.room)
        known = dict(self._synced_names)
        for name, body in self._names.items():
            if name not in known and self._chance.random() < 0.5:
                known[name] = body
        for name, body in known.items():
            kept = bytearray(body.synced)
            for at, data in body.pending:
                if self._chance.random() < 0.5:
                    _put(kept, at, data[: self._chance.randrange(len(data) + 1)])
            after._names[name] = _Body(synced=bytearray(kept), now=kept)
        after._synced_names = dict(after._names)
        return after

    def restarted(self) -> SimulatedDisk:
        """Return what is there when the process was killed and the machine goes on: all that it wrote."""
        after = SimulatedDisk(self._chance.randrange(1 << 30), self.room)
        for name, body in self._names.items():
            after._names[name] = _Body(synced=bytearray(body.now), now=bytearray(body.now))
        after._synced_names = dict(after._names)
        return after

    def held(self, name: str) -> bytes:
        """Return what is in a file."""
        return bytes(self._names[name].now)

    def put(self, name: str, data: bytes) -> None:
        """Have a file hold something, as if it always had."""
        self._names[name] = _Body(synced=bytearray(data), now=bytearray(data))
        self._synced_names[name] = self._names[name]

    def flip(self, name: str, bit: int) -> None:
        """Flip one bit of a file."""
        body = self._names[name]
        for held in (body.now, body.synced):
            if bit // 8 < len(held):
                held[bit // 8] ^= 1 << bit % 8


class SimulatedFile:
    """A file of a simulated disk."""

    def __init__(self, disk: SimulatedDisk, body: _Body) -> None:
        self._disk = disk
        self._body = body

    def read(self, at: int, count: int) -> bytes:
        """Return what is there."""
        return bytes(self._body.now[at : at + count])

    def write(self, at: int, data: bytes) -> None:
        """Put it there."""
        self._disk.moment(self._body, at, data)
        _put(self._body.now, at, data)
        self._body.pending.append((at, bytes(data)))

    def sync(self) -> None:
        """Keep what is there."""
        self._disk.moment()
        self._body.synced = bytearray(self._body.now)
        self._body.pending.clear()

    def cut(self, size: int) -> None:
        """Shorten it, at once."""
        self._disk.moment()
        del self._body.now[size:]
        del self._body.synced[size:]
        self._body.pending = [(at, data) for at, data in self._body.pending if at + len(data) <= size]

    def size(self) -> int:
        """Return how long it is."""
        return len(self._body.now)

    def close(self) -> None:
        """Nothing is lost by it."""


def _put(held: bytearray, at: int, data: bytes) -> None:
    if not data:
        return
    held.extend(bytes(max(0, at + len(data) - len(held))))
    held[at : at + len(data)] = data
