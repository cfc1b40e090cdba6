"""Folders are drawers that one sees into, a module's name is its own, and production knows no laboratory."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

from tests.meta.tree import ROOT, SOURCE_ROOTS, files, shown

MOST_FILES = 12
CROWDED = {
    "contracts/src/referee/steps": "one file a step",
    "shared/tallystick/machine/steps": "one file a step",
}
"""Folders with more files, each with its reason."""
EVERYWHERE = {"__init__", "__main__", "cli", "config", "daemon"}
"""Names that mean the same thing in every package."""
LABORATORY = {"bench", "demo", "recordings", "testing"}
"""Packages of the shared root that no daemon needs."""
NEIGHBOURS = {"price_signer", "trader"}
"""Packages that run in production, but in neither daemon."""


RULES = ("What runs in production", "What the operator and the challenger share")
"""How the names of the two contracts begin that name every package."""


def modules() -> list[Path]:
    roots = tuple(f"{root}/" for root in SOURCE_ROOTS)
    return [path for path in files(".py") if shown(path).startswith(roots)]


def stem_of(name: str) -> str:
    """Return a name without what makes two of one thing: its plural, its underscores."""
    return name.replace("_", "").removesuffix("s")


def test_a_folder_has_a_dozen_files_of_code_at_most() -> None:
    sources = [*modules(), *files(".sol", under="contracts/src")]
    held = Counter(shown(path.parent) for path in sources if path.stem not in {"__init__", "__main__"})
    assert {folder: count for folder, count in held.items() if count > MOST_FILES and folder not in CROWDED} == {}
    assert all(held[folder] > MOST_FILES for folder in CROWDED), "an exception that is needed no more"


def test_no_two_modules_have_one_name_or_nearly_one() -> None:
    named: dict[str, list[str]] = {}
    for path in modules():
        if path.stem not in EVERYWHERE:
            named.setdefault(stem_of(path.stem), []).append(shown(path))
    assert {stem: paths for stem, paths in named.items() if len(paths) > 1} == {}


def test_the_contracts_of_imports_name_every_package() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    alone, apart = (next(each for each in rules if each["name"].startswith(name)) for name in RULES)
    top = ROOT / "shared" / "tallystick"
    parts = {path.stem for path in top.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    parts -= {"__init__", "__main__"}
    production = {f"tallystick.{name}" for name in parts - LABORATORY - NEIGHBOURS}
    assert set(alone["source_modules"]) == production | {"tallystick_operator", "tallystick_challenger"}
    assert set(alone["forbidden_modules"]) == {f"tallystick.{name}" for name in LABORATORY | NEIGHBOURS}
    assert set(apart["source_modules"]) == production | {f"tallystick.{name}" for name in NEIGHBOURS}
    assert set(apart["forbidden_modules"]) == {"tallystick_operator", "tallystick_challenger"}
    assert not {rule.get("ignore_imports") is not None for rule in (alone, apart)} - {False}


def test_the_picture_of_the_road_says_the_words_of_the_folders() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    road = text.partition("## The road")[2].partition("```")[2].partition("```")[0]
    for root in ("operator", "challenger"):
        folders = {path.parent.name for path in (ROOT / root / SOURCE_ROOTS[root]).glob("*/__init__.py")}
        assert folders and {name for name in folders if name not in road} == set()
