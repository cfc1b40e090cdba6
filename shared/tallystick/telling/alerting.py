"""What an alert is, whoever raises it: a condition that holds, and from where on it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, TypeVar

from tallystick.errors import BadInput, ConfigError
from tallystick.numbers import plain_float, whole

L = TypeVar("L")


class AlertKind(StrEnum):
    """The kinds of alerts; each daemon has its own."""

    @property
    def severity(self) -> str:
        """Either "critical" or "warning"."""
        return "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A condition that holds. `subject` tells two of a kind apart; `facts` are plain JSON and may change meanwhile."""

    kind: AlertKind
    subject: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What a receiver tells repetitions by."""
        return f"{self.kind}/{self.subject}" if self.subject else str(self.kind)

    @property
    def severity(self) -> str:
        """Either "critical" or "warning"."""
        return self.kind.severity


def limits_of(given: Sequence[str], ordinary: L) -> L:
    """Return limits, a dataclass of numbers, with those given as NAME=VALUE in place of the ordinary ones.

    Raises: ConfigError.
    """
    known: dict[str, Any] = {each.name: getattr(ordinary, each.name) for each in fields(ordinary)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for each in given:
        name, _, value = each.partition("=")
        if name not in known:
            raise ConfigError(f"there is no limit {name}", hint=f"the limits are {', '.join(known)}")
        try:
            values[name] = plain_float(value) if isinstance(known[name], float) else whole(value)
        except BadInput as error:
            raise ConfigError(f"{value!r} is no number", hint="--alert NAME=NUMBER", limit=name) from error
    return replace(ordinary, **values)  # type: ignore[type-var]
