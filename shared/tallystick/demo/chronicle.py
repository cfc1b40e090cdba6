"""What happened on L1, told as it happens and kept for the summary: facts from events and receipts alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tallystick.demo.story import Story, gas, short
from tallystick.errors import StateError
from tallystick.l1.client.access import L1
from tallystick.l1.client.events import EventReader, L1Event
from tallystick.l1.deployment import Deployment
from tallystick.schema.names import Phase
from tallystick.state.layout import REGISTERS_BYTES, Registers
from tallystick.state.state import state_hash

MOVES = {
    "RootOpened": "open",
    "EdgeBisected": "bisect",
    "EdgeProven": "prove",
    "DisputeDecided": "update",
}


@dataclass(slots=True, kw_only=True)
class DisputeFacts:
    """The honest side's moves in the dispute.

    Units: gas. `update` is the transaction that brings the totals up to date and decides the dispute, `confirm` the
    one by which the Rollup then confirms the true assertion.
    """

    bisections: int = 0
    step: str = ""
    index: int = -1
    gas: dict[str, list[int]] = field(default_factory=dict)

    def summary(self) -> dict[str, int]:
        """Return the gas of each kind of move, the bisections by their median."""
        costs = {name: sum(self.gas.get(name, [])) for name in ("open", "prove", "update", "confirm")}
        bisections = self.gas.get("bisect", [])
        return {
            "open": costs["open"],
            "bisect_median": int(median(bisections)) if bisections else 0,
            "prove": costs["prove"],
            "update": costs["update"],
            "confirm": costs["confirm"],
            "total": sum(costs.values()) + sum(bisections),
        }


class Chronicle:
    """Follows the contracts' events. `names` says who an address is; `honest` are those who say the truth."""

    def __init__(self, client: L1, deployment: Deployment, story: Story, honest: set[bytes]) -> None:
        self.client = client
        self.story = story
        self.honest = honest
        self.names: dict[bytes, str] = {}
        self.reader = EventReader(client, deployment)
        self.referee = client.contract("Referee", deployment.addresses.referee)
        self.events: list[L1Event] = []
        self.dispute = DisputeFacts()
        self.edges: dict[bytes, tuple[int, int]] = {}
        self._counted: set[tuple[bytes, str]] = set()

    def poll(self) -> list[L1Event]:
        """Read and tell what is new."""
        fresh = [event for batch in self.reader.to_head() for event in batch]
        for event in fresh:
            self.events.append(event)
            self._tell(event)
        return fresh

    def named(self, name: str) -> list[L1Event]:
        """Return every event of a name so far."""
        return [event for event in self.events if event.name == name]

    def who(self, address: bytes) -> str:
        """Return an address's name in the story."""
        return self.names.get(address, short("0x" + address.hex()))

    def _tell(self, event: L1Event) -> None:
        teller: Callable[[L1Event, dict[str, Any]], None] | None = getattr(self, f"_on_{event.name}", None)
        if teller is not None:
            teller(event, event.args)

    def _gas(self, event: L1Event, mover: bytes) -> int:
        """Return the gas of an event's transaction, counted once a kind for the honest side."""
        receipt = self.client.receipt(event.tx_hash)
        used = receipt.gas_used if receipt else 0
        kind = MOVES.get(event.name, "")
        if kind and mover in self.honest and (event.tx_hash, kind) not in self._counted:
            self._counted.add((event.tx_hash, kind))
            self.dispute.gas.setdefault(kind, []).append(used)
        return used

    def _on_BatchPosted(self, event: L1Event, args: dict[str, Any]) -> None:
        used = self._gas(event, b"")
        chunks = "1 chunk" if args["chunkCount"] == 1 else f"{args['chunkCount']} chunks"
        self.story.say(f"batch {args['index']} is on L1: {chunks}, {gas(used)}")

    def _on_AssertionPosted(self, event: L1Event, args: dict[str, Any]) -> None:
        used = self._gas(event, b"")
        who = self.who(args["proposer"])
        state = short("0x" + args["stateHash"].hex())
        self.story.say(f"{who} asserts state {state} for the batches below {args['limit']} ({gas(used)})")

    def _on_AssertionRivalled(self, event: L1Event, args: dict[str, Any]) -> None:
        self.story.say("[yellow]two assertions for the same batches: one of them is a lie[/yellow]")

    def _on_AssertionConfirmed(self, event: L1Event, args: dict[str, Any]) -> None:
        receipt = self.client.receipt(event.tx_hash)
        if receipt and self.named("DisputeDecided"):
            self.dispute.gas.setdefault("confirm", []).append(receipt.gas_used)
        self.story.say(f"[green]state {short('0x' + args['stateHash'].hex())} is confirmed on L1[/green]")

    def _on_AssertionRejected(self, event: L1Event, args: dict[str, Any]) -> None:
        self.story.say(f"[red]assertion {short('0x' + args['id'].hex())} is rejected: its bond is gone[/red]")

    def _on_RootOpened(self, event: L1Event, args: dict[str, Any]) -> None:
        opener = args["opener"]
        used = self._gas(event, opener)
        self.story.say(f"{self.who(opener)} commits to all 1,048,576 steps behind its assertion ({gas(used)})")

    def _on_EdgeAdded(self, event: L1Event, args: dict[str, Any]) -> None:
        self.edges[args["edge"]] = args["height"], args["index"]

    def _on_EdgeBisected(self, event: L1Event, args: dict[str, Any]) -> None:
        mover = args["mover"]
        used = self._gas(event, mover)
        height, index = self.edges.get(args["edge"], (0, 0))
        if mover in self.honest:
            self.dispute.bisections += 1
        span = 1 << height
        first = index * span
        where = f"steps {first:,} to {first + span - 1:,}"
        self.story.say(f"level {20 - height + 1:2}: {self.who(mover):<10} opens {where} ({gas(used)})")

    def _on_EdgeProven(self, event: L1Event, args: dict[str, Any]) -> None:
        mover = args["mover"]
        used = self._gas(event, mover)
        self.dispute.index = self.edges.get(args["edge"], (0, -1))[1]
        calldata = self.client.transaction_input(event.tx_hash) or b""
        witness = _find_witness(calldata, args["pre"])
        registers = Registers()
        registers.load(witness[:REGISTERS_BYTES])
        self.dispute.step = Phase(registers.phase).name
        limit = self.named("DisputeOpened")[-1].args["limit"]
        post = self.referee.call("step", args["pre"], limit, witness)
        self.story.say(
            f"[bold]the Referee runs step {self.dispute.index:,}, {self.dispute.step}, itself ({gas(used)})[/bold]"
        )
        self.story.say(
            f"        before it: record {registers.record_count:,}, state {short('0x' + args['pre'].hex())}; "
            f"the contract computes {short('0x' + post.hex())}, as the challenger did: the operator's is a lie"
        )

    def _on_DisputeDecided(self, event: L1Event, args: dict[str, Any]) -> None:
        used = self._gas(event, next(iter(self.honest)))
        self.story.say(f"[green]the honest root has waited out the challenge period and wins ({gas(used)})[/green]")

    def _on_DisputeSettled(self, event: L1Event, args: dict[str, Any]) -> None:
        back, lost, pot = (args[name] / 10**18 for name in ("bondWei", "forfeitedWei", "potWei"))
        self.story.say(
            f"bonds: {back:g} ETH back to the honest side; of the liar's, {lost:g} burn and {pot:g} repay moves"
        )

    def _on_Claimed(self, event: L1Event, args: dict[str, Any]) -> None:
        used = self._gas(event, b"")
        self.story.say(
            f"[green]the Vault pays {self.who(args['recipient'])} {args['units'] / 1e6:,.2f} ({gas(used)})[/green]"
        )


def _find_witness(calldata: bytes, pre: bytes) -> bytes:
    """Return the witness in a proof's calldata: it begins with the registers and root of the state before the step."""
    for at in range(36, len(calldata) - REGISTERS_BYTES - 32, 32):
        packed = calldata[at : at + REGISTERS_BYTES]
        root = calldata[at + REGISTERS_BYTES : at + REGISTERS_BYTES + 32]
        if state_hash(root, packed) == pre:
            return calldata[at : at + int.from_bytes(calldata[at - 32 : at], "big")]
    raise StateError("a proof's calldata holds no witness for its state", pre=pre)
