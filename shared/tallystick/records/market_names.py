"""A market as people and signed records name it: its id, and behind a point which series of it."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.errors import BadInput
from tallystick.numbers import NATURAL
from tallystick.state.layout import MAX_MARKETS, MAX_SERIES, SERIES_SHIFT
from tallystick.state.ordinals import MarketId, SignedMarket

HINT: Final = "5 is what market 5 is now, 5.1 its series 1"


class MarketName(NamedTuple):
    """A market as somebody says it; `series` is None where the one that is listed is meant."""

    market: MarketId
    series: int | None = None


def parse_market(text: str) -> MarketName:
    """Return the market that a text names. Raises: BadInput when it names none."""
    market, point, series = text.partition(".")
    if not NATURAL.fullmatch(market) or (point and not NATURAL.fullmatch(series)):
        raise BadInput("not a market", hint=HINT, market=text)
    found = MarketName(MarketId(int(market)), int(series) if point else None)
    if found.market >= MAX_MARKETS or (found.series or 0) > MAX_SERIES:
        raise BadInput(f"markets are 0 to {MAX_MARKETS - 1}, their series 0 to {MAX_SERIES}", hint=HINT, market=text)
    return found


def signed_market(market: MarketId, series: int) -> SignedMarket:
    """Return a market and its series as a signed record has them."""
    return SignedMarket(market | series << SERIES_SHIFT)


def market_name(market: MarketId, series: int | None = 0) -> str:
    """Return how a market is shown: series 0 by its id alone."""
    return f"{market}.{series}" if series else str(market)


def read_signed(signed: SignedMarket) -> MarketName:
    """Return the market of a signed record, with its series."""
    return MarketName(MarketId(signed % MAX_MARKETS), signed >> SERIES_SHIFT)
