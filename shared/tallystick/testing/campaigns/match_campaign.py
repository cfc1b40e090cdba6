"""The campaign of generations: tens of thousands of random matches under the Python rules, some in the contracts as well,
some with pools for the honest side's bonds, and some about the Inbox.

A campaign keeps its place in a file after every few matches, and goes on from there. A match in which anything happens
that must never happen is named by its seed: `Match(seed).play()` plays it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from tallystick.errors import DataMismatch
from tallystick.testing.campaigns.place_kept import keep_place, no_place, progress_bar
from tallystick.testing.generations.contracts_twin import Twin
from tallystick.testing.generations.match import Match
from tallystick.testing.generations.setup import RICH
from tallystick.testing.inbox.inbox_match import InboxMatch
from tallystick.testing.inbox.inbox_twin import InboxTwin
from tallystick.testing.pools import pool_match
from tallystick.testing.pools.pool_twin import PoolTwin

WINDOW: Final = 100
"""Matches after which the place is kept."""
FEW: Final = 3
"""Batches that one who floods the Inbox posts in a block where the contract plays along."""


@dataclass(slots=True, kw_only=True)
class Played:
    """What some matches have come to. Units: blocks for `slowest` and `beyond`, the bound at the time."""

    matches: int = 0
    generations: int = 0
    lies: int = 0
    blocks: int = 0
    calls: int = 0
    bonds: int = 0
    roots: int = 0
    slowest: int = 0
    beyond: int = -RICH
    faults: list[str] = field(default_factory=list[str])

    def add(self, other: Played) -> None:
        """Take in others."""
        for name in ("matches", "generations", "lies", "blocks", "calls"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("bonds", "roots", "slowest", "beyond"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
        self.faults += other.faults


@dataclass(slots=True, kw_only=True)
class Tally:
    """How far a campaign has come: under the Python rules alone, beside the contracts, with pools, and about the Inbox."""

    rules: Played = field(default_factory=Played)
    contracts: Played = field(default_factory=Played)
    pools: Played = field(default_factory=Played)
    inbox: Played = field(default_factory=Played)

    def to_json(self) -> str:
        """Return it as the text of a state file."""
        parts = {name: getattr(self, name) for name in Tally.__slots__}
        plain = {name: {key: getattr(part, key) for key in Played.__slots__} for name, part in parts.items()}
        return json.dumps(plain, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Tally:
        """Read a state file.

        Raises: BadInput when it is none.
        """
        try:
            return cls(**{name: Played(**part) for name, part in json.loads(text).items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise no_place() from error


def play_rules(seed: int) -> Played:
    """Play one match under the Python rules."""
    return _played(seed, Match(seed))


def play_contracts(seed: int) -> Played:
    """Play one match in the contracts as well, which must agree in everything."""
    match = Match(seed, make=Twin)
    try:
        played = _played(seed, match)
    except DataMismatch as error:
        return Played(matches=1, faults=[f"seed {seed}, contracts: {error}"])
    assert isinstance(match.chain, Twin)
    played.calls = match.chain.compared
    return played


def play_pools(seed: int) -> Played:
    """Play one match with pools, every fourth in the contracts as well."""
    try:
        result = pool_match.play(seed, make=pool_match.python_pools if seed % 4 else PoolTwin)
    except DataMismatch as error:
        return Played(matches=1, faults=[f"seed {seed}, pools: {error}"])
    return Played(
        matches=1, calls=result.calls, faults=[f"seed {seed}, pools: {fault.value}" for fault in result.faults]
    )


def play_inbox(seed: int) -> Played:
    """Play one match about the Inbox, every eighth in the contract as well."""
    try:
        beside = seed % 8 == 0
        match = InboxMatch(seed, make=InboxTwin, many=FEW) if beside else InboxMatch(seed)
        result = match.play()
    except DataMismatch as error:
        return Played(matches=1, faults=[f"seed {seed}, Inbox: {error}"])
    faults = [f"seed {seed}, Inbox: {fault.value}" for fault in result.faults]
    return Played(matches=1, calls=result.batches + result.refused, beyond=result.worst - result.bound, faults=faults)


def run(
    tally: Tally, most: Mapping[str, int], jobs: int, keep: Callable[[Tally], None], told: Callable[[int], None]
) -> None:
    """Go on until so many matches are played of each kind. `keep` is given the tally to write down, `told` the progress."""
    for name, play in KINDS.items():
        part: Played = getattr(tally, name)
        while part.matches < most[name]:
            seeds = range(part.matches, min(most[name], part.matches + WINDOW))
            for each in _work(play, seeds, jobs):
                part.add(each)
                told(each.matches)
            keep(tally)


def report(tally: Tally) -> str:
    """Return the campaign's result for people."""
    lines: list[str] = []
    for name, part in (
        ("Python rules", tally.rules),
        ("contracts beside them", tally.contracts),
        ("pools", tally.pools),
        ("Inbox", tally.inbox),
    ):
        if not part.matches:
            continue
        lines.append(f"{name}: {part.matches:,} matches, {part.calls:,} calls")
        if part.generations:
            lines += [
                f"  {part.blocks:,} blocks, {part.generations:,} generations, {part.lies:,} lies",
                f"  at most {part.bonds} honest bond and {part.roots} honest roots at once",
                f"  the slowest confirmation took {part.slowest} blocks; the nearest to its bound left {-part.beyond}",
            ]
        lines += [f"  FAULT {fault}" for fault in part.faults]
        lines += [] if part.faults else ["  nothing happened that must never happen"]
    return "\n".join(lines)


