"""Sources that lie, lag, die, drip, have no end, lead elsewhere: each costs itself, and nobody else."""

from __future__ import annotations

import asyncio
import gzip
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tallystick.ports.system import SystemClock
from tallystick.price_signer.gathering.asking import MOST_BYTES, Asker
from tallystick.price_signer.gathering.pricing import Said
from tallystick.price_signer.gathering.source_quotes import Quotes
from tallystick.price_signer.gathering.sources import askings, read_sources
from tallystick.state.ordinals import MarketId
from tests.price_signer.source_server import SourceServer, whole

SECONDS = 2.5


@pytest.fixture
def server() -> Iterator[SourceServer]:
    made = SourceServer()
    yield made
    made.close()


def asked(folder: Path, *sources: str, seconds: float = SECONDS) -> dict[str, Said]:
    """Return what each source said when all were asked once, at the same time."""
    lines = ["[[market]]", "market = 0", "tick = 1"]
    for number, each in enumerate(sources):
        lines += ["[[market.source]]", f'name = "{number}"', each, f"timeout_seconds = {seconds}"]
    (folder / "sources.toml").write_text("\n".join(lines))
    markets = read_sources(folder / "sources.toml")
    clock = SystemClock()
    quotes = Quotes(markets, clock)
    asyncio.run(Asker(quotes, clock).ask_once(askings(markets)))
    return dict(quotes.of(MarketId(0)))


def test_a_source_that_misbehaves_costs_itself_and_no_time_of_the_others(server: SourceServer, tmp_path: Path) -> None:
    small = gzip.compress(bytes(1 << 20))
    server.says = {
        "/well": b'{"p": 5}',
        "/drips": server.drips,
        "/hangs": server.hangs,
        "/endless": server.has_no_end,
        "/garbage": b"<html>",
        "/elsewhere": partial(whole, body=b"", status=302, Location="/well"),
        "/broken": partial(whole, body=b'{"p": 5}', status=500),
        "/compressed": partial(whole, body=small, Content_Encoding="gzip"),
        "/empty": b"",
    }
    paths = [*server.says, "/elsewhere/twice"]
    began = time.monotonic()
    found = asked(tmp_path, *[f'url = "{server.url}{path}"\npath = "p"' for path in paths])
    assert time.monotonic() - began < 5 * SECONDS + 2
    told = {path: found[str(number)] for number, path in enumerate(paths)}
    assert told.pop("/well").price == 5
    assert {each.price for each in told.values()} == {None}
    assert {path: each.trouble for path, each in told.items()} == {
        "/drips": f"no answer within {SECONDS} s",
        "/hangs": f"no answer within {SECONDS} s",
        "/endless": "the answer is longer than 4 MiB",
        "/garbage": "the answer is no JSON",
        "/elsewhere": "status 302",
        "/broken": "status 500",
        "/compressed": "the answer is compressed",
        "/empty": "the answer is no JSON",
        "/elsewhere/twice": "the answer is no JSON",
    }
    assert server.asked.count("/well") == 1, "a redirect is not followed"


def test_a_source_that_is_not_there_says_so_without_its_path(tmp_path: Path) -> None:
    found = asked(tmp_path, 'url = "http://127.0.0.1:9/secret"\npath = "p"', 'url = "http://no.such.invalid/"')
    assert all(each.trouble.startswith("no answer") and "secret" not in each.trouble for each in found.values())


def test_commands_are_run_without_a_shell_and_ended_with_all_they_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    child = f"import time, pathlib\nwhile True: pathlib.Path({str(mark)!r}).touch(); time.sleep(0.02)"
    forks = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(9)"
    scripts = {
        "number": "print(61800.5)",
        "json": "print('{\"p\": 7}')",
        "fails": "print(5); raise SystemExit(3)",
        "says nothing": "",
        "has no end": f"import sys; sys.stdout.write('5' * {MOST_BYTES + 1})",
        "forks": forks,
    }
    names = list(scripts)
    command = [f"command = ['''{sys.executable}''', '-c', '''{text}''']" for text in scripts.values()]
    command[names.index("json")] += '\npath = "p"'
    command.append("command = ['/no/such/command']")
    command.append("command = ['echo', '$HOME']")
    found = asked(tmp_path, *command, seconds=3.0)
    said = {name: found[str(number)] for number, name in enumerate([*names, "missing", "shell"])}
    assert said["number"].price is not None and said["json"].price == 7
    assert said["fails"].trouble == "the command ended with 3"
    assert said["says nothing"].trouble.startswith("not a price")
    assert said["has no end"].trouble == "the answer is longer than 4 MiB"
    assert said["forks"].trouble.startswith("no answer within")
    assert said["missing"].trouble == "the command cannot be run: FileNotFoundError"
    assert "$HOME" in said["shell"].trouble
    touched = mark.stat().st_mtime
    time.sleep(0.2)
    assert mark.stat().st_mtime == touched, "what a command had started goes on"


def test_a_file_is_as_old_as_it_is_and_nothing_else_is_read(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("5")
    (tmp_path / "old").write_text("5")
    os.utime(tmp_path / "old", (time.time() - 60, time.time() - 60))
    (tmp_path / "huge").write_bytes(bytes(MOST_BYTES + 1))
    os.mkfifo(tmp_path / "pipe")
    names = ["new", "old", "huge", "pipe", "missing", "."]
    found = asked(tmp_path, *[f'file = "{tmp_path / name}"' for name in names])
    said = dict(zip(names, found.values(), strict=True))
    assert said["new"].price == said["old"].price == 5
    assert 59 < said["new"].at - said["old"].at < 62
    assert said["huge"].trouble == "the answer is longer than 4 MiB"
    assert "not a file" in said["pipe"].trouble
    assert "No such file" in said["missing"].trouble
    assert said["."].price is None
