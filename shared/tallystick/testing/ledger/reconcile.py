"""Holding a state against the independent ledger."""

from __future__ import annotations

from tallystick.state.state import State
from tallystick.testing.ledger import look
from tallystick.testing.ledger.ledger import Ledger
from tallystick.testing.ledger.ledger_model import BUY


def reconcile(ledger: Ledger, state: State) -> None:
    """Compare everything the ledger knows with a state.

    Raises: AssertionError naming what differs.
    """
    registers = state.registers
    _same("clock", registers.clock_ms, ledger.clock_ms)
    _same("records", registers.record_count, ledger.records)
    _same("deposits", registers.deposited_units, ledger.deposited)
    _same("fees", registers.fees_units, ledger.fees)
    _same("dust", registers.funding_dust_ppm, ledger.dust * 1_000_000)
    _same("withdrawals", registers.withdrawn_units, sum(amount for _, amount in ledger.outbox))
    _same("outbox", registers.outbox_count, len(ledger.outbox))
    _same("sum of cash", registers.cash_units, sum(account.cash for account in ledger.accounts.values()))
    for number, account in ledger.accounts.items():
        _same(f"cash of {number}", look.cash(state, number), account.cash)
        _same(f"positions of {number}", look.positions(state, number), account.positions)
        kept = {market: (account.costs[market], account.extras[market]) for market in account.positions}
        _same(f"costs and extra margins of {number}", look.books(state, number), kept)
    for number, market in ledger.markets.items():
        _same(f"series of {number}", look.named(state, number) // 64, market.series)
        _same(f"mark of {number}", look.mark(state, number), market.mark)
        _same(f"index of {number}", look.index(state, number), market.indices[-1][1] if market.indices else 0)
        _same(f"index of margins of {number}", look.margin_index(state, number), market.index)
        _same(f"funding of {number}", look.funding_index(state, number), market.funding * 1_000_000)
        _same(f"budget of the fund of {number}", look.fund_budget(state, number), market.slack)
        fall, rise = market.brakes.fall, market.brakes.rise
        told = fall.told + 2 * rise.told
        both = [(each.beyond, each.until_ms, each.jumped_ms) for each in (fall, rise)]
        _same(f"brakes of {number}", look.brakes(state, number), (market.brakes.since, *both, told))
        for side in (0, 1):
            _reconcile_side(ledger, state, number, side)
        _reconcile_parked(ledger, state, number)


def _reconcile_side(ledger: Ledger, state: State, market: int, side: int) -> None:
    mine = [o for o in ledger.orders if o.market == market and o.side == side]
    mine.sort(key=lambda o: (-o.price if side == BUY else o.price, o.sequence))
    theirs = look.book(state, market, side)
    _same(
        f"book of market {market}, side {side}",
        [(o.sequence, o.account, o.price_ticks, o.remaining_lots, o.client_id, o.expiry_ms) for o in theirs],
        [(o.sequence, o.account, o.price, o.lots, o.client_id, o.expiry_ms) for o in mine],
    )


def _reconcile_parked(ledger: Ledger, state: State, market: int) -> None:
    mine = sorted((o.trigger, o.flags, o.sequence, o.client_id, o.lots) for o in ledger.parked if o.market == market)
    theirs = [(o.trigger_ticks, o.flags, o.sequence, o.client_id, o.remaining_lots) for o in look.parked(state, market)]
    _same(f"parked in market {market}", sorted(theirs), mine)


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{what}: the machine says {found}, the ledger {expected}")
