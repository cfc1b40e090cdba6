"""Auditing batches: every micro-step of them once more, in the very code that would judge it on L1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tallystick.drawing import Page, figures, table
from tallystick.errors import BadInput, DataMismatch
from tallystick.l1.client.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.party import Party
from tallystick.proof.tracer import Tracer
from tallystick.referee.runner import Image, TwinRunner
from tallystick.referee.two_evms import Account
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.schema.names import Phase
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber

STEPS_SLOT = 0
"""Where the Referee keeps its step contracts: contracts/snapshots/storage/Referee.json."""


@dataclass(slots=True, kw_only=True)
class Audited:
    """What an audit has found. Units: gas of a transaction that does nothing but the step.

    `wrong` is the first step in which the Referee came to another state than Python, None when there is none.
    """

    first_batch: BatchNumber
    last_batch: BatchNumber
    steps: int = 0
    most_gas: int = 0
    by_phase: Counter[str] = field(default_factory=Counter)
    state_hash: bytes = b""
    wrong: dict[str, Any] | None = None

    @property
    def right(self) -> bool:
        """Whether both agreed in every step."""
        return self.wrong is None

    @property
    def batches(self) -> int:
        """How many were audited."""
        return self.last_batch - self.first_batch + 1


class Chain:
    """The contracts a dispute would run on, as they are on L1 now."""

    def __init__(self, client: L1, deployment: Deployment) -> None:
        self._client = client
        self._addresses = deployment.addresses

    @cached_property
    def image(self) -> Image:
        """The code of the Inbox, the Referee and its steps, read from L1."""
        steps = list(self._addresses.steps.values())
        first = int.from_bytes(keccak(STEPS_SLOT.to_bytes(32, "big")), "big")
        storage = {STEPS_SLOT: len(steps)}
        storage |= {first + at: int.from_bytes(step, "big") for at, step in enumerate(steps)}
        return Image(
            inbox=self._read(self._addresses.inbox),
            referee=self._read(self._addresses.referee, storage),
            steps=tuple(self._read(step) for step in steps),
        )

    def _read(self, address: bytes, storage: dict[int, int] | None = None) -> Account:
        return Account(address=address, code=self._client.code(address), storage=storage or {})


def audit(
    party: Party, first: BatchNumber, last: BatchNumber | None, told: Callable[[Audited], None] = lambda audited: None
) -> Audited:
    """Replay up to the first batch, then run every step of the batches in both languages, to the first that differs.

    `told` hears of every step. Raises: BadInput when there are no such batches.
    """
    count = party.inbox.batch_count
    last = BatchNumber(count - 1) if last is None else last
    if not 0 <= first <= last < count:
        raise BadInput("there are no such batches on L1", first=first, last=last, batches=count)
    machine = Machine(genesis_state(decode_genesis(party.rollup.genesis_data)), party.inbox.limited(first))
    while not engine.halted(machine):
        engine.run(machine, 1 << 16)
    machine.inputs = party.inbox.limited(BatchNumber(last + 1))
    tracer = Tracer(machine, party.identity.step)
    runner = TwinRunner(party.inbox, image=Chain(party.client, party.deployment).image)
    found = Audited(first_batch=first, last_batch=last)
    while not engine.halted(machine) and found.right:
        proof = tracer.prove()
        found.steps += 1
        found.by_phase[Phase(proof.phase).name] += 1
        try:
            found.most_gas = max(found.most_gas, runner.check(proof, machine.inputs.batch_limit))
        except DataMismatch as error:
            found.wrong = {"step": found.steps - 1, "batch": int(machine.state.registers.batch_cursor), **error.data}
        told(found)
    found.state_hash = tracer.state_hash
    return found


def audit_facts(found: Audited) -> dict[str, Any]:
    """Return an audit's result as one JSON object."""
    return {
        "right": found.right,
        "first_batch": found.first_batch,
        "last_batch": found.last_batch,
        "steps": found.steps,
        "most_gas": found.most_gas,
        "by_phase": dict(sorted(found.by_phase.items())),
        "state_hash": "0x" + found.state_hash.hex(),
        "wrong": {name: _plain(value) for name, value in found.wrong.items()} if found.wrong else None,
    }


def audit_page(facts: dict[str, Any]) -> Page:
    """Return an audit's result for people."""
    counts = [(name, f"{count:,}") for name, count in facts["by_phase"].items()]
    page: Page = [f"batches {facts['first_batch']} to {facts['last_batch']}: {facts['steps']:,} steps"]
    page.append(table(["", figures()], counts, indent=2))
    if facts["right"]:
        page.append(f"the Referee on L1 comes to the same state in every one of them, {facts['state_hash']}")
        page.append(f"the dearest took {facts['most_gas']:,} gas")
    else:
        page.append("the Referee on L1 disagrees:")
        page += [f"  {name}: {value}" for name, value in facts["wrong"].items()]
    return page


def _plain(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value
