"""What every source said last, as its answers come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tallystick.errors import BadInput, TallystickError
from tallystick.ports import Clock
from tallystick.price_signer.gathering.extracting import Found, found_in
from tallystick.price_signer.gathering.pricing import Said
from tallystick.price_signer.gathering.sources import Asking, MarketSources, Source
from tallystick.state.ordinals import MarketId

AHEAD_SECONDS: Final = 5.0
"""A price whose time is further ahead than this is not believed: it would stay fresh for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Bytes that came back. Units: `began` by the monotonic clock; `time` since 1970, where the place itself has one."""

    body: bytes
    began: float
    time: float | None = None


class Quotes:
    """Keeps what each source of each market said last."""

    def __init__(self, markets: tuple[MarketSources, ...], clock: Clock) -> None:
        self._clock = clock
        self._said: dict[MarketId, dict[str, Said]] = {each.market: {} for each in markets}
        self._askers: dict[Asking, list[tuple[MarketId, Source]]] = {}
        for market in markets:
            for source in market.sources:
                self._askers.setdefault(source.asking, []).append((market.market, source))

    def of(self, market: MarketId) -> Mapping[str, Said]:
        """Return what a market's sources said last, by their names."""
        return self._said[market]

    def answered(self, asking: Asking, answer: Answered) -> None:
        """Take in an answer; every source that asks this reads its own part of it."""
        for market, source in self._askers[asking]:
            before = self._said[market].get(source.name, Said())
            try:
                found = found_in(
                    answer.body,
                    path=source.path,
                    time_path=source.time_path,
                    time_unit=source.time_unit,
                    scale=source.scale,
                )
                self._said[market][source.name] = self._quote(before, found, answer)
            except TallystickError as error:
                self._said[market][source.name] = replace(before, trouble=str(error))

    def failed(self, asking: Asking, reason: str) -> None:
        """Take in that nothing of use came back."""
        for market, source in self._askers[asking]:
            before = self._said[market].get(source.name, Said())
            self._said[market][source.name] = replace(before, trouble=reason)

    def _quote(self, before: Said, found: Found, answer: Answered) -> Said:
        """Return a price with its time: without one it is as old as the question. Raises: BadInput for one to come."""
        at, time = answer.began, found.time if found.time is not None else answer.time
        if time is not None:
            ahead = time - self._clock.now()
            if ahead > AHEAD_SECONDS:
                raise BadInput("the price's time is ahead of this machine's", seconds=round(ahead, 1))
            at = self._clock.monotonic() + min(0.0, ahead)
        since = before.since if before.price == found.price else at
        return Said(price=found.price, at=at, since=since)
