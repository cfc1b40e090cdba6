"""NEXT_ITEM: hand the next item of a bulk to the step of its kind."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tallystick.machine.admission import is_listed
from tallystick.machine.machine import Machine, begin_items, end_items
from tallystick.records.codec import BY_NAME, Record, decode
from tallystick.state.codes import Outcome, Phase
from tallystick.state.fields import BulkFields, OrderFields
from tallystick.state.layout import (
    HALF_CANCELLED,
    ITEM_BYTES,
    ITEM_CANCEL,
    ITEM_CANCEL_BYTES,
    ITEM_MOST,
    ITEM_REPLACE,
    ITEM_SIDE_SHIFT,
    ITEM_SLOT_BYTES,
    MAX_AMOUNT,
    MAX_MARKETS,
    MAX_SLOT,
    Registers,
)
from tallystick.state.ordinals import AccountId, MarketId, SignedMarket, UnixMs
from tallystick.state.quantities import Lots, Ticks

MOST_FLAGS: Final = BY_NAME["order"].fields[OrderFields.FLAGS].limit


def step(machine: Machine) -> None:
    """Begin the next item, place behind the cancel of a replace, or end the bulk behind its last item.

    An item that is none ends the bulk; those before it stand. The order of a replace is not placed when there was
    nothing to cancel, or the old one has become it in its place. Nothing comes of an order for another series of its
    market, nor of such a replace, and the bulk goes on. Rejects: MALFORMED, OUT_OF_RANGE, NO_MARKET. Twin:
    contracts/src/referee/steps/NextItem.sol.
    """
    registers = machine.state.registers

    # READ
    begin_items(registers, Phase.NEXT_ITEM)
    record = decode(machine.record_in_progress())
    # FETCH_RECORD has found it sound.
    assert isinstance(record, Record)
    items, slots = record.blobs
    begin = registers.bulk_item
    if begin == len(items):
        _end(machine, Outcome.ACCEPTED)
        return

    # CHECK
    what: i64 = items[begin] & 3
    end: i64 = begin + (ITEM_CANCEL_BYTES if what == ITEM_CANCEL else ITEM_BYTES)
    if end > len(items):
        _end(machine, Outcome.MALFORMED)
        return
    item = items[begin:end]
    rejection = _check(item, what)
    if rejection != Outcome.ACCEPTED:
        _end(machine, rejection)
        return

    if registers.bulk_half == 0 and what != ITEM_CANCEL and not is_listed(machine, _named(item)):
        machine.emit("item", what)
        registers.bulk_item = end
        registers.bulk_slot += ITEM_SLOT_BYTES if what == ITEM_REPLACE else 0
        machine.finish(Outcome.NO_MARKET)
        return

    # APPLY
    if what == ITEM_REPLACE and registers.bulk_half:
        goes = registers.bulk_half == HALF_CANCELLED and registers.outcome == Outcome.ACCEPTED
        registers.bulk_half = 0
        registers.bulk_item = end
        if goes:
            _place(registers, record, item)
        return
    machine.emit("item", what)
    if what in (ITEM_CANCEL, ITEM_REPLACE):
        _cancel(registers, record, item, slots)
        registers.bulk_half = HALF_CANCELLED if what == ITEM_REPLACE else 0
    else:
        _place(registers, record, item)
    if what != ITEM_REPLACE:
        registers.bulk_item = end

    # WRITE: registers only.


def _end(machine: Machine, outcome: i64) -> None:
    end_items(machine.state.registers)
    machine.finish(outcome)


def _check(item: bytes, what: i64) -> i64:
    """Say whether bytes are an item, and its numbers within the limits of an order's."""
    most: i64 = ITEM_CANCEL if what == ITEM_CANCEL else ITEM_MOST
    if what > ITEM_REPLACE or item[0] > most:
        return Outcome.MALFORMED
    if int.from_bytes(item[-8:], "big") > MAX_AMOUNT:
        return Outcome.OUT_OF_RANGE
    if what == ITEM_CANCEL:
        return Outcome.ACCEPTED
    return Outcome.OUT_OF_RANGE if int.from_bytes(item[3:5], "big") > MOST_FLAGS else Outcome.ACCEPTED


def _named(item: bytes) -> SignedMarket:
    """Return the market of an order with the series that was signed beside it."""
    return SignedMarket(int.from_bytes(item[1:3], "big"))


def _cancel(registers: Registers, record: Record, item: bytes, slots: bytes) -> None:
    """Cancel the order with the item's client id; of a replace the step is told what is to stand in its place."""
    slot = registers.bulk_slot
    registers.arg_account = AccountId(record.values[BulkFields.ACCOUNT])
    registers.arg_client_id = int.from_bytes(item[-8:], "big")
    if item[0] & 3 == ITEM_REPLACE:
        _set_order(registers, record, item)
    given = slots[slot : slot + ITEM_SLOT_BYTES] if slot + ITEM_SLOT_BYTES <= len(slots) else b""
    registers.arg_order_slot = int.from_bytes(given, "big") & MAX_SLOT
    registers.bulk_slot = slot + ITEM_SLOT_BYTES
    registers.phase = Phase.CANCEL_ORDER


def _place(registers: Registers, record: Record, item: bytes) -> None:
    registers.arg_account = AccountId(record.values[BulkFields.ACCOUNT])
    registers.arg_client_id = int.from_bytes(item[-8:], "big")
    _set_order(registers, record, item)
    registers.phase = Phase.PLACE_ORDER


def _set_order(registers: Registers, record: Record, item: bytes) -> None:
    registers.arg_market = MarketId(_named(item) & MAX_MARKETS - 1)
    registers.arg_side = item[0] >> ITEM_SIDE_SHIFT
    registers.arg_flags = int.from_bytes(item[3:5], "big")
    registers.arg_price_ticks = Ticks(int.from_bytes(item[5:8], "big"))
    registers.arg_lots = Lots(int.from_bytes(item[8:12], "big"))
    registers.arg_time_ms = UnixMs(record.values[BulkFields.EXPIRY_MS])
