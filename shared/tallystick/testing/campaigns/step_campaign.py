"""The twin campaign: any number of steps of seeded histories, each one in the deployed Referee as well.

Every step's state, outcome and opened cells are compared, and that the witness is used up; one step in some is run in
py-evm too, and one in some with its witness tampered with, which the Referee must refuse. A campaign keeps its place
in a file after every history, and goes on from there.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from tallystick.errors import DataMismatch
from tallystick.proof.tracer import StepProof
from tallystick.referee.runner import TwinRunner
from tallystick.referee.two_evms import PyEvm
from tallystick.schema.names import Outcome, Phase
from tallystick.testing import scenarios
from tallystick.testing.campaigns.place_kept import keep_place, no_place, progress_bar
from tallystick.testing.mutations import MUTATIONS
from tallystick.testing.scenarios.chance import order_flow as flow
from tallystick.testing.scenarios.chance import walk
from tallystick.testing.scenarios.scene import Scene

RECORDS: Final = 300
"""Records of a seeded history."""
SECOND_OPINION: Final = 1000
"""One step in so many is run in py-evm as well."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a campaign has seen so far. Shape: `coverage` by "PHASE OUTCOME", `gas` the most by phase."""

    histories: int = 0
    steps: int = 0
    second_opinions: int = 0
    mutations: Counter[str] = field(default_factory=Counter)
    harmless: int = 0
    coverage: Counter[str] = field(default_factory=Counter)
    gas: dict[str, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take in the tally of one more history."""
        self.histories += other.histories
        self.steps += other.steps
        self.second_opinions += other.second_opinions
        self.harmless += other.harmless
        self.mutations.update(other.mutations)
        self.coverage.update(other.coverage)
        for phase, gas in other.gas.items():
            self.gas[phase] = max(gas, self.gas.get(phase, 0))

    def to_json(self) -> str:
        """Return it as the text of a state file."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Tally:
        """Read a state file.

        Raises: BadInput when it is none.
        """
        try:
            values = json.loads(text)
            values["mutations"] = Counter(values["mutations"])
            values["coverage"] = Counter(values["coverage"])
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise no_place() from error


def history(number: int) -> Scene:
    """Play one history: first every named scenario, then seeded ones without end.

    Of six, three walk over all kinds of record, two are the flow of a market that does well, one is records with bytes
    changed.
    """
    names = list(scenarios.SCENARIOS)
    if number < len(names):
        return scenarios.play(names[number]).scene
    seed = number + 1000
    scene = Scene()
    match seed % 6:
        case 0:
            flow.mutate(scene, seed, RECORDS)
        case 1 | 2:
            flow.play(scene, seed, RECORDS)
        case _:
            walk.play(scene, seed, RECORDS // 4)
    scene.finish()
    return scene


def check(number: int, mutate_every: int) -> Tally:
    """Run every step of a history in the Referee, and some of them in other ways.

    Raises: DataMismatch when the Referee comes to another state, or takes a witness it must refuse.
    """
    scene = history(number)
    runner = TwinRunner(scene.published)
    limit = scene.published.batch_limit
    chance = random.Random(number)
    tally = Tally(histories=1)
    for proof, outcome in scenarios.Played(name=f"history {number}", scene=scene).steps():
        phase = Phase(proof.phase).name
        gas = runner.check(proof, limit)
        tally.steps += 1
        tally.coverage[f"{phase} {'goes on' if outcome is None else outcome.name}"] += 1
        tally.gas[phase] = max(gas, tally.gas.get(phase, 0))
        if chance.randrange(SECOND_OPINION) == 0:
            TwinRunner(scene.published, make_evm=PyEvm).check(proof, limit)
            tally.second_opinions += 1
        if chance.randrange(mutate_every) == 0:
            tamper(proof, runner, limit, chance, tally)
    return tally


def tamper(proof: StepProof, runner: TwinRunner, limit: int, chance: random.Random, tally: Tally) -> None:
    """Run a step with a witness that was changed.

    Raises: DataMismatch when the Referee comes to a state that is not the true one.
    """
    name = chance.choice(list(MUTATIONS))
    witness = MUTATIONS[name](proof, chance)
    if witness == proof.witness:
        return
    answer = runner.call(proof.pre_hash, limit, witness)
    tally.mutations[name] += 1
    if answer.returned == proof.post_hash:
        # An empty sibling that is spelt out, or one bit of a proof that says the same another way.
        tally.harmless += 1
    elif answer.returned is not None:
        raise DataMismatch(
            "the Referee took a witness that was tampered with",
            phase=Phase(proof.phase).name,
            mutation=name,
            expected=proof.post_hash,
            actual=answer.returned,
        )


def missing(tally: Tally) -> list[str]:
    """Return the steps and outcomes that no history has led to."""
    reachable = (
        f"{phase.name} {'goes on' if outcome is None else outcome.name}"
        for phase, outcomes in scenarios.REACHABLE.items()
        for outcome in outcomes
    )
    return sorted(each for each in reachable if not tally.coverage[each])


def report(tally: Tally) -> str:
    """Return the campaign's result for people."""
    coverage = scenarios.Coverage()
    for name, count in tally.coverage.items():
        phase, _, outcome = name.partition(" ")
        coverage[Phase[phase], None if outcome == "goes on" else Outcome[outcome]] += count
    mutated = ", ".join(f"{name} {count:,}" for name, count in sorted(tally.mutations.items()))
    lines = [
        scenarios.table(coverage),
        "",
        f"{tally.steps:,} steps of {tally.histories:,} histories: Python and the Referee came to the same state in all",
        f"{tally.second_opinions:,} of them in py-evm as well",
        f"{sum(tally.mutations.values()):,} mutated witnesses ({mutated}): none led to another state",
        f"{tally.harmless:,} of these said the same in another way",
        f"the dearest step: {max(tally.gas.values(), default=0):,} gas",
    ]
    gaps = missing(tally)
    return "\n".join([*lines, *([f"not reached: {', '.join(gaps)}"] if gaps else [])])


def _work(start: int, jobs: int, mutate_every: int) -> Generator[Tally]:
    """Check histories from a number on, without end, in their order."""
    if jobs == 1:
        while True:
            yield check(start, mutate_every)
            start += 1
    with ProcessPoolExecutor(jobs) as pool:
        while True:
            window = range(start, start + 4 * jobs)
            yield from pool.map(partial(check, mutate_every=mutate_every), window)
            start = window.stop


def run(steps: int, state: Path, jobs: int, mutate_every: int) -> Tally:
    """Go on with a campaign until it has seen so many steps."""
    tally = Tally.from_json(state.read_text(encoding="utf-8")) if state.exists() else Tally()
    with progress_bar() as progress:
        task = progress.add_task("steps", total=steps, completed=tally.steps)
        work = _work(tally.histories, jobs, mutate_every)
        while tally.steps < steps:
            tally.add(next(work))
            keep_place(state, tally.to_json())
            progress.update(task, completed=tally.steps)
        work.close()
    return tally


def main(
    steps: Annotated[
        int, typer.Option(min=1, help="Stop after so many steps, those of earlier runs included.")
    ] = 200_000,
    state: Annotated[Path, typer.Option(help="Where the campaign keeps its place.")] = Path(".tallystick/twins.json"),
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    mutate_every: Annotated[int, typer.Option(min=1, help="Tamper with the witness of one step in so many.")] = 8,
) -> None:
    """Run seeded histories step by step in Python and in the deployed Referee, and compare.

    Interrupt it at any time: the next run goes on behind the last finished history.
    """
    tally = run(steps, state, jobs, mutate_every)
    typer.echo(report(tally))
    raise typer.Exit(1 if missing(tally) else 0)


if __name__ == "__main__":
    typer.run(main)
