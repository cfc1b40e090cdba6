"""Evidence of broken promises, in the deployed contract: what slashes, what does not, and who is paid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import coincurve
import pytest

from tallystick.errors import BadInput
from tallystick.l1.abi import contract_abi
from tallystick.records.chunks import chunk_header
from tallystick.records.group_receipts import GroupReceipt, clash
from tallystick.rollup.promised_chain import receipt_argument
from tallystick.testing.world import key
from tests.receipts.court import (
    BOND,
    DAY,
    HOUR,
    OPERATOR,
    RIVAL,
    SINK,
    STRANGER,
    TAKEOVER,
    TRADER,
    Court,
    chain_of,
    clock,
    hashed,
    record,
    signer_of_key,
)

NOTHING = bytes(32)


def slashed(court: Court) -> bool:
    court.check_money()
    return int(court.ask("slashedAt")) > 0


def conflict(court: Court, a: GroupReceipt, b: GroupReceipt, prefix: bytes = NOTHING) -> tuple[Any, ...]:
    assert clash(a, b, None if prefix == NOTHING else prefix), "both languages agree"
    return "conflict", receipt_argument(a), receipt_argument(b), prefix


# conflict


def test_two_receipts_of_one_number_slash(court: Court) -> None:
    (a,), (b,) = court.promise([record(2)]), court.promise([record(3)])
    court.reveal(TRADER, *conflict(court, a, b))
    assert slashed(court)


def test_a_receipt_that_does_not_follow_the_one_before_slashes(court: Court) -> None:
    a = court.promise([record(2)])[0]
    b = court.promise([record(8), record(3)])[1]
    court.reveal(TRADER, *conflict(court, a, b))
    assert slashed(court)


def test_a_group_that_does_not_begin_where_the_one_before_ends_slashes(court: Court) -> None:
    a = court.promise([record(2)])[0]
    b = court.promise([record(3), record(4)], first=a.number + 1, before=hashed(record(8)))[1]
    court.reveal(TRADER, *conflict(court, a, b))
    assert slashed(court)


def test_two_groups_that_begin_at_one_number_behind_other_chains_slash(court: Court) -> None:
    a = court.promise([record(2), record(3)])[0]
    b = court.promise([record(2), record(3)], before=hashed(record(8)))[1]
    court.reveal(TRADER, *conflict(court, a, b))
    assert slashed(court)


def test_two_groups_that_begin_at_one_number_behind_other_chains_slash_by_records_far_apart(court: Court) -> None:
    a = court.promise([record(2)])[0]
    b = court.promise([record(2), record(3), record(4)], before=hashed(record(8)))[2]
    court.reveal(TRADER, *conflict(court, a, b))
    assert slashed(court)


def test_evidence_of_what_nobody_signed_is_refused(court: Court) -> None:
    (a,), (b,) = court.promise([record(2)]), court.promise([record(3)])
    batch = court.post([record(9)])
    false, other = (replace(each, signature=bytes(64)) for each in (a, b))
    tries = [
        conflict(court, false, b),
        conflict(court, a, other),
        contradiction(false, [record(2)], court.chunk(batch)),
    ]
    for arguments in tries:
        court.commit(TRADER, *arguments)
        court.block += 2
        court.refuses("NotSigned", TRADER, *arguments)
    assert not slashed(court)


def test_a_leaf_whose_record_is_not_in_its_chain_contradicts_nothing(court: Court) -> None:
    """A claim finds it out; the chunk has what the chain says."""
    (good,) = court.promise([record(2)])
    batch = court.post([record(9)])
    false = court.alone(replace(good, record_hash=hashed(record(3))))
    arguments = contradiction(false, [record(2)], court.chunk(batch))
    court.commit(TRADER, *arguments)
    court.block += 2
    court.refuses("NotReceipts", TRADER, *arguments)


def test_a_first_record_that_does_not_follow_its_own_group_slashes(court: Court) -> None:
    a = court.promise([record(2)])[0]
    b = court.alone(replace(a, accumulator=hashed(b"nothing")))
    court.reveal(TRADER, *conflict(court, b, b))
    assert slashed(court)


def test_two_records_behind_the_same_ones_slash_in_any_epochs(court: Court) -> None:
    (a,) = court.promise([record(2)])
    court.call(OPERATOR, "raiseEpoch")
    (b,) = court.promise([record(3)], epoch=1)
    court.commit(TRADER, "conflict", receipt_argument(a), receipt_argument(b), NOTHING)
    court.commit(TRADER, *conflict(court, a, b, a.before))
    court.block += 2
    court.refuses("NoConflict", TRADER, "conflict", receipt_argument(a), receipt_argument(b), NOTHING)
    court.call(TRADER, *conflict(court, a, b, a.before))
    assert slashed(court)


def test_receipts_of_two_epochs_whose_chains_differ_do_not_conflict(court: Court) -> None:
    """What a stranger posted in between shifts the numbers of what is promised behind it."""
    (a,) = court.promise([record(2)])
    (b,) = court.promise([record(2)], epoch=1, before=chain_of(a.before, [record(7)]), first=a.number)
    (c,) = court.promise([record(3)], epoch=1, before=chain_of(a.before, [record(7)]), first=a.number)
    for other in (b, c):
        assert not clash(a, other, a.before)
        arguments = ("conflict", receipt_argument(a), receipt_argument(other), a.before)
        court.commit(TRADER, *arguments)
        court.block += 2
        court.refuses("NoConflict", TRADER, *arguments)
    assert not slashed(court)


def test_the_same_promise_signed_again_in_other_groups_does_not_conflict(court: Court) -> None:
    """After a restart the same records are promised anew, cut into other groups and with later times."""
    records = [record(number) for number in range(2, 8)]
    whole = court.promise(records)
    court.wait(60)
    cut = [*court.promise(records[:1]), *court.promise(records[1:4], first=3, before=whole[0].accumulator)]
    for a in (*whole, *cut):
        for b in (*whole, *cut):
            assert not clash(a, b, a.before)
            arguments = ("conflict", receipt_argument(a), receipt_argument(b), a.before)
            court.commit(TRADER, *arguments)
            court.block += 2
            court.refuses("NoConflict", TRADER, *arguments)


# contradicted


def contradiction(a: GroupReceipt, own: list[bytes], chunk: Any) -> tuple[Any, ...]:
    return "contradicted", receipt_argument(a), [hashed(data) for data in own], chunk


def test_posting_in_another_order_than_was_promised_slashes(court: Court) -> None:
    first, second = court.promise([record(2), record(3)])
    batch = court.post([clock(court.second), record(3), record(2)])
    court.commit(RIVAL, *contradiction(second, [record(2), record(3)], court.chunk(batch)))
    court.reveal(TRADER, *contradiction(first, [record(2)], court.chunk(batch)))
    assert slashed(court)
    court.call(RIVAL, *contradiction(second, [record(2), record(3)], court.chunk(batch)))
    assert slashed(court)


def test_a_record_pushed_in_front_slashes_by_the_receipt_of_a_later_one(court: Court) -> None:
    """Nobody but the liar has the receipt of the record at the first place of difference."""
    victim = court.promise([record(2), record(3)])[1]
    batch = court.post([record(9), record(2), record(3)])
    court.reveal(TRADER, *contradiction(victim, [record(2), record(3)], court.chunk(batch)))
    assert slashed(court)


def test_a_chunk_that_has_what_was_promised_does_not_contradict(court: Court) -> None:
    first, second = court.promise([record(2), record(3)])
    batch = court.post([record(2), clock(court.second), record(3)])
    for a, own in ((first, [record(2)]), (second, [record(3)]), (second, [record(2), record(3)])):
        arguments = contradiction(a, own, court.chunk(batch))
        court.commit(TRADER, *arguments)
        court.block += 2
        court.refuses("NoContradiction", TRADER, *arguments)
    assert not slashed(court)


def test_a_strangers_batch_shifts_and_never_contradicts(court: Court) -> None:
    """Not by what the stranger posted, and not by what the operator posts behind it, in the order it promised."""
    first, second = court.promise([record(2), record(3)])
    court.wait(TAKEOVER)
    strange = court.post([record(9)], STRANGER)
    own = court.post([record(2), record(3)])
    tries = [
        ("NotOperators", contradiction(first, [record(2)], court.chunk(strange))),
        ("NotInChunk", contradiction(first, [record(2)], court.chunk(own))),
        ("NotReceipts", contradiction(second, [record(3)], court.chunk(own))),
        ("NotInChunk", contradiction(second, [record(2), record(3)], court.chunk(own))),
    ]
    for why, arguments in tries:
        court.commit(TRADER, *arguments)
        court.block += 2
        court.refuses(why, TRADER, *arguments)
    assert not slashed(court)


def test_what_is_no_such_chunk_is_refused(court: Court) -> None:
    (a,) = court.promise([record(2)])
    batch = court.post([record(9)])
    good = dict(court.chunk(batch))
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("WrongBatch", {"batch": 0}),
        ("WrongBatch", {"batch": 77}),
        ("WrongBatch", {"header": good["header"][:-1] + b"\x00"}),
        ("WrongBatch", {"hashes": [NOTHING]}),
        ("WrongChunk", {"chunk": good["chunk"] + b"\x00"}),
        ("WrongChunk", {"index": 1}),
    ]
    for why, change in wrong:
        arguments = contradiction(a, [record(2)], good | change)
        court.commit(TRADER, *arguments)
        court.block += 2
        court.refuses(why, TRADER, *arguments)
    for own in ([], [record(3)], [record(1)] * 4):
        arguments = contradiction(a, own, good)
        court.commit(TRADER, *arguments)
        court.block += 2
        court.refuses("NotReceipts", TRADER, *arguments)


def test_a_broken_frame_ends_what_a_chunk_says(court: Court) -> None:
    (a,) = court.promise([record(2)])
    header = chunk_header(court.state.record_count, NOTHING, court.promised.count, court.promised.accumulators[-1])
    batch = court.post_chunks([header + b"\x00\x0b" + bytes([4]) * 11, header + b"\xff\xff" + record(9)])
    for index in range(2):
        arguments = contradiction(a, [record(2)], court.chunk(batch, index))
        court.commit(TRADER, *arguments)
        court.block += 2
        court.refuses("NotInChunk", TRADER, *arguments)


# commitments and the reward


def test_evidence_is_revealed_two_blocks_to_a_day_behind_its_commitment(court: Court) -> None:
    (a,), (b,) = court.promise([record(2)]), court.promise([record(3)])
    arguments = conflict(court, a, b)
    court.refuses("NotCommitted", TRADER, *arguments)
    court.commit(TRADER, *arguments)
    court.refuses("NotCommitted", TRADER, *arguments)
    court.refuses("NotCommitted", RIVAL, *arguments)
    court.wait(DAY + 1)
    court.refuses("NotCommitted", TRADER, *arguments)
    court.commit(TRADER, *arguments)
    court.block += 1
    court.call(TRADER, *arguments)
    assert slashed(court)


def test_the_oldest_commitment_has_the_reward_and_the_sink_the_rest(court: Court) -> None:
    (a,), (b,) = court.promise([record(2)]), court.promise([record(3)])
    arguments = conflict(court, a, b)
    for who in (TRADER, RIVAL, STRANGER):
        court.commit(who, *arguments)
    court.commit(TRADER, *arguments)
    court.block += 2
    court.call(RIVAL, *arguments)
    court.refuses("NotEarlier", STRANGER, *arguments)
    court.refuses("TooEarly", STRANGER, "payReward")
    court.call(TRADER, *arguments)
    court.refuses("NotEarlier", TRADER, *arguments)
    court.wait(DAY + 1)
    court.refuses("NotCommitted", TRADER, *arguments)
    court.call(STRANGER, "payReward")
    court.refuses("NothingPaid", STRANGER, "payReward")
    assert court.ask("credit", TRADER) == BOND // 10
    assert court.ask("credit", SINK) == BOND - BOND // 10
    assert court.ask("bondWei") == 0
    court.check_money()
    before = court.balance(TRADER)
    court.call(TRADER, "withdrawCredit")
    assert court.balance(TRADER) - before == BOND // 10
    court.check_money()


def test_a_lost_bond_is_not_lost_again_nor_paid_in_anew(court: Court) -> None:
    (a,), (b,) = court.promise([record(2)]), court.promise([record(3)])
    court.reveal(TRADER, *conflict(court, a, b))
    court.wait(2 * DAY)
    arguments = conflict(court, b, a)
    court.commit(TRADER, *arguments)
    court.block += 2
    court.refuses("NotEarlier", TRADER, *arguments)
    court.refuses("Closed", OPERATOR, "deposit", value=1)
    court.refuses("Closed", OPERATOR, "beginLeaving")
    court.refuses("NoBond", OPERATOR, "takeBond")
    court.refuses("NoBond", TRADER, "claimMissing", receipt_argument(a), value=10**18)


# keys


def other(name: str) -> coincurve.PrivateKey:
    return coincurve.PrivateKey(key(name))


def test_a_later_key_counts_after_a_day_and_the_one_before_it_until_all_it_promised_is_due(court: Court) -> None:
    new = other("second receipts")
    address = signer_of_key(new)
    court.refuses("NotOperator", TRADER, "setKey", address)
    court.call(OPERATOR, "setKey", address)
    court.refuses("BadKey", OPERATOR, "setKey", address)
    court.refuses("BadKey", OPERATOR, "setKey", bytes(20))
    court.refuses("KeyChanging", OPERATOR, "setKey", signer_of_key(other("third receipts")))
    (early,) = court.promise([record(2)], secret=new)
    (old,) = court.promise([record(3)])
    court.wait(DAY - 10)
    court.refuses("NotSigned", TRADER, "claimMissing", receipt_argument(early), value=10**18)
    court.wait(10)
    court.claim(TRADER, early)
    court.wait(HOUR + 6 * HOUR + TAKEOVER + DAY - 20)
    court.claim(TRADER, old)
    court.wait(20)
    (leaked,) = court.promise([record(4)], ahead=-1)
    court.refuses("NotSigned", TRADER, "claimMissing", receipt_argument(leaked), value=10**18)
    court.check_money()


# leaving


def test_a_bond_is_free_when_everything_promised_could_be_claimed(court: Court) -> None:
    (a,) = court.promise([record(2)])
    (b,) = court.promise([record(2), record(3)])[1:]
    court.refuses("NotLeaving", OPERATOR, "takeBond")
    court.refuses("NotOperator", TRADER, "beginLeaving")
    court.call(OPERATOR, "beginLeaving")
    court.refuses("Closed", OPERATOR, "beginLeaving")
    court.refuses("Closed", OPERATOR, "deposit", value=1)
    delay = HOUR + 6 * HOUR + TAKEOVER + DAY
    court.wait(delay - 40)
    court.refuses("BondNotFree", OPERATOR, "takeBond")
    court.claim(TRADER, a)
    batch = court.post([record(2), record(3)])
    court.wait(40)
    court.refuses("TooLate", TRADER, "claimMissing", receipt_argument(b), value=10**18)
    court.refuses("ClaimsPending", OPERATOR, "takeBond")
    court.show(OPERATOR, [a], batch)
    court.refuses("ClaimsPending", OPERATOR, "takeBond")
    court.call(STRANGER, "judge", a.place, court.confirm())
    court.wait(DAY)
    court.refuses("TooEarly", STRANGER, "close", a.place)
    court.refuses("ClaimsPending", OPERATOR, "takeBond")
    court.wait(DAY)
    court.call(STRANGER, "close", a.place)
    court.call(OPERATOR, "takeBond")
    assert court.ask("credit", OPERATOR) == BOND + 5 * 10**16
    court.check_money()
    (c,), (d,) = court.promise([record(4)]), court.promise([record(5)])
    arguments = conflict(court, c, d)
    court.commit(TRADER, *arguments)
    court.block += 2
    court.refuses("NoBond", TRADER, *arguments)


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ((900, 7 * HOUR - 1, 300, 12, 8_000_000, 16_000_000, 0), "TakeoverTooSoon"),
        ((1802, TAKEOVER, 1741, 12, 8_000_000, 16_000_000, 0), "PromiseTooShort"),
    ],
)
def test_delays_that_do_not_go_together_are_refused_by_the_constructor(terms: tuple[int, ...], why: str) -> None:
    entry = next(each for each in contract_abi("Receipts").errors.values() if each.name == why)
    with pytest.raises(BadInput) as caught:
        Court(terms)
    assert entry.digest[:4].hex() in str(caught.value).replace("\\x", "")
    Court((terms[0], 7 * HOUR, min(terms[2], 1740), *terms[3:]))
