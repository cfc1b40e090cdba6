"""APPROVE_AGENT: let a key trade for an account, or revoke it."""

from __future__ import annotations

from tallystick.machine.bits import write_address
from tallystick.machine.machine import Machine
from tallystick.state.codes import Outcome
from tallystick.state.layout import AGENT_EXPIRY_MS, AGENT_KEY, AGENT_SCOPE


def step(machine: Machine) -> None:
    """Set one agent slot of the account; the zero address revokes it.

    Rejects: OUT_OF_RANGE (slot 0 is the owner). Twin: contracts/src/referee/steps/ApproveAgent.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    if registers.arg_slot == 0:
        machine.finish(Outcome.OUT_OF_RANGE)
        return
    index = registers.arg_account << 4 | registers.arg_slot
    agent = state.agents.open(index)

    # CHECK: nothing; the owner decides.

    # APPLY
    words = state.agents.words
    write_address(words, agent + AGENT_KEY, registers.arg_address)
    words[agent + AGENT_SCOPE] = registers.arg_flags
    words[agent + AGENT_EXPIRY_MS] = registers.arg_time_ms

    # WRITE
    state.agents.mark(index)
    machine.finish(Outcome.ACCEPTED)
