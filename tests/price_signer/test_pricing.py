"""One price out of many: medians, and who is passed over."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import ConfigError
from tallystick.price_signer.gathering.pricing import Priced, Said, Standing, priced
from tallystick.price_signer.gathering.source_quotes import AHEAD_SECONDS, Answered, Quotes
from tallystick.price_signer.gathering.sources import MarketSources, read_sources
from tallystick.state.ordinals import MarketId
from tallystick.testing.handclock import HandClock

NAMES = "abcdefg"


def market(folder: Path, count: int, more: str = "", source: str = "") -> MarketSources:
    lines = ["[[market]]", "market = 3", 'tick = "0.5"', more]
    for name in NAMES[:count]:
        lines += ["[[market.source]]", f'name = "{name}"', f'file = "{name}"', source]
    (folder / "sources.toml").write_text("\n".join(lines))
    (read,) = read_sources(folder / "sources.toml")
    return read


def said(*prices: object, at: float = 100.0) -> dict[str, Said]:
    return {
        name: Said(price=None if price is None else Decimal(str(price)), at=at, since=at)
        for name, price in zip(NAMES, prices, strict=False)
    }


def standings(found: Priced) -> list[str]:
    return [str(each.standing) for each in found.looks]


@pytest.mark.parametrize(
    ("prices", "ticks"),
    [
        ([100], 200),
        ([100, 101], 201),
        ([100, 100.5, 101], 201),
        ([100, 100.2, 100.3, 101], 200),
        ([100, 100.2, 100.4, 101], 201),
        ([100.5, 100, 150], 200),
        ([100.5, 100, 0.001], 200),
        ([100, None, 100, None, 100], 200),
    ],
)
def test_the_price_is_the_median_of_those_near_it_to_the_nearest_tick(
    tmp_path: Path, prices: list[object], ticks: int
) -> None:
    assert priced(market(tmp_path, len(prices)), said(*prices), 100.0).ticks == ticks


def test_half_of_an_even_number_that_lies_gives_no_price_rather_than_half_a_lie(tmp_path: Path) -> None:
    found = priced(market(tmp_path, 4), said(100, 100, 140, 140), 100.0)
    assert found.ticks is None and "0 of 4 sources" in found.why
    assert set(standings(found)) == {"outlier"}


def test_a_price_that_is_too_old_or_has_stood_still_too_long_does_not_count(tmp_path: Path) -> None:
    rules = market(tmp_path, 3, "max_age_seconds = 10\nstill_seconds = 60\nleast = 1")
    heard = said(100, 100, 100, at=95.0) | {"a": Said(price=Decimal(100), at=85.0, since=85.0)}
    heard["b"] = Said(price=Decimal(100), at=99.0, since=30.0)
    assert standings(priced(rules, heard, 95.0)) == ["used", "still", "used"]
    assert standings(priced(rules, heard, 95.1)) == ["old", "still", "used"]
    assert standings(priced(rules, {}, 95.0)) == ["silent"] * 3


def test_fewer_than_enough_make_no_price(tmp_path: Path) -> None:
    assert priced(market(tmp_path, 3), said(100, None, None), 100.0).ticks is None
    assert priced(market(tmp_path, 3, "least = 1"), said(100, None, None), 100.0).ticks == 200


@pytest.mark.parametrize(
    ("price", "ticks"), [("0.2", None), ("0.3", 1), ("8388607.5", (1 << 24) - 1), ("8388608", None)]
)
def test_a_price_that_has_no_place_in_ticks_is_none(tmp_path: Path, price: str, ticks: int | None) -> None:
    found = priced(market(tmp_path, 1), said(price), 100.0)
    assert found.ticks == ticks and bool(found.why) == (ticks is None)


@given(
    honest=st.lists(st.integers(9_950, 10_050), min_size=4, max_size=4),
    lies=st.lists(st.one_of(st.none(), st.integers(1, 1_000_000)), min_size=3, max_size=3),
)
def test_a_minority_never_moves_the_price_beyond_the_honest_ones(
    honest: list[int], lies: list[int | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rules = market(tmp_path_factory.getbasetemp(), 7, "outlier_ppm = 1000000")
    found = priced(rules, said(*lies, *honest), 100.0)
    assert found.price is not None and min(honest) <= found.price <= max(honest)


def test_one_answer_serves_all_that_asked_for_it_and_a_failure_leaves_the_last_price(tmp_path: Path) -> None:
    clock = HandClock()
    (tmp_path / "sources.toml").write_text(
        """
