"""What is read out of an answer, and what is refused: everything that is not clearly a price."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.errors import BadInput, DataMissing, TallystickError
from tallystick.price_signer.gathering.extracting import Found, found_in, steps_of

ONE = Decimal(1)


def found(body: bytes, path: str = "", time_path: str | None = None, unit: str = "s") -> Found:
    times = None if time_path is None else steps_of(time_path)
    return found_in(body, path=steps_of(path), time_path=times, time_unit=unit, scale=ONE)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("", ()),
        ("$", ()),
        ("price", ("price",)),
        ("$.result.list[0].price", ("result", "list", 0, "price")),
        ("[-1][4]", (-1, 4)),
        ('["a.b"].c', ("a.b", "c")),
        ("list.0", ("list", "0")),
    ],
)
def test_a_path_is_read_step_by_step(path: str, steps: tuple[str | int, ...]) -> None:
    assert steps_of(path) == steps


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", "[1", '["a', "a b", "a.[0].", "[99999999]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(BadInput, match="not a path"):
        steps_of(path)


def test_brackets_in_strings_nest_nothing() -> None:
    body = b'{"x": "' + b"[" * 100 + b'\\"{\\\\' + b'", "price": 5}'
    assert found(body, "price").price == 5


@pytest.mark.parametrize(
    ("body", "path", "price"),
    [
        (b"61800.5\n", "", "61800.5"),
        (b'{"price": 61800.5}', "price", "61800.5"),
        (b'{"price": "61800.50"}', "price", "61800.50"),
        (b'{"a": [{"b": 7}, {"b": 8}]}', "a[-1].b", "8"),
        (b'{"a": {"0": 7}}', "a.0", "7"),
        (b"[7, 8]", "1", "8"),
        (b"6.18e4", "", "61800"),
        (b'{"price": 1e-7}', "price", "0.0000001"),
        (b'{"price": 123456789012345678901234567}', "price", "123456789012345678901234567"),
    ],
)
def test_a_price_is_read_to_its_last_digit(body: bytes, path: str, price: str) -> None:
    assert found(body, path) == Found(price=Decimal(price), time=None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"price": null}',
        b'{"price": true}',
        b'{"price": {}}',
        b'{"price": "NaN"}',
        b'{"price": NaN}',
        b'{"price": "Infinity"}',
        b'{"price": 1e999999999}',
        b'{"price": "1e999"}',
        b'{"price": 0}',
        b'{"price": -1}',
        b'{"price": "1_000"}',
        b'{"price": "1,000"}',
        b'{"price": " 5"}',
        '{"price": "٥"}'.encode(),
        b'{"price": "' + b"9" * 5000 + b'"}',
        b'{"price": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"price":' * 100_000 + b"5" + b"}" * 100_000,
        b'{"x": ' + b"[" * 70 + b"]" * 70 + b', "price": 5}',
        b'"' + b'\\"' * 500_000,
        b"\xff\xfe",
        b"<html>maintenance</html>",
        b'{"price": 5} and more',
    ],
)
def test_what_is_clearly_no_price_is_none(body: bytes) -> None:
    with pytest.raises(TallystickError):
        found(body, "price")


@pytest.mark.parametrize("body", [b"", b"abc", b"\xff", b"nan", b"-5", b"5 6", b"5" * 201])
def test_what_is_no_number_alone_is_no_price(body: bytes) -> None:
    with pytest.raises(BadInput):
        found(body)


@pytest.mark.parametrize(
    ("said", "unit", "time"),
    [
        ("1800000000", "s", 1_800_000_000.0),
        ("1800000000.25", "s", 1_800_000_000.25),
        ("1800000000250", "ms", 1_800_000_000.25),
        ('"1800000000250000"', "us", 1_800_000_000.25),
        ("1800000000250000000", "ns", 1_800_000_000.25),
        ('"2027-01-15T08:00:00Z"', "iso", 1_800_000_000.0),
        ('"2027-01-15T08:00:00"', "iso", 1_800_000_000.0),
    ],
)
def test_a_time_is_read_in_its_unit(said: str, unit: str, time: float) -> None:
    body = f'{{"p": 5, "t": {said}}}'.encode()
    assert found(body, "p", "t", unit) == Found(price=Decimal(5), time=time)


@pytest.mark.parametrize(
    ("said", "unit"),
    [("null", "s"), ('"soon"', "iso"), ("5", "iso"), ("-5", "s"), ("1e40", "s"), ("1800000000000", "s"), ("[]", "ms")],
)
def test_a_price_without_the_time_it_should_have_is_none(said: str, unit: str) -> None:
    with pytest.raises((BadInput, DataMissing)):
        found(f'{{"p": 5, "t": {said}}}'.encode(), "p", "t", unit)
