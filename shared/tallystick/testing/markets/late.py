"""What a lying signer and a hostile sequencer add to a market history: late reports and records, halts, an expiry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from tallystick.machine.market.funds import fund_of
from tallystick.records.codec import Record
from tallystick.records.signing import make
from tallystick.state.layout import BUY, FLAG_IOC, FLAG_REDUCE_ONLY, SELL, SETTLE_WAIT_MS, STALE_MS
from tallystick.state.ordinals import MarketId
from tallystick.testing.ledger.look import positions
from tallystick.testing.markets.purse import index_of
from tallystick.testing.world import record_message

if TYPE_CHECKING:
    from tallystick.testing.markets.game import Game

HONEST_SIGNERS: Final = (0, 1, 2)
LIAR: Final = 4
TERM_MS: Final = 600_000
"""How long the market that expires lives: all of it lies in its settlement window."""
LATELY_MS: Final = 300_000
"""How old a price of an honest signer may be with which an index is compared: older than any that may count."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A record that waits on L1: what it is, whose, and when it was queued. Units: seconds."""

    kind: str
    account: int
    market: int
    record: Record
    time: int


@dataclass(frozen=True, slots=True)
class Signed:
    """A price that honest signers have signed. Units: ms, ticks."""

    market: int
    time_ms: int
    ticks: int


def moves(game: Game) -> list[tuple[int, Callable[[], None]]]:
    """Return what may happen in a history beside all else, and how often."""
    acts = ((2, lie), (2, withhold), (3, deliver), (2, halt), (2, leave))
    return [(often, partial(act, game)) for often, act in acts]


def sign(game: Game, market: int) -> None:
    """Keep in mind what honest signers sign now."""
    clock_ms = game.world.state.registers.clock_ms
    game.signed = [each for each in game.signed if each.time_ms >= clock_ms - LATELY_MS]
    game.signed.append(Signed(market, int(clock_ms), game.index[market]))


def is_honest(game: Game, market: int) -> bool:
    """Whether the newest index of a market lies between prices that honest signers have lately signed."""
    prices = [each.ticks for each in game.signed if each.market == market]
    state = game.world.state
    ticks = index_of(state, market)
    return not prices or bool(game.expiry_ms) or min(prices) <= ticks <= max(prices)


def lie(game: Game) -> None:
    """Have one signer report any price of any time that may count, in a batch or through L1."""
    world, market = game.world, game.chance.choice((0, 1))
    time_ms = world.state.registers.clock_ms + game.chance.choice((-60_000, -14_000, 0, 1_000, 5_000))
    record = world.reported({market: game.price(market)}, LIAR, time_ms)
    if game.chance.random() < 0.5:
        game.done("report", world.send(record), 0, market)
    else:
        game.queued.append(Queued("report", 0, market, record, time_ms // 1000))


def withhold(game: Game) -> None:
    """Let what honest signers say, and what closes or takes, be queued on L1 instead of being taken."""
    world, chance = game.world, game.chance
    clock_ms = world.state.registers.clock_ms
    everybody = [*game.watch.accounts, fund_of(MarketId(0)), fund_of(MarketId(1))]
    for market in (0, 1):
        sign(game, market)
        for signer in HONEST_SIGNERS:
            record = world.reported({market: game.index[market]}, signer, clock_ms + 1_000)
            game.queued.append(Queued("report", 0, market, record, clock_ms // 1000))
        account = chance.choice(everybody)
        game.queued += [
            Queued("liquidate", account, market, make("liquidate", account=account, market=market), clock_ms // 1000),
            Queued(
                "take_over",
                account,
                market,
                make("take_over", account=account, market=market, lots=1),
                clock_ms // 1000,
            ),
        ]
        game.queued.append(_taking(game, market, clock_ms // 1000))


def _taking(game: Game, market: int, time: int) -> Queued:
    """Return an order of the hand that takes, or closes, at any price."""
    world, chance = game.world, game.chance
    account, side = chance.choice(list(world.owners)), chance.choice((BUY, SELL))
    account = account if account in game.watch.accounts and account not in game.watch.honest else 5
    values = {"account": account, "nonce": world.next_nonce(account), "market": market, "side": side}
    flags = FLAG_IOC | chance.choice((0, FLAG_REDUCE_ONLY))
    price, lots = game.price(market), game.lots(account, market)
    record = world.signed("order", world.owners[account], **values, price_ticks=price, lots=lots, flags=flags)
    return Queued("order", account, market, record, time)


def deliver(game: Game) -> None:
    """Take some of what is queued, in its order, each in a batch of its own."""
    if game.chance.random() < 0.3:
        game.world.later(game.chance.choice((5_000, 40_000, 200_000)))
    many = game.chance.choice((4, 12, 40))
    for each in game.queued[:many]:
        game.world.published.messages.append(record_message(each.record, each.time))
        game.done(each.kind, game.world.consume(), each.account, each.market)
    del game.queued[:many]


def halt(game: Game) -> None:
    """Stop one market's prices, and let the hand leave it through L1, or the queue be played."""
    silent = game.chance.choice((0, 1))
    for _ in range(2):
        game.world.later(STALE_MS // 2 + 1_000)
        for market in (0, 1):
            if market != silent:
                game.done("report", game.world.report(market, game.index[market]), 0, market)
    for act in game.chance.choices((leave, leave, deliver), k=3):
        act(game)
    game.move_cash()


def leave(game: Game) -> None:
    """Have two accounts of the hand trade with each other through L1, at any price."""
    world, chance, market = game.world, game.chance, game.chance.choice((0, 1))
    sizes = {
        each: positions(world.state, each).get(market, 0)
        for each in game.watch.accounts
        if each not in game.watch.honest and each in world.owners
    }
    longs = [each for each, size in sizes.items() if size > 0]
    shorts = [each for each, size in sizes.items() if size < 0]
    if not longs or not shorts:
        return
    maker, taker = chance.choice(longs), chance.choice(shorts)
    lots = max(1, min(sizes[maker], -sizes[taker]) * chance.choice((1, 2, 3)) // 2)
    price = chance.choice((game.price(market), game.index[market]))
    record = world.accepted(world.offer(maker, market, SELL, price, lots), taker)
    game.done("block", world.force(record), maker, market)


def expire(game: Game) -> None:
    """Play on to the expiry of the second market and beyond it: who owes is closed, then everybody is paid."""
    world, chance, future = game.world, game.chance, 1
    while world.state.registers.clock_ms < game.expiry_ms and not game.watch.faults:
        world.later(chance.choice((5_000, 20_000, 60_000)))
        game.report()
        chance.choice((game.all_in, game.move_cash, game.keep, game.report))()
    everybody = [*game.watch.accounts, fund_of(MarketId(0)), fund_of(MarketId(1))]
    for wait in (0, SETTLE_WAIT_MS // 2, SETTLE_WAIT_MS):
        world.later(wait + 1_000)
        game.report()
        game.keep()
        chance.shuffle(everybody)
        for account in everybody:
            outcome = world.send(make("settle_position", account=account, market=future))
            game.done("settle", outcome, account, future)
        game.move_cash()
