"""From what a market's sources said last to one price in ticks, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final

from tallystick.price_signer.gathering.sources import MarketSources
from tallystick.state.ordinals import MarketId

MOST_TICKS: Final = (1 << 24) - 1
PPM: Final = 1_000_000


class Standing(StrEnum):
    """What becomes of a source."""

    USED = "used"
    OUTLIER = "outlier"
    OLD = "old"
    STILL = "still"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a source said last. Units: `price` in the market's currency; times by the monotonic clock, in seconds.

    `at` is the price's own time, `since` when it became what it is. `trouble` is why the newest answer was of no use,
    empty when it was.
    """

    price: Decimal | None = None
    at: float = 0.0
    since: float = 0.0
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A source as it counts now. Units: `age` seconds; `deviation_ppm` is from the median of what was fresh."""

    name: str
    standing: Standing
    price: Decimal | None = None
    age: float | None = None
    deviation_ppm: int | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A market's price, None with the reason in `why`."""

    market: MarketId
    name: str
    ticks: int | None
    price: Decimal | None
    why: str
    looks: tuple[Look, ...]

    @property
    def used(self) -> int:
        """How many sources made it."""
        return sum(each.standing is Standing.USED for each in self.looks)


def priced(market: MarketSources, said: Mapping[str, Said], now: float) -> Priced:
    """Return the median of the sources that are fresh and near each other. Rounding: to the nearest tick.

    A source counts with its newest price until that is too old, whatever its answers have been since.
    """
    fresh: dict[str, Decimal] = {}
    looks: list[Look] = []
    for source in market.sources:
        look = _look(market, source.name, said.get(source.name, Said()), now)
        looks.append(look)
        if look.standing is Standing.USED and look.price is not None:
            fresh[source.name] = look.price
    middle = median(list(fresh.values())) if fresh else None
    if middle is not None:
        looks = [_held_against(market, each, middle) for each in looks]
    kept = [each.price for each in looks if each.standing is Standing.USED and each.price is not None]
    price = median(kept) if len(kept) >= market.least else None
    ticks = None if price is None else int((price / market.tick).to_integral_value(ROUND_HALF_EVEN))
    why = ""
    if ticks is None:
        why = f"{len(kept)} of {len(looks)} sources are fresh and agree, {market.least} are needed"
    elif not 1 <= ticks <= MOST_TICKS:
        ticks, why = None, f"{price} is no price in ticks of {market.tick}"
    return Priced(market=market.market, name=market.name, ticks=ticks, price=price, why=why, looks=tuple(looks))


def median(values: Sequence[Decimal]) -> Decimal:
    """Return the middle one of values, or what is halfway between the two middle ones."""
    ranked, half = sorted(values), len(values) // 2
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2


def _look(market: MarketSources, name: str, said: Said, now: float) -> Look:
    if said.price is None:
        return Look(name=name, standing=Standing.SILENT, trouble=said.trouble)
    age = max(0.0, now - said.at)
    standing = Standing.USED
    if age > market.max_age_seconds:
        standing = Standing.OLD
    elif market.still_seconds and now - said.since > market.still_seconds:
        standing = Standing.STILL
    return Look(name=name, standing=standing, price=said.price, age=age, trouble=said.trouble)


def _held_against(market: MarketSources, look: Look, middle: Decimal) -> Look:
    """Return a source with its distance from the median, and as an outlier where that is too much."""
    if look.price is None:
        return look
    deviation = int((look.price - middle) * PPM / middle)
    far = abs(deviation) > market.outlier_ppm and look.standing is Standing.USED
    return Look(
        name=look.name,
        standing=Standing.OUTLIER if far else look.standing,
        price=look.price,
        age=look.age,
        deviation_ppm=deviation,
        trouble=look.trouble,
    )
