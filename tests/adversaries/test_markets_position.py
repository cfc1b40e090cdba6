"""Open interest that is filled to hurt others, and gains that leave before their losers are seen to be bankrupt."""

from __future__ import annotations

import pytest

from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import BRAKE_MS, BUY, FLAG_IOC, MESSAGE_FORCE_WITHDRAW, OUTBOX_AMOUNT_UNITS, SELL
from tallystick.testing.ledger.look import books, cash, position, word
from tallystick.testing.world import World, address, message, sub_account

MILLION = 10**6
CAP = 2_000_000
"""Lots; a lot is worth two tokens at the price."""
PRICE = 20_000
HONEST, MAKER, EVIL, ACCOMPLICE = 1, 5, 2, 3


def exchange() -> World:
    """An honest long of twice its money in market 0, its maker, and two accounts that can fill the rest at 5 %."""
    world = World()
    world.clock()
    rules = {"taker_fee_ppm": 450, "max_lots": 5 * MILLION, "max_open_interest_lots": CAP}
    bounds = {"surcharge_from_units": 400_000 * MILLION, "surcharge_to_units": 4 * MILLION * MILLION}
    world.list_market(0, **rules, **bounds)
    world.list_market(1, **rules)
    refresh(world)
    for name, number, tokens in (("honest", HONEST, 100_000), ("maker", MAKER, 100_000)):
        world.deposit(name, number, tokens * MILLION)
    for name, number in (("evil", EVIL), ("evil too", ACCOMPLICE)):
        world.deposit(name, number, 210_000 * MILLION)
    world.order(MAKER, 0, SELL, PRICE, 100_000)
    assert world.order(HONEST, 0, BUY, PRICE, 100_000) is Outcome.ACCEPTED
    return world


def refresh(world: World, price: int = PRICE) -> None:
    for market in (0, 1):
        world.report(market, price)


def forced_out(world: World, name: str, account: int) -> int:
    """Withdraw through L1 all that may leave; return how much that was."""
    world.published.messages.append(message(MESSAGE_FORCE_WITHDRAW, address(name), account, 1 << 62, world.time))
    before = world.state.registers.outbox_count
    if world.consume() is not Outcome.ACCEPTED:
        return 0
    return word(world.state.outbox, before, OUTBOX_AMOUNT_UNITS)


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("way", ["book", "block", "forced block"])
def test_X11_who_fills_the_cap_pays_for_it_at_once_and_freezes_nobody(way: str, side: int) -> None:
    world = exchange()
    free = forced_out(exchange(), "honest", HONEST)
    lots = CAP - 100_000
    if way == "book":
        assert world.order(EVIL, 0, side, PRICE, lots) is Outcome.MARGIN
        assert world.order(EVIL, 0, side, PRICE, 50_000) is Outcome.ACCEPTED
        assert world.order(ACCOMPLICE, 0, 1 - side, PRICE, lots) is Outcome.MARGIN
    else:
        record = world.accepted(world.offer(EVIL, 0, side, PRICE, lots), ACCOMPLICE)
        assert (world.send(record) if way == "block" else world.force(record)) is Outcome.MARGIN
    # With money for all of the notional they may have it: it stands behind their own positions.
    for name, number in (("evil", EVIL), ("evil too", ACCOMPLICE)):
        world.deposit(name, number, 3_900_000 * MILLION)
    rest = lots - abs(position(world.state, EVIL, 0))
    assert world.block(EVIL, ACCOMPLICE, side, PRICE, rest) is Outcome.ACCEPTED
    world.later(1_000)
    refresh(world)
    assert books(world.state, EVIL)[0][1] > 3_400_000 * MILLION
    assert books(world.state, HONEST)[0][1] == books(world.state, MAKER)[0][1] == 0
    assert world.order(MAKER, 1, SELL, PRICE, 10) is Outcome.ACCEPTED
    assert world.order(HONEST, 1, BUY, PRICE, 10) is Outcome.ACCEPTED
    assert free - 10 * MILLION < forced_out(world, "honest", HONEST) <= free
    assert broken(world.state) == ()


