"""A stream and a lease of NATS' JetStream, kept by an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, StorageType, StreamConfig
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from tallystick.errors import ConfigError, StateError
from tallystick.ports import Clock

T = TypeVar("T")

DEFAULT_NAME: Final = "tallystick"
HOLDER_BYTES: Final = 8
KEY: Final = "leader"
WRONG_LAST_SEQUENCE: Final = 10071
"""The server's number for: another message stands there."""
PAUSE_SECONDS: Final = 0.05
ASK_SECONDS: Final = 1.0
CONNECT_SECONDS: Final = 5.0
RENEWED_A_TERM: Final = 4
"""Renewals in the time of a lease: two may be lost, and it is held still."""
SURE: Final = 0.9
"""The part of its time for which a lease counts here: clocks differ, and the server's may be set."""


class Address:
    """Where a stream is: `nats://server:4222,another:4222/name?replicas=3`."""

    def __init__(self, url: str) -> None:
        """Raises: ConfigError."""
        parts = urlsplit(url)
        self.name = parts.path.strip("/") or DEFAULT_NAME
        query = parse_qs(parts.query)
        replicas = query.pop("replicas", ["1"])[-1]
        if parts.scheme not in ("nats", "tls") or not parts.netloc or query or replicas not in ("1", "3", "5"):
            raise ConfigError("this names no stream", hint="nats://HOST:PORT/NAME, and perhaps ?replicas=3 or 5")
        if not self.name.replace("-", "").replace("_", "").isalnum():
            raise ConfigError("a stream's name has letters, digits, - and _", name=self.name)
        self.servers = [f"{parts.scheme}://{each}" for each in parts.netloc.split(",")]
        self.replicas = int(replicas)


