"""What says how much has a type of its own where the state keeps it, so that lots are not taken for units."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final, get_type_hints

import pytest

from tallystick.schema.amount_types import AMOUNTS, SUMS, amount_of
from tallystick.schema.structs import CELLS, REGISTERS
from tallystick.schema.targets.cells_target import places
from tallystick.state import cells, quantities
from tests.meta.tree import ROOT

STATE: Final = ROOT / "shared" / "tallystick" / "state"
MACHINE: Final = ROOT / "shared" / "tallystick" / "machine"
TYPES: Final = {each.name for each in AMOUNTS}
BORDERS: Final = ("market/funding.py", "market/instrument.py", "market/margin.py")
"""Where what the state keeps becomes what it is worth: their functions take and give amounts by their types."""
FIELDS: Final = {
    part.name for cell in CELLS for field in cell.fields for part in (field.inner.fields if field.group else (field,))
} | {name for register in REGISTERS.fields for name in register.names}


def test_a_cell_gives_and_takes_an_amount_by_its_type() -> None:
    found = [(cell, place) for cell in CELLS for place in places(cell) if place.number in TYPES]
    assert len(found) > 40
    for cell, place in found:
        name = f"{cell.name.lower()}_{place.name}"
        expected = vars(quantities)[place.number]
        assert get_type_hints(vars(cells)[name])["return"] is expected
        assert get_type_hints(vars(cells)[f"set_{name}"])["value"] is expected


def test_a_register_that_holds_an_amount_has_its_type() -> None:
    tree = ast.parse((STATE / "layout.py").read_text(encoding="utf-8"))
    kinds = {
        ast.unparse(each.target).rpartition(".")[2]: ast.unparse(each.annotation)
        for each in ast.walk(tree)
        if isinstance(each, ast.AnnAssign)
    }
    held = {each.name: amount_of(each.name) for each in REGISTERS.fields if amount_of(each.name)}
    assert held == {name: kinds[name] for name in held} != {}


def test_what_ends_in_a_unit_and_is_no_amount_of_it_is_there() -> None:
    units = {each.unit for each in AMOUNTS} - {""}
    assert all(name.rpartition("_")[2] in units and amount_of(name) == "" for name in SUMS)
    texts = "".join(path.read_text(encoding="utf-8") for path in MACHINE.rglob("*.py"))
    assert [name for name in SUMS if name not in FIELDS and f".{name}" not in texts] == []


def test_each_name_means_one_amount() -> None:
    called = [name for each in AMOUNTS for name in each.called]
    assert len(called) == len(set(called))
    assert {amount_of(name) for name in ("cash_units", "arg_lots", "mark_ticks", "band_ppm")} == {
        "Units",
        "Lots",
        "Ticks",
        "Ppm",
    }
    assert (amount_of("basis_ppm"), amount_of("multiplier_units")) == ("TickPpm", "UnitsPerTick")
    assert amount_of("clock_ms") == amount_of("units_of") == ""


@pytest.mark.parametrize("path", BORDERS)
def test_no_plain_number_is_taken_where_an_amount_is_meant(path: str) -> None:
    tree = ast.parse((MACHINE / path).read_text(encoding="utf-8"))
    taken = [each for each in ast.walk(tree) if isinstance(each, ast.arg) and amount_of(each.arg)]
    assert taken
    assert [each.arg for each in taken if ast.unparse(each.annotation or each) != amount_of(each.arg)] == []


def test_the_types_are_what_the_schema_says() -> None:
    made = [
        ast.unparse(each)
        for each in ast.parse((STATE / "quantities.py").read_text()).body
        if isinstance(each, ast.Assign)
    ]
    types = [f"{each.name} = NewType('{each.name}', i64)" for each in AMOUNTS]
    assert made == [*types, "Amount = " + " | ".join(each.name for each in AMOUNTS)]


MIXED: Final = """
from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.arith import ppm_up
from tallystick.machine.market.instrument import worth_of
from tallystick.state.cells import (
    Account, Market, Risk, account_cash_units, account_position_size_lots, market_taker_fee_ppm, set_account_cash_units
)
from tallystick.state.layout import Registers
from tallystick.state.ordinals import MarketId


def mixed(words: vec[i64], account: Account, market: Market, risk: Risk, registers: Registers) -> None:
    size_lots = account_position_size_lots(words, account, 0)
    set_account_cash_units(words, account, size_lots)
    registers.arg_lots = account_cash_units(words, account)
    ppm_up(market_taker_fee_ppm(words, market), market_taker_fee_ppm(words, market))
    worth_of(words, risk, MarketId(0), size_lots, 0)
    set_account_cash_units(words, account, 5)
"""


@pytest.mark.timeout(300)
def test_mypy_refuses_lots_where_units_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "mixed.py").write_text(MIXED, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(tmp_path / "mixed.py")]
    told = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True).stdout.splitlines()
    begin = MIXED.splitlines().index("    size_lots = account_position_size_lots(words, account, 0)") + 2
    assert [int(line.split(":")[1]) for line in told if ": error:" in line] == list(range(begin, begin + 5))
