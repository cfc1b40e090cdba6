"""Whether the machine runs compiled, and how to run it interpreted all the same."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import util
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

MACHINE = "tallystick.machine.engine"
PACKAGES = ("tallystick.", "tallystick_operator.")
"""Where compiled modules are."""


def is_compiled() -> bool:
    """Whether the machine's modules are those that mypyc compiled."""
    spec = util.find_spec(MACHINE)
    return spec is not None and spec.origin is not None and Path(spec.origin).suffix != ".py"


def is_stale() -> bool:
    """Whether a source file of the machine is newer than what was compiled from it."""
    if not is_compiled():
        return False
    here = Path(__file__).parents[1]
    compiled = [path for root in (here, here.parent / "operator") for path in root.rglob("*.so")]
    sources = [path.with_name(path.name.partition(".")[0] + ".py") for path in compiled]
    newest = max(path.stat().st_mtime for path in sources if path.is_file())
    return newest > min(path.stat().st_mtime for path in compiled)


def how() -> str:
    """Say it in a word."""
    return "compiled" if is_compiled() else "interpreted"


class _SourceOnly(MetaPathFinder):
    """Finds Tallystick's modules as source, whatever lies beside it compiled."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        leaf = fullname.rpartition(".")[2]
        for folder in path or () if fullname.startswith(PACKAGES) else ():
            source = Path(folder) / f"{leaf}.py"
            if source.is_file():
                return util.spec_from_file_location(fullname, source)
        return None


def interpret() -> None:
    """Have every module of Tallystick that is imported from now on run from its source."""
    sys.meta_path.insert(0, _SourceOnly())
