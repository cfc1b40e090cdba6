"""What an order's words mean: its flags, until when it is good, how far a market order may go."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Final

from tallystick.drawing import spoken
from tallystick.errors import BadInput
from tallystick.numbers import decimal
from tallystick.shapes.progress import Info
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
    FLAG_TRIGGER_ABOVE,
    MAX_AMOUNT,
    MAX_PRICE_TICKS,
)
from tallystick.state.ordinals import NEVER, UnixMs

FLAG_WORDS: Final = {
    "ioc": FLAG_IOC,
    "post-only": FLAG_POST_ONLY,
    "reduce-only": FLAG_REDUCE_ONLY,
    "market": FLAG_MARKET,
    "cancel-maker": 0,
    "cancel-taker": FLAG_STP_TAKER,
    "cancel-both": FLAG_STP_BOTH,
}
SELF_TRADE: Final = ("cancel-maker", "cancel-taker", "cancel-both")
SCOPES: Final = ("place", "cancel", "both")
UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION: Final = r"([0-9]{1,12})(ms|s|m|h|d)"
TIME_HINT: Final = "a duration such as 90s, 15m, 8h or 30d, a time such as 2030-01-31T12:00:00Z, or never"


def parse_side(text: str) -> int:
    """Return a side. Raises: BadInput when it is none."""
    if text not in ("buy", "sell"):
        raise BadInput("no such side", hint="a side is buy or sell", side=text)
    return int(text == "sell")


def order_flags(words: list[str]) -> int:
    """Return the flags that words stand for.

    Raises: BadInput when one stands for none, or two contradict each other.
    """
    for word in words:
        if word not in FLAG_WORDS:
            raise BadInput("not a flag of an order", hint=", ".join(FLAG_WORDS), flag=word)
    if len(set(words) & set(SELF_TRADE)) > 1:
        raise BadInput("one way to meet an own order", hint=" or ".join(SELF_TRADE), flags=" ".join(words))
    if "post-only" in words and {"ioc", "market"} & set(words):
        raise BadInput(
            "an order either takes at once or only posts", hint="leave --post-only out", flags=" ".join(words)
        )
    flags = 0
    for word in words:
        flags |= FLAG_WORDS[word]
    return flags


def trigger_of(side: int, stop: int | None, take_profit: int | None) -> tuple[int, int]:
    """Return a trigger in ticks and the flag of its direction; 0 and none without one.

    Raises: BadInput when there are two, or it is beyond the largest price.
    """
    if stop and take_profit:
        raise BadInput("an order waits for one mark", hint="place two orders, the second with --oco and the first's id")
    trigger = stop or take_profit or 0
    if trigger > MAX_PRICE_TICKS:
        raise BadInput("beyond the largest price", most=MAX_PRICE_TICKS, ticks=trigger)
    above = trigger != 0 and (side == BUY) == bool(stop)
    return trigger, FLAG_TRIGGER_ABOVE if above else 0


def parse_scope(text: str) -> int:
    """Return what an agent may do: bit 0 place, bit 1 cancel. Raises: BadInput when it is no scope."""
    if text in ("1", "2", "3"):
        return int(text)
    if text not in SCOPES:
        raise BadInput("no such scope", hint="a scope is place, cancel or both", scope=text)
    return SCOPES.index(text) + 1


def clock_ms(info: Info) -> UnixMs:
    """Return the time it is for the exchange, whose clock stands still while nothing happens."""
    return max(info.clock_ms, UnixMs(info.l1.time * 1_000))


def duration_ms(text: str) -> int:
    """Return a duration such as 10s in milliseconds. Raises: BadInput when it is none, or nothing."""
    found = re.fullmatch(DURATION, text, re.ASCII)
    if not found or int(found[1]) == 0:
        raise BadInput("not a duration", hint="a number and its unit, such as 500ms, 10s, 15m, 8h or 30d", given=text)
    return int(found[1]) * UNIT_MS[found[2]]


def moment_ms(text: str, now_ms: UnixMs) -> UnixMs:
    """Return the clock a word of time means, 0 for never.

    Raises: BadInput when it means none, or one that is over.
    """
    if text in ("never", "0"):
        return NEVER
    if re.fullmatch(DURATION, text, re.ASCII):
        moment = int(now_ms) + duration_ms(text)
    else:
        try:
            given = datetime.fromisoformat(text if text.isascii() else "")
            moment = int((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp() * 1_000)
        except (ValueError, OverflowError):
            raise BadInput("not a time", hint=TIME_HINT, time=text) from None
    if not now_ms < moment <= MAX_AMOUNT:
        raise BadInput("that time is over, or beyond the end of time", hint=TIME_HINT, time=text, now=spoken(now_ms))
    return UnixMs(moment)


def bound_ticks(mark_ticks: int, side: int, slippage: str) -> int:
    """Return the worst price of a market order: the mark and so many percent. Rounding: towards the mark.

    Raises: BadInput when it is no percentage, or there is no mark yet.
    """
    try:
        percent = decimal(slippage)
    except BadInput:
        percent = None
    if percent is None or not 0 <= percent < 100:
        raise BadInput("slippage is a percentage from 0 to below 100", hint="--slippage 0.5", slippage=slippage)
    if mark_ticks == 0:
        raise BadInput("the market has no mark yet", hint="wait for its first price")
    move = percent / 100
    worst = mark_ticks * (1 + move if side == BUY else 1 - move)
    ticks = int(worst.to_integral_value(ROUND_FLOOR if side == BUY else ROUND_CEILING))
    return min(max(ticks, 1), MAX_PRICE_TICKS)
