"""An attacker that contests generation after generation of assertions, and watches for its moment behind every move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tallystick.dispute.history import History
from tallystick.dispute.moves import Call, call_for
from tallystick.dispute.party import Party
from tallystick.dispute.player import Bisect, Decide, OpenRoot, Settle, opening
from tallystick.dispute.view import Edge
from tallystick.machine import engine
from tallystick.machine.arith import write_address
from tallystick.machine.machine import Machine
from tallystick.rollup.assertion_view import Assertion, Status, assertion_id
from tallystick.rollup.duties import Mode
from tallystick.schema.names import Phase
from tallystick.state.layout import OUTBOX_AMOUNT_UNITS, OUTBOX_RECIPIENT
from tallystick.state.state import state_hash
from tallystick.testing.stage import Stage, Told
from tallystick.testing.world import address
from tests.adversaries.rules import refusal

Step = Callable[[Machine], None]
BLOCKS_OF_A_TICK = 8
"""An honest party may land as many transactions in a row before the attacker gives up waiting behind each."""


def theft(batch: int, thief: bytes, units: int) -> Step:
    """Return a step that pays somebody out of the Vault as a batch is opened, in every replay of it."""

    def step(machine: Machine) -> None:
        registers = machine.state.registers
        lies = registers.phase == Phase.OPEN_BATCH and registers.batch_cursor == batch and not engine.halted(machine)
        engine.step(machine)
        if lies:
            outbox, index = machine.state.outbox, registers.outbox_count
            at = outbox.open(index)
            write_address(outbox.words, at + OUTBOX_RECIPIENT, thief)
            outbox.words[at + OUTBOX_AMOUNT_UNITS] = units
            outbox.mark(index)
            registers.outbox_count = index + 1

    return step


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """A false child of a true assertion, with the trace that leads to it."""

    parent: Assertion
    id: bytes
    state_root: bytes
    registers: bytes
    history: History


@dataclass(slots=True, kw_only=True)
class Nest:
    """One attacker with as much money as it likes. `watch` are its eyes; what reverts costs it nothing here."""

    stage: Stage
    name: str = "eve"
    watch: Party = field(init=False)
    made: int = 0

    def __post_init__(self) -> None:
        self.stage.fund(self.name)
        self.watch = self.stage.party("watch", Mode.WATCH, Told())

    def lie_below(self, parent: bytes, step: Step) -> Lie:
        """Post a false child of a true assertion."""
        self.watch.tick()
        replayer = self.watch.replayer
        assert replayer is not None
        origin = self.watch.rollup.assertions[parent]
        replayer.expected(origin)
        start, inputs = replayer.state(parent), self.watch.inbox.limited(origin.next_limit)
        history = History(start, inputs, height=self.stage.deployment.config.root_height, step=step)
        machine = Machine(start.copy(), inputs)
        while not engine.halted(machine):
            step(machine)
        root, registers = machine.state.commit(), machine.state.registers.pack()
        hashed = state_hash(root, registers)
        lie = Lie(
            parent=origin,
            id=assertion_id(parent, hashed),
            state_root=root,
            registers=registers,
            history=history,
        )
        arguments = (parent, origin.next_limit, root, registers, bytes(32))
        bond = self.stage.deployment.config.assertion_bond_wei
        self.send("Rollup", Call(key="post", function="post", arguments=arguments, value_wei=bond))
        return lie

    def open_root(self, lie: Lie) -> Edge:
        """Commit a lie to its trace."""
        history = lie.history
        move = OpenRoot(
            parent=lie.parent.id,
            assertion=lie.id,
            limit=lie.parent.next_limit,
            span=history.span(history.height, 0),
            siblings=history.last_leaf_siblings(),
        )
        self.send("Challenge", call_for(move, self.stage.deployment.config.challenge_bond_wei))
        self.watch.tick()
        return next(self.watch.challenge.edges[id_].edge for id_ in self.watch.challenge.roots[lie.id])

    def halve(self, lie: Lie, root: Edge) -> None:
        """Bisect a root and no more: its halves are idle, and run until somebody moves against them."""
        top = root.height - 1
        move = Bisect(edge=root, left=lie.history.span(top, 0), right=lie.history.span(top, 1))
        self.send("Challenge", call_for(move, 0))

    def blocks_of(self, assertion: bytes) -> int:
        """Return the blocks that count for an assertion in the newest block."""
        self.watch.tick()
        return self.watch.time_of(self.watch.rollup.assertions[assertion])

    def grab(self, lies: list[Lie]) -> None:
        """Try to decide, confirm and be paid for every lie, whatever the contracts say."""
        self.watch.tick()
        for lie in lies:
            for id_ in self.watch.challenge.roots.get(lie.id, []):
                root = self.watch.challenge.edges[id_].edge
                openings = (opening(self.watch.challenge, root),)
                for move in (
                    Decide(root=root, openings=openings),
                    Settle(root=root, openings=openings, payments=openings),
                ):
                    self.try_("Challenge", call_for(move, 0))
            self.try_("Rollup", Call(key="confirm", function="confirm", arguments=([lie.id],)))

    def try_(self, contract: str, call: Call) -> None:
        """Send what a contract would take."""
        if not refusal(self.stage, self.name, contract, call.function, *call.arguments, value_wei=call.value_wei):
            self.send(contract, call)

    def send(self, contract: str, call: Call) -> None:
        """Raises: L1Error when a contract refuses it."""
        self.made += 1
        what = f"{self.made} {call.function}"
        self.stage.transact(self.name, what, contract, call.function, *call.arguments, value_wei=call.value_wei)


@dataclass(slots=True, kw_only=True)
class Watched:
    """A party that acts in every block, and when each true assertion was posted and confirmed."""

    stage: Stage
    party: Party
    posted: dict[bytes, int] = field(default_factory=dict[bytes, int])
    confirmed: dict[bytes, int] = field(default_factory=dict[bytes, int])

    def act(self, behind: Callable[[], None] = lambda: None) -> bool:
        """Let the party do everything that it can do now; the attacker acts behind each of its transactions.

        Returns whether it did anything.
        """
        for done in range(BLOCKS_OF_A_TICK):
            before = self.stage.client.head().number
            self.party.tick()
            self._note()
            if self.stage.client.head().number == before:
                return done > 0
            behind()
        return True

    def settle_down(self) -> None:
        """Let the party go on until it has nothing to do but wait."""
        for _ in range(200):
            before = self.stage.client.head().number
            self.act()
            if self.stage.client.head().number == before and not self.party.busy:
                return

    def true_tip(self) -> bytes:
        """Return the newest true assertion."""
        mind = self.party.mind
        return [each for each in mind.rollup.assertions if mind.is_true(each)][-1]

    def slowest(self) -> int:
        """Return the most blocks from a true assertion's posting to its confirmation."""
        return max(self.confirmed[each] - block for each, block in self.posted.items())

    def _note(self) -> None:
        mind = self.party.mind
        for each in mind.rollup.assertions.values():
            if not each.parent or not mind.is_true(each.id):
                continue
            self.posted.setdefault(each.id, each.block)
            if each.status is Status.CONFIRMED:
                self.confirmed.setdefault(each.id, mind.head)


def owed(stage: Stage, name: str) -> int:
    """Return the credit that a name has with both contracts."""
    who = "0x" + address(name).hex()
    return sum(int(stage.call(contract, "credit", who)) for contract in ("Rollup", "Challenge"))
