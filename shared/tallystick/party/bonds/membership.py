"""What a party does for a bond that its own money does not pay: it joins the pool for it, and fetches its part later.

Others' stakes may leave in front of any call, so nothing here counts on them: a party puts in what it has to spare,
however much others have in already, and the call is a transaction of its own, tried ever more rarely while it fails. Then
members that hold the sum together cannot be kept from making it, and who burns a call's gas burns no more than its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tallystick.l1.client.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.party.bonds.bond_pools import Pool, Purpose, Stage, homecoming, instead, joining, purpose_of
from tallystick.party.bonds.pool_view import PoolView
from tallystick.party.mind import Mind
from tallystick.party.strategy.moves import Call
from tallystick.party.strategy.strategy import Due
from tallystick.rollup.views.fold import ChainEvent
from tallystick.state.ordinals import BlockNumber

LEAST_WEI: Final = 10**16
"""Less is not worth joining with, unless it is all that is missing."""
TRY_BLOCKS: Final = 5
"""How long a call out of a pool is asked for at a time: what reverts is not sent again within as many blocks."""
PAUSES_A_PERIOD: Final = 64
"""The pause between two tries doubles up to this part of the challenge period: some seventy calls in all of it."""
UNWANTED_BLOCKS: Final = 100
"""How long a pool whose call can still be made stays unwanted before its stake is fetched: a reorganisation, or a start
that has not judged everything yet, may want it again."""


class Pooling:
    """The pools of one party, which puts `most_wei` into one of them at most; None: whatever is free.

    Which pools it is in L1's events tell, and what is left in them the contract.
    """

    def __init__(self, client: L1, deployment: Deployment, mind: Mind, most_wei: int | None) -> None:
        self._deployment = deployment
        self._mind = mind
        self._most_wei = most_wei
        self._contract = client.contract("BondPool", deployment.addresses.bond_pool)
        self._me = "0x" + mind.me.hex()
        self._view = PoolView(mind.me)
        self._empty: set[bytes] = set()
        self._unwanted: dict[bytes, int] = {}  # by pool, since which block
        self._tried: dict[bytes, tuple[int, int]] = {}  # by pool, the block and the pause behind it

    def take(self, events: Iterable[ChainEvent]) -> None:
        """Learn from L1's next events which pools this party is in."""
        for event in events:
            self._view.apply(event)
            if event.name == "Joined":
                self._empty.discard(event.args["pool"])

    def roll_back(self, block: BlockNumber) -> None:
        """L1 was reorganised: what came from above a block never happened."""
        self._view.rollback(block)
        self._empty.clear()

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
            if pool.stage is not Stage.GATHERING:
                return None
            made = instead(due, self._mind.rollup, {pool.id: pool}, self._deployment)
            if made is not due and self._may_try(pool.id):
                return made
        terms = self._deployment.config
        # who pays for an assertion keeps what its root takes
        kept_wei, sum_wei = (
            (0, terms.challenge_bond_wei) if purpose.root else (terms.challenge_bond_wei, terms.assertion_bond_wei)
        )
        most_wei = sum_wei if self._most_wei is None else min(sum_wei, self._most_wei)
        own_wei = 0 if pool is None else pool.due_wei
        offered_wei = min(most_wei - own_wei, free_wei - kept_wei)
        missing_wei = sum_wei if pool is None else pool.missing_wei
        if offered_wei < min(missing_wei or LEAST_WEI, LEAST_WEI):
            return None
        return joining(due, self._mind.rollup, self._deployment, offered_wei)

    def _may_try(self, pool: bytes) -> bool:
        """Whether the call is asked for at this block: for a moment, and after pauses that double if it has not landed."""
        head = self._mind.head
        start, pause = self._tried.get(pool, (head, 0))
        if head >= start + TRY_BLOCKS + pause:
            longest = self._mind.terms.challenge_period_blocks // PAUSES_A_PERIOD
            start, pause = head, min(max(TRY_BLOCKS, 2 * pause), longest)
        self._tried[pool] = start, pause or TRY_BLOCKS
        return head < start + TRY_BLOCKS

    def home(self, wanted: Sequence[Due]) -> list[Due]:
        """Return the calls that fetch what is this party's: bonds that L1 has freed, what was not needed, and stakes in
        pools that nobody needs or that the own replay does not want any more.

        Raises: L1Error.
        """
        found: list[Due] = []
        address = self._deployment.addresses.rollup
        needed = {each.pool(address) for due in wanted if (each := purpose_of(due, self._mind.rollup))}
        for id_, purpose in self._view.joined.items():
            if id_ in self._empty:
                continue
            if id_ in needed:
                self._unwanted.pop(id_, None)
                continue
            pool = self._look(purpose) if self._has_part(id_) else None
            if pool is None:
                self._empty.add(id_)
                continue
            if pool.stage is Stage.MADE:
                found += homecoming([pool], self._mind.rollup, self._mind.challenge)
                leaves = pool.due_wei > 0
            else:
                leaves = pool.stage is not Stage.GATHERING or self._is_unwanted(id_)
            if leaves:
                found.append(_quitting(pool))
        return found

    def _is_unwanted(self, pool: bytes) -> bool:
        """Whether nothing that is due has wanted a pool for long; while a trace is made, its root may be due soon."""
        head = self._mind.head
        if self._mind.awaits_traces:
            self._unwanted.pop(pool, None)
        return head >= self._unwanted.setdefault(pool, head) + UNWANTED_BLOCKS

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
