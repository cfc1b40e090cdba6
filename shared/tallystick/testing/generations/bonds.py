"""Every order of posts, bonds taken home, confirmations and rejections, over all trees of so many assertions.

The honest side asserts the truth only, moves its bond when it has one, and takes it home when it likes. The attacker
asserts anything anywhere, the truth before others too, with money or with any bond of its own that may leave. True
assertions are confirmed in any order that the Rollup takes: that disputes are right is what `match` shows. Time plays no
part.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tallystick.errors import BadInput
from tallystick.rollup.views.assertion_view import Status
from tallystick.state.ordinals import BatchNumber
from tallystick.testing.generations.attacker import ATTACKER
from tallystick.testing.generations.honest import HONEST
from tallystick.testing.protocol.protocol_rules import SINK, Ground, Rule, RulesTerms
from tallystick.testing.protocol.rollup_rules import Decision, Posted, RollupRules

BOND: Final = 2
"""Half of it is the smallest sum that moves."""
NEVER: Final = 1 << 40
TRUE: Final = b"true"
SECOND_BOND: Final = "the honest side needs a second bond"
BARE_TIP: Final = "a pending assertion without a child holds no bond"
CHEAP_BRANCH: Final = "a false branch holds less than a bond"
CHEAP_ATTACK: Final = "the attacker has paid less than a bond for each false branch"
MONEY: Final = "money appeared"
HONEST_LOSS: Final = "the honest side has lost money"
HONEST_LIE: Final = "an honest bond lies where it falls"


class Node(NamedTuple):
    """One assertion: its parent's place, whose bond lies here, who posted it, and what its poster lost here."""

    parent: int
    state: bytes
    bonded: str
    poster: str
    status: Status
    lost: int

    @property
    def true(self) -> bool:
        """Whether it is true where its parent is."""
        return self.state == TRUE


