"""A stream as several writers see it who may be killed, cut off or overtaken at any message."""

from __future__ import annotations

from dataclasses import dataclass, field

from tallystick.testing.disks.simulated_disk import Killed


@dataclass
class SimulatedStream:
    """Messages in memory, numbered from 1. It outlives whoever writes to it."""

    messages: list[bytes] = field(default_factory=list)


class StreamEnd:
    """One writer's end of a stream.

    `moments` counts what may be interrupted: at `kill_at` its process is killed, before or after the message is there;
    at `cut_at` it never hears whether it is.
    """

    def __init__(self, stream: SimulatedStream) -> None:
        self.stream = stream
        self.moments = 0
        self.kill_at = -1
        self.cut_at = -1
        self.arrives = False
        """Whether the message at which something happens is there afterwards."""

    def first(self) -> int:
        """Return 1: nothing is ever removed."""
        return 1

    def last(self) -> int:
        """Return how many there are."""
        return len(self.stream.messages)

    def read(self, since: int, most: int) -> list[bytes]:
        """Return those behind a number."""
        return self.stream.messages[since : since + most]

    def put(self, data: bytes, behind: int) -> bool:
        """Put a message right behind another, if that is the newest.

        Raises: Killed; OSError where it was cut off.
        """
        number, self.moments = self.moments, self.moments + 1
        happens = number in (self.kill_at, self.cut_at)
        stands = behind == len(self.stream.messages)
        if stands and (self.arrives or not happens):
            self.stream.messages.append(data)
        if number == self.kill_at:
            raise Killed
        if number == self.cut_at:
            raise OSError("the stream does not answer")
        return stands