def _played(seed: int, match: Match) -> Played:
    result = match.play()
    figures = result.figures
    return Played(
        matches=1,
        generations=figures.generations,
        lies=figures.lies,
        blocks=figures.blocks,
        calls=figures.calls,
        bonds=figures.bonds,
        roots=figures.roots,
        slowest=figures.slowest,
        beyond=figures.beyond,
        faults=[f"seed {seed}: {fault.value}" for fault in result.faults],
    )


def _work(play: Callable[[int], Played], seeds: Iterable[int], jobs: int) -> Generator[Played]:
    if jobs == 1:
        yield from map(play, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(play, seeds, chunksize=10)


def main(
    seeds: Annotated[int, typer.Option(min=0, help="Matches under the Python rules, earlier runs included.")] = 20_000,
    contracts: Annotated[int, typer.Option(min=0, help="Matches in the contracts too, earlier runs included.")] = 2_000,
    state: Annotated[Path, typer.Option(help="Where it keeps its place.")] = Path(".tallystick/generations.json"),
    pools: Annotated[int, typer.Option(min=0, help="Matches with pools, earlier runs included.")] = 4_000,
    inbox: Annotated[int, typer.Option(min=0, help="Matches about the Inbox, earlier runs included.")] = 400,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Play random matches over many generations: nothing that must never happen may happen.

    Interrupt it at any time: the next run goes on where this one kept its place.
    """
    tally = Tally.from_json(state.read_text(encoding="utf-8")) if state.exists() else Tally()
    with progress_bar() as progress:
        most = {"rules": seeds, "contracts": contracts, "pools": pools, "inbox": inbox}
        parts: list[Played] = [getattr(tally, name) for name in most]
        task = progress.add_task("matches", total=sum(most.values()), completed=sum(part.matches for part in parts))
        run(tally, most, jobs, lambda now: keep_place(state, now.to_json()), lambda more: progress.advance(task, more))
    typer.echo(report(tally))
    raise typer.Exit(1 if any(part.faults for part in parts) else 0)


KINDS: Final = {"rules": play_rules, "contracts": play_contracts, "pools": play_pools, "inbox": play_inbox}


if __name__ == "__main__":
    typer.run(main)
