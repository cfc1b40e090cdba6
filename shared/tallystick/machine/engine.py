"""The step loop: one table from phase to step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tallystick.machine.machine import Machine
from tallystick.machine.steps import (
    apply_change,
    approve_agent,
    block_trade,
    cancel_all,
    cancel_order,
    change_fee_account,
    change_market,
    clean_order,
    commit_median,
    consume_message,
    deleverage,
    delist,
    fetch_record,
    fire_trigger,
    liquidate,
    list_market,
    match_maker,
    next_item,
    nominate_adl,
    open_batch,
    open_chunk,
    place_order,
    quote,
    report_price,
    rest_order,
    set_clock,
    set_dead_man,
    settle_account,
    settle_position,
    sweep,
    take_over,
    top_up,
    transfer,
    update_mark,
    withdraw,
)
from tallystick.state.codes import Phase

_BY_PHASE: Final[dict[int, Callable[[Machine], None]]] = {
    Phase.OPEN_BATCH: open_batch.step,
    Phase.OPEN_CHUNK: open_chunk.step,
    Phase.FETCH_RECORD: fetch_record.step,
    Phase.CONSUME_MESSAGE: consume_message.step,
    Phase.SET_CLOCK: set_clock.step,
    Phase.PLACE_ORDER: place_order.step,
    Phase.MATCH_MAKER: match_maker.step,
    Phase.REST_ORDER: rest_order.step,
    Phase.CANCEL_ORDER: cancel_order.step,
    Phase.WITHDRAW: withdraw.step,
    Phase.APPROVE_AGENT: approve_agent.step,
    Phase.REPORT_PRICE: report_price.step,
    Phase.COMMIT_MEDIAN: commit_median.step,
    Phase.LIST_MARKET: list_market.step,
    Phase.CHANGE_MARKET: change_market.step,
    Phase.APPLY_CHANGE: apply_change.step,
    Phase.SETTLE_POSITION: settle_position.step,
    Phase.TRANSFER: transfer.step,
    Phase.NEXT_ITEM: next_item.step,
    Phase.CANCEL_ALL: cancel_all.step,
    Phase.SET_DEAD_MAN: set_dead_man.step,
    Phase.CLEAN_ORDER: clean_order.step,
    Phase.UPDATE_MARK: update_mark.step,
    Phase.QUOTE: quote.step,
    Phase.LIQUIDATE: liquidate.step,
    Phase.TAKE_OVER: take_over.step,
    Phase.NOMINATE_ADL: nominate_adl.step,
    Phase.DELEVERAGE: deleverage.step,
    Phase.FIRE_TRIGGER: fire_trigger.step,
    Phase.SETTLE_ACCOUNT: settle_account.step,
    Phase.BLOCK_TRADE: block_trade.step,
    Phase.SWEEP: sweep.step,
    Phase.TOP_UP: top_up.step,
    Phase.CHANGE_FEE_ACCOUNT: change_fee_account.step,
    Phase.DELIST: delist.step,
}
STEPS: Final = tuple(_BY_PHASE[phase] for phase in range(len(_BY_PHASE)))


def halted(machine: Machine) -> bool:
    """Whether no input is left up to the limit."""
    registers = machine.state.registers
    return registers.phase == Phase.OPEN_BATCH and registers.batch_cursor >= machine.inputs.batch_limit


def advance(machine: Machine) -> None:
    """Run the step whose turn it is. Compiled, a step named here costs a tenth of a call through the table."""
    machine.state.make_room()
    phase = machine.state.registers.phase
    if phase == Phase.MATCH_MAKER:
        match_maker.step(machine)
    elif phase == Phase.PLACE_ORDER:
        place_order.step(machine)
    elif phase == Phase.REST_ORDER:
        rest_order.step(machine)
    elif phase == Phase.CANCEL_ORDER:
        cancel_order.step(machine)
    else:
        STEPS[phase](machine)


def step(machine: Machine) -> None:
    """Run one step; a halted machine stays as it is."""
    machine.step_input = b""
    if not halted(machine):
        advance(machine)


def run(machine: Machine, most: int) -> int:
    """Run until halted, at most `most` steps, and return how many were run."""
    done = 0
    while done < most and not halted(machine):
        advance(machine)
        done += 1
    return done
