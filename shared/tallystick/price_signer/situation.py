"""How everything stands when a report has been due: what metrics, alerts and the page are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tallystick.price_signer.delivery.l1_side import L1Seen
from tallystick.price_signer.gathering.pricing import Priced, Standing
from tallystick.price_signer.gathering.sources import MarketSources
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketNow:
    """A market. Units: times by the monotonic clock: when it had a price last, and when each source counted."""

    priced: Priced
    good_at: float
    sources_good_at: Mapping[str, float]


@dataclass(slots=True, kw_only=True)
class LineNow:
    """An operator. Units: `taken_at` by the monotonic clock; `place` is what of its URL may be shown."""

    place: str
    taken_at: float
    trouble: str = ""
    taken: int = 0
    refused: int = 0
    receipt_signer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything, at one moment of the monotonic clock. Units: seconds; `time` since 1970, `time_ms` of L1."""

    at: float
    time: float
    time_ms: UnixMs
    signer: SignerNumber
    address: str
    markets: tuple[MarketNow, ...]
    lines: tuple[LineNow, ...]
    l1: L1Seen
    signed_at: float
    sign_trouble: str
    taken_at: float
    forced_at: float | None
    reports: int


@dataclass(slots=True, kw_only=True)
class History:
    """Since when things have been as they should not be. Units: the monotonic clock."""

    began: float
    good_at: dict[MarketId, float] = field(default_factory=dict)
    sources_good_at: dict[tuple[MarketId, str], float] = field(default_factory=dict)

    def of(self, market: MarketSources, priced: Priced, now: float) -> MarketNow:
        """Take in a market's newest price, and return how it stands."""
        if priced.ticks is not None:
            self.good_at[market.market] = now
        for look in priced.looks:
            key = (market.market, look.name)
            if look.standing is Standing.USED:
                self.sources_good_at[key] = now
        return MarketNow(
            priced=priced,
            good_at=self.good_at.get(market.market, self.began),
            sources_good_at={
                each.name: self.sources_good_at.get((market.market, each.name), self.began) for each in priced.looks
            },
        )
