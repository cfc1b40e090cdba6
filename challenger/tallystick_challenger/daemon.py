"""The loop: look at L1, do what can be done, wait, and outlive every passing failure of an endpoint."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, Final

from tallystick.dispute.party import Identity, Party
from tallystick.errors import L1Error
from tallystick.journal import Journal
from tallystick.l1.client import L1Client
from tallystick.l1.deploy import check_deployment
from tallystick.l1.deployment import load_deployment
from tallystick.l1.keys import load_account
from tallystick.rollup.duties import DUTIES
from tallystick_challenger.config import ChallengerConfig

LONGEST_PAUSE_SECONDS: Final = 30.0

ALARMS: Final = frozenset({"assertion_wrong", "not_taken", "l1_problem", "reorganised"})


def make_party(config: ChallengerConfig, report: Callable[[str, dict[str, Any]], None]) -> Party:
    """Return the party this challenger is.

    Raises: ConfigError for missing files; StateError when the contracts on chain are not the ones this version knows:
    then it must not act on them.
    """
    deployment = load_deployment(config.deployment)
    client = L1Client(config.rpc)
    check_deployment(client, deployment)
    config.data_dir.mkdir(parents=True, exist_ok=True)
    account = load_account(config.key) if config.key else None
    return Party(
        client,
        deployment,
        Identity(duties=DUTIES[config.mode]),
        report,
        account=account,
        queue_path=config.data_dir / "transactions.sqlite" if account else None,
        tag=config.tag,
    )


def run(config: ChallengerConfig, journal: Journal, stop: Event) -> None:
    """Watch until asked to stop.

    Everything is rebuilt from L1 at the start; only transactions under way are kept on disk.
    """

    def report(name: str, facts: dict[str, Any]) -> None:
        journal.write(name, alarm=name in ALARMS, **facts)

    party = make_party(config, report)
    journal.write("started", mode=str(config.mode), rollup=party.deployment.addresses.rollup)
    pause = config.poll_seconds
    caught_up = False
    try:
        while not stop.is_set():
            try:
                complete = party.tick()
                pause = config.poll_seconds
            except L1Error as error:
                journal.write("l1_unavailable", alarm=True, reason=str(error), retry_seconds=pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                complete = True
            if complete:
                if not caught_up and party.replayer is not None:
                    caught_up = True
                    journal.write("caught_up", block=party.head, batches=party.inbox.batch_count)
                stop.wait(pause)
    finally:
        party.close()
        journal.write("stopped", block=party.head)
