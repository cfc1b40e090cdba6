"""Lies a rogue operator may tell, for demonstrations and for testing that each of them is refuted.

A lie replaces one step of the machine in the asserter's own replay, once, at the first occasion. What is published
stays honest, so anybody's replay shows which step is wrong; every other step of the lying history is honest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

from tallystick.errors import BadInput
from tallystick.machine import engine
from tallystick.machine.bits import clear_bit, lowest_bit, set_bit
from tallystick.machine.machine import Event, Machine
from tallystick.machine.market.book import PAGE_LIMBS, Path, level_index, open_best
from tallystick.schema.names import Phase
from tallystick.state.cells import (
    account_cash_units,
    account_dead_before,
    level_head_page,
    level_tail_page,
    order_account,
    order_expiry_ms,
    order_remaining_lots,
    order_sequence,
    outbox_recipient,
    page_bits,
    risk_market_multiplier_units,
    set_account_cash_units,
    set_outbox_recipient,
)
from tallystick.state.hashing import keccak
from tallystick.state.layout import BUY, INDEX_BITS
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Units
from tallystick.state.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where a lie was told: the registers before its step, and what people need to find it."""

    registers: bytes
    phase: Phase
    batch: int
    record: int
    what: str


class Lie(ABC):
    """A step function that is wrong once.

    Deterministic: when the same history is stepped through again, the lie is told at the same step again, and only
    there. `thief` is the address a theft pays; nothing is told before batch `after_batch`.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    phases: ClassVar[frozenset[Phase]]

    def __init__(self, thief: bytes, after_batch: int = 0) -> None:
        self.thief = thief
        self.after_batch = after_batch
        self.told: Told | None = None

    def step(self, machine: Machine) -> None:
        """Run one step, wrongly if this is the one."""
        registers = machine.state.registers
        phase = registers.phase
        if phase not in self.phases or registers.batch_cursor < self.after_batch or engine.halted(machine):
            engine.step(machine)
            return
        before = registers.pack()
        if self.told is not None and self.told.registers != before:
            engine.step(machine)
            return
        batch, record = registers.batch_cursor, registers.record_count
        what = self.tell(machine)
        if what and self.told is None:
            self.told = Told(registers=before, phase=Phase(phase), batch=batch, record=record, what=what)

    @abstractmethod
    def tell(self, machine: Machine) -> str:
        """Run one step, wrongly if there is an occasion; say what was done, nothing when it was honest."""


class StealWithdrawal(Lie):
    """Money is conserved: the same amount leaves, to somebody else."""

    name = "steal-withdrawal"
    description = "pays somebody's withdrawal to the operator's own address"
    phases = frozenset((Phase.WITHDRAW, Phase.CONSUME_MESSAGE))

    def tell(self, machine: Machine) -> str:
        """Replace the recipient of a withdrawal."""
        state = machine.state
        for name, values in _watched_step(machine):
            if name != "withdrawal":
                continue
            index, account, amount = values
            cell = state.outbox.open(index)
            if outbox_recipient(state.outbox.words, cell) == self.thief:
                return ""
            set_outbox_recipient(state.outbox.words, cell, self.thief)
            state.outbox.mark(index)
            return f"withdrawal {index} of account {account}, {amount} units, goes to 0x{self.thief.hex()}"
        return ""


class WorseFill(Lie):
    """Money is conserved: what the taker loses the maker gains."""

    name = "worse-fill"
    description = "fills a taker one tick worse than the maker's price"
    phases = frozenset((Phase.MATCH_MAKER,))

    def tell(self, machine: Machine) -> str:
        """Move the value of one tick from the taker to the maker."""
        state = machine.state
        for name, values in _watched_step(machine):
            if name != "fill":
                continue
            market, price, lots, side, taker, maker = values[:6]
            loss = lots * risk_market_multiplier_units(state.risk.words, state.risk.open(0), MarketId(market))
            _add_cash(state, taker, -loss)
            _add_cash(state, maker, loss)
            worse = price + 1 if side == BUY else price - 1
            return f"account {taker} trades {lots} lots at {worse} where account {maker} offered {price}"
        return ""


class MintDeposit(Lie):
    """Money is not conserved: the state owes more than the Vault holds, though its own totals agree."""

    name = "mint-deposit"
    description = "credits a deposit twice and adjusts the totals to match"
    phases = frozenset((Phase.CONSUME_MESSAGE,))

    def tell(self, machine: Machine) -> str:
        """Credit a deposit a second time."""
        state = machine.state
        for name, values in _watched_step(machine):
            if name != "deposit":
                continue
            account, amount = values
            _add_cash(state, account, amount)
            state.registers.cash_units = Units(state.registers.cash_units + amount)
            state.registers.deposited_units = Units(state.registers.deposited_units + amount)
            return f"account {account} is credited {amount} units twice"
        return ""


class SkipTimePriority(Lie):
    """Money is conserved: a later order gets the fill."""

    name = "skip-time-priority"
    description = "matches a later order before an earlier one at the same price"
    phases = frozenset((Phase.MATCH_MAKER,))

    def tell(self, machine: Machine) -> str:
        """Hide the oldest order of the best price while one step runs."""
        hidden = _two_oldest(machine)
        if hidden is None:
            engine.step(machine)
            return ""
        page, first, second = hidden
        words = machine.state.pages.words
        field = page_bits(machine.state.pages.open(page))
        clear_bit(words, field, PAGE_LIMBS, first & 63)
        events = _watched_step(machine)
        set_bit(words, field, PAGE_LIMBS, first & 63)
        machine.state.pages.mark(page)
        filled = [values[8] for name, values in events if name == "fill"]
        return f"order {second} is matched before order {first}, which is older" if second in filled else ""


class RandomRoot(Lie):
    """Money is conserved: the noise is where no step ever reads."""

    name = "random-root"
    description = "asserts a state tree with noise in it"
    phases = frozenset((Phase.OPEN_BATCH,))

    def tell(self, machine: Machine) -> str:
        """Write noise into the last outbox cell there could ever be."""
        engine.step(machine)
        outbox = machine.state.outbox
        last = (1 << INDEX_BITS) - 1
        set_outbox_recipient(outbox.words, outbox.open(last), keccak(self.thief)[:20])
        outbox.mark(last)
        return f"outbox cell {last} holds noise"


LIES: Final[dict[str, type[Lie]]] = {
    lie.name: lie for lie in (StealWithdrawal, WorseFill, MintDeposit, SkipTimePriority, RandomRoot)
}


def make_lie(name: str, thief: bytes, after_batch: int = 0) -> Lie:
    """Return a fresh lie by name.

    Raises: BadInput when there is none of that name.
    """
    if name not in LIES:
        raise BadInput(f"there is no lie called {name!r}", hint=f"the lies are {', '.join(LIES)}")
    return LIES[name](thief, after_batch)


def _watched_step(machine: Machine) -> list[Event]:
    """Run one honest step and return its events, which the host gets as well."""
    host = machine.events
    events: list[Event] = []
    machine.events = events
    try:
        engine.step(machine)
    finally:
        machine.events = host
    if host is not None:
        host.extend(events)
    return events


def _add_cash(state: State, account: int, amount: int) -> None:
    base = state.accounts.open(AccountId(account))
    set_account_cash_units(state.accounts.words, base, Units(account_cash_units(state.accounts.words, base) + amount))
    state.accounts.mark(account)


def _two_oldest(machine: Machine) -> tuple[int, int, int] | None:
    """Return (page, slot, slot) of the two oldest orders at the best price when either could be filled next.

    Only when the taker cannot fill both: else the order of the two makes no difference in the end.
    """
    state = machine.state
    registers = state.registers
    path = Path(registers.arg_market, 1 - registers.arg_side)
    if not open_best(state, path):
        return None
    crosses = (
        path.price_ticks <= registers.arg_price_ticks
        if registers.arg_side == BUY
        else path.price_ticks >= registers.arg_price_ticks
    )
    level = state.levels.open(level_index(path))
    page = level_head_page(state.levels.words, level)
    if not crosses or page != level_tail_page(state.levels.words, level):
        return None
    bits = page_bits(state.pages.open(page))
    both = state.pages.words[bits : bits + PAGE_LIMBS]
    first = lowest_bit(both, 0, PAGE_LIMBS)
    if first >= 0:
        clear_bit(both, 0, PAGE_LIMBS, first)
    second = lowest_bit(both, 0, PAGE_LIMBS)
    slots = (page << 6 | first, page << 6 | second)
    if second < 0 or not all(_can_fill(state, slot) for slot in slots):
        return None
    offered = sum(order_remaining_lots(state.orders.words, state.orders.known(slot)) for slot in slots)
    return (page, *slots) if registers.arg_lots < offered else None


def _can_fill(state: State, slot: int) -> bool:
    registers = state.registers
    order = state.orders.open(slot)
    words = state.orders.words
    number = order_account(words, order)
    expiry = order_expiry_ms(words, order)
    account = state.accounts.open(number)
    alive = expiry == 0 or expiry > registers.clock_ms
    kept = order_sequence(words, order) >= account_dead_before(state.accounts.words, account)
    return alive and kept and number != registers.arg_account
