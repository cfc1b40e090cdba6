"""Batches and chunks as only a careless or hostile sequencer writes them, and L1 messages of every kind."""

from __future__ import annotations

from tallystick.records.blob_chunks import SPAN_BYTES, WORD_BYTES, pack_blob
from tallystick.records.chunks import accumulate, chunk_header
from tallystick.records.codec import encode
from tallystick.schema.names import Outcome
from tallystick.state.hashing import keccak
from tallystick.state.layout import (
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
)
from tallystick.testing.scenarios.scene import RICH, Scene, frame
from tallystick.testing.world import message


def skipped_chunks(scene: Scene) -> None:
    """Chunks with a wrong count, a wrong accumulator or no whole header, before, between and behind good ones."""
    scene.trading("alice")
    scene.cancel_all(1)
    scene.finish()
    record, registers = scene.clock_record(), scene.state.registers
    count, promised = int(registers.record_count), int(registers.promised_count)
    chain, promised_chain, other = registers.record_accumulator, registers.promised_accumulator, bytes(31) + b"\x01"
    wrong = (
        chunk_header(count + 1, chain, promised, promised_chain),
        chunk_header(count, other, promised, promised_chain),
        chunk_header(count, chain, promised + 1, promised_chain),
        chunk_header(count, chain, promised, other),
    )
    bad = [header + frame(record) for header in wrong]
    good = scene.header() + frame(record)
    huge_count = bytes([255] * 8) + scene.header()[8:] + frame(record)
    after = chunk_header(count + 1, accumulate(chain, keccak(record)), promised, promised_chain)
    scene.post(*bad, good, good, huge_count, after + frame(record), b"\0" * 8, scene.header())


def empty_batches(scene: Scene) -> None:
    """A batch without chunks, chunks without records, and the most and longest chunks there may be."""
    scene.post()
    scene.post(scene.header())
    scene.post(b"")
    scene.post(*[scene.header() + bytes([i + 1]) for i in range(MAX_CHUNKS)])
    header = scene.header()
    record = b"\xff" * (MAX_CHUNK_BYTES - len(header) - 2)
    scene.post(header + frame(record))


def in_blobs(scene: Scene) -> None:
    """A batch in two blobs: chunks that follow, one that is void, and beside them the zeros that fill a blob."""
    scene.clock()
    scene.finish()
    record, registers = scene.clock_record(), scene.state.registers
    count, promised = int(registers.record_count), int(registers.promised_count)
    promised_chain = registers.promised_accumulator
    first = scene.header() + frame(record)
    chain = accumulate(registers.record_accumulator, keccak(record))
    second = chunk_header(count + 1, chain, promised, promised_chain) + frame(record)
    void = bytearray(pack_blob([first, first]))
    void[SPAN_BYTES + WORD_BYTES] = 1
    scene.post_blobs(bytes(void), pack_blob([second]))
    assert registers.record_count == count + 2


def messages_first(scene: Scene) -> None:
    """Batches that consume messages before their records, and with nothing else, also a run of chunks nobody reads."""
    scene.clock()
    for number in range(1, 4):
        scene.queue(MESSAGE_DEPOSIT, "alice", number, RICH)
    scene.post(scene.header() + frame(scene.clock_record()), messages=2)
    scene.post(messages=3)
    scene.queue(MESSAGE_FORCE_CANCEL_ALL, "alice", 1)
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", 2, 5)
    withdraw = encode(scene.signed("withdraw", "alice", account=2, nonce=0, amount_units=RICH, recipient=1))
    scene.post(scene.header() + frame(withdraw), messages=5)
    assert scene.state.registers.outcome == Outcome.NOT_WITHDRAWABLE
    scene.post(b"\1" * 81, scene.header() + frame(scene.clock_record()))
    scene.queue(MESSAGE_DEPOSIT, "alice", 1, RICH)
    scene.post(scene.header(), scene.header() + b"\0\0", messages=6)


