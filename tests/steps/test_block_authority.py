"""BLOCK_TRADE and FETCH_RECORD: who may offer and accept a block trade, and what becomes of both nonces."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

import pytest

from tallystick.records.codec import Record
from tallystick.records.signing import HALF_ORDER, accept, sign
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    NONCE_JUMP_WORDS,
    NONCE_WORD_BITS,
    SCOPE_CANCEL,
    SCOPE_PLACE,
    STALE_MS,
)
from tallystick.testing.ledger.look import position
from tallystick.testing.world import START, World, address, key
from tests.steps.conftest import MARK

ACCEPTED = Outcome.ACCEPTED
BUY, SELL = 0, 1
NOW = START * 1000
AGENT = 2
PEOPLE: Final = MappingProxyType({1: "alice", 2: "bob"})


def approve(world: World, account: int, scope: int = SCOPE_PLACE, expiry_ms: int = 0) -> None:
    """Let the key called agent trade for an account."""
    key_of = int.from_bytes(address("agent"), "big")
    values = {"slot": AGENT, "key": key_of, "scope": scope, "expiry_ms": expiry_ms}
    record = world.signed("approve_agent", PEOPLE[account], account=account, nonce=world.next_nonce(account), **values)
    assert world.send(record) is ACCEPTED


def offered(world: World, **more: int) -> Record:
    """Return account 1's offer to buy ten lots at the mark."""
    return world.offer(1, more.pop("market", 0), BUY, MARK, 10, **more)


def changed(record: Record, **values: int) -> Record:
    """Return a record with other values and the same signatures."""
    names = [each.name for each in record.kind.fields]
    given = zip(names, record.values, strict=True)
    return replace(record, values=tuple(values.get(name, value) for name, value in given))


# Whom an offer is to


def test_an_offer_to_anybody_is_taken_by_whoever_comes_first(market: World) -> None:
    offer = offered(market)
    assert market.send(market.accepted(offer, 3)) is ACCEPTED
    assert market.send(market.accepted(offer, 2)) is Outcome.NONCE_USED
    assert position(market.state, 3, 0) == -10


def test_an_offer_to_one_account_is_taken_by_that_one(market: World) -> None:
    offer = offered(market, counterparty=2)
    assert market.send(market.accepted(offer, 3)) is Outcome.NOT_AUTHORISED
    assert market.send(market.accepted(offer, 2)) is ACCEPTED


def test_agents_that_may_place_offer_and_accept(market: World) -> None:
    """I13."""
    approve(market, 1)
    approve(market, 2)
    offer = market.signed("block_trade", "agent", account=1, agent=AGENT, nonce=50, side=BUY, lots=10, price_ticks=MARK)
    assert market.send(market.accepted(offer, 2, by="agent", taker_agent=AGENT)) is ACCEPTED
    assert (position(market.state, 1, 0), position(market.state, 2, 0)) == (10, -10)


# Who may: in CHECK order


def test_a_block_trade_with_oneself_is_a_self_trade(market: World) -> None:
    offer = offered(market, counterparty=2)
    assert market.send(market.accepted(offer, 1, by="mallory")) is Outcome.SELF_TRADE


def test_another_counterparty_is_found_before_its_bad_signature(market: World) -> None:
    record = market.accepted(offered(market, counterparty=2), 3)
    assert market.send(replace(record, blobs=(bytes(64),))) is Outcome.NOT_AUTHORISED


@pytest.mark.parametrize("length", [0, 1, 63])
def test_an_acceptance_of_another_length_is_a_bad_signature(market: World, length: int) -> None:
    """I11."""
    record = market.accepted(offered(market), 99, by="bob")
    assert market.send(replace(record, blobs=(record.blobs[0][:length],))) is Outcome.BAD_SIGNATURE


def test_an_acceptance_no_key_can_have_made_is_a_bad_signature(market: World) -> None:
    """I11."""
    record = market.accepted(offered(market), 99, by="bob")
    high = record.blobs[0][:32] + (HALF_ORDER + 1).to_bytes(32, "big")
    for signature in (bytes(64), bytes([255] * 64), high):
        assert market.send(replace(record, blobs=(signature,))) is Outcome.BAD_SIGNATURE


@pytest.mark.parametrize("slot", [0, AGENT])
@pytest.mark.parametrize("nobodys", [0, 99])
def test_an_account_nobody_owns_accepts_nothing(market: World, slot: int, nobodys: int) -> None:
    record = market.accepted(offered(market), nobodys, by="bob", taker_agent=slot, taker_nonce=1 << 61)
    assert market.send(record) is Outcome.NO_ACCOUNT


def test_only_the_takers_own_key_accepts(market: World) -> None:
    """I13."""
    approve(market, 2)
    offer = offered(market)
    assert market.send(market.accepted(offer, 2, by="alice")) is Outcome.NOT_AUTHORISED
    assert market.send(market.accepted(offer, 2, by="agent")) is Outcome.NOT_AUTHORISED
    assert market.send(market.accepted(offer, 2, by="bob", taker_agent=AGENT)) is Outcome.NOT_AUTHORISED
    assert market.send(market.accepted(offer, 2, by="agent", taker_agent=AGENT + 1)) is Outcome.NOT_AUTHORISED
    assert market.send(market.accepted(offer, 3, by="agent", taker_agent=AGENT)) is Outcome.NOT_AUTHORISED
    assert market.send(market.accepted(offer, 2, by="agent", taker_agent=AGENT)) is ACCEPTED


