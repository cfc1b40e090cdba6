"""Files that are damaged, missing or somebody else's end a command with a sentence, never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.errors import BadInput, ConfigError, StateError, TallystickError
from tallystick.journal import Journal
from tallystick.l1.cli import app as l1
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.ports.system import SystemClock
from tallystick.testing.rogues.rogue_operator import recall_lie
from tallystick_challenger.cli import app as challenger
from tallystick_operator.sequencer.record_log import RecordLog


def test_a_damaged_transaction_queue_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "l1.sqlite"
    path.write_bytes(b"junk" * 500)
    for _ in range(2):
        with pytest.raises(StateError, match="damaged") as caught:
            QueueStore(path)
        assert "move the file away" in caught.value.hint
    assert path.read_bytes() == b"junk" * 500


def test_a_folder_where_a_file_should_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateError):
        QueueStore(tmp_path)
    with pytest.raises(StateError):
        RecordLog(tmp_path, bytes(32))
    with pytest.raises(ConfigError):
        Journal(tmp_path, clock=SystemClock())


def test_a_damaged_memory_of_a_lie_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lie.json").write_text("junk")
    with pytest.raises(StateError):
        recall_lie("random-root", bytes(20), tmp_path, lambda: 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data-dir", "{file}", "--mode", "watch"],
        ["--data-dir", "{folder}", "--mode", "watch", "--poll", "0"],
        ["--data-dir", "{folder}", "--mode", "watch", "--poll", "-1"],
        ["--data-dir", "{folder}", "--mode", "watch", "--tag", "newest"],
        ["--data-dir", "{folder}", "--mode", "sleep"],
        ["--data-dir", "{folder}"],
    ],
)
def test_a_challenger_that_cannot_work_says_why(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "file").touch()
    given = [each.format(file=tmp_path / "file", folder=tmp_path / "data") for each in arguments]
    result = CliRunner().invoke(challenger, ["run", "--deployment", str(tmp_path / "none.json"), *given])
    assert isinstance(result.exception, TallystickError)
    assert "deployment" not in result.exception.message


def test_batches_to_verify_are_in_order(tmp_path: Path) -> None:
    arguments = ["verify", "--deployment", str(tmp_path / "none.json"), "--from", "3", "--to", "2"]
    assert isinstance(CliRunner().invoke(challenger, arguments).exception, BadInput)


def test_nothing_is_deployed_when_the_record_could_not_be_written(tmp_path: Path) -> None:
    for name in ("exchange.toml", "deployer.key"):
        (tmp_path / name).touch(mode=0o600)
    files = ["--config", str(tmp_path / "exchange.toml"), "--key-file", str(tmp_path / "deployer.key")]
    result = CliRunner().invoke(l1, ["deploy", *files, "--out", str(tmp_path / "nowhere" / "deployment.json")])
    assert isinstance(result.exception, BadInput)
    assert "cannot be written" in result.exception.message


@pytest.mark.parametrize(
    "arguments",
    [
        ["dev", "--port", "65536"],
        ["dev", "--port", "-1"],
        ["dev", "--port", "0", "--block-time", "-1"],
        ["dev", "--port", "0", "--block-time", "nan"],
        ["fund", "0x" + "00" * 20, "inf"],
        ["mine", "0"],
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(l1, arguments).exit_code == 2
