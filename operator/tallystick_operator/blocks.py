"""Block trades at the door: a rejection uses no nonce, so what can be foreseen is refused instead of sequenced."""

from __future__ import annotations

from tallystick.machine.machine import Machine, NoInputs
from tallystick.machine.steps.block_trade import foresee
from tallystick.records.codec import Record
from tallystick.schema.names import Outcome
from tallystick.state.state import State


def foresee_block(state: State, record: Record) -> Outcome:
    """Return why a block trade would be rejected, as far as that can be told without trying it, else ACCEPTED."""
    taker, slot = record.value("taker"), record.value("taker_agent")
    if record.value("account") != taker:
        if taker not in state.accounts.rows:
            return Outcome.NO_ACCOUNT
        if slot and taker << 4 | slot not in state.agents.rows:
            return Outcome.NOT_AUTHORISED
    if record.value("market") not in state.markets.rows:
        return Outcome.NO_MARKET
    return Outcome(foresee(Machine(state, NoInputs()), record))
