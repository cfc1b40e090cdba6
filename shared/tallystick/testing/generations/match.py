"""One match: blocks, an honest side whose transactions land late and in order, an attacker, and what must never happen."""

from __future__ import annotations

import gc
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from tallystick.errors import BadInput
from tallystick.testing.generations.attacker import ATTACKER, STYLES, Attacker
from tallystick.testing.generations.chain import Chain
from tallystick.testing.generations.counting import Machine
from tallystick.testing.generations.honest import HONEST, Habit, Mind, Move, Unposted, duties
from tallystick.testing.generations.setup import RICH, Setup, random_setup
from tallystick.testing.protocol.protocol import ProtocolRules
from tallystick.testing.protocol.protocol_rules import Ground, Rule
from tallystick.testing.protocol.rollup_rules import Posted

OVERTAKES_ITSELF: Final = ("bisect", "prove", "post", "take")
"""An honest move may come behind the own settlement, an assertion behind the way home of the bond it would have moved."""


class Fault(Enum):
    """What must never happen."""

    SAFETY = "a false assertion is confirmed"
    LATE = "a true assertion is confirmed later than the bound"
    SLOW = "an honest root's bond does not come home within the bound"
    WORK = "there is work, nothing forbids to assert it, and it is not asserted"
    WOKEN = "a root is needed for what was alone for the period"
    STUCK = "the match does not end"
    LOSS = "the honest side has lost money"
    CAPITAL = "the honest side has more than one assertion's bond in use"
    CHEAP = "a lie has cost less than an assertion's bond"
    MONEY = "a contract does not hold what it owes"
    REFUSED = "an honest decision, confirmation, settlement or root is refused that nobody has overtaken"


