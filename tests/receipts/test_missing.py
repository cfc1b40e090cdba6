"""Claims that a promised record is missing: answered, foreclosed, judged by confirmed states, and what they cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.errors import BadInput
from tallystick.records.chunks import chunk_header, framed
from tallystick.records.group_receipts import GroupReceipt
from tallystick.rollup.promised_chain import receipt_argument
from tests.receipts.court import (
    BOND,
    DAY,
    DEPOSIT,
    HOUR,
    OPERATOR,
    RIVAL,
    SINK,
    STRANGER,
    TAKEOVER,
    TRADER,
    Court,
    bonded,
    chain_of,
    clock,
    hashed,
    record,
)

OPEN, ANSWERED, CLOSED = 1, 2, 3
ANSWER = 6 * HOUR


def late(court: Court, records: list[bytes], **more: Any) -> list[GroupReceipt]:
    """Promise records, and let the time pass in which they were to be on L1."""
    receipts = court.promise(records, **more)
    court.wait(HOUR + 1)
    return receipts


def status(court: Court, place: bytes) -> int:
    return int(court.ask("claim", place)["status"])


def is_slashed(court: Court) -> bool:
    court.check_money()
    return int(court.ask("slashedAt")) > 0


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_every_receipt_of_a_group_can_be_claimed_when_it_is_due(count: int) -> None:
    court = bonded()
    receipts = court.promise([record(number) for number in range(count)])
    court.wait(HOUR)
    court.refuses("NotDue", TRADER, "claimMissing", receipt_argument(receipts[0]), value=DEPOSIT)
    court.wait(1)
    for receipt in receipts:
        place = court.claim(TRADER, receipt)
        assert place == court.ask("placeOf", receipt.number, receipt.accumulator, receipt.record_hash)
        assert status(court, place) == OPEN
    court.check_money()


def test_a_receipt_that_nobody_signed_is_not_claimed(court: Court) -> None:
    receipt = late(court, [record(2), record(3), record(4)])[0]
    refused: list[tuple[str, dict[str, Any]]] = [
        ("NotSigned", {"epoch": 1}),
        ("NotSigned", {"post_by": 1}),
        ("NotSigned", {"record_hash": bytes(32)}),
        ("NotSigned", {"signature": bytes(64)}),
        ("BadGroup", {"first": receipt.first + 1}),
        ("BadGroup", {"count": 0}),
        ("PathLength", {"path": receipt.path[:1]}),
        ("PathLength", {"path": (*receipt.path, bytes(32))}),
    ]
    for why, change in refused:
        changed = receipt_argument(replace(receipt, **change))
        court.refuses(why, TRADER, "claimMissing", changed, value=DEPOSIT)


def test_a_record_that_is_dropped_costs_the_bond(court: Court) -> None:
    """The operator goes on behind the record that it dropped; nobody has the receipt of the one it put there."""
    dropped = late(court, [record(2), record(3)])[1]
    court.post([record(9), record(4)])
    place = court.claim(TRADER, dropped)
    court.wait(ANSWER - 10)
    court.refuses("TooEarly", STRANGER, "foreclose", place)
    court.wait(10)
    court.call(STRANGER, "foreclose", place)
    assert is_slashed(court)
    court.refuses("WrongStatus", STRANGER, "foreclose", place)
    court.wait(DAY + 1)
    court.call(STRANGER, "payReward")
    assert court.ask("credit", TRADER) == BOND // 10 + DEPOSIT
    assert court.ask("credit", SINK) == BOND - BOND // 10
    court.check_money()


def test_an_honest_operator_answers_and_keeps_its_bond(court: Court) -> None:
    first, second, third = court.promise([record(2), record(3), record(4)])
    batch = court.post([record(2), clock(court.second), record(3)])
    court.wait(HOUR + 1)
    court.post([record(4)])
    for receipt in (first, second, third):
        court.claim(TRADER, receipt)
    court.refuses("AlreadyClaimed", RIVAL, "claimMissing", receipt_argument(first), value=DEPOSIT)
    court.show(RIVAL, [first], batch)
    court.show(STRANGER, [first, second], batch, upto=4)
    court.show(OPERATOR, [third], 2)
    assert [status(court, each.place) for each in (first, second, third)] == [ANSWERED] * 3
    assert [court.ask("credit", who) for who in (RIVAL, STRANGER, OPERATOR)] == [DEPOSIT] * 3
    court.refuses("WrongStatus", STRANGER, "foreclose", first.place)
    state = court.confirm()
    for receipt in (first, second, third):
        court.call(STRANGER, "judge", receipt.place, state)
        court.refuses("NotRefuted", STRANGER, "refute", receipt.place)
    court.call(STRANGER, "close", third.place)
    court.refuses("TooEarly", STRANGER, "close", first.place)
    court.wait(DAY)
    court.refuses("TooEarly", STRANGER, "close", first.place)
    court.call(STRANGER, "trace", 5, court.promised.accumulators[4], court.promised.hashes[4:])
    court.call(STRANGER, "close", second.place)
    court.wait(DAY)
    court.call(STRANGER, "close", first.place)
    court.refuses("WrongStatus", STRANGER, "close", first.place)
    assert int(court.ask("answeredClaims")) == int(court.ask("openClaims")) == 0
    assert not is_slashed(court)


def test_a_later_header_answers_for_what_is_in_front_of_it(court: Court) -> None:
    receipts = court.promise([record(2), record(3)])
    court.post([record(2), record(3)])
    later = court.post([record(4)])
    court.wait(HOUR + 1)
    for receipt in receipts:
        court.claim(TRADER, receipt)
    court.show(OPERATOR, receipts, later, upto=4)
    assert [status(court, each.place) for each in receipts] == [ANSWERED] * 2
    assert court.ask("claim", receipts[0].place)["count"] == 4


def test_an_answer_that_does_not_pass_the_claimed_record_is_refused(court: Court) -> None:
    receipts = court.promise([record(2), record(3)])
    batch = court.post([record(2), record(3)])
    court.wait(HOUR + 1)
    court.claim(TRADER, receipts[0])
    chain, chunk = court.promised, court.chunk(batch)
    place, before, hashes = receipts[0].place, chain.accumulators[2], chain.hashes[2:]
    wrong: list[tuple[str, tuple[Any, ...]]] = [
        ("NothingClaimed", ([], before, hashes, chunk)),
        ("NotOnTheWay", ([place], before, [], chunk)),
        ("NotOnTheWay", ([place], chain.accumulators[1], hashes, chunk)),
        ("NotOnTheWay", ([place], before, hashes[1:], chunk)),
        ("WrongStatus", ([receipts[1].place], chain.accumulators[3], hashes[1:], chunk)),
        ("NotInChunk", ([place], before, [*hashes, hashes[0]], chunk)),
        ("NotInChunk", ([place], before, [hashes[0], hashes[0]], chunk)),
        ("NotInChunk", ([place], before, hashes[:1], court.chunk(0))),
    ]
    for why, arguments in wrong:
        court.refuses(why, OPERATOR, "showPosted", *arguments)
    assert status(court, place) == OPEN
    court.show(STRANGER, receipts[:1], batch)


def test_a_leaf_whose_hash_is_not_in_its_chain_cannot_be_answered(court: Court) -> None:
    """The operator signs the victim's record beside the chain over another one."""
    (good,) = court.promise([record(2)])
    batch = court.post([record(2)])
    false = court.alone(replace(good, record_hash=hashed(record(9))))
    court.wait(HOUR + 1)
    court.claim(TRADER, false)
    with pytest.raises(BadInput):
        court.show(OPERATOR, [false], batch)
    court.wait(ANSWER)
    court.call(STRANGER, "foreclose", false.place)
    assert is_slashed(court)


