"""LIQUIDATE: send a position that its account cannot carry to the book, or a slice of what a fund holds."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.funds import is_fund
from tallystick.machine.market.instrument import has_expired
from tallystick.machine.market.liquidation import (
    Case,
    bankrupt,
    check_case,
    check_slice,
    end_order,
    open_case,
    sale_limit,
    slice_limit,
    slice_lots,
    sufficient_lots,
)
from tallystick.machine.market.stages import index_stopped
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import FLAG_IOC, FLAG_LIQUIDATION
from tallystick.state.quantities import Lots, Ticks
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Make an order in progress that closes the fewest sufficient lots; of an insurance fund's position, a slice.

    It meets no book of a future that has expired, nor, when it was queued on L1, one whose index is stale by now. Rejects:
    NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BRAKE, SLICE_WAITS (the fund has traded just now), BANKRUPT
    (worth less than nothing: only the fund or others' positions can take it up), UNFILLED. Twin:
    contracts/src/referee/steps/Liquidate.sol.
    """
    registers = machine.state.registers

    # READ
    case = open_case(machine, registers.arg_account, registers.arg_market)
    unwinds = is_fund(case.number)

    # CHECK
    outcome = check_slice(case) if unwinds else check_case(case, False)
    if outcome == Outcome.ACCEPTED and not unwinds and bankrupt(case):
        outcome = Outcome.BANKRUPT
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    registers.arg_lots = Lots(slice_lots(case) if unwinds else sufficient_lots(case))
    registers.arg_price_ticks = Ticks(
        slice_limit(case, registers.arg_lots) if unwinds else sale_limit(case, registers.arg_lots)
    )
    registers.arg_side = case.side
    registers.arg_flags = FLAG_IOC | FLAG_LIQUIDATION
    if _meets_nobody(machine.state, case):
        end_order(machine, Outcome.UNFILLED)
    else:
        registers.phase = Phase.MATCH_MAKER

    # WRITE: registers only.


def _meets_nobody(state: State, case: Case) -> bool:
    """Whether what rests in the book is nobody's to take: it ended with its future, or could not follow the index."""
    if has_expired(state.markets.words, case.market, state.registers.clock_ms):
        return True
    return index_stopped(state, case.risk, case.market_number)