@dataclass(slots=True, kw_only=True)
class Figures:
    """What a match has seen. Units: blocks for `slowest` and `beyond` (the bound), wei for `loss`, the attacker's."""

    lies: int = 0
    generations: int = 0
    bonds: int = 0
    roots: int = 0
    slowest: int = 0
    beyond: int = -RICH
    loss: int = 0
    blocks: int = 0
    calls: int = 0
    refused: int = 0


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of a match."""

    faults: list[Fault]
    figures: Figures


class _Sent(NamedTuple):
    """Lands in a block; `attacks` is how many calls of the attacker had been taken when it was sent."""

    block: int
    move: Move
    attacks: int


Strategy = Callable[[Mind], Sequence[Move]]
"""What the honest side does: `duties`, or another pure function of the same kind."""
Make = Callable[[Ground, bytes, Machine], Chain]
"""Makes the protocol of a match: the Python rules, or those beside the compiled contracts."""


def python_rules(ground: Ground, genesis_state: bytes, _machine: Machine) -> ProtocolRules:
    """Return the Python rules alone."""
    return ProtocolRules(ground, genesis_state)


@dataclass(slots=True, kw_only=True)
class Dropped:
    """The rules and habits a match does without."""

    rules: frozenset[Rule] = field(default_factory=frozenset[Rule])
    habits: frozenset[Habit] = field(default_factory=frozenset[Habit])


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile: a match makes little, and looking for it takes a seventh of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Match:
    """A match, played by `play`. `payers` pay for the honest side's bonds."""

    def __init__(
        self,
        seed: int,
        setup: Setup | None = None,
        *,
        dropped: Dropped | None = None,
        make: Make = python_rules,
        strategy: Callable[[Mind, Setup], Strategy] = lambda _mind, _setup: duties,
        payers: frozenset[str] = frozenset({HONEST}),
    ) -> None:
        self.rng = random.Random(seed)
        self.setup = setup or random_setup(self.rng, STYLES[seed % len(STYLES)])
        dropped = dropped or Dropped()
        self.terms = self.setup.terms
        self.bound = self.terms.bound
        self.machine = Machine([each.steps for each in self.setup.batches])
        self.ground = Ground(
            terms=self.terms.rules(),
            step=self.machine.step,
            halted=self.machine.halted,
            dropped=dropped.rules,
        )
        self.chain = make(self.ground, self.machine.genesis, self.machine)
        self.mind = Mind(
            chain=self.chain,
            machine=self.machine,
            patience=self.setup.patience,
            proposes=self.setup.proposes,
            bundles=self.setup.bundles,
            payments=self.setup.payments,
            dropped=dropped.habits,
        )
        self.payers = payers
        self.strategy = strategy(self.mind, self.setup)
        self.attacker = Attacker(self._attack, self.mind, self.rng, self.setup.style, self.setup.generations)
        self.sent: deque[_Sent] = deque()
        self.censored = self.terms.censored
        self.faults: list[Fault] = []
        self.figures = Figures()
        self.idle = 0
        self.attacks = 0
        self.is_played = False
        self.confirmed = self.chain.rollup.genesis

    def play(self) -> Result:
        """Play to the end, or to the first theft."""
        with _uncollected():
            self._play()
            self.is_played = True
            self._count()
        return Result(faults=self.faults, figures=self.figures)

    def _play(self) -> None:
        most = self.setup.batches[-1].block + 2 * self.bound
        most += self.setup.generations * (4 + self.terms.interval) * 2
        while Fault.SAFETY not in self.faults and not self._is_over():
            if self.ground.block > most:
                self._fault(Fault.STUCK)
                break
            self._next_block()
            self.attacker.act()
            if self._land():
                self.attacker.act()
            self._send()
            self._watch_work()
            self._watch_confirmations()

    def _next_block(self) -> None:
        self.ground.block += 1
        block, batches = self.ground.block, self.setup.batches
        while self.ground.batch_count < len(batches) and batches[self.ground.batch_count].block <= block:
            self.ground.batch_count += 1

    def _is_over(self) -> bool:
        """Whether all work is asserted and confirmed, and everything honest has come home."""
        if self.sent or self.ground.batch_count < len(self.setup.batches):
            return False
        mind = self.mind
        tip = mind.line[-1]
        if self.chain.rollup.latest is not tip or (mind.is_proposing() and self.machine.left(tip.state, -1)):
            return False
        return not any(one.bonded == HONEST for one in mind.line) and not self._own_roots()

    def _own_roots(self) -> int:
        disputes = self.chain.challenge.disputes
        found = (disputes.get(parent) for parent in self.mind.line[self.mind.finished :])
        roots = (each.roots.values() for each in found if each is not None and each.settled is None)
        return sum(any(root.opener in self.payers for root in each) for each in roots)

    # The honest side

    def _send(self) -> None:
        """Send what is due and is not under way: it lands behind all that was sent before."""
        under_way = {each.move.key for each in self.sent}
        block = self.sent[-1].block if self.sent else 0
        for move in self.strategy(self.mind):
            if move.key not in under_way:
                block = max(block, self.ground.block + 1 + self.rng.randint(0, self.terms.delay))
                self.sent.append(_Sent(block, move, self.attacks))

    def _land(self) -> bool:
        """Let land what is due; return whether anything has."""
        if not self.sent or self.sent[0].block > self.ground.block:
            return False
        if self.censored > 0 and self.attacker.wants_censored(self.sent[0].move):
            self.censored -= 1
            return False
        while self.sent and self.sent[0].block <= self.ground.block:
            _, sent, attacks = self.sent.popleft()
            move = self._landing(sent)
            if move is None:
                self.figures.refused += 1
                continue
            self.attacker.overtake(move)
            self._make(move, attacks)
            if move.name in ("post", "open_root"):
                self._watch_capital()
            if self.rng.random() < 0.2:
                self.attacker.act()
            elif move.name in ("decide", "resolve", "settle", "confirm"):
                self.attacker.grab()
        return True

    def _make(self, move: Move, attacks: int) -> None:
        if not self._can_pay(HONEST, move.name, move.arguments):
            return
        if move.name == "open_root" and self.chain.rollup.unrivalled(move.arguments[0]) >= self.terms.period:
            self._fault(Fault.WOKEN)
        try:
            self.chain.make(HONEST, move.name, *move.arguments)
        except BadInput:
            self.figures.refused += 1
            if attacks == self.attacks and move.name not in OVERTAKES_ITSELF:
                self._fault(Fault.REFUSED)

    def _landing(self, move: Move) -> Move | None:
        """Return a move as it lands; None when an assertion it counts on never came to be."""
        if not any(isinstance(each, Unposted) for each in move.arguments):
            return move
        posted = self.chain.rollup.posted
        arguments = tuple(posted.get(each.id) if isinstance(each, Unposted) else each for each in move.arguments)
        return None if arguments[0] is None else move._replace(arguments=arguments)

    # The attacker

    def _attack(self, name: str, *arguments: object) -> bool:
        self.figures.calls += 1
        if not self._can_pay(ATTACKER, name, arguments):
            return False
        try:
            self.chain.make(ATTACKER, name, *arguments)
        except BadInput:
            return False
        self.attacks += 1
        return True

    def _can_pay(self, who: str, name: str, arguments: Sequence[object]) -> bool:
        wallet = self.setup.wallets[who == ATTACKER]
        if wallet == RICH:
            return True
        terms = self.ground.terms
        price = terms.root_bond if name == "open_root" else 0
        if name == "post" and arguments[-1] is None:
            price = terms.assertion_bond
        return wallet + self.chain.net(who) >= price

    # What must never happen

    def _fault(self, fault: Fault) -> None:
        if fault not in self.faults:
            self.faults.append(fault)

    def _watch_work(self) -> None:
        tip = self.mind.line[-1]
        free = self.ground.block > tip.created + (self.terms.interval if tip.halted else 0)
        waits = free and self.mind.is_proposing() and self.machine.left(tip.state, self.ground.batch_count) > 0
        self.idle = self.idle + 1 if waits else 0
        if self.idle > self.setup.patience + self.terms.delay + self.terms.censored + 2:
            self._fault(Fault.WORK)

    def _watch_confirmations(self) -> None:
        self.mind.look()
        latest = self.chain.rollup.latest
        while self.confirmed is not latest:
            one = self.confirmed.confirmed_child
            assert one is not None
            self.confirmed = one
            took = self.ground.block - one.created
            self.figures.slowest = max(self.figures.slowest, took)
            self.figures.beyond = max(self.figures.beyond, took - self.bound)
            if one not in self.mind.line:
                self._fault(Fault.SAFETY)
                return
            if took > self.bound:
                self._fault(Fault.LATE)

    def _watch_capital(self) -> None:
        bonds = sum(one.bonded == HONEST for one in self.mind.line)
        bonds += self.mind.line[-1].children != [] and self._is_tip_honest()
        self.figures.bonds = max(self.figures.bonds, bonds)
        self.figures.roots = max(self.figures.roots, self._own_roots())
        if bonds > 1:
            self._fault(Fault.CAPITAL)

    def _is_tip_honest(self) -> bool:
        child = self.mind.true_child(self.mind.line[-1])
        return child is not None and child.bonded == HONEST

    def _watch_roots(self) -> None:
        """The bond of every honest root is home within the bound of its opening."""
        for dispute in self.chain.challenge.disputes.values():
            root = None if dispute.settled is None else dispute.roots[dispute.settled]
            if root is not None and root.opener in self.payers and dispute.settled_block - root.block > self.bound:
                self._fault(Fault.SLOW)

    def _count(self) -> None:
        figures, lies = self.figures, self._lies()
        figures.blocks, figures.generations, figures.lies = self.ground.block, len(self.mind.line) - 1, len(lies)
        self._watch_roots()
        if not self.chain.is_conserved():
            self._fault(Fault.MONEY)
        if self.faults:
            return
        for _ in range(4):
            self.ground.block += self.terms.period + 1
            self.attacker.clean_up()
        disputes = self.chain.challenge.disputes.values()
        burnt = sum(each.burnt + each.pot for each in disputes if each.settled is not None)
        figures.loss = -self.chain.net(ATTACKER)
        if self.chain.net(HONEST) < 0:
            self._fault(Fault.LOSS)
        if figures.loss < len(self._lies()) * self.ground.terms.assertion_bond + burnt:
            self._fault(Fault.CHEAP)
        if not self.chain.is_conserved():
            self._fault(Fault.MONEY)

    def _lies(self) -> list[Posted]:
        """Return the false children of true assertions."""
        line = set(self.mind.line)
        return [child for parent in self.mind.line for child in parent.children if child not in line]
