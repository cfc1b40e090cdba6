"""What proving a step costs in the Challenge itself: the real contracts with one leaf's edge put into their storage."""

from __future__ import annotations

from functools import cache
from typing import Final

from eth_abi.abi import encode

from tallystick import artifacts
from tallystick.dispute.edge_view import Edge
from tallystick.dispute.trace_tree import LeafProof, leaf, node
from tallystick.errors import DataMismatch
from tallystick.l1.abi import contract_abi
from tallystick.proof.tracer import StepProof
from tallystick.referee.runner import TwinRunner, deploy
from tallystick.referee.two_evms import Account, fastest
from tallystick.schema.names import Phase
from tallystick.state.hashing import keccak

CONTEXTS_SLOT: Final = 1
"""Where the Challenge keeps its mappings: contracts/snapshots/storage/Challenge.json."""
EDGES_SLOT: Final = 2
DISPUTES_SLOT: Final = 3
RIVALLED: Final = 0x0101
"""A context that exists and has a rival."""
OPEN: Final = 1 << 30 * 8
LIMIT_SHIFT: Final = 3 * 8
DISPUTE: Final = keccak(b"any dispute")
NOBODY: Final = bytes(20)


class Prover(TwinRunner):
    """The Challenge in front of the Referee over a published history. Every proof has an EVM of its own."""

    def prove_gas(self, proof: StepProof, limit: int, at: int, path: LeafProof | None = None) -> int:
        """Return the gas of a transaction that proves a step as leaf number `at`, to a Challenge that holds its edge.

        `path` is how the leaf's prefix ends; without one it is made up, for the index costs what it costs wherever the
        step comes from. Every slot is cold, as in the first transaction of a block.

        Raises: DataMismatch when the Challenge does not take the proof.
        """
        zeros = (at & -at).bit_length() - 1 if at else 0
        siblings = path.siblings if path else tuple(keccak(b"sibling %d" % i) for i in range(zeros))
        base_prev = path.base_prev if path else keccak(b"what is before")
        base = leaf(proof.pre_hash)
        for sibling in siblings:
            base = node(sibling, base)
        base = node(base_prev, base) if at else leaf(proof.pre_hash)
        edge = Edge(dispute=DISPUTE, height=0, index=at, base=base, span=leaf(proof.post_hash))
        image, challenge, evm = deploy(fastest()), _challenge(), fastest()()
        for account in (image.referee, *image.steps):
            evm.put(account)
        evm.put(Account(address=image.inbox.address, code=image.inbox.code, storage=self._inbox_storage()))
        storage = {
            _slot(edge.context, CONTEXTS_SLOT): RIVALLED,
            _slot(edge.id, EDGES_SLOT): OPEN,
            _slot(DISPUTE, DISPUTES_SLOT): 1 | limit << LIMIT_SHIFT,
        }
        evm.put(Account(address=challenge.address, code=challenge.code, storage=storage))
        fields = {"dispute": DISPUTE, "height": 0, "index": at, "base": base, "span": edge.span}
        data = contract_abi("Challenge").encode_call(
            "prove", fields, proof.pre_hash, base_prev, list(siblings), proof.witness
        )
        answer = evm.call(challenge.address, data)
        if answer.returned is None:
            raise DataMismatch(
                "the Challenge refuses a true proof", phase=Phase(proof.phase).name, reason=answer.reason
            )
        return answer.gas


@cache
def _challenge() -> Account:
    """Return the Challenge over the Referee that twins use; it asks the Rollup nothing in a proof."""
    evm = fastest()()
    config = (20, 200, 10**18, 5 * 10**15, 2 * 10**15, 10**16)
    image = deploy(fastest())
    arguments = encode(
        ["address", "address", "address", "(uint8,uint40,uint256,uint256,uint256,uint256)"],
        [NOBODY, image.inbox.address, image.referee.address, config],
    )
    made = evm.read(evm.deploy(artifacts.load("Challenge").bytecode + arguments), [])
    return Account(address=b"\xca" * 20, code=made.code, storage={})


def _slot(key: bytes, mapping: int) -> int:
    return int.from_bytes(keccak(key + mapping.to_bytes(32, "big")), "big")
