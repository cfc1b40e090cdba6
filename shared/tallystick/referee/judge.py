"""Judging a dispute from its bundle alone: every hash anew, and the one step in the compiled Referee on an EVM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tallystick import artifacts
from tallystick.dispute.edge_view import Edge, children
from tallystick.dispute.trace_tree import leaf, node
from tallystick.errors import BadInput, DataMismatch
from tallystick.l1.proofs.logproof import ProvenLog, check_log
from tallystick.proof.tracer import INPUT_LENGTH_BYTES
from tallystick.records.chunks import BatchHeader
from tallystick.referee.bundle import Bundle, Claim, Header, Side
from tallystick.referee.runner import call_referee, inbox_storage
from tallystick.referee.two_evms import Evm, fastest
from tallystick.rollup.views.assertion_view import assertion_id
from tallystick.schema.names import Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import REGISTERS_BYTES, SOURCE_BLOBS, Registers
from tallystick.state.ordinals import UnixSeconds
from tallystick.state.state import state_hash

HASH_BYTES: Final = 32
MOST: Final = 1 << 64
MOST_HEIGHT: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of one claim: `right` when the Referee's step gives its leaf."""

    assertion: bytes
    root: bytes
    right: bool
    ends_in_assertion: bool
    """Whether its siblings prove that the tree ends in the asserted state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a bundle proves. `on_l1` are the logs that are proven to be in a block, by what they say."""

    dispute: bytes
    parent: bytes
    index: int
    phase: str
    pre: bytes
    post: bytes
    gas: int
    claims: tuple[Found, ...]
    on_l1: tuple[tuple[str, ProvenLog], ...]
    not_on_l1: tuple[str, ...]


def judge(bundle: Bundle, make_evm: Callable[[], Evm] | None = None) -> Verdict:
    """Check a bundle and return what it proves.

    Raises: BadInput when it is of another machine; DataMismatch when anything in it does not fit together, or the
    Referee refuses its witness.
    """
    if bundle.machine != artifacts.machine_version():
        raise BadInput(
            "the bundle is of another machine",
            hint="check it with the version of this package that the exchange runs",
            bundle=bundle.machine,
            here=artifacts.machine_version(),
        )
    _widths(bundle)
    parent = assertion_id(bundle.origin.parent, bundle.origin.state_hash)
    sides = {each.assertion: _side(parent, each) for each in bundle.sides}
    dispute = keccak(bundle.place.config_hash + parent + bundle.limit.to_bytes(HASH_BYTES, "big"))
    leaves = [_descend(bundle, dispute, each) for each in bundle.claims]
    if len({edge.context for edge in leaves}) != 1 or len({edge.span for edge in leaves}) < 2:
        raise DataMismatch("the claims do not contradict each other at one leaf", claims=len(leaves))
    _check_prefix(bundle, leaves[0])
    post, gas = _run(bundle, make_evm or fastest())
    found = tuple(
        Found(
            assertion=claim.assertion,
            root=_root(bundle, dispute, claim).id,
            right=edge.span == leaf(post),
            ends_in_assertion=_ends_in(claim, sides, bundle.place.height),
        )
        for claim, edge in zip(bundle.claims, leaves, strict=True)
    )
    proven = _logs(bundle, parent, dispute, leaves)
    return Verdict(
        dispute=dispute,
        parent=parent,
        index=bundle.step.index,
        phase=Phase(registers_of(bundle.step.witness).phase).name,
        pre=bundle.step.pre,
        post=post,
        gas=gas,
        claims=found,
        on_l1=tuple((what, log) for what, log in proven.items() if log is not None),
        not_on_l1=tuple(what for what, log in proven.items() if log is None),
    )


def chunk_of(witness: bytes) -> bytes:
    """Return the chunk that a step reads of calldata, nothing where it reads none. The witness is one the Referee takes."""
    registers = registers_of(witness)
    start = REGISTERS_BYTES + HASH_BYTES
    length = int.from_bytes(witness[start : start + INPUT_LENGTH_BYTES], "big")
    data = witness[start + INPUT_LENGTH_BYTES : start + INPUT_LENGTH_BYTES + length]
    if registers.phase in (Phase.OPEN_BATCH, Phase.CONSUME_MESSAGE) or registers.batch_source == SOURCE_BLOBS:
        return b""
    # the chunk to open stands behind the hashes of all chunks of its batch
    return data[HASH_BYTES * registers.chunk_count :] if registers.phase == Phase.OPEN_CHUNK else data


