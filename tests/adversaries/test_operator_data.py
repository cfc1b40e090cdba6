"""D: the operator lies with data, or not at all: it withholds, garbles, floods, or is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.demo.double_check import Auditor
from tallystick.errors import L1Reverted
from tallystick.l1.client.events import EventReader
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.duties import Mode
from tallystick.proof.tracer import Tracer
from tallystick.records.chunks import Chunker, chunk_header, framed
from tallystick.records.codec import encode
from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.referee.runner import TwinRunner
from tallystick.rollup.views.assertion_view import Status
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import MAX_CHUNK_BYTES, MAX_CHUNKS
from tallystick.testing.l1_stage import DEPOSIT_UNITS, Stage, Told, account, trade_a_little
from tallystick.testing.ledger.look import cash
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.world import World, address
from tests.adversaries.rules import confirm_by_time, must_hold, post, publish_raw, refusal

DAY = 24 * 3600
TRANSACTION_GAS = 1 << 24
"""The most one transaction may use (EIP-7825)."""


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all tests that only ask the Inbox."""
    made = Stage(tmp_path_factory.mktemp("quiet"))
    trade_a_little(made)
    made.publish()
    yield made
    made.close()


def a_day_later(stage: Stage) -> None:
    """Let L1's clock pass the delays."""
    stage.chain.request("evm_increaseTime", hex(DAY + 1))
    stage.mine(1)


def header(stage: Stage) -> bytes:
    """Return the header of a chunk that follows what is published."""
    registers = stage.world.state.registers
    return chunk_header(
        registers.record_count,
        registers.record_accumulator,
        registers.promised_count,
        registers.promised_accumulator,
    )


def test_D01_a_root_without_its_batches_cannot_be_posted(stage: Stage) -> None:
    """The operator withholds bytes. A batch without bytes is no batch, and no assertion reaches beyond the batches."""
    now = stage.client.head().timestamp
    assert refusal(stage, "operator", "Inbox", "postBatch", 1, now, now, 2, []) == "ChunkCount"
    assert refusal(stage, "operator", "Inbox", "postBatch", 1, now, now, 2, [bytes(80)]) == "ChunkLength"
    operator = stage.party("operator", Mode.PROPOSE, Told())
    operator.tick()
    operator.tick()
    (mine,) = [each for each in operator.rollup.assertions.values() if each.parent]
    arguments = (mine.id, mine.next_limit, bytes(32), mine.registers, bytes(32))
    bond = stage.deployment.config.assertion_bond_wei
    assert refusal(stage, "operator", "Rollup", "post", *arguments, value_wei=bond) == "InputsMissing"


def garbage(stage: Stage) -> list[bytes]:
    """Return one batch with everything a chunk can be broken by."""
    fine = Chunker(stage.world.state.registers)
    nested = b"\x03" + b"\xc3\xc2\xc1\xc0"
    for record in (b"\x00", b"\xff" * 50, b"\x01", b"\x01\xc0", b"\x03" + bytes(200), nested, b"\x01\xf9\xff\xff"):
        fine.add(record)
        fine.end_chunk()
    fine.add(encode(make("clean", pack_slots(1))))
    *cut, last = fine.finish()
    return [
        bytes(80) + b"a chunk that does not follow",
        b"\xff" * 81,
        *cut,
        last + b"\x00\x0b behind a broken frame " + framed(b"\x01\xc0"),
        b"\x00" * 100,
    ]


def test_D03_malformed_bytes_have_one_result_and_stop_nobody(stage: Stage) -> None:
    """The operator publishes garbage. The decoder is total: skipped, counted, rejected, the same in both languages."""
    publish_raw(stage, garbage(stage))
    honest = stage.party("challenger", Mode.PROPOSE, Told())
    confirm_by_time(stage, honest)

    referee = TwinRunner(stage.world.published)
    machine = stage.world.fresh()
    tracer = Tracer(machine)
    seen = set()
    while not engine.halted(machine):
        proof = tracer.prove()
        seen.add(proof.outcome)
        if machine.state.registers.batch_cursor:
            referee.check(proof, stage.world.published.batch_limit)
    assert {Outcome.CHUNK_SKIPPED, Outcome.FRAME_BROKEN, Outcome.UNKNOWN_RECORD, Outcome.MALFORMED} <= seen
    must_hold(stage, honest)


