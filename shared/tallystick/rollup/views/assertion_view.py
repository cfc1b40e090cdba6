"""The tree of assertions as the Rollup's events give it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from tallystick.rollup.views.fold import ChainEvent, View
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber, BlockNumber


class Status(Enum):
    """What L1 has decided of an assertion."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One assertion.

    Shape: `limit` bounds the batches its machine read, `next_limit` those of its children, the same where it had not
    halted; `registers` is packed and empty for the genesis; `bonded` is whose bond lies here, empty for nobody's.
    """

    id: bytes
    parent: bytes
    state_hash: bytes
    state_root: bytes
    registers: bytes
    limit: BatchNumber
    next_limit: BatchNumber
    proposer: bytes
    block: BlockNumber
    status: Status
    bonded: bytes = b""

    @property
    def halted(self) -> bool:
        """Whether its machine had read all there was; if not, its children wait for nothing."""
        return self.next_limit > self.limit


def assertion_id(parent: bytes, state_hash: bytes) -> bytes:
    """Return the name of an assertion."""
    return keccak(parent + state_hash)


class RollupView(View):
    """All assertions. `children` are in the order in which they were posted."""

    def reset(self) -> None:
        """Forget everything."""
        self.assertions: dict[bytes, Assertion] = {}
        self.children: dict[bytes, list[bytes]] = {}
        self.genesis_id = b""
        self.genesis_data = b""
        self.latest_confirmed = b""

    def on_Genesis(self, event: ChainEvent) -> None:
        """Take in the first state."""
        args = event.args
        self.genesis_id = self.latest_confirmed = args["id"]
        self.genesis_data = args["data"]
        self.assertions[args["id"]] = Assertion(
            id=args["id"],
            parent=b"",
            state_hash=args["stateHash"],
            state_root=b"",
            registers=b"",
            limit=BatchNumber(0),
            next_limit=BatchNumber(args["nextLimit"]),
            proposer=b"",
            block=event.block,
            status=Status.CONFIRMED,
        )

    def on_AssertionPosted(self, event: ChainEvent) -> None:
        """Take in an assertion."""
        args = event.args
        self.assertions[args["id"]] = Assertion(
            id=args["id"],
            parent=args["parent"],
            state_hash=args["stateHash"],
            state_root=args["stateRoot"],
            registers=args["registers"],
            limit=BatchNumber(args["limit"]),
            next_limit=BatchNumber(args["nextLimit"]),
            proposer=args["proposer"],
            block=event.block,
            status=Status.PENDING,
        )
        self.children.setdefault(args["parent"], []).append(args["id"])

    def on_AssertionConfirmed(self, event: ChainEvent) -> None:
        """An assertion is final."""
        self._set(event.args["id"], Status.CONFIRMED)
        self.latest_confirmed = event.args["id"]

    def on_AssertionRejected(self, event: ChainEvent) -> None:
        """An assertion is out."""
        self._set(event.args["id"], Status.REJECTED)
        self._bond(event.args["id"], b"")

    def on_BondMoved(self, event: ChainEvent) -> None:
        """A bond is paid in, lies on another assertion, or is credited."""
        source, target = event.args["from"], event.args["to"]
        if source in self.assertions:
            self._bond(source, b"")
        if target in self.assertions:
            self._bond(target, event.args["holder"])

    def is_movable(self, assertion: Assertion) -> bool:
        """Whether the bond that lies on an assertion, if any, may leave it."""
        return assertion.status is Status.CONFIRMED or bool(self.children.get(assertion.id))

    def is_open(self, parent: Assertion, block: BlockNumber, period: int) -> bool:
        """Whether L1 would take another child at a block: none is confirmed, nor was an only one alone for the period."""
        children = [self.assertions[each] for each in self.children.get(parent.id, [])]
        if parent.status is Status.REJECTED or any(each.status is Status.CONFIRMED for each in children):
            return False
        return len(children) != 1 or block < children[0].block + period

    def rivals(self, assertion: Assertion) -> list[Assertion]:
        """Return the other children of an assertion's parent."""
        return [self.assertions[each] for each in self.children[assertion.parent] if each != assertion.id]

    def unrivalled_blocks(self, assertion: Assertion, block: BlockNumber) -> int:
        """Return the blocks an assertion has been, or was, without a rival."""
        siblings = self.children[assertion.parent]
        if len(siblings) > 1:
            if siblings[0] != assertion.id:
                return 0
            block = self.assertions[siblings[1]].block
        return max(0, block - assertion.block)

    def _bond(self, id_: bytes, holder: bytes) -> None:
        self.assertions[id_] = replace(self.assertions[id_], bonded=holder)

    def _set(self, id_: bytes, status: Status) -> None:
        self.assertions[id_] = replace(self.assertions[id_], status=status)
