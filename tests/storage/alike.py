"""Whether two branches are the same in every field, whatever fields they have."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from tallystick.state.state import State
from tallystick_operator.sequencer.branch import Branch

SCRATCH = {
    "_answer": "makes answers, by the key",
    "_machine": "holds the state and the inputs, which are compared",
    "_events": "of an executor: of the newest record alone, emptied before the next one",
    "_adopted": "read while a batch is adopted, and set anew for each",
    "_chunker": "there is none between two batches, which is where snapshots are made",
    "_first_record": "set when a batch begins",
    "_keep_from": "what a start asks for",
    "unlogged": "reports that no log holds",
    "_moved": "whose cash has moved since the keeper asked, which measures everybody at a start",
    "_suspects": "orders to be asked whether they are dead, among them all that a start cannot say it of",
}
"""What is not compared, and why."""
UNEVEN = {"state_hash"}
"""Of a batch: taken of some and of none that is replayed. The states themselves are compared."""


def plain(value: Any, seen: tuple[str, ...] = ()) -> Any:
    """Return a value as tuples of names and values, all the way down; the order of what is ordered counts."""
    if isinstance(value, int | str | bytes | None):
        return value
    if isinstance(value, State):
        return (value.hash(), value.registers.pack(), tuple(value.cells()))
    if isinstance(value, msgspec.Struct):
        return tuple((name, plain(getattr(value, name))) for name in value.__struct_fields__)
    if is_dataclass(value) and not isinstance(value, type):
        names = [each.name for each in fields(value) if each.name not in UNEVEN]
        return tuple((name, plain(getattr(value, name))) for name in names)
    if isinstance(value, OrderedDict) or (isinstance(value, dict) and seen[-1:] == ("orders",)):
        return tuple((plain(key), plain(each)) for key, each in value.items())
    if isinstance(value, dict) and seen[-1:] == ("_by_account",):
        return tuple(sorted((key, tuple(each)) for key, each in value.items()))
    if isinstance(value, dict):
        return tuple(sorted(((plain(key), plain(each, seen)) for key, each in value.items()), key=repr))
    if isinstance(value, list | tuple | deque):
        return (getattr(value, "maxlen", None), tuple(plain(each) for each in value))
    # A compiled class keeps its attributes in places of their own.
    names = list(vars(value) if hasattr(value, "__dict__") else getattr(value, "__mypyc_attrs__", []))
    if names:
        scratch = SCRATCH.keys() - ({"_events"} if type(value).__name__ == "History" else set())
        known = [(name, getattr(value, name)) for name in sorted(names)]
        return tuple((name, plain(each, (*seen, name))) for name, each in known if name not in scratch)
    return value


def difference(one: Any, other: Any, path: str = "") -> str:
    """Return where two values are not the same first, "" where they are."""
    if one == other:
        return ""
    if not (isinstance(one, tuple) and isinstance(other, tuple)) or len(one) != len(other):
        return f"{path}: {one!r:.300} and {other!r:.300}"
    for at, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        named = isinstance(mine, tuple) and len(mine) == 2 and isinstance(mine[0], str)
        found = difference(mine, theirs, f"{path}.{mine[0] if named else at}")
        if found:
            return found
    return path


def assert_alike(one: Branch, other: Branch) -> None:
    """Compare two branches, and what in them is one object."""
    assert not (found := difference(plain(one), plain(other))), found
    for branch in (one, other):
        history = branch.executor.read_model.history
        shown = {id(each) for account in history._orders.values() for each in account}
        assert all(id(each) in shown for each in history._by_slot.values())
        assert branch.ids._read_model is branch.executor.read_model
        assert branch.executor.read_model._state is branch.executor._machine.state is branch.executor.state
        assert branch.executor._machine.inputs is branch.executor.messages
