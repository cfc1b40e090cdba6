"""Bonds that several pay together, as plain Python. Twin: contracts/src/rollup/BondPool.sol.

Every call raises BadInput where the contract would revert. Each rule can be dropped, so that a test can show that it is
needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from tallystick.party.bonds.bond_pools import Purpose
from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.protocol.challenge_rules import Edge, leaf
from tallystick.testing.protocol.protocol import ProtocolRules
from tallystick.testing.protocol.protocol_rules import refuse, require
from tallystick.testing.protocol.rollup_rules import Posted

POOLS: Final = "pools"
"""Who the contract is to the Rollup and its Challenge."""


class PoolRule(Enum):
    """A rule that can be dropped. Each comment says what goes wrong without it."""

    STATE_PAID_FOR = "what is posted is what the members paid for"
    """Whoever makes the call posts a lie with others' money."""
    MEMBERS_PAY = "a bond is paid by its members alone"
    """A pool of a wei pays its bond with the stakes of other pools."""
    NOT_VOID = "nobody joins what can never be made"
    """Money is asked for that serves nothing."""
    NOT_LOST = "no call is made whose bond is lost, or not needed"
    """Members pay for what has been decided against, or for a root that is somebody else's."""
    LEAVE_BEFORE = "each may leave until the call is made"
    """The money in a pool that never comes to its sum, or is overtaken, is held for ever."""
    NOBODY_PUT_OUT = "nobody is put out of a pool that may still be made"
    """Whoever lies empties every pool, and the truth is never posted."""
    HOME_ONCE = "a bond comes home once"
    """Its members are paid again, with the stakes of other pools."""
    SETTLED_FIRST = "what a root brings is known when its dispute is settled"
    """Collected before, a true root has brought nothing."""
    LOST_BRINGS_NOTHING = "a root that has lost brings nothing"
    """Its members are paid with the stakes of other pools."""
    REWARD_SHARED = "the reward for opening a root is its members'"
    """It stays in the contract."""
    DUST_TO_LAST = "what does not divide is the last leaver's"
    """It stays in the contract."""
    SPARE_BACK = "what the bond does not need is its members'"
    """It stays in the contract."""
    PAID_ONCE = "whoever is paid has no stake any more"
    """It is paid again, with the stakes of others."""
    TINY_PARTS = "a part too small for a wei is fetched as well"
    """Two such parts hold back each other's dust."""
    SHARE_KEPT = "who has fetched what was not needed keeps its part of the bond"
    """It loses that."""


@dataclass(slots=True, kw_only=True)
class Member:
    """Units: wei. `share` is the stake of one that has fetched its part of what was not needed, but not of the bond."""

    stake: int = 0
    share: int = 0


@dataclass(slots=True, kw_only=True)
class Pool:
    """Units: wei. `stakes` count until the call is made; then `spare` and `bond` are shared by the stakes beside them."""

    call: Purpose
    made: bool = False
    home: bool = False
    stakes: int = 0
    spare_stakes: int = 0
    spare: int = 0
    bond_stakes: int = 0
    bond: int = 0
    members: dict[str, Member] = field(default_factory=dict[str, Member])

    def member(self, who: str) -> Member:
        """Return what somebody has in it."""
        return self.members.setdefault(who, Member())