def test_D04_D10_D17_whoever_leaves_out_a_forced_withdrawal_posts_nothing_after_a_day(stage: Stage) -> None:
    """The operator posts batches that look alive and leaves out one trader. After the delay the Inbox takes no batch
    without the message; nothing is slashed, the operator is just out of business until it serves.
    """
    stage.transact("bob", "force", "Inbox", "forceWithdraw", 2, 10**9)
    stage.read_messages()
    leave_out(stage)
    stage.publish()
    a_day_later(stage)
    leave_out(stage)
    with pytest.raises(L1Reverted, match="MessageOverdue"):
        stage.publish()
    stage.posted -= 1
    (number, time, until, limit, chunks) = stage.next_batch()
    served = stage.world.published
    served.headers[number] = type(served.headers[number])(
        time=time,
        until=until,
        message_limit=limit + 1,
        poster=served.headers[number].poster,
        chunk_count=len(chunks),
        chunks_hash=served.headers[number].chunks_hash,
    )
    stage.transact("operator", "served", "Inbox", "postBatch", number, time, until, limit + 1, chunks)
    replay(stage)
    honest = stage.party("challenger", Mode.PROPOSE, Told())
    confirm_by_time(stage, honest)
    assert stage.world.state.registers.outbox_count == 2
    must_hold(stage, honest)


def leave_out(stage: Stage) -> None:
    """Open a batch at L1's time that takes none of the messages that wait."""
    world = stage.world
    world.time = max(world.time, stage.client.head().timestamp)
    world.begin(int(world.state.registers.message_cursor))
    world.clock()


def replay(stage: Stage) -> None:
    """Have the world start over from what L1 holds, when somebody else posted."""
    world = stage.world
    again = world.fresh()
    engine.run(again, 1 << 20)
    world.state, world.machine = again.state, Machine(again.state, world.published, world.events)


def test_D05_the_largest_batch_is_posted_and_each_of_its_steps_is_provable() -> None:
    """The operator publishes as much as there can be: 32 chunks of 4,096 bytes. Each step takes one chunk at most, and
    fits a transaction many times over.
    """
    world = World()
    payload = MAX_CHUNK_BYTES - 82 - 4
    chunker = Chunker(world.state.registers)
    for byte in range(MAX_CHUNKS):
        chunker.add(bytes([3, 0xF9, payload >> 8, payload & 255]) + bytes([byte + 1]) * payload)
    chunks = chunker.finish()
    assert {len(chunk) for chunk in chunks} == {MAX_CHUNK_BYTES}
    world.published.publish(chunks, world.time, 0)
    machine = world.fresh()
    tracer, referee = Tracer(machine), TwinRunner(world.published)
    gas = {Phase.OPEN_CHUNK: 0, Phase.FETCH_RECORD: 0}
    while not engine.halted(machine):
        proof = tracer.prove()
        used = referee.check(proof, 1)
        if proof.phase in gas:
            gas[Phase(proof.phase)] = max(gas[Phase(proof.phase)], used)
    assert machine.state.registers.record_count == MAX_CHUNKS
    assert max(gas.values()) < TRANSACTION_GAS // 4, gas


def test_D05_the_largest_batch_fits_a_block(stage: Stage) -> None:
    """The operator fills its batch with bytes that follow nothing: they cost it calldata, and everybody one step each."""
    used = publish_raw(stage, [bytes([255]) * MAX_CHUNK_BYTES for _ in range(MAX_CHUNKS - 1)])
    assert used < TRANSACTION_GAS
    honest = stage.party("challenger", Mode.PROPOSE, Told())
    confirm_by_time(stage, honest)
    must_hold(stage, honest)


@pytest.mark.parametrize("index", [0, 2, 2**64 - 1])
def test_D06_D07_D08_a_batch_for_a_slot_that_is_taken_or_not_due_is_refused(quiet: Stage, index: int) -> None:
    """The operator posts a batch twice, a second one for the same slot, or leaves a gap. L1 counts: there is one batch
    a slot, and nothing to slash.
    """
    now = quiet.client.head().timestamp
    chunks = [header(quiet) + framed(b"\x01\xc0")]
    assert refusal(quiet, "operator", "Inbox", "postBatch", index, now, now, 2, chunks) == "WrongBatchIndex"
    assert refusal(quiet, "operator", "Inbox", "postBatch", 1, now, now, 2, chunks) == ""