def lying_chunk(court: Court, records: list[bytes], count: int, accumulator: bytes) -> bytes:
    """A chunk that the machine skips: its promised chain is the liar's."""
    state = court.state
    header = chunk_header(state.record_count, state.record_accumulator, count, accumulator)
    return header + b"".join(framed(data) for data in records)


def lie(court: Court, receipt: GroupReceipt, batch: int) -> None:
    """Answer a claim by a chunk that has what was promised, and is skipped."""
    prefix = chain_of(court.promised.accumulators[2], [record(2)])
    court.call(OPERATOR, "showPosted", [receipt.place], prefix, [receipt.record_hash], court.chunk(batch))


def test_an_answer_by_a_chunk_that_was_skipped_is_judged_when_the_chain_ends_before_it(court: Court) -> None:
    dropped = late(court, [record(2), record(3)])[1]
    court.claim(TRADER, dropped)
    batch = court.post_chunks([lying_chunk(court, [record(2), record(3)], 7, bytes(32))])
    with pytest.raises(BadInput):
        lie(court, dropped, batch)
    false = lying_chunk(court, [record(3)], 3, chain_of(court.promised.accumulators[2], [record(2)]))
    before = court.confirm()
    batch = court.post_chunks([false])
    lie(court, dropped, batch)
    court.refuses("WrongStatus", STRANGER, "foreclose", dropped.place)
    court.refuses("NotPassed", STRANGER, "judge", dropped.place, before)
    court.refuses("NotRefuted", STRANGER, "refute", dropped.place)
    court.refuses("NotPassed", STRANGER, "close", dropped.place)
    state = court.confirm()
    court.refuses("TooEarly", STRANGER, "judge", dropped.place, state)
    court.wait(DAY)
    court.call(STRANGER, "judge", dropped.place, state)
    assert is_slashed(court)
    assert status(court, dropped.place) == CLOSED


