"""The files of this repository, told apart from what was built or installed in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = {
    "shared": "tallystick",
    "operator": "tallystick_operator",
    "challenger": "tallystick_challenger",
}
_BUILT = {"node_modules", "out", "cache", "__pycache__", "build", "dist"}


def files(*suffixes: str, under: str = ".") -> Iterator[Path]:
    """Every file that ends in one of `suffixes` (any, if there are none), in a fixed order."""
    for folder, names, leaves in os.walk(ROOT / under):
        names[:] = sorted(name for name in names if _is_ours(name))
        for leaf in sorted(leaves):
            if leaf.endswith(suffixes or ("",)) and leaf != ".git":
                yield Path(folder) / leaf


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _is_ours(name: str) -> bool:
    hidden = name.startswith(".") and name not in {".ci", ".github"}
    return not hidden and name not in _BUILT and not name.endswith(".egg-info")
