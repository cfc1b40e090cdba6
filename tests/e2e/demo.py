"""Running the demo as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SECONDS = 240


def demo(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tallystick", "demo", *arguments]


def children(folder: Path) -> list[str]:
    """Return the command lines of the processes that work in a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def caught(lie: str, folder: Path) -> None:
    """Run the demo with a lie, and check what it says at its end."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(
        demo("--lie", lie, "--json"), capture_output=True, text=True, check=False, timeout=SECONDS, env=environment
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ok"] and told["solvent"]
    assert told["honest"]["orders"] > 0 and told["honest"]["fills"] > 0 and told["honest"]["withdrawn_atoms"] > 0
    dispute = told["dispute"]
    assert dispute["lie"] == lie and dispute["liar_bond_lost"] and dispute["honest_bond_back"]
    if lie == "nested":  # the thief halves her root and waits: nobody gets as far as one step
        assert dispute["bisections"] > 0 and not dispute["step"]
    else:
        assert dispute["bisections"] == 20 and dispute["step"]
    assert not children(folder)
