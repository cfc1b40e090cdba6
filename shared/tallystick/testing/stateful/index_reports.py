"""Prices that come in time, early, late, of many markets at once, or not at all."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tallystick.records.items import pack_pairs
from tallystick.state.ordinals import MarketId
from tallystick.testing.ledger.ledger_model import REPORT_AHEAD_MS, REPORT_PAUSE_MS
from tallystick.testing.stateful.conditionals import Conditionals
from tallystick.testing.stateful.strategies import MARKETS, SELDOM, SIGNERS


class Prices(Conditionals):
    """Rules for reports, and for the time between them."""

    def skip(self, ms: int) -> None:
        """Let time pass; whoever plays knows how. Units: milliseconds."""
        raise AssertionError

    @rule(
        number=MARKETS,
        price=st.one_of(st.integers(960, 1040), st.sampled_from((0, 700, 1500))),
        signers=st.sampled_from(((0, 1, 2), (2, 3), (4, 3, 1, 0), (0, 0, 1), (7,))),
    )
    def report_round(self, number: int, price: int, signers: tuple[int, ...]) -> None:
        """Each signer reports as soon as it may."""
        market = self.ledger.markets.get(number)
        for i in signers:
            last = market.reports.get(i) if market else None
            ahead = max(0, last[0] + REPORT_PAUSE_MS - self.ledger.clock_ms) if last else 0
            if ahead > REPORT_AHEAD_MS:
                self.skip(ahead)
                ahead = 0
            self.report([(number, max(price + (i - 1) * 2, 0))], i, ahead)

    @rule(
        pairs=st.lists(st.tuples(st.integers(0, 3), st.sampled_from((0, 960, 999, 1000, 1001, 1040))), max_size=4),
        signers=st.sets(st.integers(0, 4), min_size=1),
        ahead=st.sampled_from((0, 0, 0, 999, 1_000, 5_000, 5_001, -999, -14_999, -15_000, -15_001)),
    )
    def report_pairs(self, pairs: list[tuple[int, int]], signers: set[int], ahead: int) -> None:
        """Several markets at once, or none, also one named twice; early, late, and too soon behind the last one."""
        for i in signers:
            self.report(pairs, i, ahead)

    def report(self, pairs: list[tuple[int, int]], signer: int, ahead: int) -> None:
        """Report pairs of a market and a price. Units: milliseconds from the clock on."""
        by = SIGNERS[signer] if signer < len(SIGNERS) else "mallory"
        time = self.ledger.clock_ms + ahead
        expected = self.ledger.report(by, signer, pairs, time)
        packed = b"".join(pack_pairs({MarketId(market): price}) for market, price in pairs)
        self.same(self.world.send(self.world.reported(packed, signer, time, by)), expected)

    @rule(
        gap_ms=st.sampled_from((15_000, 15_001, 30_000, 30_001, 300_000, 300_001)),
        minutes=st.sampled_from((0, 1, 2)),
        silent=SELDOM,
    )
    def pass_time(self, gap_ms: int, minutes: int, silent: bool) -> None:
        """I19: let prices come in time, so late that they are stale, or after a long silence, and then twice a minute."""
        self.skip(gap_ms)
        for _ in range(0 if silent else 2 * minutes):
            self.report_marks()
            self.skip(30_000)
        if not silent:
            self.report_marks()

    def report_marks(self) -> None:
        """Report every market's own mark again."""
        for number in (0, 1):
            self.report_round(number, self.mark(number), (0, 1, 2))
