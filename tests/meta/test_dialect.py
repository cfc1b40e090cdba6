"""One dialect at every door: numbers, options, files, the environment, completion, and how a command ends."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.completion import shell_complete
from typer.core import TyperGroup, TyperOption
from typer.main import get_command
from typer.testing import CliRunner

from tallystick import cli, connection, errors
from tallystick.commands import App, Command
from tests.meta.tree import ROOT, files, shown

GROUPS = {name: group.load() for name, group in cli.groups().items()}
BAD_NUMBERS = ("5_000", "1e3", "1e999999999", "٥", "１２", "²", "0x10", "+5", " 5", "5 ", "NaN", "Infinity", "inf", "")


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from leaves(each, (*path, name))
    else:
        yield path, command


COMMANDS = {" ".join(path): command for name, group in GROUPS.items() for path, command in leaves(group, (name,))}


def options(command: Any) -> Iterator[TyperOption]:
    return (each for each in command.params if isinstance(each, TyperOption))


def numbers_of(command: Any) -> list[Any]:
    kinds = (int, float, list[int], list[float])
    return [each for each in command.params if each.type_descriptor.annotation in kinds]


def test_every_command_is_in_the_dialect() -> None:
    assert [name for name, command in COMMANDS.items() if not isinstance(command, Command) or not command.group] == []


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if numbers_of(command)])
def test_F11_no_command_takes_for_a_number_what_only_python_does(name: str) -> None:
    command = COMMANDS[name]
    with command.make_context(name, [], resilient_parsing=True) as ctx:
        for parameter in numbers_of(command):
            for text in BAD_NUMBERS:
                given = [text] if parameter.nargs == -1 or parameter.multiple else text
                with pytest.raises(Exception, match=r"not a (whole )?number") as caught:
                    parameter.process_value(ctx, given)
                assert getattr(caught.value, "exit_code", None) == 2, (parameter.name, text)


def test_F11_a_number_too_large_for_a_float_is_refused_and_takes_no_time() -> None:
    done = CliRunner().invoke(cli.app, ["l1", "fund", "0x" + "11" * 20, "9" * 78])
    assert done.exit_code == 2 and "less than or equal" in done.output
    assert CliRunner().invoke(cli.app, ["l1", "mine", "9" * 5000]).exit_code == 2


def test_F11_numbers_are_read_in_one_place() -> None:
    """A door that asks `isdigit` itself takes digits that `int` does not, or the other way round."""
    own = {
        "operator/tallystick_operator/api/parameters.py",
        "operator/tallystick_operator/intake/door.py",
        "shared/tallystick/l1/dev/dev_server.py",
    }
    found = {
        shown(path)
        for path in files(".py")
        if shown(path).startswith(("shared/", "operator/", "challenger/"))
        and re.search(r"\.(isdigit|isdecimal|isnumeric)\(", path.read_text(encoding="utf-8"))
    }
    assert found <= own
    for name in found:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert text.count("isdigit()") == text.count("isascii()"), f"{name}: digits of other scripts"


def test_N06_a_number_below_zero_is_refused_by_the_argument_it_was_meant_for() -> None:
    done = CliRunner().invoke(cli.app, ["trader", "order", "0", "buy", "-3", "100"])
    assert done.exit_code == 2
    assert "Invalid value for 'lots'" in done.output and "greater than or equal to 1" in done.output
    assert "No such option: -x" in CliRunner().invoke(cli.app, ["trader", "order", "0", "buy", "-x"]).output


def test_N06_exit_codes_are_given_in_one_place() -> None:
    assert errors.REJECTED not in (0, 1, 2)
    assert f"`REJECTED`, {errors.REJECTED}" in " ".join((errors.__doc__ or "").split())
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TallystickError)
    ]
    usage = {kind.__name__ for kind in kinds if kind.exit_code == 2}
    assert usage == {"ConfigError", "BadInput", "BadEncoding"}
    for path in files(".py"):
        if (
            not shown(path).startswith(("shared/", "operator/", "challenger/"))
            or shown(path) == "shared/tallystick/errors.py"
        ):
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^    exit_code\b.*=", text, re.MULTILINE), f"{shown(path)} has an exit code of its own"
        given = re.findall(r"typer\.Exit\(([^)]*)\)", text)
        assert all(each in ("REJECTED", "") or " if " in each or "ok" in each for each in given), (
            f"{shown(path)}: {given}"
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_N06_a_command_promises_the_exit_codes_that_there_are(name: str) -> None:
    said = " ".join((COMMANDS[name].help or "").split())
    codes = {int(code) for code in re.findall(r"[Ee]xit code ([0-9]+)", said)}
    if name.startswith("trader "):  # nothing else ends one of these in a way of its own
        assert codes <= {errors.REJECTED}
    assert codes <= {0, 1, 2, 3, 4, 5, 6, 7, errors.REJECTED}


@pytest.mark.parametrize("name", COMMANDS)
def test_N07_an_option_means_and_says_the_same_wherever_it_stands(name: str) -> None:
    """Options of connection are the same object; their help is compared with what `tallystick.connection` declares."""
    declared = {each.opts[0]: each for each in options(DECLARED)}
    for option in options(COMMANDS[name]):
        for word in option.opts:
            first = next((each for each in declared.values() if word in each.opts), None)
            if first is None or word == "--config" or (word, name) in OTHERS:
                continue
            assert option.opts == first.opts, f"{name} {word}"
            assert option.multiple == first.multiple, f"{name} {word}"
            said = (first.help, *(each.help for each in options(AT_END) if word in each.opts))
            assert option.help in said or word in ("--key-file", "--password-file"), f"{name} {word}"


OTHERS = {("--key-file", "trader report-price"), ("--password-file", "l1 new-key")}
"""Several keys at once, and a password to encrypt with."""


every = App("all", no_args_is_help=False)


@every.command()
def everything(
    rpc: connection.Rpc = connection.L1_URLS,
    quorum: connection.Quorum = 0,
    deployment: connection.Record = connection.DEPLOYMENT,
    operator: connection.Url = connection.OPERATOR_URL,
    key_file: connection.Key = None,
    password_file: connection.Password = None,
    signer_url: connection.SignerUrl = None,
    signer_address: connection.SignerAddress = "",
    poll_seconds: connection.Poll = 1.0,
    trace_memory: connection.TraceMemory = 1,
    json_log: connection.JsonLog = False,
    metrics: connection.MetricsPort = None,
    webhook: connection.WebhookUrl = None,
    as_json: connection.Json = False,
) -> None:
    """Take them all."""


measuring = App("all", no_args_is_help=False)


@measuring.command()
def measured(as_json: connection.JsonAtEnd = False) -> None:
    """Take what measures a while."""


DECLARED = get_command(every)
AT_END = get_command(measuring)


@pytest.mark.parametrize("name", COMMANDS)
def test_N07_every_option_stands_in_files_and_in_the_environment_too(name: str) -> None:
    command = COMMANDS[name]
    assert any("--config" in each.opts for each in options(command))
    prefix = f"TALLYSTICK_{command.group.upper()}_"
    for option in options(command):
        assert isinstance(option.envvar, list), option.name
        assert option.envvar[0] == prefix + option.opts[0][2:].replace("-", "_").upper()


@pytest.mark.parametrize("name", COMMANDS)
def test_N07_a_default_is_shown(name: str) -> None:
    command = COMMANDS[name]
    with command.make_context(name, [], resilient_parsing=True) as ctx:
        for option in options(command):
            if option.default in (None, False, "", [], ()):
                continue
            record = option.get_help_record(ctx)
            assert record is not None and "default: " in record[1], f"{name} {option.opts[0]}"


def test_N07_a_file_serves_all_commands_of_a_group_and_unknown_keys_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "trader.toml"
    file.write_text('operator = "http://127.0.0.1:9"\nkey_file = "none.key"\ndepth = 3\n')
    for words in (["book", "0"], ["account"]):
        done = CliRunner().invoke(cli.app, ["trader", *words, "--config", str(file)])
        assert isinstance(done.exception, errors.TallystickError)
    file.write_text("depht = 3\n")
    done = CliRunner().invoke(cli.app, ["trader", "book", "0", "--config", str(file)])
    assert isinstance(done.exception, errors.ConfigError)
    assert "depht" in str(done.exception) and " depth," in done.exception.hint
    for group, words in (("challenger", ["forecast"]), ("l1", ["mine"]), ("operator", ["status"])):
        variable = f"TALLYSTICK_{group.upper()}_COLOUR"
        done = CliRunner().invoke(cli.app, [group, *words], env={variable: "red"})
        assert isinstance(done.exception, errors.ConfigError) and variable in str(done.exception)


def test_N07_several_endpoints_are_named_one_by_one_everywhere() -> None:
    found = [each for command in COMMANDS.values() for each in options(command) if "--rpc" in each.opts]
    assert len(found) > 20 and all(each.multiple for each in found)
    done = CliRunner().invoke(cli.app, ["challenger", "forecast", "--rpc", "http://a:1,http://b:2"])
    assert isinstance(done.exception, errors.BadInput | errors.ConfigError)


SCRIPT = """
source <(tallystick --show-completion bash)
complete -p tallystick >/dev/null || exit 1
while read -r line; do
    IFS=' ' read -ra COMP_WORDS <<< "$line"
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    COMPREPLY=()
    _tallystick_completion tallystick
    echo "${COMPREPLY[*]//$'\\n'/ }"
