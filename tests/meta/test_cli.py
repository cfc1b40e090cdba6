"""The command line: what it lists, what it costs, how it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

import tallystick
from tallystick import cli, errors
from tallystick.native import how


def call(*arguments: str, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    script = f"import sys; from tallystick import cli; {before}\ntry: cli.main()\nfinally: {after or 'pass'}"
    return subprocess.run([sys.executable, "-c", script, *arguments], check=False, capture_output=True, text=True)


def test_help_lists_every_group_with_its_own_first_line() -> None:
    result = call("--help")
    assert result.returncode == 0
    for name, group in cli.groups().items():
        line = group.help_line()
        assert line, f"{group.module} needs a docstring: it is the help of `tallystick {name}`"
        assert any(row.split()[:1] == [name] for row in result.stdout.splitlines())


def test_help_imports_no_group_and_no_web3() -> None:
    loaded = "print('\\n'.join(sys.modules))"
    modules = set(call("--help", after=loaded).stdout.split())
    assert "tallystick.cli" in modules
    assert modules.isdisjoint({"web3", "eth_tester", "starlette", "tallystick.l1.cli"})


def test_every_group_explains_itself() -> None:
    for name in cli.groups():
        result = call(name, "--help")
        assert result.returncode == 0, result.stderr
        assert "Usage" in result.stdout


def test_both_ways_to_ask_for_the_version_agree() -> None:
    assert call("--version").stdout == call("version").stdout == f"{tallystick.__version__} (machine {how()})\n"


def test_an_unknown_command_is_a_usage_error() -> None:
    result = call("nonsense")
    assert result.returncode == 2
    assert "nonsense" in result.stderr


def failing(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def test_an_error_of_our_own_ends_in_its_exit_code_and_two_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = errors.L1Reverted("the Vault refused", hint="Deposit less.", atoms=7)
    with pytest.raises(SystemExit) as ended:
        cli.run(failing(error))
    assert ended.value.code == errors.L1Reverted.exit_code
    assert capsys.readouterr().err == "tallystick: the Vault refused (atoms=7)\n  Deposit less.\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        cli.run(failing(ZeroDivisionError()))
