"""The honest strategy: what is due now, as a list of calls, from what is known and from nothing else.

It remembers nothing and asks nobody: a party that is killed goes on as if it had not been, and the verbs for moves by
hand show this very list. The nearest deadline comes first, and of the bonds those against false roots that run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tallystick.dispute.history import Trace
from tallystick.dispute.moves import Call, call_for
from tallystick.dispute.player import Claim, Decide, Move, Player, Prove, repayments
from tallystick.dispute.view import ChallengeView
from tallystick.l1.deployment import DeployConfig
from tallystick.l1.fees import Window
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.rollup.assertion_view import Assertion, RollupView, Status
from tallystick.rollup.credit_view import CreditView
from tallystick.rollup.duties import Duties
from tallystick.rollup.replay import Expectation
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import Registers

SPARE_MOVES: Final = 4
"""Beside an opening, a bisection a level by each side, and a proof: a move may take that part of what is left."""
MAX_CONFIRMED: Final = 64
"""Assertions that one transaction confirms."""
POSTS_AT_ONCE: Final = 8
"""M: assertions of a backlog in one block."""
POST_GAS: Final = 500_000
"""Of an assertion behind another that has not landed, with room to spare."""
CONFIRM_GAS: Final = 100_000
"""Of a confirmation, and of each assertion in it: it is sent behind a decision that has not landed yet, and cannot be
estimated."""


class Known(Protocol):
    """What the strategy looks at: what L1 shows, and what the own replay says of it."""

    @property
    def me(self) -> bytes:
        """The own address; empty when nothing can be sent."""
        ...

    @property
    def identity(self) -> Identity:
        """What this party does."""
        ...

    @property
    def terms(self) -> DeployConfig:
        """What the contracts fix."""
        ...

    @property
    def head(self) -> int:
        """The block up to which L1 is read."""
        ...

    @property
    def rollup(self) -> RollupView:
        """All assertions, but those that stand on a known lie."""
        ...

    @property
    def challenge(self) -> ChallengeView:
        """All disputes, but those below a known lie."""
        ...

    @property
    def credits(self) -> Mapping[str, CreditView]:
        """What each contract owes."""
        ...

    @property
    def lies(self) -> Iterable[bytes]:
        """The assertions below true ones that the own replay refutes."""
        ...

    def is_true(self, assertion: bytes) -> bool:
        """Whether the own replay bears an assertion out."""
        ...

    def expected(self, parent: Assertion) -> Expectation | None:
        """Return the true child of a true assertion, None while its inputs are not on L1."""
        ...

    def trace(self, mine: Assertion) -> Trace | None:
        """Return the trace of a true assertion, None while it is being made."""
        ...

    def posted_block(self, batch: int) -> int:
        """Return the block a batch was posted in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A call that is due.

    `name` is what people call it, `event` what the log says once it has landed; `parents` are those whose children it is
    about. Without a window it may take its time.
    """

    name: str
    event: str
    parents: tuple[bytes, ...]
    contract: str
    call: Call
    facts: dict[str, Any]
    window: Window | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How a party differs from others. A liar has its own `step` and its own `strategy`.

    Units: `patience_blocks` is how long it leaves to others what contradicts nobody: to assert and to confirm.
    """

    duties: Duties
    patience_blocks: int = 0
    step: Callable[[Machine], None] = engine.step
    strategy: Callable[[Known], list[Due]] = field(default_factory=lambda: duties)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A true assertion and its true child: `expected` is None while its inputs are missing, `mine` while it is."""

    parent: Assertion
    expected: Expectation | None
    mine: Assertion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The moves due in the dispute among the children of one assertion.

    Units: `running` is one more than the blocks of the best other root, 0 while there is none; `fastest` are the blocks
    that a rival has without one.
    """

    mine: Assertion
    moves: list[Move]
    running: int
    fastest: int


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


