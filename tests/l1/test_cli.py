"""`tallystick l1 dev` runs as a process that says when it is ready and ends when told."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.errors import BadInput, ConfigError
from tallystick.l1.cli import app
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.dev.dev_server import DevServer
from tallystick.l1.sending.keys import save_key
from tallystick.ports.system import SystemClock

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
        client = L1Client(ready["url"], clock=SystemClock())
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


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallystick", "l1", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_N04_a_port_in_use_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = command("dev", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.startswith("tallystick: cannot listen on that port")
    assert "Traceback" not in done.stderr


def test_N04_a_key_for_a_folder_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.touch(mode=0o600)
    for more in ([], ["--password-file", str(password)]):
        made = CliRunner().invoke(app, ["new-key", str(tmp_path / "none" / "a.key"), *more])
        assert isinstance(made.exception, BadInput)
        assert "No such file or directory" in str(made.exception)


TERMS = """
[contracts]
sequencer = "{0}"
challenge_period_blocks = 100
[genesis]
governance = "{0}"
quorum = 3
signers = ["{0}", "0x0000000000000000000000000000000000000001", "0x0000000000000000000000000000000000000002"]
"""


def test_N04_a_record_that_cannot_be_written_costs_no_deployment(tmp_path: Path, server: DevServer) -> None:
    (tmp_path / "terms.toml").write_text(TERMS.format(server.accounts[0].address))
    save_key(server.accounts[0], tmp_path / "key")
    given = ["deploy", "--config", str(tmp_path / "terms.toml"), "--key-file", str(tmp_path / "key")]
    given += ["--rpc", server.url, "--out"]
    refused = CliRunner().invoke(app, [*given, str(tmp_path / "none" / "deployment.json")])
    assert isinstance(refused.exception, BadInput)
    assert L1Client(server.url, clock=SystemClock()).head().number == 0
    # a folder stands where the record is written before it gets its name: found out when all is deployed
    out = tmp_path / "deployment.json"
    (tmp_path / "deployment.json.new").mkdir()
    late = CliRunner().invoke(app, [*given, str(out)])
    assert isinstance(late.exception, ConfigError)
    assert "deploys nothing twice" in late.exception.hint
    blocks = L1Client(server.url, clock=SystemClock()).head().number
    (tmp_path / "deployment.json.new").rmdir()
    done = CliRunner().invoke(app, [*given, str(out)])
    assert done.exit_code == 0, done.output
    assert L1Client(server.url, clock=SystemClock()).head().number == blocks
    assert CliRunner().invoke(app, ["check", str(out), "--rpc", server.url]).exit_code == 0
    assert not list(tmp_path.glob("*.unfinished"))
