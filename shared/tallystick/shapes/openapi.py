"""What an operator answers, described for programs that write clients: OpenAPI 3.1, made of the endpoints and their shapes."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from tallystick.shapes.routes import ENDPOINTS, PLACES, Endpoint, Parameter
from tallystick.shapes.streaming import CHANNELS, OVER_A_STREAM, Polled, Push
from tallystick.shapes.submitting import Answer, Refusal, Results

SHAPES_AT: Final = "#/components/schemas/{name}"


def description(version: str) -> dict[str, Any]:
    """Return the document, of which every part is ready for JSON."""
    told = [*OVER_A_STREAM, *(channel.data for channel in CHANNELS.values())]
    used = [Refusal, *told, *(each for endpoint in ENDPOINTS for each in (endpoint.answer, endpoint.request) if each)]
    _, shapes = msgspec.json.schema_components(used, ref_template=SHAPES_AT)
    # Results are written without looking at each again, so their shape does not say what they are.
    shapes[Results.__name__]["properties"]["results"]["items"] = {"anyOf": [_named(Answer), _named(Refusal)]}
    shapes[Polled.__name__]["properties"]["messages"]["items"] = _named(Push)
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tallystick operator",
            "version": version,
            "description": "Amounts are in units, prices in ticks, sizes in lots, times in milliseconds: all of them whole numbers.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {"schemas": shapes},
    }


def _operation(endpoint: Endpoint[Any]) -> dict[str, Any]:
    places = re.findall(r"{(\w+)}", endpoint.path)
    operation: dict[str, Any] = {
        "operationId": "_".join([endpoint.method.lower(), *re.findall(r"\w+", endpoint.path)[1:]]),
        "summary": endpoint.says,
        "parameters": [
            *(_parameter(name, "path", PLACES[name]) for name in places),
            *(_parameter(name, "query", parameter) for name, parameter in endpoint.query.items()),
        ],
        "responses": {
            "200": {"description": "What was asked for.", "content": _content(endpoint.answer)},
            "default": {"description": "Why nothing was done.", "content": _content(Refusal)},
        },
    }
    if endpoint.request is not None:
        operation["requestBody"] = {"required": True, "content": _content(endpoint.request)}
    return operation


def _parameter(name: str, where: str, parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": parameter.most}
    if parameter.pattern:
        schema = {"type": "string", "pattern": parameter.pattern}
    elif parameter.default is not None:
        schema["default"] = parameter.default
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": parameter.says,
        "schema": schema,
    }


def _content(shape: type[msgspec.Struct]) -> dict[str, Any]:
    return {"application/json": {"schema": _named(shape)}}


def _named(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": SHAPES_AT.format(name=shape.__name__)}
