"""Random trading, the machine against the independent ledger, and every run replayed at its end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_model import ABOVE, MARKET_ORDER, POST_ONLY, Order
from tallystick.testing.ledger.look import book, parked
from tallystick.testing.stateful.play import Exchange
from tallystick.testing.stateful.strategies import RICH

BUY, SELL = 0, 1

USUAL = settings(
    max_examples=25,
    stateful_step_count=60,
    deadline=None,
    derandomize=False,
    # Shrinking a failing run takes minutes: add Phase.shrink when you hunt one.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TestExchange = Exchange.TestCase
TestExchange.settings = USUAL


TestExchangeForLong: Any = pytest.mark.campaign(pytest.mark.timeout(7_200)(type("ForLong", (Exchange.TestCase,), {})))
TestExchangeForLong.settings = settings(USUAL, max_examples=2_000)


def test_what_a_liquidation_takes_from_a_maker_comes_off_its_pair_too() -> None:
    """The ledger and the machine agree on a bid that a stop is paired with and that somebody is closed against."""
    play = Exchange()
    play.open_for_trading([20_000, 3_000_000, 500_000, 500_000], False, 7_200_000)
    for account, side, lots in ((2, SELL, 3), (1, BUY, 3)):
        play.place(account, 0, side, 1000, lots, 1, 0, None, 0, True, False)
    stop = Order(0, RICH, 0, BUY, 0, 5, 101, 0, MARKET_ORDER | ABOVE, 1500)
    assert play.send_conditional(stop, 0, 0, None) is Outcome.ACCEPTED
    play.report_round(0, 955, (0, 1, 2))
    slot = parked(play.world.state, 0)[0].slot
    bid = Order(0, RICH, 0, BUY, 953, 5, 102, 0, POST_ONLY, 0)
    assert play.send_conditional(bid, 101, slot, stop) is Outcome.ACCEPTED
    play.liquidate(1, 0, [], 0)
    play.the_machine_and_the_ledger_agree()
    left = [each.remaining_lots for each in (*book(play.world.state, 0, BUY), *parked(play.world.state, 0))]
    assert left == [4, 4], "the lot that had to be closed came off both"
    play.teardown()
