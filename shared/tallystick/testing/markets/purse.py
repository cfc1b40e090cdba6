"""What accounts are worth and must hold, told by the fractions oracle: it shares nothing with the machine."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.state import cells
from tallystick.state.layout import ACCOUNT_WORDS, STALE_MS
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.state import State
from tallystick.testing.exact import Holding, account_health, held_by_brake, leaning, withdrawable
from tallystick.testing.ledger.ledger_model import Lean
from tallystick.testing.ledger.look import books, brakes, cash, funding_index, index, mark, positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """An account before or after a record. Units: units, lots by market.

    At the worse price: `initial`, `maintenance` and `free`, what may leave. `kept` is the maintenance margin at the better
    price.
    """

    cash: int
    sizes: dict[int, int]
    costs: dict[int, int]
    worth: dict[Lean, int]
    initial: int
    maintenance: int
    kept: int
    free: int

    @property
    def due(self) -> bool:
        """Whether it may be liquidated, by what it is worth at the better price."""
        return self.worth[Lean.BEST] < self.kept


def purse_of(state: State, account: int) -> Purse:
    """Return what an account has and must have."""
    sizes = positions(state, account)
    held = books(state, account)
    money = cash(state, account)
    holdings = {
        lean: [_holding(state, account, each, lean, size, held[each]) for each, size in sizes.items()] for lean in Lean
    }
    worst = account_health(money, holdings[Lean.WORST])
    return Purse(
        cash=money,
        sizes=sizes,
        costs={each: cost for each, (cost, _) in held.items()},
        worth={lean: account_health(money, each)[0] for lean, each in holdings.items()},
        initial=worst[1],
        maintenance=worst[2],
        kept=account_health(money, holdings[Lean.BEST])[2],
        free=withdrawable(worst, state.registers.deposited_units - state.registers.withdrawn_units),
    )


def row_of(state: State, account: int) -> tuple[int, ...]:
    """Return what a purse depends on of its account."""
    base = state.accounts.open(AccountId(account))
    return tuple(state.accounts.words[base : base + ACCOUNT_WORDS])


def prices_of(state: State, markets: tuple[int, ...]) -> tuple[int, ...]:
    """Return what all purses depend on: as long as that is the same, and its account, so is a purse."""
    prices = [price for each in markets for price in (mark(state, each), index_of(state, each))]
    funding = [funding_index(state, each) for each in markets]
    braked = [brakes(state, each)[3] for each in markets]
    held = state.registers.deposited_units - state.registers.withdrawn_units
    return (held, *prices, *funding, *braked, *(is_stale(state, each) for each in markets))


def is_stale(state: State, market: int) -> bool:
    """Whether the index of a market that has one is stale."""
    told = cells.risk_market_index_ms(state.risk.words, state.risk.open(0), MarketId(market))
    return told != 0 and state.registers.clock_ms - told > STALE_MS


def _holding(state: State, account: int, market: int, lean: Lean, size: int, held: tuple[int, int]) -> Holding:
    worst, best, at_index, marked = leaning(mark(state, market), index_of(state, market), size)
    price = {Lean.WORST: worst, Lean.BEST: best, Lean.INDEX: at_index, Lean.MARKED: marked}[lean]
    risk, marks = state.risk.open(0), state.risk.words
    cost, extra = held
    return Holding(
        size=size,
        price=price,
        tick=int(cells.risk_market_multiplier_units(marks, risk, MarketId(market))),
        change=funding_index(state, market) - _paid(state, account, market),
        initial=((0, int(cells.risk_market_initial_ppm(marks, risk, MarketId(market)))),),
        maintenance=((0, int(cells.risk_market_maintenance_ppm(marks, risk, MarketId(market)))),),
        cost=cost,
        extra=extra,
        stale=lean is Lean.WORST and is_stale(state, market),
        braked=lean is Lean.WORST and _told(state, market, size),
        index=index_of(state, market),
    )


def _told(state: State, market: int, size: int) -> bool:
    """Whether the newest index found a brake that is for longs, or for shorts."""
    return brakes(state, market)[3] & (2 if size > 0 else 1) != 0


def _gain(state: State, market: int, size: int, cost: int) -> int:
    """Return what a position has gained at the index, less than nothing when it has lost. Units: units."""
    tick = cells.risk_market_multiplier_units(state.risk.words, state.risk.open(0), MarketId(market))
    return size * tick * index_of(state, market) - cost


def held_in(state: State, purse: Purse) -> set[int]:
    """Return the markets in which a brake holds now what an account has in its purse."""
    clock_ms = state.registers.clock_ms
    found: set[int] = set()
    for market, size in purse.sizes.items():
        _, fall, rise, _ = brakes(state, market)
        gain = _gain(state, market, size, purse.costs[market])
        if held_by_brake(index_of(state, market), int(clock_ms), fall[:2], rise[:2], size, gain):
            found.add(market)
    return found


def _paid(state: State, account: int, market: int) -> int:
    base, words = state.accounts.open(AccountId(account)), state.accounts.words
    for slot in range(16):
        if cells.account_position_market(words, base, slot) == market and cells.account_position_size_lots(
            words, base, slot
        ):
            return int(cells.account_position_funding_index_ppm(words, base, slot))
    return funding_index(state, market)


def index_of(state: State, market: int) -> int:
    """Return the index that margins are measured with. Units: ticks."""
    return int(cells.risk_market_index_ticks(state.risk.words, state.risk.open(0), MarketId(market))) or index(
        state, market
    )
