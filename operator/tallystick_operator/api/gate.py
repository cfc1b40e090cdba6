"""What every request passes before anything is done for it, and how a refusal is answered."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tallystick.shapes.nesting import decode
from tallystick.shapes.routes import VERSION
from tallystick.shapes.submitting import Refusal
from tallystick_operator.intake.allowances import Meters, steps_of
from tallystick_operator.intake.door import Checked, Refused
from tallystick_operator.rates import Allowances

MAX_BODY_BYTES: Final = 2 << 20
LATER: Final = frozenset({429, 503})
"""Statuses after which the same request may do better."""
LEAST_RETRY_SECONDS: Final = 1

Body = TypeVar("Body", bound=msgspec.Struct)


class Gate:
    """Counts what comes over HTTP. For the thread of the event loop alone."""

    def __init__(self, allowances: Allowances | None, now: Callable[[], float], limited: Counter) -> None:
        self._meters = Meters(allowances, now)
        self._limited = limited

    def let_in(self, request: Request) -> None:
        """Take in that something is asked. Raises: Refused."""
        self._raise(self._meters.arrived(*_whose(request), 0))

    def look_at(self, request: Request, records: int) -> None:
        """Take in that so many records, of which one is counted, are to be checked. Raises: Refused, before any is."""
        connection, address = _whose(request)
        self._raise(self._meters.spent(address, connection))
        self._meters.also(connection, address, 0, records - 1)

    def checked(self, request: Request, found: Checked | Refused) -> Checked | Refused:
        """Take in whose record it is, or that it is none; return it, or why it is refused."""
        connection, address = _whose(request)
        if isinstance(found, Refused):
            self._meters.spoilt(connection, address)
            return found
        steps = steps_of(found.record)
        limited = self._meters.signed(found.signer, steps, len(found.data), connection, address)
        return self._counted(limited) or found

    async def body(self, request: Request, shape: type[Body]) -> Body:
        """Return what was posted. Raises: Refused."""
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > MAX_BODY_BYTES:
                raise Refused(413, "too_large", f"a body has at most {MAX_BODY_BYTES} bytes")
            pieces.append(piece)
        self._meters.also(*_whose(request), size, 0)
        try:
            return decode(b"".join(pieces), shape)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at ")
            raise Refused(400, "malformed", message, path.strip("`").removeprefix("$.")) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused(400, "not_json", str(error)) from error

    def _raise(self, refused: Refused | None) -> None:
        if refused is not None:
            self._counted(refused)
            raise refused

    def _counted(self, refused: Refused | None) -> Refused | None:
        if refused is not None:
            self._limited.labels(refused.field).inc()
        return refused


def in_json(value: msgspec.Struct, status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an answer."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json", headers=headers)


def refusing(refusal: Refused) -> Response:
    """Return the answer of a refusal. What may do better later says when."""
    # Everybody may be refused by one and the same object for hours: it must not keep what led to each time.
    refusal.__traceback__ = None
    waits = max(LEAST_RETRY_SECONDS, math.ceil(refusal.retry_after_ms / 1_000))
    return in_json(refusal.shape, refusal.status, {"Retry-After": str(waits)} if refusal.status in LATER else None)


async def http_error(request: Request, error: Exception) -> Response:
    """Answer what no route answers, in the shape of any other refusal."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    codes = {404: "no_such_path", 405: "wrong_method"}
    if status == 404 and not request.url.path.startswith(VERSION + "/"):
        return in_json(Refusal(error="no_such_version", message=f"this operator speaks {VERSION}"), status)
    return in_json(Refusal(error=codes.get(status, "error"), message=f"{request.method} {request.url.path}"), status)


def _whose(request: Request) -> tuple[tuple[str, int] | None, str]:
    """Return the connection and the address; behind a proxy, which keeps connections for all, there is no connection."""
    if request.client is None:
        return None, ""
    host, port = request.client
    return ((host, port) if port else None), host
