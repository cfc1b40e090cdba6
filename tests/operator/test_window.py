"""A gateway takes on what is answered in half a second, whatever the exchange behind it does in one."""

from __future__ import annotations

from collections import deque

import pytest

from tallystick_operator.gateway.window import FIRST, LEAST, WAIT_SECONDS, Window

LARGEST = 6_144
TURN = 0.005


def waits_of_a_flood(per_second: float, seconds: float) -> list[tuple[float, float]]:
    """Offer more than may be under way at any time to an exchange of some speed; return when each part was answered, and
    how long it had waited.
    """
    window = Window(LARGEST)
    queue: deque[tuple[float, int]] = deque()
    under_way, owed, now = 0, 0.0, 0.0
    found: list[tuple[float, float]] = []
    while now < seconds:
        if under_way < window.most:
            queue.append((now, window.most - under_way))
            under_way = window.most
        owed += per_second * TURN
        now += TURN
        while queue and owed >= 1:
            sent_at, count = queue.popleft()
            done = min(count, int(owed), 32)
            owed -= done
            under_way -= done
            if done < count:
                queue.appendleft((sent_at, count - done))
            window.answered(done, now - sent_at, now)
            found.append((now, now - sent_at))
        owed = min(owed, per_second * TURN)
    return found


@pytest.mark.parametrize("per_second", [300, 1_000, 5_000, 20_000])
def test_what_is_taken_on_in_a_flood_waits_a_bounded_time_once_the_first_of_it_is_over(per_second: int) -> None:
    found = waits_of_a_flood(per_second, 60)
    settled = [waited for at, waited in found if at > 25]
    assert settled and max(settled) <= 2 * WAIT_SECONDS + LEAST / per_second
    assert len(found) >= 0.9 * min(per_second * 60 / 32, 60 / TURN), "and nothing stands idle for it"


def test_it_grows_to_what_the_gateway_holds_while_answers_come_soon_and_never_below_the_least() -> None:
    window = Window(LARGEST)
    assert window.most == FIRST
    for _ in range(200):
        window.answered(32, 0.01, 0.0)
    assert window.most == LARGEST
    for at in range(100):
        window.answered(32, 2.0, 3.0 * at)
    assert window.most == LEAST
    assert Window(10).most == 10


def test_what_was_under_way_before_it_shrank_makes_it_no_smaller_still() -> None:
    window = Window(LARGEST)
    for at in range(50):
        window.answered(32, 1.0, 0.01 * at)
    assert window.most == int(FIRST * 0.7)
