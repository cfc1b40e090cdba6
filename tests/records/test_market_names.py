"""Markets and their series, as people and signed records name them."""

from __future__ import annotations

import pytest

from tallystick.errors import BadInput
from tallystick.records.market_names import MarketName, market_name, parse_market, read_signed, signed_market
from tallystick.state.ordinals import MarketId


@pytest.mark.parametrize(
    ("text", "market", "series"), [("0", 0, None), ("5", 5, None), ("5.0", 5, 0), ("5.1", 5, 1), ("63.1023", 63, 1023)]
)
def test_a_market_is_named_by_its_number_or_by_one_of_its_series(text: str, market: int, series: int | None) -> None:
    assert parse_market(text) == MarketName(MarketId(market), series)


@pytest.mark.parametrize("text", ["", ".", "5.", ".1", "64", "5.1024", "-1", "5.-1", "5.1.1", "٥", "5,1", "1e1", " 5"])
def test_what_names_no_market_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_market(text)


@pytest.mark.parametrize(
    ("market", "series", "shown"), [(0, 0, "0"), (5, 0, "5"), (5, 1, "5.1"), (63, 1023, "63.1023")]
)
def test_what_is_signed_is_shown_as_it_may_be_given(market: int, series: int, shown: str) -> None:
    signed = signed_market(MarketId(market), series)
    assert signed == market + 64 * series < 1 << 16
    assert read_signed(signed) == MarketName(MarketId(market), series)
    assert market_name(MarketId(market), series) == shown
