"""What storage, the order of what is owed, and the index of who is due promise, each dropped: something must miss it.

A rule is a line of a function; what stands in its place, and what then fails, stand beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from tallystick.testing.markets.mutants import Rule, mutated
from tests.operator import test_resequence, test_rooms
from tests.operator.rig import Rig
from tests.standby import test_log_contract
from tests.standby.stores import FileStore
from tests.storage import test_kills, test_log_files, test_snapshots
from tests.storage.test_snapshots import filled

STORAGE: Final = "tallystick_operator.storage."
SEQUENCER: Final = "tallystick_operator.sequencer."
ROOMS: Final = "tallystick.machine.hosts.rooms:Rooms."
LOG: Final = STORAGE + "logfiles:LogFiles."
SNAPSHOTS: Final = STORAGE + "operator_snapshots:Snapshots."


def row(name: str, place: str, before: str, instead: str, found_by: str) -> Rule:
    """Return a rule: `place` is a module and a function in it."""
    return Rule("", name, place, before, instead, found_by)


RULES: Final = [
    row("a group is on disk before it is told", LOG + "append", "    self._file.sync()\n", "", "crash 1"),
    row("a file's name is on disk before its frames", LOG + "_make", "    self._disk.sync()\n", "", "crash 1"),
    row(
        "a file's header is on disk before its frames",
        LOG + "_make",
        "        file.sync()\n",
        "        pass\n",
        "crash 377",
    ),
    row(
        "the mark follows what is on disk",
        LOG + "append",
        "    self._mark()\n",
        "",
        "test_a_log_that_lacks_what_was_acknowledged_is_refused",
    ),
    row(
        "what was acknowledged is there",
        LOG + "_find_end",
        "if marked is not None and at.at < marked.at:",
        "if False:",
        "test_a_log_that_lacks_what_was_acknowledged_is_refused",
    ),
    row(
        "what was acknowledged is this",
        LOG + "_find_end",
        "at.at == marked.at and at != marked",
        "False",
        "test_another_log_as_long_as_what_was_acknowledged_is_refused",
    ),
    row(
        "each frame follows the one before",
        LOG + "payloads",
        "raise _damaged(each.name, self._offset(each, at))",
        "return",
        "test_a_flipped_bit_anywhere_in_what_was_acknowledged_is_told",
    ),
    row(
        "a place is of one history",
        LOG + "leads_through",
        "return begins[-1].begin == place",
        "return True",
        "test_a_log_is_read_from_any_place_and_knows_its_places",
    ),
    row(
        "a snapshot is of this history",
        SNAPSHOTS + "fitting",
        "elif not log.files.leads_through(head.place):",
        "elif False:",
        "test_a_snapshot_ahead_of_the_log_or_of_another_history_is_passed_over",
    ),
    row(
        "a snapshot is not ahead of the log",
        SNAPSHOTS + "fitting",
        "if head.at > log.end.at:",
        "if False:",
        "test_a_snapshot_ahead_of_the_log_or_of_another_history_is_passed_over",
    ),
    row(
        "a snapshot is whole",
        SNAPSHOTS + "load",
        "if blake2b(memoryview(data)[DIGEST_BYTES:], digest_size=DIGEST_BYTES).digest() != data[:DIGEST_BYTES]:",
        "if False:",
        "test_a_flipped_bit_or_a_cut_anywhere_has_a_snapshot_passed_over",
    ),
    row(
        "a snapshot is of this version",
        SNAPSHOTS + "_check",
        "head.version != self.version",
        "False",
        "test_a_snapshot_of_another_version_or_deployment_or_name_is_passed_over",
    ),
    row(
        "a snapshot's history counts",
        STORAGE + "rebuilding:usable",
        "lowest is not None and lowest < head.batches",
        "False",
        "test_a_turn_begins_with_the_newest_snapshot_at_or_below_the_fork",
    ),
    row(
        "a snapshot is not beyond the fork",
        STORAGE + "rebuilding:usable",
        "elif kept is None or head.batches <= kept:",
        "else:",
        "test_a_turn_begins_with_the_newest_snapshot_at_or_below_the_fork",
    ),
    row(
        "what was owed stays owed",
        SEQUENCER + "rewind:acknowledged",
        "found = dict(owed_before)",
        "found = {}",
        "test_P10_what_is_owed_behind_a_strangers_batch_stays_owed_when_L1_turns_again",
    ),
    row(
        "what is owed keeps its order",
        SEQUENCER + "rewind:acknowledged",
        "return found",
        "return dict(reversed(found.items()))",
        "test_P11_a_deposit_that_a_reorganisation_moves_ends_nothing_and_loses_no_record",
    ),
    row(
        "a group is in the log before it is told", SEQUENCER + "core:Core.process", "    self._commit()\n", "", "kill 0"
    ),
    row(
        "who holds some of what has other terms is measured",
        ROOMS + "_follow_market",
        "self._changed |= self._holders[market]",
        "pass",
        "terms funding_index_ppm",
    ),
    row(
        "a fall wakes",
        ROOMS + "_follow_market",
        "self._wake(heappop(falls))",
        "heappop(falls)",
        "test_few_are_measured_again_when_a_price_moves_a_little",
    ),
]


@contextmanager
def dropped(rule: Rule) -> Iterator[None]:
    """Run without a rule."""
    module, _, path = rule.place.partition(":")
    function: Any = import_module(module)
    for part in path.split("."):
        function = getattr(function, part)
    kept = function.__code__
    function.__code__ = mutated(function, rule).__code__
    test_kills.begun.cache_clear()
    test_kills.moments.cache_clear()
    try:
        yield
    finally:
        function.__code__ = kept
        test_kills.begun.cache_clear()
        test_kills.moments.cache_clear()


def finder(name: str, folder: Path) -> Callable[[], object]:
    """Return what a row names: a play with its number, or a test, which is given a directory with snapshots if it wants one."""
    what, _, number = name.rpartition(" ")
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
    for module in (test_log_files, test_rooms):
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


def fails(run: Callable[[], object]) -> bool:
    """Whether something fails, in whatever way."""
    random.seed(0)
    try:
        run()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  what pytest raises is no Exception
        return True
    return False


SLOW: Final = ("a snapshot is whole", "who holds some of what has other terms is measured", "a fall wakes")


@pytest.mark.parametrize(
    "rule",
    [pytest.param(each, id=each.name, marks=[pytest.mark.campaign] if each.name in SLOW else []) for each in RULES],
)
def test_a_dropped_rule_is_missed(rule: Rule, tmp_path: Path) -> None:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    assert not fails(finder(rule.found_by, tmp_path / "with"))
    with dropped(rule):
        assert fails(finder(rule.found_by, tmp_path / "without"))
