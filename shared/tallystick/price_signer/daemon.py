"""A price signer as one process: sources, operators and L1 are all asked at once, and none of them holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import Final, TypeVar

import httpx

from tallystick.errors import L1Error, TallystickError, Unreachable
from tallystick.journal import Journal
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.deployment import Deployment, load_deployment
from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import TxQueue
from tallystick.l1.sending.signer import load_signer
from tallystick.ports import Clock
from tallystick.ports.system import SystemClock
from tallystick.price_signer.config import SignerConfig
from tallystick.price_signer.delivery.forcing import Forcing
from tallystick.price_signer.delivery.l1_side import L1Side, Payer
from tallystick.price_signer.delivery.line import Asked, Delivered, Line, Replied
from tallystick.price_signer.delivery.making import Report
from tallystick.price_signer.delivery.signatory import domain_of, load_signatory, number_in
from tallystick.price_signer.gathering.asking import Asker
from tallystick.price_signer.gathering.sources import MarketSources, askings, read_sources
from tallystick.price_signer.reporting import Reporter, Signer
from tallystick.price_signer.telling.signer_teller import SignerTeller

AHEAD_SECONDS: Final = 3_600.0
"""How long L1's clock is counted on without a block."""
L1_SECONDS: Final = 5.0
"""How long an endpoint of L1 is waited for; the next look comes soon."""
OPERATOR_SECONDS: Final = 5.0
"""How long an operator is waited for, however it drips; a newer report is there by then."""
MOST_BYTES: Final = 1 << 20
"""Of an operator's answer."""
THREADS: Final = 3
"""One waits for the end, one asks the signer, one L1."""
HEADERS: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


R = TypeVar("R")


class PriceSigner:
    """Everything of one signer. `run` returns when it is asked to stop, or cannot go on."""

    def __init__(self, config: SignerConfig, journal: Journal, clock: Clock | None = None) -> None:
        """Raises: ConfigError, BadInput for a key that is no signer's, L1Error when a remote signer is not there."""
        self._config = config
        self._clock = clock or SystemClock()
        self._closing = ExitStack()
        # not the loop's own, in which names are looked up: those that hang must not hold up a signature
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="aside")
        self._closing.callback(self._threads.shutdown)
        self._boxes: dict[str, asyncio.Queue[Report]] = {}
        self._teller = SignerTeller(config, journal, self._clock)
        self._closing.callback(self._teller.close)
        try:
            self._reporter, self._l1 = self._build(read_sources(config.sources), load_deployment(config.deployment))
        except TallystickError as error:
            self._teller.ended_by(error)
            self._closing.close()
            raise

    def run(self, stop: Event) -> None:
        """Gather, sign and send until asked to stop. Raises: whatever ended it, after telling so."""
        try:
            asyncio.run(self._run(stop))
        except Exception as error:
            self._teller.ended_by(error)
            raise
        finally:
            self._teller.report("stopped", {})
            self._closing.close()

    def _build(self, markets: tuple[MarketSources, ...], deployment: Deployment) -> tuple[Reporter, L1Side]:
        config, clock = self._config, self._clock
        signatory = load_signatory(config.key, deployment, clock)
        number = number_in(signatory.address, deployment)
        l1_clock = ExchangeClock(clock, AHEAD_SECONDS)
        client = QuorumClient(
            config.rpc,
            quorum=config.quorum,
            chain_id=deployment.chain_id,
            timeout_seconds=L1_SECONDS,
            retries=0,
            report=self._endpoint,
            clock=clock,
        )
        l1 = L1Side(client, l1_clock, clock, self._payer(client, deployment))
        signer = Signer(number=number, signatory=signatory)
        self._markets = markets
        reporter = Reporter(config, markets, signer, domain_of(deployment), l1, l1_clock, self._teller, clock)
        self._teller.started(number, signatory.address, deployment.chain_id, deployment.addresses.rollup)
        return reporter, l1

    def _endpoint(self, endpoint: str, problem: str) -> None:
        facts = {"endpoint": endpoint} | ({"problem": problem} if problem else {})
        self._teller.report("endpoint_problem" if problem else "endpoint_well", facts)

    def _payer(self, client: QuorumClient, deployment: Deployment) -> Payer | None:
        """Return whose ether pays for reports through L1, None where none go there."""
        config, clock = self._config, self._clock
        if not config.force_after_seconds:
            return None
        account = load_signer(config.gas_key or config.key, clock)

        def opened() -> Forcing:
            store = QueueStore(config.data_dir / "l1.sqlite")
            self._closing.callback(store.close)
            queue = TxQueue(client=client, account=account, store=store, clock=clock)
            return Forcing(client, deployment.addresses.inbox, queue, self._teller.report)

        return Payer(address=bytes.fromhex(account.address[2:]), open=opened)

    async def _run(self, stop: Event) -> None:
        asker = Asker(self._reporter.quotes, self._clock)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(headers=HEADERS, timeout=None, limits=limits) as http:
            duties = [asker.keep_asking(askings(self._markets)), self._look_at_l1(), self._report()]
            duties += [self._deliver(http, line) for line in self._reporter.lines]
            tasks: list[asyncio.Task[object]] = [asyncio.create_task(duty) for duty in duties]
            ending: asyncio.Task[object] = asyncio.create_task(self._aside(stop.wait))
            done, _ = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, ending, return_exceptions=True)
            for task in done:
                task.result()

    async def _aside(self, work: Callable[..., R], *given: object) -> R:
        """Do in a thread what would hold up everything else."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    async def _report(self) -> None:
        """Make a report whenever one is due, and lay it before every operator."""
        while True:
            await asyncio.sleep(self._reporter.due_in())
            draft = self._reporter.begin()
            signed = None if draft is None else await self._aside(self._reporter.sign, draft)
            report = self._reporter.end(signed)
            if report is not None:
                for box in self._boxes.values():
                    if box.full():
                        box.get_nowait()  # the newer one is worth more
                    box.put_nowait(report)

    async def _deliver(self, http: httpx.AsyncClient, line: Line) -> None:
        box = self._boxes[line.url] = asyncio.Queue(maxsize=1)
        while True:
            report = await box.get()
            self._reporter.delivered(line, await self._sent(http, line, report))

    async def _sent(self, http: httpx.AsyncClient, line: Line, report: Report) -> Delivered | TallystickError:
        talk = line.deliver((report.record,))
        try:
            async with asyncio.timeout(OPERATOR_SECONDS):
                asked = next(talk)
                while True:
                    asked = talk.send(await self._answer(http, line.url, asked))
        except StopIteration as end:
            result: Delivered = end.value
            return result
        except TimeoutError:
            return Unreachable(f"no answer within {OPERATOR_SECONDS:g} s")
        except TallystickError as error:
            return error

    async def _answer(self, http: httpx.AsyncClient, url: str, asked: Asked) -> Replied:
        body = bytearray()
        try:
            async with http.stream(asked.method, url.rstrip("/") + asked.path, content=asked.body) as answer:
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise Unreachable("the operator's answer has no end")
                return Replied(status=answer.status_code, content=bytes(body))
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise Unreachable(f"no answer from the operator: {type(error).__name__}") from error

    async def _look_at_l1(self) -> None:
        while True:
            try:
                await self._aside(self._l1.tick)
                self._reporter.l1_read()
            except L1Error as error:
                self._reporter.l1_failed(str(error))
            await asyncio.sleep(self._config.poll_seconds)