class Position(NamedTuple):
    """A tree of assertions, and what each side has paid in less what it is owed."""

    nodes: tuple[Node, ...]
    honest: int
    attacker: int
    sink: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What a search has found. Shape: `faults` by what is wrong, in how many positions."""

    positions: int
    moves: int
    faults: Counter[str]


START: Final = Position((Node(-1, TRUE, "", "", Status.CONFIRMED, 0),), 0, 0, 0)


def explore(size: int, dropped: frozenset[Rule] = frozenset()) -> Explored:
    """Visit every position of trees of up to `size` assertions beside the genesis."""
    seen, waiting = {START}, deque([START])
    faults: Counter[str] = Counter()
    moves = 0
    while waiting:
        before = waiting.popleft()
        for after in _after(before, size, dropped):
            moves += 1
            if after is None:
                faults[SECOND_BOND] += 1
            elif after not in seen:
                seen.add(after)
                faults.update(faults_of(after))
                waiting.append(after)
    return Explored(positions=len(seen), moves=moves, faults=faults)


def faults_of(position: Position) -> Iterator[str]:
    """Give what is wrong with a position."""
    nodes, honest, attacker, sink = position
    parents = {node.parent for node in nodes}
    held = BOND * sum(bool(node.bonded) for node in nodes)
    in_branch = [BOND * bool(node.bonded) + node.lost for node in nodes]
    lies = 0
    for place in range(len(nodes) - 1, 0, -1):
        node = nodes[place]
        in_branch[node.parent] += in_branch[place]
        if node.status is Status.PENDING and not node.bonded and place not in parents:
            yield BARE_TIP
        if not node.true and _is_true(nodes, node.parent):
            lies += 1
            if in_branch[place] < BOND:
                yield CHEAP_BRANCH
        if node.bonded == HONEST and (node.status is Status.REJECTED or not _is_true(nodes, place)):
            yield HONEST_LIE
    if attacker < BOND * lies:
        yield CHEAP_ATTACK
    if honest + attacker != held + sink:
        yield MONEY
    if honest > BOND * sum(node.bonded == HONEST for node in nodes):
        yield HONEST_LOSS


def _is_true(nodes: tuple[Node, ...], place: int) -> bool:
    while place > 0 and nodes[place].true:
        place = nodes[place].parent
    return place == 0


def _after(position: Position, size: int, dropped: frozenset[Rule]) -> Iterator[Position | None]:
    """Give every position that one call leads to; None where the honest side would have to pay a second bond."""
    rollup, posted = _set_up(position, dropped)
    calls: list[tuple[Any, ...]] = []
    for place, one in enumerate(posted):
        if len(posted) <= size and rollup.postable(one):
            if one.child(TRUE) is None:
                calls += [("post", who, place, TRUE, source) for who, source in _funded(rollup, posted, one)]
                if _is_stuck(rollup, posted, one) and _is_true(position.nodes, place):
                    yield None
            lie = b"lie %d" % len(posted)
            calls += [("post", who, place, lie, at) for who, at in _funded(rollup, posted, one) if who == ATTACKER]
        if one.bonded and rollup.movable(one):
            calls.append(("take", one.bonded, place))
        calls += [("confirm", "", place)] * (one.status is Status.PENDING and one.state == TRUE)
        calls += [("reject", "", place)] * (one.status is Status.PENDING)
    for call in calls:
        if call[0] == "post" and call[1] == HONEST and not _is_true(position.nodes, call[2]):
            continue
        after = _make(position, dropped, call)
        if after is not None:
            yield after


def _funded(rollup: RollupRules, posted: list[Posted], parent: Posted) -> Iterator[tuple[str, int | None]]:
    """Give who may pay for a child, and from where: the honest side with money only when it has no bond anywhere."""
    for place, one in enumerate(posted):
        if one.bonded and rollup.movable(one, parent):
            yield one.bonded, place
    yield ATTACKER, None
    if not any(one.bonded == HONEST for one in posted):
        yield HONEST, None


def _is_stuck(rollup: RollupRules, posted: list[Posted], parent: Posted) -> bool:
    own = [one for one in posted if one.bonded == HONEST]
    return bool(own) and not any(rollup.movable(one, parent) for one in own)


def _make(position: Position, dropped: frozenset[Rule], call: tuple[Any, ...]) -> Position | None:
    """Make one call; None when it is refused."""
    rollup, posted = _set_up(position, dropped)
    name, who, place, *more = call
    one = posted[place]
    lost = [node.lost for node in position.nodes]
    bonded, had = bool(one.bonded), rollup.till.credit[ATTACKER]
    try:
        match name:
            case "post":
                state, source = more
                posted.append(rollup.post(who, one, state, None if source is None else posted[source]))
                lost.append(0)
            case "take":
                rollup.take(who, one)
            case "confirm":
                rollup.confirm((one,))
            case _:
                rollup.reject(one)
                lost[place] = BOND * bonded - (rollup.till.credit[ATTACKER] - had)
    except BadInput:
        return None
    places = {one.id: at for at, one in enumerate(posted)}
    nodes = tuple(
        Node(
            -1 if each.parent is None else places[each.parent.id],
            each.state,
            each.bonded,
            each.poster,
            each.status,
            lost[at],
        )
        for at, each in enumerate(posted)
    )
    till = rollup.till
    return Position(nodes, -till.net(HONEST), -till.net(ATTACKER), till.net(SINK))


def _set_up(position: Position, dropped: frozenset[Rule]) -> tuple[RollupRules, list[Posted]]:
    """Return the rules in a position."""
    terms = RulesTerms(
        height=1,
        period=NEVER,
        interval=0,
        assertion_bond=BOND,
        root_bond=0,
        open_reward=0,
        bisect_reward=0,
        prove_reward=0,
    )
    ground = Ground(
        terms=terms,
        step=lambda state, _limit: state,
        halted=lambda _state, _limit: False,
        dropped=dropped,
        batch_count=NEVER,
    )
    rollup = RollupRules(ground, TRUE)
    posted = [rollup.genesis]
    posted[0].next_limit, posted[0].limit = BatchNumber(1), 1
    for at, node in enumerate(position.nodes[1:], 1):
        parent = posted[node.parent]
        one = Posted(
            id=bytes([at]),
            parent=parent,
            state=node.state,
            limit=1,
            next_limit=BatchNumber(1),
            created=0,
            poster=node.poster,
            bonded=node.bonded,
            status=node.status,
        )
        parent.children.append(one)
        posted.append(one)
        if node.status is Status.CONFIRMED:
            parent.confirmed_child = rollup.latest = one
    rollup.decision = _decided
    till = rollup.till
    till.paid[HONEST], till.paid[ATTACKER], till.credit[SINK] = position.honest, position.attacker, position.sink
    return rollup, posted


def _decided(parent: Posted) -> Decision | None:
    true = parent.child(TRUE)
    return None if true is None else Decision(winner=true, block=0)
