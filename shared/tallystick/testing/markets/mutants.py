"""Rules of the market, each of which can be dropped: a history by chance must then show what the rule is against.

It works on the interpreted machine alone: a compiled one holds its names for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from tallystick.machine.market import liquidation
from tallystick.machine.market.risk import Health
from tallystick.state.layout import LEAN_BEST

STEPS: Final = "tallystick.machine.steps."
MARKET: Final = "tallystick.machine.market."


@dataclass(frozen=True, slots=True)
class Patch:
    """A module's name, and what it is to mean while a rule is dropped."""

    module: str
    name: str
    value: Any


def _whatever_follows(_: Health, after: Health, reduces: bool) -> bool:
    """A trade that only reduces may leave an account as it likes."""
    return reduces or after.value_units >= after.initial_units


def _at_any_price(case: liquidation.Case, _: object) -> int:
    """A fund sells and buys a hundredth beyond the index, whatever it has gained."""
    return case.ticks - case.ticks // 100 if case.size > 0 else case.ticks + case.ticks // 100


def _holds_nothing(*_: object) -> int:
    """A brake holds nobody."""
    return 0


def _all_it_brings(*position: Any) -> Any:
    """A gain that a brake holds counts like any."""
    return position[-1]


def _always(*_: object) -> bool:
    return True


def _never(*_: object) -> bool:
    return False


RULES: Final[dict[str, tuple[Patch, ...]]] = {
    "who opens is measured at the worse price": (Patch(MARKET + "trade", "LEAN_WORST", LEAN_BEST),),
    "money is withdrawn at the worse price": (Patch(STEPS + "withdraw", "LEAN_WORST", LEAN_BEST),),
    "money is transferred at the worse price": (Patch(STEPS + "transfer", "LEAN_WORST", LEAN_BEST),),
    "a stale position needs twice its initial margin": (Patch(MARKET + "risk", "_is_stale", _never),),
    "a fund unwinds for no more than half of what it gained": (
        Patch(STEPS + "liquidate", "slice_limit", _at_any_price),
    ),
    "a brake holds who gained by a jump": (Patch(MARKET + "brake", "_held_sides", _holds_nothing),),
    "a gain that a brake holds carries nothing": (Patch(MARKET + "risk", "counted_worth", _all_it_brings),),
    "a fund carries what it takes over": (Patch(MARKET + "ladder", "may_change", _always),),
    "a trade that reduces leaves the account no less safe": (Patch(MARKET + "trade", "may_change", _whatever_follows),),
}

IN_GAPS: Final[dict[str, tuple[Patch, ...]]] = {
    "a brake lasts on while who owes is deleveraged": (Patch(STEPS + "deleverage", "prolong_brakes", _holds_nothing),),
}
"""Rules that a straddle through a gap misses, for no history by chance is so long."""


@contextmanager
def dropped(rule: str) -> Iterator[None]:
    """Play without a rule."""
    kept = [(import_module(each.module), each) for each in (RULES | IN_GAPS)[rule]]
    before = [getattr(module, each.name) for module, each in kept]
    for module, each in kept:
        setattr(module, each.name, each.value)
    try:
        yield
    finally:
        for (module, each), value in zip(kept, before, strict=True):
            setattr(module, each.name, value)
