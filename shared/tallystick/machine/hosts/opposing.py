"""Who could be deleveraged for somebody: the holders of the other side, as the machine ranks them.

A host asks beside the thread that runs records, as in `scouting.py`: nothing here opens a cell, and what it finds is a guess.
"""

from __future__ import annotations

from fractions import Fraction

from mypy_extensions import i64

from tallystick.machine.market.funds import is_fund
from tallystick.machine.market.instrument import exposure_of, worth_of
from tallystick.machine.market.liquidation import size_of
from tallystick.machine.market.risk import health
from tallystick.machine.market.trade import find_position
from tallystick.state.cells import Account, account_position_cost_units
from tallystick.state.layout import LEAN_INDEX
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Lots
from tallystick.state.state import State

Rank = tuple[bool, Fraction, AccountId]
"""(whether it has won, leverage times lots, account): who ranks highest is asked first."""


def rank_opposing(
    state: State, accounts: list[AccountId], first: i64, last: i64, market: MarketId, size: i64
) -> list[Rank]:
    """Return the ranks of those opposite to a position, of the accounts from one place to before another.

    First who has won, then who is leveraged most with most lots of it, then who owes; no fund. Units: `size` in lots.
    """
    found: list[Rank] = []
    risk = state.risk.find(0)
    if risk is None:
        return found
    words, marks = state.accounts.words, state.risk.words
    held: i64 = size if size > 0 else -size
    place: i64
    for place in range(first, last):
        account = Account(state.accounts.nth(place))
        opposite = size_of(words, account, market)
        if opposite == 0 or (opposite > 0) == (size > 0) or is_fund(accounts[place]):
            continue
        measured = health(state, account, risk, LEAN_INDEX)
        if measured.value_units <= 0:
            found.append((False, Fraction(0), accounts[place]))
            continue
        worth = worth_of(marks, risk, market, exposure_of(marks, risk, market, Lots(opposite)), LEAN_INDEX)
        won = worth >= account_position_cost_units(words, account, find_position(words, account, market))
        lots: i64 = opposite if opposite > 0 else -opposite
        lots = lots if lots < held else held
        leverage = Fraction(int(lots) * int(measured.notional_units), int(measured.value_units))
        found.append((won, leverage, accounts[place]))
    return found
