"""What a source's answer says: a price, and a time if there is one, out of whatever bytes came back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from tallystick.errors import BadInput, DataMissing
from tallystick.shapes.nesting import is_shallow

Step = str | int
"""A key of an object, or a place in a list: below zero from its end."""
PART: Final = re.compile(r"""\.?([A-Za-z0-9_$@:/+*-]+)|\[(-?[0-9]{1,6})\]|\["([^"\]]{1,200})"\]""")
NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
UNITS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
LATEST: Final = 1 << 40
"""Seconds: no time is later."""
_DECODER: Final = msgspec.json.Decoder(float_hook=str)
"""Leaves numbers with a fraction as they were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an answer says. Units: `price` as the source has it, times its scale; `time` in seconds since 1970."""

    price: Decimal
    time: float | None


def steps_of(path: str) -> tuple[Step, ...]:
    """Return the steps of a path such as `result.list[0].price`; none of them where the whole answer is meant.

    Raises: BadInput when it is no path.
    """
    rest = path.removeprefix("$")
    steps: list[Step] = []
    while rest:
        part = PART.match(rest)
        if part is None:
            raise BadInput("not a path into JSON", hint='such as result.list[0].price or ["a.b"].price', path=path)
        key, place, quoted = part.groups()
        steps.append(int(place) if place is not None else key or quoted)
        rest = rest[part.end() :]
    return tuple(steps)


def found_in(
    body: bytes, *, path: tuple[Step, ...], time_path: tuple[Step, ...] | None, time_unit: str, scale: Decimal
) -> Found:
    """Return what an answer says.

    Raises: DataMissing, BadInput when there is no price, or no time where there should be one.
    """
    if not path and time_path is None:
        return Found(price=_price(_text(body)) * scale, time=None)
    if not is_shallow(body):
        raise BadInput("the answer is no JSON, or of too many levels")
    try:
        document = _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise BadInput("the answer is no JSON") from error
    time = None if time_path is None else _time(_follow(document, time_path), time_unit)
    return Found(price=_price(_follow(document, path)) * scale, time=time)


def _text(body: bytes) -> str:
    try:
        return body[:200].decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise BadInput("the answer is no number") from error


def _follow(value: Any, path: tuple[Step, ...]) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and _place(step) is not None:
            place = _place(step) or 0
            value = value[place] if -len(value) <= place < len(value) else None
        else:
            value = None
        if value is None:
            raise DataMissing("the answer has nothing there", step=step)
    return value


def _place(step: Step) -> int | None:
    """Return a place in a list, which may be written as a key too: `list.0`."""
    return step if isinstance(step, int) else int(step) if re.fullmatch("[0-9]{1,6}", step) else None


def _price(value: Any) -> Decimal:
    price = _number(value, "a price")
    if price <= 0:
        raise BadInput("a price is above zero", given=str(price))
    return price


def _number(value: Any, what: str) -> Decimal:
    """Return a number that is written as one, in text too; neither infinite nor of a million digits."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not NUMBER.fullmatch(text[:90]):
        raise BadInput(f"not {what}", given=text[:40] or type(value).__name__)
    return Decimal(text)


def _time(value: Any, unit: str) -> float:
    if unit != "iso":
        time = float(_number(value, "a time") / UNITS[unit])
    else:
        try:
            given = datetime.fromisoformat(value)
            time = (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
        except (TypeError, ValueError, OverflowError) as error:
            raise BadInput("not a time", given=str(value)[:40]) from error
    if not 0 <= time <= LATEST:
        raise BadInput("not a time", given=str(value)[:40])
    return time
