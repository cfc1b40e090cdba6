"""Orders that are refused, fill, fail, or meet makers who can no longer trade."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state import layout
from tallystick.state.cells import set_account_cash_units, set_account_position_market, set_account_position_size_lots
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    MAX_CASH_UNITS,
    MAX_EXPOSURE,
    MAX_POSITIONS,
    MESSAGE_FORCE_CANCEL_ALL,
    SELL,
)
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Lots, Units
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED


def refused_orders(scene: Scene) -> None:
    """Orders for no market, for one that is not live, without a mark, of nothing, too large, too late."""
    scene.clock()
    scene.deposit("alice", 1, 10**12)
    assert scene.order(1, 1, BUY, 10, 1) is Outcome.NO_MARKET
    scene.list_by_record(1)
    assert scene.order(1, 1, BUY, 10, 1) is Outcome.NOT_LIVE
    scene.list_market(0, max_lots=50)
    assert scene.order(1, 0, BUY, 10, 1) is Outcome.NO_MARK
    scene.report(0, 1000)
    assert scene.order(1, 0, BUY, 0, 1) is Outcome.OUT_OF_RANGE
    assert scene.order(1, 0, BUY, 10, 0) is Outcome.OUT_OF_RANGE
    assert scene.order(1, 0, BUY, 10, 51) is Outcome.TOO_LARGE
    assert scene.order(1, 0, BUY, 10, (1 << 62) - 1) is Outcome.TOO_LARGE
    now = scene.state.registers.clock_ms
    assert scene.order(1, 0, BUY, 10, 1, expiry_ms=int(now)) is Outcome.EXPIRED
    assert scene.order(1, 0, BUY, 10, 1, expiry_ms=now + 1) is ACCEPTED
    assert scene.order(1, 0, BUY, 10, 50, flags=FLAG_IOC) is Outcome.UNFILLED


def fills(scene: Scene) -> None:
    """Fills of either side: whole, partial, over several makers and prices, immediate-or-cancel, closing, turning."""
    scene.trading("alice", "bob", "carol")
    for side in (BUY, SELL):
        away = 1 if side == BUY else -1
        for step in range(3):
            assert scene.order(1, 0, 1 - side, 1000 + away * step, 10) is ACCEPTED
            assert scene.order(3, 0, 1 - side, 1000 + away * step, 7) is ACCEPTED
        assert scene.order(2, 0, side, 1000, 4) is ACCEPTED
        assert scene.order(2, 0, side, 1000, 6) is ACCEPTED
        assert scene.order(2, 0, side, 1000, 20) is ACCEPTED
        assert scene.order(1, 0, 1 - side, 1000, 13) is ACCEPTED
        assert scene.order(2, 0, side, 1000 + away, 40, flags=FLAG_IOC) is Outcome.UNFILLED
        assert scene.order(2, 0, side, 1000 + 2 * away, 17) is ACCEPTED
        assert scene.order(2, 0, side, 1000 + 2 * away, 1, flags=FLAG_IOC) is Outcome.UNFILLED
    scene.report(0, 1100)
    scene.order(1, 0, SELL, 1090, 500)
    scene.order(2, 0, BUY, 1100, 1000)
    scene.order(3, 0, SELL, 1095, 1000)


def self_trades(scene: Scene) -> None:
    """Takers that meet their own orders: those leave the book, the rest fills or rests."""
    scene.trading("alice", "bob")
    scene.order(1, 0, SELL, 1000, 5)
    scene.order(1, 0, SELL, 1001, 5)
    scene.order(2, 0, SELL, 1001, 5)
    scene.order(1, 0, BUY, 1001, 7)
    scene.order(1, 0, SELL, 1001, 7)
    scene.order(1, 0, BUY, 1001, 7, flags=FLAG_IOC)


def dead_makers(scene: Scene) -> None:
    """Makers past their time or cancelled by force, met by a taker."""
    scene.trading("alice", "bob")
    now = scene.state.registers.clock_ms
    scene.order(1, 0, SELL, 1000, 5, expiry_ms=now + 10)
    scene.order(1, 0, SELL, 1000, 6, expiry_ms=now + 11)
    scene.order(1, 0, SELL, 1002, 7)
    scene.clock(ahead_ms=10)
    assert scene.order(2, 0, BUY, 1000, 3) is ACCEPTED
    scene.queue(MESSAGE_FORCE_CANCEL_ALL, "alice", 1)
    scene.consume()
    scene.order(1, 0, SELL, 1003, 8)
    assert scene.order(2, 0, BUY, 1003, 20) is ACCEPTED


def poor_takers(scene: Scene) -> None:
    """Takers and resting orders beyond the margin, and what an account under water may still do."""
    scene.trading("alice", cash=10**13)
    scene.deposit("bob", 2, 1_000_000)
    scene.order(1, 0, SELL, 1000, 5000)
    scene.order(1, 0, BUY, 900, 5000)
    assert scene.order(2, 0, BUY, 1000, 300) is Outcome.MARGIN
    assert scene.order(2, 0, BUY, 900, 300) is Outcome.MARGIN
    assert scene.order(2, 0, BUY, 1000, 150) is ACCEPTED
    assert scene.order(2, 0, BUY, 950, 100) is Outcome.MARGIN
    assert scene.order(2, 0, SELL, 1100, 150) is ACCEPTED
    assert scene.order(2, 0, SELL, 1101, 151) is Outcome.MARGIN
    scene.land(0, 940)
    scene.order(1, 0, SELL, 941, 1)
    assert scene.order(2, 0, BUY, 941, 1) is Outcome.MARGIN
    scene.order(1, 0, BUY, 930, 400)
    assert scene.order(2, 0, SELL, 930, 301, flags=FLAG_IOC) is Outcome.MARGIN
    scene.order(1, 0, BUY, 939, 20)
    assert scene.order(2, 0, SELL, 939, 20, flags=FLAG_IOC) is ACCEPTED
    assert scene.order(2, 0, SELL, 931, 20) is ACCEPTED
    scene.land(0, 100)
    scene.order(1, 0, BUY, 99, 200)
    assert scene.order(2, 0, SELL, 99, 100, flags=FLAG_IOC) is Outcome.MARGIN
    assert scene.order(2, 0, SELL, 99, 130, flags=FLAG_IOC) is Outcome.MARGIN


def poor_makers(scene: Scene) -> None:
    """Makers whose margin is gone when a taker comes: they leave the book and the taker goes on."""
    scene.trading("alice", "bob")
    scene.deposit("carol", 3, 600_000)
    scene.order(3, 0, SELL, 1000, 90)
    scene.order(3, 0, SELL, 1000, 90)
    scene.order(1, 0, SELL, 1001, 50)
    assert scene.order(2, 0, BUY, 1001, 200) is ACCEPTED
    scene.order(3, 0, BUY, 990, 100)
    scene.report(0, 1002)
    scene.order(1, 0, BUY, 990, 30)
    assert scene.order(2, 0, SELL, 990, 200) is ACCEPTED


def position_limits(scene: Scene) -> None:
    """Fills that would pass the market's largest position, of the taker and of the maker."""
    scene.trading("alice", "bob", "carol", max_lots=100)
    scene.order(1, 0, SELL, 1000, 100)
    assert scene.order(2, 0, BUY, 1000, 100) is ACCEPTED
    scene.order(3, 0, SELL, 1000, 100)
    assert scene.order(2, 0, BUY, 1000, 1) is Outcome.POSITION_LIMIT
    scene.order(1, 0, SELL, 999, 10)
    assert scene.order(3, 0, BUY, 999, 1) is ACCEPTED
    assert scene.order(1, 0, SELL, 998, 1, flags=FLAG_IOC) is Outcome.POSITION_LIMIT


