"""Who may send how much: token buckets by the key that signs, by connection and by address, in bytes and in steps.

Whoever has something left may send, however much it is; what it sends may put it into debt, and until that is paid
back by time it is refused, before anything of it is looked at. So nothing is too large to pass, and what passes in the
long run is the rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Final

from tallystick.records.codec import Record
from tallystick.records.items import item_heads
from tallystick_operator.intake.door import Refused
from tallystick_operator.rates import Allowances, Rate

BURST_SECONDS: Final = 2.0
"""What may be sent at once, in seconds of the rate."""
RUBBISH_ALLOWED: Final = 200
RUBBISH_A_SECOND: Final = 20.0
"""Records without a form or a good signature that an address may send at once, and how soon it may send others: a
recovery costs as much for a false signature as for a good one."""
CONNECTIONS_PART: Final = 4
"""A connection may send this part of it."""
MOST_KEPT: Final = 10_000
"""Connections, addresses and keys that are remembered, of each; who has been quiet for long enough is forgotten first."""
TINY_SECONDS: Final = 1e-6
"""Of a debt, what is only rounding."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
TOO_MANY: Final = 429
CODE: Final = "rate_limited"


class _Bucket:
    """When what somebody has sent is paid back by time: nothing of it is left so long before as a burst lasts. Units: seconds."""

    __slots__ = ("bytes", "steps")

    def __init__(self) -> None:
        self.steps = self.bytes = float("-inf")


class _Buckets:
    """Those of one sort."""

    def __init__(self, rate: Rate, burst: float) -> None:
        self._a_step, self._a_byte = 1 / rate.steps, 1 / rate.bytes
        self._burst = burst
        self._kept: dict[Hashable, _Bucket] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def waits(self, whose: Hashable, now: float) -> float:
        """Return how long somebody has to wait, 0 when it may send."""
        bucket = self._kept.get(whose)
        if bucket is None:
            return 0.0
        until = bucket.steps if bucket.steps > bucket.bytes else bucket.bytes
        return until - now if until > now + TINY_SECONDS else 0.0

    def take(self, whose: Hashable, now: float, steps: float, size: int) -> None:
        """Take note of what somebody sends."""
        bucket = self._kept.get(whose)
        if bucket is None:
            if len(self._kept) >= MOST_KEPT:
                self._forget(now)
            bucket = self._kept[whose] = _Bucket()
        full = now - self._burst
        bucket.steps = (bucket.steps if bucket.steps > full else full) + steps * self._a_step
        bucket.bytes = (bucket.bytes if bucket.bytes > full else full) + size * self._a_byte

    def drop(self, whose: Hashable) -> None:
        """Forget somebody who never comes again."""
        self._kept.pop(whose, None)

    def _forget(self, now: float) -> None:
        """Forget those who may send all again, and, where that is not one in ten, the oldest."""
        full = now - self._burst
        for whose, bucket in list(self._kept.items()):
            if max(bucket.steps, bucket.bytes) <= full:
                del self._kept[whose]
        for whose in list(self._kept)[: max(0, len(self._kept) - MOST_KEPT * 9 // 10)]:
            del self._kept[whose]


class Meters:
    """Counts what comes through one door. Without allowances rubbish alone is counted. For one thread.

    Shape: a connection is whatever tells it from others, None for one that nobody knows. Units: `now` tells seconds that never
    go back.
    """

    def __init__(self, allowances: Allowances | None, now: Callable[[], float]) -> None:
        self._now = now
        self._keys, self._connections, self._addresses = (
            _Buckets(rate, BURST_SECONDS) if rate else None
            for rate in (
                (allowances.account, allowances.connection, allowances.address) if allowances else (None, None, None)
            )
        )
        rubbish = Rate(steps=int(RUBBISH_A_SECOND), bytes=1)
        part = Rate(steps=rubbish.steps // CONNECTIONS_PART, bytes=1)
        burst = RUBBISH_ALLOWED / RUBBISH_A_SECOND
        self._spoilt_connections, self._spoilt_addresses = _Buckets(part, burst), _Buckets(rubbish, burst)

    def arrived(self, connection: Hashable, address: str, size: int, count: int = 1) -> Refused | None:
        """Take in that so many bytes and records have come; return why they are refused before they are looked at."""
        if self._connections is None or self._addresses is None:
            return None
        now = self._now()
        if connection is not None and (waits := self._connections.waits(connection, now)):
            return _limited("connection", waits)
        if waits := self._addresses.waits(address, now):
            return _limited("address", waits)
        self._charge(connection, address, now, count, size)
        return None

    def also(self, connection: Hashable, address: str, size: int, count: int) -> None:
        """Take in that what was let in is so much more than was known then."""
        self._charge(connection, address, self._now(), count, size)

    def signed(self, signer: bytes, steps: int, size: int, connection: Hashable, address: str) -> Refused | None:
        """Take in who has signed a record of so many bytes, b"" for nobody; return why it is refused before it is sequenced."""
        if self._keys is None or self._connections is None or self._addresses is None:
            return None
        now = self._now()
        if steps > 1:
            self._charge(connection, address, now, steps - 1, 0)
        if not signer:
            return None
        waits = self._keys.waits(signer, now)
        if waits:
            return _limited("account", waits)
        self._keys.take(signer, now, steps, size)
        return None

    def spoilt(self, connection: Hashable, address: str) -> bool:
        """Take in that a record had no form or no good signature; return whether this was one too many."""
        now = self._now()
        if connection is not None:
            self._spoilt_connections.take(connection, now, 1, 0)
        self._spoilt_addresses.take(address, now, 1, 0)
        return self.spent(address, connection) is not None

    def spent(self, address: str, connection: Hashable = None) -> Refused | None:
        """Return why nothing more of an address, or of a connection, is looked at: it has sent too much rubbish."""
        now = self._now()
        for buckets, whose, name in (
            (self._spoilt_connections, connection, "connection"),
            (self._spoilt_addresses, address, "address"),
        ):
            if whose is not None and (waits := buckets.waits(whose, now)):
                return _limited(name, waits, "records without a form or a good signature")
        return None

    def _charge(self, connection: Hashable, address: str, now: float, steps: int, size: int) -> None:
        if self._connections is not None and connection is not None:
            self._connections.take(connection, now, steps, size)
        if self._addresses is not None:
            self._addresses.take(address, now, steps, size)

    def gone(self, connection: Hashable) -> None:
        """Forget a connection."""
        for buckets in (self._connections, self._spoilt_connections):
            if buckets is not None:
                buckets.drop(connection)


def steps_of(record: Record) -> int:
    """Return what a record has the machine do at least: one of itself, and one for each item of a bulk."""
    return 1 + len(item_heads(record.blobs[0])) if record.kind.name == "bulk" else 1


def address_of(peer: str, forwarded: str) -> str:
    """Return whose address counts: behind a proxy on the same machine, the last one that this has written down."""
    return forwarded.rpartition(",")[2].strip() or peer if peer in LOOPBACK else peer


def _limited(name: str, waits: float, what: str = "") -> Refused:
    milliseconds = math.ceil(waits * 1_000)
    message = f"too {'many ' + what if what else 'much'} from one {name}; send the same again in {milliseconds} ms"
    return Refused(TOO_MANY, CODE, message, name, retry_after_ms=milliseconds)
