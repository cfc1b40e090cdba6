"""Seeded order flow: no plan, every kind of record, two markets."""

from __future__ import annotations

import random

from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_IOC, MESSAGE_FORCE_CANCEL_ALL, MESSAGE_FORCE_WITHDRAW
from tallystick.testing.scenarios.stage import Stage

NAMES = ("alice", "bob", "carol", "dave", "erin")


def play(stage: Stage, seed: int, records: int) -> None:
    """Send so many records of the flow with this seed."""
    chance = random.Random(seed)
    stage.clock()
    for market in range(2):
        stage.open_market(market, 1000, max_lots=400)
    for number, name in enumerate(NAMES, start=1):
        stage.deposit(name, number, chance.choice([10**6, 10**8]))
    for i in range(records):
        _act(stage, chance)
        if i % 25 == 24:
            stage.seal()
            stage.clock()


def _act(stage: Stage, chance: random.Random) -> None:
    dice = chance.random()
    account = chance.randint(1, len(NAMES))
    market = chance.randrange(2)
    if dice < 0.68:
        _order(stage, chance, account, market)
    elif dice < 0.82:
        _cancel(stage, chance, account)
    elif dice < 0.87:
        stage.report(market, chance.randint(900, 1100), tuple(chance.sample(range(5), chance.randint(1, 5))))
    elif dice < 0.90:
        stage.withdraw(account, chance.randint(0, 10**6))
    elif dice < 0.93:
        stage.queue(MESSAGE_FORCE_WITHDRAW, chance.choice(NAMES), account, chance.randint(0, 10**6))
    elif dice < 0.94:
        stage.queue(MESSAGE_FORCE_CANCEL_ALL, chance.choice(NAMES), account)
    elif dice < 0.97:
        stage.deposit(NAMES[account - 1], account, chance.randint(1, 10**7))
    elif dice < 0.98:
        stage.clock(ahead_ms=chance.randint(0, 999))
    else:
        _garbage(stage, chance)


def _order(stage: Stage, chance: random.Random, account: int, market: int) -> None:
    side = chance.randrange(2)
    price = 1000 + chance.randint(-12, 6) * (1 if side == 0 else -1)
    more: dict[str, int] = {"client_id": stage.state.registers.record_count}
    if chance.random() < 0.25:
        more["flags"] = FLAG_IOC
    if chance.random() < 0.15:
        more["expiry_ms"] = stage.state.registers.clock_ms + chance.randint(0, 2000)
    stage.order(account, market, side, price, chance.choice([1, 2, 5, 20, 90]), **more)


def _cancel(stage: Stage, chance: random.Random, account: int) -> None:
    rested = [values for name, values in stage.events[-400:] if name == "rested"]
    if not rested:
        return
    owner, client_id, slot = chance.choice(rested)[:3]
    stage.cancel(owner if chance.random() < 0.9 else account, client_id, slot)


def _garbage(stage: Stage, chance: random.Random) -> None:
    kind = chance.randint(0, 9)
    data = bytes([kind]) + chance.randbytes(chance.randint(0, 90))
    assert stage.send(data) is not Outcome.ACCEPTED or kind <= 2
