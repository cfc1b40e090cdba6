"""Words of orders: flags, times, slippage, scopes; and the sentences that outcomes are told in."""

from __future__ import annotations

import msgspec
import pytest

from tallystick.drawing import spoken
from tallystick.errors import BadInput
from tallystick.schema.outcomes import explain
from tallystick.shapes.progress import Info
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
)
from tallystick.state.ordinals import UnixMs
from tallystick.trader.wording import bound_ticks, clock_ms, moment_ms, order_flags, parse_scope, parse_side

BUY, SELL = 0, 1
NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ([], 0),
        (["cancel-maker"], 0),
        (["ioc", "cancel-taker"], FLAG_IOC | FLAG_STP_TAKER),
        (["post-only", "reduce-only", "cancel-both"], FLAG_POST_ONLY | FLAG_REDUCE_ONLY | FLAG_STP_BOTH),
        (["market", "reduce-only"], FLAG_MARKET | FLAG_REDUCE_ONLY),
    ],
)
def test_words_become_flags(words: list[str], flags: int) -> None:
    assert order_flags(words) == flags


@pytest.mark.parametrize(
    "words",
    [["fast"], [""], ["IOC"], ["post-only", "ioc"], ["post-only", "market"], ["cancel-taker", "cancel-both"]],
)
def test_words_that_mean_nothing_or_contradict_each_other_are_refused(words: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        order_flags(words)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("never", 0),
        ("0", 0),
        ("250ms", NOW + 250),
        ("90s", NOW + 90_000),
        ("15m", NOW + 900_000),
        ("8h", NOW + 28_800_000),
        ("30d", NOW + 2_592_000_000),
        ("2030-01-31T12:00:00Z", 1_896_091_200_000),
        ("2030-01-31T12:00:00", 1_896_091_200_000),
        ("2030-01-31T13:00:00+01:00", 1_896_091_200_000),
    ],
)
def test_a_time_is_a_duration_a_date_or_never(text: str, expected: int) -> None:
    assert moment_ms(text, UnixMs(NOW)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "5", "-5s", "5 s", "5w", "0s", "1e3s", "2001-01-01", "99999999999d", "٣s", "2030-13-01", "x" * 99],
)
def test_what_is_no_time_or_over_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        moment_ms(text, UnixMs(NOW))
    assert "15m" in caught.value.hint


def test_the_time_it_is_follows_l1_while_the_exchange_stands_still() -> None:
    told = dict.fromkeys(("chain_id", "last_index_ms", "wind_down_ms", "records", "sequence", "fills"), 0)
    told |= dict.fromkeys(("batches_sealed", "messages_consumed", "withdrawals"), 0)
    words = dict.fromkeys(("domain", "receipt_signer", "accumulator", "state_hash"), "")
    rest = {"contracts": {}, "promises": {"open": True}, "l1": {"time": 9}}
    for moved_ms, expected_ms in ((5_000, 9_000), (9_500, 9_500)):
        assert clock_ms(msgspec.convert({**told, **words, **rest, "clock_ms": moved_ms}, Info)) == expected_ms


@pytest.mark.parametrize(
    ("mark", "side", "slippage", "expected"),
    [
        (618_000, BUY, "0.5", 621_090),
        (618_000, SELL, "0.5", 614_910),
        (1_001, BUY, "0.1", 1_002),
        (1_001, SELL, "0.1", 1_000),
        (1, SELL, "99", 1),
        ((1 << 24) - 1, BUY, "50", (1 << 24) - 1),
        (618_000, BUY, "0", 618_000),
    ],
)
def test_slippage_bounds_the_price_and_rounds_towards_the_mark(
    mark: int, side: int, slippage: str, expected: int
) -> None:
    assert bound_ticks(mark, side, slippage) == expected


@pytest.mark.parametrize("slippage", ["", "x", "-1", "100", "NaN", "Infinity", "1%"])
def test_slippage_that_is_no_percentage_is_refused(slippage: str) -> None:
    with pytest.raises(BadInput):
        bound_ticks(618_000, BUY, slippage)


def test_no_slippage_is_measured_from_a_mark_that_is_not_there() -> None:
    with pytest.raises(BadInput, match="no mark"):
        bound_ticks(0, BUY, "1")


def test_scopes_and_sides_are_words() -> None:
    assert [parse_scope(word) for word in ("place", "cancel", "both", "3")] == [1, 2, 3, 3]
    assert [parse_side(word) for word in ("buy", "sell")] == [0, 1]
    for parse in (parse_scope, parse_side):
        for word in ("", "0", "4", "all", "BUY"):
            with pytest.raises(BadInput):
                parse(word)


def test_an_outcome_is_told_with_what_it_means_where_that_is_known() -> None:
    assert explain("MARGIN").startswith("margin: the account's value")
    assert explain("ACCEPTED") == "accepted"
    assert explain("SOMETHING_NEW") == "something new"


def test_moments_are_written_as_people_do() -> None:
    assert spoken(0) == "never"
    assert spoken(1_896_091_200_000) == "2030-01-31T12:00:00.000Z"
    assert spoken((1 << 62) - 1) == str((1 << 62) - 1)
