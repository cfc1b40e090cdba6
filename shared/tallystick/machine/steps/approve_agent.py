"""APPROVE_AGENT: let a key trade for an account, or revoke it."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.state.cells import set_agent_expiry_ms, set_agent_key, set_agent_scope
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Set one agent slot of the account; the zero address revokes it.

    Rejects: OUT_OF_RANGE (slot 0 is the owner). Twin: contracts/src/referee/steps/ApproveAgent.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    if registers.arg_agent_slot == 0:
        machine.finish(Outcome.OUT_OF_RANGE)
        return
    index = registers.arg_account << 4 | registers.arg_agent_slot
    agent = state.agents.open(index)

    # CHECK: nothing; the owner decides.

    # APPLY
    words = state.agents.words
    set_agent_key(words, agent, registers.arg_address)
    set_agent_scope(words, agent, registers.arg_flags)
    set_agent_expiry_ms(words, agent, registers.arg_time_ms)

    # WRITE
    state.agents.mark(index)
    machine.finish(Outcome.ACCEPTED)
