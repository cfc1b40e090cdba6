"""The operator: an API thread, a sequencing thread, two that watch and write L1, and gateways in processes of their own."""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tallystick.errors import L1Error, StateError
from tallystick.journal import Journal
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.l1.sending.signer import Signer
from tallystick.machine import engine
from tallystick.party.party import CONFIRMATIONS
from tallystick.party.strategy.strategy import Step, Strategy, duties
from tallystick.ports import Clock
from tallystick.ports.system import SystemClock
from tallystick.shapes.order_entry import PATH
from tallystick.telling.overheard import captured
from tallystick_operator.api.api import Api, Identity
from tallystick_operator.api.api_server import ApiServer
from tallystick_operator.api.readiness import Probes
from tallystick_operator.config import Config
from tallystick_operator.gateway.fleet import Fleet
from tallystick_operator.identity import asserter, check_may_post, poster
from tallystick_operator.intake.follower import Follower
from tallystick_operator.intake.keeper import Keeper
from tallystick_operator.noticeboard import Board
from tallystick_operator.publish.answering import Answering
from tallystick_operator.publish.asserter import Asserter
from tallystick_operator.publish.publisher import Publisher
from tallystick_operator.remembered import SealedBatch
from tallystick_operator.repeated import Repeated
from tallystick_operator.sequencer.sequencer import Sequencer
from tallystick_operator.standby.prepared import Prepared
from tallystick_operator.standing import Metrics, Standing
from tallystick_operator.storage.draining import Drain
from tallystick_operator.storage.on_disk import INBOX_EVENTS, RECEIPT_EVENTS
from tallystick_operator.terminal import Summary
from tallystick_operator.tuning import tune

FLUSH_SECONDS: Final = 8.0
"""How long a shutdown waits for its last batches; what is not posted by then is posted after the next start."""
RESERVE_WEI: Final = 10**17
"""Ether that bonds leave to batches: some dozens of them at what gas usually costs."""


