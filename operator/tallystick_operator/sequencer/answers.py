"""What a record is answered: its receipt, and what it did, as the machine's events tell it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

import coincurve
import msgspec

from tallystick.machine.machine import Event
from tallystick.records.group_receipts import sign_packed
from tallystick.records.receipts import sign_receipt
from tallystick.shapes.submitting import Answer, Fill, ItemResult
from tallystick.state.layout import Registers
from tallystick_operator.intake.door import Refused
from tallystick_operator.intake.promises import INBOX_OPEN, PROMISED_WITHIN_SECONDS
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
    """Return what makes the answer to a record that has just run.

    One that is outside the promised chain has a signature by a key; any other gets its promise with its group.
    """
    key = coincurve.PrivateKey(receipt_key)

    def answer(executed: Executed, registers: Registers) -> Answer:
        fills, slot, lots, withdrawal = effects(executed.events)
        place = (executed.number, executed.accumulator, executed.record_hash)
        promised = executed.promised
        return Answer(
            record_number=executed.number,
            accumulator=_hex(executed.accumulator),
            record_hash=_hex(executed.record_hash),
            signature="" if promised else _hex(sign_receipt(key, registers.domain, *place).signature),
            promised_number=promised[0] if promised else None,
            promised_before=_hex(promised[1]) if promised else "",
            outcome=executed.outcome.name,
            clock_ms=registers.clock_ms,
            fills=fills,
            slot=slot,
            resting_lots=lots,
            withdrawal=withdrawal,
            items=items(executed.events),
        )

    return answer


class Promiser:
    """Signs what was answered, once a group of records that follow each other in the promised chain.

    A promise is made when it is given, never kept: whoever asks again gets a new one for the same place, behind a restart
    or a reorganisation as well, and none of them conflict. `epoch` is what `Receipts` on L1 says, `refusal` why nothing new
    is promised now, `until` the second of this machine's clock up to which that nothing stands against it was seen.
    """

    def __init__(self, receipt_key: bytes, domain: bytes) -> None:
        self.epoch = 0
        self.refusal: Refused | None = None
        self.until = inf
        self._key = coincurve.PrivateKey(receipt_key)
        self._domain = domain

    def refuses(self, now: float) -> Refused | None:
        """Return why nothing new is promised at a second of this machine's clock, None when something is."""
        return INBOX_OPEN if self.refusal is None and now >= self.until else self.refusal

    def sign(self, results: Sequence[Answer | Refused], now: int) -> list[Answer | Refused]:
        """Return results with the promises of those that have a place. What they say is on disk. Units: `now` is seconds."""
        found = list(results)
        places = {
            each.promised_number: each
            for each in results
            if isinstance(each, Answer) and each.promised_number is not None
        }
        promises: dict[int, str] = {}
        group: list[Answer] = []
        for number in sorted(places):
            if group and group[0].promised_number != number - len(group):
                promises |= self._sign_group(group, now)
                group = []
            group.append(places[number])
        if group:
            promises |= self._sign_group(group, now)
        for at, each in enumerate(results):
            if isinstance(each, Answer) and each.promised_number is not None:
                found[at] = msgspec.structs.replace(each, promise=promises[each.promised_number])
        return found

    def _sign_group(self, group: Sequence[Answer], now: int) -> dict[int, str]:
        first = group[0].promised_number or 0
        receipts = sign_packed(
            self._key,
            self._domain,
            epoch=self.epoch,
            post_by=now + PROMISED_WITHIN_SECONDS,
            first=first,
            before=bytes.fromhex(group[0].promised_before[2:]),
            record_hashes=[bytes.fromhex(each.record_hash[2:]) for each in group],
        )
        return {number: "0x" + receipt.hex() for number, receipt in enumerate(receipts, first)}


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
