"""The operator's commands that need no L1, and how `run` fails when something is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.errors import ConfigError, TallystickError
from tallystick.transport import OperatorUnreachable
from tallystick_operator.cli import app
from tests.operator.rig import Rig
from tests.operator.test_api import Served


def run(*arguments: str, environment: dict[str, str] | None = None) -> str:
    result = CliRunner().invoke(app, list(arguments), env=environment)
    if isinstance(result.exception, TallystickError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_no_option_and_no_variable_makes_an_operator_lie() -> None:
    refused = CliRunner().invoke(app, ["run", "--key-file", "k", "--lie", "worse-fill"])
    assert refused.exit_code == 2 and "--lie" in refused.output
    with pytest.raises(ConfigError, match="LIE"):
        run("run", "--key-file", "k", environment={"TALLYSTICK_OPERATOR_LIE": "worse-fill"})


def test_status_tells_how_far_a_running_operator_is(rig: Rig) -> None:
    served = Served(rig)
    text = run("status", "--url", served.server.url)
    assert "records" in text
    assert "2 consumed" in text
    assert json.loads(run("status", "--url", served.server.url, "--json"))["chain_id"] == 1337
    served.close()


def test_status_of_nobody_is_an_error() -> None:
    with pytest.raises(OperatorUnreachable):
        run("status", "--url", "http://127.0.0.1:9")


def test_run_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key_file"):
        run("run")
    needed = ["--data-dir", str(tmp_path), "--key-file", "k", "--rpc", "http://127.0.0.1:9"]
    with pytest.raises(ConfigError, match="deployment"):
        run("run", *needed, "--deployment", str(tmp_path / "missing.json"))


def test_run_takes_its_options_from_the_environment() -> None:
    environment = {
        "TALLYSTICK_OPERATOR_RPC": "http://127.0.0.1:9",
        "TALLYSTICK_OPERATOR_DEPLOYMENT": "d",
        "TALLYSTICK_OPERATOR_DATA_DIR": "/proc/none",
        "TALLYSTICK_OPERATOR_KEY_FILE": "k",
    }
    with pytest.raises(ConfigError, match="data directory"):
        run("run", environment=environment)
