"""Seeded chance at the ends of the ranges: full accounts, all markets, every kind of step that computes."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from tallystick.machine.market.funds import fund_of
from tallystick.machine.market.risk import health
from tallystick.records.signing import make
from tallystick.state.cells import (
    account_cash_units,
    account_position_market,
    market_max_lots,
    price_index_ticks,
    risk_market_mark_ticks,
    set_account_cash_units,
    set_account_position_funding_index_ppm,
    set_config_signers,
    set_risk_market_funding_index_ppm,
)
from tallystick.state.layout import (
    ADL_DELAY_MS,
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_REDUCE_ONLY,
    LEAN_BEST,
    LEAN_INDEX,
    LEAN_WORST,
    MAX_CASH_UNITS,
    MAX_MARKETS,
    MAX_POSITIONS,
    MAX_PRICE_TICKS,
    MAX_SIGNERS,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
    SELL,
    TREASURY_ACCOUNT,
)
from tallystick.state.ordinals import AccountId, MarketId, SignerNumber
from tallystick.state.quantities import TickPpm, Units
from tallystick.testing.extremes import expire, extreme, fill_account, list_by_hand, settle_books
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import address, sub_account

NAMES: Final = ("alice", "bob", "carol")
ACTIONS: Final = 60
LATER: Final = (1, 1, 1, 61, 3601, 90_000)
"""Seconds."""


def play(scene: Scene, seed: int) -> None:
    """Build a state from a seed and send it records of every kind, whose numbers are as extreme."""
    chance = random.Random(seed)
    markets = build(scene, chance)
    for _ in range(ACTIONS):
        act(scene, chance, markets)
    for account in range(1, len(NAMES) + 1):
        for market in markets[:2]:
            scene.send(make("settle_position", account=account, market=market))


def build(scene: Scene, chance: random.Random) -> list[int]:
    """Write an extreme state between two batches, and return the markets that all accounts hold."""
    scene.clock()
    for number, name in enumerate(NAMES, start=1):
        scene.deposit(name, number, 1)
    scene.finish()
    state = scene.state
    sign_by_all(scene)
    order = chance.sample(range(MAX_MARKETS), MAX_MARKETS)
    shared, far = order[:4], order[:2]
    for market in range(MAX_MARKETS):
        list_by_hand(state, market, chance, far=market in far)
    for market in shared:
        fill_account(state, fund_of(MarketId(market)), [market], chance, far=far)
    for account in range(1, len(NAMES) + 1):
        others = chance.sample(order[4:], MAX_POSITIONS - len(shared))
        fill_account(state, account, shared + others, chance, far=far)
        if chance.random() < 0.5:
            rescue(scene, account, chance)
    expire(state, shared[0], state.registers.clock_ms + 1, chance)
    write_settled_funding(scene, shared[0])
    settle_books(state)
    scene.cut()
    scene.clock(ahead_ms=500)
    return shared


def sign_by_all(scene: Scene) -> None:
    """Let as many signers as there can be report, a quorum of three."""
    config = scene.state.config.open(0)
    for number in range(MAX_SIGNERS):
        set_config_signers(scene.state.config.words, config, SignerNumber(number), address(f"signer {number}"))
    scene.state.config.mark(0)


def write_settled_funding(scene: Scene, market: int) -> None:
    """A dated future has no funding."""
    state = scene.state
    set_risk_market_funding_index_ppm(state.risk.words, state.risk.open(0), MarketId(market), TickPpm(0))
    for _, base in state.accounts.every():
        for slot in range(MAX_POSITIONS):
            if account_position_market(state.accounts.words, base, slot) == market:
                set_account_position_funding_index_ppm(state.accounts.words, base, slot, TickPpm(0))


def rescue(scene: Scene, account: int, chance: random.Random) -> None:
    """Set an account's cash so that it is worth a little more or less than its margins, as far as its range lets it."""
    state = scene.state
    base = state.accounts.open(AccountId(account))
    lean = chance.choice((LEAN_WORST, LEAN_BEST, LEAN_INDEX))
    measured = health(state, base, state.risk.open(0), lean)
    target = chance.choice((measured.initial_units, measured.maintenance_units, measured.maintenance_units // 2, 0))
    cash = account_cash_units(state.accounts.words, base) + target - measured.value_units + chance.randint(-2, 2)
    set_account_cash_units(state.accounts.words, base, Units(max(-MAX_CASH_UNITS, min(MAX_CASH_UNITS, cash))))


def act(scene: Scene, chance: random.Random, markets: list[int]) -> None:
    """Send one record."""
    account, market = chance.randint(1, len(NAMES)), chance.choice(markets)
    amount = extreme(chance, 0, (1 << 62) - 1)
    actions: tuple[Callable[[], object], ...] = (
        *[partial(_order, scene, chance, account, market)] * 8,
        *[partial(_in_trouble, scene, chance, account, market)] * 6,
        partial(scene.withdraw, account, amount),
        partial(
            scene.transfer,
            account,
            chance.choice((TREASURY_ACCOUNT, fund_of(MarketId(market)), sub_account(account, 1))),
            amount,
        ),
        partial(_message, scene, chance, account, market, amount),
        partial(_report, scene, chance, market),
        partial(_report, scene, chance, market),
        partial(_later, scene, chance),
        partial(scene.list_by_record, market),
        *[partial(_block, scene, chance, account, market)] * 3,
    )
    chance.choice(actions)()


def _order(scene: Scene, chance: random.Random, account: int, market: int) -> None:
    """Let two accounts meet at one price, or one with whatever rests."""
    mark = _mark(scene, market)
    price = chance.choice((mark, mark, 1, MAX_PRICE_TICKS, extreme(chance, 1, MAX_PRICE_TICKS)))
    most = market_max_lots(scene.state.markets.words, scene.state.markets.open(MarketId(market)))
    side, lots = chance.choice((BUY, SELL)), extreme(chance, 1, int(most))
    flags = chance.choice((0, 0, 0, FLAG_IOC, FLAG_IOC, FLAG_REDUCE_ONLY, FLAG_MARKET))
    scene.order(account, market, side, price, lots, flags=flags, client_id=(1 << 62) - 1)
    other = account % len(NAMES) + 1
    scene.order(other, market, 1 - side, price, int(chance.choice((lots, 1, most))), flags=chance.choice((0, FLAG_IOC)))


def _block(scene: Scene, chance: random.Random, account: int, market: int) -> None:
    """Let two accounts trade beside the book."""
    mark = _mark(scene, market)
    price = chance.choice((mark, mark, 1, MAX_PRICE_TICKS, extreme(chance, 0, MAX_PRICE_TICKS)))
    most = market_max_lots(scene.state.markets.words, scene.state.markets.open(MarketId(market)))
    lots = chance.choice((1, most, extreme(chance, 1, int(most)), extreme(chance, 0, (1 << 62) - 1)))
    other, side = account % len(NAMES) + 1, chance.choice((BUY, SELL))
    scene.block(account, other, side, price, int(lots), market=market, reduces=chance.choice((0, 0, 1, 2, 3)))


def _in_trouble(scene: Scene, chance: random.Random, account: int, market: int) -> None:
    who = chance.choice((account, account, fund_of(MarketId(market))))
    scene.liquidate(who, market)
    scene.take_over(who, market, chance.choice((1, extreme(chance, 1, 1 << 30))))
    for candidate in (1, 2, 3):
        scene.nominate(who, market, candidate)
    if chance.random() < 0.5:
        scene.clock(ahead_ms=scene.state.registers.clock_ms - scene.time * 1000 + ADL_DELAY_MS)
        scene.deleverage(who)


def _message(scene: Scene, chance: random.Random, account: int, market: int, amount: int) -> None:
    name = NAMES[account - 1]
    if chance.random() < 0.5:
        scene.queue(MESSAGE_FORCE_WITHDRAW, name, account, amount)
    else:
        price = chance.choice((0, 1, MAX_PRICE_TICKS, _mark(scene, market)))
        scene.queue(MESSAGE_FORCE_CLOSE, name, account, market << 56 | price << 32 | extreme(chance, 0, (1 << 32) - 1))
    scene.consume()


def _report(scene: Scene, chance: random.Random, market: int) -> None:
    index = price_index_ticks(scene.state.prices.words, scene.state.prices.open(MarketId(market)))
    price = chance.choice((1, MAX_PRICE_TICKS, max(1, index * 9 // 10), min(MAX_PRICE_TICKS, index * 11 // 10)))
    scene.report(market, price, tuple(range(chance.choice((3, MAX_SIGNERS)))))


def _later(scene: Scene, chance: random.Random) -> None:
    scene.finish()
    scene.time = max(scene.time, scene.state.registers.clock_ms // 1000) + chance.choice(LATER)
    scene.clock()


def _mark(scene: Scene, market: int) -> int:
    return int(risk_market_mark_ticks(scene.state.risk.words, scene.state.risk.open(0), MarketId(market)))
