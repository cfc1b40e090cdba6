"""Configuration: where it comes from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.errors import ConfigError
from tallystick_operator.config import load_config

NEEDED = {"rpc": "http://127.0.0.1:1", "deployment": "d.json", "data_dir": "data", "key_file": "k"}


def test_flags_count_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "operator.toml"
    path.write_text('rpc = "file"\ndeployment = "file"\ndata_dir = "file"\nkey_file = "file"\nport = 1\n')
    environment = {
        "TALLYSTICK_OPERATOR_RPC": "environment",
        "TALLYSTICK_OPERATOR_DATA_DIR": "environment",
        "TALLYSTICK_OPERATOR_BATCH_SECONDS": "0.5",
        "HOME": "elsewhere",
    }
    config = load_config(path, {"rpc": "flag", "port": None}, environment)
    assert (config.rpc, config.data_dir, config.deployment) == ("flag", "environment", "file")
    assert (config.port, config.batch_seconds) == (1, 0.5)


@pytest.mark.parametrize(
    "flags",
    [
        {"rpc": None},
        {"port": 65_536},
        {"port": -1},
        {"batch_seconds": 0.0},
        {"batch_seconds": 4_000.0},
        {"poll_seconds": -1.0},
        {"confirmations": -1},
        {"clock_every_ms": 0},
        {"trace_memory": 0},
        {"lie": "white"},
        {"colour": "red"},
    ],
)
def test_values_that_cannot_be_meant_are_refused(flags: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {name: value for name, value in {**NEEDED, **flags}.items() if value is not None}, {})
    assert caught.value.exit_code == 2


def test_an_unknown_lie_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {**NEEDED, "lie": "white"}, {})
    assert "steal-withdrawal" in caught.value.hint


def test_unknown_keys_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "operator.toml"
    path.write_text("colour = 'red'\n")
    with pytest.raises(ConfigError, match="colour"):
        load_config(path, NEEDED, {})
    with pytest.raises(ConfigError):
        load_config(None, NEEDED, {"TALLYSTICK_OPERATOR_COLOUR": "red"})


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b'port = "many"'])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "operator.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_config(path, NEEDED, {})
    with pytest.raises(ConfigError):
        load_config(tmp_path / "missing.toml", NEEDED, {})


def test_confirmations_are_blocks_or_l1s_own_word(tmp_path: Path) -> None:
    """In a file, in the environment and as a flag."""
    file = tmp_path / "operator.toml"
    file.write_text('confirmations = 8\nrpc = "r"\ndeployment = "d"\ndata_dir = "d"\nkey_file = "k"\n')
    assert load_config(file, {}, {}).confirmation_blocks == 8
    assert load_config(file, {}, {"TALLYSTICK_OPERATOR_CONFIRMATIONS": "9"}).confirmation_blocks == 9
    assert load_config(file, {"confirmations": "finalized"}, {}).confirmation_blocks is None
    with pytest.raises(ConfigError, match="finalized"):
        load_config(file, {"confirmations": "many"}, {})
