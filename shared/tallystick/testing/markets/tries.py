"""What a hand that has both sides of a gap tries, at random: each by any of its accounts, in the market that is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    MESSAGE_FORCE_CLOSE,
    SELL,
)
from tallystick.testing.ledger.look import position
from tallystick.testing.markets.purse import purse_of
from tallystick.testing.world import address, message, sub_account

if TYPE_CHECKING:
    from tallystick.testing.markets.straddles import Straddles

HAND: Final = (11, 12, 13, 14, 15, sub_account(11, 1), sub_account(11, 2))
"""Accounts in one hand, two of them sub-accounts of the first."""
OTHER: Final = 3
"""An honest account that now and then wants to leave."""


def close(play: Straddles, account: int = 0) -> None:
    """Close a position in the book at any price."""
    account = account or play.holder()
    size = position(play.world.state, account, play.market)
    side, price = (BUY, 2 * play.index) if size < 0 else (SELL, 1)
    flags = FLAG_IOC | FLAG_REDUCE_ONLY
    play.done("order", play.world.order(account, play.market, side, price, abs(size) or 1, flags=flags))


def wash(play: Straddles) -> None:
    """Hand a position on, beside the book."""
    one, other = play.holder(), play.chance.choice(HAND)
    if one != other:
        side = play.chance.choice((BUY, SELL))
        play.done("block", play.world.block(one, other, side, play.price(), play.lots(one), market=play.market))


def wash_in_book(play: Straddles) -> None:
    """Hand a position on in the book."""
    one, other = play.holder(), play.chance.choice(HAND)
    side, price, lots = play.chance.choice((BUY, SELL)), play.price(), play.lots(one)
    play.done("order", play.world.order(one, play.market, side, price, lots))
    play.done("order", play.world.order(other, play.market, 1 - side, price, lots, flags=FLAG_IOC))


def rest(play: Straddles) -> None:
    """Quote, and let an honest account that wants to leave come."""
    account, side = play.holder(), play.chance.choice((BUY, SELL))
    flags = play.chance.choice((0, FLAG_POST_ONLY, FLAG_REDUCE_ONLY))
    play.done("order", play.world.order(account, play.market, side, play.price(), play.lots(account), flags=flags))
    if play.chance.random() < 0.5:
        price = play.index + (2 if side == SELL else -2)
        play.done("order", play.world.order(OTHER, play.market, 1 - side, price, 20, flags=FLAG_IOC))


def park(play: Straddles) -> None:
    """Wait for the index with a trigger."""
    account, side = play.holder(), play.chance.choice((BUY, SELL))
    above = play.chance.choice((0, FLAG_TRIGGER_ABOVE))
    away = play.chance.choice((10, 40, 120)) * (1 if above else -1)
    trigger = max(1, play.index * (1_000 + away) // 1_000)
    flags = FLAG_MARKET | above | play.chance.choice((0, FLAG_REDUCE_ONLY))
    outcome = play.world.conditional(account, play.market, side, 0, play.lots(account), trigger, flags=flags)
    play.done("conditional", outcome)


def close_through_l1(play: Straddles) -> None:
    """Close by a message."""
    account = play.holder()
    forced = message(MESSAGE_FORCE_CLOSE, address("hand"), account, play.market << 56, play.world.time)
    play.world.published.messages.append(forced)
    play.done("force_close", play.world.consume())


def order_through_l1(play: Straddles) -> None:
    """Close by an order that is queued on L1."""
    account, world = play.holder(), play.world
    size = position(world.state, account, play.market)
    side, price = (BUY, 2 * play.index) if size < 0 else (SELL, 1)
    values = {"account": account, "nonce": world.next_nonce(account), "market": play.market, "side": side}
    values |= {"lots": abs(size) or 1}
    record = world.signed("order", "hand", **values, price_ticks=price, flags=FLAG_IOC | FLAG_REDUCE_ONLY)
    play.done("force_record", world.force(record))


def add(play: Straddles) -> None:
    """Put more money in."""
    if play.chance.random() < 0.3:
        play.stake(play.chance.choice(HAND[:5]), play.chance.choice((20_000, 102_000)))


def take_out(play: Straddles, account: int = 0) -> None:
    """Take out all that may leave, from a sub-account by way of its first."""
    account = account or play.chance.choice(HAND)
    free = purse_of(play.world.state, account).free
    if not free:
        return
    if account in HAND[5:]:
        play.done("transfer", play.world.transfer(account, HAND[0], free))
        account, free = HAND[0], purse_of(play.world.state, HAND[0]).free
    outcome = play.world.withdraw(account, free)
    play.done("withdraw", outcome)
    play.brought += free if outcome is Outcome.ACCEPTED else 0


def move(play: Straddles) -> None:
    """Move cash between the first account and its sub-accounts."""
    one, other = play.chance.sample((HAND[0], *HAND[5:]), 2)
    free = purse_of(play.world.state, one).free
    if free:
        play.done("transfer", play.world.transfer(one, other, max(1, free // play.chance.choice((1, 2)))))


WAYS: Final[tuple[Callable[[Straddles], None], ...]] = (
    *(close, close, wash, wash, wash_in_book, rest, park),
    *(close_through_l1, order_through_l1, add, take_out, move),
)

BEFORE: Final = (park, wash, add, rest)
"""What it does before the first jump."""
