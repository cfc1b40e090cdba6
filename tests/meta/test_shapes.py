"""What goes over HTTP is declared once: in `tallystick.shapes`, which neither side writes or reads by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec
import pytest
from msgspec import inspect

from tallystick.shapes import accounts, market_data, progress, streaming, submitting
from tallystick.shapes.routes import ENDPOINTS, INFO, METRICS
from tallystick.shapes.streaming import CHANNELS, OVER_A_STREAM, Asked, Opening, Polled, Push, Told, Wanted
from tallystick.shapes.submitting import Answer, Refusal, Results
from tests.meta.tree import ROOT

MODULES: tuple[ModuleType, ...] = (accounts, market_data, progress, streaming, submitting)
SHAPES: dict[str, type[msgspec.Struct]] = {
    name: shape
    for module in MODULES
    for name, shape in vars(module).items()
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct) and shape.__module__ == module.__name__
}
ASKED = {endpoint.request for endpoint in ENDPOINTS if endpoint.request} | {*get_args(Asked), Wanted, Opening}
FIELDS = {field.name for shape in SHAPES.values() for field in msgspec.structs.fields(shape)}
SIDES = (
    "operator/tallystick_operator",
    "shared/tallystick/trader",
    "shared/tallystick/transport.py",
    "shared/tallystick/demo",
)
"""Where both sides are."""
OTHERS = ("args", "path_params", "fields", "costs", "event", "facts")
"""What has keys of its own: events of L1 and of processes, paths of requests, the feed's values, what a command prints."""


def sample(of: inspect.Type, full: bool) -> Any:
    """Return a value of a type, as small as it may be, or with something everywhere."""
    if isinstance(of, inspect.StructType):
        given = {f.encode_name: sample(f.type, full) for f in of.fields if full or f.required}
        return of.cls(**given)
    if isinstance(of, inspect.ListType):
        return [sample(of.item_type, full)] if full else []
    if isinstance(of, inspect.DictType):
        return {"word": sample(of.value_type, full)} if full else {}
    if isinstance(of, inspect.UnionType):
        some = [each for each in of.types if not isinstance(each, inspect.NoneType)]
        return sample(some[0], full) if full or len(some) == len(of.types) else None
    if isinstance(of, inspect.LiteralType):
        return of.values[-1]
    if isinstance(of, inspect.RawType):
        return msgspec.Raw(msgspec.json.encode(sample(inspect.type_info(Refusal), full)))
    plain: dict[type[inspect.Type], Any] = {
        inspect.IntType: -(1 << 60) if full else 0,
        inspect.StrType: "ü0x" if full else "",
        inspect.BoolType: full,
        inspect.AnyType: [1, "word", None],
    }
    return plain[type(of)]


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_frozen_and_says_what_it_is(name: str) -> None:
    shape = SHAPES[name]
    assert shape.__struct_config__.frozen
    with pytest.raises(TypeError, match="positional"):
        shape(*[None] * len(shape.__struct_fields__))
    assert shape.__doc__
    assert shape.__struct_config__.forbid_unknown_fields == (shape in ASKED)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_read_as_it_was_written(name: str, full: bool) -> None:
    shape = SHAPES[name]
    value = sample(inspect.type_info(shape), full)
    written = msgspec.json.encode(value)
    read = msgspec.json.decode(written, type=shape)
    assert msgspec.json.encode(read) == written
    assert read == value or shape is Results
    told = msgspec.json.decode(written)
    tag = [shape.__struct_config__.tag_field] if shape.__struct_config__.tag else []
    assert list(told) == [*tag, *shape.__struct_fields__]
    longer = msgspec.json.encode({**told, "something new": 1})
    if shape in ASKED:
        with pytest.raises(msgspec.ValidationError, match="something new"):
            msgspec.json.decode(longer, type=shape)
    else:
        assert msgspec.json.encode(msgspec.json.decode(longer, type=shape)) == written


def test_results_tell_answers_from_refusals() -> None:
    said = [sample(inspect.type_info(shape), full) for shape in (Answer, Refusal) for full in (True, False)]
    results = Results.of(said)
    assert results.each() == said
    assert msgspec.json.decode(msgspec.json.encode(results), type=Results).each() == said
    with pytest.raises(msgspec.ValidationError):
        Results(results=[msgspec.Raw(b"{}")]).each()


def test_the_messages_of_a_poll_are_pushes() -> None:
    push = sample(inspect.type_info(Push), full=True)
    polled = Polled(epoch="1", sequence=1, messages=[msgspec.Raw(msgspec.json.encode(push))])
    assert msgspec.json.decode(msgspec.json.encode(polled), type=Polled).each() == [push]


def test_every_shape_is_part_of_what_an_endpoint_takes_or_answers() -> None:
    met: set[type] = {Refusal, Answer}  # both inside of Results, or for any status but 200

    def walk(of: inspect.Type) -> None:
        if isinstance(of, inspect.StructType):
            met.add(of.cls)
            for field in of.fields:
                walk(field.type)
        elif isinstance(of, inspect.ListType):
            walk(of.item_type)
        elif isinstance(of, inspect.UnionType):
            for each in of.types:
                walk(each)

    for endpoint in ENDPOINTS:
        walk(inspect.type_info(endpoint.answer))
        walk(inspect.type_info(endpoint.request or type(None)))
    walk(inspect.type_info(Answer))
    for shape in (*OVER_A_STREAM, *(channel.data for channel in CHANNELS.values())):
        walk(inspect.type_info(shape))
    assert set(OVER_A_STREAM) == {*get_args(Asked), *get_args(Told)}
    assert set(SHAPES.values()) == met
    paths = [endpoint.path for endpoint in ENDPOINTS]
    assert len(set(paths)) == len(paths) and METRICS not in paths and INFO in ENDPOINTS


def sources() -> Iterator[Path]:
    for side in SIDES:
        found = sorted((ROOT / side).rglob("*.py")) or [ROOT / side]
        yield from found


def by_hand(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield where a dictionary has the keys of a shape, or a key of one is asked of something, and what it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
            for name, shape in SHAPES.items():
                required = {field.name for field in msgspec.structs.fields(shape) if field.required}
                if keys and required <= keys <= set(shape.__struct_fields__):
                    yield node.lineno, f"{name} as a dictionary"
        elif isinstance(node, ast.Subscript):
            yield from _asked(node, node.value, node.slice)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and node.args
        ):
            yield from _asked(node, node.func.value, node.args[0])


def _asked(node: ast.expr, of: ast.expr, key: ast.expr) -> Iterator[tuple[int, str]]:
    name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
    if isinstance(key, ast.Constant) and key.value in FIELDS and name not in OTHERS:
        yield node.lineno, f"the key {key.value!r} of {name or 'something'}"


def test_neither_side_writes_or_reads_a_shape_by_hand() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in sources()
        for line, what in by_hand(ast.parse(path.read_text()))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "text",
    [
        '{"error": code, "message": text}',
        '{"raw": data}',
        '{"kind": kind, "fields": {}, "signature": ""}',
        'found["next_nonce"]',
        'each.get("outcome")',
        'api("/v1/info")["records"]',
    ],
)
def test_a_shape_by_hand_is_found(text: str) -> None:
    assert list(by_hand(ast.parse(text)))