def registers_of(witness: bytes) -> Registers:
    """Return the registers a step starts from."""
    registers = Registers()
    registers.load(witness[:REGISTERS_BYTES])
    return registers


def _widths(bundle: Bundle) -> None:
    """Raises: DataMismatch when a hash is not 32 bytes: then other bytes would hash the same."""
    hashes = [bundle.place.config_hash, bundle.origin.parent, bundle.origin.state_hash, bundle.step.pre]
    hashes += [bundle.step.base_prev, *bundle.step.siblings, *(each.value for each in bundle.messages)]
    hashes += [hash_ for each in bundle.sides for hash_ in (each.assertion, each.state_root)]
    for claim in bundle.claims:
        hashes += [claim.assertion, claim.span, *claim.siblings]
        hashes += [half for opening in claim.openings for half in opening]
    hashes += [each.chunks_hash for each in bundle.batches]
    if any(len(each) != HASH_BYTES for each in hashes):
        raise DataMismatch("a hash in the bundle is not 32 bytes long")
    numbers = [bundle.limit, bundle.step.index, *(each.count for each in bundle.messages)]
    numbers += [number for each in bundle.batches for number in (each.index, each.time, each.message_limit)]
    if (
        not 0 < bundle.place.height <= MOST_HEIGHT
        or any(not 0 <= each < MOST for each in numbers)
        or any(each.chunk_count not in range(1 << 16) for each in bundle.batches)
    ):
        raise DataMismatch("a number in the bundle is out of range")


def _side(parent: bytes, side: Side) -> bytes:
    """Return a side's state hash.

    Raises: DataMismatch when its name is not that of its state and parent.
    """
    hashed = state_hash(side.state_root, side.registers)
    actual = assertion_id(parent, hashed)
    if actual != side.assertion:
        raise DataMismatch("an assertion's state is not what its name says", assertion=side.assertion, actual=actual)
    return hashed


def _root(bundle: Bundle, dispute: bytes, claim: Claim) -> Edge:
    return Edge(
        dispute=dispute, height=bundle.place.height, index=0, base=leaf(bundle.origin.state_hash), span=claim.span
    )


def _descend(bundle: Bundle, dispute: bytes, claim: Claim) -> Edge:
    """Return the leaf that a claim's openings lead to.

    Raises: DataMismatch when one of them is not an opening of the edge above it.
    """
    edge = _root(bundle, dispute, claim)
    if len(claim.openings) != bundle.place.height or bundle.step.index >> bundle.place.height:
        raise DataMismatch("a claim does not lead to a leaf", openings=len(claim.openings), index=bundle.step.index)
    for left, right in claim.openings:
        if node(left, right) != edge.span:
            raise DataMismatch("two halves are not those of the edge above", height=edge.height, span=edge.span)
        edge = children(edge, left, right)[bundle.step.index >> (edge.height - 1) & 1]
    return edge


def _check_prefix(bundle: Bundle, edge: Edge) -> None:
    """Raises: DataMismatch when `pre` is not the last state of the prefix the claims agree on."""
    step, base = bundle.step, leaf(bundle.step.pre)
    zeros = (edge.index & -edge.index).bit_length() - 1 if edge.index else 0
    if len(step.siblings) != zeros:
        raise DataMismatch("the agreed state has another place in the prefix", siblings=len(step.siblings))
    if edge.index:
        for sibling in step.siblings:
            base = node(sibling, base)
        base = node(step.base_prev, base)
    if base != edge.base:
        raise DataMismatch("the step does not start from the state the claims agree on", base=base, agreed=edge.base)


