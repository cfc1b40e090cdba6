"""Which looks at L1 are a reason to wake somebody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.errors import ConfigError
from tallystick.rollup.views.assertion_view import Assertion, Status
from tallystick.state.ordinals import BatchNumber, BlockNumber, UnixSeconds
from tallystick.telling.alerting import AlertKind, limits_of
from tallystick_challenger.telling.alerts import Funds, Kind, Limits, behind, conditions, poor, silent
from tallystick_challenger.watching.reading import Contest, Reading

PARENT = bytes([1]) * 32
MOST_MOVES = 25
QUIET = Reading(
    head=BlockNumber(100),
    head_time=UnixSeconds(1),
    wrong=(),
    contests=(),
    overdue=b"",
    overdue_blocks=0,
    lag_blocks=0,
    lag_batches=0,
    under_way=0,
)


def lie(status: Status = Status.PENDING) -> Assertion:
    return Assertion(
        id=bytes([2]) * 32,
        parent=PARENT,
        state_hash=bytes(32),
        state_root=bytes(32),
        registers=b"",
        limit=BatchNumber(1),
        next_limit=BatchNumber(2),
        proposer=bytes(20),
        bonded=bytes(20),
        block=BlockNumber(5),
        status=status,
    )


def kinds(**values: Any) -> list[AlertKind]:
    return [each.kind for each in conditions(replace(QUIET, **values), Limits())]


def contest(blocks: int) -> tuple[Contest, ...]:
    return (Contest(parent=PARENT, adversarial_blocks=blocks, period_blocks=1_000, most_moves=MOST_MOVES),)


def test_a_quiet_look_is_no_reason() -> None:
    assert kinds() == []


def test_a_wrong_root_is_one_and_says_when_it_is_confirmed() -> None:
    (alert,) = conditions(replace(QUIET, wrong=(lie(),)), Limits())
    assert alert.kind is Kind.WRONG_ROOT and alert.severity == "critical"
    assert alert.key == "wrong_root/0x" + "02" * 32
    (worse,) = conditions(replace(QUIET, wrong=(lie(Status.CONFIRMED),)), Limits())
    assert worse.key == alert.key and "CONFIRMED" in worse.text


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (0, []),
        (249, []),
        (250, [Kind.ADVERSARIAL_TIME]),
        (500 - MOST_MOVES - 1, [Kind.ADVERSARIAL_TIME]),
        (500 - MOST_MOVES, [Kind.ADVERSARIAL_TIME, Kind.HONEST_SLACK]),
        (1_000, [Kind.ADVERSARIAL_TIME, Kind.HONEST_SLACK]),
    ],
)
def test_time_and_slack_begin_at_their_shares_of_the_period(blocks: int, expected: list[AlertKind]) -> None:
    assert kinds(contests=contest(blocks)) == expected


@pytest.mark.parametrize(
    ("values", "limit", "kind"),
    [
        ({"overdue_blocks": 99, "overdue": PARENT}, {"overdue_blocks": 100}, Kind.CONFIRM_OVERDUE),
        ({"lag_batches": 999}, {"lag_batches": 1_000}, Kind.LAG),
    ],
)
def test_numbers_begin_at_their_limits(values: dict[str, Any], limit: dict[str, Any], kind: Kind) -> None:
    assert kinds(**values) == []
    assert kinds(**{**values, **limit}) == [kind]


def test_lag_silence_and_poverty_begin_at_their_limits() -> None:
    limits = Limits()
    assert behind(replace(QUIET, lag_blocks=49), limits) == []
    assert [each.key for each in behind(replace(QUIET, lag_blocks=50), limits)] == ["lag/blocks"]
    assert silent(299.0, limits) == []
    assert [each.key for each in silent(300.0, limits)] == ["lag/silence"]
    assert poor(Funds(address="0x1", balance=5, needed=5, rivals=2), limits) == []
    assert [each.kind for each in poor(Funds(address="0x1", balance=4, needed=5, rivals=2), limits)] == [
        Kind.LOW_BALANCE
    ]
    assert poor(Funds(address="0x1", balance=4, needed=5, rivals=2), Limits(balance=4)) == []


def test_limits_are_read_by_name() -> None:
    assert limits_of([], Limits()) == Limits()
    assert limits_of(["time=0.1", "lag=7", "balance=5"], Limits()) == Limits(time=0.1, lag=7, balance=5)


@pytest.mark.parametrize(
    "given",
    [
        "wrong=1",
        "time",
        "time=",
        "time=x",
        "time=0",
        "time=1.5",
        "slack=1",
        "lag=0",
        "lag=1.5",
        "balance=-1",
        "silence=nan",
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(given: str) -> None:
    with pytest.raises(ConfigError):
        limits_of([given], Limits())
