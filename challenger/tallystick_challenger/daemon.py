"""The loop: look at L1, do what can be done, wait, and outlive every passing failure of an endpoint."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, Final

from tallystick.deploy.deploy import check_deployment
from tallystick.dispute.traces.disktraces import Bounds, DiskTraces
from tallystick.errors import L1Error, TallystickError
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
from tallystick.rollup.snapshots.snapshotstore import SnapshotStore
from tallystick.system import SystemClock
from tallystick_challenger.config import MIB, ChallengerConfig
from tallystick_challenger.telling.alerts import Funds
from tallystick_challenger.telling.teller import Teller, last_event
from tallystick_challenger.watching.complete import check_complete, is_lost
from tallystick_challenger.watching.defence import GAS_WEI, defence_wei, roots_wei

LONGEST_PAUSE_SECONDS: Final = 30.0

BUSY_SECONDS: Final = 0.2
"""Between looks while a transaction is under way."""
FUNDS_BLOCKS: Final = 25
"""Between looks at the own balance, or at what is confirmed upon a lie."""


def disagreements(party: Party) -> int:
    """Return how often the endpoints contradicted each other."""
    return party.client.disagreements if isinstance(party.client, QuorumClient) else 0


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
        traces=lambda mind: DiskTraces(
            config.data_dir / "traces", mind.source, report, Bounds(memory_bytes=config.trace_memory_mib * MIB)
        ),
        pooling=(lambda mind: Pooling(client, deployment, mind, config.pool_wei)) if pools else None,
        look_twice=check_complete,
        store=LogStore(config.data_dir / "events.sqlite", deployment.addresses.rollup),
    )


def snapshots_of(config: ChallengerConfig, report: Callable[[str, dict[str, Any]], None]) -> SnapshotStore | None:
    """Return where confirmed states are kept, if they are."""
    if not config.snapshot_batches:
        return None
    return SnapshotStore(config.data_dir / "snapshots", report, spacing=config.snapshot_batches)


class Accountant:
    """Looks now and then whether the account could still pay for so many disputes at once."""

    def __init__(self, party: Party, teller: Teller, rivals: int) -> None:
        self._party = party
        self._teller = teller
        self._rivals = rivals
        self._next_block = 0

    def check(self) -> None:
        """Tell the balance, and say so when it could not.

        Raises: L1Error.
        """
        party = self._party
        if party.queue is None or party.busy or party.head < self._next_block:
            return
        balance = party.client.balance_wei(party.queue.address)
        self._next_block = party.head + FUNDS_BLOCKS
        needed = defence_wei(party.deployment.config, self._rivals)
        if balance < needed:
            self._teller.report("funds_low", {"balance_wei": balance, "needed_wei": needed})
        self._teller.funds(Funds(address=party.queue.signer, balance=balance, needed=needed, rivals=self._rivals))


class Aftermath:
    """Once L1 has confirmed a lie, tells now and then what it confirms upon it: nothing of that is judged or kept."""

    def __init__(self, party: Party, teller: Teller) -> None:
        self._party = party
        self._teller = teller
        self._next_block = 0
        self._told = b""

    def check(self) -> None:
        """Tell what is confirmed by now, if it is another assertion than at the last look.

        Raises: L1Error.
        """
        party = self._party
        if not is_lost(party) or party.head < self._next_block:
            return
        self._next_block = party.head + FUNDS_BLOCKS
        rollup = party.client.contract("Rollup", party.deployment.addresses.rollup)
        newest: bytes = rollup.call("latestConfirmed")
        if newest not in (self._told, party.rollup.latest_confirmed):
            self._told = newest
            self._teller.report("confirmed_on_lie", {"assertion": newest, "lie": party.rollup.latest_confirmed})


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
            _watch(config, party, teller, stop)
        finally:
            party.close()
            teller.report("stopped", {"block": party.head})
    except Exception as error:
        teller.ended_by(error)
        raise
    finally:
        teller.close()


def _watch(config: ChallengerConfig, party: Party, teller: Teller, stop: Event) -> None:
    accountant = Accountant(party, teller, config.telling.limits.rivals)
    aftermath = Aftermath(party, teller)
    failures = 0
    caught_up = False
    while not stop.is_set():
        try:
            complete = party.tick()
            if complete and not caught_up:
                check_complete(party)
                caught_up = party.replayer is not None
                if caught_up:
                    teller.report("caught_up", {"block": party.head, "batches": party.inbox.batch_count})
            teller.looked(party, complete, disagreements(party))
            if complete:
                accountant.check()
                aftermath.check()
                stop.wait(min(BUSY_SECONDS, config.poll_seconds) if party.busy else config.poll_seconds)
            failures = 0
        except L1Error as error:
            pause = min(config.poll_seconds * 2**failures, LONGEST_PAUSE_SECONDS)
            failures += 1
            teller.unavailable(str(error), pause, disagreements(party))
            stop.wait(pause)