def test_D07_records_that_follow_another_history_are_skipped(stage: Stage) -> None:
    """The operator posts records made for another past, after a reorganisation or on purpose. The chunk's header names
    the past it follows; it is skipped whole, and no trader's record is used up.
    """
    world = stage.world
    before = world.state.registers.record_count
    record = world.signed("order", "alice", account=1, nonce=90, price_ticks=1, lots=1)
    publish_raw(stage, [chunk_header(before + 1, bytes(32), 0, bytes(32)) + framed(encode(record))])
    assert world.state.registers.record_count == before
    assert world.state.registers.outcome == Outcome.CHUNK_SKIPPED


@pytest.mark.parametrize("thief", ["alice", "challenger", "deployer"])
def test_D09_a_batch_from_another_key_is_refused(quiet: Stage, thief: str) -> None:
    """Somebody else posts a batch while the sequencer lives. The sequencer is fixed for good; see the threat model for
    what a thief of its key can do.
    """
    now = quiet.client.head().timestamp
    chunks = [header(quiet) + framed(b"\x01\xc0")]
    assert refusal(quiet, thief, "Inbox", "postBatch", 1, now, now, 2, chunks) == "NotSequencer"


def test_D11_D12_a_forced_action_cannot_be_mangled_or_taken_out_of_order(stage: Stage) -> None:
    """The operator consumes the second message first, or another one. Only the next message continues the chain: the
    Referee takes no other witness.
    """
    stage.transact("alice", "first", "Inbox", "forceWithdraw", 1, 10**6)
    stage.transact("bob", "second", "Inbox", "forceWithdraw", 2, 10**6)
    stage.read_messages()
    stage.begin()
    stage.consume()
    stage.publish()
    messages = stage.world.published.messages
    machine = stage.world.fresh()
    registers = machine.state.registers
    while not (registers.phase == Phase.CONSUME_MESSAGE and registers.message_cursor == 2):
        engine.step(machine)
    witness = Tracer(machine).prove()
    limit = stage.world.published.batch_limit
    honest = messages[2]
    for other in (messages[3], messages[0], honest[:37] + bytes(8), honest[:1] + bytes(20) + honest[21:]):
        forged = witness.witness.replace(honest, other)
        assert forged != witness.witness
        assert refusal(stage, "operator", "Referee", "step", witness.pre_hash, limit, forged) != ""
    assert stage.call("Referee", "step", witness.pre_hash, limit, witness.witness) == witness.post_hash


def test_D13_a_flooded_queue_costs_the_flooder_and_delays_nobody(stage: Stage) -> None:
    """The operator floods its own queue. There is no cap and no fee but L1's gas: a batch takes any number of messages
    with one number, each is one step, and a step that is left over goes on in the next assertion.
    """
    stage.begin()
    few = stage.publish()
    flood = stage.client.contract("Inbox", stage.place("Inbox")).encode("forceCancelAll", 1)
    queue = stage.queues["operator"]
    for i in range(40):
        queue.enqueue(f"flood {i}", stage.place("Inbox"), flood)
    queue.wait("flood 39")
    stage.transact("bob", "mine", "Inbox", "forceWithdraw", 2, 10**9)
    stage.read_messages()
    stage.begin()
    stage.consume()
    many = stage.publish()
    assert many < few + 50_000
    assert stage.world.state.registers.withdrawn_units == 2 * 10**9


def test_D14_D22_without_the_operator_anybody_posts_asserts_and_is_paid(stage: Stage) -> None:
    """The operator is gone for ever. After the delay a trader posts the batch that its own forced withdrawal needs,
    anybody asserts and confirms it, and the Vault pays.
    """
    stage.transact("alice", "all", "Inbox", "forceWithdraw", 1, 2**62 - 1)
    stage.read_messages()
    a_day_later(stage)
    stage.begin()
    stage.consume()
    stage.world.seal()
    post(stage, "alice")
    honest = stage.party("carol", Mode.PROPOSE, Told())
    confirm_by_time(stage, honest)
    audit = Auditor(stage.deployment.config.root_height).audit(
        EventReader(stage.client, stage.deployment).poll().events
    )
    for index in range(2):
        stage.transact("bob", f"claim {index}", "Vault", "claim", *audit.withdrawal_proof(index))
    paid = stage.call("TestToken", "balanceOf", account("alice").address)
    assert paid > DEPOSIT_UNITS * 99 // 100
    assert paid + cash(stage.world.state, 1) <= DEPOSIT_UNITS
    must_hold(stage, honest)


