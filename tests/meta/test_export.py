"""What the export writes of a contract, and which contracts it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.tools.export_artifacts import (
    ARTIFACTS,
    CODE_LIMIT,
    SNAPSHOTS,
    Compiled,
    Rejected,
    abi_line,
    export,
    storage,
)

EDGE = [{"name": "id", "type": "bytes32"}, {"name": "height", "type": "uint8"}]


def compiled(*, code: int = 2, **output: Any) -> Compiled:
    given: dict[str, Any] = {
        "abi": [],
        "bytecode": {"object": "0x6000", "linkReferences": {}},
        "deployedBytecode": {"object": "0x" + "00" * code, "immutableReferences": {}},
        "storageLayout": {"storage": [], "types": None},
    }
    return Compiled(name="Toy", output=given | output)


def test_a_contract_at_the_code_limit_passes_and_one_byte_more_is_refused() -> None:
    export([compiled(code=CODE_LIMIT)])
    with pytest.raises(Rejected, match=str(CODE_LIMIT + 1)):
        export([compiled(code=CODE_LIMIT + 1)])


def test_a_name_taken_twice_is_refused() -> None:
    with pytest.raises(Rejected, match="two contracts are called Toy"):
        export([compiled(), compiled()])


def test_a_contract_with_open_links_is_refused() -> None:
    links = {"object": "0x6000", "linkReferences": {"L.sol": {"Lib": [{"start": 1, "length": 20}]}}}
    with pytest.raises(Rejected, match="Lib"):
        export([compiled(bytecode=links)])


def test_each_contract_gives_an_artifact_and_two_snapshots() -> None:
    assert set(export([compiled()])) == {
        ARTIFACTS / "Toy.json",
        SNAPSHOTS / "abi" / "Toy.txt",
        SNAPSHOTS / "storage" / "Toy.json",
        SNAPSHOTS / "sizes.json",
    }


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            {"type": "function", "name": "f", "inputs": [], "outputs": [{"name": "", "type": "bool"}]}
            | {"stateMutability": "view"},
            "function f() view returns (bool)",
        ),
        (
            {"type": "function", "name": "g", "inputs": [{"name": "e", "type": "tuple[2]", "components": EDGE}]}
            | {"outputs": [], "stateMutability": "nonpayable"},
            "function g((bytes32 id, uint8 height)[2] e)",
        ),
        (
            {"type": "event", "name": "E", "inputs": [{"name": "a", "type": "uint64", "indexed": True}]},
            "event E(uint64 indexed a)",
        ),
        (
            {"type": "constructor", "inputs": [{"name": "t", "type": "address"}], "stateMutability": "payable"},
            "constructor(address t) payable",
        ),
        ({"type": "receive", "stateMutability": "payable"}, "receive() payable"),
    ],
)
def test_an_abi_entry_reads_as_solidity(entry: dict[str, Any], line: str) -> None:
    assert abi_line(entry) == line


def test_the_members_behind_a_mapping_of_arrays_are_shown() -> None:
    word = {"label": "uint64", "numberOfBytes": "8"}
    types: dict[str, dict[str, Any]] = {
        "m": {"label": "mapping(bytes32 => struct S[])", "numberOfBytes": "32", "value": "a"},
        "a": {"label": "struct S[]", "numberOfBytes": "32", "base": "s"},
        "s": {"label": "struct S", "numberOfBytes": "32", "members": []},
        "w": word,
    }
    types["s"]["members"] = [{"label": "x", "slot": "0", "offset": 8, "type": "w"}]
    layout = {"storage": [{"label": "m", "slot": "3", "offset": 0, "type": "m"}], "types": types}
    (shown,) = storage(compiled(storageLayout=layout))
    assert shown["slot"] == 3
    assert shown["members"] == [{"label": "x", "slot": 0, "offset": 8, "bytes": 8, "type": "uint64"}]
