"""CANCEL_ORDER."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import PAGE_SLOTS
from tallystick.testing.ledger.look import book, prices
from tallystick.testing.world import START, World

BUY, SELL = 0, 1
FIRST = 1 << 6


def test_an_empty_slot_holds_no_such_order(market: World) -> None:
    for slot in (0, FIRST, 2**36 - 1):
        assert market.cancel(1, 0, slot) is Outcome.NO_SUCH_ORDER


def test_another_accounts_order_is_no_such_order(market: World) -> None:
    """I13."""
    market.order(1, 0, BUY, 900, 1, client_id=7)
    assert market.cancel(2, 7, FIRST) is Outcome.NO_SUCH_ORDER
    assert len(book(market.state, 0, BUY)) == 1


def test_another_client_id_is_no_such_order(market: World) -> None:
    market.order(1, 0, BUY, 900, 1, client_id=7)
    assert market.cancel(1, 8, FIRST) is Outcome.NO_SUCH_ORDER
    assert market.cancel(1, 7, FIRST + 1) is Outcome.NO_SUCH_ORDER
    assert len(book(market.state, 0, BUY)) == 1


def test_a_cancelled_order_is_gone_and_cannot_be_cancelled_again(market: World) -> None:
    market.order(1, 0, BUY, 900, 1, client_id=7)
    assert market.cancel(1, 7, FIRST) is Outcome.ACCEPTED
    assert book(market.state, 0, BUY) == []
    assert market.cancel(1, 7, FIRST) is Outcome.NO_SUCH_ORDER


def test_a_filled_order_cannot_be_cancelled(market: World) -> None:
    market.order(1, 0, BUY, 990, 1, client_id=7)
    market.order(2, 0, SELL, 990, 1)
    assert market.cancel(1, 7, FIRST) is Outcome.NO_SUCH_ORDER


def test_an_expired_order_may_still_be_cancelled(market: World) -> None:
    market.order(1, 0, BUY, 900, 1, client_id=7, expiry_ms=START * 1000 + 1)
    market.clock(ahead_ms=5)
    assert market.cancel(1, 7, FIRST) is Outcome.ACCEPTED


def test_orders_beside_the_cancelled_one_keep_their_order(market: World) -> None:
    """I7."""
    for client_id in range(5):
        market.order(1, 0, SELL, 1100, 1, client_id=client_id)
    assert market.cancel(1, 2, FIRST + 2) is Outcome.ACCEPTED
    assert [order.client_id for order in book(market.state, 0, SELL)] == [0, 1, 3, 4]


def test_the_last_order_of_a_price_takes_the_price_out_of_the_book(market: World) -> None:
    """I6."""
    market.order(1, 0, BUY, 900, 1, client_id=1)
    market.order(1, 0, BUY, 901, 1, client_id=2)
    market.cancel(1, 2, 2 << 6)
    assert prices(market.state, 0, BUY) == [900]
    market.cancel(1, 1, FIRST)
    assert prices(market.state, 0, BUY) == []
    assert not any(market.state.bitmaps.pack(index) for index in market.state.bitmaps.indices())


def test_an_emptied_head_page_is_freed_at_once(market: World) -> None:
    """I6."""
    for client_id in range(PAGE_SLOTS + 1):
        market.order(1, 0, SELL, 1100, 1, client_id=client_id)
    for client_id in range(PAGE_SLOTS):
        market.cancel(1, client_id, FIRST + client_id)
    assert market.state.registers.free_page == 1
    assert [order.slot for order in book(market.state, 0, SELL)] == [2 << 6]


def test_emptying_a_price_frees_its_whole_chain_of_pages(market: World) -> None:
    """I6."""
    count = 3 * PAGE_SLOTS + 1
    for client_id in range(count):
        market.order(1, 0, SELL, 1100, 1, client_id=client_id)
    # The oldest goes last, so that empty pages pile up behind it.
    for client_id in reversed(range(count)):
        assert market.cancel(1, client_id, FIRST + client_id) is Outcome.ACCEPTED
    assert book(market.state, 0, SELL) == []
    assert market.state.registers.page_count == 4
    for price in (1100, 1101, 1102, 1103):
        market.order(1, 0, SELL, price, 1)
    assert market.state.registers.page_count == 4
    market.order(1, 0, SELL, 1104, 1)
    assert market.state.registers.page_count == 5
