"""A shell in which traders run their commands against a real operator on the embedded L1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.errors import TallystickError
from tallystick.l1.sending.keys import save_key
from tallystick.shapes.routes import INFO
from tallystick.testing.l1_stage import account
from tallystick.trader.cli import app
from tests.operator.scene import Running, Scene, scene_in


class Shell:
    """Runs commands as one of the traders."""

    def __init__(self, scene: Scene, running: Running) -> None:
        self.scene = scene
        self.running = running
        for name in ("alice", "bob", "agent", "governance", *(f"signer {i}" for i in range(3))):
            scene.stage.fund(name)
            save_key(account(name), scene.folder / f"{name}.key")

    def run(self, who: str, *arguments: str, exit_code: int = 0) -> str:
        environment = {
            "TALLYSTICK_OPERATOR": self.running.operator.url,
            "TALLYSTICK_L1_RPC": self.scene.stage.server.url,
            "TALLYSTICK_DEPLOYMENT": str(self.scene.folder / "deployment.json"),
            "TALLYSTICK_KEY_FILE": str(self.scene.folder / f"{who}.key") if who else "",
        }
        result = CliRunner().invoke(app, list(arguments), env=environment)
        if isinstance(result.exception, TallystickError):
            raise result.exception
        assert result.exit_code == exit_code, result.output + repr(result.exception)
        return result.output

    def json(self, who: str, *arguments: str) -> Any:
        return json.loads(self.run(who, *arguments, "--json"))

    def cleaned(self, who: str, account: int) -> list[dict[str, Any]]:
        """Have a trader's dead orders taken out of the book, and return the others.

        The operator takes them out by itself, too, and may be faster at any of them.
        """
        with suppress(AssertionError):
            self.run("", "clean", str(account))
        orders: list[dict[str, Any]] = self.json(who, "account")["orders"]
        assert not any(each["dead"] for each in orders)
        return orders


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with scene_in(tmp_path_factory.mktemp("trader")) as scene:
        running = scene.start()
        shell = Shell(scene, running)
        for name in ("alice", "bob"):
            shell.run(name, "mint", "2000000")
            shell.run(name, "deposit", "1000000.5")
        scene.wait(lambda: running.http.ask(INFO).messages_consumed == 2, "the deposits")
        scene.open_market(running)
        yield shell
        running.http.close()


@pytest.fixture(autouse=True)
def _trading(request: pytest.FixtureRequest) -> None:
    """Time passes with every transaction on L1; let no test find the market halted for want of prices."""
    if "shell" in request.fixturenames:
        shell: Shell = request.getfixturevalue("shell")
        shell.scene.keep_trading(shell.running)
