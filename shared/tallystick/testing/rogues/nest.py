"""An attacker that contests generation after generation of assertions, and watches for its moment behind every move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.dispute.edge_view import Edge
from tallystick.dispute.trace_tree import History
from tallystick.errors import L1Reverted
from tallystick.l1.sending.sender import TxQueue
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.party import Party
from tallystick.party.strategy.moves import Call, call_for
from tallystick.party.strategy.player import Bisect, Decide, OpenRoot, Settle, opening
from tallystick.rollup.views.assertion_view import Assertion, assertion_id
from tallystick.schema.names import Phase
from tallystick.state.cells import set_outbox_amount_units, set_outbox_recipient
from tallystick.state.quantities import Units
from tallystick.state.state import state_hash

Step = Callable[[Machine], None]


def theft(batch: int, thief: bytes, units: int) -> Step:
    """Return a step that pays somebody out of the Vault as a batch is opened, in every replay of it."""

    def step(machine: Machine) -> None:
        registers = machine.state.registers
        lies = registers.phase == Phase.OPEN_BATCH and registers.batch_cursor == batch and not engine.halted(machine)
        engine.step(machine)
        if lies:
            outbox, index = machine.state.outbox, registers.outbox_count
            at = outbox.open(index)
            set_outbox_recipient(outbox.words, at, thief)
            set_outbox_amount_units(outbox.words, at, Units(units))
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

    watch: Party
    queue: TxQueue
    made: int = 0

    def lie_below(self, parent: bytes, step: Step) -> Lie:
        """Post a false child of a true assertion."""
        self.watch.tick()
        replayer = self.watch.replayer
        assert replayer is not None
        origin = self.watch.rollup.assertions[parent]
        replayer.expected(origin)
        start, inputs = replayer.state(parent), self.watch.inbox.limited(origin.next_limit)
        history = History(start, inputs, height=self.watch.deployment.config.root_height, step=step)
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
        bond = self.watch.deployment.config.assertion_bond_wei
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
        self.send("Challenge", call_for(move, self.watch.deployment.config.challenge_bond_wei))
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
        target, data = self._encoded(contract, call)
        try:
            self.watch.client.call(target, data, sender=self.queue.address, value_wei=call.value_wei)
        except L1Reverted:
            return
        self.send(contract, call)

    def send(self, contract: str, call: Call) -> None:
        """Raises: L1Error when a contract refuses it."""
        self.made += 1
        target, data = self._encoded(contract, call)
        self.queue.send(f"nest {self.made} {call.function}", target, data, value_wei=call.value_wei)

    def _encoded(self, contract: str, call: Call) -> tuple[bytes, bytes]:
        target = self.watch.deployment.addresses.all()[contract]
        return target, self.watch.client.contract(contract, target).encode(call.function, *call.arguments)
