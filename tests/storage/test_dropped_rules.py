"""What storage, who stands by, limits, the order of what is owed and the index of who is due promise, each dropped: something
must miss it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Final

import pytest

from tallystick.errors import DataMismatch
from tallystick.testing.markets.mutants import Rule, other_code
from tallystick_operator.standby.streamed import Overtaken
from tests.failing import fails
from tests.operator import test_allowances, test_resequence, test_rooms, test_window
from tests.operator.rig import Rig
from tests.standby import test_log_contract, test_streamed, test_understudy
from tests.standby.stores import SIGNER, FileStore, StreamStore
from tests.standby.test_log_contract import write
from tests.steps import test_open_chunk
from tests.storage import test_kills, test_log_files, test_snapshots
from tests.storage.operator_rules import RULES
from tests.storage.test_snapshots import filled


@contextmanager
def dropped(rule: Rule) -> Iterator[None]:
    """Run without a rule."""
    try:
        with other_code(rule):
            _forget()
            yield
    finally:
        _forget()


def _forget() -> None:
    """Begin no play where one began that had another rule."""
    test_kills.begun.cache_clear()
    test_kills.moments.cache_clear()


def two_take_over() -> None:
    """Somebody takes over who has not heard of another's fence."""
    store = StreamStore()
    store.open().append(b"one")
    one, other = store.elsewhere().follow(), store.elsewhere().follow()
    one.follow()
    other.follow()
    assert one.lead(SIGNER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(other._stream, "read", lambda since, most: [])
        assert not other.lead(SIGNER)


def follows() -> None:
    """Who has led hears of another's fence before it has tried to write."""
    store = StreamStore()
    old = store.open()
    store.elsewhere().open()
    while not old.follow():
        pass
    with pytest.raises(Overtaken):
        old.confirm()


def diverges() -> None:
    """The stream loses what the copy has, and somebody who leads then writes something else."""
    store = StreamStore()
    assert write(store, [b"one", b"two"]) == [b"one", b"two"]
    del store.end.stream.messages[2:]
    log = store.restarted().follow()
    store.elsewhere().open().append(b"zwo")
    with pytest.raises(DataMismatch, match="not of one history"):
        log.follow()


PLAYS: Final = {"diverges": diverges, "two take over": two_take_over, "follows": follows}
MODULES: Final = (test_log_files, test_rooms, test_streamed, test_understudy, test_window, test_open_chunk)


def finder(name: str, folder: Path) -> Callable[[], object]:
    """Return what a row names: a play with its number, or a test, which is given a directory with snapshots if it wants one."""
    what, _, number = name.rpartition(" ")
    if name in PLAYS:
        return PLAYS[name]
    if what == "kill":
        return lambda: test_kills.killed(int(number))
    if what == "crash":
        return lambda: test_log_contract.interrupted(FileStore, int(number))
    if what == "terms":
        return lambda: (
            test_rooms.test_whoever_holds_some_of_a_market_is_measured_again_when_its_funding_or_its_rules_change(
                number
            )
        )
    if hasattr(test_log_contract, name):
        return lambda: getattr(test_log_contract, name)(FileStore())
    if hasattr(test_allowances, name):
        test = getattr(test_allowances, name)
        return lambda: test(set_up(folder)) if "rig" in signature(test).parameters else test()
    for module in MODULES:
        if hasattr(module, name):
            return getattr(module, name)  # type: ignore[no-any-return]
    if hasattr(test_snapshots, name):
        return lambda: getattr(test_snapshots, name)(filled(Rig(path=folder)))
    return lambda: getattr(test_resequence, name)(set_up(folder))


def set_up(folder: Path) -> Rig:
    """Return a rig with funded traders and a price."""
    rig = Rig(path=folder)
    rig.open()
    rig.set_up()
    return rig


SLOW: Final = ("a snapshot is whole", "who holds some of what has other terms is measured", "a fall wakes")


@pytest.mark.parametrize(
    "rule",
    [pytest.param(each, id=each.name, marks=[pytest.mark.campaign] if each.name in SLOW else []) for each in RULES],
)
def test_a_dropped_rule_is_missed(rule: Rule, tmp_path: Path) -> None:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    random.seed(0)
    assert not fails(finder(rule.found_by, tmp_path / "with"))
    random.seed(0)
    with dropped(rule):
        assert fails(finder(rule.found_by, tmp_path / "without"))