def test_D14_D17_when_the_exchange_has_stopped_for_good_everybody_is_paid(stage: Stage) -> None:
    """Operator and prices are gone for ever, and positions are open. Strangers post what winds the exchange down: claims
    at the last marks, counted for a week, then paid to the owners by the Vault. One of them asks through L1.
    """
    withdrawn = stage.world.state.registers.withdrawn_units
    for stranger in ("carol", "erin"):
        stage.fund(stranger)
    stage.publish()
    for asking in ((1, 2), (1,)):
        for _ in range(8):
            a_day_later(stage)
        if len(asking) == 1:
            stage.transact("bob", "asks", "Inbox", "forceWithdraw", 2, 0)
            stage.read_messages()
        stage.begin()
        for number in asking:
            assert stage.world.settle_account(number) is Outcome.ACCEPTED
        if len(asking) == 1:
            assert stage.consume() is Outcome.ACCEPTED
        stage.world.seal()
        post(stage, "carol")
    honest = stage.party("dave", Mode.PROPOSE, Told())
    confirm_by_time(stage, honest)
    audit = Auditor(stage.deployment.config.root_height).audit(
        EventReader(stage.client, stage.deployment).poll().events
    )
    granted = stage.world.state.registers.withdrawn_units
    for index in range(stage.world.state.registers.outbox_count):
        stage.transact("erin", f"claim {index}", "Vault", "claim", *audit.withdrawal_proof(index))
    paid = sum(stage.call("TestToken", "balanceOf", account(name).address) for name in ("alice", "bob"))
    assert paid == granted > withdrawn
    assert 2 * DEPOSIT_UNITS - stage.world.state.registers.fees_units - 2 <= paid <= 2 * DEPOSIT_UNITS
    must_hold(stage, honest)


def test_D15_a_liar_that_vanishes_in_mid_dispute_loses(stage: Stage) -> None:
    """The operator lies, opens its root, and never answers. Its clock has stopped and the honest one's runs; the bonds
    go all the same.
    """
    lie = make_lie("worse-fill", bytes(20))
    liar = stage.party("operator", Mode.PROPOSE, Told(), lie.step)
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)
    before = 1_000 * 10**18
    for _ in range(6):
        liar.tick()
        honest.tick()
    stage.play([honest], honest)
    assert not [facts for facts in told.named("moved") if facts["move"] == "prove"]
    must_hold(stage, honest, liars=("operator",), before_wei=before)


def test_D20_D21_what_stands_on_a_lie_falls_with_it_and_cannot_come_back(stage: Stage) -> None:
    """The operator builds on its own false root while that is disputed, and posts it again afterwards. The child falls
    with its parent, its bond goes to the sink; beside a confirmed assertion nothing is taken any more.
    """
    stage.begin()
    stage.publish()
    liar = stage.party("operator", Mode.PROPOSE, Told(), make_lie("mint-deposit", bytes(20)).step)
    for _ in range(6):
        liar.tick()
    mine = [each for each in liar.rollup.assertions.values() if each.proposer == address("operator")]
    assert len(mine) > 1 and mine[1].parent == mine[0].id
    honest = stage.party("challenger", Mode.RESOLVE, Told())
    stage.play([liar, honest], honest)
    for _ in range(4):
        honest.tick()
    root, *above = mine
    assert honest.rollup.assertions[root.id].status is Status.REJECTED
    assert not any(each.id in honest.rollup.assertions for each in above)
    for each in above:
        assert refusal(stage, "operator", "Rollup", "confirm", [each.id]) == "ParentNotLatest"
    bond = stage.deployment.config.assertion_bond_wei
    again = (root.parent, root.limit, root.state_root, root.registers, bytes(32))
    assert refusal(stage, "operator", "Rollup", "post", *again, value_wei=bond) == "ParentClosed"
    on_top = (root.id, root.next_limit, root.state_root, root.registers, bytes(32))
    assert refusal(stage, "operator", "Rollup", "post", *on_top, value_wei=bond) == "ParentRejected"
    must_hold(stage, honest, liars=("operator",))


@pytest.mark.parametrize(
    ("offset", "refused"), [(-3601, "TimeBackwards"), (3600, "UntilTooNew"), (12 + 12, "UntilTooNew"), (0, "")]
)
def test_O33_a_batch_time_far_from_l1s_is_refused(quiet: Stage, offset: int, refused: str) -> None:
    """The operator declares a time of its own. The Inbox takes none that falls, or is far from the block's."""
    now = quiet.client.head().timestamp
    chunks = [header(quiet) + framed(b"\x01\xc0")]
    assert refusal(quiet, "operator", "Inbox", "postBatch", 1, now + offset, now + offset, 2, chunks) == refused
