"""JSON over HTTP to an operator, with the standard library alone: a kept connection, a timeout, typed errors."""

from __future__ import annotations

import http.client
import threading
from typing import Final, TypeVar

import msgspec

from tallystick.errors import Refused, Unreachable
from tallystick.shapes.nesting import decode
from tallystick.shapes.routes import Endpoint
from tallystick.shapes.submitting import Refusal
from tallystick.state.ordinals import Number
from tallystick.urls import parts_of, shown

TIMEOUT_SECONDS: Final = 30.0
OK: Final = 200
A = TypeVar("A", bound=msgspec.Struct)


class OperatorUnreachable(Unreachable):
    """No answer from the operator; whether it took the request is not known, so ask again with the same bytes."""


class OperatorRefused(Refused):
    """The operator's door refused a request: `code` is its name, `status` the HTTP status."""

    def __init__(self, status: int, code: str, message: str, field: str) -> None:
        super().__init__(message, error=code, **({"field": field} if field else {}))
        self.status = status
        self.code = code
        self.field = field


class Transport:
    """Requests to one operator. Safe for threads: each has its own connection."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Raises: BadInput when the URL is none."""
        parts = parts_of(url, "an operator", "http://127.0.0.1:8646, say")
        self.endpoint = shown(parts)
        self._base = parts.path.rstrip("/")
        self._parts = parts
        self._timeout_seconds = timeout_seconds
        self._local = threading.local()
        self._open: set[http.client.HTTPConnection] = set()
        self._opening = threading.Lock()

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, endpoint: Endpoint[A], body: msgspec.Struct | None = None, /, **parameters: Number | str | None) -> A:
        """Return what an endpoint answers; parameters that are None are left out.

        Raises: OperatorUnreachable, OperatorRefused, TypeError when the endpoint takes no such parameter or body.
        """
        if not isinstance(body, endpoint.request or type(None)):
            raise TypeError(f"{endpoint.path} takes {endpoint.request}, not {type(body)}")
        posted = None if body is None else msgspec.json.encode(body)
        status, content = self.request(endpoint.method, endpoint.filled(parameters), posted)
        if status != OK:
            raise self._refusal(status, content)
        return self._decoded(content, endpoint.answer)

    def request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Return status and body; a connection the other side closed meanwhile is opened anew once.

        Raises: OperatorUnreachable.
        """
        for _ in range(2):
            known: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
            kept = known or self._connect()
            try:
                kept.request(method, self._base + path, body, {"Content-Type": "application/json"} if body else {})
                response = kept.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._drop(kept)
                if known is None:
                    raise OperatorUnreachable(
                        f"no answer from the operator: {str(error) or type(error).__name__}",
                        hint="is it running there? --operator URL, or TALLYSTICK_OPERATOR",
                        endpoint=self.endpoint,
                    ) from error
                continue
            self._local.connection = kept
            return response.status, content
        raise AssertionError("the second attempt returns or raises")

    def socket_url(self, path: str) -> str:
        """Return where a WebSocket of this operator is."""
        scheme = "wss" if self._parts.scheme == "https" else "ws"
        return f"{scheme}://{self._parts.netloc}{self._base}{path}"

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._opening:
            kept = set(self._open)
        for each in kept:
            self._drop(each)

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        made = kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout_seconds)
        with self._opening:
            self._open.add(made)
        return made

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        connection.close()
        self._local.connection = None
        with self._opening:
            self._open.discard(connection)

    def _refusal(self, status: int, content: bytes) -> OperatorRefused:
        """Return what a status other than 200 says; who stands between may have put a body of its own in its place."""
        try:
            told = decode(content, Refusal)
        except msgspec.ValidationError:
            told = Refusal(error="error", message="")
        except msgspec.DecodeError as error:
            raise self._no_operator() from error
        return OperatorRefused(status, told.error, told.message, told.field)

    def _decoded(self, content: bytes, shape: type[A]) -> A:
        try:
            return decode(content, shape)
        except msgspec.DecodeError as error:
            raise self._no_operator() from error

    def _no_operator(self) -> OperatorUnreachable:
        return OperatorUnreachable(
            "this is no operator: it does not answer as one", hint="is this its API's URL?", endpoint=self.endpoint
        )
