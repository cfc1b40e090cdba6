"""Cells by name: each field lies where the layout says, under the name Solidity has for it, and knows its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.machine import engine
from tallystick.machine.machine import Machine, NoInputs
from tallystick.proof.tracer import Tracer
from tallystick.schema.market_rules import camel
from tallystick.schema.structs import CELLS
from tallystick.schema.targets.cells_target import plural
from tallystick.schema.vocabulary import FieldType, Struct
from tallystick.state import cells
from tallystick.state.cells import order_side, set_account_cash_units
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units
from tallystick.state.state import State
from tallystick.state.table import Table

CELLS_SOL = Path(__file__).resolve().parents[2] / "contracts/src/libraries/generated/Cells.sol"
KINDS = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)


def fields_of(cell: Struct) -> Iterator[tuple[str, FieldType, tuple[int, ...]]]:
    """Yield every field's function, type and number among its like, in the order in which they are packed."""
    for field in cell.fields:
        for i in range(field.count):
            if field.type is not None:
                yield f"{cell.name.lower()}_{field.name}", field.type, (i,) if field.count > 1 else ()
                continue
            for part in field.inner.fields:
                assert part.type is not None
                yield f"{cell.name.lower()}_{field.name.removesuffix('s')}_{part.name}", part.type, (i,)


def filled(cell: Struct) -> tuple[Table, int]:
    """Return a table and a handle of a cell whose words count up from 0."""
    table = State().table(cell.tag)
    assert type(table) is getattr(cells, plural(cell.name))
    handle = table.row(5)
    for word in range(cell.words):
        table.words[handle + word] = word
    return table, handle


@KINDS
def test_fields_read_by_name_lie_one_behind_the_other_as_they_are_packed(cell: Struct) -> None:
    table, handle = filled(cell)
    read: list[int] = []
    for name, kind, i in fields_of(cell):
        function: Callable[..., Any] = getattr(cells, name)
        if kind.solidity == "address":
            address = function(table.words, handle, *i)
            read += [int.from_bytes(address[at : at + 4], "big") for at in range(0, 20, 4)]
        elif kind.limbs > 1:
            first = function(handle, *i)
            read += table.words[first : first + kind.limbs]
        else:
            read.append(function(table.words, handle, *i))
    assert read == list(range(cell.words))


@KINDS
def test_a_field_written_by_name_is_read_again_and_no_other_changes(cell: Struct) -> None:
    table, handle = filled(cell)
    before = [*table.words]
    for name, kind, i in fields_of(cell):
        if kind.limbs > 1 and kind.solidity != "address":
            assert f"set_{name}" not in vars(cells)
            continue
        value = bytes(range(20)) if kind.solidity == "address" else 9_999
        held = getattr(cells, name)(table.words, handle, *i)
        getattr(cells, f"set_{name}")(table.words, handle, *i, value)
        assert getattr(cells, name)(table.words, handle, *i) == value
        assert sum(old != new for old, new in zip(before, table.words, strict=True)) == kind.limbs
        getattr(cells, f"set_{name}")(table.words, handle, *i, held)
        assert [*table.words] == before


@KINDS
def test_solidity_has_the_same_fields_under_the_same_names(cell: Struct) -> None:
    library = CELLS_SOL.read_text(encoding="utf-8").partition(f"library {cell.name}Lib {{")[2].partition("\n}\n")[0]
    prefix = f"{cell.name.lower()}_"
    ours = {camel(name.removeprefix(prefix)) for name, _, _ in fields_of(cell)}
    theirs = {name for name in re.findall(r"function (\w+)\(", library) if not re.match("set[A-Z]", name)}
    assert theirs == ours | {"clear"}


def test_a_cell_is_found_once_it_was_opened_and_not_before() -> None:
    orders = State().orders
    assert orders.find(7) is None and not orders.every()
    with pytest.raises(KeyError):
        orders.known(7)
    assert orders.open(7) == orders.find(7) == orders.known(7)
    assert orders.every() == [(7, orders.known(7))]


def test_the_type_checker_refuses_a_number_or_another_kinds_handle_for_a_cell() -> None:
    """Mypy fails here, should it not: an ignored error that is none is an error."""
    state = State()
    words = state.orders.words
    number = state.registers.arg_account
    assert order_side(words, state.orders.open(1)) == 0
    order_side(words, state.accounts.open(1))  # type: ignore[arg-type]
    order_side(words, number)  # type: ignore[arg-type]
    order_side(words, 1)  # type: ignore[arg-type]


def test_a_step_that_writes_a_cell_and_forgets_to_mark_it_is_found() -> None:
    def forget(machine: Machine) -> None:
        accounts = machine.state.accounts
        set_account_cash_units(accounts.words, accounts.open(AccountId(7)), Units(1))

    def remember(machine: Machine) -> None:
        forget(machine)
        machine.state.accounts.mark(7)

    assert Tracer(Machine(State(), NoInputs()), engine.step).prove().accesses == ()
    assert len(Tracer(Machine(State(), NoInputs()), remember).prove().accesses) == 1
    with pytest.raises(AssertionError, match="Account 7 was written and not marked"):
        Tracer(Machine(State(), NoInputs()), forget).prove()
