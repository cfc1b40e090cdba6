"""Commands over a data directory: what is in it, whether it is right, a copy of it, and coming to an end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from tallystick.connection import DEPLOYMENT, OPERATOR_URL, JsonAtEnd, Poll, Quorum, Record, Url
from tallystick.state.ordinals import BatchNumber

if TYPE_CHECKING:
    from tallystick.records.chunks import BatchHeader
    from tallystick_operator.storage.surveying import Survey

DATA_DIR = Path(".tallystick/operator")
DataDir = Annotated[Path, typer.Option(help="Where log, queue and events are kept.")]
Rpc = Annotated[
    list[str] | None,
    typer.Option(
        "--rpc",
        metavar="URL",
        envvar="TALLYSTICK_L1_RPC",
        help="JSON-RPC endpoint of the L1; once for each of several, and then none of them is trusted alone.",
    ),
]
DRAIN_SECONDS = 0.5


class Bar(Protocol):
    """Shows how far something is."""

    def __call__(self, done: int, of: int) -> None:
        """Show that so much is done, of so much."""
        ...


def replay(
    data_dir: DataDir = DATA_DIR,
    deployment: Record = DEPLOYMENT,
    rpc: Rpc = None,
    quorum: Quorum = 0,
    as_json: JsonAtEnd = False,
) -> None:
    """Run the log from its first record on, and compare what comes of it.

    With every snapshot beside it, field by field, and, where --rpc is given, with every batch on L1. Nothing is changed, so an operator
    may go on meanwhile. It takes all files of the log, as long as the exchange is old, and memory as the operator. Exit
    code 0 if all agrees, 4 at the first difference, or where something is damaged or missing.

    Example: tallystick operator replay --data-dir data --rpc http://127.0.0.1:8545
    """
    import msgspec

    from tallystick.drawing import show, table
    from tallystick.l1.deployment import load_deployment
    from tallystick.rollup.genesis import decode_genesis, genesis_state
    from tallystick_operator.sequencer.branch import Branch
    from tallystick_operator.sequencer.executor import Executor
    from tallystick_operator.storage.checking import check, signer_of
    from tallystick_operator.storage.surveying import check_genesis, opened, snapshots_of, survey

    genesis = decode_genesis(load_deployment(deployment).genesis)
    problems: dict[str, str] = {}
    posted = _posted(rpc, quorum, deployment) if rpc else []
    total = survey(data_dir).batches
    with opened(data_dir) as log, _bar("replaying batches") as bar:
        check_genesis(log, genesis_state(genesis).hash())
        branch = Branch(Executor(genesis), signer_of(data_dir))
        found = check(branch, log, snapshots_of(data_dir, log, problems), posted, lambda done: bar(done, total))
    if as_json:
        typer.echo(msgspec.json.encode({**msgspec.structs.asdict(found), "passed_over": problems}).decode())
        return
    rows = [
        ("records", f"{found.records}, in {found.batches} batches"),
        ("state", found.state_hash),
        ("snapshots", f"{found.snapshots} agree" + "".join(f"; {name}: {why}" for name, why in problems.items())),
        ("L1", f"{found.posted_batches} of {len(posted)} batches agree" if rpc else "not asked: give --rpc"),
    ]
    show(table(["", ""], rows))


def backup(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory.")],
    data_dir: DataDir = DATA_DIR,
    as_json: JsonAtEnd = False,
) -> None:
    """Copy an operator's data while it runs.

    The log up to a group that was whole, each group checked; snapshots; L1's queues and events; the receipt key, so keep
    it as the key. What is acknowledged afterwards is not in it, and lost with the disk unless L1 has it by then. Exit code
    0 when all is there and on disk, 2 when DIR has something in it, 4 when the log is damaged.

    Example: tallystick operator backup /backup/monday --data-dir data
    """
    import msgspec

    from tallystick_operator.storage.backups import back_up, remove_unfinished

    with _bar("copying bytes") as bar:
        try:
            made = back_up(data_dir, directory, bar)
        except BaseException:
            remove_unfinished(directory)
            raise
    if as_json:
        typer.echo(msgspec.json.encode(made).decode())
        return
    typer.echo(
        f"{directory}: {len(made.files)} files, {sum(each.bytes for each in made.files)} bytes, the log up to {made.log_bytes}"
    )


def restore(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `tallystick operator backup` made.")],
    data_dir: DataDir = DATA_DIR,
    as_json: JsonAtEnd = False,
) -> None:
    """Put a backup where an operator starts from.

    Every file and every group is checked first. It writes over nothing: the data directory must be new or empty. The
    operator then adopts from L1 what the backup lacks. What was acknowledged after the backup and did not reach L1 is lost; its receipts
    stand against the operator. Exit code 0 when all is there, 2 when something is there already, 4 when the
    backup is damaged.

    Example: tallystick operator restore /backup/monday --data-dir data
    """
    import msgspec

    from tallystick.drawing import show
    from tallystick_operator.storage import backups
    from tallystick_operator.storage.surveying import survey

    with _bar("checking and copying files") as bar:
        made = backups.restore(directory, data_dir, bar)
    if as_json:
        typer.echo(msgspec.json.encode(made).decode())
        return
    show(*survey_page(survey(data_dir)))


def drain(
    data_dir: DataDir = DATA_DIR,
    url: Url = OPERATOR_URL,
    poll_seconds: Poll = DRAIN_SECONDS,
    as_json: JsonAtEnd = False,
) -> None:
    """Have a running operator take nothing more, post everything, and end.

    It refuses what is sent, seals what is open, posts every batch, waits until L1 has had them for --confirmations blocks,
    and stops with code 0; this command waits for that. Interrupted, it takes its request back, and the operator takes
    records again. The request is a file in the data directory: an operator that is killed meanwhile goes on with it when
    it is started. Exit code 0 when it is done, 3 when no operator answers, 5 when it ended before it was done.

    Example: tallystick operator drain --data-dir data
    """
    import json

    from tallystick.errors import StateError
    from tallystick.ports.system import SystemClock
    from tallystick.shapes.routes import INFO
    from tallystick.transport import OperatorUnreachable, Transport
    from tallystick_operator.storage.draining import REQUEST

    clock, request = SystemClock(), data_dir / REQUEST
    with Transport(url) as transport, _bar("batches on L1") as bar:
        info = transport.ask(INFO)
        request.touch()
        try:
            while request.exists():
                try:
                    info = transport.ask(INFO)
                except OperatorUnreachable:
                    if request.exists():
                        raise StateError(
                            "the operator ended before it was done", hint="start it: it goes on", path=str(request)
                        ) from None
                    break
                bar(info.l1.batches_posted, info.batches_sealed)
                clock.sleep(poll_seconds)
        except KeyboardInterrupt:
            request.unlink(missing_ok=True)
            raise
    facts = {"batches": info.batches_sealed, "records": info.records}
    typer.echo(
        json.dumps(facts) if as_json else f"done: {info.records} records in {info.batches_sealed} batches, all on L1"
    )


def survey_page(found: Survey) -> list[Any]:
    """Return what is in a data directory, for people."""
    from tallystick.drawing import Title, figures, table

    usable = [each for each in found.snapshots if not each.problem]
    begin = f"from {usable[0].name}" if usable else "from the genesis"
    archived = [each.name for each in found.files if each.behind_snapshots]
    rows = [
        ("log", f"{found.log_bytes} bytes in {len(found.files)} files; {found.free_bytes} bytes are free"),
        ("records", f"{found.records}, in {found.batches} batches"),
        ("a start", f"replays {found.replays_entries} entries, {found.replays_records} records, {begin}"),
        ("archive", ", ".join(archived) or "no file is behind the oldest snapshot"),
    ]
    page: list[Any] = [table(["", ""], rows)]
    if found.snapshots:
        columns: list[Title] = ["snapshot", figures("records"), figures("batches"), figures("bytes"), ""]
        page.append(table(columns, [(s.name, s.records, s.batches, s.bytes, s.problem) for s in found.snapshots]))
    return page


def _posted(rpc: list[str], quorum: int, deployment: Path) -> list[BatchHeader]:
    """Return the headers of the batches on L1."""
    from tallystick.connection import client_of
    from tallystick.l1.client.events import EventReader
    from tallystick.l1.deployment import load_deployment
    from tallystick.rollup.views.inbox_view import InboxView

    inbox = InboxView()
    for batch in EventReader(client_of(rpc, quorum), load_deployment(deployment), contracts=("Inbox",)).to_head():
        for event in batch:
            inbox.apply(event)
    return [inbox.batch(BatchNumber(index)) for index in range(inbox.batch_count)]


@contextmanager
def _bar(what: str) -> Iterator[Bar]:
    """Show on stderr how far something is, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def told(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        yield told
