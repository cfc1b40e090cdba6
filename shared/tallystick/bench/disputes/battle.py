"""One honest party against attackers, block by block on a real L1, and what it cost everybody."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from tallystick.bench.disputes.defence_gas import most_gas, repaid, spent
from tallystick.bench.disputes.sybils import Attack, Attacker, Timing, attacks, owner, send
from tallystick.dispute.trace_tree import History, Trace
from tallystick.l1.client.http_client import L1Client
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.party.strategy.moves import Call
from tallystick.party.strategy.player import repayments
from tallystick.party.strategy.strategy import own_bonds
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import Assertion, Status, assertion_id
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, finished, trade_a_little
from tallystick.testing.world import address

HONEST: Final = "challenger"
MOVES: Final = 22
"""An opening, 20 bisections and a proof: what a path needs at most."""
DELAY_BLOCKS: Final = 1
"""Blocks a transaction takes here: it is in the next one."""
INCLUSION_BLOCKS: Final = (DELAY_BLOCKS + 1) * MOVES
"""D of the specification."""
MOST_CENSORED: Final = PERIOD_BLOCKS - INCLUSION_BLOCKS - DELAY_BLOCKS - 2
"""C: what the period of a stage leaves for censorship."""
IDLE_BLOCKS: Final = 10
CENSORSHIP: Final = 0.9
"""How often a block is censored while there is a budget left for it."""
Watch = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a battle came to.

    Units: `attackers` of each generation; `blocks` from the first false assertion to the last payment; `decided` are the
    most from a generation's beginning to its decision, `confirmed` the most from a true assertion's posting to its
    confirmation; `profit_wei` is what the honest party has more than before, to the wei `repaid_wei` less `fees_wei`;
    `most_gas` is what its `gas` may be by docs/dispute.md; `liars_time` the most blocks any lie ever
    had; `bonds_in_use` the most assertion bonds that the honest party had on L1 at once, `contested` the most
    generations that were undecided.
    """

    attackers: int
    generations: int
    contested: int
    blocks: int
    decided: int
    confirmed: int
    bonds_in_use: int
    moves: int
    gas: int
    bonds_wei: int
    lost_wei: int
    profit_wei: int
    repaid_wei: int
    fees_wei: int
    most_gas: int
    liars_time: int
    censored: int
    seconds: float
    slowest_tick: float
    won: bool
    by_function: dict[str, list[int]]
    """Gas of every transaction of the honest party, by function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A generation that is fought over since a block. `mine` is the true child of its parent."""

    parent: Assertion
    true: Trace
    mine: bytes
    attackers: list[Attacker]
    began: int


def tick(party: Party) -> Party:
    """Let a party act and go on."""
    party.tick()
    return party