@pytest.mark.parametrize("side", [BUY, SELL])
def test_X11_a_wash_between_sub_accounts_hands_no_position_on_without_its_surcharge(side: int) -> None:
    world = exchange()
    for name, number in (("evil", EVIL), ("evil too", ACCOMPLICE)):
        world.deposit(name, number, 2_000_000 * MILLION)
    assert world.block(EVIL, ACCOMPLICE, side, PRICE, 700_000) is Outcome.ACCEPTED
    asked = books(world.state, EVIL)[0][1]
    assert asked > 300_000 * MILLION
    heir = sub_account(EVIL, 1)
    assert world.transfer(EVIL, heir, 100_000 * MILLION) is Outcome.ACCEPTED
    # Enough for the market's margin of all lots, and open interest does not grow by it.
    assert world.block(heir, EVIL, side, PRICE, 700_000) is Outcome.MARGIN
    assert world.transfer(EVIL, heir, 500_000 * MILLION) is Outcome.ACCEPTED
    assert world.block(heir, EVIL, side, PRICE, 700_000) is Outcome.ACCEPTED
    assert books(world.state, heir)[0][1] == asked
    assert books(world.state, EVIL) == {}


@pytest.mark.parametrize("side", [BUY, SELL])
def test_X10_the_winner_of_a_straddle_carries_no_gain_out_before_it_is_deleveraged(side: int) -> None:
    """Both hands are one's: through a gap the loser leaves a deficit, and the winner must still be there."""
    world = exchange()
    put = 210_000 * MILLION
    assert world.block(EVIL, ACCOMPLICE, side, PRICE, 300_000) is Outcome.ACCEPTED
    world.later(1_000)
    refresh(world, PRICE * 3 // 2 if side == BUY else PRICE // 2)
    outside = sub_account(EVIL, 1)
    assert world.transfer(EVIL, outside, put) is Outcome.NOT_WITHDRAWABLE
    assert world.withdraw(EVIL, put) is Outcome.NOT_WITHDRAWABLE
    left = forced_out(world, "evil", EVIL) + forced_out(world, "evil too", ACCOMPLICE)
    assert left < put
    # What is left to it is its gain, which the loser's deficit is to be taken from.
    worth = cash(world.state, EVIL) + position(world.state, EVIL, 0) * 100 * (30_000 if side == BUY else 10_000)
    assert worth >= 300_000 * MILLION
    assert broken(world.state) == ()


@pytest.mark.parametrize("side", [BUY, SELL])
def test_X10_the_winner_of_a_gap_leaves_at_the_new_price_when_the_brake_is_over_and_not_before(side: int) -> None:
    """The book knows of a gap of 27 % before the index does: the winner's loser is not seen to be bankrupt yet."""
    world = exchange()
    assert world.block(EVIL, ACCOMPLICE, side, PRICE, 300_000) is Outcome.ACCEPTED
    ahead = PRICE * 127 // 100 if side == BUY else PRICE * 73 // 100
    assert world.order(MAKER, 0, side, ahead, 50_000) is Outcome.ACCEPTED
    assert world.order(EVIL, 0, 1 - side, ahead, 300_000, flags=FLAG_IOC) is Outcome.UNFILLED
    heir = sub_account(EVIL, 1)
    world.deposit("evil", EVIL, 1_000_000 * MILLION)
    assert world.transfer(EVIL, heir, 900_000 * MILLION) is Outcome.ACCEPTED
    for record in (
        world.offer(heir, 0, side, ahead, 300_000),
        world.offer(heir, 0, side, PRICE - ahead + PRICE, 300_000),
    ):
        assert world.send(world.accepted(record, EVIL)) is Outcome.UNFILLED
    assert abs(position(world.state, EVIL, 0)) == 300_000
    world.later(1_000)
    refresh(world, ahead)
    assert world.block(heir, EVIL, side, ahead, 1) is Outcome.BRAKE
    world.later(BRAKE_MS)
    refresh(world, ahead)
    assert world.block(heir, EVIL, side, ahead, 1) is Outcome.ACCEPTED
    assert broken(world.state) == ()
