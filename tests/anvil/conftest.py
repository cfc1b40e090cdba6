"""The same stories on anvil, an Ethereum node that nobody here wrote. Run by `make test-anvil`, which installs it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tallystick.errors import L1Unreachable
from tallystick.l1.client.http_client import L1Client
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import FUND_WEI, Stage, trade_a_little
from tallystick.testing.world import address

ANVIL = Path(__file__).parents[2] / "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
START_SECONDS = 20
NAMES = ("deployer", "operator", "challenger", "alice", "bob")


def until(condition: Callable[[], bool]) -> None:
    """Anvil mines when it comes to it."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Anvil:
    """A running anvil."""

    def __init__(self) -> None:
        if not ANVIL.exists():
            pytest.fail("anvil is not installed: `make test-anvil` installs it, with npm")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [str(ANVIL), "--port", str(port), "--silent", "--gas-limit", "60000000"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = L1Client(self.url, retries=0, clock=SystemClock())
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                client.chain_id()
                return
            except L1Unreachable:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.close()
                    raise
                time.sleep(0.05)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(START_SECONDS)


class AnvilStage(Stage):
    """A stage on an anvil of its own."""

    def start_chain(self) -> Anvil:
        chain = Anvil()
        client = L1Client(chain.url, clock=SystemClock())
        for name in NAMES:
            client.request("anvil_setBalance", "0x" + address(name).hex(), hex(2 * FUND_WEI))
        client.request("anvil_mine", hex(1))
        return chain

    def fund(self, name: str) -> None:
        """Everybody has ether from the first block on: a balance that is set is taken back with its block."""
        assert name in NAMES

    def publish(self) -> int:
        """Post in a second after that of the newest message, however fast all goes."""
        self.chain.request("evm_increaseTime", 1)
        self.mine(1)
        return super().publish()


class CrowdedStage(AnvilStage):
    """One where anybody can be given ether later on, since no block is taken back."""

    def fund(self, name: str) -> None:
        """Set a name's balance, in a block of its own."""
        if name not in NAMES:
            self.chain.request("anvil_setBalance", "0x" + address(name).hex(), hex(FUND_WEI))
            self.mine(1)

    def pool(self) -> list[str]:
        """Return the hashes of the transactions that wait for a block."""
        waiting = self.chain.request("txpool_content")
        return [each["hash"] for part in waiting.values() for by_nonce in part.values() for each in by_nonce.values()]


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[CrowdedStage]:
    """A stage on which a little was traded and published."""
    made = CrowdedStage(tmp_path)
    trade_a_little(made)
    made.publish()
    yield made
    made.close()


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    running = Anvil()
    yield running
    running.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[AnvilStage]:
    """The contracts, and nothing else."""
    made = AnvilStage(tmp_path)
    yield made
    made.close()
