"""`tallystick l1 dev` runs as a process that says when it is ready and ends when told."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.errors import BadInput
from tallystick.l1.cli import app
from tallystick.l1.client import L1Client

RUN = "from tallystick.l1.cli import app; app()"


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "dev", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_chain_is_ready_when_it_says_so_and_ends_when_told(number: signal.Signals) -> None:
    with start("--port", "0", "--json", "--accounts", "2", "--chain-id", "777") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        client = L1Client(ready["url"])
        assert client.chain_id() == ready["chainId"] == 777
        address = bytes.fromhex(ready["accounts"][1]["address"][2:])
        assert len(ready["accounts"]) == 2
        assert client.balance_wei(address) > 0
        process.send_signal(number)
        output, errors = process.communicate(timeout=10)
        assert (process.returncode, output, errors) == (0, "", "")


def test_the_help_loads_neither_web3_nor_the_evm() -> None:
    check = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from tallystick.l1.cli import app\n"
        "result = CliRunner().invoke(app, ['dev', '--help'])\n"
        "assert result.exit_code == 0 and '--block-time' in result.output, result.output\n"
        "assert not {'web3', 'eth', 'eth_account'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", check], check=True, timeout=30)


def test_new_keys_are_for_the_owner_alone_and_never_replaced(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text("long enough\n")
    plain, encrypted = str(tmp_path / "a.key"), str(tmp_path / "b.key")
    made = CliRunner().invoke(app, ["new-key", plain])
    made_too = CliRunner().invoke(app, ["new-key", encrypted, "--password-file", str(password)])
    assert (tmp_path / "a.key").stat().st_mode & 0o077 == 0
    told = CliRunner().invoke(app, ["address", plain])
    told_too = CliRunner().invoke(app, ["address", encrypted, "--password-file", str(password)])
    assert told.output.strip() == made.output.split()[0]
    assert told_too.output.strip() == made_too.output.split()[0]
    assert isinstance(CliRunner().invoke(app, ["new-key", plain]).exception, BadInput)
