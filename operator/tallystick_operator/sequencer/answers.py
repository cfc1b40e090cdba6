"""What a record is answered: its receipt, and what it did, as the machine's events tell it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import coincurve

from tallystick.machine.machine import Event
from tallystick.records.receipts import sign_receipt
from tallystick.shapes.submitting import Answer, Fill, ItemResult
from tallystick.state.layout import Registers
from tallystick_operator.sequencer.executor import Executed
from tallystick_operator.sequencer.recent import OUTCOME_NAMES

NONE: Final[list[Fill]] = []
"""The fills of every item without any: answers are kept, and so many empty lists take room and time."""


def effects(events: tuple[Event, ...]) -> tuple[list[Fill], int | None, int, int | None]:
    """Return what a record did: its fills, what went into the book and where, the number of its withdrawal."""
    fills: list[Fill] = []
    slot: int | None = None
    lots = 0
    withdrawal: int | None = None
    for name, values in events:
        if name == "fired":
            # What follows are other people's orders, which a price report has set off.
            break
        if name in ("fill", "block"):
            fills.append(Fill(price_ticks=values[1], lots=values[2], maker=values[5]))
        elif name in ("rested", "parked", "amended"):
            slot, lots = values[2], values[3]
        elif name == "withdrawal":
            withdrawal = values[0]
    return fills, slot, lots, withdrawal


def items(events: tuple[Event, ...]) -> list[ItemResult]:
    """Return what became of each item of a bulk, whose own outcome is the last event, or of each pair of a report."""
    begins = [at for at, (name, _) in enumerate(events) if name in ("item", "pair")]
    if not begins:
        return []
    last = len(events) - 1 if events[begins[0]][0] == "item" else len(events)
    found: list[ItemResult] = []
    for begin, end in zip(begins, [*begins[1:], last], strict=False):
        part = events[begin:end]
        fills, slot, lots, _ = effects(part)
        name, values = part[-1]
        if name != "outcome":
            values = next(values for name, values in reversed(part) if name == "outcome")
        found.append(ItemResult(outcome=OUTCOME_NAMES[values[0]], fills=fills or NONE, slot=slot, resting_lots=lots))
    return found


def signed_with(receipt_key: bytes) -> Callable[[Executed, Registers], Answer]:
    """Return what makes the answer to a record that has just run, with a receipt by a key."""
    key = coincurve.PrivateKey(receipt_key)

    def answer(executed: Executed, registers: Registers) -> Answer:
        receipt = sign_receipt(key, registers.domain, executed.number, executed.accumulator, executed.record_hash)
        fills, slot, lots, withdrawal = effects(executed.events)
        return Answer(
            record_number=receipt.number,
            accumulator=_hex(receipt.accumulator),
            record_hash=_hex(receipt.record_hash),
            signature=_hex(receipt.signature),
            outcome=executed.outcome.name,
            clock_ms=registers.clock_ms,
            fills=fills,
            slot=slot,
            resting_lots=lots,
            withdrawal=withdrawal,
            items=items(executed.events),
        )

    return answer


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