def test_an_answer_by_a_chunk_that_was_skipped_is_refuted_by_the_chain_that_came_instead(court: Court) -> None:
    dropped = late(court, [record(2), record(3)])[1]
    court.claim(TRADER, dropped)
    false = lying_chunk(court, [record(3)], 3, chain_of(court.promised.accumulators[2], [record(2)]))
    lie(court, dropped, court.post_chunks([false]))
    court.post([record(7), record(8), record(9)])
    state = court.confirm()
    court.call(OPERATOR, "judge", dropped.place, state)
    court.refuses("NotRefuted", STRANGER, "refute", dropped.place)
    court.refuses("NotTraced", STRANGER, "trace", 5, court.promised.accumulators[4], [hashed(record(1))])
    court.refuses("NotTraced", STRANGER, "trace", 9, court.promised.accumulators[4], [])
    court.call(STRANGER, "trace", 5, court.promised.accumulators[4], court.promised.hashes[4:])
    court.refuses("NotRefuted", STRANGER, "close", dropped.place)
    court.refuses("TooEarly", STRANGER, "refute", dropped.place)
    court.wait(DAY)
    court.call(STRANGER, "refute", dropped.place)
    assert is_slashed(court)


def test_a_state_that_is_not_confirmed_or_another_judges_nothing(court: Court) -> None:
    (receipt,) = court.promise([record(2)])
    batch = court.post([record(2)])
    court.wait(HOUR + 1)
    court.claim(TRADER, receipt)
    state = court.confirm()
    court.refuses("WrongStatus", STRANGER, "judge", receipt.place, state)
    court.show(OPERATOR, [receipt], batch)
    court.refuses("NotConfirmed", STRANGER, "judge", receipt.place, state | {"assertion": b"\x77" * 32})
    court.refuses("WrongState", STRANGER, "judge", receipt.place, state | {"stateRoot": b"\x77" * 32})
    court.refuses("WrongState", STRANGER, "judge", receipt.place, state | {"registers": state["registers"] + b"\x00"})


def test_an_old_claim_takes_no_reward_that_may_be_paid(court: Court) -> None:
    """It is older than what took the bond, and comes when the day for that is over."""
    receipts = late(court, [record(2), record(3)])
    first, second = (court.claim(who, each) for who, each in zip((RIVAL, TRADER), receipts, strict=True))
    court.wait(ANSWER)
    court.call(STRANGER, "foreclose", second)
    court.wait(DAY + 1)
    court.refuses("TooLate", RIVAL, "foreclose", first)
    court.call(RIVAL, "refund", first)
    court.call(STRANGER, "payReward")
    assert (court.ask("credit", TRADER), court.ask("credit", RIVAL)) == (BOND // 10 + DEPOSIT, DEPOSIT)
    court.check_money()


def test_claims_cost_twice_as_much_for_each_sixteen_that_are_open(court: Court) -> None:
    receipts = late(court, [record(number) for number in range(2, 40)])
    for index, receipt in enumerate(receipts[:33]):
        due = DEPOSIT << index // 16
        assert court.ask("claimDepositWei") == due
        court.refuses("DepositTooSmall", TRADER, "claimMissing", receipt_argument(receipt), value=due - 1)
        court.claim(TRADER, receipt, value=due + 7)
    assert court.ask("credit", TRADER) == 7 * 33
    court.check_money()
    batch = court.post([record(number) for number in range(2, 40)])
    court.show(OPERATOR, receipts[:20], batch)
    assert court.ask("claimDepositWei") == DEPOSIT
    court.check_money()


def test_deposits_come_back_when_somebody_else_took_the_bond(court: Court) -> None:
    receipts = late(court, [record(2), record(3)])
    first, second = (court.claim(who, each) for who, each in zip((TRADER, RIVAL), receipts, strict=True))
    court.refuses("NoBond", RIVAL, "refund", second)
    court.wait(ANSWER)
    court.call(STRANGER, "foreclose", second)
    court.call(STRANGER, "foreclose", first)
    court.refuses("WrongStatus", RIVAL, "refund", second)
    court.wait(DAY + 1)
    court.call(STRANGER, "payReward")
    assert (court.ask("credit", TRADER), court.ask("credit", RIVAL)) == (BOND // 10 + DEPOSIT, DEPOSIT)
    court.check_money()


def test_an_open_claim_is_refunded_when_the_reward_is_gone(court: Court) -> None:
    receipts = late(court, [record(2), record(3)])
    first, second = (court.claim(who, each) for who, each in zip((TRADER, RIVAL), receipts, strict=True))
    court.wait(ANSWER)
    court.call(STRANGER, "foreclose", first)
    court.refuses("NotEarlier", STRANGER, "foreclose", second)
    court.call(STRANGER, "refund", second)
    assert court.ask("credit", RIVAL) == DEPOSIT
    court.check_money()


def test_a_stranger_cannot_answer_with_its_own_chunk(court: Court) -> None:
    (receipt,) = court.promise([record(2)])
    court.wait(TAKEOVER)
    court.claim(TRADER, receipt)
    batch = court.post([record(2)], STRANGER)
    court.refuses(
        "NotOperators",
        STRANGER,
        "showPosted",
        [receipt.place],
        receipt.before,
        [receipt.record_hash],
        court.chunk(batch),
    )
