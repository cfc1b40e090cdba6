"""Price signers in threads of this process, with an operator on the embedded L1."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.journal import Journal
from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.ports.system import SystemClock
from tallystick.price_signer.config import SignerConfig
from tallystick.price_signer.daemon import PriceSigner
from tallystick.testing.l1_stage import account
from tests.operator.scene import Running, Scene, scene_in
from tests.price_signer.source_server import SourceServer

EVERY_SECONDS = 1.0


class Signing:
    """A price signer in a thread of this process."""

    def __init__(self, config: SignerConfig) -> None:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        self.config = config
        self._path = config.data_dir / "events.jsonl"
        self._journal = Journal(self._path, clock=SystemClock())
        self._stop = threading.Event()
        try:
            self._signer = PriceSigner(config, self._journal)
        except BaseException:
            self._journal.close()
            raise
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def named(self, name: str, **facts: Any) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self._path.read_text().splitlines()]
        return [each for each in found if each["event"] == name and facts.items() <= each.items()]

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        self._journal.close()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self._signer.run(self._stop)
        except Exception as error:  # noqa: BLE001  `end` raises it where a test sees it
            self.error = error


@pytest.fixture
def server() -> Iterator[SourceServer]:
    made = SourceServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_in(tmp_path_factory.mktemp("signers")) as made:
        yield made


@pytest.fixture(scope="module")
def running(scene: Scene) -> Iterator[Running]:
    """Return the operator that runs from the first test to the last, with a market that nobody has priced yet."""
    made = scene.start()
    yield made
    made.http.close()


Start = Callable[..., list[Signing]]


@pytest.fixture
def start(scene: Scene, server: SourceServer, tmp_path: Path) -> Iterator[Start]:
    """Start the three signers of the deployment, with three sources each at one server."""
    running: list[Signing] = []
    lines = ["[[market]]", "market = 0", 'name = "BTC"', 'tick = "0.1"', "max_age_seconds = 2"]
    for name in ("a", "b", "c"):
        server.says[f"/{name}"] = b'{"price": "61800.0"}'
        lines += ["[[market.source]]", f'name = "{name}"', f'url = "{server.url}/{name}"', 'path = "price"']
        lines += ["every_seconds = 0.2", "timeout_seconds = 1"]
    sources = tmp_path / "sources.toml"
    sources.write_text("\n".join(lines))

    def start_all(*operators: str, who: tuple[int, ...] = (0, 1, 2), **more: Any) -> list[Signing]:
        for number in who:
            path = tmp_path / f"{number}.key"
            if not path.exists():
                save_key(account(f"signer {number}"), path)
            config = SignerConfig(
                deployment=scene.folder / "deployment.json",
                sources=sources,
                data_dir=tmp_path / f"signer {number}",
                operators=operators,
                rpc=(scene.stage.server.url,),
                key=KeyFile(path=path),
                every_seconds=EVERY_SECONDS,
                poll_seconds=0.5,
            )
            running.append(Signing(replace(config, **more)))
        return running[-len(who) :]

    yield start_all
    server.ending.set()
    for each in running:
        each.end()
