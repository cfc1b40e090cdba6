"""An operator in threads of this process, on the embedded L1."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tallystick.l1.sending.keys import save_key
from tallystick.records.items import pack_pairs
from tallystick.records.signing import make, sign
from tallystick.state.layout import REPORT_STEP_MS
from tallystick.state.ordinals import MarketId
from tallystick.testing.l1_stage import Stage, account
from tallystick.testing.rogues.rogue_operator import rogue_operator
from tallystick.testing.world import key
from tallystick.trader.client import TraderClient
from tallystick.trader.wording import clock_ms
from tallystick.transport import Transport
from tallystick_operator.config import Config
from tallystick_operator.daemon import Operator

WAIT_SECONDS = 90.0


class Running:
    """An operator in threads of this process."""

    def __init__(self, config: Config, lie: str = "") -> None:
        self.operator = rogue_operator(config, lie) if lie else Operator(config)
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        self.events = Path(config.data_dir) / "events.jsonl"
        self.http = Transport(self.operator.url)

    def stop(self) -> None:
        self.http.close()
        self.operator.stop()
        self.thread.join()
        if self.error is not None:
            raise self.error

    def named(self, name: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.events.read_text().splitlines()]
        return [event for event in found if event["event"] == name]

    def _run(self) -> None:
        try:
            self.operator.run()
        except Exception as error:  # noqa: BLE001  `stop` raises it where a test sees it
            self.error = error


class Scene:
    """A stage with an operator's files, and what one does with it."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.running: list[Running] = []
        self.reported_ms = 0
        stage.deployment.save(folder / "deployment.json")
        save_key(account("operator"), folder / "operator.key")

    def config(self, **more: Any) -> Config:
        values: dict[str, Any] = {
            "rpc": (self.stage.server.url,),
            "deployment": str(self.folder / "deployment.json"),
            "data_dir": str(self.folder / "data"),
            "key_file": str(self.folder / "operator.key"),
            "port": 0,
            "gateways": 0,
            "batch_seconds": 0.2,
            "quiet_seconds": 0.2,
            "confirmations": "0",
            "poll_seconds": 0.05,
        }
        return Config(**values | more)

    def command(self, *more: str) -> list[str]:
        """Return the command line of an operator that is a process of its own."""
        config = self.config()
        command = [sys.executable, "-m", "tallystick_operator", "run", "--rpc", config.rpc[0]]
        command += ["--deployment", config.deployment, "--data-dir", config.data_dir, "--key-file", config.key_file]
        command += ["--port", "0", "--batch-seconds", "0.1", "--json-log", "--confirmations", "0"]
        return [*command, *more]

    def start(self, lie: str = "", **more: Any) -> Running:
        running = Running(self.config(**more), lie)
        self.running.append(running)
        return running

    def client(self, running: Running, name: str | None = None) -> TraderClient:
        return TraderClient(running.operator.url, key(name) if name else None)

    def open_market(self, running: Running) -> None:
        """Give the genesis' market its first price."""
        self.report_prices(running)

    def report_prices(self, running: Running, price_ticks: int = 618_000) -> None:
        """Have all signers report a price for market 0, a second behind their last ones at least."""
        client = self.client(running)
        self.reported_ms = max(clock_ms(client.info()), self.reported_ms + REPORT_STEP_MS)
        for signer in range(3):
            pairs = pack_pairs({MarketId(0): price_ticks})
            report = make("report_prices", pairs, signer=signer, time_ms=self.reported_ms)
            assert client.send(sign(report, client.domain, key(f"signer {signer}"))).accepted
        client.close()

    def pass_block(self, running: Running) -> None:
        """Let time pass on L1, and wait until the exchange knows."""
        client = self.client(running)
        before = clock_ms(client.info())
        self.wait(lambda: clock_ms(client.info()) > before, "a block", mine=1)
        client.close()

    def keep_trading(self, running: Running) -> None:
        """Renew market 0's prices; if they had stopped, go on until orders may take again."""
        client = self.client(running)

        def renewed() -> bool:
            if clock_ms(client.info()) >= self.reported_ms + REPORT_STEP_MS:
                self.report_prices(running)
            return client.markets()[0].status == "live"

        self.wait(renewed, "the market to open again", mine=1)
        client.close()

    def wait(self, until: Callable[[], Any], what: str, mine: int = 0) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := until()):
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            if mine:
                self.stage.mine(mine)
            time.sleep(0.05)
        return found

    def close(self) -> None:
        for running in self.running:
            running.http.close()
            running.operator.stop()
            running.thread.join()
        self.stage.close()


@contextmanager
def scene_in(folder: Path) -> Iterator[Scene]:
    scene = Scene(Stage(folder), folder)
    try:
        yield scene
    finally:
        scene.close()
