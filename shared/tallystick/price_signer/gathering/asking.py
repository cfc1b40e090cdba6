"""Asks sources, each by itself and for a bounded time: a URL, a command, a file. However one behaves, the others go on."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from contextlib import suppress
from typing import Final

import httpx

from tallystick.errors import BadInput, DataMissing, Refused, TallystickError, Unreachable
from tallystick.ports import Clock
from tallystick.price_signer.gathering.source_quotes import Answered, Quotes
from tallystick.price_signer.gathering.sources import Asking

MOST_BYTES: Final = 4 << 20
"""All tickers of a large exchange are about a megabyte."""
OK: Final = 200
HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "tallystick"}
"""Nothing compressed: a small answer must not become a large one here."""
CONNECTIONS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=100)


class Asker:
    """Asks for as long as its task lives, and hands every answer over."""

    def __init__(self, quotes: Quotes, clock: Clock) -> None:
        self._quotes = quotes
        self._clock = clock
        self._http: httpx.AsyncClient | None = None

    async def keep_asking(self, askings: list[Asking]) -> None:
        """Ask everybody, again and again, until cancelled."""
        async with self._client(), asyncio.TaskGroup() as group:
            for each in askings:
                group.create_task(self._repeat(each))

    async def ask_once(self, askings: list[Asking]) -> None:
        """Ask everybody once."""
        async with self._client(), asyncio.TaskGroup() as group:
            for each in askings:
                group.create_task(self._ask(each))

    def _client(self) -> httpx.AsyncClient:
        self._http = httpx.AsyncClient(headers=HEADERS, limits=CONNECTIONS, timeout=None)
        return self._http

    async def _repeat(self, asking: Asking) -> None:
        while True:
            began = self._clock.monotonic()
            await self._ask(asking)
            left = asking.every_seconds - (self._clock.monotonic() - began)
            await asyncio.sleep(max(0.05, left))

    async def _ask(self, asking: Asking) -> None:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(asking.timeout_seconds):
                body, time = await self._answer(asking)
        except TimeoutError:
            self._quotes.failed(asking, f"no answer within {asking.timeout_seconds:g} s")
        except TallystickError as error:
            self._quotes.failed(asking, str(error))
        else:
            self._quotes.answered(asking, Answered(body=body, began=began, time=time))

    async def _answer(self, asking: Asking) -> tuple[bytes, float | None]:
        if asking.url:
            return await self._fetched(asking.url), None
        return (await _said_by(asking.command), None) if asking.command else _read(asking.file)

    async def _fetched(self, url: str) -> bytes:
        """Return the body behind a URL. Redirects are not followed: they lead where nobody meant to ask."""
        assert self._http is not None
        try:
            async with self._http.stream("GET", url) as answer:
                if answer.status_code != OK:
                    raise Refused(f"status {answer.status_code}")
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    raise BadInput("the answer is compressed")
                body = bytearray()
                async for part in answer.aiter_raw():
                    body += part
                    _check_length(body)
                return bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            raise Unreachable(f"no answer: {type(error).__name__}") from error


async def _said_by(command: tuple[str, ...]) -> bytes:
    """Return what a command prints. It runs without a shell, and is ended with all that it started when time is up."""
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise Unreachable(f"the command cannot be run: {type(error).__name__}") from error
    assert child.stdout is not None
    ended = False
    try:
        body = bytearray()
        while part := await child.stdout.read(1 << 16):
            body += part
            _check_length(body)
        code = await child.wait()
        ended = True
    finally:
        if not ended:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    if code:
        raise Refused(f"the command ended with {code}")
    return bytes(body)


def _check_length(body: bytes | bytearray) -> None:
    if len(body) > MOST_BYTES:
        raise BadInput(f"the answer is longer than {MOST_BYTES >> 20} MiB")


def _read(path: str) -> tuple[bytes, float]:
    """Return what is in a file, and when it was written. Anything but a file, a pipe say, could be waited for for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise BadInput("not a file", path=path)
            body = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataMissing(f"the file cannot be read: {error.strerror}") from error
    _check_length(body)
    return body, found.st_mtime
