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

from tallystick.bench.sybils import Attack, Attacker, Timing, attacks, owner
from tallystick.dispute.history import History, Trace
from tallystick.dispute.party import Identity, Party
from tallystick.dispute.player import repayments
from tallystick.dispute.strategy import own_bonds
from tallystick.l1.abi import contract_abi
from tallystick.l1.client import L1Client
from tallystick.rollup.assertion_view import Assertion, Status, assertion_id
from tallystick.rollup.duties import DUTIES, Mode
from tallystick.testing.stage import PERIOD_BLOCKS, Stage, Told, finished, trade_a_little
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

    Units: `blocks` from the first false assertion to the last payment; `profit_wei` is what the honest party has more
    than before; `liars_time` the most blocks any lie ever had.
    """

    attackers: int
    blocks: int
    decided: int
    moves: int
    gas: int
    bonds_wei: int
    lost_wei: int
    profit_wei: int
    liars_time: int
    censored: int
    seconds: float
    slowest_tick: float
    won: bool
    by_function: dict[str, list[int]]
    """Gas of every transaction of the honest party, by function."""


@dataclass(slots=True, kw_only=True)
class Battle:
    """Plays until every false assertion is rejected and every bond paid out.

    A block holds whatever was sent in time, the attackers' dearer transactions first. In `censored` blocks, chosen by
    the seed, none of the honest party's are let in. `watch` is told each block's number before anybody moves.
    """

    stage: Stage
    true: Trace
    attacks: list[Attack]
    censored: int = 0
    seed: int = 0
    watch: Watch = lambda block: None
    told: Told = field(default_factory=Told)
    honest: Party = field(init=False)
    eyes: Party = field(init=False)
    parent: Assertion = field(init=False)
    attackers: list[Attacker] = field(init=False)
    _liars_time: int = 0
    _slowest: float = 0.0
    _dropped: int = 0

    def __post_init__(self) -> None:
        stage = self.stage
        client = L1Client(stage.server.url)
        self.eyes = Party(client, stage.deployment, Identity(duties=DUTIES[Mode.WATCH]), Told())
        self.honest = stage.party(HONEST, Mode.RESOLVE, self.told)
        self.eyes.read()
        self.parent = self.eyes.rollup.assertions[self.eyes.rollup.latest_confirmed]
        self.attackers = []
        for number, attack in enumerate(self.attacks):
            name = f"sybil {self.seed}/{number}"
            stage.fund(name)
            self.attackers.append(
                Attacker(name=name, attack=attack, stage=stage, eyes=self.eyes, parent=self.parent, honest=self.true)
            )

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
            self.watch(self.eyes.head)
            total = self._honest_total()
            for attacker in self.attackers:
                attacker.act(total)
            at = time.perf_counter()
            self.honest.tick()
            self._slowest = max(self._slowest, time.perf_counter() - at)
            if self._over():
                break
            if self._dropped < self.censored and chance.random() < CENSORSHIP:
                self._censor()
            self._go_on(total)
        else:
            raise AssertionError(f"the battle did not end within {rounds} rounds")
        stage.chain.request("evm_setAutomine", True)
        return self._result(first, before_wei, time.perf_counter() - began)

    def _over(self) -> bool:
        own = bytes.fromhex(owner(HONEST)[2:])
        paid = not any(view.owed.get(own) for view in self.honest.credits.values())
        view = self.honest.challenge
        decided = [each for each in view.disputes.values() if each.winner]
        settled = all(each.settled and not repayments(view, each) for each in decided)
        home = not own_bonds(self.honest.mind)
        return finished(self.honest) and settled and paid and home and not self.honest.busy

    def _honest_total(self) -> int | None:
        """Return the blocks the honest root has, None while it is not open; note what the lies have."""
        view, challenge, found = self.eyes.rollup, self.eyes.challenge, None
        mine = assertion_id(self.parent.id, self.true.last_state)
        span = self.true.span(self.true.height, 0)
        for id_ in view.children.get(self.parent.id, []):
            head_start = view.unrivalled_blocks(view.assertions[id_], self.eyes.head)
            for root in challenge.roots.get(id_, []):
                total = head_start + challenge.total(root, self.eyes.head)
                if id_ == mine and challenge.edges[root].edge.span == span:
                    found = total
                else:
                    self._liars_time = max(self._liars_time, total)
        return found

    def _censor(self) -> None:
        """Keep the honest party's transactions out of the next block."""
        client, mine = self.stage.chain, owner(HONEST)
        dropped = False
        for hash_ in self.stage.pool():
            if client.request("eth_getTransactionByHash", hash_)["from"].lower() == mine:
                client.request("anvil_dropTransaction", hash_)
                dropped = True
        self._dropped += dropped

    def _go_on(self, total: int | None) -> None:
        """Mine a block, or several where nobody has anything to do but wait."""
        waiting = self.stage.pool() or self.honest.busy
        left = IDLE_BLOCKS if total is None else PERIOD_BLOCKS - total - 3
        self.stage.mine(1 if waiting else max(1, min(IDLE_BLOCKS, left)))

    def _result(self, first: int, before_wei: int, seconds: float) -> Result:
        self.eyes.read()
        client, config = self.eyes.client, self.stage.deployment.config
        spent = transactions(self.stage.chain, HONEST, first + 1, self.eyes.head)
        view = self.eyes.rollup
        mine = assertion_id(self.parent.id, self.true.last_state)
        rivals = [view.assertions[id_] for id_ in view.children[self.parent.id] if id_ != mine]
        (dispute,) = [each for each in self.eyes.challenge.disputes.values() if each.parent == self.parent.id]
        roots = sum(len(self.eyes.challenge.roots.get(id_, [])) for id_ in view.children[self.parent.id])
        names = [attacker.name for attacker in self.attackers]
        paid_back = sum(view_.owed.get(address(name), 0) for view_ in self.eyes.credits.values() for name in names)
        bonds = len(rivals) * config.assertion_bond_wei + (roots - 1) * config.challenge_bond_wei
        return Result(
            attackers=len(self.attackers),
            blocks=self.eyes.head - first,
            decided=dispute.decided_block - first,
            moves=sum(len(spent.get(name, [])) for name in ("openRoot", "bisect", "prove", "update", "decide")),
            gas=sum(map(sum, spent.values())),
            bonds_wei=bonds,
            lost_wei=bonds - paid_back,
            profit_wei=client.balance_wei(address(HONEST)) - before_wei,
            liars_time=self._liars_time,
            censored=self._dropped,
            seconds=seconds,
            slowest_tick=self._slowest,
            won=view.latest_confirmed == mine and {each.status for each in rivals} == {Status.REJECTED},
            by_function=spent,
        )


