"""`challenger verify`: replay what L1 holds, on every core or a cluster, and judge what was asserted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.connection import DEPLOYMENT, L1_URLS, Json, Quorum, Record, Rpc, client_of
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BatchNumber
from tallystick_challenger.run_options import DATA_DIR, DataDir

if TYPE_CHECKING:
    from tallystick.party.party import Party
    from tallystick.rollup.segments import Judgement
    from tallystick_challenger.verification.spread import Told, Work
    from tallystick_challenger.verification.verdicts import Answer, Question, Verdict

SNAPSHOTS = "snapshots"
"""The folder in a challenger's data directory."""
LINE_SECONDS = 5
"""Between two lines of progress, where nobody watches a bar."""


def verify(
    deployment: Record = DEPLOYMENT,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    first: Annotated[int, typer.Option("--from", min=0, help="First batch of the assertions to judge.")] = 0,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last batch; the newest by default.")] = None,
    data_dir: DataDir = DATA_DIR,
    from_genesis: Annotated[bool, typer.Option("--from-genesis", help="Use no snapshots.")] = False,
    save: Annotated[
        int | None,
        typer.Option(
            "--save-snapshots", metavar="N", min=1, help="Keep a snapshot of a confirmed state every N batches."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes at most; by default one for every core of this machine.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="A Dask cluster that replays instead; needs tallystick[cluster]."),
    ] = None,
    json_output: Json = False,
) -> None:
    """Replay what is on L1 once and compare it with every assertion.

    The history is cut at the snapshots a challenger has left, and the parts are replayed at the same time. A part is
    believed only if the one before it ends where it begins: without --from everything follows from genesis. With --from
    the replay begins at the snapshot before that batch, and what L1 has confirmed there is believed.

    Exit code 0 when all are right, 6 when one that may still be confirmed, or is, is wrong.

    Example: tallystick challenger verify --deployment deployment.json --save-snapshots 64

    Example: tallystick challenger verify --deployment deployment.json --from 5000 --to 5999 --json

    Example: tallystick challenger verify --deployment deployment.json --scheduler tcp://10.0.0.5:8786
    """
    from tallystick.errors import BadInput
    from tallystick.l1.deployment import load_deployment
    from tallystick.rollup.snapshots.snapshotstore import SPACING, SnapshotStore
    from tallystick_challenger.verification.verdicts import Question, read_all

    if last is not None and last < first:
        raise BadInput("--to is a batch before --from", first=first, last=last)
    if scheduler is not None and (save is not None or workers is not None):
        raise BadInput("a cluster has its own workers, and none of this machine's disk", hint="give --scheduler alone")
    party = read_all(client_of(rpc, quorum), load_deployment(deployment))
    count = party.inbox.batch_count
    beyond = max(first, last or 0)
    if beyond and beyond >= count:
        there = f"there are the batches 0 to {count - 1}" if count else "there is none yet"
        raise BadInput(f"batch {beyond} is not on L1", hint=there)
    store = SnapshotStore(data_dir / SNAPSHOTS, _warn)
    question = Question(
        first_batch=BatchNumber(first),
        last_batch=None if last is None else BatchNumber(last),
        snapshots=() if from_genesis else tuple(store.usable(party.rollup)),
        save=store.folder if save is not None else None,
        spacing=save or SPACING,
    )
    clock = SystemClock()
    began = clock.monotonic()
    answer, width = _answer(party, question, workers, scheduler)
    _show(party, answer, width, clock.monotonic() - began, json_output=json_output)


def _answer(party: Party, question: Question, workers: int | None, scheduler: str | None) -> tuple[Answer, int]:
    from tallystick.dispute.traces.traceprocess import cores
    from tallystick_challenger.verification.verdicts import Plan, judge

    parts = Plan(party, question).parts()
    width = min(workers or cores(), len(parts))
    with (
        _progress(party, sum(part.batches for part in parts)) as told,
        _workers(scheduler, width, told) as (work, wide),
    ):
        return judge(party, question, work, lambda snapshot, why: _ignored(snapshot.path, why)), wide


