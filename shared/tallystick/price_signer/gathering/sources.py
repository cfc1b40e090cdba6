"""Which sources a market's price comes from, and by which rules: a TOML file, read once and refused where it is unclear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from tallystick.errors import BadInput, ConfigError
from tallystick.numbers import decimal
from tallystick.price_signer.gathering.extracting import Step, steps_of
from tallystick.state.ordinals import MarketId
from tallystick.tomlfile import read_toml
from tallystick.urls import parts_of

MARKETS: Final = 64
MOST_PPM: Final = 1_000_000
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
TIME_UNITS: Final = ("s", "ms", "us", "ns", "iso")

Number = int | float | str
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]
Ppm = Annotated[int, msgspec.Meta(ge=1, le=MOST_PPM)]


class SourceGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source as the file has it."""

    name: str
    url: str = ""
    command: list[str] = []
    file: str = ""
    path: str = ""
    time_path: str = ""
    time_unit: Literal["s", "ms", "us", "ns", "iso"] = "s"
    scale: Number = 1
    every_seconds: Seconds = 1.0
    timeout_seconds: Seconds = 2.0


class MarketGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market as the file has it."""

    market: Annotated[int, msgspec.Meta(ge=0, lt=MARKETS)]
    tick: Number
    source: list[SourceGiven]
    name: str = ""
    least: int = 0
    max_age_seconds: Seconds = 10.0
    still_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    outlier_ppm: Ppm = 10_000


class FileGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    market: list[MarketGiven]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked, and how often: a URL, a command or a file. Sources that ask the same share one answer."""

    url: str = ""
    command: tuple[str, ...] = ()
    file: str = ""
    every_seconds: float
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of one market: where its price stands in an answer, and the time of it if the answer has that.

    Units: what is found there, times `scale`, is the price in the market's currency.
    """

    name: str
    asking: Asking
    path: tuple[Step, ...]
    time_path: tuple[Step, ...] | None
    time_unit: str
    scale: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSources:
    """A market's sources and the rules by which they make one price.

    `least` of them must be left once those are passed over whose price is older than `max_age_seconds`, has not moved
    for `still_seconds` (0: may stand still for ever), or is further than `outlier_ppm` from the median. Units: `tick`
    is what one tick is worth.
    """

    market: MarketId
    name: str
    tick: Decimal
    sources: tuple[Source, ...]
    least: int
    max_age_seconds: float
    still_seconds: float
    outlier_ppm: int


def read_sources(path: Path) -> tuple[MarketSources, ...]:
    """Return the markets of a file, by number.

    Raises: ConfigError for what cannot be read or meant, and for keys that are none.
    """
    try:
        given = msgspec.convert(read_toml(path), FileGiven)
        markets = tuple(_market(each) for each in sorted(given.market, key=lambda each: each.market))
        _check_markets(markets)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the sources are not as they should be: {error}", hint=HELP, file=str(path)) from error
    except BadInput as error:
        raise ConfigError(error.message, hint=error.hint or HELP, **error.data, file=str(path)) from error
    return markets


HELP: Final = "`tallystick price-signer run --help` shows a whole file"


def _check_markets(markets: tuple[MarketSources, ...]) -> None:
    if not markets:
        raise BadInput("no market has a source")
    numbers = [each.market for each in markets]
    if len(set(numbers)) != len(numbers):
        raise BadInput("a market is there twice", markets=sorted({each for each in numbers if numbers.count(each) > 1}))
    if len({each.name for each in markets}) != len(markets):
        raise BadInput("two markets have one name")


def _market(given: MarketGiven) -> MarketSources:
    name = given.name or f"market {given.market}"
    sources = tuple(_source(each, name) for each in given.source)
    names = [each.name for each in sources]
    if not sources or len(set(names)) != len(names):
        raise BadInput("a market has sources, each with a name of its own", market=name)
    least = given.least or len(sources) // 2 + 1
    if not 1 <= least <= len(sources):
        raise BadInput("least is from 1 to the number of sources", market=name, least=least)
    return MarketSources(
        market=MarketId(given.market),
        name=name,
        tick=_positive(given.tick, "tick", name),
        sources=sources,
        least=least,
        max_age_seconds=given.max_age_seconds,
        still_seconds=given.still_seconds,
        outlier_ppm=given.outlier_ppm,
    )


def _source(given: SourceGiven, market: str) -> Source:
    if not NAME.fullmatch(given.name):
        raise BadInput("a source's name is of letters, digits and ._:/-", market=market, name=given.name)
    if sum(map(bool, (given.url, given.command, given.file))) != 1:
        raise BadInput("a source has one of url, command and file", market=market, source=given.name)
    if given.url:
        parts_of(given.url, f"the source {given.name}", "url is an http or https URL")
    asking = Asking(
        url=given.url,
        command=tuple(given.command),
        file=given.file,
        every_seconds=given.every_seconds,
        timeout_seconds=given.timeout_seconds,
    )
    return Source(
        name=given.name,
        asking=asking,
        path=steps_of(given.path),
        time_path=steps_of(given.time_path) if given.time_path else None,
        time_unit=given.time_unit,
        scale=_positive(given.scale, "scale", market),
    )


def _positive(given: Number, what: str, market: str) -> Decimal:
    """Return a number above zero, as it was written."""
    value = decimal(given if isinstance(given, str) else f"{Decimal(str(given)):f}")
    if value <= 0:
        raise BadInput(f"{what} is above zero", market=market, given=str(given))
    return value


def askings(markets: tuple[MarketSources, ...]) -> list[Asking]:
    """Return what is to be asked, each once, in the order of the file."""
    found: dict[Asking, Any] = {source.asking: None for market in markets for source in market.sources}
    return list(found)
