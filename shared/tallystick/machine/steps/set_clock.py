"""SET_CLOCK: move the exchange's clock."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.state.codes import Outcome
from tallystick.state.layout import CLOCK_DRIFT_MS


def step(machine: Machine) -> None:
    """Move the clock forward, near the batch's declared time.

    Rejects: CLOCK_BACKWARDS, CLOCK_OUT_OF_BOUND. Twin: contracts/src/referee/steps/SetClock.sol.
    """
    registers = machine.state.registers

    # READ
    clock = registers.arg_time
    declared = registers.batch_time * 1000

    # CHECK
    if clock < registers.clock_ms:
        machine.finish(Outcome.CLOCK_BACKWARDS)
        return
    if clock > declared + CLOCK_DRIFT_MS or clock + CLOCK_DRIFT_MS < declared:
        machine.finish(Outcome.CLOCK_OUT_OF_BOUND)
        return

    # APPLY
    registers.clock_ms = clock

    # WRITE
    machine.finish(Outcome.ACCEPTED)
