"""No view shows as alive what is dead, expired or over: by L1's time, also where no record has come since."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tallystick.shapes.accounts import PlacedOrder
from tallystick.state.layout import BRAKE_MS, FLAG_POST_ONLY
from tallystick.state.ordinals import AccountId, MarketId, UnixSeconds
from tallystick.testing.world import START
from tallystick_operator.api import past, views
from tallystick_operator.sequencer.core import Core
from tests.operator.rig import Rig

BUY, SELL = 0, 1
MARK = 618_000
T = TypeVar("T")


def seen(rig: Rig, question: Callable[[Core], T]) -> T:
    """Ask as the API does."""
    with rig.core.as_of_now():
        return question(rig.core)


def pass_by(rig: Rig, seconds: int) -> None:
    """Let L1's time go by, and no record come."""
    rig.seconds += seconds
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))


def placed(rig: Rig, client_id: int) -> PlacedOrder:
    kept = next(
        each for each in rig.core.executor.read_model.history.orders(AccountId(1)) if each.client_id == client_id
    )
    return seen(rig, lambda core: past.placed(core, kept))


def best_bid(rig: Rig) -> int | None:
    found = seen(rig, lambda core: views.market(core.executor.state, MarketId(0)))
    assert found is not None
    return found.best_bid_ticks


def dead(rig: Rig) -> list[bool]:
    return [
        each.dead
        for each in seen(rig, lambda core: views.orders(core.executor.state, core.executor.read_model, AccountId(1)))
    ]


def test_N03_an_order_that_has_expired_is_no_best_price_and_not_open(rig: Rig) -> None:
    ends = rig.core.clock.now_ms() + 5_000
    rig.accept(rig.order(1, BUY, MARK - 10, 3, client_id=7, expiry_ms=ends))
    rig.accept(rig.order(1, BUY, MARK - 20, 2, client_id=8))
    assert (best_bid(rig), placed(rig, 7).status, dead(rig)) == (MARK - 10, "open", [False, False])
    pass_by(rig, 6)
    assert (best_bid(rig), placed(rig, 7).status, dead(rig)) == (MARK - 20, "dead", [True, False])
    assert placed(rig, 8).status == "open"
    assert [
        each.price_ticks for each in seen(rig, lambda core: views.book(core.executor.state, MarketId(0), 9)).bids
    ] == [MARK - 20]


def test_N08_of_orders_that_were_all_cancelled_every_view_says_that_they_are_dead(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, MARK - 10, 3, client_id=7))
    rig.accept(rig.signed("cancel_all", "alice", account=1, nonce=rig.next_nonce(1)))
    assert (best_bid(rig), placed(rig, 7).status, dead(rig)) == (None, "dead", [True])


def test_F05_a_market_that_has_expired_is_not_live_and_has_no_book(rig: Rig) -> None:
    for i in range(3):
        rig.accept(rig.report(i, MARK, market=3))
    rig.accept(rig.order(1, BUY, MARK - 10, 3, market=3, client_id=7))

    def told() -> tuple[str, int | None, int, str, list[bool]]:
        market = seen(rig, lambda core: views.market(core.executor.state, MarketId(3)))
        book = seen(rig, lambda core: views.book(core.executor.state, MarketId(3), 9))
        assert market is not None
        return market.status, market.best_bid_ticks, len(book.bids), placed(rig, 7).status, dead(rig)

    assert told() == ("live", MARK - 10, 1, "open", [False])
    pass_by(rig, 20)
    assert told() == ("expired", None, 0, "dead", [True])


def test_a_position_that_a_brake_holds_says_until_when(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, MARK, 3))
    rig.accept(rig.order(2, SELL, MARK, 3))

    def held_until(core: Core) -> list[int]:
        found = [views.account(core.executor.state, core.executor.read_model, AccountId(number)) for number in (1, 2)]
        return [int(each.positions[0].held_until_ms) for each in found if each is not None]

    def held() -> list[int]:
        return seen(rig, held_until)

    assert held() == [0, 0]
    pass_by(rig, 2)
    for signer in range(3):
        rig.accept(rig.report(signer, MARK - MARK // 50))
    clock_ms = rig.core.executor.state.registers.clock_ms
    assert held() == [0, clock_ms + BRAKE_MS], "the short gained by the fall"
    pass_by(rig, BRAKE_MS // 1_000 + 1)
    assert held() == [0, 0]


def test_an_order_names_its_pair_as_long_as_that_is_there_and_no_order_in_its_place(rig: Rig) -> None:
    rig.accept(rig.order(1, SELL, MARK + 20, 3, client_id=5))
    values = {"account": 1, "market": 0, "side": SELL, "price_ticks": MARK + 10, "lots": 3, "client_id": 6, "pair": 5}
    values |= {"nonce": rig.next_nonce(1), "flags": FLAG_POST_ONLY}
    rig.accept(rig.signed("conditional", "alice", **values))

    def pairs() -> dict[int, int]:
        executor = rig.core.executor
        found = seen(rig, lambda core: views.orders(executor.state, executor.read_model, AccountId(1)))
        return {each.client_id: each.pair for each in found}

    assert pairs() == {5: 6, 6: 5}
    rig.accept(rig.signed("cancel", "alice", account=1, nonce=rig.next_nonce(1), client_id=5))
    assert pairs() == {6: 0}
    rig.accept(rig.order(2, SELL, MARK + 20, 3, client_id=7))
    assert pairs() == {6: 0}