[[market]]
market = 0
tick = 1
source = [{name = "x", url = "http://h/", path = "a"}, {name = "y", url = "http://h/", path = "b", scale = 0.1}]
[[market]]
market = 1
tick = 1
source = [{name = "x", url = "http://h/", path = "c"}]
"""
    )
    markets = read_sources(tmp_path / "sources.toml")
    quotes = Quotes(markets, clock)
    asking = markets[0].sources[0].asking
    quotes.answered(asking, Answered(body=b'{"a": 5, "b": 7}', began=0.0))
    assert quotes.of(MarketId(0))["x"].price == 5 and quotes.of(MarketId(0))["y"].price == Decimal("0.7")
    assert quotes.of(MarketId(1))["x"].price is None and "nothing there" in quotes.of(MarketId(1))["x"].trouble
    clock.passed = 3.0
    quotes.failed(asking, "gone")
    assert quotes.of(MarketId(0))["x"] == Said(price=Decimal(5), at=0.0, since=0.0, trouble="gone")
    quotes.answered(asking, Answered(body=b'{"a": 5, "b": 8}', began=3.0))
    assert quotes.of(MarketId(0))["x"].since == 0.0 and quotes.of(MarketId(0))["y"].since == 3.0


def test_a_lagging_source_is_as_old_as_it_says_and_one_from_the_future_is_not_believed(tmp_path: Path) -> None:
    clock = HandClock(passed=50.0)
    rules = market(tmp_path, 1, source='path = "p"\ntime_path = "t"')
    quotes, asking = Quotes((rules,), clock), rules.sources[0].asking

    def hear(time: float) -> Said:
        quotes.answered(asking, Answered(body=b'{"p": 100, "t": %f}' % time, began=50.0))
        return quotes.of(MarketId(3))["a"]

    assert hear(clock.now() - 20).at == pytest.approx(30.0)
    assert priced(rules, quotes.of(MarketId(3)), 50.0).looks[0].standing is Standing.OLD
    assert hear(clock.now() + AHEAD_SECONDS - 0.1).at == pytest.approx(50.0)
    assert "ahead" in hear(clock.now() + AHEAD_SECONDS + 0.1).trouble


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "market"),
        ("market = []", "no market"),
        ("[[market]]\nmarket = 64\ntick = 1\nsource = [{name='a', file='a'}]", "<= 63|< 64"),
        ("[[market]]\nmarket = 0\ntick = 0\nsource = [{name='a', file='a'}]", "above zero"),
        ("[[market]]\nmarket = 0\ntick = 'nan'\nsource = [{name='a', file='a'}]", "not a number"),
        ("[[market]]\nmarket = 0\ntick = 1\nsource = []", "has sources"),
        ("[[market]]\nmarket = 0\ntick = 1\nsauce = []", "sauce"),
        ("[[market]]\nmarket = 0\ntick = 1\nsource = [{name='a', file='a', pth='x'}]", "pth"),
        ("[[market]]\nmarket = 0\ntick = 1\nsource = [{name='a'}]", "one of url"),
        ("[[market]]\nmarket = 0\ntick = 1\nsource = [{name='a', file='a', url='http://h/'}]", "one of url"),
        ("[[market]]\nmarket = 0\ntick = 1\nsource = [{name='a', url='ftp://h/secret'}]", "http or https"),
        ("[[market]]\nmarket = 0\ntick = 1\nsource = [{name='a', file='a'}, {name='a', file='b'}]", "own"),
        ("[[market]]\nmarket = 0\ntick = 1\nleast = 2\nsource = [{name='a', file='a'}]", "least"),
        ("[[market]]\nmarket = 0\ntick = 1\noutlier_ppm = 0\nsource = [{name='a', file='a'}]", "outlier_ppm"),
        ("[[market]]\nmarket = 0\ntick = 1\nsource = [{name='a', file='a', path='a['}]", "not a path"),
        ("[[market]]\nmarket = 0\ntick = 1\nsource = [{name='a b', file='a'}]", "name"),
        (2 * "[[market]]\nmarket = 0\ntick = 1\nsource = [{name='a', file='a'}]\n", "twice"),
    ],
)
def test_sources_that_cannot_be_meant_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_sources(path)
    assert "secret" not in str(caught.value)
