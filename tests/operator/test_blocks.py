"""Block trades at the operator: what the door refuses, what is answered, what is told."""

from __future__ import annotations

from dataclasses import replace

from tallystick.records.codec import Record
from tallystick.records.signing import accept
from tallystick.shapes.submitting import Answer
from tallystick.state.ordinals import AccountId, MarketId, UnixSeconds
from tallystick.testing.world import START, key
from tallystick_operator.intake.door import Refused
from tests.operator.rig import Rig

BUY, SELL = 0, 1
PRICE = 618_000
STALE_SECONDS = 61


def block(rig: Rig, by: str = "bob", **more: int) -> Record:
    """Return a block trade: alice buys ten lots of bob."""
    values = {"account": 1, "nonce": rig.next_nonce(1), "market": 0, "side": BUY, "lots": 10, "price_ticks": PRICE}
    values |= {"taker": 2, "taker_nonce": rig.next_nonce(2), **more}
    return accept(rig.signed("block_trade", "alice", **values), rig.core.domain, key(by))


def refused(rig: Rig, record: Record) -> tuple[str, str]:
    """Return the code and the field with which the door refuses a record."""
    (answer,) = rig.send(record)
    assert isinstance(answer, Refused), answer
    return answer.code, answer.field


def test_a_block_trade_is_answered_with_its_fill_and_told_to_both(rig: Rig) -> None:
    answer = rig.accept(block(rig))
    assert answer.outcome == "ACCEPTED"
    assert [(fill.price_ticks, fill.lots, fill.maker) for fill in answer.fills] == [(PRICE, 10, 1)]
    history = rig.core.executor.read_model.history
    for account in (1, 2):
        (fill,) = history.fills(AccountId(account))
        assert fill.fields == {
            "market": 0, "price_ticks": PRICE, "lots": 10, "side": SELL, "taker": 2, "maker": 1,
        }  # fmt: skip
    assert not rig.core.executor.read_model.trades(MarketId(0), 0)


def test_what_the_taker_did_wrong_is_refused_with_its_field_before_it_costs_bytes(rig: Rig) -> None:
    good = block(rig)
    count = rig.core.executor.state.registers.record_count
    broken = replace(good, blobs=(bytes(64),))
    assert refused(rig, broken) == ("bad_signature", "acceptance")
    assert refused(rig, block(rig, by="mallory")) == ("not_authorised", "acceptance")
    assert refused(rig, block(rig, taker=9)) == ("no_account", "taker")
    assert refused(rig, block(rig, taker_agent=3)) == ("not_authorised", "acceptance")
    assert refused(rig, block(rig, taker_nonce=1 << 61)) == ("nonce_range", "taker_nonce")
    assert refused(rig, block(rig, counterparty=7)) == ("not_authorised", "acceptance")
    assert refused(rig, block(rig, taker=1)) == ("self_trade", "taker")
    assert rig.core.executor.state.registers.record_count == count
    assert not rig.core.executor.state.accounts.is_known(9)
    assert not rig.core.executor.state.agents.count


def test_what_cannot_trade_now_is_refused_with_its_field(rig: Rig) -> None:
    assert refused(rig, block(rig, market=5)) == ("no_market", "market")
    assert refused(rig, block(rig, lots=0)) == ("out_of_range", "")
    assert refused(rig, block(rig, lots=1 << 40)) == ("too_large", "lots")
    assert refused(rig, block(rig, expiry_ms=1)) == ("expired", "expiry_ms")
    assert refused(rig, block(rig, reduces=1)) == ("nothing_to_reduce", "reduces")
    rig.seconds += STALE_SECONDS
    rig.core.clock.observe(UnixSeconds(START + STALE_SECONDS))
    assert refused(rig, block(rig)) == ("stale_index", "market")


def test_one_that_was_rejected_may_come_again_signed_anew_or_after_an_hour(rig: Rig) -> None:
    """Its place was promised, and a history that is put in order anew has each record once."""
    record = block(rig, lots=330_000)
    assert rig.accept(record).outcome == "MARGIN"
    again = rig.accept(record)
    assert (again.outcome, again.repeated) == ("MARGIN", True)
    rig.deposit("alice", 1, 10**12)
    rig.deposit("bob", 2, 10**12)
    rig.seconds += 2
    assert refused(rig, record)[0] == "taken_lately"
    rig.log.close()
    rig.open()
    assert refused(rig, record)[0] == "taken_lately"
    assert rig.accept(block(rig, lots=330_000)).outcome == "ACCEPTED"
    rig.seconds += 3_600
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
    rig.core.process([])
    rig.core.seal_now()
    rig.post()
    for signer in range(3):
        rig.accept(rig.report(signer, 618_000))
    assert not rig.accept(record).repeated


def test_one_that_traded_gets_its_first_answer(rig: Rig) -> None:
    record = block(rig)
    first = rig.accept(record)
    assert (first.outcome, first.repeated) == ("ACCEPTED", False)
    rig.seconds += 2
    second = rig.accept(record)
    assert (second.repeated, second.record_number) == (True, first.record_number)
    rig.log.close()
    rig.open()
    (after,) = rig.send(record)
    assert isinstance(after, Answer)
    assert (after.repeated, after.record_number) == (True, first.record_number)


def test_what_is_published_replays_block_trades_to_the_live_state(rig: Rig) -> None:
    rig.accept(block(rig))
    rig.accept(block(rig, side=SELL, lots=4))
    rig.core.seal_now()
    assert rig.replayed().state.hash() == rig.core.executor.state.hash()
