"""What positions owe in funding, and when they pay it."""

from __future__ import annotations

import random
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.engine import halted
from tallystick.machine.market.funding import dust, owed
from tallystick.proof.tracer import Tracer
from tallystick.referee.runner import TwinRunner
from tallystick.rollup.invariants import broken, imbalance
from tallystick.schema.names import Outcome
from tallystick.state.cells import set_risk_market_funding_index_ppm
from tallystick.state.layout import MAX_EXPOSURE, MAX_FUNDING_INDEX_PPM
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import TickPpm, UnitsPerTick
from tallystick.testing.ledger import ledger as books
from tallystick.testing.ledger.ledger_market import Market
from tallystick.testing.ledger.ledger_model import Order
from tallystick.testing.ledger.look import cash, check_book, funding_index
from tallystick.testing.ledger.reconcile import reconcile
from tallystick.testing.scenarios.scene import Scene

settings.register_profile("funding", max_examples=200, deadline=None, derandomize=False)
FUNDING = settings.get_profile("funding")
BUY, SELL = 0, 1
FEELESS = {"taker_fee_ppm": 0, "maker_fee_ppm": 0}


def charge(scene: Scene, index: int, market: int = 0) -> None:
    """Set a market's funding index between two batches, as if hours had passed."""
    scene.finish()
    base = scene.state.risk.open(0)
    set_risk_market_funding_index_ppm(scene.state.risk.words, base, MarketId(market), TickPpm(index))
    scene.state.risk.mark(0)
    scene.cut()


def check(scene: Scene) -> None:
    """Replay from the last charge in the Referee, with the books balanced after every step."""
    scene.finish()
    machine = scene.machine_at_start()
    tracer = Tracer(machine)
    referee = TwinRunner(scene.published)
    while not halted(machine):
        referee.check(tracer.prove(), scene.published.batch_limit)
        assert imbalance(machine.state) == 0
    assert tracer.state_hash == scene.state.hash()
    assert broken(scene.state) == ()
    check_book(scene.state, range(2))


def trade(scene: Scene, buyer: int, seller: int, lots: int, price: int = 1000) -> None:
    assert scene.order(buyer, 0, BUY, price, lots) is Outcome.ACCEPTED
    assert scene.order(seller, 0, SELL, price, lots) is Outcome.ACCEPTED


@FUNDING
@given(
    st.integers(-MAX_EXPOSURE, MAX_EXPOSURE),
    st.integers(-2 * MAX_FUNDING_INDEX_PPM, 2 * MAX_FUNDING_INDEX_PPM),
)
def test_what_is_owed_is_rounded_up_and_the_dust_makes_it_exact(exposure: int, change: int) -> None:
    """I1, I4."""
    exact = Fraction(exposure * change, 10**6)
    assert owed(UnitsPerTick(exposure), TickPpm(change)) == ceil(exact)
    assert Fraction(dust(UnitsPerTick(exposure), TickPpm(change)), 10**6) == ceil(exact) - exact
    assert -(2**58) <= owed(UnitsPerTick(exposure), TickPpm(change)) <= 2**58


@pytest.mark.parametrize("index", [1, -1, 999_999, 2_500_000, -2_500_000, MAX_FUNDING_INDEX_PPM])
def test_a_closed_position_has_paid_for_the_time_it_was_held(index: int) -> None:
    """I1."""
    scene = Scene()
    scene.trading("alice", "bob", multiplier=1, cash=10**15, **FEELESS)
    trade(scene, 1, 2, 7)
    charge(scene, index)
    trade(scene, 2, 1, 7)
    check(scene)
    exact = Fraction(7 * index, 10**6)
    assert cash(scene.state, 1) == 10**15 - ceil(exact)
    assert cash(scene.state, 2) == 10**15 - ceil(-exact)


def test_funding_owed_counts_against_margin_and_withdrawals_before_it_is_settled() -> None:
    scene = Scene()
    scene.trading("alice", "bob", multiplier=100, cash=1_000_000, **FEELESS)
    trade(scene, 1, 2, 10)
    charge(scene, 90_000_000)
    # The long owes 90,000, and keeps a tenth of its notional of 1,000,000 as a buffer.
    assert scene.withdraw(1, 810_001) is Outcome.NOT_WITHDRAWABLE
    assert scene.withdraw(1, 810_000) is Outcome.ACCEPTED
    charge(scene, 400_000_000)
    assert scene.order(1, 0, BUY, 1000, 1) is Outcome.MARGIN
    check(scene)


def test_a_fill_that_may_not_stand_leaves_the_funding_unsettled() -> None:
    scene = Scene()
    scene.trading("alice", "bob", "carol", multiplier=100, cash=1_000_000, **FEELESS)
    trade(scene, 1, 2, 10)
    charge(scene, 1_500_000)
    before = [cash(scene.state, account) for account in (1, 2)]
    scene.order(3, 0, SELL, 1000, 190)
    assert scene.order(1, 0, BUY, 1000, 190) is Outcome.MARGIN
    assert [cash(scene.state, account) for account in (1, 2)] == before
    check(scene)


def test_a_new_position_owes_nothing_for_the_time_before_it() -> None:
    scene = Scene()
    scene.trading("alice", "bob", multiplier=100, cash=10**9, **FEELESS)
    charge(scene, 77_777_777)
    trade(scene, 1, 2, 10)
    trade(scene, 2, 1, 10)
    check(scene)
    assert cash(scene.state, 1) == cash(scene.state, 2) == 10**9


@pytest.mark.parametrize("seed", range(3))
def test_funding_by_chance_is_what_the_ledger_says(seed: int) -> None:
    """I1."""
    chance = random.Random(seed)
    scene, ledger = Scene(), books.Ledger(governance="", signers=(), quorum=1)
    scene.trading("alice", "bob", "carol", price=1000, cash=10**7, multiplier=7, rebate_ppm=50)
    listed = Market(7, 50_000, 25_000, 500, 100, 1_000_000, 50)
    listed.mark = listed.index = 1000
    listed.index_ms = int(scene.state.registers.clock_ms)
    listed.brakes.see(0, 1000, 25_000, listed.index_ms)
    listed.indices = [(listed.index_ms, 1000)]
    ledger.markets[0] = listed
    for number, name in enumerate(("alice", "bob", "carol"), start=1):
        ledger.message()
        ledger.deposit(name, number, 10**7)
    for _ in range(12):
        charge(scene, chance.randint(-200_000_000, 200_000_000))
        ledger.markets[0].funding = Fraction(funding_index(scene.state, 0), 10**6)
        for _ in range(6):
            account, side = chance.randint(1, 3), chance.randint(0, 1)
            price, lots = 1000 + chance.randint(-3, 3), chance.choice((1, 5, 30, 400))
            ledger.records = scene.state.registers.record_count
            wanted = Order(0, account, 0, side, price, lots, 0, 0)
            name = scene.owners[account]
            nonce = scene.nonces.get(account, -1) + 1
            expected = ledger.order(name, 0, nonce, wanted)
            assert scene.order(account, 0, side, price, lots) is expected
        ledger.clock_ms, ledger.records = int(scene.state.registers.clock_ms), scene.state.registers.record_count
        reconcile(ledger, scene.state)
        check(scene)
