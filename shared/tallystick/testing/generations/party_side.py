"""The honest side played by the party's own strategy, `tallystick.party.strategy.strategy.duties`, on what the events show.

A `Match` takes `PartySide` for its strategy: it is told every event in the contracts' words, folds them as a party does,
and hands back the calls that are due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.dispute.edge_view import ChallengeView
from tallystick.dispute.trace_tree import LeafProof, Prefix, Trace
from tallystick.l1.deployment import DeployConfig
from tallystick.party.duties import Duties
from tallystick.party.strategy.strategy import Due, Identity, duties
from tallystick.proof.tracer import StepProof
from tallystick.rollup.replay import Expectation
from tallystick.rollup.views.assertion_view import Assertion, RollupView, assertion_id
from tallystick.rollup.views.credit_view import CreditView
from tallystick.schema.names import Outcome
from tallystick.state.ordinals import BlockNumber
from tallystick.state.state import state_hash
from tallystick.testing.generations.counting import Machine
from tallystick.testing.generations.honest import HONEST, Mind, Move, Unposted
from tallystick.testing.generations.setup import Setup
from tallystick.testing.generations.words import ADDRESSES, Words, own_edge
from tallystick.testing.protocol.challenge_rules import Edge, Opening
from tallystick.testing.protocol.rollup_rules import Posted


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event as a view takes it."""

    contract: str
    name: str
    args: dict[str, Any]
    block: BlockNumber


