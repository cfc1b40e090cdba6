"""What holds after every record of every run."""

from __future__ import annotations

from hypothesis.stateful import invariant

from tallystick.rollup.invariants import imbalance
from tallystick.state.layout import (
    MARKET_NET_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    OUTBOX_ACCOUNT,
    OUTBOX_AMOUNT_UNITS,
)
from tallystick.testing.ledger.ledger_block import BlockLedger
from tallystick.testing.ledger.look import cash, check_book, position, word
from tallystick.testing.ledger.reconcile import reconcile
from tallystick.testing.world import World


class Invariants:
    """Checks of the machine's state against itself and against the ledger."""

    world: World
    ledger: BlockLedger

    @invariant()
    def the_machine_and_the_ledger_agree(self) -> None:
        """I7."""
        reconcile(self.ledger, self.world.state)

    @invariant()
    def every_unit_deposited_is_cash_fees_or_withdrawn(self) -> None:
        """I1."""
        state = self.world.state
        total = sum(cash(state, account) for account in state.accounts.indices())
        registers = state.registers
        assert total == registers.cash_units
        assert imbalance(state) == 0

    @invariant()
    def positions_cancel_out_in_every_market(self) -> None:
        """I2."""
        state = self.world.state
        for market in range(4):
            sizes = [position(state, account, market) for account in state.accounts.indices()]
            assert sum(sizes) == word(state.markets, market, MARKET_NET_LOTS)
            assert sum(sizes) == 0 or self.ledger.markets[market].settled
            longs = sum(size for size in sizes if size > 0)
            assert longs == word(state.markets, market, MARKET_OPEN_INTEREST_LOTS)

    @invariant()
    def no_more_is_granted_than_was_deposited(self) -> None:
        """I5."""
        state = self.world.state
        granted = [
            (
                word(state.outbox, number, OUTBOX_ACCOUNT),
                word(state.outbox, number, OUTBOX_AMOUNT_UNITS),
            )
            for number in range(state.registers.outbox_count)
        ]
        assert granted == self.ledger.outbox
        assert sum(amount for _, amount in granted) <= state.registers.deposited_units

    @invariant()
    def the_book_is_whole(self) -> None:
        """I6."""
        check_book(self.world.state, range(4))