@contextmanager
def _workers(scheduler: str | None, width: int, told: Told) -> Iterator[tuple[Work, int]]:
    from tallystick_challenger.verification.spread import cluster, one_by_one, processes

    if scheduler is not None:
        with cluster(scheduler, told) as found:
            yield found
    elif width == 1:
        yield one_by_one(told), 1
    else:
        with processes(width, told) as work:
            yield work, width


@contextmanager
def _progress(party: Party, batches: int) -> Iterator[Callable[[Judgement], None]]:
    """Show on stderr how many of the batches are replayed: a bar on a terminal, elsewhere a line now and then."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("replaying batches"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=batches)
        clock = SystemClock()
        done, next_line = 0, clock.monotonic() + LINE_SECONDS

        def told(each: Judgement) -> None:
            nonlocal done, next_line
            done += each.limit - party.rollup.assertions[each.parent].limit
            progress.update(bar, completed=done)
            if not console.is_terminal and clock.monotonic() >= next_line:
                next_line = clock.monotonic() + LINE_SECONDS
                typer.echo(f"replayed {done} of {batches} batches", err=True)

        yield told


def _show(party: Party, answer: Answer, width: int, seconds: float, *, json_output: bool) -> None:
    """Print the verdicts.

    Raises: Disputed when something is wrong.
    """
    import json

    from tallystick.drawing import Title, figures, show, table
    from tallystick.errors import Disputed
    from tallystick.rollup.views.assertion_view import Status

    found = answer.verdicts
    speed = round(answer.steps / seconds) if seconds else 0
    if json_output:
        facts = {
            "batches": party.inbox.batch_count,
            "assertions": [_row(each) for each in found],
            "began_at": answer.began_at,
            "replayed_batches": answer.batches,
            "parts": answer.parts,
            "workers": width,
            "steps": answer.steps,
            "seconds": round(seconds, 3),
            "steps_per_second": speed,
        }
        typer.echo(json.dumps(facts))
    else:
        typer.echo(f"{party.inbox.batch_count} batches, {len(found)} assertions, L1 at block {party.head}")
        start = f"a snapshot below batch {answer.began_at}" if answer.began_at else "genesis"
        typer.echo(
            f"replayed {answer.batches} batches from {start} in {seconds:.1f} s: {answer.steps:,} steps, {speed:,} a "
            f"second; parts: {answer.parts}, workers: {width}"
        )
        titles: list[Title] = ["assertion", figures("batches below"), "status", "verdict"]
        show(table(titles, [row for each in found for row in _lines(each)], indent=2))
    wrong = [each for each in found if each.right is not True and each.assertion.status is not Status.REJECTED]
    if wrong or any(each.broken for each in found):
        raise Disputed("the assertions do not all follow from what was published", wrong=len(wrong))


def _lines(each: Verdict) -> list[tuple[str, ...]]:
    """Return a verdict as rows of a table: one for it, and one for each thing that is broken."""
    verdict = {True: "right", False: "WRONG", None: "stands on a wrong one"}[each.right]
    first = (each.assertion.id.hex()[:12], str(each.assertion.limit), each.assertion.status.value, verdict)
    return [first, *(("", "", "", f"broken: {sentence}") for sentence in each.broken)]


def _row(each: Verdict) -> dict[str, Any]:
    return {
        "assertion": "0x" + each.assertion.id.hex(),
        "limit": each.assertion.limit,
        "status": each.assertion.status.value,
        "right": each.right,
        "steps": each.steps,
        "broken": list(each.broken),
    }


def _warn(name: str, facts: dict[str, Any]) -> None:
    if name == "snapshot_ignored":
        _ignored(facts["path"], facts["reason"])


def _ignored(path: Path | str, reason: str) -> None:
    typer.echo(f"warning: {path} is ignored: {reason}", err=True)
