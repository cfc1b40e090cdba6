"""What happens under the Python rules in the contracts' words: ids, addresses and events."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from tallystick.state.hashing import keccak
from tallystick.testing.generations.attacker import ATTACKER
from tallystick.testing.generations.counting import Machine
from tallystick.testing.generations.honest import HONEST
from tallystick.testing.protocol.challenge_rules import REMEMBERED, Edge
from tallystick.testing.protocol.protocol_rules import SINK
from tallystick.testing.protocol.rollup_rules import Posted, RollupRules

MEMBERS: Final = ("alice", "bob", "carol")
"""Who pays for pools, honestly."""
ADDRESSES: Final = {
    HONEST: b"\x0a" * 20,
    ATTACKER: b"\x0b" * 20,
    SINK: bytes.fromhex("dEaD".zfill(40)),
    **{member: bytes([0xC0 + i]) * 20 for i, member in enumerate(MEMBERS)},
}


class Words:
    """Names what is in a match. `config_hash` is in the name of every dispute, `addresses` are those who make calls."""

    def __init__(self, rollup: RollupRules, machine: Machine, config_hash: bytes = bytes(32)) -> None:
        self.machine = machine
        self.config_hash = config_hash
        self._rollup = rollup
        self.addresses = dict(ADDRESSES)

    def posted(self, id_: bytes) -> Posted:
        """Return the assertion of a name."""
        return self._rollup.posted[id_]

    def dispute_id(self, parent: bytes) -> bytes:
        """Return the name of the dispute among an assertion's children."""
        limit = self.posted(parent).next_limit
        return keccak(self.config_hash + parent + limit.to_bytes(32, "big"))

    def event(self, contract: str, name: str, args: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of an event as the contract has them."""
        told = dict(args)
        if contract == "Challenge":
            dispute = told["dispute"] = self.dispute_id(told["parent"])
            if name == "DisputeOpened":
                told["start"] = self.posted(told["parent"]).state
            else:
                del told["parent"]
            edge = told.get("edge")
            if edge is not None:
                context = _context_id(dispute, *edge[:3])
                told["edge"] = keccak(context + edge.span)
                if name == "ContextRivalled":
                    told |= {"context": context, "rival": told.pop("edge")}
                if name == "EdgeAdded":
                    told |= edge._asdict()
        if name == "AssertionPosted":
            known = self.machine.states[told["stateHash"]]
            told |= {"stateRoot": known.root, "registers": known.registers}
        for key in ("proposer", "holder", "opener", "mover", "member"):
            if key in told:
                told[key] = self.addresses[told[key]]
        return told


def own_edge(edge: Any) -> Edge:
    """Return an edge of a call's arguments as the rules have it."""
    return Edge(edge["height"], edge["index"], edge["base"], edge["span"])


@lru_cache(REMEMBERED)
def _context_id(dispute: bytes, height: int, index: int, base: bytes) -> bytes:
    return keccak(dispute + height.to_bytes(32, "big") + index.to_bytes(32, "big") + base)
