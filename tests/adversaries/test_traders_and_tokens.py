"""T: a trader lies, or asks for too much. The machine rejects it the same in both languages, and nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.demo.double_check import Auditor
from tallystick.l1.client.events import EventReader
from tallystick.machine import engine
from tallystick.party.duties import Mode
from tallystick.proof.tracer import Tracer
from tallystick.referee.runner import TwinRunner
from tallystick.rollup.genesis import genesis_state
from tallystick.schema.names import Outcome
from tallystick.state.layout import MAX_AMOUNT, MAX_PRICE_TICKS
from tallystick.testing.l1_stage import Stage, Told, account, trade_a_little
from tallystick.testing.ledger.look import book, cash, check_book, mark, position
from tallystick.testing.world import World, address, world_genesis
from tests.adversaries.operator_state import MARK, RICH, exchange
from tests.adversaries.rules import confirm_by_time, must_hold, refusal

BUY, SELL, IOC = 0, 1, 1


@pytest.fixture
def world() -> Iterator[World]:
    """An exchange; behind the test, every step of what happened is run by the Referee too, and the books are whole."""
    made = exchange()
    yield made
    made.seal()
    machine = made.fresh()
    tracer, referee = Tracer(machine), TwinRunner(made.published)
    while not engine.halted(machine):
        referee.check(tracer.prove(), made.published.batch_limit)
    assert tracer.state_hash == made.state.hash()
    check_book(made.state, range(2))


@pytest.mark.parametrize(
    ("field", "value", "outcome"),
    [
        ("price", MAX_PRICE_TICKS, Outcome.MARGIN),
        ("lots", MAX_AMOUNT, Outcome.TOO_LARGE),
        ("nonce", MAX_AMOUNT, Outcome.NONCE_RANGE),
        ("expiry_ms", MAX_AMOUNT, Outcome.ACCEPTED),
        ("client_id", MAX_AMOUNT, Outcome.ACCEPTED),
        ("account", 2**32 - 1, Outcome.NO_ACCOUNT),
        ("market", 63, Outcome.NO_MARKET),
    ],
)
def test_T01_extreme_numbers_have_an_outcome_and_no_effect(
    world: World, field: str, value: int, outcome: Outcome
) -> None:
    """A trader signs the largest number of a field. It is in range or has its reject code; nothing overflows (I4)."""
    order = {"account": 1, "market": 0, "side": BUY, "price_ticks": 900, "lots": 1000, "nonce": 5}
    order |= {"price_ticks" if field == "price" else field: value}
    assert world.send(world.signed("order", "alice", **order)) is outcome
    assert cash(world.state, 1) == RICH


@pytest.mark.parametrize(("at", "length"), [(8, 9), (8, 33), (10, 8)])
def test_T01_numbers_longer_than_a_field_are_rejected_as_encoded(world: World, at: int, length: int) -> None:
    """A trader encodes what no field can hold. Out of range, before any signature is looked at."""
    items = [b""] * 10
    items[at - 1] = b"\xff" * length
    body = b"".join(bytes([0x80 + len(item)]) + item for item in items) + b"\xb8\x40" + bytes(64)
    assert world.send(b"\x03\xf8" + bytes([len(body)]) + body) is Outcome.OUT_OF_RANGE


@pytest.mark.parametrize(("price", "lots"), [(0, 1), (1000, 0), (0, 0)])
def test_T02_an_order_of_nothing_is_rejected_and_changes_only_its_nonce(world: World, price: int, lots: int) -> None:
    """A trader sends orders of no size or no price. Dust below a lot cannot be written down."""
    assert world.order(1, 0, BUY, price, lots) is Outcome.OUT_OF_RANGE
    assert book(world.state, 0, BUY) == []
    assert world.withdraw(1, 0) is Outcome.OUT_OF_RANGE


def test_T03_trading_with_oneself_moves_nothing_and_with_a_friend_costs_both_fees(world: World) -> None:
    """A trader trades with itself for volume. Its own maker leaves the book; over two accounts both pay fees."""
    world.order(1, 0, SELL, 1000, 5)
    world.order(1, 0, BUY, 1000, 5)
    assert cash(world.state, 1) == RICH
    assert world.state.registers.fees_units == 0
    world.order(2, 0, SELL, 1000, 5)
    assert position(world.state, 1, 0) == 5
    assert cash(world.state, 1) + cash(world.state, 2) == 2 * RICH - 5 * 60


def test_T04_a_nonce_far_ahead_locks_out_neither_its_owner_nor_others(world: World) -> None:
    """A trader jumps ahead, leaves gaps, uses nonces again. The window is bounded; after the longest jump there are
    again nonces left, and other accounts have their own.
    """
    last = (1024 + 1) * 128 - 1
    for nonce, outcome in (
        (0, Outcome.ACCEPTED),
        (0, Outcome.NONCE_USED),
        (last + 1, Outcome.NONCE_RANGE),
        (last, Outcome.ACCEPTED),
        (1, Outcome.NONCE_RANGE),
        (last + 1, Outcome.ACCEPTED),
        (last - 1, Outcome.ACCEPTED),
    ):
        assert world.order(1, 0, BUY, 990, 1, nonce=nonce) is outcome
    assert world.order(2, 0, BUY, 990, 1, nonce=0) is Outcome.ACCEPTED


def test_T05_nobody_cancels_anothers_order(world: World) -> None:
    """A trader signs a cancel of somebody else's order, under its own account or the other's."""
    world.order(1, 0, BUY, 990, 1, client_id=7)
    (order,) = book(world.state, 0, BUY)
    assert world.cancel(2, 7, order.slot) is Outcome.NO_SUCH_ORDER
    forged = world.signed("cancel", "bob", account=1, nonce=50, client_id=7, slot=order.slot)
    assert world.send(forged) is Outcome.NOT_AUTHORISED
    assert book(world.state, 0, BUY) == [order]


def test_T06_a_cancel_that_races_a_fill_leaves_filled_and_remaining_in_sum(world: World) -> None:
    """A trader cancels while it is being filled. Whatever comes first, the order is one, and its sizes add up."""
    world.order(1, 0, SELL, 1000, 10, client_id=7)
    (order,) = book(world.state, 0, SELL)
    world.order(2, 0, BUY, 1000, 4)
    assert world.cancel(1, 7, order.slot) is Outcome.ACCEPTED
    assert world.cancel(1, 7, order.slot) is Outcome.NO_SUCH_ORDER
    assert world.order(2, 0, BUY, 1000, 6, flags=IOC) is Outcome.UNFILLED
    assert position(world.state, 1, 0) == -4


def test_T07_a_record_sent_many_times_runs_once(world: World) -> None:
    """A trader sends one order again and again, over the end of a batch. The nonce is used; the operator's front door
    answers with the first receipt: tests/operator/test_core.py.
    """
    record = world.signed("order", "alice", account=1, nonce=3, price_ticks=990, lots=1, client_id=1)
    outcomes = [world.send(record) for _ in range(20)]
    world.seal()
    outcomes += [world.send(record) for _ in range(20)]
    assert outcomes == [Outcome.ACCEPTED] + [Outcome.NONCE_USED] * 39
    assert len(book(world.state, 0, BUY)) == 1


def test_T12_a_price_of_zero_or_none_moves_nothing_and_a_jump_is_taken_as_signed(world: World) -> None:
    """The price is zero, missing, or jumps by half. Zero is refused; without a first mark nobody trades; a jump signed
    by a quorum is believed, an accepted risk, and who is short of margin then can only reduce.
    """
    assert world.report(0, 0) is Outcome.OUT_OF_RANGE
    world.list_market(1)
    assert world.order(1, 1, BUY, 1, 1) is Outcome.NO_MARK
    world.order(1, 0, SELL, 1000, 50_000)
    world.order(2, 0, BUY, 1000, 50_000, nonce=9)
    world.order(3, 0, SELL, 1500, 10)
    size = position(world.state, 1, 0)
    world.report(0, MARK * 3 // 2)
    assert mark(world.state, 0) == 1500
    assert world.order(1, 0, SELL, 1500, 1) in (Outcome.MARGIN, Outcome.ACCEPTED)
    assert position(world.state, 1, 0) == size


def test_T13_margin_cannot_be_withdrawn_from_under_a_position(world: World) -> None:
    """A trader withdraws what its position needs, in one piece or in many. What is left covers the margin each time."""
    world.order(1, 0, SELL, 1000, 1000)
    world.order(2, 0, BUY, 1000, 1000)
    assert world.withdraw(1, RICH) is Outcome.NOT_WITHDRAWABLE
    taken = sum(10**8 for _ in range(12) if world.withdraw(1, 10**8) is Outcome.ACCEPTED)
    assert taken < RICH
    value = cash(world.state, 1) - 1000 * MARK * 100
    assert value >= 1000 * MARK * 100 // 10


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, tuple[Any, ...]]]:
    """A stage with a confirmed withdrawal that nobody has claimed, and its claim."""
    stage = Stage(tmp_path_factory.mktemp("claims"))
    trade_a_little(stage)
    stage.publish()
    confirm_by_time(stage, stage.party("operator", Mode.PROPOSE, Told()))
    yield stage, claim(stage)
    stage.close()


def claim(stage: Stage) -> tuple[Any, ...]:
    """Return the claim of withdrawal 0 against the newest confirmed assertion."""
    return (
        Auditor(stage.deployment.config.root_height)
        .audit(EventReader(stage.client, stage.deployment).poll().events)
        .withdrawal_proof(0)
    )


def test_T15_a_claim_with_any_byte_changed_is_refused(paid: tuple[Stage, tuple[Any, ...]]) -> None:
    """A trader changes a claim: assertion, state, registers, each field, each byte of the proof. Each is hashed into the
    confirmed state, so nothing else is paid.
    """
    stage, (assertion, root, registers, withdrawal, proof) = paid
    good = (assertion, root, registers, withdrawal, proof)

    def refused(*arguments: Any) -> str:
        return refusal(stage, "bob", "Vault", "claim", *arguments)

    assert refused(*good) == ""
    for at, error in ((0, "NotConfirmed"), (1, "WrongState"), (2, "WrongState")):
        for byte in range(32):
            assert refused(*good[:at], flip(good[at], byte), *good[at + 1 :]) == error
    for byte in range(len(proof)):
        assert refused(assertion, root, registers, withdrawal, flip(proof, byte)) != ""
    for other in (proof + b"\0", proof[:-1], b""):
        assert refused(assertion, root, registers, withdrawal, other) != ""
    thief = {"recipient": address("bob")}
    for change in (thief, {"amountUnits": 2**63}, {"account": 2}, {"index": 1}, {"index": 2**36}, {"index": 2**64 - 1}):
        assert refused(assertion, root, registers, withdrawal | change, proof) in ("WrongRoot", "IndexRange")


def flip(data: bytes, at: int) -> bytes:
    """Return bytes with one of them changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_T16_a_withdrawal_is_paid_once_whatever_root_it_is_claimed_from(stage: Stage) -> None:
    """A trader claims twice, and once more from a later confirmed state. The Vault keeps the index, not the proof."""
    honest = stage.party("challenger", Mode.PROPOSE, Told())
    confirm_by_time(stage, honest)
    first = claim(stage)
    stage.begin()
    stage.publish()
    confirm_by_time(stage, honest)
    later = claim(stage)
    assert first[0] != later[0]
    stage.transact("bob", "claim", "Vault", "claim", *later)
    assert refusal(stage, "bob", "Vault", "claim", *later) == "AlreadyClaimed"
    assert refusal(stage, "bob", "Vault", "claim", *first) == "AlreadyClaimed"
    assert stage.call("TestToken", "balanceOf", account("alice").address) == 10**9
    must_hold(stage, honest)


def test_T17_a_claim_on_another_deployment_is_refused(paid: tuple[Stage, tuple[Any, ...]], stage: Stage) -> None:
    """A trader brings its claim to a deployment that has not confirmed it. An assertion's name begins with the genesis,
    which holds chain and contract, so none is ever confirmed elsewhere. On a fork of the chain the Vault pays nothing:
    tests/contracts/Vault.t.sol.
    """
    there, proof = paid
    assert refusal(there, "alice", "Vault", "claim", *proof) == ""
    assert refusal(stage, "alice", "Vault", "claim", *proof) == "NotConfirmed"
    chain, rollup = there.deployment.chain_id, there.deployment.addresses.rollup
    elsewhere = (world_genesis(chain + 1, rollup), world_genesis(chain, address("other rollup")))
    assert there.deployment.genesis_state_hash not in {genesis_state(each).hash() for each in elsewhere}
