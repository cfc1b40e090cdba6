"""FETCH_RECORD: framing, decoding, authority, nonces, in the order they are checked."""

from __future__ import annotations

import pytest

from tallystick.machine.engine import halted, run, step
from tallystick.machine.machine import Machine
from tallystick.records.chunks import accumulate, padded
from tallystick.records.codec import Record, encode
from tallystick.records.items import pack_slots
from tallystick.records.signing import make, sign
from tallystick.schema.names import Outcome, Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import (
    NONCE_JUMP_WORDS,
    NONCE_WORD_BITS,
    SCOPE_CANCEL,
    SCOPE_PLACE,
)
from tallystick.testing.world import START, World, address, key

CLOCK = padded(encode(make("clock", clock_ms=START * 1000)))
CLEAN = encode(make("clean", pack_slots(5)))
LIFETIME_MS = 1000


def machine_over(tail: bytes) -> Machine:
    """Return a machine over one chunk with these bytes behind its header, opened."""
    world = World()
    world.published.publish([bytes(80) + tail], START, 0)
    machine = world.fresh()
    run(machine, 2)
    return machine


def order(world: World, by: str, **values: int) -> Record:
    defaults = {"account": 1, "market": 0, "price_ticks": 900, "lots": 1}
    return world.signed("order", by, **{**defaults, **values})


def approve(world: World, scope: int = 3, expiry_ms: int = 0, slot: int = 2) -> None:
    agent = int.from_bytes(address("agent"), "big")
    record = world.signed(
        "approve_agent",
        "alice",
        account=1,
        nonce=world.next_nonce(1),
        slot=slot,
        key=agent,
        scope=scope,
        expiry_ms=expiry_ms,
    )
    assert world.send(record) is Outcome.ACCEPTED


# Framing


def test_behind_the_last_record_the_chunk_is_left() -> None:
    machine = machine_over(len(CLOCK).to_bytes(2, "big") + CLOCK)
    run(machine, 2)
    registers = machine.state.registers
    assert registers.chunk_offset == registers.chunk_length
    run(machine, 1)
    assert registers.phase == Phase.OPEN_CHUNK
    assert (registers.chunk_cursor, registers.chunk_offset, registers.chunk_length) == (1, 0, 0)
    assert registers.chunk_hash == bytes(32)


def test_leaving_a_chunk_takes_no_input() -> None:
    machine = machine_over(len(CLOCK).to_bytes(2, "big") + CLOCK)
    step(machine)
    assert machine.step_input == bytes(80) + len(CLOCK).to_bytes(2, "big") + CLOCK
    run(machine, 1)
    step(machine)
    assert machine.step_input == b""


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"\x00\x0b" + b"x" * 20, id="shorter than any frame"),
        pytest.param(b"\x00\x0c" + b"x" * 11, id="one byte short"),
        pytest.param(b"\xff\xffx", id="the longest length"),
    ],
)
def test_a_broken_frame_skips_the_rest_of_the_chunk(tail: bytes) -> None:
    machine = machine_over(tail)
    run(machine, 1)
    registers = machine.state.registers
    assert registers.outcome == Outcome.FRAME_BROKEN
    assert registers.chunk_offset == registers.chunk_length
    assert registers.record_count == 0
    run(machine, 100)
    assert halted(machine)


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"\x00", id="half a length"),
        pytest.param(b"\x01", id="half of another"),
        pytest.param(b"\x00\x00" + b"x" * 20, id="length 0"),
        pytest.param(bytes(1800), id="zeros, as in a blob"),
    ],
)
def test_a_frame_without_a_length_ends_the_chunk_and_is_no_outcome(tail: bytes) -> None:
    machine = machine_over(len(CLOCK).to_bytes(2, "big") + CLOCK + tail)
    run(machine, 1)
    registers = machine.state.registers
    outcome, before = registers.outcome, registers.pack()
    while registers.phase != Phase.FETCH_RECORD:
        step(machine)
    step(machine)
    assert registers.phase == Phase.OPEN_CHUNK and registers.pack() != before
    assert (registers.chunk_cursor, registers.chunk_offset, registers.chunk_length) == (1, 0, 0)
    assert registers.outcome == outcome == Outcome.ACCEPTED
    assert registers.chunk_hash == bytes(32)
    run(machine, 100)
    assert halted(machine) and registers.record_count == 1


