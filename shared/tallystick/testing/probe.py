"""Writes the machine's fingerprint: `python -m tallystick.testing.probe`, or with `--check` compares it.

The histories are the short scenarios, each from a genesis. `make contracts` writes the file as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from tallystick import artifacts
from tallystick.deploy.fingerprint import FILE, Case, encode, run_case
from tallystick.testing.scenarios import NAMED, SCENARIOS
from tallystick.testing.scenarios.scene import Scene

PATH: Final = Path(artifacts.__file__).parent / FILE
ONE_OF_THESE: Final = "flow_0"
"""Of the scenarios made by chance one is enough here."""
MOST_BYTES: Final = 12_000
"""Of any other history: what only fills chunks or pages to the brim is left to the tests."""


def cases() -> list[Case]:
    """Return every scenario worth a line, with what the machine makes of it now."""
    made = [_case(name) for name in sorted(SCENARIOS) if name in (ONE_OF_THESE, *NAMED)]
    worth = [case for case in made if case.name == ONE_OF_THESE or _size(case) <= MOST_BYTES]
    return [replace(case, digest=run_case(case)) for case in worth]


def render() -> str:
    """Return the file's text."""
    return "".join(json.dumps(encode(case)) + "\n" for case in cases())


def _case(name: str) -> Case:
    scene = Scene()
    SCENARIOS[name](scene)
    scene.finish()
    published = scene.published
    batches = zip(published.headers, published.chunks, strict=True)
    return Case(
        name=name,
        genesis=scene.genesis.encode(),
        batches=tuple((each.time, each.until, each.message_limit, tuple(chunks)) for each, chunks in batches),
        messages=tuple(published.messages),
    )


def _size(case: Case) -> int:
    return sum(len(chunk) for *_, chunks in case.batches for chunk in chunks) + sum(map(len, case.messages))


def main() -> int:
    """Write the file, or compare it; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    text = render()
    if parser.parse_args().check:
        same = PATH.exists() and PATH.read_text(encoding="utf-8") == text
        sys.stdout.write(f"probe: {PATH.name} is {'' if same else 'not '}what this machine does\n")
        return 0 if same else 1
    PATH.write_text(text, encoding="utf-8")
    sys.stdout.write(f"probe: wrote {len(text.splitlines())} histories\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
