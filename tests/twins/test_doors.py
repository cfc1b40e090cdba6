"""The machine has two doors: records as they come, with who has signed them or without, and the bytes of batches.

All lead to the same registers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tallystick.machine.by_record import Known, begin_batch, ends_chunk, execute, seal_batch
from tallystick.machine.engine import advance, halted, run
from tallystick.records.chunks import MAX_RECORD_BYTES, Chunker, padded
from tallystick.records.codec import Record, decode, encode
from tallystick.records.items import pack_slots
from tallystick.records.signing import ORDER, make, recover_signer
from tallystick.schema.names import Outcome, Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import (
    CLOCK_BEHIND_MS,
    MAX_BATCH_SECONDS,
    MAX_FORCED_BYTES,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
)
from tallystick.state.ordinals import UnixSeconds
from tallystick.testing.scenarios.chance import order_flow as flow
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import START, address, message, record_message

NOW = START * 1000
MOST_MS = MAX_BATCH_SECONDS * 1000
GONE_WITH_A_BATCH = (
    "batch_until_seconds",
    "chunk_count",
    "chunk_cursor",
    "chunk_offset",
    "chunk_length",
    "chunks_hash",
)
SEEDS = range(8)


class Doors:
    """A live machine whose batches are published, and what its registers were behind each record and each batch.

    `knowing`, it is told of every record what an operator's door finds out of its bytes, as far as it does.
    """

    def __init__(self, knowing: bool = False) -> None:
        self.knowing = knowing
        self.scene = Scene()
        self.live = self.scene.machine
        self.records: list[dict[str, object]] = []
        self.batches: list[bytes] = []
        self.outcomes: list[Outcome] = []

    def batch(self, time: int, limit: int, records: list[bytes], cut: Callable[[], bool] = lambda: False) -> int:
        """Run a batch through the live door and publish it; return its `until`."""
        begin_batch(self.live, UnixSeconds(time), limit)
        chunker = Chunker(self.live.state.registers)
        for record in records:
            if not chunker.fits(record):
                break
            chunker.add(record)
            self.outcomes.append(execute(self.live, record, self.known(record) if self.knowing else None))
            self.records.append(seen(self.live.state.registers))
            if ends_chunk(self.live) or cut():
                chunker.end_chunk()
        until = seal_batch(self.live)
        self.batches.append(self.live.state.registers.pack())
        self.scene.published.publish(chunker.finish(), time, limit, until)
        return until

    def known(self, record: bytes) -> Known | None:
        """Return what is known of a record that decodes, be its signature good or not."""
        decoded = decode(record)
        if not isinstance(decoded, Record):
            return None
        signer = recover_signer(decoded, self.live.state.registers.domain) if decoded.signature else None
        return Known(decoded, signer, keccak(padded(record)))

    def check(self) -> None:
        """Replay the bytes and compare the registers behind every record and every batch, and the state at the end."""
        replay = self.scene.machine_at_start()
        registers = replay.state.registers
        records, batches = iter(self.records), iter(self.batches)
        while not halted(replay):
            counted, index = registers.record_count, registers.batch_cursor
            advance(replay)
            if registers.record_count > counted:
                while registers.phase not in (Phase.FETCH_RECORD, Phase.OPEN_CHUNK):
                    advance(replay)
                assert seen(registers) == next(records)
            if registers.batch_cursor > index:
                assert registers.pack() == next(batches)
        assert next(records, None) is None
        assert next(batches, None) is None
        assert replay.state.hash() == self.live.state.hash()


def seen(registers: object) -> dict[str, object]:
    """Return the registers but for those that say where in a batch's bytes a replay is."""
    names = {name for name in dir(registers) if not name.startswith("_")} - {"chunk_hash", *GONE_WITH_A_BATCH}
    return {name: getattr(registers, name) for name in names if not callable(getattr(registers, name))}


def clock(clock_ms: int) -> bytes:
    return encode(make("clock", clock_ms=clock_ms))


# Edges


@pytest.mark.parametrize(
    ("clock_ms", "outcome", "until"),
    [
        (NOW - CLOCK_BEHIND_MS - 1, Outcome.CLOCK_BACKWARDS, START),
        (NOW - CLOCK_BEHIND_MS, Outcome.ACCEPTED, START),
        (NOW, Outcome.ACCEPTED, START),
        (NOW + 1, Outcome.ACCEPTED, START + 1),
        (NOW + 1000, Outcome.ACCEPTED, START + 1),
        (NOW + MOST_MS, Outcome.ACCEPTED, START + MAX_BATCH_SECONDS),
        (NOW + MOST_MS + 1, Outcome.CLOCK_OUT_OF_BOUND, START),
    ],
)
def test_a_sealed_batch_ends_when_its_clock_does_and_a_replay_takes_the_same_clocks(
    clock_ms: int, outcome: Outcome, until: int
) -> None:
    doors = Doors()
    assert doors.batch(START, 0, [clock(clock_ms)]) == until
    assert doors.outcomes == [outcome]
    doors.check()


