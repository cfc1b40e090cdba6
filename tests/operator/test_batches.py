"""What a gateway has checked arrives at the sequencer as it was, whatever kind of record it is and however it is cut."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.records.codec import BY_NAME
from tallystick.records.items import pack_pairs
from tallystick.records.signing import make, sign
from tallystick.schema.record_kinds import SIGNATURE_BYTES
from tallystick.schema.record_model import Authority
from tallystick.shapes.submitting import Answer
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.testing.world import key
from tallystick_operator.gateway.parcels import (
    LENGTH_BYTES,
    NUMBERS_ALONE,
    Batch,
    Pieces,
    answered,
    framed,
    packed,
    refused,
    unframed,
    unpacked_batch,
    unpacked_told,
)
from tallystick_operator.intake.door import OPERATORS_OWN, Refused, check_signature
from tallystick_operator.sequencer.sealing import CELLS_A_GROUP, CELLS_AT_ONCE, CorePolicy, Roots
from tests.operator.rig import MakeRig, Rig

DOMAIN = b"d" * 32
BUSY = Refused(503, "busy", "wait")
BLOBS = {
    "report_prices": (pack_pairs({MarketId(0): 5}),),
    "bulk": (b"\0" * 20, b""),
    "block_trade": (bytes(SIGNATURE_BYTES),),
}


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - OPERATORS_OWN))
def test_a_record_of_any_kind_arrives_as_it_was_checked(name: str) -> None:
    kind = BY_NAME[name]
    values = {field.name: max(0, field.limit - at) for at, field in enumerate(kind.fields)}
    record = make(name, *BLOBS.get(name, ()), **values)
    if kind.authority is not Authority.NOBODY:
        record = sign(record, DOMAIN, key("alice"))
    checked = check_signature(record, DOMAIN)
    batch = unpacked_batch(packed(Batch(7, [framed(checked)]))[LENGTH_BYTES:])
    assert batch.number == 7
    assert unframed(batch.frames[0]) == checked


def test_most_records_are_not_decoded_twice() -> None:
    assert {BY_NAME[name].number for name in ("order", "cancel", "cancel_all", "conditional")} <= NUMBERS_ALONE


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(1, 30), min_size=1, max_size=50))
def test_a_stream_is_cut_into_its_messages_wherever_it_is_torn(messages: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(len(each).to_bytes(LENGTH_BYTES, "big") + each for each in messages)
    found: list[bytes] = []
    pieces, at = Pieces(), 0
    for size in [*sizes, len(stream)]:
        found += pieces.add(stream[at : at + size])
        at += size
    assert found == messages


def test_each_record_of_a_batch_is_told_its_own(rig: Rig) -> None:
    batch = Batch(3, [framed(rig.checked(rig.order(1, 0, 600_000, 1)))] * 2)
    told = unpacked_told(packed(refused(batch, BUSY))[LENGTH_BYTES:])
    assert (told.number, len(told.bodies)) == (3, 2)
    answer = rig.accept(rig.order(1, 0, 600_000, 1))
    told = unpacked_told(packed(answered(4, [answer, BUSY]))[LENGTH_BYTES:])
    status = len(msgspec.msgpack.encode(200))
    assert msgspec.msgpack.decode(told.bodies[0][status:], type=Answer) == answer


def test_roots_are_taken_once_in_a_while_and_at_a_start(make_rig: MakeRig) -> None:
    rig = make_rig(CorePolicy(root_seconds=5))
    rig.set_up()
    rig.seconds += 5
    roots = []
    for passed in (0, 1, 5):
        rig.seconds += passed
        rig.accept(rig.order(1, 0, 600_000, 1))
        batch = rig.core.seal_now()
        assert batch is not None
        roots.append(batch.state_hash)
    assert [bool(root) for root in roots] == [True, False, True]
    assert roots[2] == rig.core.executor.state.hash()
    rig.accept(rig.order(1, 0, 600_000, 1))
    rig.core.seal_now()
    rig.log.close()
    last = rig.open().executor.last_sealed
    assert last is not None and last.state_hash == rig.replayed().state.hash()


def test_what_a_root_has_to_hash_is_hashed_in_parts_and_the_root_taken_when_little_is_left(rig: Rig) -> None:
    roots, state = Roots(CorePolicy(), lambda: 0.0), rig.core.executor.state
    state.commit()
    for account in range(10, 10 + 3 * CELLS_AT_ONCE):
        state.accounts.open(AccountId(account))
        state.accounts.mark(account)
    assert not roots.is_due(state)
    left = [state.dirty]
    while not roots.is_due(state):
        roots.prepare(state)
        left.append(state.dirty)
        state.accounts.mark(len(left))
        state.accounts.open(AccountId(len(left)))
    assert all(0 < before - after <= CELLS_A_GROUP + 1 for before, after in pairwise(left))
    roots.taken(0.0)
    assert not roots.is_due(state)
