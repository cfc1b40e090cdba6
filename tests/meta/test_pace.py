"""A file of tests that takes longer than a minute fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.meta.tree import ROOT
from tests.pace import FILE_SECONDS, SHARE, seconds_by_file, too_slow


@dataclass
class Phase:
    nodeid: str
    duration: float


def test_the_phases_of_all_of_a_files_tests_are_added_up() -> None:
    phases = [Phase("a.py::one", 1.0), Phase("a.py::one", 2.0), Phase("b.py::two", 4.0), Phase("a.py::three", 0.5)]
    assert seconds_by_file(phases) == {"b.py": 4.0, "a.py": 3.5}


def test_only_what_takes_more_than_its_time_is_too_slow() -> None:
    assert too_slow({"a.py": FILE_SECONDS}) == []
    assert [each.split()[0] for each in too_slow({"a.py": FILE_SECONDS + 1, "b.py": 1.0})] == ["a.py"]


def test_on_a_slow_machine_a_file_has_its_share_of_the_run() -> None:
    slow = {f"{i}.py": 50.0 for i in range(40)} | {"a.py": SHARE * 2_200, "b.py": 5 * FILE_SECONDS}
    assert [each.split()[0] for each in too_slow(slow)] == ["b.py"]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_with_a_file_that_is_too_slow_fails_and_names_it(workers: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.pace import pytest_sessionfinish\n"
        "from tests.pace import tell_slow_files as pytest_terminal_summary\n"
    )
    (tmp_path / "test_slow.py").write_text("import time\n\ndef test_sleeps():\n    time.sleep(0.3)\n")
    (tmp_path / "test_fast.py").write_text("def test_returns():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", workers, str(tmp_path)]
    alone = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for seconds, code in (("0.1", 1), ("30", 0)):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **alone, "TALLYSTICK_FILE_SECONDS": seconds},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert ("test_slow.py took" in done.stdout) == bool(code)
        assert "test_fast.py took" not in done.stdout
