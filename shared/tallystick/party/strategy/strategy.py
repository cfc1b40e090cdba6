"""The honest strategy: what is due now, as a list of calls, from what is known and from nothing else.

It remembers nothing and asks nobody: a party that is killed goes on as if it had not been, and the verbs for moves by
hand show this very list. The nearest deadline comes first, and of the bonds those against false roots that run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tallystick.l1.sending.fees import Window
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.duties import Duties
from tallystick.party.strategy.closing import confirmed, rejected, settled, taken_home, withdrawn
from tallystick.party.strategy.known import Contest, Due, Generation, Known, own_bonds, time_of, true_chain, window_of
from tallystick.party.strategy.moves import Call, call_for
from tallystick.party.strategy.player import Claim, Player, Prove
from tallystick.rollup.replay import Expectation
from tallystick.rollup.views.assertion_view import Assertion, Status
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import Registers
from tallystick.state.ordinals import BatchNumber, BlockNumber

__all__ = [
    "Due",
    "Identity",
    "Known",
    "asserted",
    "confirmed",
    "duties",
    "moved",
    "own_bonds",
    "played",
    "rejected",
    "settled",
    "taken_home",
    "time_of",
    "true_chain",
    "withdrawn",
]

SPARE_MOVES: Final = 4
"""Beside an opening, a bisection a level by each side, and a proof: a move may take that part of what is left."""
POSTS_AT_ONCE: Final = 8
"""M: assertions of a backlog in one block."""
SPARED_POSTS: Final = 4
"""How many of those are there in the end, whoever posts which of them first: the least M, once somebody has tried."""
POST_GAS: Final = 500_000
"""Of an assertion behind another that has not landed, with room to spare."""


Step = Callable[[Machine], None]
Strategy = Callable[[Known], list[Due]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How a party differs from others. A liar has its own `step` and its own `strategy`.

    Units: `patience_blocks` is how long it leaves to others what contradicts nobody: to assert and to confirm.
    """

    duties: Duties
    patience_blocks: int = 0
    step: Step = engine.step
    strategy: Strategy = field(default_factory=lambda: duties)


def duties(known: Known) -> list[Due]:
    """Return the calls that an honest party makes now, the most urgent first."""
    chain = list(true_chain(known))
    due: list[Due] = []
    contests = sorted(played(known, chain), key=lambda each: (-each.running, -each.fastest))
    due += [move for each in contests if each.running for move in moved(known, each)]
    due += asserted(known, chain)
    due += [move for each in contests if not each.running for move in moved(known, each)]
    if known.identity.duties.settle:
        due += confirmed(known, chain, contests)
        due += rejected(known)
        due += settled(known)
        due += taken_home(known, due)
        due += withdrawn(known)
    return due


# Disputes


def played(known: Known, chain: list[Generation], *, proves: bool = True) -> list[Contest]:
    """Return what is to be done in every dispute of a true assertion, whatever its parent's status, until it is settled.

    A dispute whose trace is still being made has no moves yet, and holds up no other.
    """
    if not known.identity.duties.dispute:
        return []
    rollup, challenge = known.rollup, known.challenge
    sides = {each.mine.id: each.mine for each in chain if each.mine and len(rollup.children[each.parent.id]) > 1}
    for dispute in challenge.disputes.values():
        if not dispute.settled and dispute.winner and known.is_true(dispute.winner):
            sides.setdefault(dispute.winner, rollup.assertions[dispute.winner])
    contests = [_contest(known, mine, proves=proves) for mine in sides.values()]
    return [each for each in contests if each is not None]


def _contest(known: Known, mine: Assertion, *, proves: bool) -> Contest | None:
    trace = known.trace(mine)
    if trace is None:
        return None
    rollup, challenge, head = known.rollup, known.challenge, known.head
    claim = Claim(
        parent=mine.parent,
        assertion=mine.id,
        limit=mine.limit,
        head_start=rollup.unrivalled_blocks(mine, head),
    )
    player = Player(trace, claim, known.terms.challenge_period_blocks, proves=proves)
    own = player.root(challenge)
    running = [
        1 + rollup.unrivalled_blocks(side, head) + challenge.total(root, head)
        for side in (mine, *rollup.rivals(mine))
        for root in challenge.roots.get(side.id, [])
        if own is None or root != own.id
    ]
    return Contest(
        mine=mine,
        moves=player.moves(challenge, head),
        running=max(running, default=0),
        fastest=max((rollup.unrivalled_blocks(rival, head) for rival in rollup.rivals(mine)), default=0),
    )


