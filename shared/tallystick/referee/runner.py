"""Runs steps twice, in Python and in the compiled Referee on an EVM, and compares the states they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from eth_abi.abi import encode

from tallystick import artifacts
from tallystick.errors import DataMismatch
from tallystick.proof.tracer import StepProof
from tallystick.records.chunks import BatchHeader
from tallystick.referee.two_evms import Account, Answer, Evm, Storage, fastest
from tallystick.schema.names import Outcome, Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import CELL_NAMES, MAX_CHUNK_BYTES, MAX_CHUNKS

MESSAGE_ACCUMULATOR_SLOT: Final = 0
"""Where the Inbox keeps its two mappings: contracts/snapshots/storage/Inbox.json."""
BATCH_HASH_SLOT: Final = 1
INBOX_TERMS: Final = (900, 900, 300, 12, MAX_CHUNKS * MAX_CHUNK_BYTES, MAX_CHUNKS * MAX_CHUNK_BYTES, 0)
"""Any that its constructor takes: nothing is posted here."""
STEP_SELECTOR: Final = keccak(b"step(bytes32,uint64,bytes)")[:4]


class L1(Protocol):
    """What L1 has committed to: `tallystick.testing.world.Published` is one."""

    @property
    def headers(self) -> Sequence[BatchHeader]:
        """The headers of all batches."""
        ...

    @property
    def messages(self) -> Sequence[bytes]:
        """All messages."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The Inbox, the step contracts and the Referee as deployed, to be put into any EVM."""

    inbox: Account
    referee: Account
    steps: tuple[Account, ...]


@cache
def deploy(make_evm: Callable[[], Evm]) -> Image:
    """Deploy the compiled contracts into an EVM of their own and return what is there then.

    The Inbox is the real one with an empty history: `TwinRunner` puts what L1 holds into its storage.
    """
    evm = make_evm()
    nobody = bytes(20)
    config = encode(
        ["address", "address", f"({','.join(['uint64'] * len(INBOX_TERMS))})"], [nobody, nobody, INBOX_TERMS]
    )
    inbox = evm.deploy(artifacts.load("Inbox").bytecode + config)
    names = [phase.name.title().replace("_", "") for phase in Phase]
    steps = [evm.deploy(artifacts.load(name).bytecode) for name in names]
    referee = evm.deploy(artifacts.load("Referee").bytecode + encode(["address", "address[]"], [inbox, steps]))
    first = _number(keccak(bytes(32)))
    return Image(
        inbox=evm.read(inbox, []),
        referee=evm.read(referee, [0, *range(first, first + len(steps))]),
        steps=tuple(evm.read(step, []) for step in steps),
    )


class TwinRunner:
    """The Referee over a published history, which only grows.

    Every call has an EVM of its own, so that no step is cheaper for the ones before it. `image` are other contracts than
    the compiled ones of this version: those on some chain.
    """

    def __init__(self, published: L1, make_evm: Callable[[], Evm] | None = None, image: Image | None = None) -> None:
        self.published = published
        self._image = image
        self.checked = 0
        self._make_evm = make_evm or fastest()
        self._accumulators: list[bytes] = [bytes(32)]
        self._batches = 0
        self._storage = inbox_storage({0: bytes(32)}, {})

    def call(self, pre: bytes, limit: int, witness: bytes) -> Answer:
        """Run one step in the Referee."""
        return call_referee(self._make_evm, self._inbox_storage(), pre, limit, witness, self._image)

    def check(self, proof: StepProof, limit: int) -> int:
        """Run a step that Python ran, and return the gas it takes.

        Raises: DataMismatch when the Referee reverts or comes to another state.
        """
        answer = self.call(proof.pre_hash, limit, proof.witness)
        if answer.returned != proof.post_hash:
            cells = ", ".join(f"{CELL_NAMES[each.tag]} {each.index}" for each in proof.accesses)
            raise DataMismatch(
                "the Referee's step is not Python's",
                hint="compare the opened cells with the step contract's READ, then its reject codes",
                phase=Phase(proof.phase).name,
                outcome=Outcome(proof.outcome).name,
                cells=cells,
                expected=proof.post_hash,
                actual=answer.reason if answer.returned is None else answer.returned,
            )
        self.checked += 1
        return answer.gas

    def _inbox_storage(self) -> Storage:
        """The Inbox's mappings: the accumulator after every message, the hash of every batch. What was there stays."""
        chain, headers = self._accumulators, self.published.headers
        known, batches = len(chain), self._batches
        for message in self.published.messages[known - 1 :]:
            chain.append(keccak(chain[-1] + keccak(message)))
        self._batches = len(headers)
        new = {i: headers[i] for i in range(batches, self._batches)}
        self._storage |= inbox_storage({i: chain[i] for i in range(known, len(chain))}, new)
        return self._storage


def call_referee(
    make_evm: Callable[[], Evm], storage: Storage, pre: bytes, limit: int, witness: bytes, image: Image | None = None
) -> Answer:
    """Run one step in the compiled Referee, or another one, over an Inbox with this storage, in an EVM of its own."""
    evm = make_evm()
    image = image or deploy(make_evm)
    for account in (image.referee, *image.steps):
        evm.put(account)
    evm.put(Account(address=image.inbox.address, code=image.inbox.code, storage=storage))
    return evm.call(image.referee.address, step_calldata(pre, limit, witness))


def inbox_storage(accumulators: Mapping[int, bytes], headers: Mapping[int, BatchHeader]) -> Storage:
    """Return the Inbox's storage: the accumulators after so many messages, and the batches, by number."""
    storage = {_mapping_slot(i, MESSAGE_ACCUMULATOR_SLOT): _number(each) for i, each in accumulators.items()}
    for i, header in headers.items():
        storage[_mapping_slot(i, BATCH_HASH_SLOT)] = _number(keccak(header.pack()))
    return storage


def step_calldata(pre: bytes, limit: int, witness: bytes) -> bytes:
    """Return the calldata of a call to the Referee."""
    arguments: bytes = encode(["bytes32", "uint64", "bytes"], [pre, limit, witness])
    return STEP_SELECTOR + arguments


def _mapping_slot(key: int, slot: int) -> int:
    return _number(keccak(key.to_bytes(32, "big") + slot.to_bytes(32, "big")))


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
