"""Running a task interpreted and compiled, whichever of the two this installation is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tallystick.errors import BadInput, TallystickError
from tallystick.native import is_compiled

REFUSED = "refused"
"""The key under which a child says that it was given bad input."""
REPOSITORY = Path(__file__).resolve().parents[3]
BUILT_BY = ("hatch_build.py", "pyproject.toml")
COMPILED_IN = ("shared", "operator")
"""Folders of source that has compiled parts."""
KEPT = REPOSITORY / "build" / "kept"
"""The compiled files of copies, by the fingerprint of their source."""


@contextmanager
def compiled_source() -> Iterator[Path | None]:
    """Give the folder to import the compiled machine from: this one, or a compiled copy of it; None without either.

    A copy is made from the repository where there is mypy and a C compiler, unless TALLYSTICK_NATIVE is 0. Compiling
    takes some fifteen seconds, once: what came of it is kept in `build` for the same source.
    """
    here = Path(__file__).resolve().parents[2]
    if is_compiled():
        yield here
        return
    if os.environ.get("TALLYSTICK_NATIVE") == "0" or not (REPOSITORY / "hatch_build.py").is_file():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="tallystick-native-") as name:
        yield _compiled_copy(here, Path(name))


def _compiled_copy(source: Path, folder: Path) -> Path | None:
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    for name in COMPILED_IN:
        shutil.copytree(source.parent / name, folder / name, ignore=ignored)
    for name in BUILT_BY:
        shutil.copy(REPOSITORY / name, folder / name)
    kept = KEPT / _fingerprint(folder)
    if not kept.is_dir():
        sys.stderr.write("compiling a copy of the machine (make native does it for good) ...\n")
        command = [sys.executable, "hatch_build.py"]
        built = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if built.returncode:
            sys.stderr.write(f"it does not compile here: {(built.stderr or built.stdout).strip().splitlines()[-1]}\n")
            return None
        _keep(folder, kept)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return folder / COMPILED_IN[0]


def paths_of(source: Path | None) -> list[str]:
    """Return what a child's PYTHONPATH begins with, so that it runs what lies in a compiled source."""
    if source is None:
        return []
    found = [source, *(source.parent / name for name in COMPILED_IN[1:])]
    return [str(path) for path in found if path.is_dir()]


def _fingerprint(folder: Path) -> str:
    """Name what is compiled: all of the source, how it is built, and for which Python."""
    digest = hashlib.sha256(sys.version.encode())
    sources = [path for name in COMPILED_IN for path in (folder / name).rglob("*.py")]
    for path in sorted([*sources, *(folder / name for name in BUILT_BY)]):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:20]


def _keep(compiled: Path, kept: Path) -> None:
    """Keep the compiled files; whoever does the same at the same time keeps the same."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as name:
        made = Path(name) / kept.name
        for path in compiled.rglob("*.so"):
            copy = made / path.relative_to(compiled)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        with suppress(OSError):
            made.rename(kept)


def measure(module: str, task: str, *, source: Path | None, **arguments: Any) -> dict[str, Any]:
    """Run a task of a module in a process of its own: compiled from `source`, interpreted when that is None.

    Raises: BadInput when the task does not take what it is given, TallystickError when the process fails.
    """
    asked = {"module": module, "task": task, "interpreted": source is None, **arguments}
    paths = paths_of(source)
    paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    ran = subprocess.run(
        [sys.executable, "-m", "tallystick.bench.one_run"],
        input=json.dumps(asked),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    if ran.returncode:
        raise TallystickError(f"measuring {task} ended with exit code {ran.returncode}")
    result: dict[str, Any] = json.loads(ran.stdout)
    if REFUSED in result:
        raise BadInput(result[REFUSED], hint=result["hint"])
    return result