def true_chain(known: Known) -> Iterator[Generation]:
    """Give every generation from the latest confirmed assertion on, as far as all of it is true."""
    rollup = known.rollup
    parent: Assertion | None = rollup.assertions[rollup.latest_confirmed]
    while parent is not None and known.is_true(parent.id):
        expected = known.expected(parent)
        mine = rollup.assertions.get(expected.id) if expected is not None else None
        yield Generation(parent=parent, expected=expected, mine=mine)
        parent = mine


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


def time_of(known: Known, assertion: Assertion) -> int:
    """Return the blocks that count for an assertion already."""
    roots = [known.challenge.total(root, known.head) for root in known.challenge.roots.get(assertion.id, [])]
    return known.rollup.unrivalled_blocks(assertion, known.head) + max(roots, default=0)


def window_of(known: Known, fastest: int, moves_left: int) -> Window:
    """Return the time a transaction has when so many more must land before a rival has the whole period."""
    left = max(0, known.terms.challenge_period_blocks - fastest)
    return Window(first_block=known.head, deadline_block=known.head + max(1, left // moves_left))


# Assertions


def asserted(known: Known, chain: list[Generation]) -> list[Due]:
    """Return the posting of the truth where it is missing at the end of the chain: because a lie is there, or because
    this party proposes and its patience is over."""
    if not chain or chain[-1].mine is not None or chain[-1].expected is None:
        return []
    parent, expected = chain[-1].parent, chain[-1].expected
    children = [known.rollup.assertions[each] for each in known.rollup.children.get(parent.id, [])]
    own = known.identity.duties
    wanted = own.dispute if children else own.propose and _is_overdue(known, expected, parent)
    block = known.head + 1
    is_open = known.rollup.is_open(parent, block, known.terms.challenge_period_blocks)
    if not wanted or not is_open or block < _earliest(known, parent):
        return []
    window = window_of(known, max(time_of(known, each) for each in children), 2) if children else None
    first = _post(known, parent, expected, _movable_bond(known, parent), window)
    return [first] if children else [first, *_posted_behind(known, expected)]


def _posted_behind(known: Known, expected: Expectation) -> Iterator[Due]:
    """Give the assertions of a backlog that may follow one in its very block: what it leaves over waits for nothing, and
    its bond moves on."""
    for _ in range(POSTS_AT_ONCE - 1):
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
        expected = child


def _post(
    known: Known,
    parent: Assertion,
    expected: Expectation,
    source: bytes,
    window: Window | None,
    gas: int | None = None,
) -> Due:
    return Due(
        name="assert",
        event="asserted",
        parents=(parent.id,),
        contract="Rollup",
        call=Call(
            key=f"assert/{expected.id.hex()}",
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
    since = max(_earliest(known, parent) - 1, known.posted_block(expected.limit - 1))
    return known.head >= since + known.identity.patience_blocks


def _earliest(known: Known, parent: Assertion) -> int:
    """Return the first block that takes a child: what left work over waits for nothing."""
    return parent.block + (known.terms.min_interval_blocks if parent.halted else 0)


def _movable_bond(known: Known, parent: Assertion) -> bytes:
    """Return an assertion from which the own bond may move to a child of the parent, empty when it must be paid."""
    bonds = own_bonds(known)
    if any(each.id == parent.id for each in bonds):
        return parent.id
    return next((each.id for each in bonds if known.rollup.is_movable(each)), b"")


def own_bonds(known: Known) -> list[Assertion]:
    """Return the assertions on which a bond of this party lies, oldest first."""
    return [each for each in known.rollup.assertions.values() if known.me and each.bonded == known.me]


# Decided things


def confirmed(known: Known, chain: list[Generation], contests: list[Contest]) -> list[Due]:
    """Return the confirmation of every won assertion whose ancestors are won, decisions that are sent now included.

    Patience counts where nobody contradicts: the first proposer confirms then, and nobody pays for the same twice.
    """
    ripe = {each.mine.id for each in contests if any(isinstance(move, Decide) for move in each.moves)}
    ids: list[bytes] = []
    needed = behind = False
    for each in chain[:MAX_CONFIRMED]:
        if each.mine is None or not (each.mine.id in ripe or is_won(known, each.mine)):
            break
        ids.append(each.mine.id)
        behind = behind or each.mine.id in ripe
        needed = needed or len(known.rollup.children[each.parent.id]) > 1
    if not ids:
        return []
    first = known.rollup.assertions[ids[0]]
    since = first.block + known.terms.challenge_period_blocks
    if not needed and known.head < since + known.identity.patience_blocks:
        return []
    call = Call(
        key=f"confirm/{ids[-1].hex()}",
        function="confirm",
        arguments=(ids,),
        gas=CONFIRM_GAS * (1 + len(ids)) if behind else None,
    )
    return [
        Due(
            name="confirm",
            event="confirmed",
            parents=tuple(known.rollup.assertions[each].parent for each in ids),
            contract="Rollup",
            call=call,
            facts={"assertion": ids[-1], "assertions": len(ids)},
        )
    ]


def is_won(known: Known, mine: Assertion) -> bool:
    """Whether L1 would confirm an assertion once its parent is: it was decided for it, or it was alone for the period."""
    dispute = known.challenge.dispute_below(mine.parent)
    if dispute is not None and dispute.winner:
        return dispute.winner == mine.id
    return known.rollup.unrivalled_blocks(mine, known.head) >= known.terms.challenge_period_blocks


def rejected(known: Known) -> list[Due]:
    """Return the rejection of every lie beside a confirmed assertion; nothing that stands on it can ever be confirmed."""
    rollup = known.rollup
    fallen = [
        each
        for each in map(rollup.assertions.__getitem__, known.lies)
        if each.status is Status.PENDING and any(rival.status is Status.CONFIRMED for rival in rollup.rivals(each))
    ]
    return [
        Due(
            name="reject",
            event="rejected",
            parents=(each.parent,),
            contract="Rollup",
            call=Call(key=f"reject/{each.id.hex()}", function="reject", arguments=(each.id,)),
            facts={"assertion": each.id},
        )
        for each in fallen
    ]


def settled(known: Known) -> list[Due]:
    """Return the next repayment of the movers of every dispute that was settled for the truth."""
    terms, challenge = known.terms, known.challenge
    if min(terms.bisect_reward_wei, terms.prove_reward_wei) == 0:
        return []
    return [
        Due(
            name="settle",
            event="settled",
            parents=(dispute.parent,),
            contract="Challenge",
            call=call_for(move, 0),
            facts={"assertion": dispute.winner},
        )
        for dispute in challenge.disputes.values()
        if known.is_true(dispute.winner)
        for move in repayments(challenge, dispute)[:1]
    ]


def taken_home(known: Known, due: list[Due]) -> list[Due]:
    """Return the taking back of own bonds that may move: all of them, or all but one of a party that proposes."""
    posting = any(each.name == "assert" for each in due)
    free = [each for each in own_bonds(known) if known.rollup.is_movable(each)]
    if posting:
        return []
    if known.identity.duties.propose and len(free) == len(own_bonds(known)):
        free = free[:-1]
    return [
        Due(
            name="take",
            event="bond_taken",
            parents=(each.parent,),
            contract="Rollup",
            call=Call(key=f"take/{each.id.hex()}", function="takeBond", arguments=(each.id,)),
            facts={"assertion": each.id},
        )
        for each in free
    ]


def withdrawn(known: Known) -> list[Due]:
    """Return the withdrawal of everything that the contracts owe this party."""
    found: list[Due] = []
    for contract, view in known.credits.items():
        owed = view.owed.get(known.me, 0)
        if owed:
            call = Call(key=f"credit/{contract}/{view.newest[known.me]}", function="withdrawCredit", arguments=())
            facts = {"contract": contract, "amount_wei": owed}
            found.append(
                Due(name="withdraw", event="credit_withdrawn", parents=(), contract=contract, call=call, facts=facts)
            )
    return found
