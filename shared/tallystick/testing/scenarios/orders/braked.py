"""An index that jumps: who gained by it is held, whoever asks, until the ladder has been at who lost."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    ADL_DELAY_MS,
    BRAKE_MORE_MS,
    BRAKE_MS,
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_REDUCE_ONLY,
    SELL,
)
from tallystick.testing.scenarios.orders.closed_out import ACCEPTED, BOB, CRASHED, RULES, troubled
from tallystick.testing.scenarios.scene import Scene

STOP = FLAG_MARKET | FLAG_REDUCE_ONLY


def wait(scene: Scene, ms: int) -> None:
    """Set the clock on from where it is."""
    scene.clock(ahead_ms=scene.state.registers.clock_ms - scene.time * 1000 + ms)


def held_by_a_fall(scene: Scene) -> None:
    """Shorts that gain neither take, nor are met, nor trade beside the book; purchases wait, a stop that finds nobody too."""
    scene.trading("alice", "bob", "carol", "dave", **RULES)
    scene.order(1, 0, SELL, 1000, 60)
    scene.order(3, 0, SELL, 1000, 40)
    assert scene.order(BOB, 0, BUY, 1000, 100) is ACCEPTED
    assert scene.conditional(3, 0, BUY, 0, 10, 960, flags=STOP) is ACCEPTED
    for trigger in (960, 958):
        assert scene.conditional(BOB, 0, SELL, 0, 5, trigger, flags=STOP) is ACCEPTED
    scene.order(1, 0, BUY, 949, 5)
    scene.order(4, 0, BUY, 948, 5)
    scene.order(4, 0, SELL, 951, 50)
    scene.report(0, 950)
    for side, price in ((BUY, 951), (SELL, 948)):
        scene.order(4, 0, BUY, 948, 1)
        assert scene.order(1, 0, side, price, 1, flags=FLAG_IOC) is Outcome.BRAKE
    assert scene.block(1, 4, BUY, 950, 10) is Outcome.BRAKE
    assert scene.block(4, 1, SELL, 950, 10) is Outcome.BRAKE
    assert scene.block(BOB, 4, SELL, 950, 10) is ACCEPTED
    assert scene.order(BOB, 0, SELL, 948, 1, flags=FLAG_IOC) is ACCEPTED
    scene.land(0, 950)
    assert scene.order(1, 0, BUY, 951, 1, flags=FLAG_IOC) is ACCEPTED


def held_by_a_rise(scene: Scene) -> None:
    """Longs that gain, until the index has come back to where it jumped from; a second jump goes on from the first."""
    scene.trading("alice", "bob", "carol", **RULES)
    scene.order(1, 0, BUY, 1000, 10)
    assert scene.order(BOB, 0, SELL, 1000, 10) is ACCEPTED
    for price in (1012, 1040, 1100):
        scene.report(0, price)
        wait(scene, 1_000)
    scene.order(3, 0, BUY, 1099, 5)
    assert scene.order(1, 0, SELL, 1099, 1, flags=FLAG_IOC) is Outcome.BRAKE
    assert scene.withdraw(1, int(scene.state.registers.deposited_units)) is Outcome.NOT_WITHDRAWABLE
    scene.report(0, 1000)
    scene.order(3, 0, BUY, 999, 5)
    assert scene.order(1, 0, SELL, 999, 1, flags=FLAG_IOC) is ACCEPTED


def held_from_the_ladder(scene: Scene) -> None:
    """Who is due by another market keeps what a brake holds, and who holds the other side of that one what it has won."""
    scene.trading("alice", **RULES)
    scene.open_market(1, 1000, **RULES)
    scene.deposit("bob", BOB, 900_000)
    scene.order(1, 0, BUY, 1000, 50)
    assert scene.order(BOB, 0, SELL, 1000, 50) is ACCEPTED
    scene.order(1, 1, SELL, 1000, 100)
    assert scene.order(BOB, 1, BUY, 1000, 100) is ACCEPTED
    scene.report(0, 950)
    scene.report(1, 900)
    assert scene.liquidate(BOB, 0) is Outcome.BRAKE
    assert scene.take_over(BOB, 0, 1) is Outcome.BRAKE
    assert scene.nominate(BOB, 0, 1) is Outcome.BRAKE
    assert scene.liquidate(BOB, 1) is Outcome.UNFILLED
    assert scene.nominate(BOB, 1, 1) is Outcome.BRAKE
    scene.report(1, 880)
    assert scene.nominate(BOB, 1, 1) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    scene.deposit("bob", BOB, 200_000)
    scene.liquidate(BOB, 1)
    assert scene.deleverage(BOB) is Outcome.BRAKE


def held_for_longer(scene: Scene) -> None:
    """The deleveraging of who owes more than he has makes a brake last on behind it."""
    troubled(scene, CRASHED)
    begun = scene.state.registers.clock_ms
    scene.order(4, 0, SELL, CRASHED, 10)
    wait(scene, BRAKE_MS - ADL_DELAY_MS - BRAKE_MORE_MS + 1_000)
    assert scene.nominate(BOB, 0, 3) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    wait(scene, BRAKE_MORE_MS - 1)
    assert scene.state.registers.clock_ms >= begun + BRAKE_MS
    assert scene.order(1, 0, BUY, CRASHED, 1, flags=FLAG_IOC) is Outcome.BRAKE
    wait(scene, 1)
    assert scene.order(1, 0, BUY, CRASHED, 1, flags=FLAG_IOC) is ACCEPTED


SCENARIOS = (held_by_a_fall, held_by_a_rise, held_from_the_ladder, held_for_longer)
