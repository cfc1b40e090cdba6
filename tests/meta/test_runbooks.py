"""What the documents say of commands and defaults is what the commands and the code say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup, TyperOption

from tallystick import cli, errors
from tallystick.deploy.terms import DEVELOPMENT_DEFAULTS
from tallystick.l1.deployment import DeployConfig
from tallystick.price_signer.telling.signer_alerts import Limits as SignerLimits
from tallystick_challenger.telling.alerts import Limits
from tests.meta.tree import ROOT, files, shown

PAGES = [*files(".md", under="docs"), ROOT / "README.md"]
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(tallystick [^`]+)`")
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
GROUPS = {name: group.load() for name, group in cli.groups().items()}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def without_substitutions(line: str) -> str:
    """Return a line of a shell with what it would fill in filled in."""
    line = re.sub(r"\$\(tallystick [^()]*\)", ADDRESS, line)
    line = line.replace("$SECOND", "http://127.0.0.2:8545")
    return line.replace("$RPC", "http://127.0.0.1:8545").replace("$name", "alice").replace("$NUMBER", "0")


def calls(text: str) -> Iterator[str]:
    """Return every call of `tallystick` in a block, those inside loops and substitutions included."""
    for line in text.splitlines():
        yield from re.findall(r"\$\((tallystick [^()]*)\)", line)
        for part in re.split(r"; |\bdo ", without_substitutions(line)):
            if part.strip().startswith("tallystick "):
                yield part.strip().removesuffix("; done").partition(" #")[0].partition(" > ")[0].removesuffix(" …")


COMMANDS = [
    pytest.param(call, id=f"{shown(page)}: {call[:60]}")
    for page in PAGES
    for block in BLOCK.findall(text_of(page))
    for call in calls(block)
]
SPANS = sorted({span for page in PAGES for span in SPAN.findall(text_of(page).replace("\n", " "))})


def found(words: list[str]) -> tuple[Any, list[str], str]:
    """Return the command that words lead to, the words behind its name, and its name."""
    at, name = 1, words[0]
    command: Any = GROUPS.get(words[0])
    if command is None:
        assert words[0] in ("version", "--version", "--help", "--install-completion", "GROUP"), words
        return None, [], name
    while isinstance(command, TyperGroup) and at < len(words) and words[at][0] != "-" and words[at] != "COMMAND":
        assert words[at] in command.commands, f"there is no `tallystick {' '.join(words[: at + 1])}`"
        command, name, at = command.commands[words[at]], words[at], at + 1
    return command, words[at:], name


@pytest.mark.parametrize("call", COMMANDS)
def test_every_command_of_a_page_is_one(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(call)[1:]
    for word in words:
        if word.endswith(".toml"):
            (tmp_path / word).touch()
    command, rest, name = found(words)
    if command is None or "--help" in rest:
        return
    assert not isinstance(command, TyperGroup), f"{call}: a group, not a command"
    with command.make_context(name, [*rest]):
        pass


@pytest.mark.parametrize("span", SPANS)
def test_every_command_named_in_a_sentence_is_one(span: str) -> None:
    command, rest, _ = found(shlex.split(span)[1:])
    if command is not None and not isinstance(command, TyperGroup):
        known = {word for each in command.params for word in each.opts} | {"--help"}
        assert {word for word in rest if word.startswith("--")} <= known


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_the_terms_of_a_deployment_are_those_of_the_table() -> None:
    rows = re.findall(
        r"^\| (`[a-z_`, ]+`) \| ([^|]+) \|", text_of(ROOT / "docs" / "runbooks" / "local.md"), re.MULTILINE
    )
    told: dict[str, str] = {}
    for names, values in rows:
        keys = re.findall(r"`([a-z_]+)`", names)
        # one value for each key, in their order
        parts = re.split(r",? and |, (?![0-9]{3})", values) if len(keys) > 1 else [values]
        told |= dict(zip(keys, parts, strict=True))
    known: dict[str, Any] = {each.name: each.default for each in fields(DeployConfig)}
    assert set(told) == set(known)
    for key, said in told.items():
        match = re.match(r"[0-9][0-9,.]*", said)
        if match is None:
            assert key in ("sequencer", "token", "atoms_per_unit")
            continue
        wei = key.endswith("_wei")
        assert number(match[0]) == pytest.approx(known[key] / 10**18 if wei else known[key]), key
        development = re.search(r"; ([0-9]+) on a development chain", said)
        assert (development is not None) == (key in DEVELOPMENT_DEFAULTS), key
        assert development is None or int(development[1]) == DEVELOPMENT_DEFAULTS[key]


@pytest.mark.parametrize("group", ["operator", "challenger", "price-signer"])
def test_the_defaults_a_page_names_are_those_of_the_command(group: str) -> None:
    page = text_of(ROOT / "docs" / f"{group}.md")
    options = {each.opts[0]: each for each in GROUPS[group].commands["run"].params if isinstance(each, TyperOption)}
    told = re.findall(r"`(--[a-z-]+)`(?: blocks| seconds)? \(([0-9][0-9,.]*)\)", page)
    told += re.findall(r"`(--[a-z-]+)`, ([0-9][0-9,.]*) by default", page)
    assert told, "the page names none, or in other words"
    for name, value in told:
        default: Any = options[name].default
        assert float(default) == number(value), name


@pytest.mark.parametrize(
    ("name", "limits"), [("challenger", Limits()), ("price-signer", SignerLimits())], ids=["challenger", "price-signer"]
)
def test_the_limits_of_alerts_are_those_of_the_page(name: str, limits: Limits | SignerLimits) -> None:
    page = text_of(ROOT / "docs" / f"{name}.md")
    told = dict(re.findall(r"`(\w+)=([0-9.]+)`", page))
    assert {name: float(value) for name, value in told.items()} == {
        each.name: float(getattr(limits, each.name)) for each in fields(limits)
    }


def test_the_exit_codes_are_those_of_the_page() -> None:
    page = text_of(ROOT / "docs" / "commands.md")
    codes = {int(code) for code in re.findall(r"^\| ([0-9]+) \|", page, re.MULTILINE)}
    kinds = [
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.TallystickError)
    ]
    assert codes == {0, 130, errors.REJECTED} | {each.exit_code for each in kinds}


def test_the_shared_variables_are_those_of_the_page() -> None:
    page = text_of(ROOT / "docs" / "commands.md")
    told = dict(re.findall(r"^\| `(--[a-z-]+)` \| `(TALLYSTICK_\w+)` \|", page, re.MULTILINE))
    shared: dict[str, str] = {}

    def look(command: Any) -> None:
        for each in getattr(command, "commands", {}).values():
            look(each)
        for each in command.params:
            if isinstance(each, TyperOption) and isinstance(each.envvar, list) and len(each.envvar) > 1:
                shared[each.opts[0]] = each.envvar[1]

    for group in GROUPS.values():
        look(group)
    assert shared.pop("--config") == "TALLYSTICK_CONFIG"
    assert shared == told
