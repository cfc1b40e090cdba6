"""What the documents claim of files, anchors, targets, options, endpoints and figures is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup

from tallystick import cli
from tallystick.demo.cli import LIES
from tallystick.schema.names import CONSTANTS
from tallystick.shapes import routes
from tests.meta.tree import ROOT, files, shown

PAGES = [*files(".md", under="docs"), ROOT / "README.md"]
LINK = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
BASES = ("", "shared/tallystick", "contracts", "contracts/src", "docs")
"""What a path may be relative to."""
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*(?:/|/[\w-]+|\.(?:py|sol|md|js|json|jsonl|toml|yml|txt))")
MADE = {
    "deployment.json",
    "records.log",
    "events.jsonl",
    "exchange.toml",
    ".tallystick/challenger",
    ".tallystick/operator",
    ".tallystick/price-signer",
    "artifacts/machine.txt",
}
"""What is made by whoever runs something."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.replace("`", "").lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_anchor_of_a_page_is_a_heading(page: Path) -> None:
    for target, name in LINK.findall(text_of(page)):
        if "://" in target:
            continue
        there = page.parent / target if target else page
        assert name in map(anchor, HEADING.findall(text_of(there))), f"{target}#{name}"


def exists(path: str, among: set[str]) -> bool:
    """Whether a path leads somewhere, from the root, a source folder, or a folder that the page names as well."""
    return any((ROOT / base / path).exists() for base in (*BASES, *among))


def paths(page: Path) -> Iterator[str]:
    """Yield what a page names as a file or a folder of this repository."""
    for span in SPAN.findall(re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)):
        name = span.partition("::")[0].removeprefix("node ")
        looks = PATH.fullmatch(name) and ("/" in name or name.endswith((".py", ".sol")))
        if looks and "new_step" not in name and "NewStep" not in name and name not in MADE:
            yield name


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    """Those of `docs/adding.md` are where a new record, order type, instrument, alert goes."""
    names = set(paths(page))
    assert names or page.name != "adding.md"
    bare = {path.name for path in files(".py", ".sol")}
    assert [name for name in names if not (exists(name, names) if "/" in name else name in bare)] == []


def test_every_page_is_linked_from_the_front_page() -> None:
    front = text_of(ROOT / "README.md")
    pages = [path for path in files(".md", under="docs") if path.parent.name in ("docs", "runbooks")]
    assert [shown(path) for path in pages if f"({shown(path)})" not in front] == []


def test_every_target_of_make_that_a_page_names_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    variables = set(re.findall(r"^([A-Z_]+) \?=", text_of(ROOT / "Makefile"), re.MULTILINE))
    for page in PAGES:
        text = text_of(page)
        lines = re.findall(r"`make ([^`\n]+)`", text)
        for block in re.findall(r"^```\n.*?^```", text, re.MULTILINE | re.DOTALL):
            lines += re.findall(r"^make ([^\n#]+)", block, re.MULTILINE)
        for line in lines:
            for word in re.findall(r"[^\s\"]+(?:\"[^\"]*\")?", line):
                name, given, _ = word.partition("=")
                assert name in (variables if given else targets), f"{shown(page)}: make {line}"


def test_the_makefile_says_how_much_is_played_by_default() -> None:
    made = text_of(ROOT / "Makefile")
    values = dict(re.findall(r"^([A-Z_]+) \?= ?([0-9]+)$", made, re.MULTILINE))
    assert dict(re.findall(r"## .*?\b([A-Z]+)=([0-9]+)", made)) == {name: values[name] for name in ("STEPS", "SEEDS")}


def every(command: Any) -> Iterator[str]:
    for each in command.params:
        yield from (*each.opts, *each.secondary_opts)
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            yield from every(each)


def test_every_option_that_a_page_names_is_one() -> None:
    known = {word for group in cli.groups().values() for word in every(group.load())}
    known |= {"--help", "--version", "--install-completion", "--via-ir", "--require-hashes"}
    for page in PAGES:
        for span in SPAN.findall(text_of(page)):
            assert [word for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span) if word not in known] == [], (
                f"{shown(page)}: {span}"
            )


def test_the_endpoints_of_the_page_are_those_of_the_operator() -> None:
    told = set(re.findall(r"`((?:GET|POST) /v1/[^`?]+)", text_of(ROOT / "docs" / "operator.md")))
    declared = {f"{each.method} {each.path}" for each in vars(routes).values() if isinstance(each, routes.Endpoint)}
    assert told == declared | {f"GET {routes.METRICS}", f"GET {routes.OPENAPI}"}


def test_the_lies_of_the_front_page_can_be_told() -> None:
    front = text_of(ROOT / "README.md")
    told = set(re.findall(r"--lie ([a-z-]+)", front)) | set(
        re.findall(r"[a-z]+(?:-[a-z]+)*", re.findall(r"# other lies: (.+)", front)[0])
    )
    assert told == set(LIES)


def test_a_figure_behind_the_name_of_a_constant_is_its_value() -> None:
    found = 0
    for page in PAGES:
        for name, value in re.findall(
            r"`([A-Z][A-Z0-9_]{3,})`?(?:,|:| is| =) `?([0-9][0-9,]*)(?![0-9.,]*[\w.])", text_of(page)
        ):
            if name in CONSTANTS:
                found += 1
                assert int(value.replace(",", "")) == CONSTANTS[name][0], f"{shown(page)}: {name}"
    assert found, "no page names one, or all in other words"