class NatsWire:
    """A connection, one stream, and the lease beside it. Every method waits; all but `close` may raise an OSError."""

    def __init__(self, address: Address, lease_seconds: float, clock: Clock, on_lost: Callable[[], None]) -> None:
        """Connect, and make stream and lease if they are not there; `on_lost` is called when a lease was lost.

        Raises: StateError when the server cannot be reached, or has no JetStream.
        """
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        self._seconds = lease_seconds
        self._clock = clock
        self.holder = os.urandom(HOLDER_BYTES)
        self._on_lost = on_lost
        self._until = 0.0
        self._revision = 0
        self._renewing: asyncio.Task[None] | None = None
        try:
            self._client, self._js, self._kv = self._wait(self._open())
        except (OSError, NatsError, TimeoutError) as error:
            self.close()
            raise StateError(
                "the stream cannot be reached, or its server has no JetStream",
                hint="see that the server runs, and with JetStream",
                servers=" ".join(each.rpartition("@")[2] for each in address.servers),
                reason=str(error) or type(error).__name__,
            ) from error

    # The stream

    def first(self) -> int:
        """Return the number of the oldest message at hand, 1 where there has been none."""
        return max(1, self._asked(self._state)[0])

    def last(self) -> int:
        """Return the number of the newest message."""
        return self._asked(self._state)[1]

    def read(self, since: int, most: int) -> list[bytes]:
        """Return up to so many messages behind a number."""
        return self._asked(lambda: self._read(since, most))

    def put(self, data: bytes, behind: int) -> bool:
        """Put a message right behind another, as often as it takes to know; return whether it stands there."""
        return self._asked(lambda: self._put(data, behind))

    # The lease

    def take(self) -> bool:
        """Take the lease if nobody has it."""
        return self.holds() or self._asked(self._take)

    def holds(self) -> bool:
        """Whether the lease is held still, for sure."""
        return self._clock.monotonic() < self._until

    def release(self) -> None:
        """Give the lease back, if there is somebody to give it to."""
        with contextlib.suppress(OSError, NatsError, TimeoutError):
            self._wait(self._release())

    def close(self) -> None:
        """Give the lease back and end the connection."""
        if hasattr(self, "_kv"):
            self.release()
            with contextlib.suppress(OSError, NatsError, TimeoutError):
                self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # In the loop

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _asked(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Have something done, again while the server does not answer. Raises: OSError when it never does."""
        return self._wait(self._again(work))

    async def _again(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        deadline = self._clock.monotonic() + self._seconds
        while True:
            try:
                return await work()
            except (OSError, NatsError, TimeoutError) as error:
                if self._clock.monotonic() >= deadline:
                    raise OSError(f"the stream does not answer: {str(error) or type(error).__name__}") from error
            await asyncio.sleep(PAUSE_SECONDS)

    async def _open(self) -> tuple[Client, JetStreamContext, KeyValue]:
        client = Client()
        options: dict[str, Any] = {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.1, "ping_interval": 2}
        async with asyncio.timeout(CONNECT_SECONDS):  # it would try for ever
            await client.connect(self._address.servers, error_cb=_unheard, **options)
        js = client.jetstream(timeout=min(ASK_SECONDS, self._seconds / RENEWED_A_TERM))
        await self._make_stream(js)
        return client, js, await self._make_lease(js)

    async def _make_stream(self, js: JetStreamContext) -> None:
        name = self._address.name
        try:
            await js.stream_info(name)
        except NotFoundError:
            config = StreamConfig(
                name=name,
                subjects=[f"{name}.log"],
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                num_replicas=self._address.replicas,
                deny_delete=True,
                deny_purge=True,
            )
            await js.add_stream(config)

    async def _make_lease(self, js: JetStreamContext) -> KeyValue:
        """Return the bucket of the lease; whoever makes it says how long a lease is."""
        bucket = f"{self._address.name}-lease"
        try:
            held = await js.key_value(bucket)
        except BucketNotFoundError:
            config = KeyValueConfig(bucket=bucket, ttl=self._seconds, replicas=self._address.replicas)
            held = await js.create_key_value(config)
        self._seconds = (await held.status()).ttl or self._seconds
        return held

    async def _state(self) -> tuple[int, int]:
        state = (await self._js.stream_info(self._address.name)).state
        return state.first_seq, state.last_seq

    async def _read(self, since: int, most: int) -> list[bytes]:
        # one tells whether there are any: a follower looks often, and mostly there is none
        found = await self._one(since + 1)
        if found is None or most == 1:
            return [found] if found is not None else []
        others = await asyncio.gather(*(self._one(since + number) for number in range(2, most + 1)))
        messages = [found]
        for each in others:
            if each is None:
                break
            messages.append(each)
        return messages

    async def _one(self, number: int) -> bytes | None:
        try:
            return (await self._js.get_msg(self._address.name, number)).data
        except NotFoundError:
            return None

    async def _put(self, data: bytes, behind: int) -> bool:
        subject, name = f"{self._address.name}.log", self._address.name
        try:
            answer = await self._js.publish(
                subject, data, stream=name, headers={"Nats-Expected-Last-Sequence": str(behind)}
            )
        except APIError as error:
            if error.err_code != WRONG_LAST_SEQUENCE:
                raise
            # it may be this very message, whose acknowledgement did not come
            return await self._one(behind + 1) == data
        return answer.seq == behind + 1

    async def _take(self) -> bool:
        before = self._clock.monotonic()
        try:
            self._revision = await self._kv.create(KEY, self.holder)
        except KeyWrongLastSequenceError:
            return False
        self._until = before + SURE * self._seconds
        self._renewing = self._loop.create_task(self._renew())
        return True

    async def _renew(self) -> None:
        """Keep the lease until it is lost, and say so then."""
        pause = self._seconds / RENEWED_A_TERM
        while self.holds():
            await asyncio.sleep(pause)
            before = self._clock.monotonic()
            if before >= self._until:
                break
            try:
                self._revision = await self._kv.update(KEY, self.holder, last=self._revision)
            except KeyWrongLastSequenceError:
                if not await self._is_mine():
                    break
            except (OSError, NatsError, TimeoutError):
                pause = PAUSE_SECONDS
            else:
                self._until = before + SURE * self._seconds
                pause = self._seconds / RENEWED_A_TERM
        self._until = 0.0
        self._on_lost()

    async def _is_mine(self) -> bool:
        """Whether a renewal may have come through without an answer; the next one goes on from there."""
        try:
            entry = await self._kv.get(KEY)
        except KeyNotFoundError:
            return False
        except (OSError, NatsError, TimeoutError):
            return True
        self._revision = entry.revision or 0
        return entry.value == self.holder

    async def _release(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        if self.holds():
            self._until = 0.0
            await self._kv.delete(KEY, last=self._revision)


async def _unheard(_: Exception) -> None:
    """What the client would print: whoever waits for an answer is told."""
