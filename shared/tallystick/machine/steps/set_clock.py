"""SET_CLOCK: move the exchange's clock."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Move the clock forward, no further than the time of the batch's last record.

    Rejects: CLOCK_BACKWARDS, CLOCK_OUT_OF_BOUND. Twin: contracts/src/referee/steps/SetClock.sol.
    """
    registers = machine.state.registers

    # READ
    clock = registers.arg_time_ms

    # CHECK
    if clock < registers.clock_ms:
        machine.finish(Outcome.CLOCK_BACKWARDS)
        return
    if clock > registers.batch_until_seconds * 1000:
        machine.finish(Outcome.CLOCK_OUT_OF_BOUND)
        return

    # APPLY
    registers.clock_ms = clock

    # WRITE
    machine.finish(Outcome.ACCEPTED)