@dataclass(slots=True, kw_only=True)
class Battle:
    """Plays until every false assertion is rejected and every bond paid out.

    A block holds whatever was sent in time, the attackers' dearer transactions first. In `censored` blocks, chosen by
    the seed, none of the honest party's are let in. `watch` is told each block's number before anybody moves. `drive` lets
    the honest party act, and may put another in its place. As soon as the truth is asserted the next of `generations`
    begins, with as many attackers, who come at `timings` in turn; those before it are far from being decided.
    """

    stage: Stage
    true: Trace
    attacks: list[Attack]
    generations: int = 1
    timings: tuple[Timing, ...] = (Timing.AT_ONCE, Timing.LATE)
    mode: Mode = Mode.RESOLVE
    censored: int = 0
    censorship: float = CENSORSHIP
    seed: int = 0
    watch: Watch = lambda block: None
    drive: Callable[[Party], Party] = tick
    told: Told = field(default_factory=Told)
    honest: Party = field(init=False)
    eyes: Party = field(init=False)
    parent: Assertion = field(init=False)
    fronts: list[Front] = field(init=False)
    _confirmed: dict[bytes, int] = field(default_factory=dict[bytes, int])
    _contested: int = 0
    _bonds: int = 0
    _liars_time: int = 0
    _slowest: float = 0.0
    _dropped: int = 0

    def __post_init__(self) -> None:
        stage = self.stage
        client = L1Client(stage.server.url, clock=SystemClock())
        self.eyes = Party(client, stage.deployment, Identity(duties=DUTIES[Mode.WATCH]), Told())
        self.honest = stage.party(HONEST, self.mode, self.told)
        self.eyes.read()
        self.parent = self.eyes.rollup.assertions[self.eyes.rollup.latest_confirmed]
        for front in range(self.generations):
            for number in range(len(self.attacks)):
                stage.fund(self._name(front, number))
        self.eyes.read()
        self.fronts = [self._front(self.parent, self.true, self.attacks)]

    def play(self, rounds: int = 2_000) -> Result:
        """Play to the end.

        Raises: AssertionError when it does not end.
        """
        stage, chance = self.stage, random.Random(self.seed)
        began, first = time.perf_counter(), self.eyes.client.head().number
        before_wei = self.eyes.client.balance_wei(address(HONEST))
        stage.chain.request("evm_setAutomine", False)
        for _ in range(rounds):
            self.eyes.read()
            self._note()
            self.watch(self.eyes.head)
            self._widen()
            left = [IDLE_BLOCKS, *filter(None, map(self._attack, self.fronts))]
            at = time.perf_counter()
            self.honest = self.drive(self.honest)
            self._slowest = max(self._slowest, time.perf_counter() - at)
            if self._over():
                break
            if self._dropped < self.censored and chance.random() < self.censorship:
                self._censor()
            stage.mine(1 if stage.pool() or self.honest.busy else min(left))
        else:
            raise AssertionError(f"the battle did not end within {rounds} rounds")
        stage.chain.request("evm_setAutomine", True)
        return self._result(first, before_wei, time.perf_counter() - began)

    def _name(self, front: int, number: int) -> str:
        return f"sybil {self.seed}/{number}" + (f" of {front}" if front else "")

    def _front(self, parent: Assertion, true: Trace, chosen: list[Attack]) -> Front:
        at = len(self.fronts) if parent is not self.parent else 0
        attackers = [
            Attacker(
                name=self._name(at, number), attack=attack, stage=self.stage, eyes=self.eyes, parent=parent, honest=true
            )
            for number, attack in enumerate(chosen)
        ]
        mine = assertion_id(parent.id, true.last_state)
        return Front(parent=parent, true=true, mine=mine, attackers=attackers, began=self.eyes.head)

    def _widen(self) -> None:
        """Begin the next generation, once the one before it is asserted and there is something to go on with."""
        if len(self.fronts) == self.generations:
            return
        last, mind = self.fronts[-1], self.eyes.mind
        parent = mind.rollup.assertions.get(last.mine)
        if parent is None:
            return
        if mind.inbox.batch_count < parent.next_limit:
            if self.stage.posted == mind.inbox.batch_count:
                self._publish()
            return
        assert mind.replayer is not None
        mind.expected(last.parent)
        start, inputs = mind.replayer.state(parent.id), mind.inbox.limited(parent.next_limit)
        true = History(start, inputs, height=last.true.height)
        count = len(self.attacks)
        chosen = attacks(true, count, self.seed, self.timings, first=len(self.fronts) * count)
        self.fronts.append(self._front(parent, true, chosen))

    def _publish(self) -> None:
        """Send the next batch: it will be in the next block, with all that others have sent."""
        stage = self.stage
        stage.begin()
        stage.world.seal()
        nonce = self.eyes.client.nonce(address("operator"))
        call = Call(key="batch", function="postBatch", arguments=stage.next_batch(), value_wei=0)
        send(stage, self.eyes, "operator", "Inbox", call, nonce=nonce)

    def _over(self) -> bool:
        own = bytes.fromhex(owner(HONEST)[2:])
        paid = not any(view.owed.get(own) for view in self.honest.credits.values())
        view = self.honest.challenge
        decided = [each for each in view.disputes.values() if each.winner]
        settled = all(each.settled and not repayments(view, each) for each in decided)
        home = len(own_bonds(self.honest.mind)) <= (self.mode is Mode.PROPOSE)
        begun = len(self.fronts) == self.generations
        return begun and finished(self.honest) and settled and paid and home and not self.honest.busy

    def _attack(self, front: Front) -> int | None:
        """Let the attackers of a generation move; return the blocks in which nobody there has anything to do but wait,
        None once it is decided.
        """
        total = self._honest_total(front)
        for attacker in front.attackers:
            attacker.act(total)
        if self._is_decided(front):
            return None
        return IDLE_BLOCKS if total is None else max(1, PERIOD_BLOCKS - total - 3)

    def _is_decided(self, front: Front) -> bool:
        dispute = self.eyes.challenge.dispute_below(front.parent.id)
        return dispute is not None and bool(dispute.winner)

    def _honest_total(self, front: Front) -> int | None:
        """Return the blocks the honest root has, None while it is not open; note what the lies have."""
        view, challenge, found = self.eyes.rollup, self.eyes.challenge, None
        span = front.true.span(front.true.height, 0)
        for id_ in view.children.get(front.parent.id, []):
            head_start = view.unrivalled_blocks(view.assertions[id_], self.eyes.head)
            for root in challenge.roots.get(id_, []):
                total = head_start + challenge.total(root, self.eyes.head)
                if id_ == front.mine and challenge.edges[root].edge.span == span:
                    found = total
                else:
                    self._liars_time = max(self._liars_time, total)
        return found

    def _note(self) -> None:
        """Look at what is confirmed, at what is contested, and at the bonds that the honest party has on L1."""
        view = self.eyes.rollup
        for front in self.fronts:
            mine = view.assertions.get(front.mine)
            if mine is not None and mine.status is Status.CONFIRMED:
                self._confirmed.setdefault(front.mine, self.eyes.head - mine.block)
        self._contested = max(self._contested, sum(not self._is_decided(each) for each in self.fronts))
        bonds = sum(each.bonded == address(HONEST) for each in view.assertions.values())
        self._bonds = max(self._bonds, bonds)

    def _censor(self) -> None:
        """Keep the honest party's transactions out of the next block."""
        client, mine = self.stage.chain, owner(HONEST)
        dropped = False
        for hash_ in self.stage.pool():
            waiting = client.request("eth_getTransactionByHash", hash_)
            if waiting is not None and waiting["from"].lower() == mine:
                client.request("anvil_dropTransaction", hash_)
                dropped = True
        self._dropped += dropped

    def _result(self, first: int, before_wei: int, seconds: float) -> Result:
        self.eyes.read()
        client, config = self.eyes.client, self.stage.deployment.config
        paid = spent(self.stage.chain, HONEST, first + 1, self.eyes.head)
        tree = repaid(client, self.stage.deployment, HONEST)
        self._note()
        view, challenge = self.eyes.rollup, self.eyes.challenge
        children = [id_ for front in self.fronts for id_ in view.children[front.parent.id]]
        true = {front.mine for front in self.fronts}
        rivals = [view.assertions[id_] for id_ in children if id_ not in true]
        began = {front.parent.id: front.began for front in self.fronts}
        decided = [each.decided_block - began[each.parent] for each in challenge.disputes.values()]
        roots = sum(len(challenge.roots.get(id_, [])) for id_ in children)
        names = [attacker.name for front in self.fronts for attacker in front.attackers]
        paid_back = sum(view_.owed.get(address(name), 0) for view_ in self.eyes.credits.values() for name in names)
        bonds = len(rivals) * config.assertion_bond_wei + (roots - len(decided)) * config.challenge_bond_wei
        return Result(
            attackers=len(self.attacks),
            generations=len(self.fronts),
            contested=self._contested,
            blocks=self.eyes.head - first,
            decided=max(decided),
            confirmed=max(self._confirmed.values()),
            bonds_in_use=self._bonds,
            moves=sum(len(paid.gas.get(name, [])) for name in ("openRoot", "bisect", "prove", "update", "decide")),
            gas=sum(map(sum, paid.gas.values())),
            bonds_wei=bonds,
            lost_wei=bonds - paid_back,
            profit_wei=client.balance_wei(address(HONEST)) - before_wei,
            repaid_wei=tree.wei,
            fees_wei=paid.fees_wei,
            most_gas=most_gas(len(self.fronts), len(names), tree),
            liars_time=self._liars_time,
            censored=self._dropped,
            seconds=seconds,
            slowest_tick=self._slowest,
            won=view.latest_confirmed == self.fronts[-1].mine and {each.status for each in rivals} == {Status.REJECTED},
            by_function=paid.gas,
        )


def typical(gas: list[int]) -> int:
    """Return the median of what was measured, 0 for nothing."""
    return int(median(gas)) if gas else 0


def small_battle(count: int, *, generations: int = 1, censored: int = 0, fronted: bool = False) -> dict[str, Any]:
    """Play small batches against so many attackers of each and return what it came to, by name.

    `fronted` has a third of them make the honest side's moves before it does: it then has less to pay, and less to
    be repaid.
    """
    timings = (Timing.AT_ONCE, Timing.LATE, Timing.FIRST) if fronted else (Timing.AT_ONCE, Timing.LATE)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        stage = Stage(Path(folder))
        try:
            trade_a_little(stage)
            stage.publish()
            fresh = stage.world.fresh()
            true = History(fresh.state, fresh.inputs, height=stage.deployment.config.root_height)
            chosen = attacks(true, count, timings=timings)
            battle = Battle(
                stage=stage, true=true, attacks=chosen, generations=generations, timings=timings, censored=censored
            )
            return asdict(battle.play())
        finally:
            stage.close()
