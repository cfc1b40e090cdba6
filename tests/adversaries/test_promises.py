"""An operator is held to what it promised: a broken receipt costs its bond, and a kept one cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coincurve
import pytest

from tallystick.machine.engine import run
from tallystick.machine.machine import Machine
from tallystick.ports.system import SystemClock
from tallystick.records.chunks import accumulate, chunk_header, framed, padded
from tallystick.records.codec import Record, encode
from tallystick.records.group_receipts import GroupReceipt
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.rollup.promised_chain import Standing, chunk_argument
from tallystick.rollup.views.assertion_view import assertion_id
from tallystick.state.hashing import keccak
from tallystick.state.layout import Registers
from tallystick.state.ordinals import BatchNumber, MarketId
from tallystick.state.state import state_hash
from tallystick.testing.group_signing import sign_group
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, account, trade_a_little
from tallystick.testing.ledger.look import named
from tallystick.testing.world import address, key
from tallystick.trader.slasher import Slasher, Witness
from tallystick_operator.api import views

SECRET = coincurve.PrivateKey(key("receipts"))
BOND = 10**18
HOUR = 3_600
BUY = 0


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose operator has a bond, a receipt key, and a batch on L1."""
    stage = Stage(tmp_path)
    trade_a_little(stage)
    stage.publish()
    stage.transact("operator", "bond", "Receipts", "deposit", value_wei=BOND)
    stage.transact("operator", "key", "Receipts", "setKey", address("receipts"))
    yield stage
    stage.close()


def order(stage: Stage, name: str, price: int) -> Record:
    """Return a signed order of a name."""
    world = stage.world
    number = next(number for number, owner in world.owners.items() if owner == name)
    values = {"account": number, "nonce": world.next_nonce(number), "market": named(world.state, 0)}
    return world.signed("order", name, **values, side=BUY, price_ticks=price, lots=1)


def promise(stage: Stage, *records: Record) -> list[GroupReceipt]:
    """Sign receipts for records behind what was published."""
    registers = stage.world.state.registers
    return sign_group(
        SECRET,
        registers.domain,
        epoch=0,
        post_by=stage.client.head().timestamp + HOUR,
        first=registers.promised_count,
        before=registers.promised_accumulator,
        record_hashes=[keccak(padded(encode(record))) for record in records],
    )


def publish(stage: Stage, *records: Record) -> None:
    """Post a batch with records, in this order."""
    stage.begin()
    for record in records:
        stage.world.send(record)
    stage.publish()


def pass_by(stage: Stage, seconds: int) -> None:
    """Let time go by on L1."""
    stage.chain.request("evm_increaseTime", hex(seconds))
    stage.mine(1)


def act(stage: Stage, receipts: list[GroupReceipt]) -> list[str]:
    """Have alice do what she may about broken promises; return what she did."""
    witness = Witness(stage.client, stage.deployment)
    slasher = Slasher(witness, account("alice"), SystemClock())
    verdicts = witness.judge(receipts)
    return [slasher.act(each, 0.0).did for each in verdicts if each.standing is not Standing.POSTED]


def is_slashed(stage: Stage) -> bool:
    return int(stage.call("Receipts", "slashedAt")) > 0


def confirmed(stage: Stage) -> dict[str, Any]:
    """Have what L1 has asserted and confirmed, unrivalled, and return the state behind it as `judge` takes it."""
    while True:
        stage.mine(2)
        parent = stage.call("Rollup", "latestConfirmed")
        limit = stage.call("Rollup", "assertion", parent)["nextLimit"]
        registers = Registers()
        registers.load(stage.world.state.registers.pack())
        registers.batch_cursor = limit
        claim = (bytes(32), registers.pack())
        bond = stage.deployment.config.assertion_bond_wei
        stage.transact("operator", f"post {limit}", "Rollup", "post", parent, limit, *claim, bytes(32), value_wei=bond)
        stage.mine(PERIOD_BLOCKS)
        identity = assertion_id(parent, state_hash(*claim))
        stage.transact("operator", f"confirm {limit}", "Rollup", "confirm", [identity])
        if limit == stage.posted:
            return {"assertion": identity, "stateRoot": claim[0], "registers": claim[1]}


def test_O34_D08_publishing_in_another_order_than_was_promised_costs_the_bond(court: Stage) -> None:
    """The operator acknowledges alice, then bob, and publishes bob's order first."""
    first, second = order(court, "alice", 617_000), order(court, "bob", 617_001)
    receipts = promise(court, first, second)
    publish(court, second, first)
    assert act(court, receipts[:1]) == ["committed; run this again in two blocks to reveal it"]
    court.mine(2)
    assert act(court, receipts[:1]) == ["slashed: contradicted"]
    assert is_slashed(court)
    pass_by(court, 86_401)
    court.transact("bob", "pay", "Receipts", "payReward")
    assert court.call("Receipts", "credit", address("alice")) == BOND // 10
    assert act(court, receipts[:1]) == ["there is no bond any more"]


