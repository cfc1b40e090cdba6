"""X: who moves the mark away from the index, or waits where it lags behind, gains nothing by it."""

from __future__ import annotations

import pytest

from tallystick.machine.market.risk import health
from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_IOC, FLAG_POST_ONLY, LEAN_BEST, LEAN_INDEX, LEAN_MARKED, STALE_MS
from tallystick.state.ordinals import AccountId, Number
from tallystick.testing.ledger.look import cash, index, mark, position
from tallystick.testing.world import World

BUY, SELL = 0, 1
ACCEPTED = Outcome.ACCEPTED
MAKER, EVIL, SECOND, THIRD, VICTIM = 1, 2, 3, 4, 5
LOTS = 1_000_000
RULES = {
    "taker_fee_ppm": 450,
    "insurance_lots": 100_000,
    "liquidation_fee_ppm": 5_000,
    "max_lots": 5_000_000,
    "max_open_interest_lots": 40_000_000,
    "quote_lots": 100,
}


def worth(world: World, account: Number, lean: int) -> int:
    """Return what an account is worth."""
    return health(
        world.state, world.state.accounts.known(AccountId(account)), world.state.risk.open(0), lean
    ).value_units


def venue() -> World:
    """Return a world with one market at 20,000 ticks, in which a million lots are worth 2,000,000 dollars."""
    world = World()
    world.clock()
    world.list_market(0, **RULES)
    for _ in range(5):
        world.report(0, 20_000)
        world.later(1000)
    for account, units in ((MAKER, 10**12), (EVIL, 3 * 10**11), (SECOND, 4 * 10**11), (THIRD, 10**12)):
        world.deposit(f"trader {account}", account, units)
    world.deposit("victim", VICTIM, 11 * 10**10)
    return world


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("near", [True, False])
def test_X03_a_mark_that_follows_orders_nobody_can_fill_liquidates_nobody(side: int, near: bool) -> None:
    """Two orders, of accounts that have no money any more, near the index or far away, move the mark by nothing."""
    world = venue()
    world.order(MAKER, 0, side, 20_000, LOTS)
    assert world.order(VICTIM, 0, 1 - side, 20_000, LOTS) is ACCEPTED
    far = (16_000_000, 16_777_215) if side == BUY else (1, 2)
    if near:
        far = (20_240, 20_250) if side == BUY else (19_750, 19_760)
    for ghost, price in zip((BUY, SELL), far, strict=True):
        world.deposit(f"ghost {ghost}", 6 + ghost, 2 * 10**9)
        assert world.order(6 + ghost, 0, ghost, price, 1 if not near else 100, flags=FLAG_POST_ONLY) is ACCEPTED
        assert world.withdraw(6 + ghost, 2 * 10**9) is ACCEPTED
    for _ in range(3):
        world.later(5000)
        world.report(0, 20_000)
        assert mark(world.state, 0) == 20_000
    assert worth(world, VICTIM, LEAN_BEST) == worth(world, VICTIM, LEAN_INDEX) > 10**11
    before = cash(world.state, VICTIM)
    assert world.liquidate(VICTIM, 0) is Outcome.HEALTHY
    assert world.take_over(VICTIM, 0, 1) is Outcome.HEALTHY
    assert world.nominate(VICTIM, 0, MAKER) is Outcome.HEALTHY
    assert (cash(world.state, VICTIM), abs(position(world.state, VICTIM, 0))) == (before, LOTS)


def moved(world: World, side: int) -> None:
    """Let two accounts with money quote for what a sample asks at the collar's edge, until the mark is near its bound."""
    for ghost, price in zip((BUY, SELL), (20_240, 20_250) if side == BUY else (19_750, 19_760), strict=True):
        world.deposit(f"ghost {ghost}", 6 + ghost, 2 * 10**9)
        assert world.order(6 + ghost, 0, ghost, price, 100, flags=FLAG_POST_ONLY) is ACCEPTED
    for _ in range(30):
        before = mark(world.state, 0)
        world.later(10_000)
        world.report(0, 20_000)
        assert abs(mark(world.state, 0) - before) <= 250 // 15 + 1
        assert abs(mark(world.state, 0) - 20_000) <= 250
    assert abs(mark(world.state, 0) - 20_000) > 200


@pytest.mark.parametrize("side", [BUY, SELL])
def test_X03_a_mark_at_its_bound_liquidates_nobody(side: int) -> None:
    """Who quotes with money of his own moves the mark by half of the maintenance fraction at most, and slowly."""
    world = venue()
    world.order(MAKER, 0, side, 20_000, LOTS)
    assert world.order(VICTIM, 0, 1 - side, 20_000, LOTS) is ACCEPTED
    moved(world, side)
    assert worth(world, VICTIM, LEAN_MARKED) < worth(world, VICTIM, LEAN_INDEX) == worth(world, VICTIM, LEAN_BEST)
    assert world.liquidate(VICTIM, 0) is Outcome.HEALTHY
    assert world.take_over(VICTIM, 0, 1) is Outcome.HEALTHY


