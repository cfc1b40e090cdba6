"""What a trade may leave of an account, and who is deleveraged first: the largest products there are (I4)."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.machine.market.ladder import Rank, outranks
from tallystick.machine.market.risk import Health, may_change
from tallystick.testing import exact
from tests.arithmetic.harness import FAST, solidity
from tests.arithmetic.test_accounts import numbers

MANY = settings(max_examples=1500 if FAST else 20)
I62 = st.integers(-(1 << 62) - (1 << 61), (1 << 62) + (1 << 61))
MARGINS = st.integers(0, (1 << 59) + 32)
HEALTHS = st.builds(Health, I62, MARGINS, MARGINS, st.integers(0, 1 << 58), MARGINS)


@MANY
@given(before=HEALTHS, after=HEALTHS, reduces=st.booleans())
def test_what_a_trade_may_leave(before: Health, after: Health, reduces: bool) -> None:
    """I3, I18."""
    pair = numbers(before), numbers(after)
    assert may_change(before, after, reduces) == solidity("mayChangeTo", *pair, reduces)


RANKS = st.builds(
    Rank, st.booleans(), st.integers(0, 1 << 30), st.integers(0, 1 << 58), st.integers(1, (1 << 62) + (1 << 61))
)


@MANY
@given(challenger=RANKS, nominee=RANKS)
@example(Rank(False, 1 << 30, 1 << 58, 1), Rank(False, 1 << 30, (1 << 58) - 1, (1 << 62) + (1 << 61)))
@example(Rank(True, 1 << 30, 1 << 58, (1 << 62) + (1 << 61)), Rank(True, 1 << 30, 1 << 58, (1 << 62) + (1 << 61)))
def test_who_goes_first(challenger: Rank, nominee: Rank) -> None:
    """I4, I18: up to the largest products there are, of 151 bits."""
    pair = [(each.gains, each.lots, each.notional_units, each.value_units) for each in (challenger, nominee)]
    found = outranks(challenger, nominee)
    assert found == solidity("outranksIt", *pair)
    ranks = [
        (each.gains, exact.leverage(each.lots * each.notional_units, each.value_units))
        for each in (challenger, nominee)
    ]
    assert found == (ranks[0] > ranks[1])