def messages(scene: Scene) -> None:
    """Every kind of message, by owners and strangers, to accounts that are, are not and cannot be."""
    scene.trading("alice")
    every = (MESSAGE_DEPOSIT, MESSAGE_FORCE_WITHDRAW, MESSAGE_FORCE_CANCEL_ALL, 0, MESSAGE_FORCE_CLOSE, 255)
    for kind in every:
        scene.queue(kind, "alice", 1, 7)
        scene.queue(kind, "bob", 1, 7)
        scene.queue(kind, "bob", 2, 0)
        scene.queue(kind, "bob", (1 << 32) - 1, 1)
        scene.queue(kind, "bob", 1 << 32, 1)
        scene.queue(kind, "bob", (1 << 64) - 1, 0)
    scene.consume()
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, 0)
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, (1 << 64) - 1)
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, 1)
    scene.consume()


def withdrawals(scene: Scene) -> None:
    """Withdrawals of nothing, of something, of everything, and of what backs a position."""
    scene.trading("alice", "bob")
    assert scene.withdraw(1, 0) is Outcome.OUT_OF_RANGE
    nobody = scene.signed("withdraw", "alice", account=1, nonce=scene.next_nonce(1), amount_units=1, recipient=0)
    assert scene.send(nobody) is Outcome.OUT_OF_RANGE
    scene.published.messages.append(message(MESSAGE_FORCE_WITHDRAW, bytes(20), 9, 1))
    assert scene.consume() is Outcome.NOT_AUTHORISED
    assert scene.withdraw(1, RICH + 1) is Outcome.NOT_WITHDRAWABLE
    assert scene.withdraw(1, 1) is Outcome.ACCEPTED
    scene.order(1, 0, 0, 1000, 500_000)
    scene.order(2, 0, 1, 1000, 500_000)
    assert scene.withdraw(1, RICH - 5_000_000_000) is Outcome.NOT_WITHDRAWABLE
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, RICH)
    scene.consume()
    assert scene.withdraw(1, 1) is Outcome.NOT_WITHDRAWABLE
    scene.report(0, 900)
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, RICH)
    scene.queue(MESSAGE_FORCE_WITHDRAW, "bob", 2, RICH)
    scene.consume()
    scene.open_market(1, 1000, initial_ppm=400_000, maintenance_ppm=200_000)
    for name, number in (("carol", 3), ("dave", 4)):
        scene.deposit(name, number, RICH)
    scene.order(3, 1, 1, 1000, 500_000)
    scene.order(4, 1, 0, 1000, 500_000)
    assert scene.withdraw(3, RICH - 15_000_000_000) is Outcome.NOT_WITHDRAWABLE
    assert scene.withdraw(4, RICH - 25_000_000_000) is Outcome.ACCEPTED


def paid_out(scene: Scene) -> None:
    """Profits beyond all that was ever deposited: what the Vault holds leaves, and nothing more."""
    cash = 6_000_000
    scene.trading("alice", "bob", "carol", cash=cash)
    scene.order(1, 0, 0, 1000, 100)
    scene.order(2, 0, 1, 1000, 100)
    for price in (2000, 3000):
        scene.land(0, price)
    assert scene.withdraw(1, cash) is Outcome.NOT_WITHDRAWABLE
    scene.order(1, 0, 1, 3000, 100)
    assert scene.order(3, 0, 0, 3000, 100) is Outcome.ACCEPTED
    assert scene.withdraw(1, 3 * cash + 1) is Outcome.NOT_WITHDRAWABLE
    assert scene.withdraw(1, cash) is Outcome.ACCEPTED
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, 3 * cash)
    scene.consume()
    assert scene.state.registers.withdrawn_units == 3 * cash
    assert scene.withdraw(1, 1) is Outcome.NOT_WITHDRAWABLE
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", 1, 1)
    scene.consume()


SCENARIOS = (skipped_chunks, empty_batches, in_blobs, messages_first, messages, withdrawals, paid_out)
