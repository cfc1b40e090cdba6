"""What a party does for a bond that its own money does not pay: it joins the pool for it, and fetches its part later.

It remembers nothing that L1 does not tell: which pools there may be follows from the assertions and roots it knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tallystick.dispute.mind import Mind
from tallystick.dispute.moves import Call
from tallystick.dispute.pools import Pool, Purpose, Stage, homecoming, instead, joining, purpose_of
from tallystick.dispute.strategy import Due
from tallystick.l1.access import L1
from tallystick.l1.deployment import Deployment

LEAST_WEI: Final = 10**16
"""Less is not worth joining with, unless it is all that is missing."""


class Pooling:
    """The pools of one party, which puts `most_wei` into one of them at most; None: whatever is free."""

    def __init__(self, client: L1, deployment: Deployment, mind: Mind, most_wei: int | None) -> None:
        self._deployment = deployment
        self._mind = mind
        self._most_wei = most_wei
        self._contract = client.contract("BondPool", deployment.addresses.bond_pool)
        self._me = "0x" + mind.me.hex()
        self._done: set[bytes] = set()

    def forget(self) -> None:
        """Look at every pool again: L1 was reorganised."""
        self._done.clear()

    def pay(self, due: Due, free_wei: int) -> Due | None:
        """Return the call that pays a bond beside a lie out of its pool, or brings that nearer with what is free; None
        when there is nothing to do but wait for others.

        Raises: L1Error.
        """
        purpose = purpose_of(due, self._mind.rollup)
        if purpose is None or due.window is None:
            return None
        pool = self._look(purpose)
        if pool is not None:
            made = instead(due, self._mind.rollup, {pool.id: pool}, self._deployment)
            if made is not due:
                return made
            if pool.stage is not Stage.GATHERING or self._has_part(pool.id):
                return None
        terms = self._deployment.config
        # who pays for an assertion keeps what its root takes
        kept_wei, sum_wei = (
            (0, terms.challenge_bond_wei) if purpose.root else (terms.challenge_bond_wei, terms.assertion_bond_wei)
        )
        missing_wei = sum_wei if pool is None else pool.missing_wei
        offered_wei = min(missing_wei, free_wei - kept_wei)
        if self._most_wei is not None:
            offered_wei = min(offered_wei, self._most_wei)
        if offered_wei < min(missing_wei, LEAST_WEI):
            return None
        return joining(due, self._mind.rollup, pool, self._deployment, offered_wei)

    def home(self, wanted: Sequence[Due]) -> list[Due]:
        """Return the calls that fetch what is this party's: bonds that L1 has freed, and stakes that nobody needs.

        Raises: L1Error.
        """
        found: list[Due] = []
        rollup_address = self._deployment.addresses.rollup
        needed = {each.pool(rollup_address) for due in wanted if (each := purpose_of(due, self._mind.rollup))}
        for purpose in self._purposes():
            id_ = purpose.pool(rollup_address)
            if id_ in self._done or id_ in needed:
                continue
            pool = self._look(purpose) if self._has_part(id_) else None
            if pool is None:
                self._done.add(id_)
            elif pool.stage is Stage.MADE:
                found += homecoming([pool], self._mind.rollup, self._mind.challenge)
            else:
                found.append(_quitting(pool))
        return found

    def _purposes(self) -> Iterator[Purpose]:
        """Give what pools may have been for: true assertions beside lies, and their roots."""
        rollup, challenge = self._mind.rollup, self._mind.challenge
        for each in list(rollup.assertions.values()):
            if not each.parent or not rollup.rivals(each) or not self._mind.is_true(each.id):
                continue
            limit = each.limit
            yield Purpose(parent=each.parent, state_hash=each.state_hash, limit=limit, root=False, span=bytes(32))
            for root in challenge.roots.get(each.id, []):
                span = challenge.edges[root].edge.span
                yield Purpose(parent=each.parent, state_hash=each.state_hash, limit=limit, root=True, span=span)

    def _look(self, purpose: Purpose) -> Pool | None:
        """Return what L1 knows of a pool, None while nobody has opened it."""
        terms = self._deployment.config
        id_ = purpose.pool(self._deployment.addresses.rollup)
        state = self._contract.call("pool", id_)
        if not state["opened"]:
            return None
        return Pool(
            id=id_,
            purpose=purpose,
            stage=Stage(self._contract.call("status", id_)),
            sum_wei=terms.challenge_bond_wei if purpose.root else terms.assertion_bond_wei,
            stakes_wei=state["stakesWei"],
            due_wei=self._contract.call("dueWei", id_, self._me),
        )

    def _has_part(self, pool: bytes) -> bool:
        member = self._contract.call("member", pool, self._me)
        return bool(member["stakeWei"] or member["shareWei"])


def _quitting(pool: Pool) -> Due:
    return Due(
        name="quit",
        event="left_pool",
        parents=(pool.purpose.parent,),
        contract="BondPool",
        call=Call(key=f"quit/{pool.id.hex()}", function="quit", arguments=(pool.id,)),
        facts={"pool": pool.id, "assertion": pool.purpose.assertion, "amount_wei": pool.due_wei},
    )
