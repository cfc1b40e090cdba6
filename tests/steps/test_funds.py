"""The insurance funds, one for each market, and their treasury."""

from __future__ import annotations

import pytest

from tallystick.machine.market.funds import fund_of, is_fund, is_nobodys
from tallystick.records.signing import make
from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    ACCOUNT_OWNER,
    BUY,
    MAX_MARKETS,
    MESSAGE_FORCE_WITHDRAW,
    SELL,
    SLICE_MS,
    TREASURY_ACCOUNT,
)
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.testing.ledger.look import cash, limbs, position
from tallystick.testing.scenarios.orders.closed_out import BOB, CRASHED, FALLEN, RULES
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import World, address, message, sub_account

ALICE, DAVE = 1, 4
OTHER = 7
"""A second market."""
NOBODYS = (TREASURY_ACCOUNT, fund_of(MarketId(0)), fund_of(MarketId(MAX_MARKETS - 1)))


def owner(world: World, account: int) -> int:
    return limbs(world.state.accounts, account, ACCOUNT_OWNER, 5)


@pytest.mark.parametrize(
    ("account", "fund", "nobodys"),
    [
        (0, False, True),
        (1, False, False),
        (2**28 - 65, False, False),
        (2**28 - 64, True, True),
        (2**28 - 1, True, True),
        (2**28, False, False),
        (sub_account(2**28 - 64, 1), False, False),
    ],
)
def test_the_last_64_numbers_below_the_sub_accounts_are_funds(account: int, fund: bool, nobodys: bool) -> None:
    assert (is_fund(AccountId(account)), is_nobodys(AccountId(account))) == (fund, nobodys)


@pytest.mark.parametrize("account", NOBODYS)
def test_neither_a_deposit_nor_a_transfer_gives_nobodys_account_an_owner(market: World, account: int) -> None:
    """I13."""
    assert market.transfer(ALICE, account, 7) is Outcome.ACCEPTED
    assert market.deposit("mallory", account, 5) is Outcome.ACCEPTED
    assert (cash(market.state, account), owner(market, account)) == (12, 0)
    stolen = market.signed("transfer", "mallory", account=account, nonce=0, to=1, amount_units=1)
    assert market.send(stolen) is Outcome.NO_ACCOUNT
    market.published.messages.append(message(MESSAGE_FORCE_WITHDRAW, address("mallory"), account, 1, market.time))
    assert market.consume() is Outcome.NOT_AUTHORISED
    assert market.send(make("settle_account", account=account)) is Outcome.NO_ACCOUNT


def test_a_deposit_to_the_number_below_the_funds_gives_it_an_owner(market: World) -> None:
    assert market.deposit("mallory", fund_of(MarketId(0)) - 1, 5) is Outcome.ACCEPTED
    assert owner(market, fund_of(MarketId(0)) - 1) == int.from_bytes(address("mallory"), "big")


def troubled_elsewhere(price: int, **funds: int) -> Scene:
    """Let bob hold 100 lots of the other market, against alice, as `troubled` does of market 0."""
    scene = Scene()
    scene.trading("alice", **RULES, insurance_lots=100)
    scene.open_market(OTHER, 1000, **RULES, insurance_lots=100)
    for number, name, units in ((BOB, "bob", 600_000), (DAVE, "dave", 10**12)):
        scene.deposit(name, number, units)
    scene.order(ALICE, OTHER, SELL, 1000, 100)
    assert scene.order(BOB, OTHER, BUY, 1000, 100) is Outcome.ACCEPTED
    scene.report(OTHER, price)
    return scene


def test_a_liquidations_fee_goes_to_the_fund_of_its_market() -> None:
    """I1."""
    scene = troubled_elsewhere(FALLEN)
    scene.order(DAVE, OTHER, BUY, FALLEN, 100)
    assert scene.liquidate(BOB, OTHER) is Outcome.ACCEPTED
    assert [cash(scene.state, each) for each in (0, fund_of(MarketId(0)), fund_of(MarketId(OTHER)))] == [0, 0, 8_400]
    assert broken(scene.state) == ()


def test_the_fund_of_one_market_takes_nothing_over_in_another() -> None:
    scene = troubled_elsewhere(CRASHED)
    scene.endow(10**7)
    assert scene.take_over(BOB, OTHER, 1) is Outcome.INSURANCE_LIMIT
    assert scene.nominate(BOB, OTHER, fund_of(MarketId(0))) is Outcome.NOT_ELIGIBLE
    scene.endow(10**7, OTHER)
    assert scene.nominate(BOB, OTHER, ALICE) is Outcome.INSURANCE_FIRST
    assert scene.take_over(BOB, OTHER, 100) is Outcome.ACCEPTED
    assert (cash(scene.state, fund_of(MarketId(0))), position(scene.state, fund_of(MarketId(OTHER)), OTHER)) == (
        10**7,
        100,
    )
    assert broken(scene.state) == ()


def test_a_fund_unwinds_in_its_own_market_and_holds_nothing_in_others() -> None:
    scene = troubled_elsewhere(CRASHED)
    scene.endow(10**7, OTHER)
    assert scene.take_over(BOB, OTHER, 100) is Outcome.ACCEPTED
    scene.order(DAVE, OTHER, BUY, CRASHED, 100)
    assert scene.liquidate(fund_of(MarketId(OTHER)), 0) is Outcome.NO_POSITION
    scene.clock(ahead_ms=SLICE_MS)
    assert scene.liquidate(fund_of(MarketId(OTHER)), OTHER) is Outcome.ACCEPTED
    assert position(scene.state, fund_of(MarketId(OTHER)), OTHER) == 94