class PoolRules:
    """All pools of one Rollup, whose address is in their names.

    `balance` is the contract's, `gained` what each has been paid, less what it put in. Units: wei.
    """

    def __init__(self, protocol: ProtocolRules, dropped: frozenset[PoolRule] = frozenset()) -> None:
        self.protocol = protocol
        self.rollup = bytes(20)
        self.dropped = dropped
        self.pools: dict[Purpose, Pool] = {}
        self.balance = 0
        self.gained = Counter[str]()
        self._withdrawn = 0

    def make(self, who: str, name: str, *arguments: Any) -> None:
        """Make the call of a name."""
        getattr(self, name)(who, *arguments)
        self.protocol.ground.taken += 1

    def sum_wei(self, call: Purpose) -> int:
        """Return the bond that a call takes."""
        terms = self.protocol.ground.terms
        return terms.root_bond if call.root else terms.assertion_bond

    def join(self, who: str, call: Purpose, value: int) -> None:
        """Put money behind a call."""
        pool = self.pools.get(call)
        require(value > 0, "nothing paid")
        require(pool is None or not pool.made, "made already")
        require(self.possible(call) or self.drops(PoolRule.NOT_VOID), "void")
        if pool is None:
            pool = self.pools[call] = Pool(call=call)
            self._tell("PoolOpened", call, **call.argument())
        self._add(who, pool, value)

    def make_post(self, who: str, call: Purpose, state: bytes, value: int) -> None:
        """Post the assertion. What is sent along joins first."""
        pool = self._spendable(call, value, root=False)
        require(state == call.state_hash or self.drops(PoolRule.STATE_PAID_FOR), "another state")
        parent = self.protocol.rollup.posted.get(call.parent)
        if parent is None:
            refuse("no such parent")
        require(parent.next_limit == call.limit, "another limit")
        self.protocol.rollup.post(POOLS, parent, state, None)
        self._spend(who, pool, value)

    def make_root(self, who: str, call: Purpose, siblings: Sequence[bytes], value: int) -> None:
        """Open the root. What is sent along joins first."""
        pool = self._spendable(call, value, root=True)
        one = self.protocol.rollup.posted.get(call.assertion)
        if one is None:
            refuse("no such assertion")
        require(one.limit == call.limit, "another limit")
        self.protocol.challenge.open_root(POOLS, one, call.span, siblings)
        self._spend(who, pool, value)

    def collect(self, _who: str, call: Purpose) -> None:
        """Take the bond home."""
        pool = self.pools.get(call)
        if pool is None or not pool.made:
            refuse("not made")
        require(not pool.home or self.drops(PoolRule.HOME_ONCE), "home already")
        if call.root:
            amount = self._root_return(call)
            self.balance += self.outstanding()
            self._withdrawn = self.protocol.challenge.till.credit[POOLS]
        else:
            one = self.protocol.rollup.posted.get(call.assertion)
            if one is None:
                refuse("no such assertion")
            self.protocol.rollup.take(POOLS, one)
            amount = self.protocol.ground.terms.assertion_bond
            self.balance += amount
        pool.home, pool.bond = True, amount
        self._tell("Collected", call, amountWei=amount)

    def quit(self, who: str, call: Purpose) -> None:
        """Leave with what is there."""
        pool = self.pools.get(call)
        if pool is None:
            refuse("nothing due")
        require(pool.made or not self.drops(PoolRule.LEAVE_BEFORE), "not made")
        self._pay(pool, who)

    def pay_out(self, _who: str, call: Purpose, member: str) -> None:
        """Have another member leave."""
        pool = self.pools.get(call)
        if pool is None:
            refuse("nothing due")
        stays = not pool.made and self.possible(call) and not self.drops(PoolRule.NOBODY_PUT_OUT)
        require(not stays, "may still be made")
        self._pay(pool, member)

    def due(self, pool: Pool, who: str) -> int:
        """Return what leaving would bring somebody now."""
        one = pool.members.get(who, Member())
        if not pool.made:
            return one.stake
        amount = self._part(pool.spare, one.stake, pool.spare_stakes)
        if pool.home:
            amount += self._part(pool.bond, one.stake + one.share, pool.bond_stakes)
        return amount

    def possible(self, call: Purpose) -> bool:
        """Whether the call can be made, now or later. A parent may be still to come."""
        rollup, challenge = self.protocol.rollup, self.protocol.challenge
        origin, exact = rollup.posted.get(call.parent), rollup.posted.get(call.assertion)
        if origin is None:
            return not call.root
        if origin.status is Status.REJECTED or origin.confirmed_child is not None or origin.next_limit != call.limit:
            return False
        if challenge.decision(origin) is not None:
            return False
        if call.root:
            dispute = challenge.disputes.get(origin)
            opened = dispute is not None and self._root(origin, call) in dispute.edges
            return not opened and (exact is None or exact.status is not Status.REJECTED)
        period = self.protocol.ground.terms.period
        alone = len(origin.children) == 1 and self.protocol.ground.block >= origin.children[0].created + period
        return exact is None and not alone

    def outstanding(self) -> int:
        """Return what the Challenge owes the contract."""
        return self.protocol.challenge.till.credit[POOLS] - self._withdrawn

    def is_conserved(self) -> bool:
        """Whether all stakes, and all that is to be shared, is there."""
        owed = sum(
            (each.spare + (each.bond if each.home else 0)) if each.made else each.stakes for each in self.pools.values()
        )
        return self.balance + self.outstanding() >= owed

    def drops(self, rule: PoolRule) -> bool:
        """Whether a rule is dropped here."""
        return bool(self.dropped) and rule in self.dropped

    def _add(self, who: str, pool: Pool, value: int) -> None:
        pool.stakes += value
        pool.member(who).stake += value
        self.balance += value
        self.gained[who] -= value
        self._tell("Joined", pool.call, member=who, amountWei=value)

    def _spendable(self, call: Purpose, value: int, *, root: bool) -> Pool:
        pool = self.pools.get(call)
        if pool is None or call.root != root:
            refuse("no such pool")
        require(not pool.made, "made already")
        require(self.possible(call) or self.drops(PoolRule.NOT_LOST), "void")
        enough = pool.stakes + value >= self.sum_wei(call) or self.drops(PoolRule.MEMBERS_PAY)
        require(enough and self.balance + value >= self.sum_wei(call), "too little")
        return pool

    def _spend(self, who: str, pool: Pool, value: int) -> None:
        if value:
            self._add(who, pool, value)
        bond = self.sum_wei(pool.call)
        self.balance -= bond
        spare = max(0, pool.stakes - bond)
        pool.made = True
        pool.spare_stakes = pool.bond_stakes = pool.stakes
        pool.spare = 0 if self.drops(PoolRule.SPARE_BACK) else spare
        self._tell("Made", pool.call, bondWei=bond, spareWei=spare)

    def _pay(self, pool: Pool, who: str) -> None:
        one, amount = pool.member(who), self.due(pool, who)
        if self.drops(PoolRule.TINY_PARTS):
            require(amount > 0, "nothing due")
        require(one.stake > 0 or (pool.home and one.share > 0), "nothing due")
        stake = one.stake
        counted = [(pool.spare_stakes, stake), (pool.bond_stakes, (stake or one.share) * pool.home)]
        for stakes, leaving in counted if pool.made else [(pool.stakes, stake)]:
            require(stakes >= leaving, "less than nothing")
        require(self.balance >= amount, "the contract has not so much")
        if not self.drops(PoolRule.PAID_ONCE):
            one.stake = 0
        if not pool.made:
            pool.stakes -= stake
        else:
            self._leave(pool, one, stake)
        self.balance -= amount
        self.gained[who] += amount
        self._tell("Paid", pool.call, member=who, amountWei=amount)

    def _leave(self, pool: Pool, one: Member, stake: int) -> None:
        stays = self.drops(PoolRule.DUST_TO_LAST)
        if stake:
            if not stays:
                pool.spare -= self._part(pool.spare, stake, pool.spare_stakes)
                pool.spare_stakes -= stake
            one.share = 0 if self.drops(PoolRule.SHARE_KEPT) and not pool.home else stake
        if pool.home:
            share, one.share = one.share, 0
            if not stays:
                pool.bond -= self._part(pool.bond, share, pool.bond_stakes)
                pool.bond_stakes -= share

    def _part(self, amount: int, stake: int, stakes: int) -> int:
        """Rounding: down, so the last one finds what the others left."""
        if stake == 0:
            return 0
        require(stakes > 0, "nobody has a stake")
        return amount * stake // stakes

    def _root_return(self, call: Purpose) -> int:
        """Return the root's bond and the reward for opening it, or nothing."""
        challenge, terms = self.protocol.challenge, self.protocol.ground.terms
        origin = self.protocol.rollup.posted[call.parent]
        dispute = challenge.disputes[origin]
        settled = dispute.settled is not None
        require(settled or self.drops(PoolRule.SETTLED_FIRST), "not settled")
        won = dispute.settled == self._root(origin, call)
        if not won and not self.drops(PoolRule.LOST_BRINGS_NOTHING):
            return 0
        pot = (len(dispute.roots) - 1) * terms.root_bond // 2
        reward = 0 if self.drops(PoolRule.REWARD_SHARED) else min(terms.open_reward, pot)
        return terms.root_bond + reward

    def _root(self, origin: Posted, call: Purpose) -> Edge:
        return Edge(self.protocol.ground.terms.height, 0, leaf(origin.state), call.span)

    def _tell(self, name: str, call: Purpose, **args: Any) -> None:
        if self.protocol.ground.tell is not None:
            self.protocol.ground.say("BondPool", name, {"pool": call.pool(self.rollup), **args})
