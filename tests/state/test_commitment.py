"""Packing of cells and registers, and the state hash over them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.smt import SparseMerkleTree

from tallystick.schema.structs import CELLS, REGISTERS
from tallystick.schema.vocabulary import Field, Struct
from tallystick.state import layout
from tallystick.state.cells import Market, set_market_net_lots
from tallystick.state.hashing import keccak
from tallystick.state.layout import (
    CELL_BYTES,
    CELL_FORMATS,
    CELL_NAMES,
    CELL_WORDS,
    INDEX_BITS,
    REGISTERS_BYTES,
    Registers,
)
from tallystick.state.ordinals import UnixMs
from tallystick.state.quantities import Lots
from tallystick.state.state import State, cell_key
from tallystick.state.table import Room, Table

settings.register_profile("cells", max_examples=40, deadline=None, derandomize=False)
CELL_SETTINGS = settings.get_profile("cells")
TAGS = range(1, len(CELL_NAMES))
I64_MAX = (1 << 63) - 1


def within_i64(form: struct.Struct, packed: bytes) -> bytes:
    """Return a packed cell or packed registers with numbers no larger than the machine's."""
    values = (min(value, I64_MAX) if isinstance(value, int) else value for value in form.unpack(packed))
    return form.pack(*values)


CELL_VALUES = st.sampled_from(TAGS).flatmap(
    lambda tag: st.tuples(
        st.just(tag),
        st.integers(0, (1 << INDEX_BITS) - 1),
        st.one_of(
            st.just(b""),
            st.binary(min_size=CELL_BYTES[tag], max_size=CELL_BYTES[tag]).map(
                lambda packed: within_i64(CELL_FORMATS[tag], packed)
            ),
        ),
    )
)


def flat_bytes(struct: Struct) -> int:
    """Return a struct's packed length, added up from its field types alone."""

    def size(field: Field) -> int:
        one = field.type.bytes if field.type else flat_bytes(field.inner)
        return one * field.count

    return sum(size(field) for field in struct.fields)


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: CELL_NAMES[tag])
def test_a_packed_cell_is_as_long_as_its_fields(tag: int) -> None:
    assert CELL_BYTES[tag] == flat_bytes(CELLS[tag - 1])
    table = Table(tag, Room())
    table.words[table.row(0)] = 1
    assert len(table.pack(0)) == CELL_BYTES[tag]


@CELL_SETTINGS
@given(CELL_VALUES)
def test_a_loaded_cell_packs_to_what_it_was_loaded_from(cell: tuple[int, int, bytes]) -> None:
    tag, index, packed = cell
    table = Table(tag, Room())
    table.load(index, packed)
    assert table.pack(index) == (packed if any(packed) else b"")
    assert table.used == CELL_WORDS[tag] + 1
    assert all(-(2**63) <= word < 2**64 for word in table.words)


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: CELL_NAMES[tag])
def test_an_all_zero_cell_is_the_empty_cell(tag: int) -> None:
    """I9."""
    state = State()
    empty = state.hash()
    table = state.table(tag)
    base = table.row(3)
    table.mark(3)
    assert table.pack(3) == b""
    assert state.hash() == empty
    table.words[base] = 1
    table.mark(3)
    assert state.hash() != empty
    table.words[base] = 0
    table.mark(3)
    assert state.hash() == empty
    assert list(state.cells()) == []


def test_numbers_are_packed_big_endian_in_the_order_of_their_fields() -> None:
    level = Table(6, Room())
    base = level.row(0)
    for limb, value in enumerate((1, 2, 0x01020304, 0x05060708090A)):
        level.words[base + limb] = value
    assert level.pack(0).hex() == "000000010000000201020304000005060708090a"


def test_a_negative_number_is_packed_as_twos_complement() -> None:
    market = Table(3, Room())
    base = market.row(0)
    set_market_net_lots(market.words, Market(base), Lots(-1))
    assert market.pack(0).count(b"\xff" * 8) == 1


@CELL_SETTINGS
@given(st.binary(min_size=REGISTERS_BYTES, max_size=REGISTERS_BYTES))
def test_loaded_registers_pack_to_what_they_were_loaded_from(packed: bytes) -> None:
    packed = within_i64(layout._REGISTERS, packed)
    registers = Registers()
    registers.load(packed)
    assert registers.pack() == packed


def test_packed_registers_are_as_long_as_their_fields() -> None:
    assert REGISTERS_BYTES == flat_bytes(REGISTERS) == len(Registers().pack())


def test_clearing_the_arguments_zeroes_them_and_nothing_else() -> None:
    registers = Registers()
    registers.load(b"\x11" * REGISTERS_BYTES)
    registers.clear_args()
    first = sum(field.bytes for field in REGISTERS.fields if not field.name.startswith("arg_"))
    assert registers.pack() == b"\x11" * first + bytes(REGISTERS_BYTES - first)


@CELL_SETTINGS
@given(st.lists(st.lists(CELL_VALUES, max_size=8), max_size=4), st.binary(min_size=32, max_size=32))
def test_the_state_hash_after_dirty_updates_is_that_of_a_tree_made_anew(
    rounds: list[list[tuple[int, int, bytes]]], domain: bytes
) -> None:
    """I8."""
    state = State()
    state.registers.domain = domain
    newest: dict[int, bytes] = {}
    for cells in rounds:
        for tag, index, packed in cells:
            state.table(tag).load(index, packed)
            newest[cell_key(tag, index)] = packed if any(packed) else b""
        state.commit()
    anew = SparseMerkleTree(key_size=5)
    for key, value in newest.items():
        anew.set(key.to_bytes(5, "big"), value)
    assert state.commit() == anew.root_hash
    assert state.hash() == keccak(anew.root_hash + keccak(state.registers.pack()))


@CELL_SETTINGS
@given(st.lists(CELL_VALUES, max_size=8))
def test_the_cells_of_a_state_rebuild_it(cells: list[tuple[int, int, bytes]]) -> None:
    state = State()
    for tag, index, packed in cells:
        state.table(tag).load(index, packed)
    other = State()
    for tag, index, packed in state.cells():
        other.table(tag).load(index, packed)
    assert other.hash() == state.hash() == state.copy().hash()


def test_a_copy_of_a_state_does_not_follow_it() -> None:
    state = State()
    state.table(1).load(7, b"\x01" * CELL_BYTES[1])
    before = state.hash()
    other = state.copy()
    state.table(1).load(7, b"")
    state.registers.clock_ms = UnixMs(5)
    assert other.hash() == before != state.hash()


@CELL_SETTINGS
@given(st.lists(st.lists(CELL_VALUES, max_size=8), max_size=4), st.integers(1, 5))
def test_a_root_of_which_parts_were_hashed_before_is_the_same_whatever_is_written_between(
    rounds: list[list[tuple[int, int, bytes]]], part: int
) -> None:
    state, other = State(), State()
    for cells in rounds:
        for tag, index, packed in cells:
            state.table(tag).load(index, packed)
            other.table(tag).load(index, packed)
        before = state.dirty
        state.commit_some(part)
        assert state.dirty == max(0, before - part)
    assert state.commit() == other.commit()
    assert state.dirty == 0
