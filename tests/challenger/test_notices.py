"""What a webhook's receiver is told and when, in one thread and without waiting for anything."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.telling.alerting import Alert
from tallystick.telling.notices import (
    LAST_WORDS_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MOST_ALERTS,
    Complain,
    Effect,
    End,
    Ending,
    Event,
    Free,
    Held,
    Notices,
    Post,
    Tried,
    Wait,
)
from tallystick.testing.handclock import HandClock
from tallystick_challenger.telling.alerts import Kind

KINDS = (str(Kind.WRONG_ROOT),)


class Desk:
    """Does what notices say: takes every message or none, and lets the time go by that they would wait."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.notices = Notices({"version": "1"}, self.clock, role="challenger")
        self.refuses: set[str] = set()
        self.told: list[tuple[str, str]] = []
        self.effects: list[Effect] = []

    def hold(self, *subjects: str) -> None:
        assert self.notices.step(Held(alerts=tuple(map(alert, subjects)), about=KINDS)) == ()

    def go_on(self, seconds: float = 0.0) -> Effect:
        """Do all there is to do within so many seconds, and return what comes after them."""
        end = self.clock.monotonic() + seconds
        event: Event = Free()
        while True:
            *before, last = self.notices.step(event)
            self.effects += [*before, last]
            match last:
                case Post():
                    refused = last.key.partition("/")[2] in self.refuses
                    self.told += [] if refused else [(last.message["subject"], last.state)]
                    event = Tried(post=last, reason="status 500" if refused else "")
                case Wait() if last.seconds is not None and self.clock.monotonic() + last.seconds <= end:
                    self.clock.sleep(last.seconds)
                    event = Free()
                case _:
                    return last

    def pauses(self) -> list[float]:
        return [each.pause_seconds for each in self.effects if isinstance(each, Complain)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def alert(subject: str, **facts: Any) -> Alert:
    return Alert(kind=Kind.WRONG_ROOT, subject=subject, text=f"{subject} is wrong", facts=facts)


def test_with_nothing_to_tell_it_waits_for_as_long_as_it_takes(desk: Desk) -> None:
    assert desk.go_on(1_000.0) == Wait(seconds=None)


def test_what_is_refused_is_told_again_after_pauses_that_double_to_five_minutes(desk: Desk) -> None:
    desk.refuses = {"a"}
    desk.hold("a")
    desk.go_on(3_600.0)
    assert desk.pauses()[:9] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]
    assert set(desk.pauses()[9:]) == {LONGEST_PAUSE_SECONDS}
    desk.refuses = set()
    assert desk.go_on(LONGEST_PAUSE_SECONDS) == Wait(seconds=None)
    assert desk.told == [("a", "firing")] and desk.notices.waiting == 0


def test_an_alert_that_is_refused_holds_up_no_other(desk: Desk) -> None:
    desk.refuses = {"a"}
    desk.hold("a", "b", "c")
    desk.go_on()
    assert desk.told == [("b", "firing"), ("c", "firing")] and desk.notices.waiting == 1


def test_an_alert_that_came_and_went_while_nobody_listened_is_told_as_resolved_alone(desk: Desk) -> None:
    desk.refuses = {"a"}
    desk.hold("a")
    desk.go_on()
    desk.hold()
    desk.refuses = set()
    desk.go_on()
    assert desk.told == [("a", "resolved")]


def test_an_alert_that_changes_while_it_is_delivered_is_told_once_more(desk: Desk) -> None:
    desk.hold("a")
    (post,) = desk.notices.step(Free())
    desk.hold()
    assert isinstance(post, Post)
    (again,) = desk.notices.step(Tried(post=post, reason=""))
    assert isinstance(again, Post) and (post.state, again.state) == ("firing", "resolved")


def test_no_more_alerts_are_held_than_can_be_told(desk: Desk) -> None:
    desk.hold(*map(str, range(MOST_ALERTS + 5)))
    assert desk.notices.waiting == MOST_ALERTS


def test_at_the_end_what_waits_is_tried_at_once_and_given_up_in_time(desk: Desk) -> None:
    desk.refuses = {"a"}
    desk.hold("a")
    desk.go_on(30.0)
    tries = len(desk.pauses())
    desk.notices.step(Ending())
    assert isinstance(desk.go_on(), Wait) and len(desk.pauses()) == tries + 1
    assert desk.go_on(LONGEST_PAUSE_SECONDS) == End()
    assert desk.clock.monotonic() >= LAST_WORDS_SECONDS and desk.notices.waiting == 1


def test_the_end_comes_at_once_when_all_is_told(desk: Desk) -> None:
    desk.hold("a")
    desk.go_on()
    desk.notices.step(Ending())
    assert desk.go_on() == End()