def _run(bundle: Bundle, make_evm: Callable[[], Evm]) -> tuple[bytes, int]:
    """Run the step and return the state hash after it and its gas.

    Raises: DataMismatch when the Referee refuses the witness.
    """
    accumulators = {each.count: each.value for each in bundle.messages}
    headers = {each.index: _header(each) for each in bundle.batches}
    storage = inbox_storage(accumulators, headers)
    answer = call_referee(make_evm, storage, bundle.step.pre, bundle.limit, bundle.step.witness)
    if answer.returned is None or len(answer.returned) != HASH_BYTES:
        raise DataMismatch("the Referee refuses the witness", reason=answer.reason)
    return answer.returned, answer.gas


def _header(header: Header) -> BatchHeader:
    return BatchHeader(
        time=UnixSeconds(header.time),
        until=UnixSeconds(header.until),
        message_limit=header.message_limit,
        source=header.source,
        poster=header.poster,
        chunk_count=header.chunk_count,
        chunks_hash=header.chunks_hash,
    )


def _ends_in(claim: Claim, sides: dict[bytes, bytes], height: int) -> bool:
    """Whether a claim's siblings tie it to its assertion.

    Raises: DataMismatch when there are siblings and they do not, or the assertion is none of the sides.
    """
    if claim.assertion not in sides:
        raise DataMismatch("a claim is about an assertion that is not among the sides", assertion=claim.assertion)
    if not claim.siblings:
        return False
    folded = leaf(sides[claim.assertion])
    for sibling in claim.siblings:
        folded = node(sibling, folded)
    if len(claim.siblings) != height or folded != claim.span:
        raise DataMismatch("a claim's tree does not end in the asserted state", assertion=claim.assertion)
    return True


def _logs(bundle: Bundle, parent: bytes, dispute: bytes, leaves: list[Edge]) -> dict[str, ProvenLog | None]:
    """Return what would be on L1 if the bundle is not invented, each with its proof, None where it has none.

    Raises: DataMismatch when a proof fails or is of something else.
    """
    wanted = _wanted(bundle, parent, dispute, leaves)
    places = {"Rollup": bundle.place.rollup, "Challenge": bundle.place.challenge, "Inbox": bundle.place.inbox}
    proven: dict[str, ProvenLog | None] = dict.fromkeys(wanted)
    for proof in bundle.logs:
        log = check_log(proof)
        fits = [
            what
            for what, (event, facts) in wanted.items()
            if event == log.event.name and facts.items() <= dict(log.event.args).items()
        ]
        if places.get(proof.contract) != proof.address or not fits:
            raise DataMismatch("a log is proven that says something else", event=log.event.name, block=log.block)
        for what in fits:
            proven[what] = log
    return proven


def _wanted(bundle: Bundle, parent: bytes, dispute: bytes, leaves: list[Edge]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the events a bundle speaks of, by what they say."""
    facts: dict[str, Any]
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for side in bundle.sides:
        facts = {"id": side.assertion, "parent": parent, "stateRoot": side.state_root, "registers": side.registers}
        found[f"assertion {_short(side.assertion)}"] = "AssertionPosted", facts
    for claim, edge in zip(bundle.claims, leaves, strict=True):
        root = _root(bundle, dispute, claim).id
        facts = {"dispute": dispute, "edge": root, "assertion": claim.assertion}
        found[f"root {_short(root)} of assertion {_short(claim.assertion)}"] = "RootOpened", facts
        facts = {"dispute": dispute, "edge": edge.id, "height": 0, "index": edge.index, "span": edge.span}
        found[f"leaf {_short(edge.id)} below root {_short(root)}"] = "EdgeAdded", facts
    for batch in bundle.batches:
        facts = {"index": batch.index, "time": batch.time, "until": batch.until, "messageLimit": batch.message_limit}
        facts |= {"source": batch.source, "poster": batch.poster}
        facts |= {"chunkCount": batch.chunk_count, "chunksHash": batch.chunks_hash}
        found[f"batch {batch.index}"] = "BatchPosted", facts
    for message in bundle.messages:
        if message.count:
            facts = {"index": message.count - 1, "accumulator": message.value}
            found[f"message {message.count - 1}"] = "MessageQueued", facts
    data = chunk_of(bundle.step.witness)
    if data:
        found["the chunk that the step reads"] = "ChunkPosted", {"data": data}
    return found


def _short(name: bytes) -> str:
    return name.hex()[:12]