def transactions(client: L1Client, name: str, first: int, last: int) -> dict[str, list[int]]:
    """Return the gas of every transaction of a name between two blocks, by function."""
    known = {
        entry.digest[:4]: entry.name
        for contract in ("Rollup", "Challenge")
        for entry in contract_abi(contract).functions()
    }
    found: dict[str, list[int]] = {}
    mine = owner(name)
    for number in range(first, last + 1):
        block: Any = client.request("eth_getBlockByNumber", hex(number), True)
        for each in block["transactions"]:
            if each["from"].lower() == mine:
                receipt = client.receipt(bytes.fromhex(each["hash"][2:]))
                assert receipt is not None
                function = known[bytes.fromhex(each["input"][2:10])]
                found.setdefault(function, []).append(receipt.gas_used)
    return found


def typical(gas: list[int]) -> int:
    """Return the median of what was measured, 0 for nothing."""
    return int(median(gas)) if gas else 0


def small_battle(count: int, *, censored: int = 0, fronted: bool = False) -> dict[str, Any]:
    """Play a small batch against so many attackers and return what it came to, by name.

    `fronted` has a third of them make the honest side's moves before it does: it then has less to pay, and less to
    be repaid.
    """
    timings = tuple(Timing) if fronted else (Timing.AT_ONCE, Timing.LATE)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        stage = Stage(Path(folder))
        try:
            trade_a_little(stage)
            stage.publish()
            fresh = stage.world.fresh()
            true = History(fresh.state, fresh.inputs, height=stage.deployment.config.root_height)
            chosen = attacks(true, count, timings=timings)
            return asdict(Battle(stage=stage, true=true, attacks=chosen, censored=censored).play())
        finally:
            stage.close()
