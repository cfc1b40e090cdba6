"""O: the operator lies about marks and funding: what follows from prices that everybody signed for.

As in `test_operator_state.py`, the Referee judges each lie.
"""

from __future__ import annotations

import pytest

from tallystick.machine.machine import Machine
from tallystick.schema.names import Phase
from tallystick.state.layout import RISK_RISKMARKET_FUNDING_INDEX_PPM, RISK_RISKMARKET_MARK_TICKS
from tests.adversaries.operator_state import MARK, LieAt, add, afterwards, exchange, newest, refuted


def test_O27_a_mark_other_than_the_index_and_the_book_give_is_refuted() -> None:
    """The operator moves the mark without the index."""
    world = exchange()
    world.report(0, MARK)

    def better(machine: Machine) -> None:
        add(machine.state.risk, 0, RISK_RISKMARKET_MARK_TICKS, 1)

    lie = LieAt(phase=Phase.UPDATE_MARK, record=newest(world), tamper=afterwards(better))
    assert refuted(world, lie) is Phase.UPDATE_MARK


@pytest.mark.parametrize("change", [-1, 1, 10**6])
def test_O24_funding_other_than_the_samples_give_is_refuted(change: int) -> None:
    """The operator ticks twice, or for more, or less than the samples of the hour ask for."""
    world = exchange()
    world.report(0, MARK)
    world.seal()
    world.time += 3600
    world.clock()
    world.report(0, MARK)

    def charge(machine: Machine) -> None:
        add(machine.state.risk, 0, RISK_RISKMARKET_FUNDING_INDEX_PPM, change)

    lie = LieAt(phase=Phase.UPDATE_MARK, record=newest(world), tamper=afterwards(charge))
    assert refuted(world, lie) is Phase.UPDATE_MARK
