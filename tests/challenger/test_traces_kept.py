"""Traces on disk: a challenger that is stopped while it traces goes on there, and then plays."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.dispute.traces.schedule import Bounds
from tallystick.errors import ConfigError
from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import Stage, Told, account
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger import daemon
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.daemon import make_party

SECONDS = 60


@pytest.fixture
def stage(stage: Stage, tmp_path: Path) -> Stage:
    """A stage with a lie on it, which nobody has contradicted."""
    save_key(account("challenger"), tmp_path / "key")
    stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step).tick()
    return stage


def config(stage: Stage, folder: Path, trace_memory_mib: int = 1024) -> ChallengerConfig:
    return ChallengerConfig(
        rpc=(stage.server.url,),
        deployment=folder / "deployment.json",
        data_dir=folder / "data",
        mode=Mode.RESOLVE,
        key=KeyFile(path=folder / "key"),
        poll_seconds=1,
        tag="latest",
        trace_memory_mib=trace_memory_mib,
    )


def tick_until(party: Party, until: Callable[[], bool]) -> None:
    """L1 stands still meanwhile: the party looks again by itself, for its trace may be there."""
    end = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < end
        party.tick()
        time.sleep(0.01)


def test_a_challenger_stopped_while_it_traces_goes_on_from_its_parts(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_process(cores: int, memory_bytes: int) -> Bounds:
        return Bounds(cores=1, memory_bytes=memory_bytes, small_steps=0, segment=3, bottom=1)

    monkeypatch.setattr(daemon, "Bounds", one_process)
    traces = tmp_path / "data" / "traces"

    def parts() -> dict[str, tuple[int, int]]:
        found = [(each, each.stat()) for each in traces.glob("*/*.part")]
        return {each.name: (status.st_ino, status.st_mtime_ns) for each, status in found}

    first = Told()
    party = make_party(config(stage, tmp_path), first, SystemClock())
    tick_until(party, lambda: bool(parts()))
    party.close()
    assert not any(facts.get("done") for facts in first.named("tracing"))
    assert not first.named("moved")
    kept = parts()

    second = Told()
    party = make_party(config(stage, tmp_path), second, SystemClock())
    tick_until(party, lambda: bool(second.named("moved")))
    assert kept.items() < parts().items()
    assert second.named("tracing")[-1]["done"]
    assert not second.named("tracing_failed")

    # what is whole on disk is not made again
    party.close()
    before = parts()
    third = Told()
    party = make_party(config(stage, tmp_path), third, SystemClock())
    tick_until(party, lambda: bool(third.named("tracing")))
    assert [facts.get("done") for facts in third.named("tracing")] == [None, True]
    assert parts() == before
    party.close()


def test_memory_for_traces_is_what_the_option_says(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []

    def bounds(cores: int, memory_bytes: int) -> Bounds:
        given.append(memory_bytes)
        return Bounds(cores=cores, memory_bytes=memory_bytes)

    monkeypatch.setattr(daemon, "Bounds", bounds)
    make_party(config(stage, tmp_path, trace_memory_mib=300), Told(), SystemClock()).close()
    assert given == [300 << 20]
    with pytest.raises(ConfigError, match="memory"):
        config(stage, tmp_path, trace_memory_mib=0)
