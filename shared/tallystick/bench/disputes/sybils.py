"""Attackers on a real L1: each asserts a history of its own and defends it as far as false hashes go."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from tallystick.dispute.trace_tree import Trace, leaf, node
from tallystick.party.party import Party
from tallystick.party.strategy.moves import Call, call_for
from tallystick.party.strategy.player import Bisect, Claim, Move, OpenRoot, Player, Prove
from tallystick.rollup.views.assertion_view import Assertion, assertion_id
from tallystick.state.hashing import keccak
from tallystick.state.layout import REGISTERS_BYTES
from tallystick.state.state import state_hash
from tallystick.testing.l1_stage import Stage, account
from tallystick.testing.world import address

GWEI: Final = 10**9
GAS_LIMIT: Final = 500_000
"""Of every move of an attacker but a proof, with room to spare."""
PROOF_GAS_LIMIT: Final = 5_000_000
LATE_BLOCKS: Final = 2
"""A late attacker moves when the honest side lacks so many blocks: what it sends then lands in the last one."""
REGISTERS: Final = bytes([1]) * REGISTERS_BYTES
"""Registers of no true state."""


class Timing(Enum):
    """When an attacker moves."""

    AT_ONCE = "at once"
    LATE = "at the last block"
    FIRST = "before us"
    """With dearer transactions: its own moves, and the honest side's as well, land before ours in the same block."""
    IDLE = "never"
    """It opens its root and leaves it alone."""


