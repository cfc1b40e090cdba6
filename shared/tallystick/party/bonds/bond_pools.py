"""Bonds that several pay together: the pool behind a call that is due, and the calls that fill it, make it and empty it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from tallystick.dispute.edge_view import ChallengeView
from tallystick.l1.client.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.party.strategy.moves import Call
from tallystick.party.strategy.strategy import Due
from tallystick.rollup.views.assertion_view import RollupView, Status, assertion_id
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.state.state import state_hash


class Stage(IntEnum):
    """How far a pool is, by the contract's numbers. VOID: its call can never be made any more."""

    GATHERING = 0
    VOID = 1
    MADE = 2
    HOME = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """The one call a pool is for: a child of `parent` with this state is posted, or, with a `span`, a root of it opened.

    Shape: `span` is 32 zeros where no root is opened.
    """

    parent: bytes
    state_hash: bytes
    limit: BatchNumber
    root: bool
    span: bytes

    @property
    def assertion(self) -> bytes:
        """The assertion it is about."""
        return assertion_id(self.parent, self.state_hash)

    def pool(self, rollup: bytes) -> bytes:
        """Return the pool's id at a Rollup."""
        numbers = self.limit.to_bytes(32, "big") + int(self.root).to_bytes(32, "big")
        return keccak(rollup.rjust(32, b"\0") + self.parent + self.state_hash + numbers + self.span)

    def argument(self) -> dict[str, Any]:
        """Return what the contract takes."""
        return {
            "parent": self.parent,
            "stateHash": self.state_hash,
            "limit": self.limit,
            "root": self.root,
            "span": self.span,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What L1 knows of a pool. Units: wei; `due_wei` is what the one who asks would be paid now."""

    id: bytes
    purpose: Purpose
    stage: Stage
    sum_wei: int
    stakes_wei: int
    due_wei: int

    @property
    def missing_wei(self) -> int:
        """What is still needed before the call can be made."""
        return max(0, self.sum_wei - self.stakes_wei)


def purpose_of(due: Due, rollup: RollupView) -> Purpose | None:
    """Return what a pool must be for to pay a call that is due; None for a call that takes no bond."""
    if due.call.function == "post":
        parent, limit, root, registers, _ = due.call.arguments
        return Purpose(parent=parent, state_hash=state_hash(root, registers), limit=limit, root=False, span=bytes(32))
    if due.call.function == "openRoot":
        parent, assertion, limit, span, _ = due.call.arguments
        claimed = rollup.assertions[assertion].state_hash
        return Purpose(parent=parent, state_hash=claimed, limit=limit, root=True, span=span)
    return None


def read_pools(client: L1, deployment: Deployment, head: BlockNumber, me: bytes = b"") -> list[Pool]:
    """Return every pool anybody has opened, oldest first; `me` is who asks.

    Raises: L1Error.
    """
    contract = client.contract("BondPool", deployment.addresses.bond_pool)
    found: list[Pool] = []
    for event in contract.events(deployment.first_block, head, "PoolOpened"):
        args = event.args
        purpose = Purpose(
            parent=args["parent"],
            state_hash=args["stateHash"],
            limit=args["limit"],
            root=args["root"],
            span=args["span"],
        )
        terms = deployment.config
        found.append(
            Pool(
                id=args["pool"],
                purpose=purpose,
                stage=Stage(contract.call("status", args["pool"])),
                sum_wei=terms.challenge_bond_wei if purpose.root else terms.assertion_bond_wei,
                stakes_wei=contract.call("pool", args["pool"])["stakesWei"],
                due_wei=contract.call("dueWei", args["pool"], "0x" + me.hex()) if me else 0,
            )
        )
    return found


def joining(due: Due, rollup: RollupView, deployment: Deployment, value_wei: int) -> Due:
    """Return the call that puts money behind a call that is due, and nothing else: whoever leaves in front of it does not
    keep it out.
    """
    purpose = purpose_of(due, rollup)
    assert purpose is not None
    id_ = purpose.pool(deployment.addresses.rollup)
    call = Call(key=f"join/{id_.hex()}", function="join", arguments=(purpose.argument(),), value_wei=value_wei)
    return replace(due, name="join", event="joined", contract="BondPool", call=call)


def making(due: Due, pool: bytes) -> Due:
    """Return the call that has a pool make what is due; its effect is the same, so it has the same name."""
    if due.call.function == "post":
        _, _, root, registers, _ = due.call.arguments
        call = Call(key=due.call.key, function="makePost", arguments=(pool, root, registers))
    else:
        siblings = due.call.arguments[4]
        call = Call(key=due.call.key, function="makeRoot", arguments=(pool, siblings))
    return replace(due, contract="BondPool", call=call)


def instead(due: Due, rollup: RollupView, pools: Mapping[bytes, Pool], deployment: Deployment) -> Due:
    """Return what to send for a call that is due where its own bond is not to be paid: the same by its pool if the sum is
    there, else the call itself. What is due is true by the own replay, so the pool's members want just this.
    """
    purpose = purpose_of(due, rollup)
    pool = pools.get(purpose.pool(deployment.addresses.rollup)) if purpose is not None else None
    if pool is None or pool.stage is not Stage.GATHERING or pool.missing_wei:
        return due
    return making(due, pool.id)


def homecoming(pools: Iterable[Pool], rollup: RollupView, challenge: ChallengeView) -> list[Due]:
    """Return the calls that take home what L1 has freed of pools' bonds. Anybody may make them."""
    return [_collecting(each) for each in pools if each.stage is Stage.MADE and _is_free(each, rollup, challenge)]


def _collecting(pool: Pool) -> Due:
    return Due(
        name="collect",
        event="collected",
        parents=(pool.purpose.parent,),
        contract="BondPool",
        call=Call(key=f"collect/{pool.id.hex()}", function="collect", arguments=(pool.id,)),
        facts={"pool": pool.id, "assertion": pool.purpose.assertion},
    )


def _is_free(pool: Pool, rollup: RollupView, challenge: ChallengeView) -> bool:
    if pool.purpose.root:
        dispute = challenge.dispute_below(pool.purpose.parent)
        return dispute is not None and dispute.settled
    posted = rollup.assertions.get(pool.purpose.assertion)
    return posted is not None and posted.status is not Status.REJECTED and rollup.is_movable(posted)
