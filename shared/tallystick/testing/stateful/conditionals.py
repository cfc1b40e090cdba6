"""Orders that wait for a mark, and orders that die with another one: I20."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_block import BlockLedger
from tallystick.testing.ledger.ledger_model import Order
from tallystick.testing.ledger.look import Resting, book, parked
from tallystick.testing.stateful.strategies import ACCOUNTS, LOTS, MARKETS, NAMES, SIDES
from tallystick.testing.world import World

FLAGS = st.one_of(st.sampled_from((0, 1, 2, 4, 5, 8, 16, 64, 68)), st.integers(0, 127))


class Conditionals:
    """Rules for conditional orders. Their client ids are their own, so that the ledger can tell them apart."""

    world: World
    ledger: BlockLedger
    conditionals = 0
    slip = 0

    @rule(slip=st.sampled_from((-1, 1, 1, 1023)))
    def misname(self, slip: int) -> None:
        """I25: have the next record that is signed for a market name another series than the one that is listed."""
        self.slip = slip

    def named(self, market: int) -> int:
        """Return a market as a signed record names it."""
        series = self.ledger.series_of(market) + self.slip
        self.slip = 0
        return market + 64 * min(max(series, 0), 1023)

    def same(self, found: Outcome, expected: Outcome) -> None:
        """Compare what the machine and the ledger say of a record."""
        assert found is expected, f"the machine says {found.name}, the ledger {expected.name}"

    def nonce(self, account: int, reuse: bool) -> int:
        """Return a nonce of an account that is new, or used already."""
        used = self.ledger.accounts[account].nonces if account in self.ledger.accounts else set()
        newest = max(used, default=0)
        return newest if reuse else newest + 1

    def resting(self, market: int, place: int) -> list[Resting]:
        """Return the orders of a book side, or, at place 2, those parked."""
        return parked(self.world.state, market) if place == 2 else book(self.world.state, market, place)

    @rule(
        account=ACCOUNTS,
        market=MARKETS,
        side=SIDES,
        away=st.integers(-12, 12),
        waits=st.sampled_from((0, 1, 1, 1)),
        limit=st.sampled_from((None, -3, 0, 3)),
        lots=LOTS,
        flags=FLAGS,
        above=st.sampled_from((None, None, None, False, True)),
        pairs=st.sampled_from((False, True, True)),
        data=st.data(),
    )
    def park(
        self,
        account: int,
        market: int,
        side: int,
        away: int,
        waits: int,
        limit: int | None,
        lots: int,
        flags: int,
        above: bool | None,
        pairs: bool,
        data: st.DataObject,
    ) -> None:
        """An order with a trigger near the mark, a pair, or both; now and then with the wrong ones."""
        mark = self.mark(market)
        trigger = max(0, mark + away) * waits
        fires_above = away > 0 if above is None else above
        flags |= 128 if fires_above else 0
        price = 0 if limit is None and flags & 64 else max(0, mark + away + (limit or 0))
        others = [each for place in range(3) for each in self.resting(market, place)]
        other = data.draw(st.sampled_from(others)) if pairs and others else None
        self.conditionals += 1
        client_id = 100 + self.conditionals
        wanted = Order(0, account, self.named(market), side, price, lots, client_id, 0, flags, trigger)
        hinted = self.ledger.find(other.account, other.client_id, other.sequence) if other else None
        self.send_conditional(wanted, other.client_id if other else 0, other.slot if other else 0, hinted)

    def send_conditional(self, wanted: Order, pair: int, slot: int, hinted: Order | None) -> Outcome:
        """Send a conditional order to both and compare what they say."""
        nonce = self.nonce(wanted.account, False)
        by = NAMES[wanted.account]
        record = self.world.signed(
            "conditional",
            by,
            account=wanted.account,
            nonce=nonce,
            market=wanted.market,
            side=wanted.side,
            flags=wanted.flags,
            price_ticks=wanted.price,
            lots=wanted.lots,
            client_id=wanted.client_id,
            trigger_ticks=wanted.trigger,
            pair=pair,
            pair_slot=slot,
        )
        expected = self.ledger.conditional(by, 0, nonce, wanted, pair, hinted)
        self.same(self.world.send(record), expected)
        return expected

    def mark(self, market: int) -> int:
        """Return a market's mark; where it has none, as in a new series, what one usually is."""
        known = self.ledger.markets.get(market)
        return known.mark if known and known.mark else 1000

    def bracket(self, account: int, market: int, long: bool, reach: int) -> None:
        """Place a take-profit and a stop around the mark, of which one may fill."""
        mark = self.mark(market)
        side = int(long)
        first: Order | None = None
        slot = 0
        for away in (reach, -reach):
            self.conditionals += 1
            client_id = 100 + self.conditionals
            flags = 64 | 4 | (128 if away > 0 else 0)
            wanted = Order(0, account, self.named(market), side, 0, 5, client_id, 0, flags, max(1, mark + away))
            outcome = self.send_conditional(wanted, first.client_id if first else 0, slot, first)
            if outcome is not Outcome.ACCEPTED:
                return
            first = wanted
            slot = next(each.slot for each in parked(self.world.state, market) if each.client_id == client_id)