@pytest.mark.parametrize("later", [0, 9, 10, 11, 3600])
def test_both_doors_raise_the_clock_by_the_batchs_time(later: int) -> None:
    doors = Doors()
    doors.batch(START, 0, [clock(NOW)])
    doors.batch(START + later, 0, [])
    doors.batch(START + later, 0, [encode(make("clean", pack_slots(1)))])
    raised = max(NOW, (START + later) * 1000 - CLOCK_BEHIND_MS)
    assert doors.live.state.registers.clock_ms == raised
    doors.check()


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_messages_below_the_limit_come_before_the_first_record_and_the_others_not_at_all(limit: int) -> None:
    doors = Doors()
    doors.scene.published.messages += [message(MESSAGE_DEPOSIT, address("alice"), 1, 5)] * 3
    withdrawal = doors.scene.signed("withdraw", "alice", account=1, nonce=0, amount_units=5, recipient=1)
    doors.batch(START, limit, [encode(withdrawal)])
    assert doors.outcomes == [Outcome.ACCEPTED if limit else Outcome.NO_ACCOUNT]
    assert doors.live.state.registers.message_cursor == limit
    doors.check()


def test_a_record_is_padded_counted_and_cut_off_as_in_a_replay() -> None:
    doors = Doors()
    short, false, bulky = encode(make("clean", pack_slots(1))), b"\x7f", b"\x10" + bytes(4000)
    doors.batch(START, 0, [short, false, short, b"\x10\xc0", bulky, short])
    # 12 bytes of clean twice and once behind the long one: each behind a false record is in a chunk of its own.
    assert len(doors.scene.published.chunks[0]) == 4
    assert doors.outcomes.count(Outcome.NO_SUCH_ORDER) == 3
    doors.check()


def test_a_replay_stops_at_a_chunks_limit_where_the_live_door_stopped() -> None:
    doors = Doors()
    doors.batch(START, 0, [b"\x7f"] * 40)
    assert len(doors.outcomes) == 32
    doors.check()


# Any bytes


