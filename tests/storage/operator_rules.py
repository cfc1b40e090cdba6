"""Rules of an operator that a test misses when they are dropped.

A rule is a line of a function; what stands in its place, and what then fails, stand beside it.
"""

from __future__ import annotations

from typing import Final

from tallystick.testing.markets.mutants import Rule

STORAGE: Final = "tallystick_operator.storage."
SEQUENCER: Final = "tallystick_operator.sequencer."
ROOMS: Final = "tallystick.machine.hosts.rooms:Rooms."
LOG: Final = STORAGE + "logfiles:LogFiles."
SNAPSHOTS: Final = STORAGE + "operator_snapshots:Snapshots."
STREAMED: Final = "tallystick_operator.standby.streamed:StreamedLog."
UNDERSTUDY: Final = "tallystick_operator.standby.understudy:Understudy."
METERS: Final = "tallystick_operator.intake.allowances:Meters."
WINDOW: Final = "tallystick_operator.gateway.window:Window."
OPEN_CHUNK: Final = "tallystick.machine.steps.open_chunk:step"


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
    row(
        "who was overtaken writes no more",
        STREAMED + "_put",
        'raise Overtaken("another operator leads now")',
        "pass",
        "test_who_has_been_overtaken_appends_nothing_more_and_may_tell_nothing_more",
    ),
    row(
        "who has lost the lease tells nothing",
        STREAMED + "confirm",
        "or not self._holds()",
        "",
        "test_a_lease_that_has_run_out_ends_what_may_be_told_though_nobody_has_taken_over",
    ),
    row(
        "a fence stands right behind what its leader knows",
        STREAMED + "lead",
        "if not self._stream.put(fence, self._number):",
        "if self._stream.put(fence, self._stream.last()) and False:",
        "two take over",
    ),
    row(
        "what was begun in front of a fence counts for nothing",
        STREAMED + "_take",
        "self.term, self.leads = term, False\n        self._pieces.clear()",
        "self.term, self.leads = term, False",
        "test_what_a_leader_has_begun_and_not_finished_counts_for_nothing",
    ),
    row(
        "who has been overtaken leads no more",
        STREAMED + "_take",
        "self.term, self.leads = term, False",
        "self.term = term",
        "follows",
    ),
    row(
        "what the stream has lost is put back",
        STREAMED + "lead",
        "self._put(framed(payload, self.end)[0])",
        "pass",
        "test_what_the_stream_has_lost_is_put_back_by_who_leads_and_has_it",
    ),
    row(
        "what a stream says follows the copy",
        STREAMED + "_keep",
        "if not self.copy.leads_through(behind):",
        "if False:",
        "diverges",
    ),
    row(
        "what comes before the fence is led as well",
        UNDERSTUDY + "_finish",
        "    self._apply()\n",
        "    pass\n",
        "test_what_comes_between_its_last_look_and_its_fence_is_part_of_what_it_leads",
    ),
    row(
        "a history that is left behind is made anew",
        UNDERSTUDY + "_apply",
        "self._rebuild()",
        "pass",
        "test_it_has_what_the_leader_has_through_batches_and_histories_that_are_left_behind",
    ),
    row(
        "who leads has its clocks set",
        UNDERSTUDY + "_finish",
        "self.core.begin_anew()",
        "pass",
        "test_what_comes_between_its_last_look_and_its_fence_is_part_of_what_it_leads",
    ),
    row(
        "a key is held to its rate",
        METERS + "signed",
        "if waits:",
        "if False:",
        "test_a_key_is_held_to_its_bytes_as_to_its_steps",
    ),
    row(
        "each item of a bulk is a step",
        METERS + "signed",
        "if steps > 1:",
        "if False:",
        "test_each_item_of_a_bulk_is_a_step_of_its_key_its_connection_and_its_address",
    ),
    row(
        "an address is held to its rate",
        METERS + "arrived",
        "if waits := self._addresses.waits(address, now):",
        "if False:",
        "test_one_address_is_no_more_with_many_connections",
    ),
    row(
        "a connection is held to its rate",
        METERS + "arrived",
        "if connection is not None and (waits := self._connections.waits(connection, now)):",
        "if False:",
        "test_who_waits_as_long_as_it_was_told_may_send_and_no_sooner",
    ),
    row(
        "a gateway takes on less when answers are late",
        WINDOW + "answered",
        "self.most = max(LEAST, int(self.most * SHRINKS_TO))",
        "pass",
        "test_what_was_under_way_before_it_shrank_makes_it_no_smaller_still",
    ),
    row(
        "what was under way says nothing of a smaller window",
        WINDOW + "answered",
        "self._shrunk_at = now",
        "pass",
        "test_what_was_under_way_before_it_shrank_makes_it_no_smaller_still",
    ),
    row(
        "what is left of a blob is no outcome",
        OPEN_CHUNK,
        "if registers.batch_source == SOURCE_CALLDATA:",
        "if True:",
        "test_a_void_chunk_is_skipped_whole_and_the_next_one_is_judged_on_its_own",
    ),
    row(
        "a chunk follows what was read",
        OPEN_CHUNK,
        "if not _continues(registers, chunk):",
        "if False:",
        "test_the_chunk_after_a_skipped_one_is_judged_on_its_own",
    ),
]