def test_records_before_a_broken_frame_still_count() -> None:
    machine = machine_over(len(CLOCK).to_bytes(2, "big") + CLOCK + b"\x00\x0b")
    run(machine, 100)
    assert machine.state.registers.record_count == 1
    assert machine.state.registers.clock_ms == START * 1000


# Decoding


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"\x7f\xc0", Outcome.UNKNOWN_RECORD),
        (b"\x02\xc1\x01", Outcome.UNKNOWN_RECORD),
        (b"\x01\xc0", Outcome.MALFORMED),
        (b"\x01\xc9\x88\x40" + bytes(7), Outcome.OUT_OF_RANGE),
    ],
)
def test_bytes_that_are_no_record_are_counted_with_their_zeros_and_rejected(
    world: World, data: bytes, outcome: Outcome
) -> None:
    registers = world.state.registers
    count, accumulator = registers.record_count, registers.record_accumulator
    assert world.send(data) is outcome
    assert registers.record_count == count + 1
    assert registers.record_accumulator == accumulate(accumulator, keccak(data.ljust(12, b"\0")))


@pytest.mark.parametrize(
    ("data", "counted"),
    [
        pytest.param(CLEAN.ljust(12, b"\0"), 3, id="a short record and its zeros"),
        pytest.param(CLOCK, 3, id="a record of its own length"),
        pytest.param(CLEAN.ljust(11, b"\0") + b"\1", 2, id="other than zeros"),
        pytest.param(CLEAN.ljust(13, b"\0"), 2, id="zeros in a longer frame"),
        pytest.param(CLOCK.ljust(13, b"\0"), 2, id="a zero behind 12 bytes"),
        pytest.param(b"\x7f" + bytes(11), 2, id="an unknown kind"),
        pytest.param(b"\x16\xc6\x85" + b"\xff" * 5 + bytes(4), 2, id="a number out of range"),
    ],
)
def test_a_record_that_does_not_decode_ends_its_chunk(data: bytes, counted: int) -> None:
    machine = machine_over(b"".join(len(each).to_bytes(2, "big") + each for each in (CLOCK, data, CLOCK)))
    run(machine, 100)
    assert halted(machine)
    assert machine.state.registers.record_count == counted


def test_every_record_of_a_kind_that_accounts_sign_is_in_the_promised_chain_whatever_becomes_of_it(
    market: World,
) -> None:
    registers = market.state.registers
    good = encode(order(market, "alice", nonce=market.next_nonce(1)))
    forged = encode(order(market, "bob", nonce=9))
    chain = registers.promised_count, registers.promised_accumulator
    for data in (good, good, forged, b"\x03\xc0", bytes([5]) + b"garbage"):
        chain = chain[0] + 1, accumulate(chain[1], keccak(padded(data)))
        market.send(data)
        assert (registers.promised_count, registers.promised_accumulator) == chain


def test_records_that_nobody_or_another_authority_signs_are_in_no_promised_chain(market: World) -> None:
    registers = market.state.registers
    before = registers.promised_count, registers.promised_accumulator
    market.clock()
    market.report(0, 1001)
    market.list_market(1)
    market.clean(64)
    market.liquidate(1, 0)
    market.send(b"\x7f")
    market.deposit("alice", 1, 5)
    assert (registers.promised_count, registers.promised_accumulator) == before


# Authority


def test_a_signature_no_key_can_have_made_is_rejected(market: World) -> None:
    record = order(market, "alice")
    broken = Record(kind=record.kind, values=record.values, signature=bytes(64))
    assert market.send(broken) is Outcome.BAD_SIGNATURE


def test_a_bad_signature_is_found_before_a_missing_account(market: World) -> None:
    record = order(market, "alice", account=99)
    broken = Record(kind=record.kind, values=record.values, signature=bytes(64))
    assert market.send(broken) is Outcome.BAD_SIGNATURE
    assert market.send(record) is Outcome.NO_ACCOUNT


@pytest.mark.parametrize("agent", [0, 3])
def test_an_account_nobody_owns_is_no_account(market: World, agent: int) -> None:
    assert market.send(order(market, "alice", account=99, agent=agent)) is Outcome.NO_ACCOUNT
    assert market.send(order(market, "alice", account=0, agent=agent)) is Outcome.NO_ACCOUNT


@pytest.mark.parametrize("kind", ["order", "cancel", "withdraw", "approve_agent"])
def test_another_key_than_the_owners_is_not_authorised(market: World, kind: str) -> None:
    assert market.send(market.signed(kind, "bob", account=1)) is Outcome.NOT_AUTHORISED


