"""Running a task interpreted and compiled, whichever of the two this installation is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tallystick.errors import BadInput, TallystickError
from tallystick.native import is_compiled

REFUSED = "refused"
"""The key under which a child says that it was given bad input."""
REPOSITORY = Path(__file__).resolve().parents[3]


@contextmanager
def compiled_source() -> Iterator[Path | None]:
    """Give the folder to import the compiled machine from: this one, or a compiled copy of it; None without either.

    A copy is made from the repository where there is mypy and a C compiler, and takes some fifteen seconds.
    """
    here = Path(__file__).resolve().parents[2]
    if is_compiled():
        yield here
        return
    if not (REPOSITORY / "hatch_build.py").is_file():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="tallystick-native-") as name:
        yield _compiled_copy(here, Path(name))


def _compiled_copy(source: Path, folder: Path) -> Path | None:
    sys.stderr.write("compiling a copy of the machine (make native does it for good) ...\n")
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(source, folder / "shared", ignore=ignored)
    for name in ("hatch_build.py", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder / name)
    built = subprocess.run([sys.executable, "hatch_build.py"], cwd=folder, check=False, capture_output=True, text=True)
    if built.returncode:
        sys.stderr.write(f"it does not compile here: {(built.stderr or built.stdout).strip().splitlines()[-1]}\n")
        return None
    return folder / "shared"


def measure(module: str, task: str, *, source: Path | None, **arguments: Any) -> dict[str, Any]:
    """Run a task of a module in a process of its own: compiled from `source`, interpreted when that is None.

    Raises: BadInput when the task does not take what it is given, TallystickError when the process fails.
    """
    asked = {"module": module, "task": task, "interpreted": source is None, **arguments}
    paths = [str(source)] if source else []
    paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    ran = subprocess.run(
        [sys.executable, "-m", "tallystick.bench.child"],
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