class PartySide:
    """What a party knows in a match, and what it does about it."""

    def __init__(self, mind: Mind, setup: Setup) -> None:
        self.mind = mind
        self.batches = setup.batches
        self.rollup = RollupView()
        self.challenge = ChallengeView()
        self.credits: Mapping[str, CreditView] = {}
        self.me = ADDRESSES[HONEST]
        ground, genesis = mind.chain.ground, mind.chain.rollup.genesis
        terms = ground.terms
        self.terms = DeployConfig(
            sequencer=bytes(20),
            root_height=terms.height,
            challenge_period_blocks=terms.period,
            min_interval_blocks=terms.interval,
            assertion_bond_wei=terms.assertion_bond,
            challenge_bond_wei=terms.root_bond,
            open_reward_wei=terms.open_reward,
            bisect_reward_wei=terms.bisect_reward,
            prove_reward_wei=terms.prove_reward,
        )
        self._words = Words(mind.chain.rollup, mind.machine)
        self._traces: dict[bytes, Trace] = {}
        self._also = ground.tell
        facts = {"id": genesis.id, "stateHash": genesis.state, "nextLimit": genesis.next_limit, "data": b""}
        self.rollup.apply(Told(contract="Rollup", name="Genesis", args=facts, block=BlockNumber(0)))
        ground.tell = self._hear

    def __call__(self, _mind: Mind) -> list[Move]:
        """Return the calls that are due."""
        self.mind.look()
        return [self._move(due) for due in duties(self)]

    @property
    def head(self) -> BlockNumber:
        """The newest block."""
        return BlockNumber(self.mind.chain.ground.block)

    @property
    def identity(self) -> Identity:
        """It proposes until the last batch is asserted, and does everything else."""
        own = Duties(dispute=True, settle=True, propose=self.mind.is_proposing())
        return Identity(duties=own, patience_blocks=self.mind.patience)

    @property
    def lies(self) -> list[bytes]:
        """The false children of true assertions."""
        line = set(self.mind.line)
        return [child.id for parent in self.mind.line for child in parent.children if child not in line]

    def is_true(self, assertion: bytes) -> bool:
        """Whether an assertion is true."""
        return any(one.id == assertion for one in self.mind.line)

    def expected(self, parent: Assertion) -> Expectation | None:
        """Return the true child of a true assertion, None while its inputs are missing."""
        if self.mind.chain.ground.batch_count < parent.next_limit:
            return None
        machine = self.mind.machine
        end = machine.trace(parent.state_hash, parent.next_limit, 1 << self.terms.root_height)[-1]
        known = machine.states[end]
        return Expectation(
            id=assertion_id(parent.id, end),
            parent=parent.id,
            limit=parent.next_limit,
            state_root=known.root,
            registers=known.registers,
            state_hash=end,
            steps=known.steps,
        )

    def trace(self, mine: Assertion) -> Trace | None:
        """Return the trace of a true assertion."""
        if mine.id not in self._traces:
            tree = self.mind.tree(self._words.posted(mine.parent))
            self._traces[mine.id] = _CountedTrace(list(tree.states), tree.height, self.mind.machine)
        return self._traces[mine.id]

    def posted_block(self, batch: int) -> BlockNumber:
        """Return the block a batch was posted in."""
        return BlockNumber(self.batches[batch].block)

    def _posted_or_not(self, id_: bytes) -> Posted | Unposted:
        """Return an assertion, or what stands for it while those of one backlog are under way together."""
        return self._words.posted(id_) if id_ in self.rollup.assertions else Unposted(id_)

    def _hear(self, contract: str, name: str, args: dict[str, Any]) -> None:
        event = Told(contract=contract, name=name, args=self._words.event(contract, name, args), block=self.head)
        for view in (self.rollup, self.challenge):
            view.apply(event)
        if self._also is not None:
            self._also(contract, name, args)

    def _move(self, due: Due) -> Move:
        """Return a call of the contracts as one of the rules."""
        posted, arguments = self._words.posted, due.call.arguments
        made: tuple[Any, ...]
        match due.call.function:
            case "post":
                parent, _, root, registers, source = arguments
                from_ = None if source == bytes(32) else self._posted_or_not(source)
                made = "post", self._posted_or_not(parent), state_hash(root, registers), from_
            case "takeBond":
                made = "take", posted(arguments[0])
            case "confirm":
                made = "confirm", tuple(map(posted, arguments[0]))
            case "reject":
                made = "reject", posted(arguments[0])
            case "openRoot":
                _, one, _, span, siblings = arguments
                made = "open_root", posted(one), span, tuple(siblings)
            case "bisect":
                edge, left, right = arguments
                made = "bisect", posted(due.parents[0]), own_edge(edge), left, right
            case "prove":
                edge, pre, base_prev, siblings, _ = arguments
                prefix = Prefix(pre=pre, base_prev=base_prev, siblings=tuple(siblings))
                made = "prove", posted(due.parents[0]), own_edge(edge), prefix
            case "update":
                made = "update", posted(due.parents[0]), _openings(arguments[0])
            case "decide":
                root, openings = arguments
                made = "decide", posted(due.parents[0]), own_edge(root), _openings(openings)
            case _:
                root, openings, payments = arguments
                made = "settle", posted(due.parents[0]), own_edge(root), _openings(openings), _edges(payments)
        return Move((due.call.key,), made[0], made[1:])


class _CountedTrace(Trace):
    """A trace of the counting machine."""

    def __init__(self, states: list[bytes], height: int, machine: Machine) -> None:
        super().__init__(states, height)
        self._machine = machine

    def prove(self, index: int) -> LeafProof:
        """Return a leaf's proof, with a state's preimage for its witness."""
        prefix = self.prefix(index)
        known = self._machine.states[prefix.pre]
        step = StepProof(
            phase=known.phase,
            pre_hash=prefix.pre,
            post_hash=self.states[index + 1],
            outcome=Outcome.ACCEPTED,
            accesses=(),
            witness=known.root + known.registers,
        )
        return LeafProof(pre=prefix.pre, base_prev=prefix.base_prev, siblings=prefix.siblings, step=step)


def _openings(openings: Sequence[Any]) -> tuple[Opening, ...]:
    return tuple(Opening(own_edge(each["edge"]), each["left"], each["right"]) for each in openings)


def _edges(openings: Sequence[Any]) -> tuple[Edge, ...]:
    return tuple(own_edge(each["edge"]) for each in openings)
