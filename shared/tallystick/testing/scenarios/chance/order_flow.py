"""Seeded chance: order flow with every kind of record on two markets, and records with bytes changed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tallystick.machine.market.funds import fund_of
from tallystick.records.chunks import MAX_RECORD_BYTES, Chunker
from tallystick.records.codec import Record, encode
from tallystick.records.items import pack_items, pack_slots
from tallystick.records.signing import make, sign
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_NONE,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
    FLAG_TRIGGER_ABOVE,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_WITHDRAW,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
)
from tallystick.state.ordinals import MarketId
from tallystick.testing.scenarios.orders.many_orders import cancel, place, replace
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import key, ordinary_rules, sub_account

FLAGS = (FLAG_IOC, FLAG_IOC, FLAG_NONE, FLAG_POST_ONLY, FLAG_REDUCE_ONLY, FLAG_STP_TAKER, FLAG_STP_BOTH, FLAG_MARKET)
NAMES = ("alice", "bob", "carol", "dave", "erin")


def play(scene: Scene, seed: int, records: int) -> None:
    """Send so many records of the flow with this seed."""
    chance = random.Random(seed)
    scene.clock()
    for market in range(2):
        scene.open_market(market, 1000, max_lots=400)
    for number, name in enumerate(NAMES, start=1):
        scene.deposit(name, number, chance.choice([10**6, 10**8]))
    for i in range(records):
        act(scene, chance)
        if i % 25 == 24:
            scene.seal()
            scene.clock()


def act(scene: Scene, chance: random.Random) -> None:
    """Send one record of the flow."""
    dice = chance.random()
    account = chance.randint(1, len(NAMES))
    market = chance.randrange(2)
    if dice < 0.06:
        _bulk(scene, chance, account, market)
    elif dice < 0.68:
        _order(scene, chance, account, market)
    elif dice < 0.82:
        _cancel(scene, chance, account)
    elif dice < 0.87:
        _report(scene, chance, market)
    elif dice < 0.88:
        scene.transfer(
            account,
            chance.choice([fund_of(MarketId(market)), account, sub_account(account, chance.randint(1, 2)), 1]),
            chance.randint(0, 10**5),
        )
    elif dice < 0.90:
        scene.withdraw(account, chance.randint(0, 10**6))
    elif dice < 0.93:
        scene.queue(MESSAGE_FORCE_WITHDRAW, chance.choice(NAMES), account, chance.randint(0, 10**6))
    elif dice < 0.94:
        scene.queue(MESSAGE_FORCE_CANCEL_ALL, chance.choice(NAMES), account)
    elif dice < 0.97:
        scene.deposit(NAMES[account - 1], account, chance.randint(1, 10**7))
    elif dice < 0.975:
        scene.cancel_all(account)
    elif dice < 0.98:
        scene.dead_man(account, scene.state.registers.clock_ms + chance.randint(0, 900))
    elif dice < 0.985:
        _clean(scene, chance)
    elif dice < 0.99:
        scene.clock(ahead_ms=chance.randint(0, 999))
    else:
        _garbage(scene, chance)


def _order(scene: Scene, chance: random.Random, account: int, market: int) -> None:
    side = chance.randrange(2)
    price = 1000 + chance.randint(-12, 6) * (1 if side == 0 else -1)
    more: dict[str, int] = {"client_id": scene.state.registers.record_count}
    if chance.random() < 0.15:
        _conditional(scene, chance, account, market, more)
        return
    if chance.random() < 0.4:
        more["flags"] = chance.choice(FLAGS)
    if chance.random() < 0.15:
        more["expiry_ms"] = scene.state.registers.clock_ms + chance.randint(0, 2000)
    scene.order(account, market, side, price, chance.choice([1, 2, 5, 20, 90]), **more)


def _conditional(scene: Scene, chance: random.Random, account: int, market: int, more: dict[str, int]) -> None:
    trigger = 1000 + chance.randint(-60, 60)
    flags = chance.choice((0, FLAG_MARKET, *FLAGS)) | (FLAG_TRIGGER_ABOVE if trigger > 1000 else 0)
    rested = [values for name, values in scene.events[-400:] if name in ("rested", "parked")]
    if rested and chance.random() < 0.5:
        owner, more["pair"], more["pair_slot"] = chance.choice(rested)[:3]
        account = owner if chance.random() < 0.9 else account
    price = chance.choice((0, trigger, trigger + 5, trigger - 5))
    scene.conditional(
        account, market, chance.randrange(2), price, chance.choice([1, 2, 5]), trigger, flags=flags, **more
    )


def _cancel(scene: Scene, chance: random.Random, account: int) -> None:
    rested = [values for name, values in scene.events[-400:] if name in ("rested", "parked")]
    if not rested:
        return
    owner, client_id, slot = chance.choice(rested)[:3]
    scene.cancel(owner if chance.random() < 0.9 else account, client_id, slot)


def _bulk(scene: Scene, chance: random.Random, account: int, market: int) -> None:
    mine = [values for name, values in scene.events[-400:] if name == "rested" and values[0] == account]
    items, slots = [], []
    for i in range(chance.randint(1, 6)):
        side = chance.randrange(2)
        price, lots = 1000 + chance.randint(-12, 6) * (1 if side == 0 else -1), chance.choice([0, 1, 2, 5])
        if mine and chance.random() < 0.5:
            client_id, slot = chance.choice(mine)[1:3]
            items.append(cancel(client_id) if chance.random() < 0.4 else replace(client_id, side, price, lots))
            slots.append(slot)
        else:
            flags = FLAG_IOC if chance.random() < 0.25 else 0
            items.append(place(scene.state.registers.record_count * 8 + i, side, price, lots, flags, market))
    scene.bulk(account, items, slots)


def _clean(scene: Scene, chance: random.Random) -> None:
    rested = [values[2] for name, values in scene.events[-400:] if name in ("rested", "parked")]
    scene.clean(chance.choice([*rested, 64]))


def _garbage(scene: Scene, chance: random.Random) -> None:
    kind = chance.choice([*range(23), 200])
    data = bytes([kind]) + chance.randbytes(chance.randint(0, 90))
    assert scene.send(data) is not Outcome.ACCEPTED or kind == 1


def mutate(scene: Scene, seed: int, records: int) -> None:
    """Post well-formed, signed records of every kind with a few bytes changed, added, dropped or repeated."""
    chance = random.Random(seed)
    scene.trading("alice", "bob")
    scene.finish()
    for first in range(0, records, 10):
        chunker = Chunker(scene.state.registers)
        for i in range(10):
            chunker.add(mutated(encode(sample(scene, first + i)), chance)[:MAX_RECORD_BYTES])
            chunker.end_chunk()
        scene.post(*chunker.finish())


def _report(scene: Scene, chance: random.Random, market: int) -> None:
    reporters = chance.sample(range(5), chance.randint(1, 5))
    if chance.random() < 0.5:
        scene.report(market, chance.randint(900, 1100), tuple(reporters))
    else:
        report_pairs(scene, chance, reporters)


def report_pairs(scene: Scene, chance: random.Random, signers: Sequence[int]) -> None:
    """Report several markets at once, also one that is not there, one twice, none, or parts of a pair."""
    clock = scene.state.registers.clock_ms
    markets = chance.choices((0, 1, 2, 3, 63, 64, 255), (9, 9, 4, 2, 1, 1, 1), k=chance.choice((0, 1, 2, 2, 3, 5)))
    pairs = [bytes([market]) + chance.choice((0, 990, 1000, 1010, 1300)).to_bytes(3, "big") for market in markets]
    for signer in signers:
        aged = clock + chance.choice((0, 0, 0, 1, 1_000, REPORT_AHEAD_MS, REPORT_AHEAD_MS + 1, -REPORT_AGE_MS))
        data = b"".join(pairs) + bytes(chance.choice((0, 0, 0, 0, 0, 0, 1, 3)))
        scene.send(scene.reported(data, signer, max(0, aged)))


def sample(scene: Scene, number: int) -> Record:
    """Return a well-formed record, signed by who may; another kind for each number."""
    clock = scene.state.registers.clock_ms
    nonce = scene.next_nonce(1)
    samples = (
        make("clock", clock_ms=clock),
        make("settle_account", account=1 << 30),
        scene.signed("order", "alice", account=1, nonce=nonce, price_ticks=990, lots=3000, expiry_ms=clock + 10**6),
        scene.signed("cancel", "alice", account=1, nonce=nonce, client_id=300, slot=64),
        scene.signed("withdraw", "alice", account=1, nonce=nonce, amount_units=5, recipient=1 << 159),
        scene.signed("approve_agent", "alice", account=1, nonce=nonce, slot=3, key=1 << 159, scope=3),
        scene.reported({0: 1 << 20, 1: 7}, nonce % 5, int(clock)),
        scene.signed("cancel_all", "alice", account=1, nonce=nonce),
        scene.signed("dead_man", "alice", account=1, nonce=nonce, time_ms=clock + 1),
        make("clean", pack_slots(64)),
        scene.signed(
            "list_market", "governance", market=nonce % 64, **ordinary_rules(initial_ppm=9, maintenance_ppm=9)
        ),
        scene.signed("transfer", "alice", account=1, nonce=nonce, to=sub_account(1, 3), amount_units=300),
        _signed_bulk(scene, nonce),
        scene.accepted(scene.offer(1, 0, 0, 1000, 300, nonce=nonce, expiry_ms=clock + 10**6), 2),
    )
    return samples[number % len(samples)]


def _signed_bulk(scene: Scene, nonce: int) -> Record:
    items = pack_items([place(1, 0, 990, 1), cancel(1), replace(1, 1, 1010, 2)])
    record = make("bulk", items, bytes(10), account=1, nonce=nonce, expiry_ms=1 << 60)
    return sign(record, scene.state.registers.domain, key("alice"))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with a few of them changed, added, dropped or repeated."""
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
