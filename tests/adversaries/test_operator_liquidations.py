"""O: the operator lies about who is liquidated, how much of it, at which price, and who comes first."""

from __future__ import annotations

import pytest

from tallystick.machine.machine import Machine
from tallystick.schema.names import Outcome, Phase
from tallystick.state.cells import account_cash_units, set_account_cash_units
from tallystick.state.layout import ACCOUNT_CASH_UNITS, ADL_DELAY_MS, MARKET_INSURANCE_LOTS, MARKET_LIQUIDATION_FEE_PPM
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units
from tallystick.testing.scenarios.orders.closed_out import BOB, CRASHED, FALLEN, troubled
from tallystick.testing.scenarios.scene import Scene
from tests.adversaries.operator_state import LieAt, Tamper, afterwards, newest, pretending, refuted

BUY = 0


def troubled_scene(price: int = FALLEN) -> Scene:
    """Return a world in which bob's position may have to be closed, with bids that could take it."""
    scene = Scene()
    troubled(scene, price)
    return scene


def with_order(register: str, change: int) -> Tamper:
    """Return a lie that changes the order a liquidation makes."""

    def change_it(machine: Machine) -> None:
        registers = machine.state.registers
        setattr(registers, register, getattr(registers, register) + change)

    return afterwards(change_it)


def test_O21_liquidating_a_healthy_account_is_refuted() -> None:
    """The operator closes a position that its account can carry. The step measures the account against the marks."""
    scene = troubled_scene(1000)
    assert scene.liquidate(BOB, 0) is Outcome.HEALTHY
    poorer = pretending(lambda m: m.state.accounts, BOB, ACCOUNT_CASH_UNITS, -9_800_000)
    lie = LieAt(phase=Phase.LIQUIDATE, record=newest(scene), tamper=poorer)
    assert refuted(scene, lie) is Phase.LIQUIDATE


def test_O21_taking_over_a_healthy_account_is_refuted() -> None:
    """The operator hands a healthy account's position to the fund. The step measures the account itself."""
    scene = troubled_scene(1000)
    assert scene.take_over(BOB, 0, 1) is Outcome.HEALTHY
    poorer = pretending(lambda m: m.state.accounts, BOB, ACCOUNT_CASH_UNITS, -9_800_000)
    lie = LieAt(phase=Phase.TAKE_OVER, record=newest(scene), tamper=poorer)
    assert refuted(scene, lie) is Phase.TAKE_OVER


def test_O22_saying_that_a_failing_account_is_healthy_is_refuted() -> None:
    """The operator takes the record and spares a friend. The step finds the account below its margin."""
    scene = troubled_scene()
    scene.order(4, 0, BUY, FALLEN, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    richer = pretending(lambda m: m.state.accounts, BOB, ACCOUNT_CASH_UNITS, 0)
    lie = LieAt(phase=Phase.LIQUIDATE, record=newest(scene), tamper=richer)
    assert refuted(scene, lie) is Phase.LIQUIDATE


@pytest.mark.parametrize(("register", "change"), [("arg_lots", 1), ("arg_lots", -1), ("arg_price_ticks", -1)])
def test_O23_another_size_or_price_of_a_liquidation_is_refuted(register: str, change: int) -> None:
    """The operator closes a lot more or less, or sells a tick lower. The step computes both."""
    scene = troubled_scene()
    scene.order(4, 0, BUY, FALLEN, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    lie = LieAt(phase=Phase.LIQUIDATE, record=newest(scene), tamper=with_order(register, change))
    assert refuted(scene, lie) is Phase.LIQUIDATE


def test_O23_another_fee_of_a_liquidation_is_refuted() -> None:
    """The operator takes more from the liquidated account than the market says. The step reads the market's cell."""
    scene = troubled_scene()
    scene.order(4, 0, BUY, FALLEN + 10, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    dearer = pretending(lambda m: m.state.markets, 0, MARKET_LIQUIDATION_FEE_PPM, 20_000)
    assert refuted(scene, LieAt(phase=Phase.MATCH_MAKER, record=newest(scene), tamper=dearer)) is Phase.MATCH_MAKER


def test_O23_passing_over_the_insurance_fund_is_refuted() -> None:
    """The operator deleverages traders while the fund could take over. The step tries the fund first."""
    scene = Scene()
    troubled(scene, insurance_lots=1)
    scene.order(4, 0, BUY, FALLEN, 21)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    scene.report(0, CRASHED)
    assert scene.nominate(BOB, 0, 1) is Outcome.INSURANCE_FIRST
    closed = pretending(lambda m: m.state.markets, 0, MARKET_INSURANCE_LOTS, 0)
    lie = LieAt(phase=Phase.NOMINATE_ADL, record=newest(scene), tamper=closed)
    assert refuted(scene, lie) is Phase.NOMINATE_ADL


def test_O23_deleveraging_out_of_rank_is_refuted() -> None:
    """The operator puts a safer account in the nominee's place. The step compares both."""
    scene = troubled_scene(CRASHED)
    assert scene.nominate(BOB, 0, 3) is Outcome.ACCEPTED
    assert scene.nominate(BOB, 0, 1) is Outcome.OUTRANKED
    poorer = pretending(lambda m: m.state.accounts, 1, ACCOUNT_CASH_UNITS, 6_000_000)
    lie = LieAt(phase=Phase.NOMINATE_ADL, record=newest(scene), tamper=poorer)
    assert refuted(scene, lie) is Phase.NOMINATE_ADL


def test_O23_deleveraging_at_another_price_is_refuted() -> None:
    """The operator lets the candidate pay more than the zero price asks. The step computes the quote."""

    def skim(machine: Machine) -> None:
        words = machine.state.accounts.words
        set_account_cash_units(
            words,
            machine.state.accounts.open(AccountId(3)),
            Units(account_cash_units(words, machine.state.accounts.open(AccountId(3))) - 1),
        )
        set_account_cash_units(
            words,
            machine.state.accounts.open(AccountId(BOB)),
            Units(account_cash_units(words, machine.state.accounts.open(AccountId(BOB))) + 1),
        )

    scene = troubled_scene(CRASHED)
    scene.nominate(BOB, 0, 3)
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.ACCEPTED
    lie = LieAt(phase=Phase.DELEVERAGE, record=newest(scene), tamper=afterwards(skim))
    assert refuted(scene, lie) is Phase.DELEVERAGE