class Fork(Trace):
    """A trace that follows a true one and then stands still in made-up states.

    Shape: `runs` are (first leaf, state), ascending; `holes` are nodes that are no hash of anything, by height and
    index: nobody can open them.
    """

    def __init__(
        self, true: Trace, runs: tuple[tuple[int, bytes], ...], holes: dict[tuple[int, int], bytes] | None = None
    ) -> None:
        self.states = [true.states[0]]
        self.height = true.height
        self.runs = runs
        self._true = true
        self._holes = tuple(holes or {})
        self._spans = dict(holes or {})
        self._still = [_padding(state, true.height) for _, state in runs]

    @property
    def last_state(self) -> bytes:
        """The state hash after 2^height steps."""
        return self.runs[-1][1]

    def span(self, height: int, index: int) -> bytes:
        """Return the node at a height and index."""
        if (height, index) in self._spans:
            return self._spans[height, index]
        first, end = index << height, (index + 1) << height
        if not any(h < height and i >> (height - h) == index for h, i in self._holes):
            if end <= self.runs[0][0]:
                return self._true.span(height, index)
            if not any(first < begin < end for begin, _ in self.runs):
                return self._still[sum(begin <= first for begin, _ in self.runs) - 1][height]
        found = node(self.span(height - 1, 2 * index), self.span(height - 1, 2 * index + 1))
        self._spans[height, index] = found
        return found

    def opens(self, move: Bisect) -> bool:
        """Whether an edge is what its halves hash to: a hole is not."""
        return node(move.left, move.right) == move.edge.span


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What an attacker asserts and when it moves. `own` is false where it only opens a false trace to the truth."""

    place: str
    trace: Fork
    timing: Timing
    root: bytes
    own: bool = True


def lie_at(true: Trace, index: int, name: str, timing: Timing = Timing.AT_ONCE) -> Attack:
    """Return a lie whose first false leaf is that of an index."""
    root = keccak(name.encode())
    trace = Fork(true, ((index, state_hash(root, REGISTERS)),))
    return Attack(place=name, trace=trace, timing=timing, root=root)


def attacks(
    true: Trace,
    count: int,
    seed: int = 0,
    timings: tuple[Timing, ...] = (Timing.AT_ONCE, Timing.LATE, Timing.FIRST),
    *,
    first: int = 0,
) -> list[Attack]:
    """Return so many attacks, of every kind as far as they go, then lies at random places; no two are alike.

    `first` are those that stand in other generations already: the kinds go on, and come again, from there.
    """
    steps, last = len(true.states) - 1, (1 << true.height) - 1
    chance = random.Random(seed)
    roots = [keccak(b"sybil %d/%d" % (seed, first + i)) for i in range(count)]
    ends = [state_hash(root, REGISTERS) for root in roots]
    common, half = keccak(b"a common lie"), steps // 2
    made: list[tuple[str, tuple[tuple[int, bytes], ...], dict[tuple[int, int], bytes], bool]] = []
    for end in ends:
        kinds = [
            ("middle", ((half, end),), {}, True),
            ("first step", ((0, end),), {}, True),
            ("last step", ((steps - 1, end),), {}, True),
            ("padding", ((steps, end),), {}, True),
            ("last leaf", ((last, end),), {}, True),
            ("equal prefix", ((half + 1, common), (last, end)), {}, True),
            ("equal prefix again", ((half + 1, common), (last, end)), {}, True),
            ("garbage half", ((last, end),), {(true.height - 1, 0): keccak(b"garbage" + end)}, True),
            ("garbage leaf", ((last, end),), {(0, half): keccak(b"garbage" + end)}, True),
            ("false trace to the truth", ((half, common), (half + 1, true.last_state)), {}, False),
            ("deep padding", ((chance.randrange(steps, last), end),), {}, True),
        ]
        at = len(made)
        anywhere = chance.randrange(steps) if at % 2 else chance.randrange(steps, last)
        kind = (first + at) % len(kinds) if first else at
        made.append(kinds[kind] if kind < len(kinds) else ("anywhere", ((anywhere, end),), {}, True))
    return [
        Attack(
            place=place,
            trace=Fork(true, runs, holes),
            timing=timings[(first + at) % len(timings)],
            root=roots[at],
            own=own,
        )
        for at, (place, runs, holes, own) in enumerate(made)
    ]


@dataclass(slots=True, kw_only=True)
class Attacker:
    """Makes the moves of an attack. What it knows of L1 it takes from `eyes`.

    `honest` is the true trace, for the moves it makes in the honest side's place; `sent` counts its transactions.
    """

    name: str
    attack: Attack
    stage: Stage
    eyes: Party
    parent: Assertion
    honest: Trace
    sent: int = 0
    _made: set[str] = field(default_factory=set[str])

    @property
    def id(self) -> bytes:
        """The assertion it defends."""
        end = self.attack.trace.last_state
        return assertion_id(self.parent.id, end)

    def act(self, honest_total: int | None) -> None:
        """Send every move that is due now. `honest_total` is that of the honest root, None while there is none."""
        view = self.eyes.rollup
        children = view.children.get(self.parent.id, [])
        period = self.stage.deployment.config.challenge_period_blocks
        if self.attack.own and self.id not in children:
            self._post()
            return
        if len(children) < 2 or self.id not in children:
            return
        if self.attack.timing is Timing.LATE and (honest_total is None or honest_total < period - LATE_BLOCKS):
            return
        for move in self._moves(self.attack.trace, self.id):
            idle = self.attack.timing is Timing.IDLE and not isinstance(move, OpenRoot)
            if not idle and (not isinstance(move, Bisect) or self.attack.trace.opens(move)):
                self._make(move)
        if self.attack.timing is Timing.FIRST:
            for move in self._moves(self.honest, assertion_id(self.parent.id, self.honest.last_state), proves=True):
                if isinstance(move, Bisect | Prove):
                    self._make(move)

    def _moves(self, trace: Trace, assertion: bytes, *, proves: bool = False) -> list[Move]:
        known = self.eyes.rollup.assertions.get(assertion)
        if known is None:
            return []
        claim = Claim(
            parent=self.parent.id,
            assertion=assertion,
            limit=self.parent.next_limit,
            head_start=self.eyes.rollup.unrivalled_blocks(known, self.eyes.head),
        )
        period = self.stage.deployment.config.challenge_period_blocks
        player = Player(trace, claim, period, proves=proves)
        return player.moves(self.eyes.challenge, self.eyes.head)

    def _post(self) -> None:
        arguments = (self.parent.id, self.parent.next_limit, self.attack.root, REGISTERS, bytes(32))
        bond = self.stage.deployment.config.assertion_bond_wei
        self._send("Rollup", Call(key="post", function="post", arguments=arguments, value_wei=bond))

    def _make(self, move: Move) -> None:
        self._send("Challenge", call_for(move, self.stage.deployment.config.challenge_bond_wei))

    def _send(self, contract: str, call: Call) -> None:
        if call.key in self._made:
            return
        self._made.add(call.key)
        tip = {Timing.AT_ONCE: 1, Timing.LATE: 3, Timing.FIRST: 50, Timing.IDLE: 1}[self.attack.timing]
        send(self.stage, self.eyes, self.name, contract, call, nonce=self.sent, tip_wei=tip * GWEI)
        self.sent += 1


def send(stage: Stage, eyes: Party, name: str, contract: str, call: Call, *, nonce: int, tip_wei: int = GWEI) -> bytes:
    """Sign a call with a name's key, hand it to L1 and return its hash."""
    target = stage.place(contract)
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": stage.deployment.chain_id,
        "nonce": nonce,
        "to": target,
        "value": call.value_wei,
        "gas": PROOF_GAS_LIMIT if call.function in ("prove", "update", "decide") else GAS_LIMIT,
        "data": eyes.client.contract(contract, target).encode(call.function, *call.arguments),
        "maxFeePerGas": 1_000 * GWEI,
        "maxPriorityFeePerGas": tip_wei,
    }
    return eyes.client.send_raw(bytes(account(name).sign_transaction(fields).raw_transaction))


def owner(name: str) -> str:
    """Return a name's address as contracts take it."""
    return "0x" + address(name).hex()


def _padding(state: bytes, height: int) -> list[bytes]:
    found = [leaf(state)]
    for _ in range(height):
        found.append(node(found[-1], found[-1]))
    return found