def test_a_signature_for_another_deployment_is_not_authorised(market: World) -> None:
    record = sign(make("order", account=1, lots=1), bytes(32), key("alice"))
    assert market.send(record) is Outcome.NOT_AUTHORISED


def test_changing_a_signed_field_makes_the_record_not_authorised(market: World) -> None:
    record = order(market, "alice", lots=1)
    values = list(record.values)
    values[7] = 2
    forged = Record(kind=record.kind, values=tuple(values), signature=record.signature)
    assert market.send(forged) is Outcome.NOT_AUTHORISED


def test_an_agent_places_and_cancels_orders_within_its_scope(market: World) -> None:
    approve(market)
    assert market.send(order(market, "agent", agent=2, nonce=50, client_id=9)) is Outcome.ACCEPTED
    slot = next(values[2] for name, values in reversed(market.events) if name == "rested")
    record = market.signed("cancel", "agent", account=1, agent=2, nonce=51, client_id=9, slot=slot)
    assert market.send(record) is Outcome.ACCEPTED


def test_an_agents_key_in_another_slot_is_not_authorised(market: World) -> None:
    approve(market, slot=2)
    assert market.send(order(market, "agent", agent=3)) is Outcome.NOT_AUTHORISED
    assert market.send(order(market, "agent", agent=0)) is Outcome.NOT_AUTHORISED


def test_the_owners_key_under_an_agents_slot_is_not_authorised(market: World) -> None:
    approve(market)
    assert market.send(order(market, "alice", agent=2)) is Outcome.NOT_AUTHORISED


def test_an_agent_of_another_account_is_not_authorised(market: World) -> None:
    approve(market)
    assert market.send(order(market, "agent", account=2, agent=2)) is Outcome.NOT_AUTHORISED


@pytest.mark.parametrize("kind", ["withdraw", "approve_agent"])
def test_an_agent_never_does_what_needs_the_owner(market: World, kind: str) -> None:
    """I13."""
    approve(market)
    record = market.signed(kind, "agent", account=1, nonce=60)
    assert market.send(record) is Outcome.NOT_AUTHORISED


def test_an_agent_ends_at_its_expiry_not_before(market: World) -> None:
    now = market.state.registers.clock_ms
    approve(market, expiry_ms=now + LIFETIME_MS)
    market.clock(ahead_ms=LIFETIME_MS - 1)
    assert market.send(order(market, "agent", agent=2, nonce=50)) is Outcome.ACCEPTED
    market.clock(ahead_ms=LIFETIME_MS)
    assert market.send(order(market, "agent", agent=2, nonce=51)) is Outcome.AGENT_EXPIRED


def test_a_key_that_is_not_the_agents_is_found_before_its_expiry(market: World) -> None:
    approve(market, expiry_ms=1)
    assert market.send(order(market, "bob", agent=2)) is Outcome.NOT_AUTHORISED
    assert market.send(order(market, "agent", agent=2)) is Outcome.AGENT_EXPIRED


def test_an_expired_agent_is_found_before_its_scope(market: World) -> None:
    approve(market, scope=0, expiry_ms=1)
    assert market.send(order(market, "agent", agent=2)) is Outcome.AGENT_EXPIRED


@pytest.mark.parametrize(
    ("scope", "places", "cancels"),
    [
        (0, Outcome.AGENT_SCOPE, Outcome.AGENT_SCOPE),
        (SCOPE_PLACE, Outcome.ACCEPTED, Outcome.AGENT_SCOPE),
        (SCOPE_CANCEL, Outcome.AGENT_SCOPE, Outcome.NO_SUCH_ORDER),
    ],
)
def test_an_agent_outside_its_scope_is_rejected(market: World, scope: int, places: Outcome, cancels: Outcome) -> None:
    approve(market, scope=scope)
    assert market.send(order(market, "agent", agent=2, nonce=50)) is places
    record = market.signed("cancel", "agent", account=1, agent=2, nonce=51)
    assert market.send(record) is cancels


def test_a_revoked_agent_is_not_authorised(market: World) -> None:
    approve(market)
    record = market.signed("approve_agent", "alice", account=1, nonce=40, slot=2)
    assert market.send(record) is Outcome.ACCEPTED
    assert market.send(order(market, "agent", agent=2, nonce=50)) is Outcome.NOT_AUTHORISED


