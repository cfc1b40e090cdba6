"""Transfers and bulks of the stateful test."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tallystick.records.items import Item, pack_items
from tallystick.records.signing import make, sign
from tallystick.schema.names import Outcome
from tallystick.testing.ledger import ledger as books
from tallystick.testing.ledger.ledger_model import INSURANCE_FUNDS, Order
from tallystick.testing.ledger.look import Resting, book
from tallystick.testing.scenarios.orders import many_orders as made
from tallystick.testing.world import World, key, sub_account

CANCELS, MOVES, SHRINKS = range(3)
Drawn = tuple[list[tuple[int, int, int, bool]], list[tuple[int, int, int, int]], int | None]
SIDES = st.integers(0, 1)
PRICES = st.integers(990, 1010)
LOTS = st.one_of(st.integers(0, 12), st.just(61))
DRAWN: st.SearchStrategy[Drawn] = st.tuples(
    st.lists(st.tuples(SIDES, PRICES, LOTS, st.booleans()), max_size=5),
    st.lists(st.tuples(st.integers(CANCELS, SHRINKS), SIDES, PRICES, LOTS), max_size=4),
    st.sampled_from((None, None, 0, 500)),
)

TRANSFERS = st.tuples(st.integers(0, 2), st.integers(0, 5), st.sampled_from((0, 1, 2, 5, 100)), st.integers(-1, 1))
"""(from, to, part of what may leave, units more)"""


def transfer_of(ledger: books.Ledger, account: int, drawn: tuple[int, int, int, int]) -> tuple[int, int, int]:
    """Return a transfer between an account, two sub-accounts, the treasury, a fund and a stranger: from, to, amount."""
    source, to, part, beyond = drawn
    places = (account, sub_account(account, 1), sub_account(account, 2), 0, INSURANCE_FUNDS[0], account % 4 + 1)
    number = places[source]
    free = ledger.withdrawable(number) if number in ledger.accounts else 0
    return number, places[to], max(0, free // part + beyond) if part else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """One bulk, to be sent to the machine and to the ledger."""

    account: int
    agent: int
    nonce: int
    market: int
    named: int
    """The market as its new orders name it: of the series that is listed, or of another one."""
    drawn: Drawn

    def send(self, world: World, ledger: books.Ledger, by: str) -> tuple[Outcome, Outcome]:
        """Run it in both and return both outcomes."""
        new, moved, lives_ms = self.drawn
        expiry = 0 if lives_ms is None else ledger.clock_ms + lives_ms
        resting = [each for side in (0, 1) for each in book(world.state, self.market, side)]
        # One order of a client id at most: orders of one bulk are told apart by nothing else.
        mine = {each.client_id: each for each in resting if each.account == self.account}
        # What it replaces is of market 0, as far from the series that is listed.
        zeroth = 64 * max(0, ledger.series_of(0) + self.named // 64 - ledger.series_of(self.market))
        items: list[Item] = []
        slots: list[int] = []
        orders: list[tuple[Resting | None, Order | None]] = []
        for (what, *drawn), old in zip(moved, mine.values(), strict=False):
            replaces = what != CANCELS
            side, price, lots = drawn
            if what == SHRINKS:
                side, price, lots = old.side, old.price_ticks, old.remaining_lots + 1 - lots % (old.remaining_lots + 2)
            slots.append(old.slot)
            replacing = made.replace(old.client_id, side, price, lots, zeroth)
            items.append(replacing if replaces else made.cancel(old.client_id))
            wanted = Order(0, self.account, zeroth, side, price, lots, old.client_id, expiry)
            orders.append((old, wanted if replaces else None))
        for at, (side, price, lots, ioc) in enumerate(new, start=10):
            items.append(made.place(at, side, price, lots, int(ioc), self.named))
            orders.append((None, Order(0, self.account, self.named, side, price, lots, at, expiry, int(ioc))))
        expected = ledger.begin_bulk(by, self.agent, self.nonce, self.account)
        if expected is None:
            expected = Outcome.ACCEPTED
            self._run(ledger, orders)
        values = {"account": self.account, "agent": self.agent, "nonce": self.nonce, "expiry_ms": expiry}
        record = make("bulk", pack_items(items), b"".join(slot.to_bytes(5, "big") for slot in slots), **values)
        return world.send(sign(record, world.state.registers.domain, key(by))), expected

    def _run(self, ledger: books.Ledger, orders: list[tuple[Resting | None, Order | None]]) -> None:
        for old, wanted in orders:
            if wanted is not None and ledger.find_market(wanted):
                continue
            if old is not None and wanted is not None and ledger.amend(self.account, old.sequence, wanted):
                continue
            if old is not None and ledger.remove(self.account, old.client_id, old.sequence) is not Outcome.ACCEPTED:
                continue
            if wanted is not None:
                ledger.place(wanted)