def test_an_expired_agent_is_found_before_its_scope_and_that_before_its_nonce(market: World) -> None:
    offer = offered(market)
    approve(market, 2, scope=SCOPE_CANCEL, expiry_ms=NOW + 1)
    record = market.accepted(offer, 2, by="agent", taker_agent=AGENT, taker_nonce=1 << 61)
    assert market.send(record) is Outcome.AGENT_SCOPE
    market.clock(ahead_ms=1)
    assert market.send(record) is Outcome.AGENT_EXPIRED


def test_the_takers_nonce_is_checked_as_any(market: World) -> None:
    """I12."""
    offer = offered(market, market=9)
    market.cancel(2, 1, 64)
    used = market.nonces[2]
    beyond = (NONCE_JUMP_WORDS + 1) * NONCE_WORD_BITS
    assert market.send(market.accepted(offer, 2, taker_nonce=used)) is Outcome.NONCE_USED
    assert market.send(market.accepted(offer, 2, taker_nonce=beyond)) is Outcome.NONCE_RANGE
    assert market.send(market.accepted(offer, 2, taker_nonce=beyond - 1)) is Outcome.NO_MARKET


def test_what_the_maker_has_not_signed_is_not_authorised(market: World) -> None:
    """I13."""
    offer = offered(market, counterparty=2)
    changes = (
        {"account": 3}, {"nonce": 77}, {"expiry_ms": NOW * 2}, {"market": 1}, {"side": SELL}, {"lots": 11},
        {"price_ticks": MARK + 1}, {"counterparty": 0}, {"reduces": 1},
    )  # fmt: skip
    for change in changes:
        assert market.send(market.accepted(changed(offer, **change), 2)) is Outcome.NOT_AUTHORISED
    assert market.send(market.accepted(offer, 2)) is ACCEPTED


def test_what_the_taker_has_not_signed_is_not_authorised(market: World) -> None:
    """I13."""
    record = market.accepted(offered(market), 2)
    domain = market.state.registers.domain
    another = market.accepted(offered(market, counterparty=2), 2)
    again = changed(record, nonce=another.value("nonce"))
    for stolen in (
        sign(again, domain, key("alice")),
        sign(changed(record, lots=11), domain, key("alice")),
        sign(changed(record, price_ticks=MARK - 1), domain, key("alice")),
        changed(record, taker=3),
        changed(record, taker_nonce=77),
        replace(record, blobs=(record.signature,)),
        accept(record, bytes(32), key("bob")),
    ):
        assert market.send(stolen) is Outcome.NOT_AUTHORISED
    assert market.send(record) is ACCEPTED


def test_an_acceptance_is_no_offer_and_an_offer_no_acceptance(market: World) -> None:
    """I13."""
    offer = offered(market)
    record = market.accepted(offer, 2)
    swapped = replace(record, signature=record.blobs[0], blobs=(record.signature,))
    assert market.send(swapped) is Outcome.NOT_AUTHORISED


# Nonces


def test_a_rejection_uses_neither_nonce(market: World) -> None:
    """I12."""
    record = market.accepted(offered(market), 2)
    assert market.send(market.accepted(offered(market, market=9), 2)) is Outcome.NO_MARKET
    assert market.send(replace(record, blobs=(bytes(64),))) is Outcome.BAD_SIGNATURE
    market.later(STALE_MS + 1)
    assert market.send(record) is Outcome.STALE_INDEX
    market.report(0, MARK)
    assert market.send(record) is ACCEPTED


def test_a_trade_uses_both_nonces_and_nothing_runs_twice(market: World) -> None:
    """I12."""
    record = market.accepted(offered(market), 2)
    assert market.send(record) is ACCEPTED
    assert market.send(record) is Outcome.NONCE_USED
    maker, taker = (record.value(name) for name in ("nonce", "taker_nonce"))
    for account, nonce in ((1, maker), (2, taker)):
        spent = market.signed("cancel_all", PEOPLE[account], account=account, nonce=nonce)
        assert market.send(spent) is Outcome.NONCE_USED
    assert (position(market.state, 1, 0), position(market.state, 2, 0)) == (10, -10)


@pytest.mark.parametrize(("account", "field"), [(1, "nonce"), (2, "taker_nonce")])
def test_another_record_of_its_nonce_ends_an_offer_or_an_acceptance(market: World, account: int, field: str) -> None:
    """I12."""
    record = market.accepted(offered(market), 2)
    spent = market.signed("cancel_all", PEOPLE[account], account=account, nonce=record.value(field))
    assert market.send(spent) is ACCEPTED
    assert market.send(record) is Outcome.NONCE_USED


def test_of_several_prices_under_one_pair_of_nonces_one_trades(market: World) -> None:
    nonces = {"nonce": 40}
    asks = [market.offer(1, 0, BUY, price, 10, **nonces) for price in (990, 1000)]
    records = [market.accepted(ask, 2, taker_nonce=70) for ask in asks]
    assert [market.send(record) for record in records] == [ACCEPTED, Outcome.NONCE_USED]


def test_a_stranger_without_margin_does_not_spend_an_offer_to_anybody(market: World) -> None:
    """I12."""
    market.deposit("dave", 4, 1)
    offer = offered(market)
    assert market.send(market.accepted(offer, 4)) is Outcome.MARGIN
    assert market.send(market.accepted(offer, 2)) is ACCEPTED
