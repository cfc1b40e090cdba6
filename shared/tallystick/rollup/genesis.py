"""The state a deployment begins with, published in full by the Rollup's first event."""

from __future__ import annotations

from dataclasses import dataclass

import rlp

from tallystick.errors import BadInput
from tallystick.records.signing import domain_separator
from tallystick.state.cells import set_config_governance, set_config_quorum, set_config_signers
from tallystick.state.layout import MAX_SIGNERS
from tallystick.state.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """What fixes the first state.

    Shape: addresses are 20 bytes; `quorum` of the `signers` (1 to 16) make a price.
    """

    chain_id: int
    rollup: bytes
    governance: bytes
    quorum: int
    signers: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Raises: BadInput when no median could ever be made of this."""
        addresses = (self.rollup, self.governance, *self.signers)
        if any(len(address) != 20 for address in addresses):
            raise BadInput("every address of a genesis has 20 bytes")
        if not 1 <= self.quorum <= len(self.signers) <= MAX_SIGNERS or len(set(self.signers)) != len(self.signers):
            raise BadInput(f"a quorum of {self.quorum} needs that many different price signers, at most {MAX_SIGNERS}")

    def encode(self) -> bytes:
        """Return the bytes the Rollup emits."""
        encoded: bytes = rlp.encode([self.chain_id, self.rollup, self.governance, self.quorum, list(self.signers)])
        return encoded


def decode_genesis(data: bytes) -> Genesis:
    """Return the genesis in the Rollup's first event.

    Raises: BadInput when the bytes are none.
    """
    try:
        chain_id, rollup, governance, quorum, signers = rlp.decode(data)
        return Genesis(
            chain_id=int.from_bytes(chain_id, "big"),
            rollup=rollup,
            governance=governance,
            quorum=int.from_bytes(quorum, "big"),
            signers=tuple(signers),
        )
    except (rlp.exceptions.RLPException, ValueError, TypeError) as error:
        raise BadInput("these bytes are no genesis", data=data) from error


def genesis_state(genesis: Genesis) -> State:
    """Return the first state."""
    state = State()
    state.registers.domain = domain_separator(genesis.chain_id, genesis.rollup.hex())
    base = state.config.open(0)
    words = state.config.words
    set_config_quorum(words, base, genesis.quorum)
    set_config_governance(words, base, genesis.governance)
    for i, signer in enumerate(genesis.signers):
        set_config_signers(words, base, i, signer)
    state.config.mark(0)
    return state