done
"""


def test_N05_completion_works_in_a_shell() -> None:
    wanted = {
        "tallystick tra": {"trader"},
        "tallystick trader force-": {"force-withdraw", "force-cancel", "force-close"},
        "tallystick challenger dispute mo": {"move"},
        "tallystick operator run --batch": {"--batch-seconds"},
        "tallystick trader block off": {"offer"},
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", SCRIPT],
        input="\n".join(wanted) + "\n",
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert [set(line.split()) for line in done.stdout.splitlines()] == list(wanted.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_N05_completion_knows_every_command_and_its_options(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    *above, last = name.split()
    root = get_command(cli.app)
    for words, incomplete, expected in ((above, last, last), (name.split(), "--", COMMANDS[name].params[-1].opts[0])):
        monkeypatch.setenv("COMP_WORDS", " ".join(["tallystick", *words, incomplete]))
        monkeypatch.setenv("COMP_CWORD", str(len(words) + 1))
        told: list[str] = []
        monkeypatch.setattr(typer._click, "echo", lambda text, told=told: told.append(text))
        shell_complete(root, {}, "tallystick", "_TALLYSTICK_COMPLETE", "complete_bash")
        assert expected in "\n".join(told).split(), name


def test_N05_nothing_offers_completion_that_does_not_work() -> None:
    offered = [
        name for name, group in GROUPS.items() if any("--install-completion" in each.opts for each in group.params)
    ]
    assert offered == []


def test_no_command_reads_typer_around_the_dialect() -> None:
    """Every `typer.Typer` but the root's is an `App`."""
    made = [
        shown(path)
        for path in files(".py")
        if shown(path).startswith(("shared/", "operator/", "challenger/"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Typer"
    ]
    assert sorted(made) == ["shared/tallystick/cli.py", "shared/tallystick/commands.py"]
