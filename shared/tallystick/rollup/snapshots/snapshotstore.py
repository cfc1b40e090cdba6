"""Snapshots in a folder: few, spread over the whole history, so that a replay can begin near any batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.errors import StateError
from tallystick.rollup.snapshots.diskfile import write_whole
from tallystick.rollup.snapshots.snapshot import MAGIC, MOST_HEAD_BYTES, decode, encode, read_head
from tallystick.rollup.views.assertion_view import Assertion, RollupView, Status
from tallystick.state.ordinals import BatchNumber
from tallystick.state.state import State

SPACING: Final = 64
"""Batches between two snapshots at least."""
MOST: Final = 32
"""Snapshots kept."""
ENDING: Final = ".snapshot"

Report = Callable[[str, dict[str, Any]], None]


def read(path: Path) -> bytes:
    """Return what is in a file.

    Raises: StateError when it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateError("the snapshot cannot be read", path=str(path)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A file that says it is the state of an assertion; `limit` batches are in it."""

    path: Path
    assertion: bytes
    limit: BatchNumber

    def load(self, assertion: Assertion) -> State:
        """Return the state, when it is the one L1 has for the assertion.

        Raises: StateError when it is not.
        """
        return decode(read(self.path), assertion.state_hash)


class SnapshotStore:
    """Keeps states of confirmed assertions. What cannot be used is told once, as `snapshot_ignored`, and passed over.

    Units: `spacing` and `newest`, the limit of the last snapshot if it is not to be looked up, in batches.
    """

    def __init__(
        self, folder: Path, report: Report, *, spacing: int = SPACING, most: int = MOST, newest: int | None = None
    ) -> None:
        self.folder = folder
        self._report = report
        self._spacing = spacing
        self._most = most
        self._told: set[Path] = set()
        self._useless: set[Path] = set()
        self._newest = newest

    def usable(self, rollup: RollupView) -> list[Snapshot]:
        """Return the snapshots of assertions that are confirmed, the oldest first; what they hold is not looked at."""
        found: list[Snapshot] = []
        for each in self._all():
            known = rollup.assertions.get(each.assertion)
            if known is None or known.status is not Status.CONFIRMED or known.limit != each.limit:
                self._ignore(each.path, "its assertion is not confirmed")
            else:
                found.append(each)
        return sorted(found, key=lambda each: each.limit)

    def newest(self, rollup: RollupView) -> tuple[Assertion, State] | None:
        """Return the newest confirmed assertion whose state is here, and that state; None when there is none."""
        for each in reversed(self.usable(rollup)):
            assertion = rollup.assertions[each.assertion]
            try:
                state = each.load(assertion)
            except StateError as error:
                self._ignore(each.path, str(error), useless=True)
                continue
            self._report("snapshot_loaded", {"assertion": each.assertion, "limit": each.limit})
            return assertion, state
        return None

    def offer(self, assertion: Assertion, state: State) -> None:
        """Keep the state of a true assertion if it is confirmed and far enough from those that are kept.

        A disk that is full or broken is told, and no reason to stop.
        """
        if assertion.status is not Status.CONFIRMED or assertion.limit < self._next():
            return
        path = self.folder / f"{assertion.limit:010}-{assertion.id.hex()[:16]}{ENDING}"
        try:
            data = encode(assertion, state)
            self._write(path, data)
            self._thin_out()
        except OSError as error:
            self._report("snapshot_failed", {"path": str(path), "reason": str(error)})
        else:
            self._report("snapshot_written", {"limit": assertion.limit, "bytes": len(data)})
        self._newest = assertion.limit

    def _next(self) -> int:
        if self._newest is None:
            self._newest = max((each.limit for each in self._all() if each.path not in self._told), default=0)
        return self._newest + self._spacing

    def _write(self, path: Path, data: bytes) -> None:
        """Put a file there whole or not at all, whenever the power goes."""
        write_whole(path, data)
        self._told.discard(path)
        self._useless.discard(path)

    def _thin_out(self) -> None:
        """Remove what is damaged or outdated, and of the others those that are missed least."""
        for path in sorted(self._useless):
            path.unlink(missing_ok=True)
        self._useless.clear()
        kept = sorted(self._all(), key=lambda each: each.limit)
        while len(kept) > self._most:
            limits = [0, *(each.limit for each in kept)]
            gaps = [(limits[at + 2] - limits[at], at) for at in range(len(kept) - 1)]
            kept.pop(min(gaps)[1]).path.unlink(missing_ok=True)

    def _all(self) -> Iterator[Snapshot]:
        for path in sorted(self.folder.glob(f"*{ENDING}")):
            try:
                with path.open("rb") as file:
                    head, _ = read_head(file.read(len(MAGIC) + 4 + MOST_HEAD_BYTES))
            except FileNotFoundError:
                continue  # another process has just thinned them out
            except (OSError, StateError) as error:
                self._ignore(path, str(error), useless=True)
                continue
            yield Snapshot(path=path, assertion=head.assertion, limit=head.limit)

    def _ignore(self, path: Path, reason: str, *, useless: bool = False) -> None:
        if useless:
            self._useless.add(path)
        if path not in self._told:
            self._told.add(path)
            self._report("snapshot_ignored", {"path": str(path), "reason": reason})
