"""Authenticated orders straight to their steps, many in one call: for replays and measurements."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.engine import advance
from tallystick.machine.machine import Machine
from tallystick.state.codes import Phase
from tallystick.state.layout import WORK
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Lots, Ticks

INPUT_WORDS: Final = 8
"""Words of one input: account, market, side, flags, price in ticks, lots, client id, and which quote it replaces."""

NO_QUOTE: Final = -1


class Quotes:
    """Where the quotes rest that later ones replace. Shape: by quote, the slot (-1 for none) and client id."""

    def __init__(self, count: i64) -> None:
        self.slots: vec[i64] = vec[i64]([NO_QUOTE] * count)
        self.ids: vec[i64] = vec[i64]([0] * count)


def drive(machine: Machine, orders: vec[i64], first: i64, last: i64, quotes: Quotes) -> i64:
    """Run inputs `first` to before `last`, each order to its end, and return how many steps that took.

    What FETCH_RECORD does is left out: hashing, decoding, signature and nonce. An input that names a quote first cancels
    what rests for it, as a record of its own.
    """
    registers = machine.state.registers
    steps: i64 = 0
    number: i64 = first
    while number < last:
        at = number * INPUT_WORDS
        quote = orders[at + 7]
        if quote >= 0 and quotes.slots[quote] >= 0:
            registers.record_count += 1
            registers.arg_account = AccountId(orders[at])
            registers.arg_order_slot = quotes.slots[quote]
            registers.arg_client_id = quotes.ids[quote]
            steps += _run(machine, Phase.CANCEL_ORDER)
        registers.record_count += 1
        registers.arg_account = AccountId(orders[at])
        registers.arg_market = MarketId(orders[at + 1])
        registers.arg_side = orders[at + 2]
        registers.arg_flags = orders[at + 3]
        registers.arg_price_ticks = Ticks(orders[at + 4])
        registers.arg_lots = Lots(orders[at + 5])
        registers.arg_client_id = orders[at + 6]
        registers.work = WORK
        machine.rested = NO_QUOTE
        steps += _run(machine, Phase.PLACE_ORDER)
        if quote >= 0:
            quotes.slots[quote] = machine.rested
            quotes.ids[quote] = orders[at + 6]
        number += 1
    return steps


def _run(machine: Machine, phase: i64) -> i64:
    registers = machine.state.registers
    registers.phase = phase
    steps: i64 = 0
    # Where no chunk is open, an order's end leads to the next one.
    while registers.phase != Phase.FETCH_RECORD and registers.phase != Phase.OPEN_CHUNK:  # noqa: PLR1714 -- unboxed
        advance(machine)
        steps += 1
    return steps
