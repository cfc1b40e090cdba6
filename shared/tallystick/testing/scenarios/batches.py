"""Batches and chunks as only a careless or hostile sequencer writes them, and L1 messages of every kind."""

from __future__ import annotations

from tallystick.records.chunks import accumulate
from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_WITHDRAW,
)
from tallystick.testing.scenarios.stage import RICH, Stage, frame


def skipped_chunks(stage: Stage) -> None:
    """Chunks with a wrong count, a wrong accumulator or no whole header, before, between and behind good ones."""
    record = stage.clock_record()
    count, accumulator = stage.state.registers.record_count, stage.state.registers.record_accumulator
    good = stage.header() + frame(record)
    after = (count + 1).to_bytes(8, "big") + accumulate(accumulator, record)
    wrong_count = (count + 1).to_bytes(8, "big") + accumulator + frame(record)
    wrong_accumulator = count.to_bytes(8, "big") + bytes(32)[:-1] + b"\x01" + frame(record)
    huge_count = bytes([255] * 8) + accumulator + frame(record)
    stage.post(wrong_count, wrong_accumulator, good, good, huge_count, after + frame(record), b"\0" * 8, stage.header())


def empty_batches(stage: Stage) -> None:
    """A batch without chunks, chunks without records, and the most and longest chunks there may be."""
    stage.post()
    stage.post(stage.header())
    stage.post(b"")
    stage.post(*[stage.header() + bytes([i + 1]) for i in range(MAX_CHUNKS)])
    header = stage.header()
    record = b"\xff" * (MAX_CHUNK_BYTES - len(header) - 2)
    stage.post(header + frame(record))


def owed_messages(stage: Stage) -> None:
    """Batches that leave messages to their end, with and without records, and with none."""
    stage.clock()
    for number in range(1, 4):
        stage.queue(MESSAGE_DEPOSIT, "alice", number, RICH)
    stage.post(stage.header() + frame(stage.clock_record()), messages=2)
    stage.post(messages=3)
    stage.queue(MESSAGE_FORCE_CANCEL_ALL, "alice", 1)
    stage.queue(MESSAGE_FORCE_WITHDRAW, "alice", 2, 5)
    consume = encode(make("consume", through=4))
    stage.post(stage.header() + frame(consume), messages=5)
    stage.post(stage.header() + frame(stage.clock_record()))


def message_limits(stage: Stage) -> None:
    """Consume records that go backwards, nowhere or beyond the batch's limit."""
    stage.queue(MESSAGE_DEPOSIT, "alice", 1, RICH)
    stage.queue(MESSAGE_DEPOSIT, "alice", 1, RICH)
    for through in (0, 2, (1 << 62) - 1):
        stage.post(stage.header() + frame(encode(make("consume", through=through))), messages=1)
    assert stage.send(make("consume", through=1)) is Outcome.MESSAGE_LIMIT
    assert stage.consume() is Outcome.ACCEPTED
    assert stage.consume() is Outcome.MESSAGE_LIMIT


def messages(stage: Stage) -> None:
    """Every kind of message, by owners and strangers, to accounts that are, are not and cannot be."""
    stage.trading("alice")
    every = (MESSAGE_DEPOSIT, MESSAGE_FORCE_WITHDRAW, MESSAGE_FORCE_CANCEL_ALL, 0, 4, 255)
    for kind in every:
        stage.queue(kind, "alice", 1, 7)
        stage.queue(kind, "bob", 1, 7)
        stage.queue(kind, "bob", 2, 0)
        stage.queue(kind, "bob", (1 << 32) - 1, 1)
        stage.queue(kind, "bob", 1 << 32, 1)
        stage.queue(kind, "bob", (1 << 64) - 1, 0)
    stage.consume()
    stage.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, 0)
    stage.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, (1 << 64) - 1)
    stage.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, 1)
    stage.consume()


def withdrawals(stage: Stage) -> None:
    """Withdrawals of nothing, of something, of everything, and of what backs a position."""
    stage.trading("alice", "bob")
    assert stage.withdraw(1, 0) is Outcome.OUT_OF_RANGE
    assert stage.withdraw(1, RICH + 1) is Outcome.NOT_WITHDRAWABLE
    assert stage.withdraw(1, 1) is Outcome.ACCEPTED
    stage.order(1, 0, 0, 1000, 500_000)
    stage.order(2, 0, 1, 1000, 500_000)
    assert stage.withdraw(1, RICH - 5_000_000_000) is Outcome.NOT_WITHDRAWABLE
    stage.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, RICH)
    stage.consume()
    assert stage.withdraw(1, 1) is Outcome.NOT_WITHDRAWABLE
    stage.report(0, 900)
    stage.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, RICH)
    stage.queue(MESSAGE_FORCE_WITHDRAW, "bob", 2, RICH)
    stage.consume()
    stage.open_market(1, 1000, initial_ppm=400_000, maintenance_ppm=200_000)
    for name, number in (("carol", 3), ("dave", 4)):
        stage.deposit(name, number, RICH)
    stage.order(3, 1, 1, 1000, 500_000)
    stage.order(4, 1, 0, 1000, 500_000)
    assert stage.withdraw(3, RICH - 15_000_000_000) is Outcome.NOT_WITHDRAWABLE
    assert stage.withdraw(4, RICH - 25_000_000_000) is Outcome.ACCEPTED


SCENARIOS = (skipped_chunks, empty_batches, owed_messages, message_limits, messages, withdrawals)