def cash_limits(scene: Scene) -> None:
    """Fills that would pass the most cash an account may have, or owe."""
    scene.trading("alice", "bob", "carol", price=(1 << 24) - 1, multiplier=64, max_lots=MAX_EXPOSURE // 64)
    scene.finish()
    words = scene.state.accounts.words
    for number, cash in ((1, MAX_CASH_UNITS - 5), (2, 1 << 59), (3, 1 << 59)):
        set_account_cash_units(words, scene.state.accounts.open(AccountId(number)), Units(cash))
        scene.state.accounts.mark(number)
    scene.cut()
    scene.clock()
    lots = MAX_EXPOSURE // 64
    scene.order(2, 0, BUY, (1 << 24) - 1, lots)
    assert scene.order(1, 0, SELL, 1, 1, flags=FLAG_IOC) is Outcome.POSITION_LIMIT
    scene.order(1, 0, SELL, 1 << 24 - 1, 1)
    assert scene.order(3, 0, SELL, 1, lots) is ACCEPTED
    assert scene.order(3, 0, BUY, (1 << 24) - 1, 1) is ACCEPTED


def full_positions(scene: Scene) -> None:
    """Accounts with sixteen positions that would need a seventeenth, and the worst case of a margin check."""
    scene.trading("alice", "bob", "carol")
    scene.open_market(17, 1000)
    scene.finish()
    words = scene.state.accounts.words
    risk, marks = scene.state.risk.open(0), scene.state.risk.words
    for number, sign in ((1, 1), (2, -1)):
        for slot in range(MAX_POSITIONS):
            account = scene.state.accounts.open(AccountId(number))
            set_account_position_market(words, account, slot, MarketId(slot))
            set_account_position_size_lots(words, account, slot, Lots(sign * (slot + 1)))
            for word in range(layout.RISK_RISKMARKET_WORDS):
                marks[risk + slot * layout.RISK_RISKMARKET_WORDS + word] = marks[risk + word]
        scene.state.accounts.mark(number)
    scene.state.risk.mark(0)
    scene.cut()
    scene.clock()
    assert scene.order(1, 17, BUY, 990, 5) is Outcome.MARGIN
    scene.order(3, 17, SELL, 1000, 5)
    assert scene.order(2, 17, BUY, 1000, 5) is Outcome.NO_POSITION_SLOT
    assert scene.order(2, 0, BUY, 990, 3) is ACCEPTED
    assert scene.order(1, 0, SELL, 990, 2) is ACCEPTED
    assert scene.withdraw(1, 10) is ACCEPTED
    assert scene.order(3, 17, SELL, 1000, 1) is ACCEPTED


def full_maker(scene: Scene) -> None:
    """A maker whose last free position slot is gone when the taker comes."""
    scene.trading("alice", "bob", "carol")
    scene.open_market(17, 1000)
    scene.order(1, 17, SELL, 1000, 5)
    scene.finish()
    alice = scene.state.accounts.open(AccountId(1))
    for slot in range(MAX_POSITIONS):
        set_account_position_size_lots(scene.state.accounts.words, alice, slot, Lots(1))
    scene.state.accounts.mark(1)
    scene.cut()
    scene.clock()
    assert scene.order(2, 17, BUY, 1000, 5, flags=FLAG_IOC) is Outcome.UNFILLED


SCENARIOS = (
    refused_orders,
    fills,
    self_trades,
    dead_makers,
    poor_takers,
    poor_makers,
    position_limits,
    cash_limits,
    full_positions,
    full_maker,
)
