"""The processes that make traces: started, looked at, ended. What each of them does is `tracework`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tallystick.dispute.traces.schedule import Work


class Process:
    """A process at work in a trace's folder, which ends with the party that started it."""

    def __init__(self, folder: Path, work: Work) -> None:
        """Raises: OSError when it cannot be started."""
        job = ["trace", str(work.first), str(work.last)] if work.parts else ["survey", "0", "0"]
        self._errors = folder / f"{'-'.join(job)}.errors"
        command = [sys.executable, "-m", "tallystick.dispute.traces.tracework", str(folder), str(os.getpid()), *job]
        with self._errors.open("wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
            )

    @property
    def has_ended(self) -> bool:
        """Whether it has."""
        return self._process.poll() is not None

    def failure(self) -> str | None:
        """Return why it failed, None when it did what it should. It has ended, and is asked once."""
        lines = self._errors.read_text(errors="replace").strip().splitlines()
        self._errors.unlink()
        if not self._process.returncode:
            return None
        return lines[-1] if lines else f"a process ended with {self._process.returncode}"

    def end(self) -> None:
        """Kill it and wait until it is gone."""
        self._process.kill()
        self._process.wait()


def cores() -> int:
    """Return the processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
