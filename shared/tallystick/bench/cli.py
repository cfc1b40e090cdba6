"""Measure the machine and its tree, beside what they are compared with."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.commands import App
from tallystick.connection import JsonAtEnd

if TYPE_CHECKING:
    from tallystick.drawing import Page

app = App(
    "bench",
    help="Measure the machine and its tree, beside what they are compared with.",
)

Orders = Annotated[int, typer.Option(min=100, max=5_000_000, help="Orders of the workload.")]
Seed = Annotated[int, typer.Option(help="Seed of the workload.")]
Markets = Annotated[int, typer.Option(min=1, max=8, help="Markets of the workload.")]
Accounts = Annotated[int, typer.Option(min=2, max=1_000_000, help="Accounts of the workload.")]
Repeat = Annotated[int, typer.Option(min=1, max=100, help="Runs of each contender; the best one counts.")]


@app.command()
def machine(
    orders: Orders = 50_000,
    seed: Seed = 7,
    markets: Markets = 8,
    accounts: Accounts = 10_000,
    repeat: Repeat = 3,
    json_output: JsonAtEnd = False,
) -> None:
    """Run the same seeded orders through four engines, one after the other on one core.

    The machine interpreted and compiled: every step with margin on both sides of a fill, no signatures, no root. A
    matching engine from PyPI (bourse, in Rust, called from Python: matching only, no margin). A plain order book with
    margin in Solidity, run by revm. An engine that is not installed is left out and said to be. Compiled is measured
    with a temporary copy where `make native` has not been run. Exit code 0 if interpreted and compiled ended in the
    same, solvent state.
    """
    from tallystick.bench.report import compare

    workload = {"orders": orders, "seed": seed, "markets": markets, "accounts": accounts, "repeat": repeat}
    _finish(compare(workload, to_stderr=json_output), json_output)


@app.command()
def root(
    orders: Orders = 10_000,
    seed: Seed = 7,
    markets: Markets = 8,
    accounts: Accounts = 10_000,
    repeat: Repeat = 5,
    json_output: JsonAtEnd = False,
) -> None:
    """Hash what a batch of orders left dirty, then trace steps with a new root after each.

    Both compiled (from a temporary copy where `make native` has not been run) and interpreted; the figures on top are
    the compiled ones where it compiles. Exit code 0 if both came to the same root.
    """
    from tallystick.bench.report import roots

    workload = {"orders": orders, "seed": seed, "markets": markets, "accounts": accounts, "repeat": repeat}
    _finish(roots(workload, to_stderr=json_output), json_output)


@app.command()
def da(json_output: JsonAtEnd = False) -> None:
    """Count what each kind of record costs on L1: bytes, gas as calldata (EIP-7623) and as blobs (EIP-4844).

    An order alone and one of a bulk of 150, beside what StarkEx publishes for a trade. Exit code 0 if an order takes
    at most 100 bytes alone and 24 in a bulk, a replace and its slot included.
    """
    from tallystick.bench.speed.da import measure, page

    result = measure()
    _tell(page(result), json_output)
    _finish(result, json_output)


@app.command()
def dispute(
    steps: Annotated[int, typer.Option(min=100, max=1 << 20, help="Steps of the trace, at least.")] = 1 << 16,
    seed: Seed = 7,
    json_output: JsonAtEnd = False,
) -> None:
    """Play one dispute over full batches on a development chain: seconds to trace, gas of every move, and how many
    times as fast as an operator a replay is.

    Real contracts, a tree of 2^20 leaves, the real Referee; proofs are those of steps of the trace, and the worst one
    of every scenario there is. Compiled (from a temporary copy where `make native` has not been run) where it compiles.
    The operator is the real one but for HTTP: door, sequencer, executor, log, receipts, in one process; the replay is of
    what it published (`replay_over_operator`). Takes about two minutes. Exit code 0 if the truth won and replay, trace,
    live machine and operator agree.

    Example: tallystick bench dispute --json > dispute.json
    """
    from tallystick.bench.dispute_tables import dispute_page
    from tallystick.bench.modes import compiled_source, measure
    from tallystick.bench.speed.operators import beside_operator

    with compiled_source() as source:
        result = measure("tallystick.bench.disputes.dispute_costs", "measure", source=source, steps=steps, seed=seed)
        result = beside_operator(result, source=source, seed=seed)
    _tell(dispute_page(result), json_output)
    _finish(result, json_output)


@app.command()
def restart(
    records: Annotated[int, typer.Option(min=1_024, max=100_000_000, help="Records of the log.")] = 10_000_000,
    accounts: Annotated[int, typer.Option(min=64, max=1_000_000, help="Accounts with money.")] = 100_000,
    orders: Annotated[int, typer.Option(min=0, max=1_000_000, help="Orders sent before the snapshot.")] = 20_000,
    tail: Annotated[int, typer.Option(min=1_000, max=1_000_000, help="Orders behind the snapshot.")] = 20_000,
    json_output: JsonAtEnd = False,
) -> None:
    """Start an operator from a snapshot and the tail of a long log, and see what making a snapshot costs.

    The log has as many records as it says; those before the snapshot are written and never run, for a start does not
    run them either. The start is measured with the tail that is given; `restart_seconds_at_most` is extrapolated from that to the
    most records that come behind a snapshot. Compiled (from a temporary copy where `make native` has not been run) where it
    compiles. Takes some 100 bytes of disk a record. Exit code 0 if the state is the same and the start, at most, is below a minute.

    Example: tallystick bench restart --json > restart.json
    """
    from tallystick.bench.modes import compiled_source, measure
    from tallystick.drawing import table

    given = {"records": records, "accounts": accounts, "orders": orders, "tail": tail}
    with compiled_source() as source:
        result = measure("tallystick.bench.speed.restarting", "measure", source=source, **given)
    result["ok"] = result["ok"] and result["restart_seconds_at_most"] < 60
    _tell([table(["", ""], [(name.replace("_", " "), str(value)) for name, value in result.items()])], json_output)
    _finish(result, json_output)


@app.command()
def capacity(
    steps: Annotated[int, typer.Option(min=1_000, max=1 << 22, help="Steps that are traced, at least.")] = 1 << 17,
    seed: Seed = 7,
    json_output: JsonAtEnd = False,
) -> None:
    """Say what can be asserted for ever at each K, and what a party needs to trace a full generation of it.

    One generation of 2^K steps a block of 12 seconds; of these, what L1's messages and what time may ask for at most is
    set aside, the rest is divided by the steps of a byte. A sample of orders in bulks is traced as a party does it, by
    two processes and on disk; seconds and memory of a full trace are extrapolated from that, in processor time. Compiled
    (from a temporary copy where `make native` has not been run) where it compiles. The object is keyed by K. Exit code 0
    if at K = 22 at least 30,000 orders a second are asserted, a trace takes at most 1,024 MiB, and the sample is right.

    Example: tallystick bench capacity --json > capacity.json
    """
    from tallystick.bench.dispute_tables import capacity_page
    from tallystick.bench.modes import compiled_source, measure
    from tallystick.bench.speed.capacity import judge

    with compiled_source() as source:
        sample = measure("tallystick.bench.speed.capacity", "sample", source=source, steps=steps, seed=seed)
    heights, ok = judge(sample)
    _tell(capacity_page(sample, heights), json_output)
    if json_output:
        print(json.dumps(heights))
    raise typer.Exit(0 if ok else 1)


@app.command()
def operator(
    orders: Annotated[int, typer.Option(min=1_000, max=1_000_000, help="Orders sent each by itself.")] = 50_000,
    bulks: Annotated[int, typer.Option(min=10, max=20_000, help="Bulks of 95 orders.")] = 1_000,
    accounts: Annotated[
        int, typer.Option(min=100, max=100_000, help="Funded accounts, each with a position.")
    ] = 10_000,
    json_output: JsonAtEnd = False,
) -> None:
    """Measure an operator over sockets: from a signed record to its durable acknowledgement.

    Real processes on this machine: the operator with its keeper, over an L1 that takes everything, and two that have
    signed beforehand and send. Single orders and bulks as fast as they are answered; then an even rate, 10,000 a second
    or half of what was reached where that is less, for the waiting times. Beside them what the same cores recover of
    signatures, and the machine alone. Compiled (from a temporary copy where `make native` has not been run) where it
    compiles, and interpreted with a tenth of the orders; the figures on top are the compiled ones. Says what L1's data
    would bound. Exit code 0 if every record was answered.

    Example: tallystick bench operator --json > operator.json
    """
    from tallystick.bench.hotpath.hot_path import both, page

    result = both(orders=orders, bulks=bulks, accounts=accounts)
    _tell(page(result), json_output)
    _finish(result, json_output)


@app.command()
def stages(
    orders: Annotated[int, typer.Option(min=256, max=1_000_000, help="Orders sent each by itself.")] = 20_000,
    bulks: Annotated[int, typer.Option(min=8, max=20_000, help="Bulks of 95 orders.")] = 400,
    accounts: Annotated[
        int, typer.Option(min=100, max=100_000, help="Funded accounts, each with a position.")
    ] = 10_000,
    json_output: JsonAtEnd = False,
) -> None:
    """Say what each stage of an operator's path takes of a processor for one record, in one process without sockets.

    Gateway, parcel, core, log, promises and the way back, as `bench operator` has them in processes and threads. Processor
    time, of the tenth of groups that took the least and on the whole. Compiled (from a temporary copy where `make native`
    has not been run) where it compiles. Exit code 0 if everything was accepted.

    Example: tallystick bench stages --json > stages.json
    """
    from tallystick.bench.hotpath.breakdown import page
    from tallystick.bench.modes import compiled_source, measure

    given = {"orders": orders, "bulks": bulks, "accounts": accounts}
    with compiled_source() as source:
        result = measure("tallystick.bench.hotpath.breakdown", "measure", source=source, **given)
    _tell(page(result), json_output)
    _finish(result, json_output)


@app.command()
def overload(
    seconds: Annotated[float, typer.Option(min=2, max=3_600, help="How long the flood lasts.")] = 60.0,
    times: Annotated[float, typer.Option(min=1, max=100, help="How many times what it takes is sent.")] = 10.0,
    accounts: Annotated[int, typer.Option(min=100, max=100_000, help="Funded accounts, with positions.")] = 10_000,
    json_output: JsonAtEnd = False,
) -> None:
    """Send an operator ten times what it can take, and see what becomes of every message.

    Real processes on this machine, as with `bench operator`. First as much as is answered; then, over the same sockets, so many
    times that: who is told to come again does. Exit code 0 if every message had one answer, no two orders one place, what was
    taken waited no longer than the queues allow, and the memory of all the operator's processes stayed within 5 % in
    the last two thirds.

    Example: tallystick bench overload --json > overload.json
    """
    from tallystick.bench.hotpath.overload import measure_both, page

    result = measure_both(seconds=seconds, times=times, accounts=accounts)
    _tell(page(result), json_output)
    _finish(result, json_output)


@app.command()
def sybils(
    attackers: Annotated[list[int], typer.Argument(min=1, max=256, help="How many at once, one battle each.")],
    generations: Annotated[
        list[int] | None, typer.Option(min=1, max=24, help="Contested at once, a battle each; 1 by default.")
    ] = None,
    censored: Annotated[int, typer.Option(min=0, max=150, help="Blocks that keep the honest side out.")] = 0,
    fronted: Annotated[bool, typer.Option(help="Some make the honest side's moves before it.")] = False,
    json_output: JsonAtEnd = False,
) -> None:
    """Let attackers with different histories play at once against one honest party, with the real contracts.

    Exit code 0 if the truth won each time, no lie came near the period, and honesty cost no more gas than documented and
    was repaid, up to the declared price where nobody makes its moves before it.
    """
    from tallystick.bench.dispute_tables import sybils_page
    from tallystick.bench.disputes.battle import small_battle
    from tallystick.bench.disputes.defence_gas import is_repaid
    from tallystick.testing.l1_stage import PERIOD_BLOCKS

    rows = [
        small_battle(count, generations=each, censored=censored, fronted=fronted)
        for each in generations or [1]
        for count in attackers
    ]
    _tell(sybils_page(rows), json_output)
    ok = all(row["won"] and is_repaid(row, fronted=fronted) and row["liars_time"] < PERIOD_BLOCKS for row in rows)
    _finish({"ok": ok, "battles": rows}, json_output)


@app.command()
def faststart(
    blocks: Annotated[int, typer.Option(min=6_000, max=10_000_000, help="Blocks of the past; a year by default.")] = 365
    * 7_200,
    json_output: JsonAtEnd = False,
) -> None:
    """Read a year of a busy L1 with an empty disk, from an endpoint that is not trusted.

    The endpoint is a process of its own on this machine that makes the past up: full blocks, a batch and an assertion
    each 25 of them, a message each 10. It is asked for the logs, and what it says is checked by what the contracts
    commit to. Beside it, what proving every header takes. Exit code 0 at 750 blocks a second or more.
    """
    from rich.console import Console

    from tallystick.bench.start.faststart import measure, text

    console = Console(stderr=json_output, highlight=False)
    with console.status("starting") as status:
        result = measure(blocks, status.update)
    _tell([text(result)], json_output)
    _finish(result, json_output)


def _tell(page: Page, json_output: bool) -> None:
    """Print what was measured; beside an object on stdout it goes to stderr."""
    from tallystick.drawing import show

    show(*page, file=sys.stderr if json_output else sys.stdout)


def _finish(result: dict[str, Any], json_output: bool) -> None:
    if json_output:
        print(json.dumps(result))
    raise typer.Exit(0 if result["ok"] else 1)
