"""What a signer does when a report is due, and what it remembers between two: without a wire, a thread or a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tallystick.errors import TallystickError
from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.ports import Clock
from tallystick.price_signer.config import SignerConfig
from tallystick.price_signer.delivery.l1_side import L1Side
from tallystick.price_signer.delivery.line import Delivered, Line
from tallystick.price_signer.delivery.making import Report, report_record
from tallystick.price_signer.delivery.signatory import Signatory
from tallystick.price_signer.gathering.pricing import Priced, priced
from tallystick.price_signer.gathering.source_quotes import Quotes
from tallystick.price_signer.gathering.sources import MarketSources
from tallystick.price_signer.situation import History, LineNow, Situation
from tallystick.price_signer.telling.signer_teller import SignerTeller
from tallystick.state.ordinals import NEVER, MarketId, SignerNumber, UnixMs
from tallystick.urls import parts_of, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs. `number` is the deployment's."""

    number: SignerNumber
    signatory: Signatory


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is due to be signed. Units: milliseconds of L1's time, ticks by market."""

    time_ms: UnixMs
    prices: Mapping[MarketId, int]


class Reporter:
    """Makes reports of what the sources say, and minds who takes them."""

    def __init__(
        self,
        config: SignerConfig,
        markets: tuple[MarketSources, ...],
        signer: Signer,
        domain: bytes,
        l1: L1Side,
        l1_clock: ExchangeClock,
        teller: SignerTeller,
        clock: Clock,
    ) -> None:
        self._config, self._markets, self._signer, self._clock = config, markets, signer, clock
        self._l1, self._l1_clock, self._teller = l1, l1_clock, teller
        self.quotes = Quotes(markets, clock)
        now = clock.monotonic()
        self.lines = tuple(Line(url, domain) for url in config.operators)
        self._lines = {
            url: LineNow(place=shown(parts_of(url, "an operator", "")), taken_at=now) for url in config.operators
        }
        self._history = History(began=now)
        self._found: list[Priced] = []
        self._signed_at = self._taken_at = now
        self._sign_trouble = ""
        self._forced_at: float | None = None
        self._forced_part = -1
        self._last_ms = NEVER
        self._reports = 0

    def due_in(self) -> float:
        """Return the seconds to the next report: all signers report at the same ones of L1's clock."""
        every = int(self._config.every_seconds * 1000)
        now = self._now_ms()
        return (every - now % every) / 1000

    def begin(self) -> Draft | None:
        """Return what is due to be signed; None when no market has a price."""
        now_ms = self._now_ms()
        every = int(self._config.every_seconds * 1000)
        time_ms = UnixMs(now_ms - now_ms % every)
        now = self._clock.monotonic()
        self._found = [priced(each, self.quotes.of(each.market), now) for each in self._markets]
        prices = {each.market: each.ticks for each in self._found if each.ticks is not None}
        if not prices or time_ms <= self._last_ms:
            return None
        self._last_ms = time_ms
        return Draft(time_ms=time_ms, prices=prices)

    def sign(self, draft: Draft) -> Report | TallystickError:
        """Return a draft, signed; it may wait for a remote signer, and changes nothing here."""
        try:
            signed = self._signer.signatory.sign(report_record(self._signer.number, draft.time_ms, draft.prices))
        except TallystickError as error:
            return error
        return Report(time_ms=draft.time_ms, prices=draft.prices, record=signed)

    def end(self, signed: Report | TallystickError | None) -> Report | None:
        """Take in what became of it, tell how everything stands, and return what is to be sent."""
        report = signed if isinstance(signed, Report) else None
        if isinstance(signed, TallystickError):
            self._sign_trouble = str(signed)
            self._teller.changed("signer", "not_signed", {"reason": self._sign_trouble}, "not signed")
        if report is not None:
            self._sign_trouble = ""
            self._signed_at = self._clock.monotonic()
            self._reports += 1
            facts = {"time_ms": report.time_ms, "markets": len(report.prices)}
            self._teller.changed("signer", "signed", facts, "signed")
            self._force_if_nobody_takes(report)
        self._teller.look(self._situation())
        return report

    def delivered(self, line: Line, result: Delivered | TallystickError) -> None:
        """Take in what an operator made of a report."""
        now = self._lines[line.url]
        trouble = str(result) if isinstance(result, TallystickError) else result.trouble
        if isinstance(result, Delivered) and result.new_key:
            facts = {"operator": now.place, "before": now.receipt_signer, "after": result.new_key}
            if now.receipt_signer:
                self._teller.report("receipt_key_changed", facts)
            now.receipt_signer = result.new_key
        taken = isinstance(result, Delivered) and result.taken
        if taken:
            now.taken += 1
            now.taken_at = self._taken_at = self._clock.monotonic()
        else:
            now.refused += 1
        now.trouble = trouble
        facts = {"operator": now.place} | ({"reason": trouble} if trouble else {})
        self._teller.changed(f"line {line.url}", "taken" if taken else "not_taken", facts, f"{taken}{trouble}")

    def l1_failed(self, reason: str) -> None:
        """Take in that L1 was not read."""
        self._l1.seen.trouble = reason
        self._teller.changed("l1", "l1_unavailable", {"reason": reason}, "away")

    def l1_read(self) -> None:
        """Take in that it was."""
        self._teller.changed("l1", "l1_read", {}, "read")

    def _now_ms(self) -> UnixMs:
        """Return L1's time, this machine's until L1 has been read."""
        return self._l1_clock.now_ms() if self._l1_clock.started else UnixMs(int(self._clock.now() * 1000))

    def _force_if_nobody_takes(self, report: Report) -> None:
        """Put a report into L1, once in each part of L1's time: what signers put there goes together if it is as old."""
        config, now = self._config, self._clock.monotonic()
        part = report.time_ms // max(1, int(config.force_every_seconds * 1000))
        if self._l1.can_force and now - self._taken_at >= config.force_after_seconds and part != self._forced_part:
            self._forced_at, self._forced_part = now, part
            self._teller.report("forcing", {"time_ms": report.time_ms, "untaken_seconds": int(now - self._taken_at)})
            self._l1.force(report)

    def _situation(self) -> Situation:
        now = self._clock.monotonic()
        markets = zip(self._markets, self._found, strict=True)
        return Situation(
            at=now,
            time=self._clock.now(),
            time_ms=self._last_ms,
            signer=self._signer.number,
            address=self._signer.signatory.address,
            markets=tuple(self._history.of(market, each, now) for market, each in markets),
            lines=tuple(self._lines.values()),
            l1=self._l1.seen,
            signed_at=self._signed_at,
            sign_trouble=self._sign_trouble,
            taken_at=self._taken_at,
            forced_at=self._forced_at,
            reports=self._reports,
        )
