"""What somebody should ask for: positions to close or to settle, claims to count or to pay.

A host looks for it beside the thread that runs records, and holds nobody up. So nothing here opens a cell, or looks one
up in a way that a table remembers: it reads words, which may be those of a step that is half done. What is found is a
guess, and the machine judges whoever asks for it.
"""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.market.funds import is_fund
from tallystick.machine.market.instrument import exposure_of, weight_of, worth_of
from tallystick.machine.market.risk import health
from tallystick.machine.market.stages import is_market_dead, served_ms
from tallystick.state.cells import (
    Account,
    Risk,
    account_claim_units,
    account_owner,
    account_position_market,
    account_position_size_lots,
    account_settled,
    market_dead_ms,
    market_settled_ms,
    market_status,
)
from tallystick.state.layout import (
    CLAIM_COUNTED,
    CLAIM_MS,
    CLAIM_PAID,
    DEAD_MARKET_MS,
    DEAD_WAIT_MS,
    LEAN_BEST,
    LEAN_MARKED,
    MARKET_LIVE,
    MARKET_SETTLED,
    MAX_MARKETS,
    MAX_POSITIONS,
    SETTLE_WAIT_MS,
)
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick.state.quantities import Units
from tallystick.state.state import State

CLOSE = 0
SETTLE = 1
CLAIM = 2
"""What is to be asked for."""
Want = tuple[int, AccountId, MarketId]
"""(what, account, market)"""
NOBODY = bytes(20)


def accounts_of(state: State) -> list[AccountId]:
    """Return the numbers of all accounts in the order of their cells; `scout` goes by their places in it."""
    return [AccountId(number) for number in state.accounts.indices()]


def scout(state: State, accounts: list[AccountId], first: i64, last: i64, clock_ms: UnixMs) -> list[Want]:
    """Return what should be asked for of the accounts from one place in a list to before another.

    Of an account that is due every position is named, the largest first; of one in a settled market that position, once
    such are paid. Before that who owes is closed there as well.
    While the exchange is wound down there are claims alone. Units: `clock_ms` is the clock that the next record will meet.
    """
    found: list[Want] = []
    risk = state.risk.find(0)
    if risk is None:
        return found
    settled = settled_markets(state, 0, clock_ms)
    paying = settled_markets(state, SETTLE_WAIT_MS, clock_ms)
    place: i64
    for place in range(first, last):
        number = accounts[place]
        account = state.accounts.find(number)
        if account is None:
            continue
        if state.registers.wind_down_ms == 0:
            _scout_positions(state, number, account, risk, settled, paying, found)
        elif _claims(state, account, risk, clock_ms):
            found.append((CLAIM, number, MarketId(0)))
    return found


def settled_markets(state: State, least_ms: i64, clock_ms: UnixMs) -> list[bool]:
    """Return by number which markets have settled, so long ago at least."""
    settled: list[bool] = []
    words = state.markets.words
    for number in range(MAX_MARKETS):
        base = state.markets.find(MarketId(number))
        over = base is not None and market_status(words, base) == MARKET_SETTLED
        settled.append(base is not None and over and clock_ms - market_settled_ms(words, base) >= least_ms)
    return settled


def dead_markets(state: State, clock_ms: UnixMs) -> list[MarketId]:
    """Return the markets that can be found dead now, or settled because they were found so a while ago."""
    found: list[MarketId] = []
    words = state.markets.words
    for number in range(MAX_MARKETS):
        market = MarketId(number)
        base, price = state.markets.find(market), state.prices.find(market)
        if (
            base is None
            or price is None
            or market_status(words, base) != MARKET_LIVE
            or not is_market_dead(state, base, price)
        ):
            continue
        dead_ms = market_dead_ms(words, base)
        if dead_ms <= served_ms(state, base, price) + DEAD_MARKET_MS or clock_ms - dead_ms >= DEAD_WAIT_MS:
            found.append(market)
    return found


def _scout_positions(
    state: State,
    number: AccountId,
    account: Account,
    risk: Risk,
    settled: list[bool],
    paying: list[bool],
    found: list[Want],
) -> None:
    words = state.accounts.words
    live: list[tuple[Units, MarketId]] = []
    slot: i64
    for slot in range(MAX_POSITIONS):
        size = account_position_size_lots(words, account, slot)
        if size == 0:
            continue
        market = account_position_market(words, account, slot)
        if paying[market]:
            found.append((SETTLE, number, market))
        else:
            marks = state.risk.words
            live.append(
                (weight_of(worth_of(marks, risk, market, exposure_of(marks, risk, market, size), LEAN_BEST)), market)
            )
    if not live:
        return
    measured = health(state, account, risk, LEAN_BEST)
    if is_fund(number) or measured.value_units < measured.maintenance_units:
        live.sort(reverse=True)
        for _, each in live:
            if not settled[each] or measured.value_units < 0:
                found.append((CLOSE, number, each))


def _claims(state: State, account: Account, risk: Risk, clock_ms: UnixMs) -> bool:
    """Whether a claim of the account can be counted or paid now, and is worth a record."""
    registers = state.registers
    words = state.accounts.words
    settled = account_settled(words, account)
    if settled == CLAIM_PAID or account_owner(words, account) == NOBODY:
        return False
    over = clock_ms - registers.wind_down_ms >= CLAIM_MS
    if settled == CLAIM_COUNTED:
        return over and account_claim_units(words, account) != 0
    if over and registers.claims_closed != 0 and registers.surplus_units == 0:
        return False
    return health(state, account, risk, LEAN_MARKED).value_units > 0
