"""Seeded chance: order flow with every kind of record on two markets, and records with bytes changed."""

from __future__ import annotations

import random

from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_IOC, MESSAGE_FORCE_CANCEL_ALL, MESSAGE_FORCE_WITHDRAW
from tallystick.testing.scenarios.stage import Stage, frame

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


def mutate(stage: Stage, seed: int, records: int) -> None:
    """Post well-formed, signed records of every kind with a few bytes changed, added, dropped or repeated."""
    chance = random.Random(seed)
    stage.trading("alice", "bob")
    stage.finish()
    for _ in range(0, records, 10):
        chunk = stage.header()
        for i in range(10):
            chunk += frame(_mutated(_sample(stage, i), chance))
        stage.post(chunk)


def _sample(stage: Stage, number: int) -> bytes:
    clock = stage.state.registers.clock_ms
    nonce = stage.next_nonce(1)
    samples = (
        make("clock", clock_ms=clock),
        make("consume", through=1 << 40),
        stage.signed("order", "alice", account=1, nonce=nonce, price_ticks=990, lots=3000, expiry_ms=clock + 10**6),
        stage.signed("cancel", "alice", account=1, nonce=nonce, client_id=300, slot=64),
        stage.signed("withdraw", "alice", account=1, nonce=nonce, amount_units=5, recipient=1 << 159),
        stage.signed("approve_agent", "alice", account=1, nonce=nonce, slot=3, key=1 << 159, scope=3),
        stage.signed("report_price", "signer 0", round=nonce, price_ticks=1 << 20, time_ms=clock),
        stage.signed("list_market", "governance", market=nonce % 64, multiplier=7, initial_ppm=9, maintenance_ppm=9),
    )
    return encode(samples[number % len(samples)])


def _mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 5])):
        # The prefixes are at the front: half of the changes go there.
        place = chance.randrange(min(4, len(changed))) if chance.random() < 0.5 else chance.randrange(len(changed))
        dice = chance.randrange(5)
        if dice == 0:
            changed[place] ^= 1 << chance.randrange(8)
        elif dice == 1:
            changed[place] = chance.choice([0, 1, 0x7F, 0x80, 0x81, 0xB7, 0xB8, 0xB9, 0xBF, 0xC0, 0xF7, 0xF8, 0xFF])
        elif dice == 2:
            changed.insert(place, chance.randrange(256))
        elif dice == 3 and len(changed) > 1:
            del changed[place]
        else:
            changed += changed[place : place + chance.randrange(1, 60)]
    return bytes(changed)
