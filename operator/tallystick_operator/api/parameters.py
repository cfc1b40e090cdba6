"""Numbers in the paths and queries of requests."""

from __future__ import annotations

from starlette.requests import Request

from tallystick_operator.intake.door import Refused

MAX_ID = (1 << 32) - 1


def path_number(request: Request, name: str, most: int = MAX_ID) -> int:
    """Return a number of the path. Raises: Refused when it is none, or above `most`."""
    return _number(request.path_params[name], name, most)


def asked_number(request: Request, name: str, default: int, *, most: int) -> int:
    """Return a number of the query, `default` if it is not there. Raises: Refused, as `path_number`."""
    return _number(request.query_params.get(name, str(default)), name, most)


def asked_filter(request: Request, name: str, *, most: int = MAX_ID) -> int | None:
    """Return a number of the query, None if it is not there. Raises: Refused, as `path_number`."""
    given = request.query_params.get(name)
    return None if given is None else _number(given, name, most)


def _number(text: str, name: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) > most:
        raise Refused(400, "malformed", f"a whole number from 0 to {most}", name)
    return int(text)
