"""A challenger as one process: it is put together, looks at L1, waits, and looks again until it is asked to stop."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

from tallystick.deploy.deploy import check_deployment
from tallystick.dispute.traces.disktraces import DiskTraces
from tallystick.dispute.traces.schedule import Bounds
from tallystick.dispute.traces.traceprocess import Process, cores
from tallystick.errors import TallystickError
from tallystick.journal import Journal
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.deployment import load_deployment
from tallystick.l1.sending.signer import load_signer
from tallystick.party.bonds.membership import Pooling
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.hand import Purse
from tallystick.party.party import Identity, Party
from tallystick.ports import Clock
from tallystick.ports.system import SystemClock
from tallystick.rollup.snapshots.snapshotstore import SnapshotStore
from tallystick.telling.overheard import last_event
from tallystick_challenger.config import MIB, ChallengerConfig
from tallystick_challenger.telling.teller import Teller
from tallystick_challenger.watching.complete import check_complete
from tallystick_challenger.watching.defence import GAS_WEI, roots_wei
from tallystick_challenger.watching.watch import Watch


def make_party(config: ChallengerConfig, report: Callable[[str, dict[str, Any]], None], clock: Clock) -> Party:
    """Return the party this challenger is: before it moves against a lie it asks L1 whether it has read everything.

    Raises: ConfigError for missing files; StateError when the contracts on chain are not the ones this version knows:
    then it must not act on them.
    """
    deployment = load_deployment(config.deployment)
    client = QuorumClient(
        config.rpc,
        quorum=config.quorum,
        chain_id=deployment.chain_id,
        report=lambda endpoint, problem: report(
            "endpoint_problem" if problem else "endpoint_well",
            {"endpoint": endpoint} | ({"problem": problem} if problem else {}),
        ),
        max_head_age_seconds=config.max_head_age_seconds or None,
        clock=clock,
    )
    check_deployment(client, deployment)
    config.data_dir.mkdir(parents=True, exist_ok=True)
    account = load_signer(config.key, clock) if config.key else None
    terms = deployment.config
    bounds = Bounds(cores=cores(), memory_bytes=config.trace_memory_mib * MIB)
    pools = config.mode is Mode.DEFEND if config.pool_wei is None else config.pool_wei > 0
    return Party(
        client,
        deployment,
        Identity(duties=DUTIES[config.mode], patience_blocks=config.patience_blocks),
        report,
        account=account,
        queue_path=config.data_dir / "transactions.sqlite" if account else None,
        clock=clock,
        tag=config.tag,
        confirmations=config.confirmations,
        purse=Purse(gas=GAS_WEI, reserve=roots_wei(terms, config.telling.limits.rivals)),
        snapshots=snapshots_of(config, report),
        traces=lambda mind: DiskTraces(config.data_dir / "traces", mind.source, report, bounds, Process),
        pooling=(lambda mind: Pooling(client, deployment, mind, config.pool_wei)) if pools else None,
        look_twice=check_complete,
        store=LogStore(config.data_dir / "events.sqlite", deployment.addresses.rollup),
    )


def snapshots_of(config: ChallengerConfig, report: Callable[[str, dict[str, Any]], None]) -> SnapshotStore | None:
    """Return where confirmed states are kept, if they are."""
    if not config.snapshot_batches:
        return None
    return SnapshotStore(config.data_dir / "snapshots", report, spacing=config.snapshot_batches)


def run(config: ChallengerConfig, journal: Journal, stop: Event, clock: Clock | None = None) -> None:
    """Watch until asked to stop.

    Everything comes from L1 at the start; its events, transactions under way and states to begin at are kept on disk.

    Raises: StateError, DataError, ConfigError, after telling so, when it refuses to go on: with contracts or a machine
    it does not know, or with data that is not all there.
    """
    clock = clock or SystemClock()
    try:
        teller = Teller(config.telling, journal, clock)
    except TallystickError as error:
        name, facts = last_event(error)
        journal.write(name, alarm=True, **facts)
        raise
    try:
        party = make_party(config, teller.report, clock)
        teller.started(party, str(config.mode))
        try:
            watch = Watch(party, teller, poll_seconds=config.poll_seconds, rivals=config.telling.limits.rivals)
            while not stop.is_set():
                stop.wait(watch.look())
        finally:
            party.close()
            teller.report("stopped", {"block": party.head})
    except Exception as error:
        teller.ended_by(error)
        raise
    finally:
        teller.close()