@pytest.mark.parametrize("way", ["withdraw", "transfer"])
def test_X03_what_a_moved_mark_makes_of_a_position_does_not_leave(way: str) -> None:
    """The mirror: the mark is moved for the sake of one's own position, whose gain is on no index."""
    world = venue()
    world.order(MAKER, 0, SELL, 20_000, LOTS)
    assert world.order(EVIL, 0, BUY, 20_000, LOTS) is ACCEPTED
    free = 3 * 10**11 - 2 * 10**12 * 450 // 10**6 - 2 * 10**11
    moved(world, BUY)
    assert worth(world, EVIL, LEAN_MARKED) > 31 * 10**10

    def leave(amount: int) -> Outcome:
        return world.withdraw(EVIL, amount) if way == "withdraw" else world.transfer(EVIL, EVIL + (1 << 28), amount)

    assert leave(free + 1) is Outcome.NOT_WITHDRAWABLE
    assert leave(free) is ACCEPTED


def crashed(price: int) -> World:
    """Return the world after the index has jumped, and whoever wins has money enough."""
    world = venue()
    world.deposit(f"trader {EVIL}", EVIL, 10**12)
    world.later(1000)
    world.report(0, price)
    assert index(world.state, 0) == price
    assert mark(world.state, 0) == price
    return world


def between(price: int) -> int:
    """Return a price on the way from where the index was to where it is now."""
    return 19_000 if price < 20_000 else 21_000


@pytest.mark.parametrize(
    ("price", "units", "outcome"),
    [
        (14_000, 4 * 10**11, Outcome.UNFILLED),
        (26_000, 4 * 10**11, Outcome.UNFILLED),
        (18_800, 30 * 10**10, Outcome.MARGIN),
        (21_200, 33 * 10**10, Outcome.MARGIN),
    ],
)
@pytest.mark.parametrize("way", ["order", "block", "order through L1", "block through L1"])
def test_X06_nobody_opens_both_sides_at_a_mark_that_is_known_to_be_wrong(
    price: int, units: int, outcome: Outcome, way: str
) -> None:
    """At a price that is known to be wrong a straddle would be a gain that an own bankrupt account pays.

    Far from the index nobody fills; near it, what would do at that price does not at the index.
    """
    world = crashed(price)
    world.withdraw(SECOND, 4 * 10**11 - units)
    wrong, lots = between(price), 3 * LOTS
    loses = BUY if price < 20_000 else SELL
    before = cash(world.state, EVIL), cash(world.state, SECOND)
    if way.startswith("block"):
        trade = world.accepted(world.offer(EVIL, 0, 1 - loses, wrong, lots), SECOND)
    else:
        assert world.order(EVIL, 0, 1 - loses, wrong, lots) is ACCEPTED
        values = {"account": SECOND, "market": 0, "side": loses, "price_ticks": wrong, "lots": lots}
        nonce = world.next_nonce(SECOND)
        trade = world.signed("order", f"trader {SECOND}", flags=FLAG_IOC, nonce=nonce, **values)
    ended = world.force(trade) if way.endswith("L1") else world.send(trade)
    assert ended is outcome
    assert (cash(world.state, EVIL), cash(world.state, SECOND)) == before
    assert position(world.state, EVIL, 0) == position(world.state, SECOND, 0) == 0


def test_X06_several_accounts_of_one_hand_open_nothing_either() -> None:
    """Each of them a little: every one is measured at the index."""
    world = crashed(18_800)
    wrong = between(18_800)
    world.order(EVIL, 0, SELL, wrong, LOTS)
    for number in range(1, 4):
        sub = SECOND + (number << 28)
        assert world.transfer(SECOND, sub, 10**10) is ACCEPTED
        assert world.order(sub, 0, BUY, wrong, LOTS // 3, flags=FLAG_IOC) is Outcome.MARGIN
    assert position(world.state, EVIL, 0) == 0


def test_X06_who_knows_a_silent_markets_price_leaves_nothing_owed_behind() -> None:
    """A long in a market without prices that has lost by now takes out no more than all of it could still lose."""
    world = venue()
    world.order(MAKER, 0, SELL, 20_000, LOTS // 10)
    assert world.order(THIRD, 0, BUY, 20_000, LOTS // 10) is ACCEPTED
    fee = 2 * 10**11 * 450 // 10**6
    world.later(STALE_MS + 1)
    assert world.withdraw(THIRD, 10**12 - fee - 2 * 10**11 + 1) is Outcome.NOT_WITHDRAWABLE
    assert world.withdraw(THIRD, 10**12 - fee - 2 * 10**11) is ACCEPTED
    world.report(0, 1)
    assert worth(world, THIRD, LEAN_INDEX) >= 0