def test_O34_an_operator_that_keeps_its_promises_keeps_its_bond(court: Stage) -> None:
    """Whatever a hostile claimant does: it is answered, the answer is borne out by a confirmed state, the bond comes home."""
    records = [order(court, "alice", 617_000), order(court, "bob", 617_001)]
    receipts = promise(court, *records)
    publish(court, *records)
    assert act(court, receipts) == []
    pass_by(court, HOUR + 60)
    witness = Witness(court.client, court.deployment)
    slasher = Slasher(witness, account("bob"), SystemClock())
    assert slasher._claim(receipts[1]).did == "claimed as missing; run this again in six hours"
    place = witness.chain.chunk_of(receipts[1].number)
    chunk = chunk_argument(witness.inbox, place.batch, place.index)
    prefix = witness.chain.accumulators[receipts[1].number]
    court.transact(
        "operator", "show", "Receipts", "showPosted", [receipts[1].place], prefix, [receipts[1].record_hash], chunk
    )
    court.transact("alice", "judge", "Receipts", "judge", receipts[1].place, confirmed(court))
    court.transact("operator", "leave", "Receipts", "beginLeaving")
    pass_by(court, 33 * HOUR + 86_400)
    court.transact("alice", "close", "Receipts", "close", receipts[1].place)
    court.transact("operator", "take", "Receipts", "takeBond")
    assert not is_slashed(court)
    assert court.call("Receipts", "credit", address("operator")) == BOND + 5 * 10**16


def test_D18_a_record_that_was_acknowledged_and_never_executed_costs_the_bond(court: Stage) -> None:
    """Its place was promised; it is claimed as missing, and nobody can show it."""
    receipts = promise(court, order(court, "alice", 617_000))
    pass_by(court, HOUR + 60)
    assert act(court, receipts) == ["claimed as missing; run this again in six hours"]
    assert act(court, receipts) == ["claimed; the operator may still answer"]
    pass_by(court, 6 * HOUR)
    assert act(court, receipts) == ["slashed: nobody has shown it"]
    assert is_slashed(court)


@pytest.mark.parametrize("late", [False, True])
def test_D18_a_false_answer_to_a_claim_is_refuted_by_a_confirmed_state(court: Stage, late: bool) -> None:
    """The operator drops alice's record for bob's, and answers with a chunk that has hers, which the machine skips."""
    own, dropped = order(court, "bob", 616_000), order(court, "alice", 617_000)
    receipts = promise(court, own, dropped)[1:]
    prefix = accumulate(court.world.state.registers.promised_accumulator, keccak(padded(encode(own))))
    publish(court, order(court, "bob", 617_005), order(court, "bob", 617_006))
    false = chunk_header(1 << 40, bytes(32), receipts[0].number, prefix) + framed(encode(dropped))
    pass_by(court, HOUR + 60)
    court.begin()
    court.world.seal()
    number, time, until, limit, chunks = court.next_batch()
    court.world.published.chunks[number] = [*chunks, false]
    court.transact("operator", "batch", "Inbox", "postBatch", number, time, until, limit, [*chunks, false])
    assert act(court, receipts) == ["claimed as missing; run this again in six hours"]
    witness = Witness(court.client, court.deployment)
    arguments = ([receipts[0].place], prefix, [receipts[0].record_hash], chunk_argument(witness.inbox, number, 1))
    if late:
        confirmed(court)
    court.transact("operator", "show", "Receipts", "showPosted", *arguments)
    waits = "the operator may still correct that" if late else "nothing is confirmed yet that says so"
    assert act(court, receipts) == [f"answered falsely; {waits}"]
    pass_by(court, 24 * HOUR)
    if not late:
        confirmed(court)
    assert act(court, receipts) == ["slashed: the answer is false"]
    assert is_slashed(court)


def test_D19_a_false_view_of_the_book_is_shown_by_replay_alone(court: Stage) -> None:
    """No receipt is of a view: whoever was shown another book computes the true one from what was published."""
    publish(court, order(court, "alice", 617_980))
    witness = Witness(court.client, court.deployment)
    machine = Machine(
        genesis_state(decode_genesis(court.deployment.genesis)), witness.inbox.limited(BatchNumber(court.posted))
    )
    run(machine, 1 << 20)
    true = views.book(machine.state, MarketId(0), 20)
    assert 617_980 in [level.price_ticks for level in true.bids]
    shown = views.book(court.world.state, MarketId(0), 20)
    assert shown.bids == true.bids
    court.world.order(1, 0, BUY, 616_500, 5)
    assert views.book(court.world.state, MarketId(0), 20).bids != true.bids
