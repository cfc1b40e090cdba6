"""What an operator answers, as OpenAPI: complete, and what it says of numbers is what the doors do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from typer.testing import CliRunner

from tallystick import __version__
from tallystick.shapes.openapi import description
from tallystick.shapes.routes import ENDPOINTS, OPENAPI, Endpoint
from tallystick_operator.cli import app
from tests.operator.rig import Rig
from tests.operator.test_api import Served

DESCRIBED: dict[str, Any] = description(__version__)
NUMBERS = [
    (endpoint, parameter["name"], parameter["in"], parameter["schema"]["maximum"])
    for endpoint in ENDPOINTS
    for parameter in DESCRIBED["paths"][endpoint.path][endpoint.method.lower()]["parameters"]
    if parameter["schema"]["type"] == "integer"
]
FILLED = {"market": "0", "account": "1", "client_id": "1", "address": "0x" + "11" * 20}


@pytest.fixture(scope="module")
def served(shared_rig: Rig) -> Iterator[Served]:
    served = Served(shared_rig)
    yield served
    served.close()
    assert not served.failures


def references(part: Any) -> set[str]:
    """Return every reference in a document, or in a part of one."""
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(each) for each in part.values()))
    return set().union(*(references(each) for each in part)) if isinstance(part, list) else set()


def test_every_endpoint_is_described_once_and_names_what_is_there() -> None:
    operations = [(path, method, each) for path, at in DESCRIBED["paths"].items() for method, each in at.items()]
    assert [(path, method.upper()) for path, method, _ in operations] == [(at.path, at.method) for at in ENDPOINTS]
    assert len({each["operationId"] for _, _, each in operations}) == len(ENDPOINTS)
    shapes = {f"#/components/schemas/{name}" for name in DESCRIBED["components"]["schemas"]}
    assert references(DESCRIBED) <= shapes
    for path, _, each in operations:
        named = [parameter["name"] for parameter in each["parameters"] if parameter["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path)
        assert each["summary"].endswith(".")


def test_a_running_operator_and_the_command_say_the_same(served: Served) -> None:
    assert served.http.get(OPENAPI).json() == DESCRIBED
    assert json.loads(CliRunner().invoke(app, ["openapi"]).output) == DESCRIBED


@pytest.mark.parametrize(
    ("endpoint", "name", "where", "most"), NUMBERS, ids=[f"{each.path}-{name}" for each, name, _, _ in NUMBERS]
)
def test_a_number_is_taken_up_to_the_one_that_is_described(
    served: Served, endpoint: Endpoint[Any], name: str, where: str, most: int
) -> None:
    for value, refused in ((most, False), (most + 1, True)):
        places = FILLED | ({name: str(value)} if where == "path" else {})
        asked = {"after": 0} | ({name: value} if where == "query" else {})
        reply = served.http.get(endpoint.path.format(**places) + "?" + urlencode(asked))
        malformed = reply.status_code == 400 and reply.json()["field"] == name
        assert malformed == refused, reply.content
