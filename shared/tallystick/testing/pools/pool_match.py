"""A match of many generations whose honest bonds come out of pools, with an attacker in the same pools.

The attacker joins and leaves between all calls, pays for lies and false roots through pools of its own, posts the exact
assertion itself while others gather for it, and calls whatever there is at the wrong moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol

from tallystick.errors import BadInput
from tallystick.party.bonds.bond_pools import Purpose
from tallystick.testing.generations.attacker import ATTACKER
from tallystick.testing.generations.chain import Chain
from tallystick.testing.generations.counting import Machine, Tree
from tallystick.testing.generations.honest import HONEST, Mind
from tallystick.testing.generations.match import Fault, Match
from tallystick.testing.generations.words import MEMBERS
from tallystick.testing.pools.pool_rules import POOLS, PoolRule, PoolRules
from tallystick.testing.protocol.challenge_rules import ChallengeRules
from tallystick.testing.protocol.protocol import ProtocolRules
from tallystick.testing.protocol.protocol_rules import Ground
from tallystick.testing.protocol.rollup_rules import Posted, RollupRules

ROUNDS: Final = 20
"""Calls within which the honest members bring a pool to its sum and make its call, whatever others do."""
MOST_LIES: Final = 4
"""Pools of its own that the attacker fills in a match."""
ROUNDED_WEI: Final = 2
"""What a member may lose in a pool: a part of a wei of the bond, and one of what was not needed."""
NO_SPAN: Final = bytes(32)


class PoolFault(Enum):
    """What must never happen."""

    LOSS = "a member that paid for the truth has lost money"
    MONEY = "the contract does not hold what it owes"
    DUST = "something is left in the contract when everybody has gone"
    STARVED = "members who have the sum do not get their call made"
    HELD = "a member does not get out"
    WASTED = "a bond goes, or is asked for, where it is lost or not needed"


class Broken(Exception):
    """Ends a match: a pool's fault."""

    def __init__(self, fault: PoolFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class PoolChain(Protocol):
    """What pools are played under: the Python rules, or those beside the compiled contract."""

    @property
    def chain(self) -> Chain:
        """The Rollup and its Challenge."""
        ...

    @property
    def rules(self) -> PoolRules:
        """The pools."""
        ...

    def make(self, who: str, name: str, *arguments: Any) -> None:
        """Make a call of the pools'.

        Raises: BadInput when it is refused.
        """
        ...

    def compare(self) -> None:
        """Raises: DataMismatch when a contract owes another sum than the rules say."""
        ...


@dataclass(slots=True, kw_only=True)
class PythonPools:
    """The Python rules alone."""

    chain: Chain
    rules: PoolRules

    def make(self, who: str, name: str, *arguments: Any) -> None:
        """Make a call."""
        self.rules.make(who, name, *arguments)

    def compare(self) -> None:
        """Compare nothing."""


MakePools = Callable[[Ground, bytes, Machine, frozenset[PoolRule]], PoolChain]


def python_pools(ground: Ground, genesis: bytes, _machine: Machine, dropped: frozenset[PoolRule]) -> PoolChain:
    """Return the Python rules alone."""
    protocol = ProtocolRules(ground, genesis)
    return PythonPools(chain=protocol, rules=PoolRules(protocol, dropped))


@dataclass(slots=True, kw_only=True)
class Pooled:
    """A match's protocol, on which pools pay what the honest side would. With `puts_out` the attacker tries to have the
    members leave whenever they gather.
    """

    pools: PoolChain
    machine: Machine
    rng: random.Random
    mind: Mind | None = None
    puts_out: bool = False
    lies: int = 0
    calls: int = 0
    gathered: int = 0
    false_trees: dict[Purpose, Tree] = field(default_factory=dict[Purpose, Tree])
    on_attack: Callable[[], None] = lambda: None
    is_played: Callable[[], bool] = lambda: False
    """Whether the match has ended: then nobody answers a lie any more, and none is told."""

    @property
    def ground(self) -> Ground:
        """Block, batches and terms."""
        return self.pools.chain.ground

    @property
    def rollup(self) -> RollupRules:
        """The assertions."""
        return self.pools.chain.rollup

    @property
    def challenge(self) -> ChallengeRules:
        """The disputes."""
        return self.pools.chain.challenge

    def net(self, who: str) -> int:
        """Return what somebody has gained in all, less what it has paid; the attacker less what members' dust it may have."""
        dust_wei = ROUNDED_WEI * len(MEMBERS) * len(self.pools.rules.pools) if who == ATTACKER else 0
        return self.pools.chain.net(who) + self.pools.rules.gained[who] - dust_wei

    def is_conserved(self) -> bool:
        """Whether all contracts hold what they owe."""
        self.pools.compare()
        return self.pools.chain.is_conserved() and self.pools.rules.is_conserved()

    def make(self, who: str, name: str, *arguments: Any) -> object:
        """Make a call; what the honest side would pay for, pools pay."""
        result: object = None
        if who == HONEST and name == "post" and arguments[2] is None:
            result = self._post(arguments[0], arguments[1])
        elif who == HONEST and name == "open_root":
            self._open(arguments[0], arguments[1], arguments[2])
        else:
            result = self.pools.chain.make(who, name, *arguments)
        if self.rng.random() < 0.3:
            self._leave_some()
        if self.rng.random() < 0.3 and not self.is_played():
            self._meddle(None)
        return result

    def finish(self) -> None:
        """Bring everything home, and have everybody leave.

        Raises: Broken.
        """
        rules = self.pools.rules
        for purpose, pool in list(rules.pools.items()):
            if pool.made and not pool.home:
                self._try("collect", HONEST, purpose)
            members = list(pool.members)
            self.rng.shuffle(members)
            for member in members:
                self._try("collect", ATTACKER, purpose)
                if self.rng.random() < 0.5:
                    self._try("quit", member, purpose)
                else:
                    self._try("pay_out", HONEST, purpose, member)
                self._try("quit", member, purpose)
                left = pool.members[member]
                if left.stake or (pool.home and left.share):
                    raise Broken(PoolFault.HELD)
        if any(rules.gained[member] < -ROUNDED_WEI * len(rules.pools) for member in MEMBERS):
            raise Broken(PoolFault.LOSS)
        if rules.balance or rules.outstanding():
            raise Broken(PoolFault.DUST)

    # The honest members

    def _post(self, parent: Posted, state: bytes) -> Posted:
        if not self.rollup.postable(parent):
            raise BadInput("not postable")
        purpose = _purpose(parent, state)
        for _ in range(ROUNDS):
            posted = self.rollup.posted.get(purpose.assertion)
            if posted is not None:
                return posted
            self._gather(purpose, "make_post", state)
        raise Broken(PoolFault.STARVED)

    def _open(self, one: Posted, span: bytes, siblings: Sequence[bytes]) -> None:
        assert one.parent is not None
        purpose = _purpose(one.parent, one.state, span)
        for _ in range(ROUNDS):
            dispute = self.challenge.disputes.get(one.parent)
            if dispute is not None and any(root.span == span for root in dispute.roots):
                return
            self._gather(purpose, "make_root", siblings)
        raise Broken(PoolFault.STARVED)

    def _gather(self, purpose: Purpose, name: str, proof: Any) -> None:
        """Have a member put in a part of what is missing; make the call when nothing is."""
        rules, rng = self.pools.rules, self.rng
        pool = rules.pools.get(purpose)
        missing = rules.sum_wei(purpose) - (0 if pool is None else pool.stakes)
        member = rng.choice(MEMBERS)
        if missing > 0:
            part = rng.choice([1, missing // 3 + 1, missing // 2 + 1, missing, missing, missing + rng.randint(1, 9)])
            self._pool(member, "join", purpose, part)
            self.gathered += 1
        else:
            if not purpose.root and rng.random() < 0.3:
                self._try("make_post", ATTACKER, purpose, self._false(proof), 0)
            self._pool(member, name, purpose, proof, rng.choice([0, 0, 1]))
        if self.puts_out:
            for each in MEMBERS:
                self._try("pay_out", ATTACKER, purpose, each)
        if rng.random() < 0.3:
            self._meddle(purpose)

    def _leave_some(self) -> None:
        """Collect what can be collected, and leave what needs nobody any more."""
        rules, rng = self.pools.rules, self.rng
        if not rules.pools:
            return
        purpose, pool = rng.choice(list(rules.pools.items()))
        if pool.made and not pool.home:
            self._try("collect", rng.choice([HONEST, ATTACKER]), purpose)
        if pool.made or not rules.possible(purpose):
            self._try("quit", rng.choice(MEMBERS), purpose)

    # The attacker

    def _meddle(self, purpose: Purpose | None) -> None:
        rules, rng = self.pools.rules, self.rng
        known = list(rules.pools)
        if purpose is None:
            if self.lies < MOST_LIES and rng.random() < 0.2:
                self._pay_for_a_lie()
                return
            if not known:
                return
            purpose = rng.choice(known)
        pool = rules.pools.get(purpose)
        missing = max(1, rules.sum_wei(purpose) - (0 if pool is None else pool.stakes))
        state = purpose.state_hash
        match rng.randrange(11):
            case 0:
                self._try("join", ATTACKER, purpose, rng.choice([1, 1, missing]))
            case 1:
                self._try("quit", ATTACKER, purpose)
            case 2:
                self._try("pay_out", ATTACKER, purpose, rng.choice([*MEMBERS, ATTACKER]))
            case 3:
                self._try("make_post", ATTACKER, purpose, self._false(state), rng.choice([0, 1, missing]))
            case 4:
                self._make(purpose)
            case 5 if purpose.root:
                self._try("make_root", ATTACKER, purpose, self._siblings(purpose), rng.choice([0, 1, missing]))
            case 6:
                self._try("collect", ATTACKER, purpose)
            case 7 if not purpose.root:
                # The exact assertion, past the pool.
                parent = self.rollup.posted.get(purpose.parent)
                self._attack("post", parent, state, None) if parent is not None else None
            case 8 if purpose.root:
                one = self.rollup.posted.get(purpose.assertion)
                if one is not None:
                    self._attack("open_root", one, purpose.span, self._siblings(purpose))
                    self._make(purpose)
            case 9:
                self._try("join", ATTACKER, purpose, 1)
                self._try("quit", ATTACKER, purpose)
            case _:
                self._try("quit", ATTACKER, purpose)
                self._try("quit", ATTACKER, purpose)

    def _pay_for_a_lie(self) -> None:
        """Fill a pool for a false child, for the child of a lie, or for a false root."""
        mind, rng = self.mind, self.rng
        assert mind is not None
        self.lies += 1
        parent = rng.choice(mind.line[mind.finished :])
        tree = mind.tree(parent)
        states = list(tree.states)
        at = rng.randrange(1, len(states) - 1) if len(states) > 2 and rng.random() < 0.5 else len(states) - 1
        states[at] = self.machine.name(self.machine.states[states[at]]._replace(salt=1 + rng.randrange(3)))
        false = Tree(states)
        if at < len(states) - 1:
            purpose = _purpose(parent, false.end, false.span)
            self.false_trees[purpose] = false
        else:
            above = rng.choice(parent.children) if parent.children and rng.random() < 0.4 else parent
            purpose = _purpose(above, false.end)
        part = self.pools.rules.sum_wei(purpose) - rng.choice([0, 0, 1])
        self._try("join", ATTACKER, purpose, rng.choice([1, part, part]))
        if rng.random() < 0.5:
            self._make(purpose)

    def _make(self, purpose: Purpose) -> None:
        """Make a call for nothing more than is there."""
        if purpose.root:
            self._try("make_root", ATTACKER, purpose, self._siblings(purpose), 0)
        else:
            self._try("make_post", ATTACKER, purpose, purpose.state_hash, 0)

    def _false(self, state: bytes) -> bytes:
        return self.machine.name(self.machine.states[state]._replace(salt=7))

    def _siblings(self, purpose: Purpose) -> tuple[bytes, ...]:
        known = self.false_trees.get(purpose)
        parent = self.rollup.posted.get(purpose.parent)
        if known is None and parent is not None and self.mind is not None and parent in self.mind.line:
            known = self.mind.tree(parent)
        return known.siblings() if known is not None else ()

    def _attack(self, name: str, *arguments: Any) -> None:
        try:
            self.pools.chain.make(ATTACKER, name, *arguments)
        except BadInput:
            return
        self.on_attack()

    # Calls

    def _try(self, name: str, who: str, purpose: Purpose, *arguments: Any) -> bool:
        try:
            self._pool(who, name, purpose, *arguments)
        except BadInput:
            return False
        if who == ATTACKER:
            self.on_attack()
        return True

    def _pool(self, who: str, name: str, purpose: Purpose, *arguments: Any) -> None:
        self.calls += 1
        rules = self.pools.rules
        asks = name in ("join", "make_post", "make_root")
        wasted = asks and not rules.possible(purpose)
        self.pools.make(who, name, purpose, *arguments)
        if wasted:
            raise Broken(PoolFault.WASTED)
        if not rules.is_conserved():
            raise Broken(PoolFault.MONEY)


@dataclass(slots=True, kw_only=True)
class PoolResult:
    """What came of a match."""

    faults: list[Fault | PoolFault]
    calls: int
    gathered: int


def play(seed: int, *, dropped: frozenset[PoolRule] = frozenset(), make: MakePools = python_pools) -> PoolResult:
    """Play the match of a seed to its end, or to the first fault of a pool."""
    made: list[Pooled] = []

    def make_chain(ground: Ground, genesis: bytes, machine: Machine) -> Chain:
        pools = make(ground, genesis, machine, dropped)
        rng = random.Random(~seed)
        made.append(Pooled(pools=pools, machine=machine, rng=rng, puts_out=rng.random() < 0.5))
        return made[0]

    match = Match(seed, make=make_chain, payers=frozenset({POOLS}))
    pooled = made[0]
    pooled.mind = match.mind

    def attacked() -> None:
        match.attacks += 1

    pooled.on_attack = attacked
    pooled.is_played = lambda: match.is_played
    faults: list[Fault | PoolFault]
    try:
        faults = list(match.play().faults)
        if not faults:
            pooled.finish()
            pooled.is_conserved()
    except Broken as broken:
        faults = [broken.fault]
    return PoolResult(faults=faults, calls=pooled.calls, gathered=pooled.gathered)


def _purpose(parent: Posted, state: bytes, span: bytes = NO_SPAN) -> Purpose:
    return Purpose(parent=parent.id, state_hash=state, limit=parent.next_limit, root=span != NO_SPAN, span=span)
