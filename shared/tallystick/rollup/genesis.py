"""The state a deployment begins with, published in full by the Rollup's first event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import rlp

from tallystick.errors import BadInput
from tallystick.machine.market.rules import listing_stands, write_listing
from tallystick.records.codec import BY_NAME
from tallystick.records.signing import domain_separator
from tallystick.state.cells import set_config_governance, set_config_quorum, set_config_signers
from tallystick.state.fields import ListMarketFields
from tallystick.state.layout import MAX_MARKETS, MAX_SIGNERS
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs
from tallystick.state.state import State

MIN_QUORUM: Final = 3
"""With fewer, the lower of two prices is the median: one liar's as it likes, downwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """What fixes the first state.

    Shape: addresses are 20 bytes; `quorum` of the `signers`, more than half of at most 16, make a price. Each of `markets` has the
    values of a listing's record in their order; it takes orders at once, since whoever comes has seen it.
    """

    chain_id: int
    rollup: bytes
    governance: bytes
    quorum: int
    signers: tuple[bytes, ...]
    markets: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        """Raises: BadInput when no median could ever be made of this."""
        addresses = (self.rollup, self.governance, *self.signers)
        if any(len(address) != 20 for address in addresses):
            raise BadInput("every address of a genesis has 20 bytes")
        if not self.quorum <= len(self.signers) <= MAX_SIGNERS or len(set(self.signers)) != len(self.signers):
            raise BadInput(f"a quorum of {self.quorum} needs that many different price signers, at most {MAX_SIGNERS}")
        if self.quorum < MIN_QUORUM or 2 * self.quorum <= len(self.signers):
            raise BadInput(
                f"a quorum of {self.quorum} among {len(self.signers)} price signers: give {MIN_QUORUM} at least,"
                " and more than half of them, so that one liar never makes a price"
            )
        for values in self.markets:
            _check_listing(values)
        if len({values[ListMarketFields.MARKET] for values in self.markets}) != len(self.markets):
            raise BadInput("a genesis lists each market once")

    def encode(self) -> bytes:
        """Return the bytes the Rollup emits."""
        markets = [list(values) for values in self.markets]
        encoded: bytes = rlp.encode(
            [self.chain_id, self.rollup, self.governance, self.quorum, list(self.signers), markets]
        )
        return encoded


def _check_listing(values: tuple[int, ...]) -> None:
    """Raises: BadInput, when no market could be listed so."""
    kind = BY_NAME["list_market"]
    if len(values) != len(kind.fields):
        raise BadInput(f"a market of a genesis has {len(kind.fields)} values", values=len(values))
    market = values[ListMarketFields.MARKET]
    for field, value in zip(kind.fields, values, strict=True):
        if not 0 <= value <= field.limit:
            raise BadInput(f"market {market}: {field.name} is {value}", hint=f"give a number from 0 to {field.limit}")
    if market >= MAX_MARKETS:
        raise BadInput(f"a market of a genesis is of series 0, and below {MAX_MARKETS}", market=market)
    if not listing_stands(list(values), UnixMs(0)):
        raise BadInput(
            f"market {market}: these rules cannot stand together",
            hint="docs/machine.md says at LIST_MARKET which can",
        )


def decode_genesis(data: bytes) -> Genesis:
    """Return the genesis in the Rollup's first event.

    Raises: BadInput when the bytes are none.
    """
    try:
        chain_id, rollup, governance, quorum, signers, markets = rlp.decode(data)
        return Genesis(
            chain_id=int.from_bytes(chain_id, "big"),
            rollup=rollup,
            governance=governance,
            quorum=int.from_bytes(quorum, "big"),
            signers=tuple(signers),
            markets=tuple(tuple(int.from_bytes(value, "big") for value in values) for values in markets),
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
        set_config_signers(words, base, SignerNumber(i), signer)
    state.config.mark(0)
    for values in genesis.markets:
        list_at_once(state, values)
    return state


def list_at_once(state: State, values: tuple[int, ...]) -> None:
    """List a market of the genesis, which takes orders from the first moment on."""
    number = MarketId(values[ListMarketFields.MARKET])
    write_listing(state, number, state.markets.open(number), state.risk.open(0), list(values), UnixMs(0))
