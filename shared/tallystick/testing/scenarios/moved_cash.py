"""Sub-accounts, funds and fees, and cash that moves between them."""

from __future__ import annotations

from tallystick.machine.market.funds import fund_of
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.cells import (
    set_account_cash_units,
    set_account_position_market,
    set_account_position_size_lots,
)
from tallystick.state.layout import (
    BUY,
    CHANGE_DELAY_MS,
    FEE_ACCOUNT_PENDING,
    MAX_CASH_UNITS,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_WITHDRAW,
    SELL,
    TREASURY_ACCOUNT,
)
from tallystick.state.ordinals import AccountId, MarketId, Number
from tallystick.state.quantities import Lots, Units
from tallystick.testing.scenarios.scene import RICH, Scene
from tallystick.testing.world import sub_account


def transfers(scene: Scene) -> None:
    """To a sub-account and back, to the funds, to oneself, to others, of nothing and of too much."""
    scene.trading("alice", "bob")
    first, last = sub_account(1, 1), sub_account(1, 15)
    assert scene.transfer(1, 1, 5) is Outcome.OUT_OF_RANGE
    assert scene.transfer(1, first, 0) is Outcome.OUT_OF_RANGE
    for other in (2, sub_account(2, 1), sub_account(0, 1)):
        assert scene.transfer(1, other, 5) is Outcome.NOT_AUTHORISED
    assert scene.transfer(1, first, RICH + 1) is Outcome.NOT_WITHDRAWABLE
    assert scene.transfer(1, first, RICH // 2) is Outcome.ACCEPTED
    assert scene.transfer(first, last, RICH // 4) is Outcome.ACCEPTED
    assert scene.transfer(last, 1, 7) is Outcome.ACCEPTED
    for fund in (TREASURY_ACCOUNT, fund_of(MarketId(0)), fund_of(MarketId(63))):
        assert scene.transfer(first, fund, 11) is Outcome.ACCEPTED
        scene.queue(MESSAGE_DEPOSIT, "alice", fund, 7)
        assert scene.consume() is Outcome.ACCEPTED
    assert scene.transfer(first, fund_of(MarketId(0)) - 1, 11) is Outcome.NOT_AUTHORISED
    assert scene.order(first, 0, 0, 1000, 20) is Outcome.ACCEPTED
    assert scene.order(2, 0, 1, 1000, 20) is Outcome.ACCEPTED
    assert scene.withdraw(last, 3) is Outcome.ACCEPTED
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", first, 100)
    assert scene.consume() is Outcome.ACCEPTED
    stranger = scene.signed("transfer", "bob", account=first, nonce=99, to=1, amount_units=1)
    assert scene.send(stranger) is Outcome.NOT_AUTHORISED
    for fund in (TREASURY_ACCOUNT, fund_of(MarketId(0)), fund_of(MarketId(63))):
        taken = scene.signed("transfer", "alice", account=fund, nonce=0, to=1, amount_units=1)
        assert scene.send(taken) is Outcome.NO_ACCOUNT


def transfers_at_the_bound(scene: Scene) -> None:
    """Cash at its bound on the receiving side: the receiver is written by hand."""
    scene.trading("alice", "bob")
    target = sub_account(1, 2)
    assert scene.transfer(1, target, 5) is Outcome.ACCEPTED
    scene.finish()
    set_account_cash_units(
        scene.state.accounts.words, scene.state.accounts.open(AccountId(target)), Units(MAX_CASH_UNITS - 3)
    )
    scene.state.accounts.mark(target)
    scene.cut()
    scene.clock()
    assert scene.transfer(1, target, 4) is Outcome.POSITION_LIMIT
    assert scene.transfer(1, target, 3) is Outcome.ACCEPTED


def fees(scene: Scene) -> None:
    """Fees for the treasury, an account that governance names, sweeps with and without it, a fund that is topped up."""
    scene.trading("alice", "bob", fund_units=900)

    def name(account: Number, change: int, by: str = "governance") -> Outcome:
        return scene.send(scene.signed("change_fee_account", by, account=account, change=change))

    def apply() -> Outcome:
        return scene.send(make("apply_change", pending=FEE_ACCOUNT_PENDING))

    def sweep() -> Outcome:
        return scene.send(make("sweep"))

    def top_up(market: int = 0) -> Outcome:
        return scene.send(make("top_up", market=market))

    def trade() -> None:
        scene.order(1, 0, BUY, 1000, 9)
        scene.order(2, 0, SELL, 1000, 9)

    assert [sweep(), top_up(), top_up(1)] == [Outcome.OUT_OF_RANGE, Outcome.OUT_OF_RANGE, Outcome.NO_MARKET]
    assert [apply(), name(5, 1), name(fund_of(MarketId(0)), 1)] == [
        Outcome.NO_CHANGE,
        Outcome.NO_ACCOUNT,
        Outcome.NO_ACCOUNT,
    ]
    trade()
    assert [sweep(), top_up(), top_up()] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.TOO_EARLY]
    assert name(1, 1, "mallory") is Outcome.NOT_AUTHORISED
    assert [name(2, 1), name(1, 1), name(1, 2)] == [Outcome.ACCEPTED, Outcome.OLD_CHANGE, Outcome.ACCEPTED]
    assert apply() is Outcome.TOO_EARLY
    scene.seal()
    scene.time += CHANGE_DELAY_MS // 1000
    scene.clock()
    assert [apply(), apply()] == [Outcome.ACCEPTED, Outcome.NO_CHANGE]
    scene.reopen(0, 1000)
    trade()
    assert [sweep(), sweep(), top_up()] == [Outcome.ACCEPTED, Outcome.OUT_OF_RANGE, Outcome.ACCEPTED]


def fees_at_the_ends(scene: Scene) -> None:
    """Accounts of fees and funds that hold all cash there can be."""
    scene.trading("alice", "bob", fund_units=MAX_CASH_UNITS)
    scene.send(scene.signed("change_fee_account", "governance", account=1, change=1))
    scene.seal()
    scene.time += CHANGE_DELAY_MS // 1000
    scene.clock()
    scene.send(make("apply_change", pending=FEE_ACCOUNT_PENDING))
    scene.reopen(0, 1000)
    scene.order(1, 0, BUY, 1000, 9)
    scene.order(2, 0, SELL, 1000, 9)
    scene.finish()
    accounts = scene.state.accounts
    for account, cash in ((1, MAX_CASH_UNITS), (fund_of(MarketId(0)), MAX_CASH_UNITS), (TREASURY_ACCOUNT, 100_000)):
        set_account_cash_units(accounts.words, accounts.open(AccountId(account)), Units(cash))
        accounts.mark(account)
    set_account_position_market(accounts.words, accounts.open(fund_of(MarketId(0))), 0, MarketId(0))
    set_account_position_size_lots(accounts.words, accounts.open(fund_of(MarketId(0))), 0, Lots(-9))
    scene.cut()
    scene.clock()
    assert scene.send(make("sweep")) is Outcome.POSITION_LIMIT
    assert scene.send(make("top_up", market=0)) is Outcome.POSITION_LIMIT


SCENARIOS = (transfers, transfers_at_the_bound, fees, fees_at_the_ends)
