"""Finding an account's dead orders takes as long as they are many, and finds those that a look at all of them finds."""

from __future__ import annotations

import random

import pytest

from tallystick.records.codec import Record
from tallystick.records.items import pack_items
from tallystick.records.signing import make, sign
from tallystick.shapes.submitting import Answer
from tallystick.state.layout import MAX_ORDERS
from tallystick.state.ordinals import AccountId
from tallystick.testing.scenarios.orders.many_orders import place
from tallystick.testing.world import key
from tallystick_operator.sequencer import sweeping
from tallystick_operator.sequencer.sweeping import order_is_dead
from tests.operator.rig import Rig

BUY, SELL = 0, 1
ALICE = AccountId(1)
PRICE = 618_000


def test_an_account_full_of_living_orders_costs_no_look_at_each(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for first in range(0, MAX_ORDERS, 128):
        items = [place(first + at, BUY, 600_000, 1) for at in range(128)]
        record = make("bulk", pack_items(items), b"", account=1, nonce=rig.next_nonce(1))
        rig.accept(sign(record, rig.core.domain, key("alice")))
    looked: list[int] = []

    def counted(state: object, slot: int) -> bool:
        looked.append(slot)
        return order_is_dead(rig.core.executor.state, slot)

    monkeypatch.setattr(sweeping, "order_is_dead", counted)
    for _ in range(20):
        assert rig.accept(rig.order(1, BUY, 600_000, 1)).outcome == "TOO_MANY_ORDERS"
    assert looked == []


@pytest.mark.parametrize("seed", range(12))
def test_the_index_finds_the_dead_orders_that_a_look_at_all_finds(rig: Rig, seed: int) -> None:
    chance = random.Random(seed)
    seen = 0
    for number in range(1, 120):
        answer = rig.send(any_record(rig, chance, number))[0]
        assert isinstance(answer, Answer) or answer.status < 500
        rig.seconds += chance.choice((0, 0, 0, 0.2, 2))
        executor = rig.core.executor
        model = executor.read_model
        slots = dict.fromkeys(model.slots_of(ALICE))
        every = {slot for slot in slots if order_is_dead(executor.state, slot)}
        assert set(model._deaths.dead(ALICE, slots)) == every
        seen += len(every)
    assert seen > 0


def any_record(rig: Rig, chance: random.Random, number: int) -> Record:
    """Return something that makes orders, ends them, or lets them die."""
    now = rig.core.clock.now_ms()
    order = {"client_id": number, "expiry_ms": chance.choice((0, 0, now + 300, now + 5_000))}
    what = chance.choice(("rest", "rest", "rest", "pair", "pair", "fill", "fill", "cancel", "cancel_all", "dead_man"))
    price = PRICE - chance.randint(10, 40)
    if what == "rest":
        return rig.order(1, BUY, price, chance.randint(1, 5), **order)
    if what == "pair":
        resting = rig.core.executor.read_model.slots_of(ALICE)
        pair = rig.core.executor.read_model.orders[chance.choice(resting)].client_id if resting else number
        terms = {"market": 0, "side": BUY, "price_ticks": price, "lots": 2, "pair": pair}
        return rig.signed("conditional", "alice", account=1, nonce=rig.next_nonce(1), **terms, **order)
    if what == "fill":
        return rig.order(2, SELL, price, chance.randint(1, 4))
    values = {"account": 1, "nonce": rig.next_nonce(1)}
    if what == "cancel":
        return rig.signed("cancel", "alice", client_id=chance.randint(1, number), **values)
    if what == "dead_man":
        return rig.signed("dead_man", "alice", time_ms=chance.choice((0, 0, now + 400)), **values)
    return rig.signed(what, "alice", **values)
