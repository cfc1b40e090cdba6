"""What is acknowledged survives; what is torn was never acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.errors import DataMismatch, DataMissing, StateError
from tallystick_operator.sequencer.record_log import Entry, EntryKind, RecordLog
from tallystick_operator.storage.logfiles import HEADER_BYTES, MARK_ENDING

GENESIS = bytes(range(32))


def before_the_mark(path: Path) -> None:
    """Leave no mark, as if the power went before it was on disk: nothing says then that the last group was acknowledged."""
    path.with_name(path.name + MARK_ENDING).unlink()


def entry(text: str) -> Entry:
    return Entry(kind=EntryKind.RECORD, body=text.encode())


def bodies(path: Path) -> list[str]:
    with RecordLog(path, GENESIS) as log:
        return [each.body.decode() for each in log.entries()]


def written(path: Path) -> list[int]:
    """Write three groups and return the file's size after each."""
    log = RecordLog(path, GENESIS)
    sizes = []
    for group in (["one", "two"], ["three"], ["four", "five", "six"]):
        log.append([entry(text) for text in group])
        sizes.append(path.stat().st_size)
    log.close()
    return sizes


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    written(tmp_path / "log")
    assert bodies(tmp_path / "log") == ["one", "two", "three", "four", "five", "six"]


def test_a_cut_at_any_byte_of_the_last_group_loses_that_group_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sizes = written(path)
    whole = path.read_bytes()
    for size in range(sizes[1], sizes[2]):
        path.write_bytes(whole[:size])
        before_the_mark(path)
        with RecordLog(path, GENESIS) as log:
            assert log.cut_bytes == size - sizes[1]
            log.append([entry("seven")])
        assert bodies(path) == ["one", "two", "three", "seven"]


def test_a_flipped_bit_in_the_last_group_cuts_that_group_unless_it_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sizes = written(path)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(DataMismatch, match="damaged"):
        RecordLog(path, GENESIS)
    before_the_mark(path)
    assert bodies(path) == ["one", "two", "three"]
    assert path.stat().st_size == sizes[1]


def test_zeros_behind_the_last_group_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path)
    with path.open("ab") as file:
        file.write(bytes(5_000))
    assert len(bodies(path)) == 6


def test_damage_before_the_last_group_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sizes = written(path)
    for at in (HEADER_BYTES + 9, sizes[0] + 9):
        damaged = bytearray(path.read_bytes())
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(DataMismatch):
            RecordLog(path, GENESIS)
        damaged[at] ^= 1
        path.write_bytes(damaged)


def test_a_log_of_another_deployment_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "log")
    with pytest.raises(StateError):
        RecordLog(tmp_path / "log", bytes(32))


def test_a_file_torn_in_its_header_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path)
    path.write_bytes(path.read_bytes()[: HEADER_BYTES - 1])
    with pytest.raises(DataMissing, match="acknowledged"):
        RecordLog(path, GENESIS)
    before_the_mark(path)
    assert not bodies(path)