@pytest.mark.parametrize("knowing", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_bytes_lead_to_the_same_registers_through_either_door(seed: int, knowing: bool) -> None:
    chance = random.Random(seed)
    doors = Doors(knowing)
    scene = doors.scene
    scene.trading("alice", "bob", "carol")
    scene.order(1, 0, 0, 1000, 50)
    scene.order(2, 0, 1, 1000, 50)
    scene.cut()
    time = scene.published.headers[-1].until
    for _ in range(15):
        for _ in range(chance.choice((0, 0, 1, 4))):
            scene.published.messages.append(any_message(scene, chance, time))
        limit = chance.randint(doors.live.state.registers.message_cursor, len(scene.published.messages))
        time = UnixSeconds(time + chance.choice((0, 0, 1, 9, 61, 4000)))
        records = [any_record(scene, chance, number, time) for number in range(chance.randint(0, 25))]
        time = UnixSeconds(doors.batch(time, limit, records, lambda: chance.random() < 0.1))
    doors.check()
    assert len(set(doors.outcomes)) > 8


@pytest.mark.parametrize("seed", SEEDS)
def test_hostile_signatures_agents_and_slots_end_alike_whether_the_signer_is_known_or_not(seed: int) -> None:
    chance = random.Random(seed)
    plain, knowing = Doors(), Doors(knowing=True)
    for doors in (plain, knowing):
        doors.scene.trading("alice", "bob", "carol")
        doors.scene.order(1, 0, 0, 1000, 50)
        doors.scene.cut()
    time = plain.scene.published.headers[-1].until
    for _ in range(6):
        records = [hostile(plain.scene, chance, number) for number in range(12)]
        ends = {doors.batch(time, 0, records) for doors in (plain, knowing)}
        assert len(ends) == 1
        time = UnixSeconds(ends.pop())
    assert plain.records == knowing.records
    assert plain.outcomes == knowing.outcomes
    for doors in (plain, knowing):
        doors.check()
    assert {Outcome.ACCEPTED, Outcome.BAD_SIGNATURE, Outcome.NOT_AUTHORISED} <= set(plain.outcomes)


def hostile(scene: Scene, chance: random.Random, number: int) -> bytes:
    """Return a record that is signed as wallets do not, names an agent or a slot that it should not, or is fine."""
    account, name = chance.choice(((1, "alice"), (2, "bob"), (9, "nobody")))
    values = {"account": account, "nonce": scene.next_nonce(account)}
    kind = chance.choice(("order", "order", "cancel", "cancel_all", "clean", "report_prices"))
    if kind == "order":
        values |= {
            "market": 0,
            "side": number & 1,
            "price_ticks": 1000,
            "lots": 1,
            "agent": chance.choice((0, 0, 1, 15)),
        }
    elif kind == "cancel":
        values |= {"client_id": 1, "slot": chance.choice((0, 1, 77, (1 << 36) - 1))}
    elif kind == "clean":
        return encode(make("clean", pack_slots(chance.choice((0, 1, (1 << 36) - 1)))))
    elif kind == "report_prices":
        values = {"signer": chance.randrange(16), "time_ms": int(scene.state.registers.clock_ms)}
    record = scene.signed(kind, chance.choice((name, name, name, "mallory")), **values)
    return encode(replace(record, signature=bent(record.signature, chance)))


def bent(signature: bytes, chance: random.Random) -> bytes:
    """Return a signature as it is, with the other parity, a high s, a bit flipped, or one that no key can have made."""
    r, packed = signature[:32], int.from_bytes(signature[32:], "big")
    parity, s = packed >> 255, packed & (1 << 255) - 1
    high = ORDER - s
    ways = [
        signature,
        signature,
        signature,
        r + (packed ^ 1 << 255).to_bytes(32, "big"),
        r + (high & (1 << 255) - 1 | (1 - parity) << 255).to_bytes(32, "big"),
        r + high.to_bytes(32, "big"),
        flow.mutated(signature, chance)[:64].ljust(64, b"\0"),
        bytes(64),
        b"\xff" * 64,
        r + bytes(32),
    ]
    return chance.choice(ways)


def any_record(scene: Scene, chance: random.Random, number: int, time: int) -> bytes:
    """Return a record that is fine, changed in some bytes, junk, or a clock near a bound."""
    dice = chance.random()
    if dice < 0.15:
        edge = chance.choice((time * 1000, time * 1000 + MOST_MS, scene.state.registers.clock_ms))
        return clock(max(0, edge + chance.randint(-2, 2)))
    if dice < 0.25:
        kind = chance.choice((0, 1, 2, 3, 16, 17, 22, 23, 255))
        return bytes([kind]) + chance.randbytes(chance.choice((0, 5, 11, 12, 300)))
    if dice < 0.5:
        return encode(flow.sample(scene, chance.randint(0, 12)))
    return flow.mutated(encode(flow.sample(scene, number)), chance)[:MAX_RECORD_BYTES]


def any_message(scene: Scene, chance: random.Random, time: int) -> bytes:
    """Return a message of any kind, by anybody, that may carry any record."""
    if chance.random() < 0.5:
        return record_message(any_record(scene, chance, chance.randint(0, 12), time)[:MAX_FORCED_BYTES], time)
    if chance.random() < 0.2:
        return message(MESSAGE_DEPOSIT, address("alice"), chance.randint(1, 4), chance.randint(0, 10**9), time)
    kinds = (MESSAGE_FORCE_WITHDRAW, MESSAGE_FORCE_CANCEL_ALL, MESSAGE_FORCE_CLOSE, 9)
    who = chance.choice(("alice", "bob", "mallory"))
    amount = chance.choice((0, 1, 10**9, 1000 << 32, (1 << 62) - 1))
    return message(chance.choice(kinds), address(who), chance.randint(1, 4), amount, time)


def test_a_replay_that_begins_inside_a_message_ends_like_the_live_machine() -> None:
    doors = Doors()
    scene = doors.scene
    scene.trading("alice")
    scene.seal()
    scene.published.messages += [
        record_message(scene.signed("cancel_all", "alice", account=1, nonce=n)) for n in (1, 2)
    ]
    doors.batch(scene.time, len(scene.published.messages), [])
    replay = scene.fresh()
    while replay.state.registers.phase != Phase.CANCEL_ALL:
        advance(replay)
    halfway = replay.state.copy()
    run(replay, 1 << 20)
    assert replay.state.hash() == doors.live.state.hash()
    replay.state = halfway
    run(replay, 1 << 20)
    assert replay.state.hash() == doors.live.state.hash()
