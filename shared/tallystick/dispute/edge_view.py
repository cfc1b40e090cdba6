"""The edges of all disputes as the Challenge's events give them, and their timers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from tallystick.rollup.views.fold import ChainEvent, View
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber, BlockNumber

ENOUGH: Final = (1 << 40) - 1
"""The total of a proven edge, as in the contract."""
UNDECIDED: Final = BlockNumber(0)
"""The block of a decision that is not made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What an edge claims; its name is the hash of this."""

    dispute: bytes
    height: int
    index: int
    base: bytes
    span: bytes

    @property
    def context(self) -> bytes:
        """The key of rivalry: edges that share it and differ in span are rivals."""
        place = self.height.to_bytes(32, "big") + self.index.to_bytes(32, "big")
        return keccak(self.dispute + place + self.base)

    @property
    def id(self) -> bytes:
        """The edge's name."""
        return keccak(self.context + self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeStatus:
    """What L1 knows of an edge. `created` is a block; `children` are the two nodes when bisected."""

    edge: Edge
    created: int
    children: tuple[bytes, bytes] | None = None
    proven: bool = False
    cached: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeStatus:
    """What L1 knows of a dispute.

    `winner` is the assertion that has won, `decided_edge` the root that decided it and `settled_edge` the root whose
    bond is back: its moves are repaid. Each is empty before. `pot_wei` is what is left to repay movers from.
    """

    id: bytes
    parent: bytes
    limit: BatchNumber
    winner: bytes = b""
    decided_edge: bytes = b""
    decided_block: BlockNumber = UNDECIDED
    settled_edge: bytes = b""
    pot_wei: int = 0

    @property
    def settled(self) -> bool:
        """Whether the bonds are dealt with: no move is made any more."""
        return bool(self.settled_edge)


class ChallengeView(View):
    """All disputes. `roots` maps an assertion to its root edges, `repaid` are the edges whose bisection or proof is repaid.

    `opens_repaid` is whether the deployment repays the opening of a root, too.
    """

    def __init__(self, *, opens_repaid: bool = True) -> None:
        self._opens_repaid = opens_repaid
        super().__init__()

    def reset(self) -> None:
        """Forget everything."""
        self.edges: dict[bytes, EdgeStatus] = {}
        self.rivalled: dict[bytes, int] = {}
        self.disputes: dict[bytes, DisputeStatus] = {}
        self.roots: dict[bytes, list[bytes]] = {}
        self.repaid: set[bytes] = set()
        self._opener_is_next = False

    def on_DisputeOpened(self, event: ChainEvent) -> None:
        """The children of an assertion are being disputed."""
        args = event.args
        self.disputes[args["dispute"]] = DisputeStatus(
            id=args["dispute"], parent=args["parent"], limit=BatchNumber(args["limit"])
        )

    def on_RootOpened(self, event: ChainEvent) -> None:
        """An assertion is committed to a trace."""
        self.roots.setdefault(event.args["assertion"], []).append(event.args["edge"])

    def on_EdgeAdded(self, event: ChainEvent) -> None:
        """An edge exists."""
        args = event.args
        edge = Edge(
            dispute=args["dispute"],
            height=args["height"],
            index=args["index"],
            base=args["base"],
            span=args["span"],
        )
        self.edges[args["edge"]] = EdgeStatus(edge=edge, created=event.block)

    def on_ContextRivalled(self, event: ChainEvent) -> None:
        """Two edges are rivals."""
        self.rivalled[event.args["context"]] = event.args["rivalledBlock"]

    def on_EdgeBisected(self, event: ChainEvent) -> None:
        """An edge is open."""
        id_ = event.args["edge"]
        self.edges[id_] = replace(self.edges[id_], children=(event.args["left"], event.args["right"]))

    def on_EdgeProven(self, event: ChainEvent) -> None:
        """A step is proven."""
        id_ = event.args["edge"]
        self.edges[id_] = replace(self.edges[id_], proven=True)

    def on_EdgeUpdated(self, event: ChainEvent) -> None:
        """A total is cached."""
        id_ = event.args["edge"]
        self.edges[id_] = replace(self.edges[id_], cached=event.args["totalBlocks"])

    def on_DisputeDecided(self, event: ChainEvent) -> None:
        """A dispute has a winner."""
        id_ = event.args["dispute"]
        self.disputes[id_] = replace(
            self.disputes[id_],
            winner=event.args["assertion"],
            decided_edge=event.args["edge"],
            decided_block=event.block,
        )

    def on_DisputeSettled(self, event: ChainEvent) -> None:
        """A dispute's bonds are dealt with."""
        id_ = event.args["dispute"]
        edge, pot_wei = event.args["edge"], event.args["potWei"]
        self.disputes[id_] = replace(self.disputes[id_], settled_edge=edge, pot_wei=pot_wei)
        self._opener_is_next = self._opens_repaid and pot_wei > 0

    def on_MoveRepaid(self, event: ChainEvent) -> None:
        """A mover has been repaid; the first one behind a settlement is who opened the root, whoever bisected it."""
        id_, amount_wei = event.args["dispute"], event.args["amountWei"]
        if not self._opener_is_next:
            self.repaid.add(event.args["edge"])
        self._opener_is_next = False
        self.disputes[id_] = replace(self.disputes[id_], pot_wei=self.disputes[id_].pot_wei - amount_wei)

    def dispute_below(self, parent: bytes) -> DisputeStatus | None:
        """Return the dispute of an assertion's children, None while no root is open."""
        return next((each for each in self.disputes.values() if each.parent == parent), None)

    def children(self, edge: Edge, left: bytes, right: bytes) -> tuple[Edge, Edge]:
        """Return an edge's two children."""
        return children(edge, left, right)

    def unrivalled(self, status: EdgeStatus, block: BlockNumber) -> int:
        """Return an edge's own time: blocks without a rival since it was added, frozen by its first rival."""
        end = self.rivalled.get(status.edge.context, block)
        return max(0, end - status.created)

    def is_rivalled(self, edge: Edge) -> bool:
        """Whether another span stands in the edge's place."""
        return edge.context in self.rivalled

    def total(self, id_: bytes, block: BlockNumber) -> int:
        """Return an edge's total at a block: enough if proven, else own time plus the worse child's total."""
        status = self.edges[id_]
        if status.proven:
            return ENOUGH
        own = self.unrivalled(status, block)
        if status.children is None:
            return own
        left, right = self.children(status.edge, *status.children)
        return min(ENOUGH, own + min(self.total(left.id, block), self.total(right.id, block)))


def children(edge: Edge, left: bytes, right: bytes) -> tuple[Edge, Edge]:
    """Return an edge's two children: the left one keeps the prefix, the right one's takes in the left span."""
    below = edge.height - 1
    first = Edge(dispute=edge.dispute, height=below, index=2 * edge.index, base=edge.base, span=left)
    base = keccak(edge.base + left)
    return first, Edge(dispute=edge.dispute, height=below, index=2 * edge.index + 1, base=base, span=right)
