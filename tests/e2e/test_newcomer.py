"""What a newcomer meets on the way through README and the runbooks: a wrong file, a port in use, nobody there, a closed
pipe, Ctrl-C. Each ends in one sentence and what to do about it, with its exit code, and without a traceback.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tallystick import cli

TERMS: Final = """
[contracts]
sequencer = "0x0000000000000000000000000000000000000001"

[genesis]
governance = "0x0000000000000000000000000000000000000001"
quorum = 1
signers = ["0x0000000000000000000000000000000000000001"]
"""
NOBODY: Final = "http://127.0.0.1:1"
"""A port that nobody listens at."""
SECONDS: Final = 120


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what goes wrong in it, in which the command is given, without a setting of whoever runs the tests."""
    for name in [each for each in os.environ if each.startswith("TALLYSTICK_")]:
        monkeypatch.delenv(name)
    files = {
        "garbled.toml": "[garbled",
        "empty": "",
        "list.json": "[]",
        "other.json": "{}",
        "garbled.key": "garbage",
        "good.key": "11" * 32,
        "keystore.key": '{"crypto": 3, "version": 3}',
        "open.key": "11" * 32,
        "terms.toml": TERMS,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644 if name == "open.key" else 0o600)
    (tmp_path / "latin.toml").write_bytes(b'port = "\xff"\n')
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def busy() -> Iterator[int]:
    """A port in use."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


WRONG: Final = [
    (2, "l1 dev --port {busy}", "--port 0 takes a free one"),
    (2, "l1 dev --config none.toml", "that is there"),
    (2, "l1 dev --config folder", "that is there"),
    (2, "l1 dev --config garbled.toml", "name = value"),
    (2, "l1 dev --config latin.toml", "name = value"),
    (2, "l1 deploy --terms terms.toml --key-file none.key", "new-key"),
    (2, "l1 deploy --terms terms.toml --key-file folder", "new-key"),
    (2, "l1 deploy --terms terms.toml --key-file garbled.key", "hexadecimal"),
    (2, "l1 deploy --terms terms.toml --key-file empty", "hexadecimal"),
    (2, "l1 deploy --terms terms.toml --key-file open.key", "chmod 600"),
    (2, "l1 deploy --terms terms.toml --key-file keystore.key", "--password-file"),
    (2, "l1 deploy --terms terms.toml --key-file keystore.key --password-file good.key", "right password"),
    (2, "l1 deploy --terms terms.toml --key-file good.key --out none/record.json", "--out"),
    (2, "l1 deploy --terms terms.toml --key-file good.key --out other.json", "--out"),
    (2, "l1 deploy --terms terms.toml --key-file good.key --rpc nonsense", "http://host:port"),
    (2, "l1 deploy --terms terms.toml --key-file good.key --rpc http://127.0.0.1:99999", "http://host:port"),
    (3, "l1 deploy --terms terms.toml --key-file good.key --rpc {nobody}", "is the endpoint up"),
    (2, "l1 check none.json", "l1 deploy"),
    (2, "l1 check empty", "l1 deploy"),
    (2, "l1 check list.json", "l1 deploy"),
    (2, "l1 check folder", "l1 deploy"),
    (2, "l1 new-key good.key", "another name"),
    (2, "l1 new-key none/alice.key", "in a folder"),
    (2, "l1 new-key /proc/alice.key", "in a folder"),
    (3, "l1 mine --rpc {nobody}", "is the endpoint up"),
    (2, "operator run --deployment none.json --data-dir data --key-file good.key", "l1 deploy"),
    (2, "operator run --deployment other.json --data-dir data --key-file good.key", "l1 deploy"),
    (3, "operator status --operator {nobody}", "TALLYSTICK_OPERATOR"),
    (2, "operator status --operator nonsense", "http://"),
    (2, "challenger run --deployment none.json --data-dir data --key-file good.key", "l1 deploy"),
    (2, "challenger run --deployment other.json --data-dir /proc/data --mode watch", "--data-dir"),
    (2, "challenger run --deployment other.json --data-dir empty --mode watch", "--data-dir"),
    (2, "challenger status --deployment none.json", "l1 deploy"),
    (2, "challenger verify --deployment other.json", "l1 deploy"),
    (2, "price-signer run --config none.toml", "that is there"),
    (2, "price-signer run --config garbled.toml", "name = value"),
    (2, "price-signer run", "--key-file"),
    (3, "trader markets --operator {nobody}", "TALLYSTICK_OPERATOR"),
    (3, "trader account --key-file good.key --operator {nobody}", "TALLYSTICK_OPERATOR"),
    (2, "trader account --key-file garbled.key", "hexadecimal"),
    (2, "trader order 0 hold 5 617990 --key-file good.key", "buy or sell"),
    (3, "trader order 0 buy 5 617990 --key-file good.key --operator {nobody}", "TALLYSTICK_OPERATOR"),
    (2, "trader claim 0 --key-file good.key", "l1 deploy"),
    (2, "trader block show none.txt", "trader block offer"),
    (2, "trader block show folder", "trader block offer"),
    (2, "replay none.gz", "recording"),
    (2, "replay folder", "recording"),
    (2, "replay garbled.key", "receive time"),
    (2, "demo --flow none.gz", "--flow"),
    (2, "demo --lie nonsense", "the lies are"),
]
"""A command as it is given, how it ends, and a word of what it says to do."""


@pytest.mark.parametrize(("code", "line", "word"), WRONG, ids=[line for _, line, _ in WRONG])
def test_what_goes_wrong_is_told_in_a_sentence_and_what_to_do_in_a_second(
    folder: Path,
    busy: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: int,
    line: str,
    word: str,
) -> None:
    before = {each: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    monkeypatch.setattr(sys, "argv", ["tallystick", *shlex.split(line.format(busy=busy, nobody=NOBODY))])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    happened, *advice = capsys.readouterr().err.splitlines()
    assert ended.value.code == code
    assert happened.startswith("tallystick: ")
    assert len(advice) == 1 and advice[0].startswith("  ") and word in advice[0]
    assert {each: each.read_bytes() for each in before} == before, "nothing is lost"


@pytest.mark.parametrize(
    "line", ["--help", "--version", "l1 dev --help", "l1 new-key one two", "l1 address good.key", "trader order --help"]
)
def test_a_reader_that_has_read_enough_ends_a_command_quietly(folder: Path, line: str) -> None:
    """As `| head -1` does: the pipe is closed before the command writes."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from tallystick.cli import main; main()", *line.split()]
    try:
        ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    finally:
        os.close(writer)
    assert ended.stderr == ""
    assert ended.returncode in {0, 1}


def test_ctrl_c_ends_a_chain_and_a_command_that_waits_without_a_traceback(folder: Path) -> None:
    command = [sys.executable, "-u", "-c", "from tallystick.cli import main; main()"]
    chain = subprocess.Popen(
        [*command, "l1", "dev", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert chain.stdout is not None
        assert "http://" in chain.stdout.readline()
        chain.send_signal(signal.SIGINT)
        _, told = chain.communicate(timeout=SECONDS)
    finally:
        chain.kill()
    assert chain.returncode == 0
    assert told == ""