@pytest.mark.parametrize(
    ("by", "signer"),
    [("signer 0", 1), ("signer 1", 0), ("alice", 0), ("governance", 0), ("signer 0", 5)],
)
def test_a_report_by_another_key_than_the_named_signers_is_not_authorised(market: World, by: str, signer: int) -> None:
    record = market.reported({0: 5}, signer, int(market.state.registers.clock_ms), by)
    assert market.send(record) is Outcome.NOT_AUTHORISED


@pytest.mark.parametrize("by", ["alice", "signer 0", "rollup"])
def test_a_listing_by_another_key_than_governance_is_not_authorised(world: World, by: str) -> None:
    assert world.send(world.signed("list_market", by, market=1)) is Outcome.NOT_AUTHORISED


# Nonces


def test_a_record_sent_twice_runs_once(market: World) -> None:
    """I12."""
    record = order(market, "alice", nonce=5)
    assert market.send(record) is Outcome.ACCEPTED
    assert market.send(record) is Outcome.NONCE_USED
    assert market.send(order(market, "alice", nonce=5, lots=2)) is Outcome.NONCE_USED


def test_nonces_of_the_window_may_come_in_any_order(market: World) -> None:
    for nonce in (127, 0, 64, 1, 63, 128, 126, 255, 129):
        assert market.send(order(market, "alice", nonce=nonce)) is Outcome.ACCEPTED
    for nonce in (127, 0, 64, 1, 63, 128, 126, 255, 129):
        assert market.send(order(market, "alice", nonce=nonce)) is Outcome.NONCE_USED


def test_the_word_before_the_current_one_stays_usable_and_older_ones_do_not(market: World) -> None:
    assert market.send(order(market, "alice", nonce=3)) is Outcome.ACCEPTED
    assert market.send(order(market, "alice", nonce=NONCE_WORD_BITS)) is Outcome.ACCEPTED
    assert market.send(order(market, "alice", nonce=4)) is Outcome.ACCEPTED
    assert market.send(order(market, "alice", nonce=3)) is Outcome.NONCE_USED
    assert market.send(order(market, "alice", nonce=2 * NONCE_WORD_BITS)) is Outcome.ACCEPTED
    assert market.send(order(market, "alice", nonce=5)) is Outcome.NONCE_RANGE
    assert market.send(order(market, "alice", nonce=NONCE_WORD_BITS)) is Outcome.NONCE_USED
    assert market.send(order(market, "alice", nonce=NONCE_WORD_BITS + 1)) is Outcome.ACCEPTED


def test_a_jump_over_a_word_leaves_the_word_before_it_unused(market: World) -> None:
    assert market.send(order(market, "alice", nonce=3)) is Outcome.ACCEPTED
    assert market.send(order(market, "alice", nonce=5 * NONCE_WORD_BITS)) is Outcome.ACCEPTED
    assert market.send(order(market, "alice", nonce=4 * NONCE_WORD_BITS + 3)) is Outcome.ACCEPTED
    assert market.send(order(market, "alice", nonce=3 * NONCE_WORD_BITS)) is Outcome.NONCE_RANGE


def test_the_window_jumps_no_further_than_its_bound(market: World) -> None:
    last = (NONCE_JUMP_WORDS + 1) * NONCE_WORD_BITS - 1
    assert market.send(order(market, "alice", nonce=last + 1)) is Outcome.NONCE_RANGE
    assert market.send(order(market, "alice", nonce=last)) is Outcome.ACCEPTED
    assert market.send(order(market, "alice", nonce=2**62 - 1)) is Outcome.NONCE_RANGE


def test_whoever_may_not_sign_cannot_use_up_a_nonce(market: World) -> None:
    assert market.send(order(market, "bob", nonce=5)) is Outcome.NOT_AUTHORISED
    assert market.send(order(market, "agent", agent=2, nonce=5)) is Outcome.NOT_AUTHORISED
    assert market.send(order(market, "alice", nonce=5)) is Outcome.ACCEPTED


def test_a_record_rejected_by_its_own_step_has_used_its_nonce(market: World) -> None:
    assert market.send(order(market, "alice", nonce=5, market=9)) is Outcome.NO_MARKET
    assert market.send(order(market, "alice", nonce=5)) is Outcome.NONCE_USED


def test_accounts_have_nonces_of_their_own(market: World) -> None:
    assert market.send(order(market, "alice", nonce=5)) is Outcome.ACCEPTED
    assert market.send(order(market, "bob", account=2, nonce=5)) is Outcome.ACCEPTED
