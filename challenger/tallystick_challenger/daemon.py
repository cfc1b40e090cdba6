"""The loop: look at L1, do what can be done, wait, and outlive every passing failure of an endpoint."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, Final

from tallystick.dispute.party import Identity, Party
from tallystick.errors import L1Error
from tallystick.journal import Journal
from tallystick.l1.deploy import check_deployment
from tallystick.l1.deployment import Deployment, load_deployment
from tallystick.l1.quorum import QuorumClient
from tallystick.l1.signer import load_signer
from tallystick.rollup.duties import DUTIES
from tallystick_challenger.config import ChallengerConfig

LONGEST_PAUSE_SECONDS: Final = 30.0

BUSY_SECONDS: Final = 0.2
"""Between looks while a transaction is under way."""
FUNDS_BLOCKS: Final = 100
"""Between looks at the own balance."""
GAS_RESERVE_WEI: Final = 10**17
"""For the gas of a dispute, beside its bonds."""

ALARMS: Final = frozenset(
    {
        "assertion_wrong",
        "endpoint_problem",
        "funds_low",
        "invariant_broken",
        "l1_problem",
        "lie_confirmed",
        "lie_half_time",
        "lie_over_time",
        "not_taken",
        "reorganised",
    }
)


def make_party(config: ChallengerConfig, report: Callable[[str, dict[str, Any]], None]) -> Party:
    """Return the party this challenger is.

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
    )
    check_deployment(client, deployment)
    config.data_dir.mkdir(parents=True, exist_ok=True)
    account = load_signer(config.key) if config.key else None
    return Party(
        client,
        deployment,
        Identity(duties=DUTIES[config.mode], patience_blocks=config.patience_blocks),
        report,
        account=account,
        queue_path=config.data_dir / "transactions.sqlite" if account else None,
        tag=config.tag,
        confirmations=config.confirmations,
        reserve_wei=dispute_wei(deployment),
    )


def dispute_wei(deployment: Deployment) -> int:
    """Return what a dispute may take: its bonds and its gas. No bond without a deadline may touch it."""
    terms = deployment.config
    return terms.assertion_bond_wei + terms.challenge_bond_wei + GAS_RESERVE_WEI


class Funds:
    """Looks now and then whether the account could still pay for a dispute."""

    def __init__(self, party: Party, report: Callable[[str, dict[str, Any]], None]) -> None:
        self._party = party
        self._report = report
        self._next_block = 0

    def check(self) -> None:
        """Say so when it could not.

        Raises: L1Error.
        """
        party = self._party
        if party.queue is None or party.busy or party.head < self._next_block:
            return
        self._next_block = party.head + FUNDS_BLOCKS
        needed = dispute_wei(party.deployment)
        balance = party.client.balance_wei(party.queue.address)
        if balance < needed:
            self._report("funds_low", {"balance_wei": balance, "needed_wei": needed})


def run(config: ChallengerConfig, journal: Journal, stop: Event) -> None:
    """Watch until asked to stop.

    Everything is rebuilt from L1 at the start; only transactions under way are kept on disk.
    """

    def report(name: str, facts: dict[str, Any]) -> None:
        journal.write(name, alarm=name in ALARMS, **facts)

    party = make_party(config, report)
    funds = Funds(party, report)
    journal.write("started", mode=str(config.mode), rollup=party.deployment.addresses.rollup)
    failures = 0
    caught_up = False
    try:
        while not stop.is_set():
            try:
                complete = party.tick()
                if complete and not caught_up and party.replayer is not None:
                    caught_up = True
                    journal.write("caught_up", block=party.head, batches=party.inbox.batch_count)
                if complete:
                    funds.check()
                    stop.wait(min(BUSY_SECONDS, config.poll_seconds) if party.busy else config.poll_seconds)
                failures = 0
            except L1Error as error:
                pause = min(config.poll_seconds * 2**failures, LONGEST_PAUSE_SECONDS)
                failures += 1
                journal.write("l1_unavailable", alarm=True, reason=str(error), retry_seconds=pause)
                stop.wait(pause)
    finally:
        party.close()
        journal.write("stopped", block=party.head)
