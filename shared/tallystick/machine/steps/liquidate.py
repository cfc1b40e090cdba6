"""LIQUIDATE: send a position that its account cannot carry to the book."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import ppm_down
from tallystick.machine.machine import Machine
from tallystick.machine.market.liquidation import (
    FUND,
    Case,
    bankrupt,
    check_case,
    check_market,
    open_case,
    sufficient_lots,
    zero_price,
)
from tallystick.state.cells import market_band_ppm
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import FLAG_IOC, FLAG_LIQUIDATION, MAX_PRICE_TICKS, SELL


def step(machine: Machine) -> None:
    """Make an order in progress that closes the fewest sufficient lots at the zero price or better.

    The insurance fund's own position is unwound whole, at most `band_ppm` worse than the mark. Rejects: NO_MARKET,
    NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BANKRUPT (worth less than nothing: only the fund or others' positions can take it up). Twin:
    contracts/src/referee/steps/Liquidate.sol.
    """
    registers = machine.state.registers

    # READ
    case = open_case(machine, registers.arg_account, registers.arg_market)

    # CHECK
    outcome = check_market(case) if case.number == FUND else check_case(case)
    if outcome == Outcome.ACCEPTED and case.number != FUND and bankrupt(case):
        outcome = Outcome.BANKRUPT
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    if case.number == FUND:
        registers.arg_lots = case.lots
        registers.arg_price_ticks = _unwinding_price(case)
    else:
        registers.arg_lots = sufficient_lots(case)
        registers.arg_price_ticks = zero_price(case, registers.arg_lots)
    registers.arg_side = case.side
    registers.arg_flags = FLAG_IOC | FLAG_LIQUIDATION
    registers.phase = Phase.MATCH_MAKER

    # WRITE: registers only.


def _unwinding_price(case: Case) -> i64:
    """Return the worst price at which the fund leaves a position: the mark, moved by the market's band."""
    band = ppm_down(case.mark, market_band_ppm(case.machine.state.markets.words, case.market))
    price = case.mark - band if case.side == SELL else case.mark + band
    if price < 1:
        return 1
    return price if price <= MAX_PRICE_TICKS else MAX_PRICE_TICKS
