"""Withdrawals as the Vault pays them: the claim on one, from a confirmed state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.errors import DataMissing
from tallystick.l1.client.access import L1
from tallystick.l1.client.events import EventReader
from tallystick.l1.deployment import Deployment
from tallystick.rollup.replay import Replayer
from tallystick.rollup.views.assertion_view import Assertion, RollupView
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.cells import outbox_account, outbox_amount_units, outbox_recipient
from tallystick.state.hashing import keccak
from tallystick.state.layout import TAG_OUTBOX
from tallystick.state.ordinals import AccountId
from tallystick.state.state import State, cell_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The arguments of the Vault's `claim`. Units: `amount_units` in units."""

    assertion: bytes
    state_root: bytes
    registers_hash: bytes
    index: int
    recipient: bytes
    amount_units: int
    account: AccountId
    proof: bytes


def claim_arguments(claim: Claim) -> tuple[Any, ...]:
    """Return a claim as the Vault takes it."""
    withdrawal = {
        "index": claim.index,
        "recipient": claim.recipient,
        "amountUnits": claim.amount_units,
        "account": claim.account,
    }
    return claim.assertion, claim.state_root, claim.registers_hash, withdrawal, claim.proof


def claim_from_l1(client: L1, deployment: Deployment, index: int) -> Claim:
    """Return a withdrawal's claim by replaying all that L1 has confirmed: no operator is asked.

    Raises: DataMissing when no confirmed state holds the withdrawal.
    """
    inbox, rollup = InboxView(), RollupView()
    for batch in EventReader(client, deployment).to_head():
        if batch.rolled_back_to is not None:
            inbox.rollback(batch.rolled_back_to)
            rollup.rollback(batch.rolled_back_to)
        for event in batch:
            inbox.apply(event)
            rollup.apply(event)
    height = deployment.config.root_height
    replayer = Replayer(rollup.genesis_data, rollup.genesis_id, inbox, height=height)
    for assertion in _confirmed_path(rollup):
        replayer.expected(rollup.assertions[assertion.parent])
    state = replayer.states.get(rollup.latest_confirmed)
    if state is None or state.registers.outbox_count <= index:
        raise DataMissing(
            "no confirmed state holds this withdrawal",
            hint="its assertion is confirmed after the challenge period, `tallystick challenger status` shows it",
            index=index,
        )
    return claim_under(state, rollup.latest_confirmed, index)


def claim_under(state: State, assertion: bytes, index: int) -> Claim:
    """Return a withdrawal's claim under the state of a confirmed assertion, which holds it."""
    words, base = state.outbox.words, state.outbox.known(index)
    return Claim(
        assertion=assertion,
        state_root=state.commit(),
        registers_hash=keccak(state.registers.pack()),
        index=index,
        recipient=outbox_recipient(words, base),
        amount_units=int(outbox_amount_units(words, base)),
        account=outbox_account(words, base),
        proof=state.tree.proof(cell_key(TAG_OUTBOX, index)),
    )


def _confirmed_path(rollup: RollupView) -> list[Assertion]:
    """Return the confirmed assertions after the genesis, oldest first."""
    path: list[Assertion] = []
    at = rollup.assertions[rollup.latest_confirmed]
    while at.parent:
        path.append(at)
        at = rollup.assertions[at.parent]
    return path[::-1]