class Operator:
    """Everything of one operator. `run` returns when it is asked to stop or cannot go on."""

    def __init__(
        self,
        config: Config,
        step: Step = engine.step,
        strategy: Strategy = duties,
        clock: Clock | None = None,
        prepared: Prepared | None = None,
    ) -> None:
        """Rebuild the exchange from the log and agree with L1; nothing is served yet. Who has stood by has `prepared` it.

        What it asserts it comes to by `step`, and plays for by `strategy`; what it executes and publishes, by the machine.

        Raises: ConfigError, StateError, L1Error.
        """
        self.config = config
        self._step, self._strategy = step, strategy
        self._clock = clock or SystemClock()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._prepared = prepared or Prepared(config, self._clock, to_follow=False)
        self._closing = self._prepared.closing
        try:
            self._build(self._prepared.data_dir)
        except BaseException:
            self._closing.close()
            raise

    def run(self) -> None:
        """Serve until a signal or `stop`.

        Raises: whatever ended it, when it could not go on.
        """
        workers = [
            threading.Thread(target=self._work, args=(duty,), name=name, daemon=True)
            for name, duty in self.duties.items()
        ]
        with self._closing:
            try:
                tune()
                self._prepared.lost = self._lease_lost
                if not self._prepared.lease.holds():
                    self._lease_lost()
                self._sequencer.start()
                self._server.start()
                if self._gateways is not None:
                    self._gateways.start()
                for worker in workers:
                    worker.start()
                self._announce()
                self._stop.wait()
            finally:
                self._server.stop()
                if self._gateways is not None:
                    self._gateways.stop()
                self._sequencer.close()
                self._stop.set()
                if self._failure is None:
                    self._maker.finish(self._sequencer.core.branch, self._sequencer.core.log.end)
                for worker in workers:
                    if worker.is_alive():
                        worker.join()
                self._flush()
                self._journal.write("stopped", failed=self._failure is not None)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stop.set()

    @property
    def journal(self) -> Journal:
        """Its event file."""
        return self._journal

    @property
    def url(self) -> str:
        """Where the API is."""
        return self._server.url

    def _build(self, data_dir: Path) -> None:
        config, prepared = self.config, self._prepared
        self._deployment, self._journal, self._client = prepared.deployment, prepared.journal, prepared.client
        account = poster(config, self._clock)
        check_may_post(account, self._client, self._deployment)
        queue = self._queue(account, data_dir / "l1.sqlite")
        asserters_queue = self._asserters_queue(account, queue, data_dir)
        self._board = Board()
        self._sequencer = self._make_sequencer()
        self._keeper = Keeper(self._sequencer, self._clock)
        self._metrics = Metrics()
        self._follower = Follower(
            self._client,
            self._deployment,
            self._sequencer,
            self._board,
            self._journal,
            config.confirmation_blocks,
            self._events(data_dir / INBOX_EVENTS),
        )
        while not self._follower.read():
            pass
        adopted = self._follower.catch_up()
        if adopted:
            self._journal.write("adopted", batches=adopted)
        self._follower.poll()
        self._make_publisher(queue, account, data_dir)
        self._asserter = Asserter(
            client=self._client,
            deployment=self._deployment,
            queue=asserters_queue,
            board=self._board,
            journal=self._journal,
            traces=data_dir / "traces",
            trace_bytes=config.trace_memory << 20,
            store=self._events(data_dir / "l1-events.sqlite"),
            step=self._step,
            strategy=self._strategy,
        )
        self._closing.callback(self._asserter.close)
        self._drain = Drain(data_dir, config.confirmation_blocks, self._journal, self.stop)
        ticks = {"publisher": self._publish, "asserter": self._asserter.tick, "keeper": self._keeper.tick}
        self.duties = {
            name: Repeated(tick, partial(self._problem, name), poll_seconds=config.poll_seconds)
            for name, tick in ticks.items()
        }
        """What it does again and again beside sequencing, each in a thread of its own while it runs."""
        self._gateways = self._fleet()
        self._probes = Probes(self._sequencer, self._clock.monotonic, self._gateways)
        keys = tuple(dict.fromkeys((bytes.fromhex(account.address[2:]), asserters_queue.address)))
        self._standing = Standing(self._sequencer, self._board, self._journal, self._metrics, self._probes)
        self._summary = Summary(self._client, keys, self._standing, self._clock, config.tell_seconds)
        self._server = ApiServer(self._api().app(), config.host, config.port)

    def _fleet(self) -> Fleet | None:
        count, host, port = self.config.gateway_count, self.config.host, self.config.orders_port
        if not count:
            return None
        return Fleet(self._sequencer, host, port, count, self._journal.write, self.config.allowances)

    def _make_publisher(self, queue: TxQueue, account: Signer, data_dir: Path) -> None:
        """Make what posts batches, and what answers for them."""
        self._publisher = Publisher(
            client=self._client,
            deployment=self._deployment,
            queue=queue,
            sequencer=self._sequencer,
            follower=self._follower,
            board=self._board,
            journal=self._journal,
        )
        places = (self._client, self._deployment, queue, self._sequencer, self._follower, self._journal)
        poster, depth = bytes.fromhex(account.address[2:]), self.config.confirmation_blocks
        store = self._events(data_dir / RECEIPT_EVENTS)
        self._answering = Answering(*places, poster=poster, confirmations=depth, store=store)
        self._answering.tick()

    def _asserters_queue(self, posts: Signer, queue: TxQueue, data_dir: Path) -> TxQueue:
        """Return the queue of the key that asserts, that of the one that posts where it is the same."""
        asserts = asserter(self.config, self._clock)
        if asserts is None or asserts.address == posts.address:
            return queue
        return self._queue(asserts, data_dir / "l1-assertions.sqlite")

    def _make_sequencer(self) -> Sequencer:
        """Lead, if somebody who stood by does not already, and rebuild the exchange."""
        prepared = self._prepared
        core = prepared.led
        if core is None:
            prepared.lead_at_once()
            prepared.maker.snapshots.clear_drafts()
            core = prepared.new_core()
            rebuilt = core.replay()
            self._journal.write(
                "started",
                snapshot=rebuilt.snapshot.name if rebuilt.snapshot else "",
                log_entries=rebuilt.applied,
                log_cut_bytes=prepared.log.cut_bytes,
                records=core.executor.state.registers.record_count,
                batches=core.executor.state.registers.batch_cursor,
            )
        self._maker, self._receipt_signer = prepared.maker, prepared.keys.address
        return Sequencer(core, self._on_sealed, self._fail)

    def _queue(self, account: Signer, path: Path) -> TxQueue:
        store = QueueStore(path)
        self._closing.callback(store.close)
        config = SenderConfig(confirmations=CONFIRMATIONS, reserve_wei=RESERVE_WEI)
        return TxQueue(client=self._client, account=account, store=store, config=config, clock=self._clock)

    def _events(self, path: Path) -> LogStore:
        """Return where a reader keeps what it has read of L1: the next start goes on from there."""
        store = LogStore(path, self._deployment.addresses.rollup)
        self._closing.callback(store.close)
        return store

    def _api(self) -> Api:
        places = self._deployment.addresses.all() | {"Token": self._deployment.addresses.token}
        identity = Identity(
            chain_id=self._deployment.chain_id,
            rollup="0x" + self._deployment.addresses.rollup.hex(),
            contracts={name: "0x" + address.hex() for name, address in places.items()},
            receipt_signer=self._receipt_signer,
            orders_url=self._gateways.url + PATH if self._gateways else "",
        )
        return Api(
            self._sequencer,
            self._board,
            identity,
            self._metrics,
            allowances=self.config.allowances,
            probes=self._probes,
        )

    def _announce(self) -> None:
        ready = {"ready": True, "url": self._server.url, "data_dir": self.config.data_dir}
        if self.config.json_log:
            sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
            sys.stdout.flush()
        else:
            sys.stdout.write(
                f"operator ready at {self._server.url}, data in {self.config.data_dir}. Stop with Ctrl-C.\n"
            )
            sys.stdout.flush()
        self._journal.stream = sys.stdout
        self._journal.write("ready", url=self._server.url)

    # Threads

    def _publish(self) -> bool:
        complete = self._follower.poll()
        if complete:
            self._drain.tick(self._sequencer, self._publisher.tick(), self._follower.head)
            self._answering.tick()
            self._probes.l1_is_read()
        self._standing.tick()
        self._summary.tick()
        return complete

    def _work(self, duty: Repeated) -> None:
        """Repeat a duty until the operator stops; what it raises ends the operator."""
        while not self._stop.is_set():
            try:
                pause = duty.step()
            except BaseException as error:  # noqa: BLE001  it must end the process, not just this thread
                self._fail(error)
                return
            self._stop.wait(pause)

    def _problem(self, name: str, error: L1Error) -> None:
        self._board.set_l1(problem=str(error))
        self._journal.write("l1_problem", thread=name, problem=str(error))

    def _on_sealed(self, batch: SealedBatch) -> None:
        self._journal.write(
            "batch_sealed",
            batch=batch.index,
            records=batch.records,
            chunks=len(batch.chunks),
            message_limit=batch.message_limit,
            state_hash=batch.state_hash,
        )

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
            self._stop.set()
            self._journal.write("failed", error=type(error).__name__, message=str(error))

    def _lease_lost(self) -> None:
        self._fail(StateError("the lease has run out, and another operator may lead", hint="start it as a standby"))

    def _flush(self) -> None:
        """Post what the shutdown sealed, if L1 takes it in time."""
        deadline = self._clock.monotonic() + FLUSH_SECONDS
        try:
            while self._failure is None and self._clock.monotonic() < deadline:
                self._follower.poll()
                if self._publisher.tick() == 0:
                    return
                self._clock.sleep(0.05)
        except (L1Error, StateError) as error:
            self._journal.write("l1_problem", thread="shutdown", problem=str(error))


def run_until_signal(config: Config) -> None:
    """Run an operator until SIGTERM or SIGINT.

    Raises: whatever ended it, when it could not go on.
    """
    serve(Operator(config))


def serve(operator: Operator) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises: whatever ended it, when it could not go on.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: operator.stop())
    with captured(operator.journal):
        operator.run()
