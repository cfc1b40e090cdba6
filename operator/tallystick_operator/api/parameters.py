"""Numbers and names in the paths and queries of requests."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from tallystick.errors import BadInput
from tallystick.records.market_names import HINT, MarketName, parse_market
from tallystick.shapes.routes import PLACES, Endpoint, Parameter
from tallystick.state.ordinals import AccountId
from tallystick_operator.intake.door import Refused


def path_number(request: Request, name: str) -> int:
    """Return a number of the path. Raises: Refused when it is none, or too large."""
    return _number(request.path_params[name], name, PLACES[name])


def path_account(request: Request) -> AccountId:
    """Return the account of the path. Raises: Refused, as `path_number`."""
    return AccountId(path_number(request, "account"))


def asked_account(request: Request, endpoint: Endpoint[Any]) -> AccountId | None:
    """Return the account of the query, None if it is not there. Raises: Refused, as `path_number`."""
    given = asked_filter(request, endpoint, "account")
    return None if given is None else AccountId(given)


def path_market(request: Request, name: str) -> MarketName:
    """Return a market of the path, or a series of one. Raises: Refused when it names none."""
    return _market(request.path_params[name], name)


def asked_market(request: Request, name: str) -> MarketName | None:
    """Return a market of the query, or a series of one, None if it is not there. Raises: Refused, as `path_market`."""
    given = request.query_params.get(name)
    return None if given is None else _market(given, name)


def asked_number(request: Request, endpoint: Endpoint[Any], name: str) -> int:
    """Return a number of the query, its default if it is not there. Raises: Refused, as `path_number`."""
    given = asked_filter(request, endpoint, name)
    assert given is not None
    return given


def asked_filter(request: Request, endpoint: Endpoint[Any], name: str) -> int | None:
    """Return a number of the query, None if it is not there and has no default. Raises: Refused, as `path_number`."""
    given = request.query_params.get(name)
    return endpoint.query[name].default if given is None else _number(given, name, endpoint.query[name])


def _market(text: str, name: str) -> MarketName:
    try:
        return parse_market(text)
    except BadInput as error:
        raise Refused(400, "malformed", f"{error.message}: {HINT}", name) from error


def _number(text: str, name: str, parameter: Parameter) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) > parameter.most:
        raise Refused(400, "malformed", f"a whole number from 0 to {parameter.most}", name)
    return int(text)
