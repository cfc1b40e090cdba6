"""What makes a trace, part by part: in a process of its own, or in the one that asks.

Everything that is found goes into files at once, so a process may be killed at any time: nothing is told to anybody.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.artifacts import machine_version
from tallystick.dispute.trace_tree import leaf, levels, padding
from tallystick.dispute.traces.tracefiles import (
    WAYPOINT_BYTES,
    Part,
    Plan,
    Survey,
    has_state,
    read_inputs,
    read_plan,
    read_state,
    read_survey,
    write_part,
    write_state,
    write_survey,
)
from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Inputs, Machine
from tallystick.proof.tracer import Tracer
from tallystick.state.state import State

SLICE_STEPS: Final = 1 << 20
LOOK_STEPS: Final = 1 << 10
"""Steps without and with roots between two looks at whether anybody still wants them."""
ARGUMENTS: Final = 5
ABANDONED: Final = 3
"""Exit code of a process whose parent is gone."""

Wanted = Callable[[], None]
"""Raises SystemExit when nobody wants the work any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A trace to work on: its folder, its plan, and what L1 holds for it."""

    folder: Path
    plan: Plan
    inputs: Inputs
    wanted: Wanted = lambda: None


def survey(job: Job, state: State) -> Survey:
    """Run from the first state to the halt without roots, leave states on the way, and say how many steps it took.

    Raises: StateError when the run does not end in the assertion's state; OSError when the disk is full.
    """
    plan, machine = job.plan, Machine(state, job.inputs)
    waypoints = {0: state.hash()}
    spacing = _spacing(plan, write_state(job.folder, plan, 0, state))
    steps, most, number = 0, 1 << plan.height, 0
    while steps < most and not engine.halted(machine):
        goal = min(most, (number + spacing) << plan.segment)
        while steps < goal and not engine.halted(machine):
            job.wanted()
            steps += int(engine.run(machine, min(SLICE_STEPS, goal - steps)))
        number += spacing
        if steps == goal < most and not engine.halted(machine):
            waypoints[number] = state.hash()
            spacing = _spacing(plan, write_state(job.folder, plan, number, state))
    if state.hash() != plan.end:
        raise StateError("the trace does not end in its assertion's state", expected=plan.end, found=state.hash())
    found = Survey(steps=steps, waypoints=waypoints)
    write_survey(job.folder, found)
    return found


def _spacing(plan: Plan, state_bytes: int) -> int:
    """Return the parts from a state of so many bytes to the next one that is kept."""
    return max(1, -(-state_bytes // (WAYPOINT_BYTES << plan.segment)))


def machine_at(job: Job, known: Survey, step: int, first: Callable[[], State] | None = None) -> Machine:
    """Return the machine before a step, run from the nearest state that is kept; `first` gives the first one again.

    Raises: StateError when none of them can be used.
    """
    for number in sorted(known.waypoints, reverse=True):
        at = number << job.plan.segment
        if at > step or not has_state(job.folder, number):
            continue
        try:
            machine = Machine(read_state(job.folder, number, known.waypoints[number]), job.inputs)
        except StateError:
            continue
        return _run_on(job, machine, step - at)
    if first is None:
        raise StateError("no state of the trace can be used", folder=str(job.folder))
    return _run_on(job, Machine(first(), job.inputs), step)


def _run_on(job: Job, machine: Machine, steps: int) -> Machine:
    while steps > 0 and not engine.halted(machine):
        job.wanted()
        steps -= int(engine.run(machine, min(SLICE_STEPS, steps)))
    return machine


def trace(job: Job, machine: Machine, first: int, last: int) -> None:
    """Trace the parts from `first` on and below `last`, with a machine that stands before the first one.

    Raises: OSError when the disk is full.
    """
    tracer = Tracer(machine)
    for number in range(first, last):
        write_part(job.folder, number, part_of(job.plan, states_from(tracer, job.plan.part_steps, job.wanted)))


def states_from(tracer: Tracer, steps: int, wanted: Wanted = lambda: None) -> list[bytes]:
    """Return the state hashes from here on, before and after each of so many steps, or fewer at the halt."""
    states = [tracer.state_hash]
    while len(states) <= steps and not engine.halted(tracer.machine):
        states.append(tracer.advance())
        if len(states) % LOOK_STEPS == 0:
            wanted()
    return states


def part_of(plan: Plan, states: list[bytes]) -> Part:
    """Return the part over these states, with the padding right of them."""
    right = padding(leaf(states[-1]), plan.segment)
    rows = levels([leaf(state) for state in states[1:]], right)
    nodes: list[bytes] = []
    for height in range(plan.bottom, plan.segment + 1):
        row = rows[height]
        nodes += [*row, *[right[height]] * ((1 << (plan.segment - height)) - len(row))]
    return Part(first=states[0], last=states[-1], nodes=b"".join(nodes))


def main(arguments: list[str]) -> int:
    """Work on a folder: `FOLDER PARENT survey 0 0` or `FOLDER PARENT trace FIRST LAST`; ends with its parent."""
    if len(arguments) != ARGUMENTS:
        sys.stderr.write("tracing is started by a party, not by hand\n")
        return 2
    folder, parent = Path(arguments[0]), int(arguments[1])

    def wanted() -> None:
        if os.getppid() != parent:
            raise SystemExit(ABANDONED)

    plan = read_plan(folder)
    if plan.machine != machine_version():
        raise StateError("the trace is of another version of the machine", machine=plan.machine)
    job = Job(folder=folder, plan=plan, inputs=read_inputs(folder), wanted=wanted)
    if arguments[2] == "survey":
        survey(job, read_state(folder, 0, plan.start))
    else:
        first, last = int(arguments[3]), int(arguments[4])
        trace(job, machine_at(job, read_survey(folder), first << plan.segment), first, last)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