def moved(known: Known, contest: Contest) -> list[Due]:
    """Return a dispute's moves as calls."""
    mine, terms = contest.mine, known.terms
    window = window_of(known, max(contest.fastest, contest.running), 2 * terms.root_height + 2 + SPARE_MOVES)
    found: list[Due] = []
    for move in contest.moves:
        kind = type(move).__name__.lower()
        facts: dict[str, Any] = {"move": kind, "assertion": mine.id}
        edge = getattr(move, "edge", None)
        if edge is not None:
            facts |= {"height": edge.height, "index": edge.index}
        if isinstance(move, Prove):
            facts |= {
                "step": Phase(move.proof.step.phase).name,
                "outcome": Outcome(move.proof.step.outcome).name,
                "pre": move.proof.step.pre_hash,
                "post": move.proof.step.post_hash,
            }
        found.append(
            Due(
                name="open" if kind == "openroot" else kind,
                event="settled" if kind == "settle" else "moved",
                parents=(mine.parent,),
                contract="Challenge",
                call=call_for(move, terms.challenge_bond_wei),
                facts=facts,
                window=window,
            )
        )
    return [each for each in found if each.name != "settle" or known.identity.duties.settle]


# Assertions


def asserted(known: Known, chain: list[Generation]) -> list[Due]:
    """Return the posting of the truth where it is missing at the end of the chain: because a lie is there, or because
    this party proposes and its patience is over.
    """
    if not chain or chain[-1].mine is not None or chain[-1].expected is None:
        return []
    parent, expected = chain[-1].parent, chain[-1].expected
    children = [known.rollup.assertions[each] for each in known.rollup.children.get(parent.id, [])]
    own = known.identity.duties
    wanted = own.dispute if children else own.propose and _is_overdue(known, expected, parent)
    block = known.head + 1
    is_open = known.rollup.is_open(parent, BlockNumber(block), known.terms.challenge_period_blocks)
    dispute = known.challenge.dispute_below(parent.id)
    # L1 would take another child of a parent whose dispute is decided, but no root of it: its bond would be lost
    is_decided = dispute is not None and bool(dispute.winner)
    if not wanted or not is_open or is_decided or block < _earliest(known, parent):
        return []
    window = window_of(known, max(time_of(known, each) for each in children), 2) if children else None
    source = _movable_bond(known, parent)
    first = _post(known, parent, expected, source, window)
    if children:
        return [first]
    spares = SPARED_POSTS if _is_overtaken(known, chain) else 0
    return [first, *_posted_behind(known, expected, [source] if source else [], spares)]


def _is_overtaken(known: Known, chain: list[Generation]) -> bool:
    """Whether somebody else posted a truth of a backlog that is still pending: it may happen again, on purpose."""
    return any(each.mine and not each.mine.halted and each.mine.proposer != known.me for each in chain)


def _posted_behind(known: Known, expected: Expectation, sources: list[bytes], spares: int) -> Iterator[Due]:
    """Give the assertions of a backlog that may follow one in its very block: what it leaves over waits for nothing, and
    its bond moves on.

    Whoever posts one of them first keeps the bond where it lay before. The first `spares` are given from each of those
    places as well, `sources` before all: one lands, and the others revert.
    """
    for number in range(1, POSTS_AT_ONCE):
        registers = Registers()
        registers.load(expected.registers)
        if registers.phase == Phase.OPEN_BATCH and registers.batch_cursor >= expected.limit:
            return
        parent = Assertion(
            id=expected.id,
            parent=expected.parent,
            state_hash=expected.state_hash,
            state_root=expected.state_root,
            registers=expected.registers,
            limit=expected.limit,
            next_limit=expected.limit,
            proposer=known.me,
            bonded=known.me,
            block=known.head,
            status=Status.PENDING,
        )
        child = known.expected(parent)
        if child is None:
            return
        yield _post(known, parent, child, parent.id, None, POST_GAS)
        if number < spares:
            yield from (_post(known, parent, child, each, None, POST_GAS, spare=True) for each in reversed(sources))
        sources.append(parent.id)
        expected = child


def _post(
    known: Known,
    parent: Assertion,
    expected: Expectation,
    source: bytes,
    window: Window | None,
    gas: int | None = None,
    *,
    spare: bool = False,
) -> Due:
    return Due(
        name="assert",
        event="asserted",
        parents=(parent.id,),
        contract="Rollup",
        call=Call(
            key=f"assert/{expected.id.hex()}" + (f"/{source.hex()}" if spare else ""),
            function="post",
            arguments=(expected.parent, expected.limit, expected.state_root, expected.registers, source or bytes(32)),
            value_wei=0 if source else known.terms.assertion_bond_wei,
            gas=gas,
        ),
        facts={"assertion": expected.id, "limit": expected.limit, "steps": expected.steps},
        window=window,
    )


def _is_overdue(known: Known, expected: Expectation, parent: Assertion) -> bool:
    """Whether the own patience is over: L1 would have taken the assertion for that long."""
    since = max(_earliest(known, parent) - 1, known.posted_block(BatchNumber(expected.limit - 1)))
    return known.head >= since + known.identity.patience_blocks


def _earliest(known: Known, parent: Assertion) -> BlockNumber:
    """Return the first block that takes a child: what left work over waits for nothing."""
    return BlockNumber(parent.block + (known.terms.min_interval_blocks if parent.halted else 0))


def _movable_bond(known: Known, parent: Assertion) -> bytes:
    """Return an assertion from which the own bond may move to a child of the parent, empty when it must be paid."""
    bonds = own_bonds(known)
    if any(each.id == parent.id for each in bonds):
        return parent.id
    return next((each.id for each in bonds if known.rollup.is_movable(each)), b"")
