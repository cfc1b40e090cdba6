"""An operator as a process that is killed at random moments, and the record of what it acknowledged."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tallystick.l1.client.events import EventReader
from tallystick.records.codec import Record, decode, encode
from tallystick.records.items import pack_pairs
from tallystick.records.signing import make, sign
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.shapes.progress import Info
from tallystick.state.ordinals import BatchNumber, MarketId
from tallystick.testing.l1_stage import Stage
from tallystick.testing.world import key
from tallystick.trader.client import TraderClient
from tallystick.trader.wording import clock_ms
from tallystick.transport import OperatorRefused, OperatorUnreachable
from tallystick_operator.sequencer.executor import frames
from tallystick_operator.sequencer.rewind import is_kept
from tests.operator.scene import Scene

BLOCK_SECONDS = 12
START_SECONDS = 30.0


def kept_on_l1(stage: Stage) -> list[bytes]:
    """Return the records in L1's batches that must not be lost, in their order."""
    inbox = InboxView()
    reader = EventReader(stage.client, stage.deployment, contracts=("Inbox",))
    while True:
        batch = reader.poll()
        for event in batch:
            inbox.apply(event)
        if batch.complete:
            break
    chunks = [
        inbox.chunk(BatchNumber(index), at)
        for index in range(inbox.batch_count)
        for at in range(inbox.batch(BatchNumber(index)).chunk_count)
    ]
    return [data for chunk in chunks for data in frames(chunk) if is_kept(decode(data))]


def nothing_lost_or_doubled(stage: Stage, acknowledged: list[Record]) -> None:
    """Check that every acknowledged record is on L1 exactly once, in the order of the acknowledgements."""
    there = kept_on_l1(stage)
    doubled = [data.hex() for data, count in Counter(there).items() if count > 1]
    assert not doubled, doubled
    wanted = [encode(each) for each in acknowledged]
    assert [data for data in there if data in set(wanted)] == wanted


class Lives:
    """An operator process over one data directory; `kill` ends it as a power cut does, `live` starts it when it is dead."""

    def __init__(self, scene: Scene, seed: int, **options: Any) -> None:
        self.scene = scene
        self.chance = random.Random(seed)
        self.acknowledged: list[Record] = []
        self.refusals: Counter[str] = Counter()
        self.deaths = 0
        self._child: subprocess.Popen[str] | None = None
        self._client: TraderClient | None = None
        self._nonces: Counter[int] = Counter()
        config = scene.config(**options)
        given = {
            "rpc": config.rpc[0],
            "deployment": config.deployment,
            "data-dir": config.data_dir,
            "key-file": config.key_file,
            "port": 0,
            "gateways": 0,
            "confirmations": config.confirmations,
            "batch-seconds": config.batch_seconds,
            "quiet-seconds": config.quiet_seconds,
            "poll-seconds": config.poll_seconds,
        }
        self._command = [sys.executable, "-m", "tallystick_operator", "run"]
        for name, value in given.items():
            self._command += [f"--{name}", str(value)]
        self.events_path = Path(config.data_dir) / "events.jsonl"

    @property
    def client(self) -> TraderClient:
        """A client of the operator as it lives now, which it is made to."""
        if self._child is None or self._child.poll() is not None:
            self._bury()
            self._child = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
            assert self._child.stdout is not None
            line = self._child.stdout.readline()
            assert line, "it starts again, whatever happened"
            self._client = TraderClient(line.split()[3].rstrip(","), key("alice"))
        assert self._client is not None
        return self._client

    def events(self, name: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.events_path.read_text().splitlines()]
        return [event for event in found if event["event"] == name]

    def info(self) -> Info:
        told: Info = self.ask(lambda client: client.info())
        return told

    def ask(self, question: Callable[[TraderClient], Any]) -> Any:
        """Ask until somebody answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return question(self.client)
            except OperatorUnreachable:
                assert time.monotonic() < deadline, "nobody answers"
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill -9."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
            self.deaths += 1

    def perhaps_kill(self, chance: float) -> None:
        """Kill it with some probability, a random moment from now."""
        if self.chance.random() < chance:
            time.sleep(self.chance.random() * 0.3)
            self.kill()

    def send(self, record: Record) -> bool:
        """Send a record until it is answered or refused; note what was acknowledged."""
        try:
            self.ask(lambda client: client.send(record))
        except OperatorRefused as refused:
            self.refusals[refused.code] += 1
            return False
        self.acknowledged.append(record)
        return True

    def order(self, account: int, who: str, side: int, price: int, lots: int) -> bool:
        """Place an order; its nonce is used up when it is taken."""
        domain = self.ask(lambda client: client.domain)
        number = self._nonces[account]
        values = {"account": account, "nonce": number, "client_id": number + 1, "market": 0}
        record = sign(make("order", side=side, price_ticks=price, lots=lots, **values), domain, key(who))
        used = self.refusals["nonce_used"]
        taken = self.send(record)
        self._nonces[account] += taken or self.refusals["nonce_used"] > used
        return taken

    def report(self, price_ticks: int = 618_000) -> None:
        """Have the signers say a price, whether it is taken or not."""
        info = self.info()
        now = clock_ms(info)
        domain = bytes.fromhex(info.domain[2:])
        for signer in range(3):
            report = make("report_prices", pack_pairs({MarketId(0): price_ticks}), signer=signer, time_ms=now)
            record = sign(report, domain, key(f"signer {signer}"))
            try:
                self.ask(partial(TraderClient.send, record=record))
            except OperatorRefused:
                continue

    def block(self, seconds: int = BLOCK_SECONDS, base_fee_wei: int | None = None) -> None:
        """Let L1 make a block some seconds later, and wait until the operator has seen it."""
        request = self.scene.stage.chain.request
        if base_fee_wei is not None:
            request("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))
        request("evm_increaseTime", hex(seconds))
        request("anvil_mine", hex(1), hex(1))
        head = self.scene.stage.client.head()
        deadline = time.monotonic() + START_SECONDS
        while self.info().clock_ms < head.timestamp * 1000:
            assert time.monotonic() < deadline, "the operator sees no blocks"
            time.sleep(0.03)

    def settle(self, base_fee_wei: int | None = None, blocks: int = 150, kill: float = 0.0) -> None:
        """Go on until all that was acknowledged is on L1 and records are taken again."""
        for _ in range(blocks):
            self.block(BLOCK_SECONDS, base_fee_wei)
            self.report()
            if kill:
                self.perhaps_kill(kill)
            info = self.info()
            if info.promises.open:
                wanted = {encode(each) for each in self.acknowledged}
                if wanted <= set(kept_on_l1(self.scene.stage)):
                    return
        there = set(kept_on_l1(self.scene.stage))
        missing = [each for each in self.acknowledged if encode(each) not in there]
        raise AssertionError(f"it did not come to rest: {self.info().promises} {self.info().l1} lacks {missing}")

    def close(self) -> None:
        self.kill()
        self._bury()

    def _bury(self) -> None:
        if self._client is not None:
            self._client.close()
        if self._child is not None and self._child.stdout is not None:
            self._child.stdout.close()
        self._client = self._child = None
