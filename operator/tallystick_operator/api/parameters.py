"""Numbers in the paths and queries of requests."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from tallystick.shapes.routes import PLACES, Endpoint, Parameter
from tallystick_operator.intake.door import Refused


def path_number(request: Request, name: str) -> int:
    """Return a number of the path. Raises: Refused when it is none, or too large."""
    parameter = PLACES[name]
    assert parameter is not None
    return _number(request.path_params[name], name, parameter)


def asked_number(request: Request, endpoint: Endpoint[Any], name: str) -> int:
    """Return a number of the query, its default if it is not there. Raises: Refused, as `path_number`."""
    given = asked_filter(request, endpoint, name)
    assert given is not None
    return given


def asked_filter(request: Request, endpoint: Endpoint[Any], name: str) -> int | None:
    """Return a number of the query, None if it is not there and has no default. Raises: Refused, as `path_number`."""
    given = request.query_params.get(name)
    return endpoint.query[name].default if given is None else _number(given, name, endpoint.query[name])


def _number(text: str, name: str, parameter: Parameter) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) > parameter.most:
        raise Refused(400, "malformed", f"a whole number from 0 to {parameter.most}", name)
    return int(text)
