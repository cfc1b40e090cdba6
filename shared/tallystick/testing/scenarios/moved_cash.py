"""Sub-accounts, and cash that moves between them."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_cash_units
from tallystick.state.layout import INSURANCE_ACCOUNT, MAX_CASH_UNITS, MESSAGE_FORCE_WITHDRAW
from tallystick.testing.scenarios.scene import RICH, Scene
from tallystick.testing.world import sub_account


def transfers(scene: Scene) -> None:
    """To a sub-account and back, to the insurance fund, to oneself, to others, of nothing and of too much."""
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
    assert scene.transfer(first, INSURANCE_ACCOUNT, 11) is Outcome.ACCEPTED
    assert scene.order(first, 0, 0, 1000, 20) is Outcome.ACCEPTED
    assert scene.order(2, 0, 1, 1000, 20) is Outcome.ACCEPTED
    assert scene.withdraw(last, 3) is Outcome.ACCEPTED
    scene.queue(MESSAGE_FORCE_WITHDRAW, "alice", first, 100)
    assert scene.consume() is Outcome.ACCEPTED
    stranger = scene.signed("transfer", "bob", account=first, nonce=99, to=1, amount_units=1)
    assert scene.send(stranger) is Outcome.NOT_AUTHORISED
    fund = scene.signed("transfer", "alice", account=0, nonce=0, to=1, amount_units=1)
    assert scene.send(fund) is Outcome.NO_ACCOUNT


def transfers_at_the_bound(scene: Scene) -> None:
    """Cash at its bound on the receiving side: the receiver is written by hand."""
    scene.trading("alice", "bob")
    target = sub_account(1, 2)
    assert scene.transfer(1, target, 5) is Outcome.ACCEPTED
    scene.finish()
    set_account_cash_units(scene.state.accounts.words, scene.state.accounts.open(target), MAX_CASH_UNITS - 3)
    scene.state.accounts.mark(target)
    scene.cut()
    scene.clock()
    assert scene.transfer(1, target, 4) is Outcome.POSITION_LIMIT
    assert scene.transfer(1, target, 3) is Outcome.ACCEPTED


SCENARIOS = (transfers, transfers_at_the_bound)
