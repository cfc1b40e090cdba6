"""Whether the machine runs compiled."""

from __future__ import annotations

from importlib import util
from pathlib import Path

MACHINE = "tallystick.machine.engine"


def is_compiled() -> bool:
    """Whether the machine's modules are those that mypyc compiled."""
    spec = util.find_spec(MACHINE)
    return spec is not None and spec.origin is not None and Path(spec.origin).suffix != ".py"


def is_stale() -> bool:
    """Whether a source file of the machine is newer than what was compiled from it."""
    if not is_compiled():
        return False
    folder = Path(__file__).parent
    compiled = [path.stat().st_mtime for path in folder.parent.glob("*.so")]
    sources = [path for part in ("machine", "state") for path in (folder / part).rglob("*.py")]
    return not compiled or max(path.stat().st_mtime for path in sources) > min(compiled)


def how() -> str:
    """Say it in a word."""
    return "compiled" if is_compiled() else "interpreted"
