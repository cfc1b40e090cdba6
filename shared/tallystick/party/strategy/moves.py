"""Moves as calls of the Challenge contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.dispute.edge_view import Edge
from tallystick.party.strategy.player import Bisect, Decide, Move, Opening, OpenRoot, Prove, Settle, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A transaction to make.

    `key` names the effect, so that the same move is never sent twice. Units: `value_wei` is the bond it carries; `gas` is
    given where the call stands behind another one that has not landed, and L1 cannot tell it yet.
    """

    key: str
    function: str
    arguments: tuple[Any, ...]
    value_wei: int = 0
    gas: int | None = None


def call_for(move: Move, bond_wei: int, attempt: int = 0) -> Call:
    """Return the call that makes a move. `attempt` tells a move that is worth another try from its last try."""
    again = f"/{attempt}" if attempt else ""
    arguments: tuple[Any, ...]
    match move:
        case OpenRoot():
            return Call(
                key=f"open/{move.assertion.hex()}{again}",
                function="openRoot",
                arguments=(move.parent, move.assertion, move.limit, move.span, list(move.siblings)),
                value_wei=bond_wei,
            )
        case Bisect():
            arguments = (_edge(move.edge), move.left, move.right)
            return Call(key=f"bisect/{move.edge.id.hex()}{again}", function="bisect", arguments=arguments)
        case Prove():
            proof = move.proof
            return Call(
                key=f"prove/{move.edge.id.hex()}{again}",
                function="prove",
                arguments=(_edge(move.edge), proof.pre, proof.base_prev, list(proof.siblings), proof.step.witness),
            )
        case Update():
            arguments = ([_opening(each) for each in move.openings],)
            key = f"update/{move.openings[0].edge.id.hex()}/{len(move.openings)}{again}"
            return Call(key=key, function="update", arguments=arguments)
        case Decide():
            arguments = (_edge(move.root), [_opening(each) for each in move.openings])
            return Call(key=f"decide/{move.root.id.hex()}{again}", function="decide", arguments=arguments)
        case Settle():
            openings, payments = map(_opening, move.openings), map(_opening, move.payments)
            first = move.payments[0].edge.id.hex() if move.payments else ""
            return Call(
                key=f"settle/{move.root.id.hex()}/{first}/{move.paid}{again}",
                function="settle",
                arguments=(_edge(move.root), list(openings), list(payments)),
            )


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "dispute": edge.dispute,
        "height": edge.height,
        "index": edge.index,
        "base": edge.base,
        "span": edge.span,
    }


def _opening(opening: Opening) -> dict[str, Any]:
    return {"edge": _edge(opening.edge), "left": opening.left, "right": opening.right}
