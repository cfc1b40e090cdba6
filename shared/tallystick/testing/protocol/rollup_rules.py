"""The assertions and their bonds as plain Python. Twin: contracts/src/rollup/Rollup.sol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.rollup.views.assertion_view import Status, assertion_id
from tallystick.state.ordinals import BatchNumber
from tallystick.testing.protocol.protocol_rules import GRACE_BLOCKS, SINK, Ground, Rule, Till, refuse, require


@dataclass(slots=True, kw_only=True, eq=False)
class Posted:
    """One assertion. `bonded` is whose bond lies here, "" for nobody's; `children` are in the order of their posting."""

    id: bytes
    parent: Posted | None
    state: bytes
    limit: int
    next_limit: BatchNumber
    created: int
    poster: str = ""
    bonded: str = ""
    status: Status = Status.PENDING
    children: list[Posted] = field(default_factory=list["Posted"])
    second_child_block: int = 0
    confirmed_child: Posted | None = None

    @property
    def halted(self) -> bool:
        """Whether nothing was left to read up to its limit."""
        return self.next_limit > self.limit

    def child(self, state: bytes) -> Posted | None:
        """Return the child in a state."""
        for each in self.children:
            if each.state == state:
                return each
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whom a dispute is decided for, and since which block."""

    winner: Posted
    block: int


class RollupRules:
    """All assertions, in `posted` by their names. Every call raises BadInput where the contract would revert.

    `decision` asks the disputes for the winner among an assertion's children.
    """

    def __init__(self, ground: Ground, genesis_state: bytes) -> None:
        self.ground = ground
        self.till = Till()
        self.decision: Callable[[Posted], Decision | None] = lambda parent: None
        self.genesis = self.latest = Posted(
            id=assertion_id(bytes(32), genesis_state),
            parent=None,
            state=genesis_state,
            limit=0,
            next_limit=BatchNumber(max(ground.batch_count, 1)),
            created=ground.block,
            status=Status.CONFIRMED,
        )
        self.posted = {self.genesis.id: self.genesis}

    def postable(self, parent: Posted) -> bool:
        """Whether a child of an assertion would be taken now."""
        return not self._closed(parent)

    def post(self, who: str, parent: Posted, state: bytes, source: Posted | None) -> Posted:
        """Assert a state. The bond is money, or comes from `source`."""
        ground = self.ground
        if reason := self._closed(parent):
            refuse(reason)
        require(parent.child(state) is None, "already posted")
        if source is not None:
            require(source.bonded == who and self.movable(source, parent), "the bond may not move")
        one = self._create(who, parent, state)
        if source is None:
            self.till.paid[who] += ground.terms.assertion_bond
        else:
            source.bonded = ""
        if ground.tell is not None:
            self._tell_posted(one, source)
        return one

    def movable(self, source: Posted, parent: Posted | None = None) -> bool:
        """Whether a bond may leave an assertion, for a child of `parent` or, if None, for home."""
        drops = self.ground.drops
        if source.status is Status.CONFIRMED or drops(Rule.BOND_HELD):
            return True
        if drops(Rule.BOND_MOVES):
            return False
        counted = source is parent and not drops(Rule.CHILD_COUNTED)
        if drops(Rule.BOND_FROM_ANYWHERE):
            return counted
        return counted or bool(source.children)

    def take(self, who: str, source: Posted) -> None:
        """Take a bond home."""
        require(source.bonded == who and self.movable(source), "the bond may not leave")
        source.bonded = ""
        self.till.credit[who] += self.ground.terms.assertion_bond
        if self.ground.tell is not None:
            self._tell("BondMoved", {"from": source.id, "to": bytes(32), "holder": who})

    def unrivalled(self, one: Posted) -> int:
        """Return the blocks an assertion was without a rival."""
        assert one.parent is not None
        siblings = one.parent.children
        end = self.ground.block if len(siblings) < 2 else one.parent.second_child_block
        return end - one.created if end > one.created else 0

    def won(self, one: Posted) -> bool:
        """Whether an assertion would be confirmed once its parent is."""
        return self._unwon(one) == ""

    def confirm(self, ones: Sequence[Posted]) -> None:
        """Confirm assertions, parents first."""
        with self.ground.atomic():
            for one in ones:
                self._confirm(one)

    def reject(self, one: Posted) -> None:
        """Take the bond of what cannot be confirmed any more."""
        if one.status is Status.REJECTED and not self.ground.drops(Rule.NO_OPS):
            return
        require(one.status is Status.PENDING, "not pending")
        assert one.parent is not None
        winner = one.parent.confirmed_child
        require(winner is not None or one.parent.status is Status.REJECTED, "not fallen")
        one.status = Status.REJECTED
        forfeited = self.ground.terms.assertion_bond if one.bonded else 0
        one.bonded = ""
        reward = forfeited // 2 if self.ground.drops(Rule.ALL_FORFEITED) and winner is not None else 0
        if winner is not None:
            self.till.credit[winner.poster] += reward
        self.till.credit[SINK] += forfeited - reward
        if self.ground.tell is not None:
            self._tell("AssertionRejected", {"id": one.id, "forfeitedWei": forfeited})

    def owed(self) -> int:
        """Return what must lie in the contract: a bond for each that is bonded."""
        return self.ground.terms.assertion_bond * sum(bool(one.bonded) for one in self.posted.values())

    def _closed(self, parent: Posted) -> str:
        ground = self.ground
        if parent.status is Status.REJECTED or parent.confirmed_child is not None:
            return "the parent is closed"
        if ground.batch_count < parent.next_limit:
            return "inputs are missing"
        waits = parent.halted or ground.drops(Rule.NO_WAIT)
        if waits and ground.block < parent.created + ground.terms.interval:
            return "too early"
        alone = len(parent.children) == 1 and not ground.drops(Rule.ALONE_FOR_GOOD)
        if alone and ground.block >= parent.children[0].created + ground.terms.period:
            return "the first child was alone for the period"
        return ""

    def _create(self, who: str, parent: Posted, state: bytes) -> Posted:
        ground, limit = self.ground, parent.next_limit
        keeps = not ground.halted(state, limit) and not ground.drops(Rule.LIMIT_KEPT)
        one = Posted(
            id=assertion_id(parent.id, state),
            parent=parent,
            state=state,
            limit=limit,
            next_limit=limit if keeps else BatchNumber(max(ground.batch_count, limit + 1)),
            created=ground.block,
            poster=who,
            bonded=who,
        )
        parent.children.append(one)
        self.posted[one.id] = one
        if len(parent.children) == 2:
            parent.second_child_block = ground.block
        return one

    def _unwon(self, one: Posted) -> str:
        assert one.parent is not None
        decided = self.decision(one.parent)
        if decided is None:
            return "" if self.unrivalled(one) >= self.ground.terms.period else "the period is not over"
        if decided.winner is not one:
            return "not the winner"
        grace = GRACE_BLOCKS if self.ground.drops(Rule.NO_GRACE) else 0
        return "" if self.ground.block >= decided.block + grace else "the grace is not over"

    def _confirm(self, one: Posted) -> None:
        if one.status is Status.CONFIRMED and not self.ground.drops(Rule.NO_OPS):
            return
        require(one.status is Status.PENDING, "not pending")
        parent = one.parent
        require(parent is self.latest and parent is not None, "the parent is not the latest confirmed")
        assert parent is not None
        if reason := self._unwon(one):
            refuse(reason)
        one.status, parent.confirmed_child, self.latest = Status.CONFIRMED, one, one

        def undo() -> None:
            one.status, parent.confirmed_child, self.latest = Status.PENDING, None, parent

        self.ground.note(undo)
        if self.ground.tell is not None:
            self._tell("AssertionConfirmed", {"id": one.id, "stateHash": one.state})

    def _tell_posted(self, one: Posted, source: Posted | None) -> None:
        assert one.parent is not None
        facts = {"id": one.id, "parent": one.parent.id, "stateHash": one.state}
        self._tell(
            "AssertionPosted", {**facts, "limit": one.limit, "nextLimit": one.next_limit, "proposer": one.poster}
        )
        if len(one.parent.children) == 2:
            self._tell("AssertionRivalled", {"parent": one.parent.id, "secondChild": one.id})
        from_ = bytes(32) if source is None else source.id
        self._tell("BondMoved", {"from": from_, "to": one.id, "holder": one.poster})

    def _tell(self, name: str, args: dict[str, Any]) -> None:
        self.ground.say("Rollup", name, args)
