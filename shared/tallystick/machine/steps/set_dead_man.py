"""SET_DEAD_MAN: arm, move or disarm an account's dead-man switch."""

from __future__ import annotations

from tallystick.machine.liveness import sequence, switch_fired
from tallystick.machine.machine import Machine
from tallystick.state.cells import set_account_dead_before, set_account_dead_man_ms
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Set the time at which all the account's orders die; 0 disarms the switch.

    What a switch that has fired has killed stays dead. Rejects: EXPIRED (a time that is not ahead). Twin:
    contracts/src/referee/steps/SetDeadMan.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = state.accounts.open(registers.arg_account)

    # CHECK
    if registers.arg_time_ms != 0 and registers.arg_time_ms <= registers.clock_ms:
        machine.finish(Outcome.EXPIRED)
        return

    # APPLY
    words = state.accounts.words
    if switch_fired(state, account):
        set_account_dead_before(words, account, sequence(registers))
    set_account_dead_man_ms(words, account, registers.arg_time_ms)

    # WRITE
    state.accounts.mark(registers.arg_account)
    machine.emit("dead_man", registers.arg_account, registers.arg_time_ms)
    machine.finish(Outcome.ACCEPTED)
