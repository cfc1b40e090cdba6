"""Answers to claims that are false: corrected for a day, then held against confirmed states, and over a day behind that."""

from __future__ import annotations

import pytest

from tallystick.records.chunks import chunk_header, framed
from tests.receipts.court import (
    DAY,
    DEPOSIT,
    HOUR,
    OPERATOR,
    RIVAL,
    STRANGER,
    TRADER,
    Court,
    chain_of,
    record,
)
from tests.receipts.test_missing import is_slashed, late, lie, lying_chunk


def test_the_operator_corrects_a_false_answer_for_a_day(court: Court) -> None:
    """A stale chunk of its own, in others' hands, frames nobody."""
    before = court.promised.accumulators[2]
    (receipt,) = court.promise([record(2)])
    stale = chunk_header(99, bytes(32), 2, before) + framed(record(2))
    skipped = court.post_chunks([stale])
    early = court.confirm()
    good = court.post([record(2)])
    court.wait(HOUR + 1)
    court.claim(TRADER, receipt)
    arguments = ([receipt.place], before, [receipt.record_hash])
    court.call(RIVAL, "showPosted", *arguments, court.chunk(skipped))
    court.call(STRANGER, "showPosted", *arguments, court.chunk(good))
    assert court.ask("claim", receipt.place)["batch"] == skipped
    court.show(OPERATOR, [receipt], good)
    assert court.ask("claim", receipt.place)["batch"] == good
    assert (court.ask("credit", RIVAL), court.ask("credit", OPERATOR)) == (DEPOSIT, 0)
    court.refuses("NotPassed", STRANGER, "judge", receipt.place, early)
    court.wait(DAY)
    court.call(OPERATOR, "showPosted", *arguments, court.chunk(skipped))
    assert court.ask("claim", receipt.place)["batch"] == good
    court.check_money()


@pytest.mark.parametrize("passes", [False, True])
def test_a_stale_chunk_and_the_state_behind_it_frame_nobody_in_one_transaction(court: Court, passes: bool) -> None:
    """A reorganisation had an old batch of the operator's mined again: the machine skipped it, and read what was promised
    a batch later. Whoever has a state in between confirmed would claim, answer with the old one, and judge at once.
    """
    before = court.promised.accumulators[2]
    (receipt,) = court.promise([record(2)])
    stale = court.post_chunks([chunk_header(99, bytes(32), 2, before) + framed(record(2))])
    between = court.confirm()
    good = court.post([record(2)])
    behind = court.confirm()
    court.wait(HOUR + 1)
    court.claim(RIVAL, receipt)
    court.call(RIVAL, "showPosted", [receipt.place], before, [receipt.record_hash], court.chunk(stale))
    court.refuses("TooEarly", RIVAL, "judge", receipt.place, between)
    if passes:
        court.call(RIVAL, "judge", receipt.place, behind)
    court.wait(DAY - 1)
    court.refuses("TooEarly", RIVAL, "judge", receipt.place, between)
    court.show(OPERATOR, [receipt], good)
    court.wait(DAY)
    court.refuses("NotPassed", RIVAL, "judge", receipt.place, between)
    court.call(OPERATOR, "judge", receipt.place, behind)
    court.call(OPERATOR, "close", receipt.place)
    assert not is_slashed(court)


def test_a_false_answer_is_not_closed_before_it_could_be_refuted_for_a_day(court: Court) -> None:
    """The liar has everything confirmed before it answers its own claim, and would close that as soon as may be."""
    dropped = late(court, [record(2), record(3)])[1]
    false = lying_chunk(court, [record(3)], 3, chain_of(court.promised.accumulators[2], [record(2)]))
    batch = court.post_chunks([false])
    court.post([record(7), record(8), record(9)])
    state = court.confirm()
    court.claim(OPERATOR, dropped)
    lie(court, dropped, batch)
    court.call(OPERATOR, "judge", dropped.place, state)
    court.wait(DAY)
    court.refuses("TooEarly", OPERATOR, "close", dropped.place)
    court.wait(DAY - 1)
    court.refuses("TooEarly", OPERATOR, "close", dropped.place)
    court.call(STRANGER, "trace", 5, court.promised.accumulators[4], court.promised.hashes[4:])
    court.call(STRANGER, "refute", dropped.place)
    assert is_slashed(court)


def test_a_claim_is_over_a_day_behind_the_first_state_that_came_past_its_answer(court: Court) -> None:
    (receipt,) = court.promise([record(2)])
    batch = court.post([record(2), record(3), record(4)])
    court.wait(HOUR + 1)
    court.claim(TRADER, receipt)
    court.show(OPERATOR, [receipt], batch)
    court.wait(3 * DAY)
    state = court.confirm()
    court.call(STRANGER, "judge", receipt.place, state)
    court.refuses("TooEarly", STRANGER, "close", receipt.place)
    court.wait(DAY - 1)
    court.call(STRANGER, "judge", receipt.place, state)
    court.refuses("TooEarly", STRANGER, "close", receipt.place)
    court.wait(1)
    court.call(STRANGER, "close", receipt.place)
    assert not is_slashed(court)


def test_what_l1_came_past_is_not_what_the_operator_put_in_its_place(court: Court) -> None:
    before = court.promised.accumulators[2]
    (receipt,) = court.promise([record(2)])
    stale = court.post_chunks([chunk_header(99, bytes(32), 2, before) + framed(record(2))])
    good = court.post([record(2), record(3), record(4)])
    court.wait(HOUR + 1)
    court.claim(RIVAL, receipt)
    court.call(RIVAL, "showPosted", [receipt.place], before, [receipt.record_hash], court.chunk(stale))
    state = court.confirm()
    court.call(RIVAL, "judge", receipt.place, state)
    court.show(OPERATOR, [receipt], good)
    court.wait(2 * DAY)
    court.refuses("NotPassed", RIVAL, "close", receipt.place)
    court.call(RIVAL, "judge", receipt.place, state)
    court.wait(DAY)
    court.call(RIVAL, "close", receipt.place)
