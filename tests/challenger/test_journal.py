"""Events for people and for programs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tallystick.journal import Journal
from tallystick.testing.handclock import HandClock


@pytest.mark.parametrize("people", [False, True])
def test_the_file_gets_json_and_the_stream_what_it_asks_for(tmp_path: Path, people: bool) -> None:
    stream = io.StringIO()
    journal = Journal(tmp_path / "events.jsonl", stream, clock=HandClock(began=1_700_000_000.25), people=people)
    journal.write("lie_half_time", alarm=True, assertion=bytes(range(32)), blocks=7)
    journal.close()
    told = json.loads((tmp_path / "events.jsonl").read_text())
    assert told == {
        "event": "lie_half_time",
        "time": 1_700_000_000.25,
        "alarm": True,
        "assertion": "0x" + bytes(range(32)).hex(),
        "blocks": 7,
    }
    line = stream.getvalue()
    if people:
        assert line.endswith("! lie half time: assertion 0x00010203…, blocks 7\n")
    else:
        assert json.loads(line) == told
