"""Who replays the parts of a history: this process, several of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final

from tallystick.errors import BadInput, ConfigError, TallystickError
from tallystick.rollup.segments import Judgement, Replayed, Segment, replay

Work = Callable[[Sequence[Callable[[], Segment]]], Iterator[tuple[int, Replayed]]]
"""Takes parts in the making; gives, in any order, the number of each and what became of it."""

Told = Callable[[Judgement], None]
"""Hears of every assertion that was replayed."""

WAITING: Final = 2
"""Parts that are sent for each worker: one it works on, one that waits. The rest is not even made yet."""
CONNECT_SECONDS: Final = 15


def one_by_one(told: Told) -> Work:
    """Return the work of this process: one part after the other; `told` hears of every assertion at once."""

    def work(parts: Sequence[Callable[[], Segment]]) -> Iterator[tuple[int, Replayed]]:
        for number, part in enumerate(parts):
            yield number, replay(part(), told)

    return work


def spread_over(executor: Executor, width: int, told: Told, *, carrying: bool = False) -> Work:
    """Return the work of an executor with so many workers; they see this machine's files unless parts carry theirs."""

    def work(parts: Sequence[Callable[[], Segment]]) -> Iterator[tuple[int, Replayed]]:
        waiting = list(enumerate(parts))[::-1]
        under_way: dict[Future[Replayed], int] = {}
        try:
            while waiting or under_way:
                while waiting and len(under_way) < WAITING * width:
                    number, part = waiting.pop()
                    segment = part()
                    future = executor.submit(replay, segment.carrying() if carrying else segment)
                    under_way[future] = number
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    replayed = future.result()
                    for judgement in replayed.judgements:
                        told(judgement)
                    yield under_way.pop(future), replayed
        finally:
            for future in under_way:
                future.cancel()

    return work


@contextmanager
def processes(count: int, told: Told) -> Iterator[Work]:
    """Give the work of so many processes on this machine, each with an interpreter of its own.

    Raises: TallystickError when one of them is killed.
    """
    executor = ProcessPoolExecutor(count, mp_context=get_context("spawn"))
    try:
        yield spread_over(executor, count, told)
    except BrokenProcessPool as error:
        raise TallystickError("a process that replayed was killed", hint="try fewer --workers") from error
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def cluster(address: str, told: Told) -> Iterator[tuple[Work, int]]:
    """Give the work of the Dask cluster at an address, and how many threads it has.

    Raises: ConfigError where Dask is not installed; BadInput when no scheduler, or none with workers, is there;
    TallystickError when the scheduler is lost, or too many workers are.
    """
    if not address.startswith(("tcp://", "tls://")):
        raise BadInput("a scheduler's address is tcp://HOST:PORT or tls://HOST:PORT", scheduler=address)
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        hint = "python3 -m pip install 'tallystick[cluster]'"
        raise ConfigError("a cluster needs Dask, which is not installed here", hint=hint) from error
    try:
        client: Any = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BadInput("no Dask scheduler answers there", scheduler=address, reason=str(error)) from error
    with client:
        width = sum(client.nthreads().values())
        if not width:
            raise BadInput("the Dask cluster has no workers", hint="start some: dask worker ADDRESS", scheduler=address)
        executor = client.get_executor(pure=False)
        try:
            yield spread_over(executor, width, told, carrying=True), width
        except (KilledWorker, CancelledError) as error:
            raise TallystickError("the Dask cluster was lost", scheduler=address, reason=repr(error)) from error
