"""Compiles the machine with mypyc: into a wheel where a C compiler is at hand, or in place by `make native`.

Without a compiler, without mypy, or with TALLYSTICK_NATIVE=0 the same modules run interpreted, to the same result.
TALLYSTICK_NATIVE_OPT is how much the C compiler optimises, 0 to 3: the less, the sooner it is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
SOURCE: Final = ROOT / "shared"
SOURCES: Final = (SOURCE, ROOT / "operator")
"""Where there is something to compile. What several modules share goes into the first."""
WORK: Final = ROOT / "build" / "native"
GROUPS: Final = {"tallystick": "shared", "tallystick_operator": "operator"}
"""What is compiled into one library each, and where its source lies."""

# The state hash's Python half is what the machine touches in every step; hashing.py chooses its keccak when imported.
COMPILED: Final = (
    "tallystick/machine/**/*.py",
    "tallystick/records/parsing.py",
    "tallystick/state/arguments.py",
    "tallystick/state/cells.py",
    "tallystick/state/codes.py",
    "tallystick/state/fields.py",
    "tallystick/state/layout.py",
    "tallystick/state/packing.py",
    "tallystick/state/state.py",
    "tallystick/state/table.py",
    "tallystick/state/tree.py",
    "tallystick_operator/intake/clientids.py",
    "tallystick_operator/sequencer/answers.py",
    "tallystick_operator/sequencer/branch.py",
    "tallystick_operator/sequencer/core.py",
    "tallystick_operator/sequencer/executor.py",
    "tallystick_operator/sequencer/readmodel.py",
    "tallystick_operator/sequencer/recent.py",
)
# Calls inside one shared object need not go through the linker's table; no floating point is involved.
FLAGS: Final = ("-fno-semantic-interposition", "-fvisibility=hidden")


def modules() -> list[Path]:
    """Return the source files to compile."""
    found = {path for source in SOURCES for pattern in COMPILED for path in source.glob(pattern)}
    return sorted(path for path in found if path.name != "__init__.py")


def built() -> list[Path]:
    """Return the compiled files that lie beside the source."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
    return sorted(path for source in SOURCES for path in source.rglob(f"*{suffix}") if path.is_file())


def clear() -> None:
    """Remove what was compiled in place, of any Python version."""
    for source in SOURCES:
        for path in (*source.rglob("*.so"), *source.rglob("*.pyd")):
            path.unlink()


def compile_in_place() -> None:
    """Compile the modules beside their source.

    Raises: ImportError without mypy or setuptools, SystemExit when the C compiler fails or is missing.
    """
    from mypyc.build import mypycify  # noqa: PLC0415 -- only needed where something is compiled
    from setuptools import setup  # noqa: PLC0415

    clear()
    WORK.mkdir(parents=True, exist_ok=True)
    paths = [str(path.relative_to(ROOT)) for path in modules()]
    groups = {name: [each for each in paths if each.startswith(folder + "/")] for name, folder in GROUPS.items()}
    extensions: list[Any] = mypycify(
        ["--config-file", str(ROOT / "pyproject.toml"), *paths],
        opt_level=os.environ.get("TALLYSTICK_NATIVE_OPT", "3"),
        debug_level="0",
        target_dir=str(WORK),
        # A change of the operator's modules does not compile the machine anew.
        separate=[(group, name) for name, group in groups.items() if group],
    )
    for extension in extensions:
        extension.extra_compile_args.extend(FLAGS)
    setup(
        name="tallystick-native",
        packages=[],
        package_dir={"": "shared", "tallystick_operator": "operator/tallystick_operator"},
        ext_modules=extensions,
        script_args=[
            "--quiet",
            "build_ext",
            "--inplace",
            "--build-temp",
            str(WORK / "temp"),
            f"--parallel={os.cpu_count() or 1}",
        ],
    )
    for path in built():
        path.touch()  # what needed no compiling is not older than its source either


class NativeHook(BuildHookInterface[Any]):
    """Puts the compiled machine into a wheel, for the Python and platform it is built on."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless this is an editable install, which `make native` is for."""
        if version == "editable" or os.environ.get("TALLYSTICK_NATIVE") == "0":
            return
        outcome = subprocess.run([sys.executable, __file__], cwd=ROOT, check=False, capture_output=True, text=True)
        if outcome.returncode:
            if os.environ.get("TALLYSTICK_NATIVE") == "1":
                raise RuntimeError(f"the machine did not compile:\n{outcome.stdout}{outcome.stderr}")
            self.app.display_warning(
                "the machine did not compile: it will run interpreted (TALLYSTICK_NATIVE=1 says why)"
            )
            clear()
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        for path in built():
            source = next(source for source in SOURCES if path.is_relative_to(source))
            build_data["force_include"][str(path)] = path.relative_to(source).as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave the source as it was: what is in the wheel needs not lie there as well."""
        if version != "editable":
            clear()


def main(arguments: list[str]) -> None:
    """Compile in place, or remove that again with `--clear`."""
    os.chdir(ROOT)
    if arguments == ["--clear"]:
        clear()
        return
    compile_in_place()


if __name__ == "__main__":
    main(sys.argv[1:])
